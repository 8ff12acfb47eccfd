"""Public lists to test with: November's awards of 王秀英 and her husband, posted in December."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from flask import Flask
from sqlalchemy import Connection

from points.bulletins import lists
from points.bulletins.publish import BulletinPosted, PostBulletin, post_bulletin
from points.earning.awards import Awarded, award
from points.settlement import settle_due
from tests.conftest import Clock
from tests.people import HERE, People
from tests.points.books import one
from tests.points.earning import CORRIDOR, JOIN, serving

Run = Callable[..., Any]
NOVEMBER = dt.date(2026, 11, 1)
DAY_OF_NOVEMBER = dt.datetime(2026, 11, 24, 2, tzinfo=dt.UTC)


def give(run: Run, cast: People, cause: str, **changes: Any) -> Awarded:
    """Give an award in November, by default two half hours of service to 王秀英."""
    given = {"holder_id": one(cast.wang.resident), "event_at": DAY_OF_NOVEMBER} | changes
    made: Awarded = run(award, serving(cause, **given), cast.actor(cast.staff))
    return made


def november(app: Flask, run: Run, cast: People, clock: Clock) -> None:
    """Let November happen, and go to the fifth of December, ten in the morning."""
    clock.set(DAY_OF_NOVEMBER)
    give(run, cast, "a")
    give(run, cast, "b")
    give(run, cast, "c", rule=JOIN, units=1)
    give(run, cast, "d", holder_id=one(cast.li.resident), units=1)
    give(
        run,
        cast,
        "e",
        rule=CORRIDOR,
        units=1,
        holder_kind="household",
        holder_id=one(cast.wang.household),
        reason="楼道不堆物",
    )
    settle(app, clock)
    clock.set(dt.datetime(2026, 12, 5, 2, tzinfo=dt.UTC))


def settle(app: Flask, clock: Clock) -> None:
    """Let a night pass."""
    clock.advance(days=1)
    with app.app_context():
        settle_due()


def post(run: Run, month: dt.date = NOVEMBER, community: int = HERE) -> BulletinPosted:
    """Post a month's list as the scheduler does."""
    made: BulletinPosted = run(post_bulletin, PostBulletin(community=community, month=month))
    return made


def shown(
    connection: Connection, month: dt.date = NOVEMBER, community: int = HERE
) -> list[tuple[str, str, int, int]]:
    """Return a list's lines: whose, for what, how often, points."""
    posted = lists.list_of(connection, community, month)
    return [
        (line.name, line.what, line.times, line.amount) for line in lists.lines(connection, posted)
    ]
