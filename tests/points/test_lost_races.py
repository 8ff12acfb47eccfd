"""What somebody else commits between a look and the writing is seen at the second try.

SQLite has one writer at a time: there is nothing in between.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from core.work import Work
from exchange.moving import MergeRecords, merge_records
from points.earning.awards import Award, AwardDiffers
from points.earning.many import award_many
from points.expiring.expiry import expire_points
from points.ledger import post
from points.proof.verify import verify
from points.settlement import settle_due
from residents.people import EnterResident, enter_resident
from tests.people import HERE, Someone
from tests.points.books import NEIGHBOUR, REDEEMED, RESIDENT, Nothing, one, posting
from tests.points.calendar import close, hangzhou, night
from tests.points.correcting import Desk
from tests.points.earning import count, give, holders, serving
from tests.points.meanwhile import meanwhile

Run = Callable[..., Any]

pytestmark = pytest.mark.database("postgresql")


@pytest.fixture
def _holders(run: Run, cast: Any) -> None:
    run(holders, None)


@contextlib.contextmanager
def lapsing_meanwhile(desk: Desk, words: str) -> Iterator[None]:
    """Let points lapse in another connection, from here on; it may have to wait for us."""

    def lapse() -> int:
        with desk.app.app_context():
            return expire_points()

    with ThreadPoolExecutor(1) as pool:
        lapsed: list[Future[int]] = []

        def begin() -> None:
            desk.clock.advance(seconds=1)
            lapsed.append(pool.submit(lapse))
            wait(lapsed, timeout=1)

        with meanwhile(words, begin):
            yield
        lapsed[0].result()


@pytest.fixture
def two_years(desk: Desk) -> UUID:
    """Ten points of 2026 and a wrong award of 2027, which is over; nothing has lapsed yet."""
    desk.earn(units=2)
    night(desk.app, desk.clock, 2026)
    desk.clock.set(hangzhou(2027, 5, 5))
    wrong = desk.earn(units=2, event_at=desk.clock.now)
    close(desk.app, desk.clock, dt.date(2027, 12, 31))
    desk.clock.advance(minutes=30)
    return wrong


@pytest.mark.timeout(60)
def test_what_lapses_while_something_younger_is_taken_back_is_all_that_is_due(
    desk: Desk, two_years: UUID
) -> None:
    with lapsing_meanwhile(desk, "UPDATE expiry_marks"):
        assert desk.back(two_years).posted == 1000

    assert desk.totals() == (2000, 2000, 0)
    assert desk.broken() == []


@pytest.mark.timeout(60)
@pytest.mark.usefixtures("two_years")
def test_what_comes_back_while_all_that_is_due_lapses_can_be_used_until_the_months_end(
    desk: Desk,
) -> None:
    spent = desk.spend(1000)
    with lapsing_meanwhile(desk, "INSERT INTO reversals"):
        assert desk.back(spent).posted == 1000

    assert desk.totals()[2] == 2000
    assert desk.broken() == []
    night(desk.app, desk.clock, 2028, 1)
    assert desk.totals()[2] == 1000


@pytest.mark.timeout(60)
def test_of_two_awards_that_are_taken_back_at_once_one_had_lapsed(desk: Desk) -> None:
    staff = desk.cast.actor(desk.cast.staff)
    made = desk.run(enter_resident, EnterResident(community=HERE, name="王秀瑛"), staff)
    other = Someone("王秀瑛", "", resident=made.resident)
    lines = [desk.earn(units=2), desk.earn(units=2, who=other)]
    night(desk.app, desk.clock, 2026)
    desk.clock.set(hangzhou(2027, 5, 5))
    merging = MergeRecords(key="m", keep=one(other.resident), drop=one(desk.cast.wang.resident))
    desk.run(merge_records, merging, staff)
    desk.spend(1000, other)
    night(desk.app, desk.clock, 2027)
    desk.clock.set(hangzhou(2028, 5, 5))
    desk.earn(units=4, who=other, event_at=desk.clock.now)
    second, first = (desk.propose_back(line) for line in lines)

    with ThreadPoolExecutor(1) as pool:
        decided: list[Future[Any]] = []

        def decide() -> None:
            decided.append(pool.submit(desk.decide, second))
            wait(decided, timeout=1)

        with meanwhile("adjustments.lapsed > ", decide):
            done = desk.decide(first)

    assert sorted([done.lapsed, decided[0].result().lapsed]) == [0, 1000]
    assert desk.totals(other)[2] == 1000


@pytest.mark.timeout(60)
def test_what_is_spent_while_an_award_is_taken_back_is_missing_of_it(desk: Desk) -> None:
    proposal = desk.propose_back(desk.earn(units=2))

    with ThreadPoolExecutor(1) as pool:
        decided: list[Future[Any]] = []

        def spend(work: Work, _command: None) -> Nothing:
            post(work, posting(77, desk.account(), REDEEMED, 700, "redemption"))
            decided.append(pool.submit(desk.decide, proposal))
            wait(decided, timeout=1)
            return Nothing()

        desk.run(spend, None)
        done = decided[0].result()

    assert (done.posted, done.shortage) == (300, 700)


def used(connection: Connection) -> set[int]:
    rows = connection.execute(text("SELECT used FROM rule_usage WHERE rule = 'serve.hour'"))
    return set(rows.scalars())


@pytest.mark.usefixtures("_holders")
def test_a_cause_that_was_awarded_to_another_meanwhile_uses_up_nothing(run: Run, ask: Run) -> None:
    give(run, "a", units=6)
    looked = "LEFT OUTER JOIN rule_usage"

    with (
        meanwhile(looked, lambda: give(run, "b", units=2, holder_id=NEIGHBOUR)),
        pytest.raises(AwardDiffers),
    ):
        give(run, "b", units=3)

    assert ask(count, "awards") == 2
    assert ask(used) == {2, 6}


@pytest.mark.usefixtures("_holders")
def test_many_awards_count_what_a_single_one_used_meanwhile(run: Run, ask: Run) -> None:
    def all_of(work: Work, commands: Sequence[Award]) -> Nothing:
        award_many(work, commands)
        return Nothing()

    with meanwhile("FROM rule_usage", lambda: give(run, "a", units=2)):
        run(all_of, [serving("b", units=5), serving("c", units=5)])

    rows = ask(lambda c: c.execute(text("SELECT units FROM awards ORDER BY cause")).scalars().all())
    assert rows == [2, 5, 1]
    assert ask(used) == {8}


def test_an_award_that_arrived_while_it_was_decided_is_taken_back_as_it_is_now(desk: Desk) -> None:
    line = desk.earn(settled=False)
    proposal = desk.propose_back(line)
    desk.clock.advance(days=1)

    def settle() -> None:
        with desk.app.app_context():
            settle_due()

    with meanwhile("FROM awards", settle):
        done = desk.decide(proposal)

    assert (done.posted, done.voided) == (1000, 0)
    assert desk.totals() == (1000, 1000, 0)
    assert desk.ask(count, "awards", f"holder_id <> '{RESIDENT}' AND state = 'done'") == 1
    assert desk.ask(verify).broken == ()
