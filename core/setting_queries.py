"""What the settings are at a place: the value in force, whose it is, since when, and by whom."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from core.models import SettingValue
from core.settings import DISTRICT, IN_FORCE, NOTHING, REGISTRY, Setting, Value

if TYPE_CHECKING:
    from sqlalchemy import Connection

INITIAL = "exchange.rate."
"""Values that are read once, when a district is loaded: rates are changed on their own page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A value that was set, and by whom; None: nothing of one's own any more."""

    value: Value | None
    since: dt.datetime
    by: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingLine:
    """A setting at a place: what the district gave it, and what the community did."""

    setting: Setting
    district: Given | None
    own: Given | None

    @property
    def of_district(self) -> Value:
        """The district's value, or the default that it never changed."""
        has = self.district is not None and self.district.value is not None
        return self.district.value if has else self.setting.default  # type: ignore[union-attr,return-value]

    @property
    def is_own(self) -> bool:
        """Whether the community has a value of its own."""
        return self.own is not None and self.own.value is not None

    @property
    def value(self) -> Value:
        """The value in force."""
        return self.own.value if self.is_own else self.of_district  # type: ignore[union-attr,return-value]


def lines(connection: Connection, now: dt.datetime, community: int = DISTRICT) -> list[SettingLine]:
    """Return the settings that code obeys; of a community those that it may set itself.

    Read past the cache: whoever has just saved something sees it.
    """
    rows = connection.execute(
        select(SettingValue.__table__)
        .where(SettingValue.place.in_({DISTRICT, community}), SettingValue.valid_from <= now)
        .order_by(SettingValue.valid_from),
    )
    given = {(row.key, row.place): row for row in rows}

    def of(key: str, place: int) -> Given | None:
        row = given.get((key, place))
        if row is None:
            return None
        value = None if row.value == NOTHING else REGISTRY[key].parse(row.value)
        return Given(value=value, since=row.valid_from, by=row.set_by)

    return [
        SettingLine(
            setting=setting,
            district=of(key, DISTRICT),
            own=of(key, community) if community else None,
        )
        for key, setting in REGISTRY.items()
        if key in IN_FORCE
        and not key.startswith(INITIAL)
        and (not community or setting.scope == "community")
    ]


def typed(value: Value) -> str:
    """Return a value as people type it into a form."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return f"{value:%H:%M}" if isinstance(value, dt.time) else str(value)
