"""What ``flask verify`` asks of feeds and of hours from elsewhere: SQL written apart from both."""

from __future__ import annotations

from core.errors import N_
from points.proof.checks import Check

# What feeders were answered longer ago is forgotten.
ITEM_WITHOUT_AWARD = """
    SELECT awards.id AS what FROM awards LEFT JOIN feed_items
        ON feed_items.award = awards.id AND feed_items.feeder = awards.source_id
        AND feed_items.units = awards.units AND feed_items.amount = awards.amount
    WHERE awards.source_kind = 'feed' AND feed_items.award IS NULL
        AND awards.created_at >= :kept_since
    UNION ALL SELECT feed_items.award FROM feed_items
        LEFT JOIN awards ON awards.id = feed_items.award AND awards.source_kind = 'feed'
    WHERE feed_items.state = 'recorded' AND awards.id IS NULL"""

# Hours that were taken back whole are in nobody's way.
HOURS_TWICE = """
    SELECT later.award AS what FROM imported_hours AS earlier JOIN imported_hours AS later
        ON later.resident = earlier.resident AND later.starts_at < earlier.ends_at
        AND (later.starts_at > earlier.starts_at
            OR (later.starts_at = earlier.starts_at AND later.award > earlier.award))
        JOIN awards AS one ON one.id = earlier.award AND one.state <> 'void'
        JOIN awards AS other ON other.id = later.award AND other.state <> 'void'
    WHERE NOT EXISTS (SELECT 1 FROM adjustments WHERE adjustments.state = 'posted'
        AND ((adjustments.original = one.id AND -adjustments.amount >= one.amount)
            OR (adjustments.original = other.id AND -adjustments.amount >= other.amount)))
    UNION ALL SELECT imported_hours.award FROM imported_hours LEFT JOIN awards
        ON awards.id = imported_hours.award AND awards.holder_id = imported_hours.resident
        AND awards.source_kind IN ('feed', 'import')
    WHERE awards.id IS NULL
    UNION ALL SELECT awards.id FROM awards
        LEFT JOIN imported_hours ON imported_hours.award = awards.id
    WHERE awards.source_kind = 'import' AND imported_hours.award IS NULL"""

FEEDING: tuple[Check, ...] = (
    Check(
        "feeds",
        "items of feeders and the awards that they gave do not match",
        ITEM_WITHOUT_AWARD,
        table="awards",
        title=N_("接入方的每一条都对得上"),
        changed="night",
    ),
    Check(
        "hours elsewhere",
        "imported hours overlap, or have no award",
        HOURS_TWICE,
        table="awards",
        title=N_("导入的时长没有重叠"),
        changed="night",
    ),
)
