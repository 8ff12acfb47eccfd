"""Settings by place: a registry typed from ``data/defaults/settings.csv``, values as dated rows."""

from __future__ import annotations

import csv
import datetime as dt
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from flask_babel import gettext as _
from sqlalchemy import select

from core import audit
from core.config import ROOT
from core.errors import N_, NotFound, Rejected
from core.models import SettingValue
from core.work import runtime

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.work import Work

SettingType = Literal["int", "percent", "bool", "time", "choice"]
Value = int | bool | str | dt.time
DISTRICT = 0
NOTHING = ""
"""A row with this value ends the one before: the district's value holds again, or the default."""

CACHE_SECONDS = 10.0

IN_FORCE = frozenset(
    {
        "exchange.join",
        "exchange.rate.same_subdistrict",
        "exchange.rate.default",
        "exchange.round",
        "exchange.difference",
        "exchange.quote_minutes",
        "exchange.notice_days",
        "exchange.face_value",
        "quota.order_points",
        "quota.resident_month_points",
        "quota.foreign_share",
        "quota.home_first_days",
        "points.settle_at",
        "points.expiry.service",
        "points.expiry.first_notice_days",
        "points.expiry.last_notice_days",
        "points.deceased_months",
        "points.fixed_at_once",
        "points.hour_grace_minutes",
        "points.missing_exit_percent",
        "points.deductions",
        "redeem.known_face_points",
        "redeem.lead_points",
        "redeem.gate_basic_points",
        "redeem.pickup_days",
        "redeem.verify",
        "redeem.low_stock_percent",
        "checkin.step_seconds",
        "checkin.open_before_minutes",
        "checkin.by_hand_percent",
        "correction.answer_days",
        "resident.sign_in_days",
        "bulletin.day",
        "bulletin.objection_days",
        "notify.quiet_from",
        "notify.quiet_to",
    },
)
"""The settings that code obeys; the others are loaded and typed, and shown nowhere."""


class SettingUnknown(NotFound):
    """No setting has this key, or no code obeys it yet."""

    text = N_("没有这项设置。请从设置页里选一项。")


class SettingOutOfRange(Rejected):
    """The value is not of the setting's type or lies outside its range."""

    text = N_("这个值不在允许的范围内：{range}。请改一改再保存。")


class SettingNotForCommunities(Rejected):
    """Only the district may set this one."""

    text = N_("这项设置由区里统一定。需要调整的话，请向区级管理员提出。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One row of the registry."""

    key: str
    scope: Literal["district", "community"]
    type: SettingType
    default: Value
    minimum: Value | None
    maximum: Value | None
    choices: dict[str, str] = field(default_factory=dict)
    name: str
    explanation: str

    def parse(self, raw: str) -> Value:
        """Read a value as people type it; raises SettingOutOfRange."""
        try:
            value = _typed(self.type, raw.strip())
        except ValueError:
            raise SettingOutOfRange(range=self.range) from None
        if self.type == "choice" and value not in self.choices:
            raise SettingOutOfRange(range=self.range)
        low, high = self.minimum, self.maximum
        if low is not None and high is not None and not _between(low, value, high):
            raise SettingOutOfRange(range=self.range)
        return value

    @property
    def range(self) -> str:
        """The allowed values in Chinese."""
        if self.type == "choice":
            return "、".join(self.choices.values())
        if self.type == "bool":
            return _("开或关")
        least, most = _shown(self.minimum), _shown(self.maximum)
        return _("%(least)s 到 %(most)s", least=least, most=most)


def _shown(value: Value | None) -> str:
    return f"{value:%H:%M}" if isinstance(value, dt.time) else str(value)


def _between(low: Value, value: Value, high: Value) -> bool:
    if isinstance(low, dt.time) and isinstance(value, dt.time) and isinstance(high, dt.time):
        return low <= value <= high
    return (
        isinstance(low, int)
        and isinstance(value, int)
        and isinstance(high, int)
        and (low <= value <= high)
    )


def _typed(kind: SettingType, raw: str) -> Value:
    if kind in {"int", "percent"}:
        return int(raw)
    if kind == "bool":
        if raw not in {"0", "1"}:
            raise ValueError(raw)
        return raw == "1"
    if kind == "time":
        value = dt.time.fromisoformat(raw)
        if value.tzinfo is not None:
            raise ValueError(raw)
        return value
    return raw


def _row(row: dict[str, str]) -> Setting:
    kind: SettingType = row["type"]  # type: ignore[assignment]
    choices = dict(pair.split("=", 1) for pair in row["choices"].split("|") if pair)
    setting = Setting(
        key=row["key"],
        scope=row["scope"],  # type: ignore[arg-type]
        type=kind,
        default=_typed(kind, row["default"]),
        minimum=_typed(kind, row["min"]) if row["min"] else None,
        maximum=_typed(kind, row["max"]) if row["max"] else None,
        choices=choices,
        name=row["chinese_name"],
        explanation=row["explanation"],
    )
    setting.parse(row["default"])
    return setting


def _load() -> dict[str, Setting]:
    file = ROOT / "data" / "defaults" / "settings.csv"
    with file.open(encoding="utf-8", newline="") as lines:
        rows = [_row(row) for row in csv.DictReader(lines)]
    return {row.key: row for row in rows}


REGISTRY = _load()


@dataclass(slots=True)
class _Cache:
    """Every stored value, read again after ten seconds; a setting is no secret and no balance."""

    read_at: float = float("-inf")
    rows: dict[tuple[str, int], list[tuple[dt.datetime, str]]] = field(default_factory=dict)


def forget() -> None:
    """Read the stored values again at the next question."""
    runtime().settings = None


def _rows(connection: Connection) -> dict[tuple[str, int], list[tuple[dt.datetime, str]]]:
    current = runtime()
    cache = current.settings
    if not isinstance(cache, _Cache) or time.monotonic() - cache.read_at > CACHE_SECONDS:
        cache = _Cache(read_at=time.monotonic())
        query = select(SettingValue).order_by(SettingValue.valid_from.desc())
        for row in connection.execute(query.with_only_columns(*SettingValue.__table__.columns)):
            cache.rows.setdefault((row.key, row.place), []).append((row.valid_from, row.value))
        current.settings = cache
    return cache.rows


def _value(connection: Connection, key: str, now: dt.datetime, community: int) -> Value:
    setting = REGISTRY[key]
    rows = _rows(connection)
    places = (community, DISTRICT) if setting.scope == "community" and community else (DISTRICT,)
    for place in places:
        for valid_from, raw in rows.get((key, place), ()):
            if valid_from <= now:
                if raw == NOTHING:
                    break
                return _typed(setting.type, raw)
    return setting.default


def integer(connection: Connection, key: str, now: dt.datetime, community: int = DISTRICT) -> int:
    """Return the value in force of an int or percent setting."""
    value = _value(connection, key, now, community)
    assert isinstance(value, int), key  # noqa: S101 - a wrong key is a bug, found at once
    return value


def flag(connection: Connection, key: str, now: dt.datetime, community: int = DISTRICT) -> bool:
    """Return the value in force of a bool setting."""
    return bool(_value(connection, key, now, community))


def choice(connection: Connection, key: str, now: dt.datetime, community: int = DISTRICT) -> str:
    """Return the value in force of a choice setting."""
    return str(_value(connection, key, now, community))


def time_of(connection: Connection, key: str, now: dt.datetime) -> dt.time:
    """Return the value in force of a time setting, Shanghai time."""
    value = _value(connection, key, now, DISTRICT)
    assert isinstance(value, dt.time), key  # noqa: S101 - a wrong key is a bug, found at once
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSetting:
    """A new value of a setting at a place (0: the district), from now on.

    None: the place has no value of its own any more.
    """

    key: str
    setting: str
    place: int
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingSet:
    """What holds from now on."""

    setting: str
    place: int
    value: str | None


def set_setting(work: Work, command: SetSetting) -> SettingSet:
    """Add a row that holds from now on; the same value again changes nothing.

    A repeat answers as the first did, whatever somebody else has set since.

    Raises SettingUnknown, SettingNotForCommunities, SettingOutOfRange, Forbidden, NotInYourScope.
    """
    setting = REGISTRY.get(command.setting)
    if setting is None or command.setting not in IN_FORCE:
        raise SettingUnknown
    if command.place == DISTRICT:
        work.actor.require("setting.district")
    elif setting.scope == "district":
        raise SettingNotForCommunities
    else:
        work.actor.require("setting.community", command.place)
    raw = NOTHING if command.value is None else command.value.strip()
    if command.value is not None:
        setting.parse(raw)
    result = SettingSet(
        setting=command.setting,
        place=command.place,
        value=None if command.value is None else raw,
    )
    if audit.came_before(work, "set_setting", command.key):
        work.replayed()
        return result
    # Read past the cache: another process may have set something else a second ago.
    held = work.connection.scalar(
        select(SettingValue.value)
        .where(
            SettingValue.key == command.setting,
            SettingValue.place == command.place,
            SettingValue.valid_from <= work.now,
        )
        .order_by(SettingValue.valid_from.desc())
        .limit(1),
    )
    if _same(setting, held, raw):
        return result
    work.session.add(
        SettingValue(
            key=command.setting,
            place=command.place,
            valid_from=work.now,
            value=raw,
            set_by=work.actor.person,
        ),
    )
    work.after_commit.append(forget)
    return result


def _same(setting: Setting, held: str | None, raw: str) -> bool:
    """Whether a place has this already, however it was typed; nothing set is nothing of its own."""
    if NOTHING in {held or NOTHING, raw}:
        return (held or NOTHING) == raw
    return held is not None and _typed(setting.type, held) == _typed(setting.type, raw)
