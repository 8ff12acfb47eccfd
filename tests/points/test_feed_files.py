"""A feeder's file, brought by an admin: its records count once, whichever way they come."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select

from core.acts import Actor
from core.errors import AppError, Forbidden
from core.models import AuditEvent
from points.closing import close_days
from points.feeds import files, queries
from points.feeds.batches import forget_due
from points.feeds.feeders import (
    ChangeFeeder,
    FeederStopped,
    FeederUnknown,
    FeederWaiting,
    MakeFeeder,
    make_feeder,
    rotate_secret,
    stop_feeder,
)
from points.feeds.files import FeedFile, FileRow, FileRowDone, import_file, look_at_file
from points.feeds.items import Item
from points.feeds.meant import Meant
from points.feeds.queries import (
    BatchLine,
    FeedFileUnknown,
    FilePage,
    batches,
    feeders,
    file_of,
    lines_of_file,
)
from points.models import Award, FeedBatch
from points.proof.verify import verify
from points.settlement import settle_due
from tests.admin.console import ZIYANG, reads_one
from tests.conftest import Clock
from tests.ended import end
from tests.people import HERE, THERE, People
from tests.points.books import one
from tests.points.earning import count
from tests.points.feeding import (
    BIN,
    HOME,
    HOURS,
    Feed,
    feeder,
    open_rule,
    platform,
    served,
    thrown,
)

Run = Callable[..., Any]
DAY = dt.timedelta(days=1)


class Office:
    """Where an admin brings files."""

    def __init__(self, app: Flask, ask: Run, cast: People) -> None:
        self.app, self.ask, self.cast = app, ask, cast

    def bring(
        self, feeder: UUID, *rows: FileRow, who: Any = None, actor: Actor | None = None
    ) -> UUID:
        """Import rows; their content is what tells one file from another."""
        file = FeedFile(feeder=feeder, name="a.csv", digest=repr(rows), total=len(rows))
        with self.app.app_context():
            return import_file(actor or self.cast.actor(who or self.cast.lin), file, rows)

    def look(self, feeder: UUID, *rows: FileRow, who: Any = None) -> list[str]:
        """Look at rows; return what would become of each."""
        with self.app.app_context():
            actor = self.cast.actor(who or self.cast.lin)
            return [row.outcome for row in look_at_file(actor, feeder, rows)]

    def outcomes(self, batch: UUID) -> list[str]:
        """Return what became of each row."""
        return [row.outcome for row in self.lines(batch)]

    def lines(self, batch: UUID) -> list[Any]:
        """Return the rows of the result."""
        found: list[Any] = self.ask(lambda connection: list(lines_of_file(connection, batch)))
        return found


@pytest.fixture
def office(app: Flask, ask: Run, cast: People) -> Office:
    return Office(app, ask, cast)


@pytest.fixture
def bins(app: Flask, run: Run, cast: People, clock: Clock) -> Feed:
    """The bin of 建国南苑, in use, on a day on which the community counts bins."""
    open_rule(run, cast, clock)
    return feeder(app, run, cast, clock)


def row(number: int, key: str, at: dt.datetime, holder: Any = None, **changes: Any) -> FileRow:
    """A bag that was sorted right, as a file has it."""
    whom = holder or Meant(address=HOME)
    given: dict[str, Any] = {"key": key, "rule": BIN, "holder": whom, "at": at}
    return FileRow(number=number, key=key, item=Item(**(given | changes)))


def awards(connection: Connection) -> list[Any]:
    return list(connection.execute(select(Award.__table__).order_by(Award.event_at, Award.cause)))


def audited(connection: Connection) -> list[Any]:
    query = select(AuditEvent.__table__).where(AuditEvent.use_case == "record_file_rows")
    return list(connection.execute(query))


def test_what_came_over_the_api_is_not_counted_again_from_a_file(
    office: Office, ask: Run, clock: Clock, bins: Feed
) -> None:
    early = clock.now - DAY
    assert bins.states(thrown("a1", clock.now)) == ["recorded"]

    batch = office.bring(bins.id, row(2, "a1", clock.now), row(3, "a0", early))

    assert office.outcomes(batch) == ["existed", "refused"]
    assert "没有这条积分规则" in office.lines(batch)[1].message
    assert ask(count, "awards") == 1


def test_what_came_in_a_file_is_not_counted_again_over_the_api(
    office: Office, ask: Run, clock: Clock, bins: Feed
) -> None:
    batch = office.bring(bins.id, row(2, "a1", clock.now), row(3, "a2", clock.now))

    assert office.outcomes(batch) == ["recorded", "capped"]
    assert bins.states(thrown("a1", clock.now), thrown("a2", clock.now)) == ["exists", "capped"]
    assert bins.codes(thrown("a1", clock.now, "建国南苑 5-1-102")) == ["item_key_reused"]
    assert ask(count, "awards") == 1
    assert ask(verify).broken == ()


def test_a_file_twice_changes_nothing_whoever_brings_it(
    office: Office, ask: Run, clock: Clock, bins: Feed
) -> None:
    rows = (row(2, "a1", clock.now), row(3, "a2", clock.now))
    first = office.bring(bins.id, *rows)
    again = office.bring(bins.id, *rows, who=office.cast.wu)
    other = office.bring(bins.id, row(1, "b", clock.now), *rows)

    assert first == again != other
    assert office.outcomes(first) == ["recorded", "capped"]
    assert office.outcomes(other) == ["capped", "existed", "capped"]
    assert ask(count, "awards") == 1
    kept = ask(lambda c: c.execute(select(FeedBatch.__table__).where(FeedBatch.id == first)).one())
    assert (kept.times, kept.recorded, kept.existed, kept.capped) == (2, 1, 1, 1)
    assert (kept.file, kept.total) == ("a.csv", 2)
    assert kept.brought_by == office.cast.actor(office.cast.lin).person


def test_the_audit_and_the_award_tell_who_brought_the_file(
    office: Office, ask: Run, clock: Clock, bins: Feed
) -> None:
    batch = office.bring(bins.id, row(2, "a1", clock.now))

    lin = office.cast.actor(office.cast.lin).person
    [entry] = ask(audited)
    assert entry.actor == lin
    assert str(bins.id) in entry.result
    assert str(batch) in entry.result
    [given] = ask(awards)
    assert (given.recorded_by, given.source_kind, given.source_id) == (lin, "feed", bins.id)
    assert given.cause == f"feed:{bins.id}:a1"
    office.bring(bins.id, row(2, "a1", clock.now))
    assert len(ask(audited)) == 1, "a mere repeat is nothing new"


def test_a_file_is_somebodys_word_where_a_signed_batch_is_proven(
    office: Office, ask: Run, clock: Clock, bins: Feed
) -> None:
    bins.send(thrown("a1", clock.now))
    office.bring(bins.id, row(2, "a2", clock.now, Meant(address="建国南苑 5-1-102")))

    found = {given.cause.rpartition(":")[2]: given.provenance for given in ask(awards)}
    assert found == {"a1": "verified", "a2": "recorded"}


def test_the_bringers_own_and_what_is_late_wait_for_a_second_person(
    office: Office, ask: Run, cast: People, clock: Clock, bins: Feed
) -> None:
    clock.advance(days=9)
    chen = Meant(address="建国南苑 5-1-102")
    # An admin who lives with 李国强.
    admin = replace(cast.actor(cast.lin), person=one(cast.li.person))
    office.bring(bins.id, row(2, "own", clock.now), row(3, "other", clock.now, chen), actor=admin)
    office.bring(bins.id, row(2, "late", clock.now - 8 * DAY, chen))

    waits = {each.cause.rpartition(":")[2]: each.due is None for each in ask(awards)}
    assert waits == {"own": True, "other": False, "late": True}


def test_rows_that_are_wrong_stay_out_by_themselves_and_come_through_when_mended(
    office: Office, ask: Run, run: Run, cast: People, clock: Clock, bins: Feed
) -> None:
    wrong = FileRow(number=2, key="a1", item=None, error="时间没有看懂。")
    elsewhere = Meant(id=one(cast.there.household))
    batch = office.bring(
        bins.id,
        wrong,
        row(3, "a2", clock.now, Meant(address="建国南苑 9-9-999")),
        row(4, "a3", clock.now, Meant(address=HOME, community=THERE)),
        row(5, "a4", clock.now, elsewhere),
        row(6, "a5", clock.now, rule="report.idea"),
        row(7, "a6", clock.now + DAY),
        row(8, "a7", clock.now - 40 * DAY),
        row(9, "a8", clock.now, Meant(name="王秀英", phone="13800000001")),
        row(10, "a9", clock.now, until=clock.now),
        row(11, "good", clock.now),
        row(12, "good", clock.now - dt.timedelta(hours=1)),
    )

    lines = office.lines(batch)
    assert [line.outcome for line in lines] == [*["refused"] * 9, "recorded", "refused"]
    assert [line.number for line in lines] == list(range(2, 13))
    for line, words in zip(
        lines,
        (
            "时间没有看懂",
            "没有这位居民或这一户",
            "不在您管的范围里",
            "没有这位居民或这一户",
            "不能记这条规则",
            "日期要在今天以前",
            "只收最近 31 天",
            "这条规则记给的对象不对",
            "要写开始和结束的时间",
            "",
            "以前记过别的内容",
        ),
        strict=True,
    ):
        assert words in line.message
    assert ask(count, "awards") == 1

    # The same lines under their keys, mended: a file of its own that counts what was missing.
    clock.advance(days=1)
    assert office.outcomes(office.bring(bins.id, row(2, "a1", clock.now))) == ["recorded"]


def test_a_row_that_was_refused_is_told_as_recorded_when_the_file_comes_again(
    office: Office, clock: Clock, bins: Feed
) -> None:
    rows = (row(2, "a1", clock.now + dt.timedelta(minutes=20)),)
    batch = office.bring(bins.id, *rows)
    assert office.outcomes(batch) == ["refused"]
    clock.advance(minutes=30)
    assert office.bring(bins.id, *rows) == batch
    assert office.outcomes(batch) == ["recorded"]


def test_a_day_that_is_closed_takes_rows_into_the_books_of_today(
    office: Office, app: Flask, ask: Run, clock: Clock, bins: Feed
) -> None:
    then = clock.now
    clock.advance(days=2)
    with app.app_context():
        close_days()
    assert ask(count, "business_days") > 0

    batch = office.bring(bins.id, row(2, "a1", then))
    clock.advance(days=1)
    with app.app_context():
        assert settle_due() > 0

    assert office.outcomes(batch) == ["recorded"]
    assert ask(verify).broken == ()


def test_a_community_that_is_over_takes_none(
    office: Office, run: Run, ask: Run, clock: Clock, bins: Feed
) -> None:
    end(run, HERE, clock.now.date() - DAY)

    [line] = office.lines(office.bring(bins.id, row(2, "a1", clock.now)))
    assert (line.outcome, "撤并" in line.message) == ("refused", True)
    assert ask(count, "awards") == 0


def test_hours_of_a_file_meet_those_of_the_api(
    office: Office, app: Flask, ask: Run, run: Run, cast: People, clock: Clock
) -> None:
    hours = platform(app, run, cast, clock)
    at = clock.now - dt.timedelta(hours=3)
    who = Meant(name="王秀英", phone="13800000001")
    assert hours.states(served("z1", at)) == ["recorded"]
    span = {"rule": HOURS, "until": at + dt.timedelta(hours=2)}

    batch = office.bring(hours.id, row(2, "z1", at, who, **span), row(3, "z2", at, who, **span))

    assert office.outcomes(batch) == ["existed", "refused"]
    assert "重叠" in office.lines(batch)[1].message
    assert ask(verify).broken == ()


def test_a_look_says_what_would_become_and_leaves_nothing(
    office: Office, ask: Run, clock: Clock, bins: Feed
) -> None:
    wrong = FileRow(number=4, key="", item=None, error="没有写记录编号。")
    rows = (row(2, "a1", clock.now), row(3, "a2", clock.now), wrong)

    assert office.look(bins.id, *rows) == ["recorded", "capped", "refused"]
    assert [ask(count, name) for name in ("awards", "feed_items", "feed_rows", "rule_usage")] == [
        0,
        0,
        0,
        0,
    ]
    assert office.outcomes(office.bring(bins.id, *rows)) == ["recorded", "capped", "refused"]
    assert office.look(bins.id, *rows) == ["existed", "capped", "refused"]


def test_a_long_file_is_recorded_chunk_by_chunk_and_counted_as_one(
    office: Office, ask: Run, clock: Clock, bins: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "CHUNK", 2)
    read: list[int] = []

    def given() -> Iterator[FileRow]:
        for number in range(2, 9):
            read.append(number)
            yield row(number, f"a{number}", clock.now)

    file = FeedFile(feeder=bins.id, name="长.csv", digest="long", total=7)
    actor = office.cast.actor(office.cast.lin)
    with office.app.app_context():
        seen = look_at_file(actor, bins.id, given())
        next(seen)
        assert read == [2, 3], "what comes later is not read yet"
        for _time in range(2):
            batch = import_file(actor, file, given())

    assert office.outcomes(batch) == ["recorded", *["capped"] * 6]
    shown = ask(file_of, actor, batch)
    assert (shown.counts, shown.amount, shown.total) == ({"recorded": 1, "capped": 6}, 100, 7)
    line = ask(lambda c: batches(c, feeders(c, actor)))[0]
    assert (line.times, line.recorded, line.existed, line.capped) == (2, 1, 1, 6)
    assert (line.file, line.by) == ("长.csv", office.cast.lin.name)
    assert (ask(count, "feed_batches"), ask(count, "awards")) == (1, 1)


def test_a_feeder_that_is_not_in_use_is_refused_by_its_own_sentence(
    office: Office, ask: Run, run: Run, cast: People, clock: Clock, bins: Feed
) -> None:
    change, lin = ChangeFeeder(feeder=bins.id), cast.actor(cast.lin)

    def refused(feeder: UUID, refusal: type[AppError]) -> None:
        for way in (office.bring, office.look):
            with pytest.raises(refusal):
                way(feeder, row(2, "a1", clock.now))

    run(rotate_secret, change, lin)
    refused(bins.id, FeederWaiting)
    run(stop_feeder, change, lin)
    refused(bins.id, FeederStopped)
    refused(one(cast.wang.person), FeederUnknown)
    assert ask(count, "feed_batches") == 0
    assert ask(count, "awards") == 0


def test_the_page_of_a_file_shows_what_was_refused_first(
    office: Office, ask: Run, clock: Clock, bins: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.bring(bins.id, row(1, "other", clock.now, Meant(address="建国南苑 5-1-102")))
    clock.advance(minutes=1)
    wrong = FileRow(number=5, key="a5", item=None, error="时间没有看懂。")
    known = row(4, "other", clock.now - dt.timedelta(minutes=1), Meant(address="建国南苑 5-1-102"))
    rows = (row(2, "a2", clock.now), row(3, "a3", clock.now), known, wrong)
    batch = office.bring(bins.id, *rows, replace(wrong, number=6, key="a6"))

    shown = ask(file_of, office.cast.actor(office.cast.lin), batch)

    said = {"refused": "时间没有看懂。", "capped": "本户每天的上限已满，不计分"}

    def done(number: int, key: str, outcome: str, amount: int = 0) -> FileRowDone:
        return FileRowDone(
            number=number,
            key=key,
            outcome=outcome,
            amount=amount,
            message=said.get(outcome, ""),
        )

    lines = (
        done(2, "a2", "recorded", 100),
        done(3, "a3", "capped"),
        done(4, "other", "existed", 100),
        done(5, "a5", "refused"),
        done(6, "a6", "refused"),
    )
    assert shown == FilePage(
        line=BatchLine(
            id=batch,
            feeder=bins.id,
            name="建国南苑 1 号垃圾房",
            first_at=clock.now,
            last_at=clock.now,
            times=1,
            recorded=1,
            existed=1,
            capped=1,
            refused=2,
            file="a.csv",
            by=office.cast.lin.name,
        ),
        total=5,
        counts={"recorded": 1, "capped": 1, "existed": 1, "refused": 2},
        amount=100,
        rows=(*lines[3:], *lines[:3]),
    )
    assert office.lines(batch) == list(lines)
    monkeypatch.setattr(queries, "ROWS_SHOWN", 1)
    monkeypatch.setattr(queries, "ROWS_READ", 2)
    assert ask(file_of, office.cast.actor(office.cast.lin), batch).rows == lines[3:4]
    assert office.lines(batch) == list(lines)


def test_only_who_manages_feeders_brings_files(
    office: Office, run: Run, ask: Run, cast: People, clock: Clock, bins: Feed
) -> None:
    reader = reads_one(run, cast, HERE // 1000 * 1000)
    for who in (cast.staff, cast.lead, cast.elsewhere, cast.keeper, reader, cast.wang):
        for way in (office.bring, office.look):
            with pytest.raises(Forbidden):
                way(bins.id, row(2, "a1", clock.now), who=who)
    assert ask(count, "awards") == 0


def test_who_reads_another_subdistrict_finds_no_file_of_here(
    office: Office, run: Run, ask: Run, cast: People, clock: Clock, bins: Feed
) -> None:
    batch = office.bring(bins.id, row(2, "a1", clock.now))

    assert ask(file_of, cast.actor(reads_one(run, cast, HERE // 1000 * 1000)), batch).counts
    away = replace(cast.actor(reads_one(run, cast, HERE // 1000 * 1000)), place=ZIYANG)
    bins.send(thrown("a2", clock.now))
    signed = ask(lambda c: c.scalar(select(FeedBatch.id).where(FeedBatch.file.is_(None))))
    for who, wanted in ((away, batch), (cast.actor(cast.lin), signed)):
        with pytest.raises(FeedFileUnknown):
            ask(file_of, who, wanted)


def test_what_became_of_a_file_is_forgotten_with_its_batch(
    office: Office, app: Flask, ask: Run, clock: Clock, bins: Feed
) -> None:
    office.bring(bins.id, *(row(number, f"a{number}", clock.now) for number in range(2, 7)))
    clock.advance(days=183)
    new = office.bring(bins.id, row(2, "b", clock.now))
    clock.advance(days=2)

    with app.app_context():
        forget_due(chunk=2)

    assert (ask(count, "feed_rows"), ask(count, "feed_batches")) == (1, 1)
    assert office.outcomes(new) == ["recorded"]


def test_a_feeder_of_the_district_names_the_community(
    office: Office, app: Flask, run: Run, cast: People, clock: Clock
) -> None:
    open_rule(run, cast, clock)
    wide = feeder(app, run, cast, clock, name="全区", scope_kind="district", place=0)
    batch = office.bring(
        wide.id,
        row(2, "a1", clock.now),
        row(3, "a2", clock.now, Meant(address=HOME, community=HERE)),
        row(4, "a3", clock.now, Meant(address="青年里 1-1-301", community=THERE)),
    )
    assert office.outcomes(batch) == ["refused", "recorded", "refused"]


def test_a_feeder_waits_with_its_files_until_the_second_admin_has_let_it_in(
    office: Office, run: Run, cast: People, clock: Clock
) -> None:
    asked = MakeFeeder(
        key="k", name="新", kind="device", scope_kind="community", place=HERE, rules=(BIN,)
    )
    made = run(make_feeder, asked, cast.actor(cast.lin))
    with pytest.raises(FeederWaiting):
        office.bring(made.id, row(2, "a1", clock.now))
