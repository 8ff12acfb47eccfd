"""What somebody has and what waits, line by line and month by month."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, select

from core.directory import directory
from core.work import Work
from points import holds, ledger
from points.accounts import account_id, household_account
from points.lines import line_of
from points.models import Award
from points.queries import (
    Balances,
    Line,
    WaitingAward,
    available,
    awards_to_confirm,
    balances,
    family_accounts,
    posted_lines,
    titles,
    waiting_lines,
)
from points.wallet import Entry, Shares, Wallet, history, shares, state_of, wallet
from tests.people import HERE, THERE
from tests.points.books import REDEEMED, Nothing, one, spending
from tests.points.calendar import give_back, hangzhou, night, set_aside
from tests.points.correcting import Desk
from tests.points.earning import CORRIDOR, JOIN
from tests.points.statements_scene import moved, post


def test_what_waits_names_its_holder_and_is_no_gain_of_the_month_yet(desk: Desk) -> None:
    household = one(desk.cast.wang.household)
    desk.earn()
    alone = desk.earn(settled=False)
    shared = desk.earn(
        settled=False, rule=CORRIDOR, holder_kind="household", holder_id=household, units=1
    )
    set_aside(desk.run, 41, 100, desk.account())
    set_aside(desk.run, 42, 200, desk.account())
    give_back(desk.run, 42)

    found = [desk.ask(line_of, line) for line in (alone, shared)]
    assert [(each.holder_kind, each.holder_id) for each in found] == [
        ("resident", desk.cast.wang.resident),
        ("household", household),
    ]
    waiting = desk.ask(waiting_lines, desk.account())
    assert sorted((each.kind, each.amount) for each in waiting) == [("award", 1000), ("hold", -100)]
    [month] = desk.ask(history, [desk.account()], None).months
    assert (month.gained, month.spent, len(month.entries)) == (1000, 0, 3)


def test_what_waits_of_basic_points_is_told_apart(desk: Desk) -> None:
    def waiting() -> tuple[int, int]:
        who = one(desk.cast.wang.resident)
        has = desk.ask(balances, who, HERE, [], desk.clock.now)
        return has.pending, has.basic_pending

    before = waiting()
    desk.earn(settled=False)
    desk.earn(settled=False, rule=JOIN, units=1)

    assert (before, waiting()) == ((0, 0), (1000, 100))


def basic(desk: Desk, number: int, amount: int) -> None:
    """Give the household basic points."""
    home = household_account(one(desk.cast.wang.household), HERE)
    gift = moved(number, home, amount)
    issued = account_id("issued", HERE, "basic")
    desk.run(post, replace(gift, points_kind="basic", debit=issued))


def purse(desk: Desk) -> Wallet:
    """What 王秀英 has, as her pages show it."""
    actor = desk.cast.actor(desk.cast.wang)
    found: Wallet = desk.ask(lambda c: wallet(c, directory().viewer(c, actor, desk.clock.now)))
    return found


def test_a_wallet_says_what_there_is_what_lapses_when_and_how_far_the_next_title_is(
    desk: Desk,
) -> None:
    desk.earn()
    night(desk.app, desk.clock, 2026)
    desk.clock.set(hangzhou(2027, 3, 1))
    desk.earn(event_at=desk.clock.now)
    desk.earn(event_at=desk.clock.now, units=1, settled=False)
    set_aside(desk.run, 41, 400, desk.account())
    basic(desk, 43, 6200)

    assert purse(desk) == Wallet(
        balance=1600,
        pending=500,
        held=400,
        lapsing=600,
        lapsing_on=dt.date(2027, 12, 31),
        later=1000,
        later_on=dt.date(2028, 12, 31),
        overdue=0,
        overdue_on=dt.date(2027, 3, 31),
        new_on=dt.date(2028, 12, 31),
        basic=6200,
        title="热心人",
        next_title="巷口灯",
        missing=8800,
        title_done=1200,
        title_span=10_000,
    )


def test_whoever_has_the_last_title_lacks_nothing(desk: Desk) -> None:
    basic(desk, 43, 300_000)
    found = purse(desk)

    assert (found.title, found.next_title) == ("一家亲", "")
    assert (found.missing, found.title_done, found.title_span) == (0, 0, 0)


@pytest.mark.database("sqlite")
@pytest.mark.parametrize(
    ("points", "title", "following"),
    [
        (0, "新邻居", "热心人"),
        (4999, "新邻居", "热心人"),
        (5000, "热心人", "巷口灯"),
        (15_000, "巷口灯", "桂花香"),
        (40_000, "桂花香", "老街坊"),
        (80_000, "老街坊", "香樟树"),
        (150_000, "香樟树", "一家亲"),
        (300_000, "一家亲", ""),
    ],
)
def test_a_title_is_reached_with_its_last_centipoint(
    points: int, title: str, following: str
) -> None:
    has, lacks = titles(points)

    assert (has.name, lacks.name if lacks else "") == (title, following)


def test_balances_tell_service_from_basic_and_whose_they_are(desk: Desk) -> None:
    desk.earn()
    desk.earn(rule=JOIN, units=2, event_at=desk.clock.now)
    desk.earn(who=desk.cast.li, rule=JOIN, units=1, event_at=desk.clock.now)
    desk.decide(desk.propose_back(desk.earn(rule=JOIN, units=3, event_at=desk.clock.now)))
    first = desk.clock.now
    desk.earn(settled=False, event_at=first, units=1)
    desk.earn(settled=False, event_at=first, rule=JOIN, units=1)
    desk.clock.advance(days=1)
    desk.earn(settled=False, event_at=first, units=1)
    set_aside(desk.run, 41, 400, desk.account())
    basic(desk, 43, 1000)

    def has(connection: Connection) -> Balances:
        wang, li = one(desk.cast.wang.resident), one(desk.cast.li.resident)
        family = family_accounts(HERE, one(desk.cast.wang.household), [wang, li])
        return balances(connection, wang, HERE, family, desk.clock.now)

    found = desk.ask(has)
    assert (found.available, found.pending, found.held) == (600, 1000, 400)
    assert (found.basic, found.basic_pending, found.basic_all) == (200, 100, 1300)
    assert found.pending_due == hangzhou(2026, 11, 29, 2), "the first of the two"
    assert (found.title.name, found.missing) == ("新邻居", 3700)
    assert desk.ask(available, one(desk.cast.wang.resident), HERE) == 600
    assert desk.ask(available, UUID(int=404), HERE) == 0


def test_whoever_has_no_account_has_nothing(desk: Desk) -> None:
    found = desk.ask(balances, UUID(int=404), HERE, [], desk.clock.now)

    assert (found.available, found.pending, found.pending_due, found.held) == (0, 0, None, 0)
    assert (found.basic, found.basic_pending, found.basic_all) == (0, 0, 0)


def test_what_waits_says_for_what_where_and_until_when(desk: Desk) -> None:
    start = desk.clock.now
    desk.earn(units=4, event_at=start)
    ours = desk.earn(settled=False, event_at=start, bearing=THERE, reason="扫雪")
    later = start + dt.timedelta(hours=3)
    second = desk.earn(settled=False, event_at=later, needs_second=True, reason="送报")
    set_aside(desk.run, 41, 100, desk.account())

    due = desk.ask(lambda c: c.scalar(select(Award.due).where(Award.id == ours)))
    line: dict[str, Any] = {"balance": None, "position": None}
    assert desk.ask(waiting_lines, desk.account()) == [
        Line(
            id=UUID(int=41),
            kind="hold",
            reason="抽纸",
            place=HERE,
            amount=-100,
            state="held",
            at=desk.clock.now,
            due=None,
            **line,
        ),
        Line(
            id=second,
            kind="award",
            reason="送报",
            place=HERE,
            amount=1000,
            state="confirming",
            at=later,
            due=None,
            **line,
        ),
        Line(
            id=ours,
            kind="award",
            reason="扫雪",
            place=THERE,
            amount=1000,
            state="pending",
            at=start,
            due=due,
            **line,
        ),
    ]
    [month] = desk.ask(history, [desk.account()], None).months
    entries = [(each.act, each.place, each.amount, each.state, each.due) for each in month.entries]
    assert entries == [
        ("hold", HERE, -100, "held", None),
        ("award", HERE, 1000, "confirming", None),
        ("award", THERE, 1000, "pending", due),
        ("award", HERE, 2000, "posted", None),
    ]
    held, waits = month.entries[0], month.entries[2]
    assert (held.id, held.source_kind, held.source_id) == (UUID(int=41), "order", UUID(int=41))
    assert (waits.id, waits.source_kind, waits.source_id) == (ours, "act", UUID(int=900))
    assert (held.reason, held.at) == ("抽纸", desk.clock.now)
    assert (waits.reason, waits.at) == ("扫雪", start)


def test_what_was_posted_says_for_what_and_where(desk: Desk) -> None:
    earned = desk.earn(bearing=THERE, reason="扫雪")
    at = desk.clock.now
    desk.clock.advance(hours=1)
    desk.run(post, moved(11, desk.account(), -300))
    [month] = desk.ask(history, [desk.account()], None).months

    assert month.entries == (
        Entry(
            id=UUID(int=11),
            act="redemption",
            reason="洗洁精一瓶",
            place=HERE,
            amount=-300,
            state="collected",
            at=desk.clock.now,
            due=None,
            source_kind="order",
            source_id=UUID(int=11),
        ),
        Entry(
            id=earned,
            act="award",
            reason="扫雪",
            place=THERE,
            amount=1000,
            state="posted",
            at=at,
            due=None,
            source_kind="award",
            source_id=earned,
        ),
    )
    assert (month.first, month.gained) == (dt.date(2026, 11, 1), 1000)
    assert (month.spent, month.lost) == (300, 0)
    assert desk.ask(posted_lines, desk.account()) == [
        Line(
            id=UUID(int=11),
            kind="redemption",
            reason="洗洁精一瓶",
            place=HERE,
            amount=-300,
            state="posted",
            at=desk.clock.now,
            due=None,
            balance=700,
            position=2,
        ),
        Line(
            id=earned,
            kind="award",
            reason="扫雪",
            place=THERE,
            amount=1000,
            state="posted",
            at=at,
            due=None,
            balance=1000,
            position=1,
        ),
    ]


def test_of_what_was_posted_at_one_moment_the_last_stands_first(desk: Desk) -> None:
    for number in (12, 11, 13):
        desk.run(post, moved(number, desk.account(), 100))
    [month] = desk.ask(history, [desk.account()], None).months

    assert [each.id.int for each in month.entries] == [13, 11, 12]


def test_a_page_has_the_newest_three_months_from_their_first_day(desk: Desk) -> None:
    days = [(2026, 9, 30), (2026, 12, 31), (2027, 1, 1), (2027, 1, 31), (2027, 3, 15)]
    for number, day in enumerate(days, start=1):
        desk.clock.set(hangzhou(*day))
        desk.run(post, moved(number, desk.account(), 100 * number))

    def page(until: dt.date | None) -> tuple[list[tuple[dt.date, int, int]], dt.date | None]:
        found = desk.ask(history, [desk.account()], until)
        months = [(each.first, each.gained, len(each.entries)) for each in found.months]
        return months, found.older

    newest, december = page(None), page(dt.date(2027, 1, 1))
    january, march = dt.date(2027, 1, 1), dt.date(2027, 3, 1)
    assert newest == ([(march, 500, 1), (january, 700, 2)], january)
    assert december == ([(dt.date(2026, 12, 1), 200, 1)], dt.date(2026, 10, 1))
    assert page(dt.date(2026, 10, 1)) == ([(dt.date(2026, 9, 1), 100, 1)], None)
    assert page(dt.date(2026, 9, 1)) == ([], None)


def test_what_was_taken_back_lowers_what_was_gained_and_what_is_left_of_a_return_is_no_gain(
    desk: Desk,
) -> None:
    wrong = desk.earn()
    desk.earn(units=1)
    desk.back(wrong)
    [november] = desk.ask(history, [desk.account()], None).months
    spent = desk.spend(300)
    desk.clock.set(hangzhou(2026, 12, 2))
    desk.back(spent)
    desk.spend(100)
    december = desk.ask(history, [desk.account()], None).months[0]

    assert (november.gained, november.spent, november.lost) == (500, 0, 0)
    assert (december.gained, december.spent, december.lost) == (0, 0, 0)


def test_what_lapsed_or_was_taken_was_not_spent(desk: Desk) -> None:
    earned = desk.earn()
    desk.earn(units=3)
    desk.clock.set(hangzhou(2026, 12, 2))
    desk.spend(100)
    desk.back(earned)
    december, november = desk.ask(history, [desk.account()], None).months
    for year in (2026, 2027):
        night(desk.app, desk.clock, year)
    january = desk.ask(history, [desk.account()], None).months[0]

    assert (november.gained, november.spent, november.lost) == (2500, 0, 0)
    assert (december.gained, december.spent, december.lost) == (0, 100, 1000)
    assert (january.gained, january.spent, january.lost) == (0, 0, 1400)


@pytest.mark.database("sqlite")
@pytest.mark.parametrize(
    ("act", "amount", "state"),
    [
        ("award", 1, "posted"),
        ("adjustment", 1, "posted"),
        ("adjustment", -1, "taken"),
        ("moving", 1, "posted"),
        ("moving", -1, "gone"),
        ("reversal", 1, "returned"),
        ("reversal", -1, "taken"),
        ("expiry", -1, "lapsed"),
        ("redemption", -1, "collected"),
        ("discount", -1, "collected"),
        ("rounding", -1, "collected"),
        ("donation", -1, "gone"),
    ],
)
def test_a_posted_line_is_marked_by_what_became_of_it(act: str, amount: int, state: str) -> None:
    assert state_of(act, amount) == state


def test_basic_points_of_a_family_are_told_apart_by_whose_they_are(desk: Desk) -> None:
    desk.earn(rule=JOIN, units=2)
    desk.earn(who=desk.cast.li, rule=JOIN, units=1, event_at=desk.clock.now)
    desk.earn(who=desk.cast.chen, rule=JOIN, units=1, event_at=desk.clock.now)
    basic(desk, 43, 1000)
    actor = desk.cast.actor(desk.cast.wang)

    found = desk.ask(lambda c: shares(c, directory().viewer(c, actor, desk.clock.now)))
    assert found == Shares(mine=200, others=100, household=1000)


def test_what_waits_for_a_second_person_stands_oldest_first_with_all_that_is_asked(
    desk: Desk,
) -> None:
    start = desk.clock.now
    earlier = start - dt.timedelta(hours=1)
    newer = desk.earn(settled=False, needs_second=True, event_at=start)
    older = desk.earn(settled=False, needs_second=True, event_at=earlier, source_kind="session")
    desk.earn(settled=False, event_at=start)
    desk.earn(settled=False, needs_second=True, event_at=start, bearing=THERE)

    found = desk.ask(awards_to_confirm, HERE)
    assert [each.id for each in found] == [older, newer]
    assert found[1] == WaitingAward(
        id=newer,
        rule="serve.hour",
        reason="便民集市，来帮忙1 小时",
        units=2,
        amount=1000,
        provenance="verified",
        holder_id=one(desk.cast.wang.resident),
        community=HERE,
        recorded_by=one(desk.cast.staff.person),
        event_at=start,
    )
    assert [each.id for each in desk.ask(awards_to_confirm, HERE, ("session",))] == [older]
    assert desk.ask(awards_to_confirm, HERE, ("help",)) == []


def test_what_was_collected_without_a_word_is_named_by_what_it_was_set_aside_for(
    desk: Desk,
) -> None:
    desk.earn()
    set_aside(desk.run, 41, 400, desk.account())

    def collect(work: Work, _command: None) -> Nothing:
        bought = replace(spending(41), account=desk.account(), event_at=work.now)
        leg = ledger.Leg(id=UUID(int=42), act="redemption", credit=REDEEMED, amount=400)
        holds.capture(work, UUID(int=41), bought, [leg])
        return Nothing()

    desk.run(collect, None)
    assert [each.reason for each in desk.ask(posted_lines, desk.account())] == [
        "抽纸",
        "便民集市，来帮忙1 小时",
    ]
