"""What ``flask verify`` asks of rates: two who were admins then proposed and confirmed each."""

from __future__ import annotations

from core.acts import SYSTEM
from core.errors import N_
from points.proof.checks import Check
from points.proof.verify_audited import unaudited
from points.proof.verify_roles import without_role

RATE_BY_ONE = """
    SELECT id AS what FROM discount_rates WHERE confirmed_by = proposed_by
    UNION ALL SELECT id FROM rate_proposals
    WHERE state = 'confirmed' AND decided_by = proposed_by"""

# Only the two that the defaults seeded, from always, were proposed by nobody.
RATE_WITHOUT_PROPOSAL = f"""
    SELECT discount_rates.id AS what FROM discount_rates
        LEFT JOIN rate_proposals AS said ON said.id = discount_rates.id
            AND said.state = 'confirmed' AND said.withdraws IS NULL
            AND said.proposed_by = discount_rates.proposed_by
            AND said.decided_by = discount_rates.confirmed_by
            AND said.scope = discount_rates.scope AND said.home = discount_rates.home
            AND said.host = discount_rates.host AND said.valid_from = discount_rates.valid_from
            AND coalesce(said.rate, 0) = coalesce(discount_rates.rate, 0)
    WHERE said.id IS NULL AND NOT (discount_rates.confirmed_by IS NULL
        AND discount_rates.proposed_by = '{SYSTEM.person.hex}'
        AND discount_rates.scope IN ('same_subdistrict', 'district')
        AND discount_rates.home = 0 AND discount_rates.host = 0
        AND hangzhou_day(discount_rates.valid_from) = '2000-01-01')"""  # noqa: S608 - ours


def _admin(moment: str) -> str:
    """Return what an admin's grant is; one that was renewed has lost who confirmed it before."""
    return f"""grants.role = 'district_admin' AND (grants.confirmed_by IS NOT NULL
        OR rate_proposals.{moment} < :kept_since OR EXISTS (SELECT 1 FROM audit_events
            WHERE audit_events.use_case = 'confirm_grant' AND audit_events.at
                BETWEEN grants.created_at AND rate_proposals.{moment}))"""  # noqa: S608 - ours


PROPOSED_OR_DECIDED = (("proposed_at", "proposed_by"), ("decided_at", "decided_by"))

RATE_WITHOUT_ADMINS = " UNION ALL ".join(
    without_role("rate_proposals", moment, person, _admin(moment))
    for moment, person in PROPOSED_OR_DECIDED
)

RATES: tuple[Check, ...] = (
    Check(
        "rates",
        "rates were proposed and confirmed by one person",
        RATE_BY_ONE,
        table="discount_rates",
        title=N_("折算率的提出和复核不是同一个人"),
        changed="whole",
    ),
    Check(
        "proposed rates",
        "rates hold that nobody proposed, or otherwise than they were confirmed",
        RATE_WITHOUT_PROPOSAL,
        table="discount_rates",
        title=N_("每条折算率都是两人定下的那一条"),
        changed="whole",
    ),
    Check(
        "admins of the time",
        "rates were proposed or decided by somebody who was no district admin at that time",
        RATE_WITHOUT_ADMINS,
        table="rate_proposals",
        title=N_("提出和复核折算率的人，当时是区级管理员"),
        changed="night",
    ),
    Check(
        "audited rates",
        "rates were proposed or decided by nobody who ran a use case then",
        " UNION ALL ".join(
            unaudited("rate_proposals", moment, person) for moment, person in PROPOSED_OR_DECIDED
        ),
        table="rate_proposals",
        title=N_("折算率的提出和复核都有办理记录"),
        changed="night",
    ),
)
