"""A feed's items through ``record_items`` beside the same rows by bare set-based statements."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import select

from bench.harness import Comparison
from bench.people import enter
from bench.stage import Stage
from core.acts import Actor
from core.work import present, reading, transact
from points.feeds.feeders import ChangeFeeder, MakeFeeder, confirm_feeder, make_feeder
from points.feeds.items import CHUNK, Item, RecordItems, record_items
from points.feeds.meant import Meant
from residents.models import Resident

COMMUNITIES = 20
RULE = "waste.device"
WRITTEN = ("rule_usage", "awards", "feed_items")
OPENED = (
    "INSERT INTO community_rules (community, rule, valid_from, revision, points, cap_per_day,"
    " cap_per_month, cap_per_year, recorded_by, outside_band, set_by, set_at)"
    f" SELECT code, '{RULE}', CURRENT_DATE - 10, 1, 100, 1, 10, 120, '设备', false,"
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
        enter(stage, stage.communities()[:COMMUNITIES], size)
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
            self.chunks = self._chunks(present())
        stage.keep("feed")
        self._save()

    def _chunks(self, now: dt.datetime) -> list[RecordItems]:
        with reading() as connection:
            homes = connection.scalars(select(Resident.household).order_by(Resident.id)).all()
        items = [
            Item(key=f"bag-{number}", rule=RULE, holder=Meant(id=home), at=now)
            for number, home in enumerate(homes)
        ]
        return [
            RecordItems(feeder=self.feeder, items=tuple(items[start : start + CHUNK]))
            for start in range(0, len(items), CHUNK)
        ]

    def _save(self) -> None:
        """Put by what the application writes: the floor writes it again."""
        self.ours()
        with self.stage.connect() as connection:
            for table in WRITTEN:
                connection.execute(f"CREATE TABLE bench_{table} AS SELECT * FROM {table}".encode())
            for table in reversed(WRITTEN):
                connection.execute(f"DELETE FROM {table}".encode())
        self.stage.keep("fed")

    def ours(self) -> float:
        """Record the items as the endpoint does, chunk by chunk."""
        self.stage.reset("feed")
        actor = Actor(person=self.feeder, role="feeder", scope_kind="district", place=330102)
        with self.stage.app.app_context():
            begun = time.monotonic()
            done = [transact(record_items, chunk, actor) for chunk in self.chunks]
            seconds = time.monotonic() - begun
        states = {item.state for each in done for item in each.items}
        assert states == {"recorded"}, states
        return self.size / seconds

    def floor(self) -> float:
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
    """Prepare the feed and give the one comparison."""
    stage.reset()
    feed = Feed(stage, size)
    yield Comparison(
        name=f"import of {size:,} items of a feed",
        unit="items/s",
        bar=0,
        ours=feed.ours,
        floor=feed.floor,
    )
