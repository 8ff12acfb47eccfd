"""While something is missing of a decision, it is collected of what would lapse: lost once only."""

from __future__ import annotations

import contextlib
import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import insert, or_, select

from core.models import AuditEvent, OutboxMessage
from core.work import Work
from exchange.moving import MoveHousehold, move_household
from points.correcting.shortages import CollectShortage, NothingShort, collect_shortage
from points.expiring.expiry import expire_points
from points.models import AccountEnd
from residents.endings import RecordDeath, record_death
from residents.people import EnterResident, enter_resident
from tests.people import HERE, THERE, Someone
from tests.points.books import Nothing, one
from tests.points.calendar import close, lapsed, night, set_aside
from tests.points.correcting import Desk
from tests.points.test_correcting_pages import said
from tests.points.test_reverse_line import lead_there, there
from tests.points.test_shortage import collect, waive
from tests.points.test_taken_after_a_move import again, merge, moves, worth


@pytest.fixture
def short(desk: Desk) -> UUID:
    """Twenty points of 2026 were wrong, fifteen of them spent: fifteen are missing."""
    line = desk.earn(units=4)
    desk.spend(1500)
    proposal = desk.propose_back(line)
    assert desk.decide(proposal).shortage == 1500
    return proposal


def years(desk: Desk, *ended: int) -> None:
    """Let years end, each with its run, and a working day begin."""
    for year in ended:
        night(desk.app, desk.clock, year)
        desk.clock.advance(hours=9)


def gone(desk: Desk) -> list[int]:
    """What has lapsed of 王秀英's points."""
    found: list[int] = desk.ask(lapsed, desk.account())
    return found


def test_what_would_lapse_is_taken_for_what_is_missing(desk: Desk, short: UUID) -> None:
    desk.earn(units=2)
    years(desk, 2026, 2027)

    assert gone(desk) == []
    assert desk.row(short).collected == 1000
    assert desk.totals()[2] == 0
    assert desk.broken() == []


def test_what_is_more_than_is_missing_lapses(desk: Desk, short: UUID) -> None:
    desk.earn(units=4)
    years(desk, 2026, 2027)

    assert gone(desk) == [500]
    assert desk.row(short).collected == 1500
    assert desk.totals()[2] == 0
    assert desk.broken() == []


def test_nobody_loses_the_same_points_twice(desk: Desk, short: UUID) -> None:
    desk.earn(units=2)
    years(desk, 2026, 2027)
    desk.earn(units=2, event_at=desk.clock.now)

    assert collect(desk, short).amount == 500
    assert desk.totals()[2] == 500
    assert desk.broken() == []


def test_younger_points_are_left_to_whoever_collects(desk: Desk, short: UUID) -> None:
    years(desk, 2026)
    desk.earn(units=2, event_at=desk.clock.now)
    years(desk, 2027)

    assert desk.row(short).collected == 0
    assert desk.totals()[2] == 1000
    assert desk.broken() == []


def test_what_is_held_neither_lapses_nor_pays(desk: Desk, short: UUID) -> None:
    desk.earn(units=2)
    set_aside(desk.run, 77, 400, desk.account())
    years(desk, 2026, 2027)

    assert desk.row(short).collected == 600
    assert desk.totals()[2] == 0
    assert "missing first" not in desk.broken()


def test_what_was_let_go_takes_nothing_of_what_lapses(desk: Desk, short: UUID) -> None:
    waive(desk, short, "居民住院")
    desk.earn(units=2)
    years(desk, 2026, 2027)

    assert gone(desk) == [1000]
    assert desk.row(short).collected == 0
    assert desk.broken() == []


def test_the_oldest_decision_is_paid_first(desk: Desk, short: UUID) -> None:
    desk.clock.advance(hours=1)
    later = desk.propose(-800)
    assert desk.decide(later).shortage == 800
    desk.earn(units=4)
    years(desk, 2026, 2027)

    assert [desk.row(each).collected for each in (short, later)] == [1500, 500]
    assert gone(desk) == []
    assert desk.broken() == []


def test_what_was_decided_first_is_paid_first_whichever_was_proposed_first(desk: Desk) -> None:
    line = desk.earn(units=4)
    desk.spend(1500)
    proposed_first = desk.propose(-800)
    desk.clock.advance(hours=1)
    decided_first = desk.propose_back(line)
    for proposal in (decided_first, proposed_first):
        desk.clock.advance(hours=1)
        desk.decide(proposal)
    desk.earn(units=4)
    years(desk, 2026, 2027)

    assert [desk.row(each).collected for each in (decided_first, proposed_first)] == [1500, 500]


def test_of_an_adjustment_it_is_what_was_taken_too(desk: Desk) -> None:
    desk.earn()
    proposal = desk.propose(-1500)
    assert desk.decide(proposal).shortage == 500
    desk.earn(units=2)
    years(desk, 2026, 2027)

    assert gone(desk) == [500]
    assert desk.row(proposal).collected == 500
    assert desk.broken() == []


def test_basic_points_that_are_missing_take_no_service_points(desk: Desk) -> None:
    proposal = desk.propose(-500, points_kind="basic")
    assert desk.decide(proposal).shortage == 500
    desk.earn(units=2)
    years(desk, 2026, 2027)

    assert gone(desk) == [1000]
    assert desk.row(proposal).collected == 0
    assert desk.broken() == []


def test_what_is_older_than_the_wrong_award_lapses_as_it_would_have_without_it(
    desk: Desk,
) -> None:
    desk.earn(units=2)
    years(desk, 2026)
    wrong = desk.earn(units=2, event_at=desk.clock.now)
    spent = desk.spend(1500)
    proposal = desk.propose_back(wrong)
    assert desk.decide(proposal).shortage == 500
    desk.back(spent, amount=700)
    years(desk, 2027)

    # Without the award five hundred of seven hundred would have paid a debt.
    assert gone(desk) == [200]
    assert desk.row(proposal).collected == 0
    assert (collect(desk, proposal).amount, desk.totals()[2]) == (500, 0)
    assert desk.broken() == []


def test_the_holder_is_told_what_was_taken(desk: Desk, short: UUID) -> None:
    desk.earn(units=2)
    years(desk, 2026, 2027)

    shown = desk.cast.browser(desk.cast.wang).get("/me/messages").get_data(as_text=True)
    assert "您有积分到期，清波门社区先从里面收回以前还差的 10 分，原因：记错了人" in shown
    assert desk.row(short).collected == 1000


def test_the_desk_is_told_that_a_run_takes_it_and_sees_what_is_still_missing(
    desk: Desk, short: UUID
) -> None:
    desk.earn(units=2)
    staff = desk.cast.browser(desk.cast.staff)
    shown = said(staff.get("/desk/corrections?show=short"))
    assert "还差15分" in shown
    assert "居民有分到期时，系统先从到期的分里收。" in shown

    years(desk, 2026, 2027)

    staff = desk.cast.browser(desk.cast.staff)
    assert "还差5分" in said(staff.get("/desk/corrections?show=short"))
    assert "已改还差5分" in said(staff.get("/desk/corrections?show=done"))


def test_a_run_that_comes_again_takes_nothing_more(desk: Desk, short: UUID) -> None:
    desk.earn(units=2)
    years(desk, 2026, 2027)
    desk.clock.advance(days=1)
    with desk.app.app_context():
        assert expire_points() == 0

    assert desk.row(short).collected == 1000


def test_two_runs_of_one_night_may_both_take_something(desk: Desk, short: UUID) -> None:
    """A year without a scheduler is caught up with."""
    desk.earn(units=1)
    years(desk, 2026)
    desk.earn(units=1, event_at=desk.clock.now)
    close(desk.app, desk.clock, dt.date(2027, 12, 31))
    close(desk.app, desk.clock, dt.date(2028, 12, 31))
    with desk.app.app_context():
        expire_points()

    assert desk.row(short).collected == 1000
    assert gone(desk) == []
    assert desk.broken() == []


def test_of_staff_and_a_run_at_once_either_takes_it(desk: Desk, short: UUID) -> None:
    desk.earn(units=2)
    years(desk, 2026)
    close(desk.app, desk.clock, dt.date(2027, 12, 31))

    def run(_number: int) -> None:
        with desk.app.app_context():
            expire_points()

    def take(number: int) -> None:
        with contextlib.suppress(NothingShort):
            collect(desk, short, key=f"of {number}")

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(do, number) for number in range(3) for do in (run, take)]:
            done.result()

    assert desk.row(short).collected == 1000
    assert gone(desk) == []
    assert desk.totals()[2] == 0
    assert desk.broken() == []


def test_somebody_who_moved_owes_it_where_they_live_now(desk: Desk, short: UUID) -> None:
    now = moves(desk)
    desk.earn(units=2, who=now, community=THERE, bearing=THERE)
    years(desk, 2026, 2027)

    # Three points over there are worth two here; of a centipoint nothing is left.
    assert desk.row(short).collected == 666
    assert desk.ask(lapsed, desk.account(now)) == []
    assert (desk.totals()[2], desk.totals(now)[2]) == (0, 0)
    assert desk.broken() == []


def test_what_is_no_centipoint_where_it_is_missing_lapses_where_it_is(
    desk: Desk, short: UUID
) -> None:
    now = moves(desk)
    desk.earn(units=2, who=now, community=THERE, bearing=THERE)
    set_aside(desk.run, 77, 999, desk.account(now))
    years(desk, 2026, 2027)

    assert desk.ask(lapsed, desk.account(now)) == [1]
    assert desk.row(short).collected == 0
    assert desk.totals(now)[2] == 0


def test_no_more_comes_back_from_where_they_live_now_than_is_missing(
    desk: Desk, short: UUID
) -> None:
    now = moves(desk)
    desk.earn(units=5, who=now, community=THERE, bearing=THERE)
    years(desk, 2026, 2027)

    assert desk.row(short).collected == 1500
    assert (desk.totals()[2], desk.totals(now)[2]) == (0, 0)
    assert desk.broken() == []


def ends(desk: Desk) -> None:
    """Let the last day of 王秀英's account be over."""
    account = desk.account()

    def ended(work: Work, _command: None) -> Nothing:
        row = {"account": account, "lapse_on": work.day}
        work.connection.execute(insert(AccountEnd), [row])
        return Nothing()

    desk.run(ended, None)
    desk.clock.advance(days=1)


def test_what_is_missing_of_somebody_who_died_is_taken_before_the_rest_lapses(
    desk: Desk, short: UUID
) -> None:
    desk.earn(units=4)
    ends(desk)
    with desk.app.app_context():
        assert expire_points() == 1

    assert gone(desk) == [500]
    assert desk.row(short).collected == 1500
    assert desk.broken() == []


def reached_by_what_is_taken_of(desk: Desk, gone: Someone, home: UUID | None) -> set[UUID]:
    """Who hears of it where somebody died who owes, and somebody moved in since."""
    staff = desk.cast.actor(desk.cast.staff)
    line = desk.earn(units=4, who=gone)
    desk.spend(1500, gone)
    proposal = desk.propose_back(line)
    until = desk.run(record_death, RecordDeath(resident=one(gone.resident)), staff).keeps_until
    desk.clock.advance(hours=1)
    desk.run(enter_resident, EnterResident(community=HERE, name="孙平", household=home), staff)
    desk.decide(proposal)
    desk.earn(units=2, who=gone)
    desk.clock.set(dt.datetime.combine(until, dt.time(), dt.UTC) + dt.timedelta(days=1))
    with desk.app.app_context():
        expire_points()
    assert desk.row(proposal).collected == 1000
    asked = or_(*(OutboxMessage.template.like(f"points.{each}%") for each in ("adj", "coll")))
    return set(desk.ask(lambda c: c.scalars(select(OutboxMessage.person).where(asked)).all()))


def test_the_family_is_told_what_is_taken_of_what_somebody_who_died_left(desk: Desk) -> None:
    home, staff = desk.cast.li.household, desk.cast.actor(desk.cast.staff)
    child = EnterResident(community=HERE, name="李小", household=home, birth_year=2015)
    desk.run(enter_resident, child, staff)

    reached = reached_by_what_is_taken_of(desk, desk.cast.li, None)

    assert reached == {desk.cast.wang.person}
    shown = said(desk.cast.browser(desk.cast.wang).get("/me/messages"))
    assert "清波门社区改了李国强留下的积分：−5分，原因：记错了人。" in shown
    assert "李国强留下的积分到期，清波门社区先从里面收回以前还差的10分，原因：记错了人。" in shown


def test_the_family_is_told_what_the_community_collects_of_it(desk: Desk) -> None:
    gone, staff = desk.cast.li, desk.cast.actor(desk.cast.staff)
    line = desk.earn(units=4, who=gone)
    desk.spend(1500, gone)
    proposal = desk.propose_back(line)
    desk.run(record_death, RecordDeath(resident=one(gone.resident)), staff)
    desk.decide(proposal)
    desk.earn(units=2, who=gone)

    desk.run(collect_shortage, CollectShortage(key="a", adjustment=proposal), staff)

    shown = said(desk.cast.browser(desk.cast.wang).get("/me/messages"))
    told = "清波门社区从李国强留下的积分里收回了以前还差的10分，原因：记错了人。"
    assert shown.count(told) == 1


def test_where_nobody_inherits_nobody_is_told(desk: Desk) -> None:
    chen = desk.cast.chen

    assert reached_by_what_is_taken_of(desk, chen, chen.household) == set()


def test_that_all_of_it_was_taken_is_written_down_as_something_that_was_done(
    desk: Desk, short: UUID
) -> None:
    desk.earn(units=2)
    ends(desk)
    with desk.app.app_context():
        assert expire_points() == 0

    done = select(AuditEvent.use_case).where(AuditEvent.use_case == "lapse_account")
    assert desk.row(short).collected == 1000
    assert desk.ask(lambda c: c.scalars(done).all()) == ["lapse_account"]


def test_of_what_is_no_whole_centipoint_there_one_more_is_taken(desk: Desk) -> None:
    line = desk.earn(units=4)
    desk.spend(1501)
    proposal = desk.propose_back(line)
    desk.decide(proposal)
    now = moves(desk)
    desk.earn(units=5, who=now, community=THERE, bearing=THERE)
    years(desk, 2026, 2027)

    # 2251.5 are 15.01: of 2251 a centipoint would stay missing, while the rest lapses.
    assert (desk.row(proposal).collected, desk.row(proposal).shortage) == (1501, 1501)
    assert desk.ask(lapsed, desk.account(now)) == [248]
    assert desk.totals()[2] == 0
    assert desk.broken() == []


def test_a_centipoint_that_is_more_than_is_missing_is_not_broken(desk: Desk) -> None:
    other = again(desk, THERE)
    desk.run(worth, None)
    proposal = desk.propose(-101, there(desk.cast), holder_id=other.resident)
    assert desk.decide(proposal, lead_there(desk)).shortage == 101
    command = MoveHousehold(key="home", community=HERE, residents=(one(other.resident),))
    moved = desk.run(move_household, command, desk.cast.actor(desk.cast.staff))
    now = replace(other, community=HERE, resident=moved.residents[0])
    desk.earn(units=1, who=now)
    years(desk, 2026, 2027)

    # 0.67 are 1 there and half a centipoint; 0.68 would be 1.02.
    assert desk.row(proposal).collected == 100
    assert desk.ask(lapsed, desk.account(now)) == [433]
    assert desk.totals(other)[2] == 0
    assert desk.broken() == []


@pytest.mark.parametrize("owes", [0, 1, 2])
def test_what_has_not_followed_its_holder_yet_pays_too(desk: Desk, owes: int) -> None:
    made = desk.run(
        enter_resident,
        EnterResident(community=HERE, name="王秀映"),
        desk.cast.actor(desk.cast.staff),
    )
    third = Someone("王秀映", "", community=HERE, resident=made.resident)
    records = (desk.cast.wang, again(desk), third)
    line = desk.earn(units=4, who=records[owes])
    desk.spend(2000, records[owes])
    proposal = desk.propose_back(line)
    desk.decide(proposal)
    desk.earn(units=2, who=records[1])
    spent = desk.spend(1000, records[1])
    merge(desk, records[1], records[0])
    merge(desk, third, records[1])
    desk.earn(who=third)
    # While something is held of the last one, nothing follows it.
    set_aside(desk.run, 77, 1, desk.account(third))
    years(desk, 2026)
    desk.back(spent)
    years(desk, 2027)

    assert [desk.ask(lapsed, desk.account(each)) for each in records] == [[], [], []]
    assert desk.row(proposal).collected == 1999
    assert desk.broken() == []


def test_nobody_pays_what_somebody_else_owes(desk: Desk, short: UUID) -> None:
    desk.earn(units=2, who=desk.cast.li)
    years(desk, 2026, 2027)

    assert desk.ask(lapsed, desk.account(desk.cast.li)) == [1000]
    assert desk.row(short).collected == 0
