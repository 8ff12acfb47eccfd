"""The district's item templates and first discount rates, checked as they are loaded."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from sqlalchemy.dialects import postgresql, sqlite

from core import settings
from core.defaults import CENTIPOINTS, number, put, refuse_unless, rows
from core.errors import N_
from core.ids import NIL
from exchange.models import DiscountRate, ItemTemplate

if TYPE_CHECKING:
    from core.work import Work

FILE = "items.csv"
PRICE_POINTS_MAX = 100
BASIS_POINTS = 100
FIRST_DAY = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
"""The seeded rates hold from always, so that a history that is told later has one, too."""


def load_items(work: Work, _event: object) -> None:
    """Load the item templates; raises DefaultsBroken and names the row."""
    found = rows(FILE)
    for row in found:
        price = int(row["price_points"])
        refuse_unless(1 <= price <= PRICE_POINTS_MAX, FILE, row["key"], N_("标价应在 1 到 100 分"))
    put(work, ItemTemplate, [_record(index, row) for index, row in enumerate(found)])


def seed_rates(work: Work, _event: object) -> None:
    """Give the scopes same-subdistrict and district their first rows, from the settings."""
    insert = sqlite.insert if work.is_sqlite else postgresql.insert
    percents = {
        "same_subdistrict": "exchange.rate.same_subdistrict",
        "district": "exchange.rate.default",
    }
    for scope, key in percents.items():
        work.connection.execute(
            insert(DiscountRate)
            .values(
                id=work.new_id(),
                scope=scope,
                home=0,
                host=0,
                rate=settings.integer(work.connection, key, work.now) * BASIS_POINTS,
                valid_from=FIRST_DAY,
                document=N_("区级初始折算率"),
                proposed_by=NIL,
                confirmed_by=None,
                created_at=work.now,
            )
            .on_conflict_do_nothing(index_elements=["scope", "home", "host", "valid_from"]),
        )


def _record(position: int, row: dict[str, str]) -> dict[str, object]:
    return {
        "key": row["key"],
        "name": row["name"],
        "category": row["category"],
        "price": int(row["price_points"]) * CENTIPOINTS,
        "stock_default": number(row["stock_default"]),
        "shelf_life_days": number(row["shelf_life_days"]),
        "source": row["source"],
        "limit_per_household_month": number(row["limit_per_household_month"]),
        "home_first_days": int(row["home_first_days"]),
        "foreign_share_percent": int(row["foreign_share_percent"]),
        "note": row["note"],
        "position": position,
    }
