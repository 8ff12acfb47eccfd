"""A day at the desk: an activity of the community, people at it, a station with goods."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from activities.entries import EnterByHand, enter_by_hand
from activities.publish import PartOffered, PublishActivity, publish_activity
from exchange.stations import AddItem, OpenStation, add_item, open_station
from exchange.stock import ReceiveStock, receive_stock
from tests.exchange.scene import POINT, Gift
from tests.exchange.scene import give as give_points
from tests.people import HERE, People, Someone

Run = Callable[..., Any]
NINE = dt.datetime(2026, 11, 24, 1, 0, tzinfo=dt.UTC)
"""Nine in the morning in Hangzhou, an hour before the tests' clock begins."""


def words(answer: Any) -> str:
    """What a page says, without its marks."""
    page: str = answer.get_data(as_text=True)
    return re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", page.partition("<main")[2] or page))


def publish(
    run: Run, cast: People, *, hours: int = 3, start: dt.datetime = NINE, places: int = 5
) -> UUID:
    """Publish a fair here, open to everybody, when it starts at the latest; return its session."""
    command = PublishActivity(
        key=f"fair:{start}",
        community=HERE,
        template="service_fair",
        title="便民集市",
        kind="公益集市",
        scene="自治",
        summary="理发、磨刀、修小家电。",
        bring="",
        place="文化家园一楼",
        open_to="district",
        sessions=((start, start + dt.timedelta(hours=hours)),),
        parts=(
            PartOffered(part="take_part", places=None, rule="join.activity"),
            PartOffered(part="serve", places=places, rule="serve.hour"),
        ),
    )
    clock = cast.app.extensions["linli"].clock
    now = clock.now
    clock.set(min(now, start))
    session: UUID = run(publish_activity, command, cast.actor(cast.staff)).sessions[0]
    clock.set(now)
    return session


def serve(run: Run, cast: People, session: UUID, who: Someone, hours: float = 1) -> None:
    """Let staff enter that somebody served from nine."""
    command = EnterByHand(
        session=session,
        resident=resident_of(who),
        part="serve",
        entry=NINE,
        exit=NINE + dt.timedelta(hours=hours),
        reason="没带手机",
    )
    run(enter_by_hand, command, cast.actor(cast.staff))


def resident_of(who: Someone) -> UUID:
    """Return the resident's id."""
    assert who.resident is not None
    return who.resident


def open_shop(run: Run, cast: People, stock: int = 10) -> UUID:
    """Open the station here with one kind of soap for ten points."""
    clerk = cast.actor(cast.staff)
    station = OpenStation(community=HERE, name="积分驿站", address="一楼", hours="9:00–17:00")
    run(open_station, station, clerk)
    item: UUID = run(
        add_item,
        AddItem(
            community=HERE, name="肥皂", price=1000, home_first_days=0, foreign_share_percent=100
        ),
        clerk,
    ).id
    run(receive_stock, ReceiveStock(key="first", item=item, quantity=stock), clerk)
    return item


def give(run: Run, who: Someone, points: int) -> None:
    """Give somebody service points that have arrived."""
    gift = Gift(
        resident=resident_of(who),
        community=who.community,
        amount=points * POINT,
        cause=f"{who.name}:{points}",
    )
    run(give_points, gift)
