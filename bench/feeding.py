"""A feed's items through ``record_items`` beside the same statements sent by bare psycopg."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Any
from uuid import UUID

from sqlalchemy import event, select

from bench.harness import LARGE, ROUNDS, Comparison
from bench.people import enter
from bench.stage import Stage
from core.acts import Actor
from core.db import db
from core.work import present, reading, transact
from points.feeds.feeders import ChangeFeeder, MakeFeeder, confirm_feeder, make_feeder
from points.feeds.items import CHUNK, Item, RecordItems, record_items
from points.feeds.meant import Meant
from residents.models import Resident

COMMUNITIES = 20
RULE = "waste.device"
HOMES = 50_000
"""The most households; of more items each of them has several."""

EARLIER = 2_000
"""Items that the feed brought before: it is in use, and the server knows its tables' sizes."""

WRITTEN = {"rule_usage": "holder_id, rule, period", "awards": "id", "feed_items": "feeder, key"}
"""The tables that an item is written to, with what tells their rows apart."""

OPENED = (
    "INSERT INTO community_rules (community, rule, valid_from, revision, points, cap_per_day,"
    " cap_per_month, cap_per_year, recorded_by, outside_band, set_by, set_at)"
    f" SELECT code, '{RULE}', CURRENT_DATE - 10, 1, 100, 50, 1000, 10000, '设备', false,"
    " gen_random_uuid(), now() FROM communities"
)


def admin(number: int) -> Actor:
    """Return one of the district's admins."""
    return Actor(
        person=UUID(int=number), role="district_admin", scope_kind="district", place=330102
    )


class Feed:
    """The same items for both sides: a bag of each household, as the bins saw them."""

    def __init__(self, stage: Stage, size: int) -> None:
        self.stage, self.size = stage, size
        places = stage.communities()[COMMUNITIES : 2 * COMMUNITIES]
        enter(stage, places, min(size + EARLIER, HOMES), first=COMMUNITIES)
        with stage.connect() as connection:
            connection.execute(OPENED.encode())
        command = MakeFeeder(
            key="bench",
            name="智能垃圾房",
            kind="city",
            scope_kind="district",
            place=0,
            rules=(RULE,),
        )
        with stage.app.app_context():
            self.feeder = transact(make_feeder, command, admin(1)).id
            transact(confirm_feeder, ChangeFeeder(feeder=self.feeder), admin(2))
            chunks = self._chunks(places, present())
        self.chunks = chunks[: EARLIER // CHUNK]
        self.record()
        stage.keep("feed")
        self.chunks = chunks[EARLIER // CHUNK :]
        self.sent: list[tuple[str, Any]] = []
        self._save()

    def _chunks(self, places: Sequence[int], now: dt.datetime) -> list[RecordItems]:
        living = select(Resident.household).where(Resident.community.in_(places))
        with reading() as connection:
            homes = connection.scalars(living.order_by(Resident.id)).all()
        items = [
            Item(key=f"bag-{number}", rule=RULE, holder=Meant(id=home), at=now)
            for number, home in zip(range(EARLIER + self.size), cycle(homes))
        ]
        return [
            RecordItems(feeder=self.feeder, items=tuple(items[start : start + CHUNK]))
            for start in range(0, len(items), CHUNK)
        ]

    def _save(self) -> None:
        """Put by what the application sends and writes: the floors send and write it again."""
        with self.stage.app.app_context():
            engine = db.engine
        with self.stage.connect() as connection:
            for table in WRITTEN:
                connection.execute(f"CREATE TABLE earlier_{table} AS TABLE {table}".encode())
        event.listen(engine, "before_cursor_execute", self._hear)
        event.listen(engine, "commit", self._hear_commit)
        self.record()
        event.remove(engine, "before_cursor_execute", self._hear)
        event.remove(engine, "commit", self._hear_commit)
        with self.stage.connect() as connection:
            for table, key in WRITTEN.items():
                for statement in (
                    f"CREATE TABLE bench_{table} AS TABLE {table} EXCEPT TABLE earlier_{table}",
                    f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM bench_{table})",
                    f"DROP TABLE earlier_{table}",
                ):
                    connection.execute(statement.encode())
        self.stage.keep("fed")

    def _hear(self, *heard: Any) -> None:
        _connection, _cursor, statement, values, _context, _many = heard
        self.sent.append((statement, values))

    def _hear_commit(self, _connection: object) -> None:
        self.sent.append(("COMMIT", None))

    def ours(self) -> float:
        """Record the items as the endpoint does, chunk by chunk."""
        self.stage.reset("feed")
        return self.record()

    def record(self) -> float:
        """Record them in the present database; items per second."""
        actor = Actor(person=self.feeder, role="feeder", scope_kind="district", place=330102)
        with self.stage.app.app_context():
            begun = time.monotonic()
            done = [transact(record_items, chunk, actor) for chunk in self.chunks]
            seconds = time.monotonic() - begun
        states = {item.state for each in done for item in each.items}
        assert states == {"recorded"}, states
        return sum(len(chunk.items) for chunk in self.chunks) / seconds

    def floor(self) -> float:
        """Send the same statements with the same values, and read what is answered."""
        self.stage.reset("feed")
        with self.stage.connect() as connection, connection.cursor() as cursor:
            begun = time.monotonic()
            for statement, values in self.sent:
                cursor.execute(statement.encode(), values)
                if cursor.description is not None:
                    cursor.fetchall()
            return self.size / (time.monotonic() - begun)

    def rows_alone(self) -> float:
        """Write what was put by, each table in one statement, in one transaction."""
        self.stage.reset("fed")
        with self.stage.connect() as connection:
            begun = time.monotonic()
            for table in WRITTEN:
                statement = f"INSERT INTO {table} SELECT * FROM bench_{table}"
                connection.execute(statement.encode())
            connection.commit()
            return self.size / (time.monotonic() - begun)


def comparisons(stage: Stage, size: int) -> Iterator[Comparison]:
    """Prepare the feed; beside the same statements, and beside nothing but the rows they write."""
    stage.reset()
    feed = Feed(stage, size)
    name = f"import of {size:,} items of a feed"
    rounds = ROUNDS if size < LARGE else 1
    for words, bar, floor in (
        ("", 0.5, feed.floor),
        (", beside its rows alone", 0, feed.rows_alone),
    ):
        yield Comparison(
            name=f"{name}{words}",
            unit="items/s",
            bar=bar,
            ours=feed.ours,
            floor=floor,
            rounds=rounds,
        )
