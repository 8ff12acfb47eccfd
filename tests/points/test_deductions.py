"""Deductions: off by default, only a household's basic points, after two reminders, to zero."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from core import settings
from core.acts import SYSTEM
from core.directory import PlaceClosed, directory
from core.errors import Forbidden
from core.work import Work, present, reading
from exchange.moving import MoveHousehold, follow_residents, move_household
from points.accounts import account_id, household_account
from points.correcting.adjustments import (
    ProposeAdjustment,
    ProposeReversal,
    propose_adjustment,
    propose_reversal,
)
from points.correcting.deciding import DecideAdjustment, decide_adjustment
from points.earning import deductions
from points.earning.awards import award
from points.earning.community_rules import Caps, DeductionsOff, SetRule, set_rule
from points.earning.deductions import Deduct, Deducted, NoteReminder, deduct, note_reminder
from points.earning.recorders import HolderUnknown
from points.earning.rules import RuleUnknown, rules_in_force
from points.models import Reminder, Transfer
from points.proof.verify import verify
from points.settlement import settle_due
from points.wallet import wallet
from tests.admin.scene import words
from tests.conftest import Clock
from tests.ended import end
from tests.exchange.test_moving import honour_here
from tests.exchange.threads import all_at_once
from tests.people import HERE, NEAR, THERE, People
from tests.points.books import one
from tests.points.correcting import Desk, deductions_on
from tests.points.earning import CORRIDOR, HOUR, count, serving

Run = Callable[..., Any]
RULE = "deduct.corridor"


@pytest.fixture
def switched_on(run: Run, cast: People, clock: Clock) -> None:
    """The district lets communities deduct, and this one turned the rule on yesterday."""
    deductions_on(run, cast, clock)
    clock.advance(days=1)


@pytest.fixture
def remind(run: Run, cast: People) -> Callable[..., Any]:
    """Note a reminder of 王秀英's household, by default of today."""

    def call(days_ago: int = 0, **changes: Any) -> Any:
        given: dict[str, Any] = {
            "community": HERE,
            "household": one(cast.wang.household),
            "rule": RULE,
            "day": dt.date(2026, 11, 25) - dt.timedelta(days=days_ago),
            "note": "上门说了",
        }
        return run(note_reminder, NoteReminder(**(given | changes)), cast.actor(cast.staff))

    return call


@pytest.fixture
def take(run: Run, cast: People) -> Callable[..., Deducted]:
    """Deduct from 王秀英's household."""

    def call(who: Any = None, **changes: Any) -> Deducted:
        given: dict[str, Any] = {
            "key": "d-1",
            "community": HERE,
            "household": one(cast.wang.household),
            "rule": RULE,
            "reason": "两次提醒后仍堆纸箱",
        }
        made: Deducted = run(deduct, Deduct(**(given | changes)), cast.actor(who or cast.staff))
        return made

    return call


@pytest.fixture
def earned(app: Flask, run: Run, cast: People, clock: Clock, switched_on: None) -> None:
    """The household has five basic points."""
    given = serving(
        "corridor",
        rule=CORRIDOR,
        units=1,
        holder_kind="household",
        holder_id=one(cast.wang.household),
    )
    run(award, given)
    clock.advance(hours=20)
    with app.app_context():
        settle_due()
    clock.advance(hours=-20)


def balance(connection: Any, household: UUID, community: int = HERE) -> int:
    query = text("SELECT credited - debited FROM accounts WHERE id = :id")
    return int(
        connection.execute(query, {"id": household_account(household, community)}).scalar_one()
    )


def test_after_two_reminders_points_are_taken_with_the_reason(
    run: Run, ask: Run, cast: People, earned: None, remind: Any, take: Any
) -> None:
    remind(10)
    assert remind(3).reminders == 2

    made = take()
    again = take()

    assert (made.amount, made.exists, again.exists) == (200, False, True)
    assert ask(balance, one(cast.wang.household)) == 300
    page = words(cast.browser(cast.wang).get("/points/?kind=basic"))
    assert "楼道堆物未清，两次提醒后仍堆纸箱" in page


def test_the_household_reads_the_receipt_and_may_say_that_it_is_wrong(
    cast: People, earned: None, remind: Any, take: Any
) -> None:
    remind(10)
    remind(3)
    made = take()

    for member in (cast.wang,):
        receipt = cast.browser(member).get(f"/points/{made.id}")
        page = receipt.get_data(as_text=True)
        assert receipt.status_code == 200
        assert "两次提醒后仍堆纸箱" in page
        assert "陈晓琳" in page
        assert "分数不对" in page
    assert cast.browser(cast.chen).get(f"/points/{made.id}").status_code == 404


def test_each_of_the_household_is_told_once_and_nobody_else(
    cast: People, earned: None, remind: Any, take: Any
) -> None:
    remind(10)
    remind(3)
    take()
    take()

    told = "改了您家的基本积分：−2分，原因：楼道堆物未清，两次提醒后仍堆纸箱"
    assert words(cast.browser(cast.wang).get("/me/messages")).count(told) == 1
    assert told not in words(cast.browser(cast.chen).get("/me/messages"))


def test_the_books_still_verify(
    ask: Run, cast: People, earned: None, remind: Any, take: Any
) -> None:
    remind(10)
    remind(3)
    take()
    assert ask(lambda c: [each.name for each in verify(c).broken]) == []


def test_without_two_reminders_on_two_days_nothing_is_taken(
    ask: Run, cast: People, earned: None, remind: Any, take: Any
) -> None:
    with pytest.raises(deductions.RemindersMissing):
        take()
    remind(3)
    assert remind(3, note="又说了一遍").exists
    with pytest.raises(deductions.RemindersMissing):
        take()
    assert ask(balance, one(cast.wang.household)) == 500


def test_what_was_reminded_of_and_taken_is_kept_whole(
    ask: Run, cast: People, clock: Clock, earned: None, remind: Any, take: Any
) -> None:
    household, staff, now = one(cast.wang.household), cast.actor(cast.staff).person, clock.now
    remind(31, note="  " + "说" * 41)
    remind()
    noted = ask(lambda c: c.execute(select(Reminder.__table__).order_by(Reminder.day)).all())
    assert [dict(row._mapping) | {"id": None} for row in noted] == [
        {
            "id": None,
            "community": HERE,
            "household": household,
            "rule": RULE,
            "day": day,
            "note": note,
            "noted_by": staff,
            "noted_at": now,
            "deduction": None,
        }
        for day, note in ((dt.date(2026, 10, 25), "说" * 40), (now.date(), "上门说了"))
    ]
    for days in (-1, 32):
        with pytest.raises(deductions.ReminderDayWrong):
            remind(days)
    made = take(reason="  ")

    assert ask(deductions.deductions_of, household)[0]._asdict() == {
        "id": made.id,
        "community": HERE,
        "household": household,
        "account": household_account(household, HERE),
        "points_kind": "basic",
        "holder_kind": "household",
        "rule": RULE,
        "amount": 200,
        "reason": "楼道堆物未清",
        "day": now.date(),
        "recorded_by": staff,
        "created_at": now,
    }
    used = ask(lambda c: c.scalars(select(Reminder.deduction)).all())
    assert used == [made.id, made.id]
    line = select(Transfer.__table__).where(Transfer.id == made.id)
    posted = ask(lambda c: c.execute(line).one())
    sides = (household_account(household, HERE), account_id("adjusted", HERE, "basic"))
    assert (posted.act, posted.points_kind, posted.community) == ("adjustment", "basic", HERE)
    assert (posted.debit, posted.credit, posted.amount) == (*sides, 200)
    assert (posted.source_kind, posted.source_id) == ("deduction", made.id)
    assert (posted.event_at, posted.note) == (now, "楼道堆物未清")


def test_a_reminder_counts_for_ninety_days(
    ask: Run, cast: People, clock: Clock, earned: None, remind: Any, take: Any
) -> None:
    remind(1)
    remind()
    rules = ask(rules_in_force, HERE, clock.now.date())

    def stands(day: dt.date) -> Any:
        return ask(deductions.standing, one(cast.wang.household), rules, day)[0]

    now = stands(dt.date(2027, 2, 21))
    assert (now.rule, now.name, now.amount) == (RULE, "楼道堆物未清", -200)
    assert [row.day.day for row in now.reminders] == [24, 25]
    assert now.may_deduct
    after = stands(dt.date(2027, 2, 22))
    assert ([row.day.day for row in after.reminders], after.may_deduct) == ([25], False)


def test_reminders_count_for_one_deduction(
    ask: Run, cast: People, clock: Clock, earned: None, remind: Any, take: Any
) -> None:
    remind(10)
    remind(3)
    take()
    clock.advance(days=30)
    with pytest.raises(deductions.RemindersMissing):
        take(key="d-2")
    assert ask(count, "deductions") == 1


def test_two_who_deduct_at_once_use_the_reminders_once(
    app: Flask, ask: Run, cast: People, earned: None, remind: Any, take: Any
) -> None:
    remind(10)
    remind(3)
    clerk, lead = cast.actor(cast.staff), cast.actor(cast.lead)
    assert clerk.person != lead.person

    answers = all_at_once(
        app, [lambda: take(key="d-1"), lambda: take(cast.lead, key="d-2"), lambda: take(key="d-1")]
    )

    assert ask(count, "deductions") == 1
    assert all(isinstance(each, Deducted | deductions.RemindersMissing) for each in answers)


def test_it_never_goes_below_zero(
    run: Run, ask: Run, cast: People, switched_on: None, remind: Any, take: Any
) -> None:
    remind(10)
    remind(3)
    with pytest.raises(deductions.NothingToDeduct):
        take()

    def one_point(work: Work, _command: None) -> None:
        household = one(cast.wang.household)
        work.connection.execute(
            text("UPDATE accounts SET credited = 150 WHERE id = :id"),
            {"id": household_account(household, HERE)},
        )

    run(one_point, None, SYSTEM)
    assert take(key="d-2").amount == 150
    assert ask(balance, one(cast.wang.household)) == 0


def test_the_rules_cap_holds(ask: Run, cast: People, earned: None, remind: Any, take: Any) -> None:
    for days in (10, 9):
        remind(days)
    take()
    for days in (3, 2):
        remind(days)
    with pytest.raises(deductions.NothingToDeduct):
        take(key="d-2")
    assert ask(balance, one(cast.wang.household)) == 300


def test_a_deduction_that_takes_less_than_the_rule_says_uses_the_cap_like_a_whole_one(
    run: Run, ask: Run, cast: People, switched_on: None, remind: Any, take: Any
) -> None:
    household = one(cast.wang.household)

    def has(work: Work, credited: int) -> None:
        work.connection.execute(
            text("UPDATE accounts SET credited = :credited WHERE id = :id"),
            {"credited": credited, "id": household_account(household, HERE)},
        )

    run(has, 150, SYSTEM)
    for days in (10, 9):
        remind(days)
    assert take().amount == 150
    used = "SELECT used FROM rule_usage WHERE length(period) = 7"
    assert ask(lambda c: c.scalar(text(used))) == 1

    run(has, 900, SYSTEM)
    for days in (3, 2):
        remind(days)
    with pytest.raises(deductions.NothingToDeduct):
        take(key="d-2")
    assert ask(balance, household) == 750


def test_off_by_default_nobody_reminds_or_takes(
    run: Run, ask: Run, cast: People, remind: Any, take: Any
) -> None:
    with pytest.raises(DeductionsOff):
        remind(0, day=dt.date(2026, 11, 24))
    with pytest.raises(DeductionsOff):
        take()
    command = SetRule(
        community=HERE,
        rule=RULE,
        valid_from=dt.date(2026, 11, 25),
        points=-200,
        caps=Caps(per_month=1, per_year=6),
        recorded_by=("社工",),
    )
    with pytest.raises(DeductionsOff):
        run(set_rule, command, cast.actor(cast.lead))
    assert ask(count, "community_rules") == 0


def test_the_same_request_is_answered_after_the_switch_was_turned_off(
    run: Run, cast: People, clock: Clock, earned: None, remind: Any, take: Any
) -> None:
    for days in (1, 0):
        remind(days)
    first = take()
    clock.advance(minutes=1)
    off = settings.SetSetting(key="b", setting="points.deductions", place=HERE, value="0")
    run(settings.set_setting, off, cast.actor(cast.lead))
    clock.advance(minutes=1)

    again = take()

    assert (again.id, again.amount, again.exists) == (first.id, first.amount, True)
    with pytest.raises(DeductionsOff):
        take(key="d-2")


def test_only_what_deducts_deducts_and_only_here(
    cast: People, earned: None, remind: Any, take: Any
) -> None:
    for rule in ("covenant.corridor", "serve.hour", "no.such", "deduct.waste"):
        with pytest.raises(RuleUnknown):
            remind(1, rule=rule)
    with pytest.raises(HolderUnknown):
        remind(1, household=one(cast.there.household))
    with pytest.raises(HolderUnknown):
        remind(1, household=one(cast.wang.resident))
    for days in (-1, 32):
        with pytest.raises(deductions.ReminderDayWrong):
            remind(days)
    with pytest.raises(Forbidden):
        take(cast.keeper)


def test_nobody_takes_from_their_own_household(
    run: Run, cast: People, earned: None, remind: Any, take: Any
) -> None:
    remind(10)
    remind(3)

    def moves_in(work: Work, _command: None) -> None:
        work.connection.execute(
            text("UPDATE residents SET person = :person WHERE id = :resident"),
            work.bind(person=cast.staff.person, resident=cast.li.resident),
        )

    run(moves_in, None, SYSTEM)
    with pytest.raises(deductions.OwnDeduction):
        take()
    take(cast.lead)


def test_the_database_keeps_deductions_to_basic_points_of_households(
    run: Run, cast: People, earned: None, remind: Any, take: Any
) -> None:
    remind(10)
    remind(3)
    take()
    for cheat, fence in (
        ("points_kind = 'service'", "only_basic"),
        ("holder_kind = 'resident'", "only_households"),
        ("amount = 0", "amount"),
    ):

        def write(work: Work, _command: None, cheat: str = cheat) -> None:
            work.connection.execute(text(f"UPDATE deductions SET {cheat}"))  # noqa: S608

        with pytest.raises(IntegrityError, match=f"ck_deductions_{fence}"):
            run(write, None, SYSTEM)


def test_the_verifier_finds_a_deduction_without_transfer_or_reminders(
    run: Run, ask: Run, cast: People, earned: None, remind: Any, take: Any
) -> None:
    remind(10)
    remind(3)
    take()
    for cheat, found in (
        ("UPDATE deductions SET amount = 100", "deductions"),
        ("UPDATE reminders SET deduction = NULL", "reminders"),
    ):

        def write(work: Work, _command: None, cheat: str = cheat) -> None:
            work.connection.execute(text(cheat))

        run(write, None, SYSTEM)
        assert found in ask(lambda c: [each.name for each in verify(c).broken])


def title(cast: People, app: Flask, resident: UUID | None = None) -> tuple[int, int]:
    """What 王秀英's family has for its title, and what is missing for the next one."""
    who = cast.actor(cast.wang)
    who = replace(who, resident=resident or who.resident)
    with app.app_context(), reading() as connection:
        seen = directory().viewer(connection, who, present())
        found = wallet(connection, seen)
    return found.basic, found.missing


def test_a_deduction_does_not_lower_the_title_and_giving_it_back_does_not_raise_it(
    app: Flask, run: Run, cast: People, earned: None, remind: Any, take: Any
) -> None:
    before = title(cast, app)
    remind(10)
    remind(3)
    taken = take().id
    assert before == title(cast, app) == (500, 4500)

    for part in (1, None):
        back = ProposeReversal(
            key=f"back {part}", line=taken, reason="当天已清走", evidence="照片", amount=part
        )
        proposed = run(propose_reversal, back, cast.actor(cast.staff))
        run(decide_adjustment, DecideAdjustment(adjustment=proposed.id), cast.actor(cast.lead))
        assert title(cast, app) == before


def test_what_was_wrong_and_is_taken_back_counts_no_more_for_the_title(
    app: Flask, run: Run, cast: People, earned: None
) -> None:
    proposed = run(
        propose_adjustment,
        ProposeAdjustment(
            key="down",
            holder_kind="household",
            holder_id=one(cast.wang.household),
            points_kind="basic",
            amount=-300,
            reason="记到了别家的分",
            evidence="记分表",
        ),
        cast.actor(cast.staff),
    )
    run(decide_adjustment, DecideAdjustment(adjustment=proposed.id), cast.actor(cast.lead))

    assert title(cast, app) == (200, 4800)


@pytest.mark.usefixtures("earned")
def test_a_deduction_lowers_no_title_where_the_household_has_moved_since(
    app: Flask, run: Run, cast: People, clock: Clock, remind: Any, take: Any
) -> None:
    remind(10)
    remind(3)
    line = take().id
    members = (one(cast.wang.resident), one(cast.li.resident))
    first = MoveHousehold(key="away", community=THERE, residents=members)
    there = run(move_household, first, cast.actor(cast.elsewhere))
    clock.advance(minutes=1)
    on = MoveHousehold(key="on", community=NEAR, residents=there.residents)
    near = run(move_household, on, cast.actor(cast.near))

    assert title(cast, app, near.residents[0]) == (500, 4500)
    back = ProposeReversal(key="back", line=line, reason="当天已清走", evidence="照片")
    proposed = run(propose_reversal, back, cast.actor(cast.staff))
    run(decide_adjustment, DecideAdjustment(adjustment=proposed.id), cast.actor(cast.lead))
    with app.app_context():
        follow_residents()
    assert title(cast, app, near.residents[0]) == (500, 4500)


@pytest.mark.usefixtures("earned")
def test_what_was_deducted_from_who_moves_in_later_is_not_of_who_moved_away(
    app: Flask, run: Run, cast: People, clock: Clock, remind: Any, take: Any
) -> None:
    home = one(cast.wang.household)
    members = (one(cast.wang.resident), one(cast.li.resident))
    command = MoveHousehold(key="away", community=THERE, residents=members)
    moved = run(move_household, command, cast.actor(cast.elsewhere))
    clock.advance(hours=1)
    back = MoveHousehold(
        key="in", community=HERE, residents=(one(cast.there.resident),), household=home
    )
    run(move_household, back, cast.actor(cast.staff))
    run(honour_here, household_account(home, HERE))
    remind(10)
    remind(3)
    take()

    assert title(cast, app, moved.residents[0]) == (500, 4500)


@pytest.mark.usefixtures("earned")
def test_what_was_wrongly_deducted_follows_a_household_that_moved_meanwhile(
    app: Flask, run: Run, ask: Run, cast: People, remind: Any, take: Any
) -> None:
    remind(10)
    remind(3)
    line = take().id
    members = (one(cast.wang.resident), one(cast.li.resident))
    command = MoveHousehold(key="away", community=THERE, residents=members)
    home = run(move_household, command, cast.actor(cast.elsewhere)).household

    proposed = run(
        propose_reversal,
        ProposeReversal(key="back", line=line, reason="当天已清走", evidence="照片"),
        cast.actor(cast.staff),
    )
    run(decide_adjustment, DecideAdjustment(adjustment=proposed.id), cast.actor(cast.lead))
    with app.app_context():
        assert follow_residents() == "followed 1"

    assert ask(balance, one(cast.wang.household)) == 0
    assert ask(balance, home, THERE) == 500


@pytest.mark.usefixtures("switched_on")
def test_a_community_that_is_over_takes_nothing_away(
    run: Run, cast: People, clock: Clock, remind: Callable[..., Any]
) -> None:
    end(run, HERE, dt.date(2026, 11, 24), THERE)

    with pytest.raises(PlaceClosed):
        remind()


def test_by_the_catalogue_nobody_may_be_deducted_from(desk: Desk) -> None:
    household = one(desk.cast.wang.household)
    rules = desk.ask(rules_in_force, HERE, dt.date(2026, 12, 1))
    standing = desk.ask(deductions.standing, household, rules, dt.date(2026, 12, 1))
    assert all(not each.may_deduct for each in standing)
    assert desk.ask(deductions.deductions_of, household) == []


def test_a_household_that_was_never_reminded_may_not_be_deducted_from(desk: Desk) -> None:
    rule = replace(CORRIDOR, amount=-200)
    household = one(desk.cast.wang.household)
    [found] = desk.ask(deductions.standing, household, [rule, HOUR], dt.date(2026, 12, 1))
    assert (found.amount, found.reminders, found.may_deduct) == (-200, (), False)
