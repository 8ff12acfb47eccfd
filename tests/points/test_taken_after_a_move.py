"""What is taken back follows its holder: into another community, into another record."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from core.acts import SYSTEM
from core.work import Work
from exchange.models import FaceValue
from exchange.moving import (
    MergeRecords,
    MoveHousehold,
    follow_residents,
    merge_records,
    move_household,
)
from points.accounts import household_account
from points.correcting import adjustments, shortages
from points.correcting.shortages import CollectShortage, collect_shortage
from points.models import Transfer
from residents.models import Resident
from residents.people import EnterResident, enter_resident
from tests.exchange.test_moving import totals
from tests.people import HERE, NEAR, THERE, Someone
from tests.points.books import Nothing, one
from tests.points.calendar import hangzhou, night
from tests.points.correcting import Desk
from tests.points.earning import CORRIDOR
from tests.points.test_correcting_kept import messages
from tests.points.test_correcting_pages import said
from tests.points.test_reverse_line import back_there, lead_there, there, used


def worth(work: Work, _command: None) -> Nothing:
    """Two points from here are worth three elsewhere."""
    begins = dt.date(2026, 1, 1)
    given = FaceValue(community=HERE, valid_from=begins, value=15_000, set_by=SYSTEM.person)
    work.session.add(given)
    return Nothing()


def moves(desk: Desk, who: Someone | None = None) -> Someone:
    """Let 王秀英 move elsewhere, where her points become half as many again."""
    desk.run(worth, None)
    wang, staff = who or desk.cast.wang, desk.cast.actor(desk.cast.elsewhere)
    command = MoveHousehold(key="away", community=THERE, residents=(one(wang.resident),))
    moved = desk.run(move_household, command, staff)
    return Someone(
        wang.name,
        wang.phone,
        community=THERE,
        person=wang.person,
        resident=moved.residents[0],
        household=moved.household,
    )


def next_door(desk: Desk, who: Someone) -> Someone:
    """Let somebody move where points are worth the same."""
    command = MoveHousehold(key="away", community=NEAR, residents=(one(who.resident),))
    moved = desk.run(move_household, command, desk.cast.actor(desk.cast.near))
    return replace(who, community=NEAR, resident=moved.residents[0], household=moved.household)


def collect(desk: Desk, proposal: UUID) -> shortages.Collected:
    done: shortages.Collected = desk.run(
        collect_shortage,
        CollectShortage(key=desk.serial(), adjustment=proposal),
        desk.cast.actor(desk.cast.staff),
    )
    return done


def test_what_somebody_took_along_is_taken_where_they_live_now(desk: Desk) -> None:
    line = desk.earn(units=4)
    desk.spend(333)
    now = moves(desk)
    assert desk.totals(now)[2] == 2500

    done = desk.back(line)

    # Half a centipoint was too small to go along, and is too small to come back.
    assert (done.posted, done.shortage) == (1666, 334)
    assert (desk.totals()[2], desk.totals(now)[2]) == (0, 0)
    assert desk.broken() == []


def test_no_more_comes_back_than_is_taken(desk: Desk) -> None:
    desk.earn(units=4)
    now = moves(desk)

    assert desk.decide(desk.propose(-500)).posted == 500
    assert (desk.totals()[2], desk.totals(now)[2]) == (0, 2250)
    assert desk.broken() == []


def test_what_is_missing_is_collected_where_they_live_now(desk: Desk) -> None:
    line = desk.earn(units=4)
    desk.spend(1500)
    proposal = desk.propose_back(line)
    now = moves(desk)
    assert desk.decide(proposal).shortage == 1500
    with pytest.raises(shortages.NothingShort):
        collect(desk, proposal)
    desk.earn(units=4, who=now, community=THERE, bearing=THERE)

    assert (collect(desk, proposal).missing, desk.totals(now)[2]) == (167, 0)
    assert desk.broken() == []


def again(desk: Desk, community: int = HERE) -> Someone:
    """Enter 王秀英 a second time, by another name."""
    clerk = desk.cast.staff if community == HERE else desk.cast.elsewhere
    command = EnterResident(community=community, name="王秀瑛")
    made = desk.run(enter_resident, command, desk.cast.actor(clerk))
    return Someone("王秀瑛", "", community=community, resident=made.resident)


def merge(desk: Desk, keep: Someone, drop: Someone) -> None:
    """Let one record of two go on."""
    clerk = desk.cast.staff if keep.community == HERE else desk.cast.elsewhere
    command = MergeRecords(key=desk.serial(), keep=one(keep.resident), drop=one(drop.resident))
    desk.run(merge_records, command, desk.cast.actor(clerk))


def test_of_two_records_that_became_one_the_other_one_pays(desk: Desk) -> None:
    line = desk.earn(units=4)
    desk.spend(2000)
    proposal = desk.propose_back(line)
    desk.decide(proposal)
    other = again(desk)
    merge(desk, other, desk.cast.wang)
    desk.earn(units=6, who=other)

    assert collect(desk, proposal).missing == 0
    assert desk.totals(other)[2] == 1000
    assert desk.broken() == []


def test_what_lapsed_after_the_move_is_not_lost_twice(desk: Desk, app: Flask) -> None:
    line, other = desk.earn(units=4), desk.earn(units=2)
    night(app, desk.clock, 2026)
    desk.clock.set(hangzhou(2027, 5, 5))
    now = moves(desk)
    desk.decide(desk.propose(-400))
    night(app, desk.clock, 2027)
    assert desk.totals(now)[2] == 0

    first, second = desk.back(line), desk.back(other)

    assert (first.lapsed, first.shortage) == (2000, 0)
    assert (second.lapsed, second.shortage) == (600, 400)
    assert desk.broken() == []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_records_that_became_one_lose_what_lapsed_once(
    desk: Desk, app: Flask, order: tuple[int, int]
) -> None:
    other = again(desk)
    lines = [desk.earn(units=4), desk.earn(units=4, who=other)]
    night(app, desk.clock, 2026)
    desk.clock.set(hangzhou(2027, 5, 5))
    merge(desk, other, desk.cast.wang)
    desk.spend(3000, other)
    night(app, desk.clock, 2027)
    desk.clock.set(hangzhou(2028, 5, 5))
    desk.earn(units=8, who=other, event_at=desk.clock.now)

    first, second = (desk.back(lines[place]) for place in order)

    assert (first.lapsed, first.posted, second.lapsed, second.posted) == (1000, 1000, 0, 2000)
    # Without both, the thirty were spent of the forty that came later.
    assert desk.totals(other)[2] == 1000
    assert desk.broken() == []


def test_what_three_records_had_lapsed_once_in_two_communities_points(
    desk: Desk, app: Flask
) -> None:
    second, third = again(desk), again(desk, THERE)
    lines = [
        desk.earn(units=4),
        desk.earn(units=2, who=second),
        desk.earn(units=3, who=third, community=THERE, bearing=THERE),
    ]
    night(app, desk.clock, 2026)
    desk.clock.set(hangzhou(2027, 5, 5))
    merge(desk, second, desk.cast.wang)
    merge(desk, third, moves(desk, second))
    assert desk.totals(third)[2] == 6000
    gone = desk.propose(-3000, there(desk.cast), holder_id=third.resident)
    desk.decide(gone, lead_there(desk))
    night(app, desk.clock, 2027)
    desk.clock.set(hangzhou(2028, 5, 5))
    desk.earn(units=8, who=third, community=THERE, bearing=THERE, event_at=desk.clock.now)

    done = [desk.back(lines[0]), desk.back(lines[1]), back_there(desk, lines[2])]

    assert [each.lapsed for each in done] == [2000, 0, 0]
    assert [each.posted for each in done] == [0, 1000, 1500]
    # Without the three, the thirty were spent of the forty that came later.
    assert desk.totals(third)[2] == 1000
    assert desk.broken() == []


def test_what_was_fetched_back_is_not_where_somebody_went_on_to(desk: Desk, app: Flask) -> None:
    first = desk.earn(units=4)
    now = moves(desk)
    line = desk.earn(units=2, who=now, community=THERE, bearing=THERE)
    # Points of the second place were brought back to the first one; then a third one follows.
    assert desk.back(first).posted == 2000
    staff = desk.cast.actor(desk.cast.staff)
    on = MoveHousehold(key="on", community=HERE, residents=(one(now.resident),))
    desk.run(move_household, on, staff)
    night(app, desk.clock, 2026)
    desk.clock.set(hangzhou(2027, 5, 5))
    night(app, desk.clock, 2027)

    done = back_there(desk, line)

    assert (done.lapsed, done.shortage) == (1000, 0)
    assert desk.broken() == []


def joins(desk: Desk, household: UUID | None) -> None:
    """Let the community's lead live in a household elsewhere."""

    def move_in(work: Work, _command: None) -> Nothing:
        work.session.add(
            Resident(
                id=work.new_id(),
                person=one(desk.cast.lead.person),
                household=one(household),
                community=THERE,
                state="confirmed",
                valid_from=work.day,
                created_at=work.now,
            )
        )
        return Nothing()

    desk.run(move_in, None)


def test_what_paid_for_something_else_lapsed_in_its_stead(desk: Desk, app: Flask) -> None:
    first = desk.earn()
    desk.spend(1000)
    second = again(desk)
    merge(desk, second, desk.cast.wang)
    later = desk.earn(who=second)
    # It takes what came later: of that nothing is left on the account that it came to.
    assert desk.back(first).posted == 1000
    third = desk.cast.chen
    desk.earn(who=third)
    merge(desk, third, second)
    for year in (2026, 2027):
        night(app, desk.clock, year)
    assert desk.totals(third)[2] == 0

    # Had it never been, the first would have been missing until the third paid for it.
    done = desk.back(later)

    assert (done.posted, done.lapsed, done.shortage) == (0, 1000, 0)
    assert desk.broken() == []


def test_what_comes_late_to_where_much_was_taken_of_is_as_old_as_it_is(
    desk: Desk, app: Flask
) -> None:
    second, third = again(desk), desk.cast.chen
    desk.earn(units=2, who=second)
    night(app, desk.clock, 2026)
    desk.clock.set(hangzhou(2027, 5, 5))
    first = desk.earn(event_at=desk.clock.now)
    desk.spend(1000)
    merge(desk, second, desk.cast.wang)
    later = desk.earn(who=second, event_at=desk.clock.now)
    # It takes what came later: only what is older is left to go along.
    assert desk.back(first).posted == 1000
    merge(desk, third, second)
    desk.earn(who=third, event_at=desk.clock.now)
    for year in (2027, 2028):
        night(app, desk.clock, year)
    desk.clock.set(hangzhou(2029, 5, 5))
    desk.decide(desk.propose(300, holder_id=one(second.resident)))

    assert desk.back(later).lapsed == 1000

    with app.app_context():
        follow_residents()
    left = []
    for year in (2029, 2030):
        night(app, desk.clock, year)
        left.append(desk.totals(third)[2])
    assert left == [300, 0]
    assert desk.broken() == []


def test_whoever_lives_with_them_now_does_not_decide(desk: Desk) -> None:
    proposal = desk.propose(500)
    joins(desk, moves(desk).household)

    with pytest.raises(adjustments.OwnAdjustment):
        desk.decide(proposal)


def away(desk: Desk) -> tuple[UUID, int]:
    """Let 王秀英's household move elsewhere, all of it; return it with its account there."""
    members = (one(desk.cast.wang.resident), one(desk.cast.li.resident))
    command = MoveHousehold(key="away", community=THERE, residents=members)
    moved = desk.run(move_household, command, desk.cast.actor(desk.cast.elsewhere))
    return moved.household, household_account(moved.household, THERE)


def lives(desk: Desk, household: UUID) -> list[UUID]:
    """Return who lives in a household."""
    query = select(Resident.id).where(Resident.household == household, Resident.valid_to.is_(None))
    return list(desk.ask(lambda c: c.scalars(query).all()))


def honoured(desk: Desk) -> tuple[UUID, UUID]:
    """Give 王秀英's household five basic points by a rule and seven by two people's word."""
    old = one(desk.cast.wang.household)
    line = desk.earn(rule=CORRIDOR, units=1, holder_kind="household", holder_id=old)
    given = desk.propose(700, holder_kind="household", holder_id=old, points_kind="basic")
    desk.decide(given)
    return line, one(desk.made(given)[0].id)


def test_what_a_household_took_along_is_taken_where_it_lives_now(desk: Desk) -> None:
    line, given = honoured(desk)
    old = household_account(one(desk.cast.wang.household), HERE)
    _, new = away(desk)

    assert (desk.back(line).posted, desk.ask(totals, new)) == (500, (1200, 500, 0))
    assert (desk.back(given).posted, desk.ask(totals, new)) == (700, (1200, 1200, 0))
    assert desk.ask(totals, old) == (2400, 2400, 0)
    assert desk.broken() == []


def test_what_is_missing_of_a_household_is_collected_where_it_lives_now(desk: Desk) -> None:
    line, _ = honoured(desk)
    proposal = desk.propose_back(line)
    taken = desk.propose(
        -900,
        holder_kind="household",
        holder_id=one(desk.cast.wang.household),
        points_kind="basic",
    )
    desk.decide(taken)
    home, new = away(desk)
    assert desk.decide(proposal).shortage == 200
    assert desk.ask(totals, new) == (300, 300, 0)

    desk.clock.advance(days=10)
    desk.earn(
        rule=CORRIDOR,
        units=1,
        holder_kind="household",
        holder_id=home,
        community=THERE,
        bearing=THERE,
        event_at=desk.clock.now,
    )
    assert (collect(desk, proposal).missing, desk.ask(totals, new)) == (0, (800, 500, 0))
    told = desk.ask(messages, "points.collected_later_home")
    assert {params["points"] for _, params in told} == {"2"}
    assert {one(desk.cast.wang.person), one(desk.cast.li.person)} == {person for person, _ in told}
    assert desk.broken() == []


@pytest.mark.parametrize("settled", [True, False])
def test_what_is_taken_back_can_be_earned_again_where_they_live_now(
    desk: Desk, *, settled: bool
) -> None:
    day = desk.clock.now
    line = desk.earn(units=8, settled=settled)
    now = moves(desk)
    assert used(desk) == {8}

    desk.back(line)

    assert used(desk) == {0}
    desk.earn(units=8, who=now, community=THERE, bearing=THERE, event_at=day)
    assert used(desk) == {0, 8}
    assert desk.broken() == []


def test_what_was_recorded_after_the_move_is_free_again_only_where_it_counted(desk: Desk) -> None:
    now = moves(desk)
    desk.earn(units=3, who=now, community=THERE, bearing=THERE)
    desk.clock.advance(hours=1)
    late = desk.earn(units=3, event_at=desk.clock.now - dt.timedelta(days=1))
    assert used(desk) == {3}

    desk.back(late)

    assert used(desk) == {0, 3}
    assert desk.broken() == []


def test_what_a_household_used_is_free_once_wherever_it_went(desk: Desk) -> None:
    line, _ = honoured(desk)
    home, _ = away(desk)
    back = MoveHousehold(
        key="back",
        community=HERE,
        household=one(desk.cast.wang.household),
        residents=tuple(lives(desk, home)),
    )
    desk.run(move_household, back, desk.cast.actor(desk.cast.staff))
    assert used(desk, CORRIDOR.key) == {1}

    desk.back(line)

    assert used(desk, CORRIDOR.key) == {0}
    assert desk.broken() == []


def test_whoever_lives_in_the_household_now_does_not_decide_about_the_one_it_was(
    desk: Desk,
) -> None:
    old = one(desk.cast.wang.household)
    proposal = desk.propose(500, holder_kind="household", holder_id=old, points_kind="basic")
    home, _ = away(desk)
    joins(desk, home)

    with pytest.raises(adjustments.OwnAdjustment):
        desk.decide(proposal)


def test_what_is_older_lapses_with_its_year_where_they_live_now(desk: Desk, app: Flask) -> None:
    desk.earn(units=2)
    night(app, desk.clock, 2026)
    desk.clock.set(hangzhou(2027, 5, 5))
    wrong = desk.earn(units=2, event_at=desk.clock.now)
    now = moves(desk)
    assert desk.back(wrong).posted == 1000
    assert desk.totals(now)[2] == 1500

    night(app, desk.clock, 2027)

    assert desk.totals(now)[2] == 0
    assert desk.broken() == []


@pytest.mark.parametrize("empty", [True, False])
def test_what_lapsed_later_is_lost_once_whether_or_not_anything_went_along(
    desk: Desk, app: Flask, *, empty: bool
) -> None:
    line = desk.earn(units=4)
    desk.spend(2000 if empty else 1999)
    now = next_door(desk, desk.cast.wang)
    desk.earn(units=4, who=now, community=NEAR, bearing=NEAR, event_at=desk.clock.now)
    night(app, desk.clock, 2026)
    desk.clock.set(hangzhou(2027, 5, 5))
    night(app, desk.clock, 2027)
    assert desk.totals(now)[2] == 0

    done = desk.back(line)

    # Without it, the twenty were spent of the twenty that came where they live now.
    assert (done.lapsed, done.posted, done.shortage) == (2000, 0, 0)
    assert desk.broken() == []


def test_what_the_other_record_lost_before_is_none_of_what_came_along(
    desk: Desk, app: Flask
) -> None:
    line, other = desk.earn(units=4), again(desk)
    desk.spend(2000)
    desk.earn(units=4, who=other)
    night(app, desk.clock, 2026)
    desk.clock.set(hangzhou(2027, 5, 5))
    night(app, desk.clock, 2027)
    desk.clock.set(hangzhou(2028, 5, 5))
    merge(desk, other, desk.cast.wang)

    done = desk.back(line)

    assert (done.lapsed, done.shortage) == (0, 2000)
    assert desk.broken() == []


@pytest.mark.timeout(60)
def test_what_was_fetched_back_does_not_lead_the_way_on(desk: Desk) -> None:
    first, second = desk.earn(units=4), desk.earn(units=4)
    now = moves(desk)
    # Taken where they lived, so points of the new place were brought back to the old one.
    assert desk.decide(desk.propose_back(first)).posted == 2000
    staff = desk.cast.actor(desk.cast.staff)
    on = MoveHousehold(key="on", community=HERE, residents=(one(now.resident),))
    desk.run(move_household, on, staff)

    done = desk.decide(desk.propose_back(second))

    assert (done.posted, done.lapsed, done.shortage) == (2000, 0, 0)
    assert desk.broken() == []


def test_what_was_all_spent_before_a_move_lapsed_nowhere(desk: Desk) -> None:
    line = desk.earn()
    desk.spend(1000)
    moves(desk)
    done = desk.back(line)
    assert (done.lapsed, done.shortage) == (0, 1000)


@pytest.mark.parametrize("far", [True, False])
def test_the_receipt_of_what_was_brought_back_says_who_decided(desk: Desk, *, far: bool) -> None:
    who = desk.cast.wang if far else again(desk)
    line = desk.earn(units=4, who=who)
    if not far:
        merge(desk, desk.cast.wang, who)
    browser = desk.cast.browser(moves(desk) if far else desk.cast.wang)
    desk.clock.advance(hours=1)
    if not far:
        desk.decide(desk.propose(-100))
    desk.back(line)

    moved = select(Transfer.id).where(Transfer.act == "moving").order_by(Transfer.posted_at)
    shown = [
        said(browser.get(f"/points/{each}")) for each in desk.ask(lambda c: list(c.scalars(moved)))
    ]
    came = 2 if far else 1
    for words in shown[:came]:
        assert "谁记的" in words
    for words in shown[came:]:
        assert "谁提出陈晓琳社工谁核对赵建平社区负责人" in words
        assert "谁记的" not in words
    assert len(shown) == 2 * came
