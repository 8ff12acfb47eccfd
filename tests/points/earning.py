"""Awards to test with: the catalogue's rules, given to residents of two communities."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from core.work import Work
from points.accounts import FACE_ONE, open_books
from points.earning.awards import Award, Awarded, award
from points.earning.rules import Rule
from tests.points.books import (
    HERE,
    MORNING,
    NEIGHBOUR,
    RESIDENT,
    THERE,
    Nothing,
    open_household,
    open_resident,
)

Run = Callable[..., Any]
HOUSEHOLD = UUID(int=70)
HOUR = Rule(
    key="serve.hour",
    name="志愿服务",
    points_kind="service",
    unit="半小时",
    amount=500,
    cap_per_day=8,
    cap_per_month=80,
    cap_per_year=480,
    holder="resident",
    recorded_by="自助扫码|社工",
    provenance="verified",
    note="",
)
JOIN = Rule(
    key="join.activity",
    name="参加活动",
    points_kind="basic",
    unit="次",
    amount=100,
    cap_per_day=2,
    cap_per_month=10,
    cap_per_year=60,
    holder="resident",
    recorded_by="自助扫码|社工",
    provenance="verified",
    note="",
)
CORRIDOR = Rule(
    key="covenant.corridor",
    name="楼道不堆物",
    points_kind="basic",
    unit="户月",
    amount=500,
    cap_per_day=None,
    cap_per_month=1,
    cap_per_year=12,
    holder="household",
    recorded_by="楼道长|网格员",
    provenance="recorded",
    note="",
)


def holders(work: Work, _command: object = None) -> Nothing:
    """Open two residents and a household here, and both communities' books."""
    open_resident(work, RESIDENT, HERE)
    open_resident(work, NEIGHBOUR, HERE)
    open_household(work, HOUSEHOLD, HERE)
    open_books(work, HERE, THERE)
    return Nothing()


def serving(cause: str, **changes: Any) -> Award:
    """An hour of service by the resident here."""
    given: dict[str, Any] = {
        "cause": cause,
        "holder_kind": "resident",
        "holder_id": RESIDENT,
        "community": HERE,
        "bearing": HERE,
        "rule": HOUR,
        "units": 2,
        "amount_per_unit": changes.get("rule", HOUR).amount,
        "provenance": "verified",
        "reason": "便民集市，来帮忙1 小时",
        "source_kind": "act",
        "source_id": UUID(int=900),
        "event_at": MORNING,
        "face_home": FACE_ONE,
        "face_bearing": FACE_ONE,
    }
    return Award(**(given | changes))


def many(work: Work, commands: Sequence[Award]) -> Nothing:
    """Give several awards in one transaction."""
    for command in commands:
        award(work, command)
    return Nothing()


def give(run: Run, cause: str, **changes: Any) -> Awarded:
    """Give one award."""
    made: Awarded = run(award, serving(cause, **changes))
    return made


def days_later(days: int) -> dt.datetime:
    """The same morning, later."""
    return MORNING + dt.timedelta(days=days)


def count(connection: Connection, table: str, where: str = "1 = 1") -> int:
    """Count rows."""
    found = connection.execute(text(f"SELECT count(*) FROM {table} WHERE {where}"))  # noqa: S608
    return int(found.scalar_one())
