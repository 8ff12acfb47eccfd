"""What was awarded wrongly and is spent: what is there is taken, the rest stays an open item."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from core.acts import Actor, NotInYourScope
from core.errors import KeyReused
from points.accounts import account_id, clearing
from points.correcting import adjustments, shortages
from points.correcting.shortages import (
    CollectShortage,
    WaiveShortage,
    collect_shortage,
    waive_shortage,
)
from tests.people import HERE, THERE
from tests.points.books import one
from tests.points.correcting import Desk
from tests.points.earning import HOUR
from tests.points.test_correcting_pages import said
from tests.points.test_reverse_line import back_there, of, there, used


def collect(desk: Desk, proposal: UUID, actor: Actor | None = None, key: str | None = None) -> Any:
    command = CollectShortage(key=key or desk.serial(), adjustment=proposal)
    return desk.run(collect_shortage, command, actor or desk.cast.actor(desk.cast.staff))


def waive(desk: Desk, proposal: UUID, reason: str, actor: Actor | None = None) -> Any:
    command = WaiveShortage(adjustment=proposal, reason=reason)
    return desk.run(waive_shortage, command, actor or desk.cast.actor(desk.cast.lead))


@pytest.fixture
def short(desk: Desk) -> UUID:
    """An award of twenty points, fifteen of them spent, taken back: fifteen are missing."""
    line = desk.earn(units=4)
    desk.spend(1500)
    proposal = desk.propose_back(line)
    done = desk.decide(proposal)
    assert (done.posted, done.shortage) == (500, 1500)
    return proposal


def test_what_is_there_is_taken_and_never_more(desk: Desk, short: UUID) -> None:
    assert desk.totals() == (2000, 2000, 0)
    assert used(desk) == {0}
    assert desk.row(short).state == "posted"
    assert desk.broken() == []


def test_the_holder_reads_what_was_taken_and_not_what_was_wanted(desk: Desk) -> None:
    line = desk.earn(units=4)
    desk.spend(1500)
    desk.back(line)
    browser = desk.cast.browser(desk.cast.wang)

    assert "改了您的积分：−5 分" in browser.get("/me/messages").get_data(as_text=True)
    assert "收回5分" in said(browser.get(f"/points/{line}"))


def test_what_is_collected_later_is_told_and_added_on_the_receipt(desk: Desk) -> None:
    line = desk.earn(units=4)
    desk.spend(1500)
    proposal = desk.propose_back(line)
    desk.decide(proposal)
    desk.earn()

    collect(desk, proposal, key="a")
    collect(desk, proposal, key="a")

    browser = desk.cast.browser(desk.cast.wang)
    shown = browser.get("/me/messages").get_data(as_text=True)
    assert shown.count("收回了以前还差的 10 分，原因：") == 1
    assert shown.count("改了您的积分：−5 分") == 1
    assert shown.count("改了您的积分：") == 1
    assert "收回15分" in said(browser.get(f"/points/{line}"))


def test_what_is_collected_leads_to_what_it_was_collected_for(desk: Desk) -> None:
    line = desk.earn(units=4)
    desk.spend(1500)
    proposal = desk.propose_back(line)
    desk.decide(proposal)
    desk.earn()
    collect(desk, proposal)
    browser = desk.cast.browser(desk.cast.wang)
    back, collected = sorted(desk.made(proposal), key=lambda made: made.debit_version)

    page = browser.get(f"/points/{collected.id}")
    assert f'href="/points/{line}"' in page.get_data(as_text=True)
    assert "哪一笔便民集市，来帮忙1小时" in said(page)
    assert "还差的要收回20分，当时还差15分昨天10:00" in said(page)
    staff = desk.cast.browser(desk.cast.staff)
    shown = staff.get(f"/desk/correct?line={collected.id}").get_data(as_text=True)
    assert f'href="/desk/correct?line={line}"' in shown
    page = browser.get(f"/points/{back.id}")
    assert f'href="/points/{line}"' in page.get_data(as_text=True)
    assert "还差的" not in said(page)


def test_what_was_taken_is_not_said_to_have_arrived(desk: Desk, short: UUID) -> None:
    desk.earn()
    collect(desk, short)
    collected = max(desk.made(short), key=lambda made: made.debit_version)
    browser = desk.cast.browser(desk.cast.wang)

    assert "−10分已扣减" in said(browser.get("/points/"))
    page = said(browser.get(f"/points/{collected.id}"))
    assert "−10分服务积分，已扣减" in page
    assert "记账今天10:00" in page
    assert "到账" not in page
    staff = desk.cast.browser(desk.cast.staff)
    page = said(staff.get(f"/desk/residents/{one(desk.cast.wang.resident)}"))
    assert "−10已扣减" in page
    assert "−15已领取" in page


def test_what_is_collected_of_an_adjustment_says_what_was_decided(desk: Desk) -> None:
    desk.earn()
    proposal = desk.propose(-1500)
    desk.decide(proposal)
    desk.earn()
    collect(desk, proposal)
    browser = desk.cast.browser(desk.cast.wang)
    taken, collected = sorted(desk.made(proposal), key=lambda made: made.debit_version)

    assert "当时还差5分" in said(browser.get(f"/points/{collected.id}"))
    assert "还差的" not in said(browser.get(f"/points/{taken.id}"))


def test_where_nothing_was_taken_nothing_is_told(desk: Desk) -> None:
    line = desk.earn()
    desk.spend(1000)
    desk.back(line)
    browser = desk.cast.browser(desk.cast.wang)

    assert "改了您的积分" not in browser.get("/me/messages").get_data(as_text=True)
    assert "收回0分" in said(browser.get(f"/points/{line}"))


def test_of_what_is_spent_whole_all_is_missing(desk: Desk) -> None:
    line = desk.earn()
    desk.spend(1000)
    done = desk.back(line)

    assert (done.posted, done.shortage) == (0, 1000)
    assert desk.broken() == []


def test_what_comes_later_is_collected_in_steps(desk: Desk, short: UUID) -> None:
    with pytest.raises(shortages.NothingShort):
        collect(desk, short)
    desk.earn(units=1)
    first = collect(desk, short)
    desk.earn(units=4)
    second = collect(desk, short)

    assert (first.amount, first.missing) == (500, 1000)
    assert (second.amount, second.missing) == (1000, 0)
    assert desk.totals()[2] == 1000
    assert {made.act for made in desk.made(short)} == {"reversal", "adjustment"}
    assert desk.broken() == []
    with pytest.raises(shortages.NothingShort):
        collect(desk, short)


def test_the_same_request_again_takes_nothing_more(desk: Desk, short: UUID) -> None:
    desk.earn(units=1)
    first = collect(desk, short, key="once")
    at_once = collect(desk, short, key="once")
    desk.earn(units=1)
    later = collect(desk, short, key="once")

    assert first == at_once == later
    assert (first.amount, first.missing) == (500, 1000)
    assert desk.totals()[2] == 500
    assert collect(desk, short, key="twice").amount == 500
    assert desk.broken() == []


def test_a_collection_of_an_adjustment_is_repeatable_too(desk: Desk) -> None:
    desk.earn()
    proposal = desk.propose(-1500)
    desk.decide(proposal)
    desk.earn()
    assert [collect(desk, proposal, key="once").amount for _ in range(2)] == [500, 500]
    assert desk.totals() == (2000, 1500, 500)


def test_one_key_is_one_request(desk: Desk, short: UUID) -> None:
    desk.earn(units=1)
    collect(desk, short, key="once")
    other = desk.propose(-5000)
    desk.decide(other)

    desk.earn(units=1)
    with pytest.raises(KeyReused):
        collect(desk, other, key="once")


def test_of_an_award_borne_elsewhere_both_books_get_exactly_the_whole(desk: Desk) -> None:
    """Three steps at an odd face value: what they sum up to is the award, to the centipoint."""
    rule = replace(HOUR, cap_per_day=None, cap_per_month=None)
    line = desk.earn(bearing=THERE, units=7, rule=rule, face_bearing=7_777)
    whole = desk.totals()[2]
    desk.spend(whole - 333)
    done = back_there(desk, line)
    assert (done.posted, done.shortage) == (333, whole - 333)
    actor = there(desk.cast)
    for amount in (2, 501):
        desk.decide(desk.propose(amount))
        collect(desk, done.id, actor)
        assert desk.broken() == []
    desk.earn(units=4)
    assert collect(desk, done.id, actor).missing == 0

    assert of(desk, clearing(HERE, THERE)) == (0, 0)
    assert of(desk, clearing(THERE, HERE)) == (0, 0)
    assert of(desk, account_id("issued", THERE, "service"))[0] == 0
    assert desk.broken() == []


def test_a_deduction_of_more_than_there_is_stays_open_too(desk: Desk) -> None:
    desk.earn()
    proposal = desk.propose(-1500)
    done = desk.decide(proposal)
    desk.earn()

    assert (done.posted, done.shortage) == (1000, 500)
    assert collect(desk, proposal).amount == 500
    assert desk.totals() == (2000, 1500, 500)
    assert desk.broken() == []


def test_many_who_collect_at_once_collect_once(desk: Desk, short: UUID) -> None:
    desk.earn(units=2)

    def attempt(number: int) -> int:
        try:
            return int(collect(desk, short, key=f"of {number}").amount)
        except shortages.NothingShort:
            return 0

    with ThreadPoolExecutor(6) as pool:
        taken = list(pool.map(attempt, range(6)))

    assert sum(taken) == 1000
    assert desk.totals()[2] == 0
    assert desk.broken() == []


def test_what_is_missing_is_let_go_for_a_reason(desk: Desk, short: UUID) -> None:
    with pytest.raises(shortages.WaiverReasonMissing):
        waive(desk, short, " ")
    for _ in range(2):
        assert waive(desk, short, "登记员的错，居民不知情").state == "waived"
    row = desk.row(short)
    assert (row.waived_by, row.waiver) == (desk.cast.lead.person, "登记员的错，居民不知情")
    desk.earn()
    with pytest.raises(shortages.NothingShort):
        collect(desk, short)
    with pytest.raises(shortages.NothingShort):
        waive(desk, short, "再说一遍")


@pytest.mark.parametrize("reason", ["错", "错" * adjustments.WORDS_MAX])
def test_one_character_is_a_reason_and_so_are_a_hundred(
    desk: Desk, short: UUID, reason: str
) -> None:
    with pytest.raises(shortages.WaiverReasonMissing):
        waive(desk, short, "错" * (adjustments.WORDS_MAX + 1))

    waive(desk, short, reason)

    assert desk.row(short).waiver == reason


def test_what_is_missing_of_a_deduction_goes_with_its_undoing(desk: Desk) -> None:
    desk.earn(units=2)
    proposal = desk.propose(-1500)
    assert desk.decide(proposal).shortage == 500
    (taken,) = desk.made(proposal)

    desk.back(taken.id, amount=400)
    assert desk.row(proposal).waived_at is None
    desk.back(taken.id)

    assert desk.row(proposal).waiver == "记错了人"
    with pytest.raises(shortages.NothingShort):
        collect(desk, proposal)
    assert desk.totals()[2] == 1000
    assert desk.broken() == []


def test_what_is_missing_stays_so_where_only_a_collection_is_undone(desk: Desk) -> None:
    desk.earn()
    proposal = desk.propose(-1500)
    desk.decide(proposal)
    desk.earn(units=1)
    collect(desk, proposal)
    _, collected = sorted(desk.made(proposal), key=lambda line: line.debit_version)

    desk.back(collected.id)

    assert desk.row(proposal).waived_at is None
    assert desk.broken() == []


def test_neither_maker_nor_household_lets_it_go(desk: Desk, short: UUID) -> None:
    neighbour = Actor(
        person=one(desk.cast.li.person), role="lead", scope_kind="community", place=HERE
    )

    with pytest.raises(adjustments.AdjustmentNeedsSecondPerson):
        waive(desk, short, "算了", desk.cast.actor(desk.cast.staff))
    with pytest.raises(adjustments.OwnAdjustment):
        waive(desk, short, "算了", neighbour)
    with pytest.raises(adjustments.OwnAdjustment):
        collect(desk, short, neighbour)
    with pytest.raises(NotInYourScope):
        collect(desk, short, desk.cast.actor(desk.cast.elsewhere))


def test_where_nothing_is_missing_nothing_is_let_go(desk: Desk) -> None:
    proposal = desk.propose(500)
    desk.decide(proposal)

    with pytest.raises(shortages.NothingShort):
        waive(desk, proposal, "算了")
    with pytest.raises(shortages.NothingShort):
        collect(desk, proposal)
    with pytest.raises(adjustments.AdjustmentUnknown):
        collect(desk, UUID(int=404))


def test_centipoints_that_are_none_over_there_are_collected_at_home(desk: Desk) -> None:
    line = desk.earn(bearing=THERE, units=1, face_bearing=20_000)
    desk.spend(desk.totals()[2])
    done = back_there(desk, line)
    for _ in range(3):
        desk.decide(desk.propose(1))
        assert collect(desk, done.id, there(desk.cast)).amount == 1
    assert desk.broken() == []
