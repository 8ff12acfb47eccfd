"""志愿浙江: hours served elsewhere, sent week by week, and once brought as a file."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from hashlib import sha256
from uuid import UUID

from sqlalchemy import select

from admin.demo.settling import admins
from admin.demo.town import HOME, NEIGHBOUR, Builder, moment
from core.acts import Actor
from core.work import business_day, reading
from points.feeds.batches import note_batch, note_of
from points.feeds.feeders import (
    ChangeFeeder,
    MakeFeeder,
    acting,
    confirm_feeder,
    make_feeder,
)
from points.feeds.files import FeedFile, FileRow, import_file
from points.feeds.items import Item, RecordItems, record_items
from points.feeds.meant import Meant
from points.models import Feeder

PLATFORM = "志愿浙江"
CONNECTED, CONFIRMED = 40, 39
"""So many days ago one admin let it in, and the other agreed."""

SENT = (27, 20, 13, 6)
BROUGHT = 2
SERVED = 5
"""So many of each of the two communities served in a week."""


def plan_feeds(builder: Builder, awake: dt.datetime) -> None:
    """Put on the agenda that the platform is let in, what it sends, and what is brought for it."""
    first, second = admins()
    made: list[UUID] = []
    # Of its own, so that the days go on as they would without it.
    dice = random.Random(PLATFORM)

    def let_in() -> None:
        command = MakeFeeder(
            key="demo:feeder",
            name=PLATFORM,
            kind="platform",
            scope_kind="district",
            place=0,
            rules=("serve.import",),
        )
        made.append(builder.do(make_feeder, command, first).id)

    def agree() -> None:
        builder.do(confirm_feeder, ChangeFeeder(feeder=made[0]), second)

    def send() -> None:
        _send(builder, made[0], tuple(_served(builder, dice)))

    def bring() -> None:
        _bring(builder, made[0], second, tuple(_served(builder, dice)))

    for days, deed in ((CONNECTED, let_in), (CONFIRMED, agree), (BROUGHT, bring)):
        builder.plan(awake - dt.timedelta(days=days), deed)
    for days in SENT:
        builder.plan(awake - dt.timedelta(days=days), send)


def _served(builder: Builder, dice: random.Random) -> Iterator[Item]:
    """Yield two hours of yesterday morning by some of each of the two communities.

    Nobody was at a session here so early: what was scanned would count in their stead.
    """
    day = business_day(builder.now) - dt.timedelta(days=1)
    for code in (HOME, NEIGHBOUR):
        grown = [each for each in builder.towns[code].citizens if each.phone and not each.is_child]
        for who in dice.sample(grown, SERVED):
            yield Item(
                key=f"{day:%Y%m%d}-{who.phone}",
                rule="serve.import",
                holder=Meant(name=who.name, phone=who.phone),
                at=moment(day, 6),
                until=moment(day, 8),
            )


def _send(builder: Builder, feeder: UUID, items: tuple[Item, ...]) -> None:
    """Let the platform send a batch, as its signed request would."""
    with reading() as connection:
        row = connection.execute(select(Feeder.__table__).where(Feeder.id == feeder)).one()
    platform = acting(row)
    done = builder.do(record_items, RecordItems(feeder=feeder, items=items), platform)
    note = note_of(feeder, _digest(items), [each.state for each in done.items])
    builder.do(note_batch, note, platform)


def _digest(items: tuple[Item, ...]) -> str:
    return sha256(items[0].key.encode()).hexdigest()


def _bring(builder: Builder, feeder: UUID, admin: Actor, items: tuple[Item, ...]) -> None:
    """Let an admin bring a file of it, in which one row names nobody who lives here."""
    stranger = Item(
        key="stranger",
        rule="serve.import",
        holder=Meant(name="何处来", phone="19200009999"),
        at=items[0].at,
        until=items[0].until,
    )
    rows = [
        FileRow(number=number, key=item.key, item=item)
        for number, item in enumerate((*items, stranger), start=2)
    ]
    file = FeedFile(
        feeder=feeder,
        name=f"志愿浙江补录 {business_day(builder.now):%m-%d}.csv",
        digest=_digest(items),
        total=len(rows),
    )
    import_file(admin, file, rows)
    builder.calls += 1
