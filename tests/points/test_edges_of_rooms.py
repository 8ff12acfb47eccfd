"""What the rooms of the ledger answer and refuse at their edges."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from core.errors import Forbidden
from core.work import Work
from points import ledger
from points.accounts import open_resident, resident_account
from points.bulletins import lists, paper
from points.bulletins.objecting import Object, object_to_line
from points.correcting import corrected
from points.correcting.adjustments import ProposeReversal, propose_reversal
from points.correcting.corrections import (
    AnswerCorrection,
    CorrectionUnknown,
    OpenCorrection,
    WithdrawCorrection,
    answer_correction,
    corrections_about,
    open_correction,
    withdraw_correction,
)
from points.correcting.queries import adjustments_about, adjustments_waiting
from points.earning import act_sheets, deductions, honour, rule_table, sheet_queries
from points.earning.acts import RecordAct, record_act
from points.earning.awards import UnitsOutOfRange, award, void_award
from points.earning.community_rules import Caps
from points.earning.recorders import Act, HolderUnknown
from points.earning.rules import rules_in_force
from points.earning.simulation import Proposal, simulate
from points.expiring import rush
from points.expiring.expiry import expire_points
from points.lines import LineUnknown, line_of
from points.models import AccountEnd
from points.queries import balances, waiting_lines
from points.statements import paper as statement_paper
from points.statements import words
from points.statements.book import BookRow
from points.statements.book import moved as moved_in
from points.statements.check import Issued
from points.statements.paper import Heading
from points.statements.periods import Period, Subject
from points.statements.sums import Line, Sums, sums_of
from points.statements.sums import lines as lines_of
from points.wallet import history
from tests import printed
from tests.people import HERE, THERE, People
from tests.points.books import RESIDENT, Nothing, one
from tests.points.bulletins_scene import NOVEMBER, november, post
from tests.points.calendar import give_back, hangzhou, night, policy, set_aside
from tests.points.correcting import Desk
from tests.points.earning import CORRIDOR, HOUR, JOIN, count, serving
from tests.points.statements_scene import moved
from tests.points.test_posting import totals
from tests.points.test_reverse_line import back_there, there
from tests.points.test_shortage import collect
from tests.points.test_taken_after_a_move import moves
from tests.residents.forms import send

Run = Callable[..., Any]


def asks(desk: Desk, line: UUID) -> UUID:
    """王秀英 says that a line is wrong."""
    command = OpenCorrection(subject=line, words="少记了")
    return one(desk.run(open_correction, command, desk.cast.actor(desk.cast.wang)).id)


def test_the_same_proposal_again_is_the_same(desk: Desk) -> None:
    line = desk.earn()
    assert desk.propose_back(line, key="a") == desk.propose_back(line, key="a")


def test_points_of_nobody_who_is_known_are_not_undone(desk: Desk) -> None:
    def opened(work: Work, _command: None) -> Nothing:
        open_resident(work, RESIDENT, HERE)
        return Nothing()

    desk.run(opened, None)
    made = desk.run(award, serving("x"), desk.cast.actor(desk.cast.staff))
    command = ProposeReversal(key="k", line=made.id, reason="记错了", evidence="签到表")
    with pytest.raises(HolderUnknown):
        desk.run(propose_reversal, command, desk.cast.actor(desk.cast.staff))


def test_a_request_to_another_community_is_not_answered_here(desk: Desk) -> None:
    who = desk.cast.there
    line = desk.earn(who=who, community=THERE, bearing=THERE)
    command = OpenCorrection(subject=line, words="少记了")
    asked = desk.run(open_correction, command, desk.cast.actor(who))
    with pytest.raises(CorrectionUnknown):
        desk.propose(500, correction=asked.id)


def test_a_request_that_was_withdrawn_meanwhile_stays_withdrawn(desk: Desk) -> None:
    line = desk.earn()
    asked = asks(desk, line)
    proposal = desk.propose(500, correction=asked)
    withdrawn = WithdrawCorrection(correction=asked)
    desk.run(withdraw_correction, withdrawn, desk.cast.actor(desk.cast.wang))

    assert desk.decide(proposal).posted == 500
    assert [each.state for each in desk.ask(corrections_about, line)] == ["withdrawn"]


def test_a_request_about_an_award_that_was_taken_back_can_still_be_answered(desk: Desk) -> None:
    line = desk.earn(settled=False)
    asked = asks(desk, line)

    def void(work: Work, identity: UUID) -> bool:
        return void_award(work, identity)

    desk.run(void, line)
    desk.decide(desk.propose(500, correction=asked))
    assert [each.outcome for each in desk.ask(corrections_about, line)] == ["adjusted"]


def test_whoever_is_no_resident_asks_nothing_for_themselves_or_for_nobody(desk: Desk) -> None:
    line, staff = desk.earn(), desk.cast.actor(desk.cast.staff)
    with pytest.raises(Forbidden):
        desk.run(open_correction, OpenCorrection(subject=line, words="?"), staff)
    nobody = OpenCorrection(subject=line, words="?", resident=UUID(int=404))
    with pytest.raises(LineUnknown):
        desk.run(open_correction, nobody, staff)


def test_what_two_people_gave_is_undone_like_an_award(desk: Desk, app: Flask) -> None:
    assert desk.decide(desk.propose(-300)).shortage == 300
    given = desk.propose(500)
    desk.decide(given)
    line = desk.made(given)[0].id
    desk.back(line)
    spent = desk.spend(100) if desk.totals()[2] else None
    said = desk.ask(adjustments_about, line, "adjustment", given)

    assert spent is None
    with app.test_request_context():
        told = [corrected.undone(each, desk.clock.now) for each in said]
        assert [len(corrected.both(each)) for each in said] == [2, 2]
    assert {each[-6:] for each in told} == {"退回 5 分", "收回 5 分"}
    assert desk.broken() == []


def test_of_what_waits_only_who_proposed_it_is_named(desk: Desk, app: Flask) -> None:
    desk.propose(500)
    [waiting] = desk.ask(adjustments_waiting, HERE)

    with app.test_request_context():
        said = corrected.both(waiting)

    assert [(label, person) for label, person, _role in said] == [
        ("谁提出", desk.cast.staff.person)
    ]


def test_centipoints_that_are_none_over_there_are_collected_at_home(desk: Desk) -> None:
    line = desk.earn(bearing=THERE, units=1, face_bearing=20_000)
    desk.spend(desk.totals()[2])
    done = back_there(desk, line)
    for _ in range(3):
        desk.decide(desk.propose(1))
        assert collect(desk, done.id, there(desk.cast)).amount == 1
    assert desk.broken() == []


def test_a_chunk_has_an_end_and_an_act_has_units(desk: Desk) -> None:
    act = Act(
        rule="report.idea",
        holder_kind="resident",
        holder_id=one(desk.cast.wang.resident),
        units=0,
    )
    rows = act_sheets.listed([(1, act)] * (act_sheets.CHUNK + 1), dt.date(2026, 11, 24))
    staff = desk.cast.actor(desk.cast.staff)
    with pytest.raises(act_sheets.ActSheetTooLong):
        desk.run(act_sheets.record_rows, act_sheets.RecordRows(community=HERE, rows=rows), staff)
    command = RecordAct(
        key="k",
        community=HERE,
        rule=act.rule,
        holder_kind="resident",
        holder_id=act.holder_id,
        units=0,
    )
    with pytest.raises(UnitsOutOfRange):
        desk.run(record_act, command, staff)


def test_a_sheet_is_found_again_by_its_community(
    desk: Desk, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    act = Act(
        rule="report.idea",
        holder_kind="resident",
        holder_id=one(desk.cast.wang.resident),
        units=1,
    )
    rows = act_sheets.listed([(1, act), (2, replace(act, rule="no.such"))], dt.date(2026, 11, 24))
    staff = desk.cast.actor(desk.cast.staff)
    with app.app_context():
        sheet, _ = act_sheets.record_all(staff, HERE, rows, name="十一月")
    desk.clock.advance(hours=1)
    with app.app_context():
        other, _ = act_sheets.record_all(staff, HERE, rows[1:], name="又一张")

    last, line = desk.ask(sheet_queries.recent_sheets, HERE)
    page = desk.ask(sheet_queries.sheet_of, sheet, HERE)
    assert (line.id, line.name, page.line) == (sheet, "十一月", line)
    assert page.counts == {"recorded": 1, "refused": 1}
    assert [row.number for row in page.rows] == [2, 1]
    assert desk.ask(sheet_queries.sheet_of, other, HERE).line == last
    monkeypatch.setattr(sheet_queries, "RECENT", 1)
    assert desk.ask(sheet_queries.recent_sheets, HERE) == [last]
    with pytest.raises(act_sheets.ActSheetUnknown):
        desk.ask(sheet_queries.sheet_of, sheet, THERE)


def test_basic_points_of_a_year_and_what_rules_there_are(desk: Desk) -> None:
    line = desk.earn(rule=JOIN, units=2)
    basic = resident_account(one(desk.cast.wang.resident), HERE, "basic")

    assert desk.ask(honour.of_the_year, [basic], dt.date(2026, 12, 1)) == 200
    desk.back(line, amount=50)
    assert desk.ask(honour.of_the_year, [basic], dt.date(2026, 12, 1)) == 150
    assert desk.ask(honour.of_the_year, [basic], dt.date(2027, 1, 1)) == 0
    kinds = [row.points_kind for row in desk.ask(rule_table.topics)]
    assert kinds == sorted(kinds, reverse=True)
    household = one(desk.cast.wang.household)
    rules = desk.ask(rules_in_force, HERE, dt.date(2026, 12, 1))
    standing = desk.ask(deductions.standing, household, rules, dt.date(2026, 12, 1))
    assert all(not each.may_deduct for each in standing)
    assert desk.ask(deductions.deductions_of, household) == []


def test_points_of_new_years_day_count_in_the_new_year(desk: Desk) -> None:
    basic = resident_account(one(desk.cast.wang.resident), HERE, "basic")
    for day in (hangzhou(2026, 12, 30), hangzhou(2026, 12, 31)):
        desk.clock.set(day)
        desk.earn(rule=JOIN, event_at=day)

    assert desk.ask(honour.of_the_year, [basic], dt.date(2027, 1, 2)) == 200


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


def test_of_several_awards_each_is_one_line_with_its_own_reason(desk: Desk) -> None:
    for reason in ("扫雪", "送报"):
        desk.earn(reason=reason)
    wallet = Subject(
        of="resident", community=HERE, points_kind="service", holder=one(desk.cast.wang.resident)
    )
    period = Period(first=dt.date(2026, 11, 1), last=dt.date(2026, 11, 30))
    sums = desk.ask(sums_of, wallet, period)

    found = desk.ask(lambda connection: list(lines_of(connection, wallet, period, sums)))

    assert [(line.reason, line.amount) for line in found] == [("扫雪", 1000), ("送报", 1000)]


def test_what_waits_of_basic_points_is_told_apart(desk: Desk) -> None:
    def waiting() -> tuple[int, int]:
        who = one(desk.cast.wang.resident)
        has = desk.ask(balances, who, HERE, [], desk.clock.now)
        return has.pending, has.basic_pending

    before = waiting()
    desk.earn(settled=False)
    desk.earn(settled=False, rule=JOIN, units=1)

    assert (before, waiting()) == ((0, 0), (1000, 100))


def test_clearing_stands_at_the_end_of_a_book() -> None:
    def row(purpose: str, debited: int = 100) -> BookRow:
        return BookRow(
            account=-1,
            purpose=purpose,
            counterpart=0,
            opening=0,
            credited=0,
            debited=debited,
            closing=0,
        )

    rows = [row("adjusted", debited=0), row("clearing"), row("issued")]
    assert [each.purpose for each in moved_in(rows)] == ["issued", "clearing"]


def test_a_trial_counts_a_household_together_and_the_year_before_the_month(desk: Desk) -> None:
    desk.earn(settled=False, units=4, event_at=dt.datetime(2026, 11, 1, 2, tzinfo=dt.UTC))
    for month in (9, 10):
        at = dt.datetime(2026, month, 20, 2, tzinfo=dt.UTC)
        for who in (desk.cast.wang, desk.cast.li):
            desk.earn(settled=False, who=who, units=4, event_at=at)
    proposal = Proposal(community=HERE, rule=HOUR.key, points=500, caps=Caps(household_per_year=12))
    together = desk.ask(simulate, proposal, dt.date(2026, 11, 24))
    alone = desk.ask(simulate, replace(proposal, caps=Caps(per_year=6)), dt.date(2026, 11, 24))
    caps = Caps(per_year=6, household_per_year=11)
    both = desk.ask(simulate, replace(proposal, caps=caps), dt.date(2026, 11, 24))
    caps = Caps(per_year=12, household_per_year=8)
    nobody = desk.ask(simulate, replace(proposal, caps=caps), dt.date(2026, 11, 24))
    off = desk.ask(simulate, replace(proposal, points=None), dt.date(2026, 11, 24))

    assert (together.units, together.points_then) == (8, 2000)
    assert (both.points_then, nobody.points_then) == (1500, 0)
    assert (alone.points_then, off.points_then) == (2000, 0)


def test_an_account_that_ends_on_its_own_day_lapses_whole(desk: Desk, app: Flask) -> None:
    desk.earn()

    def ends(work: Work, _command: None) -> Nothing:
        work.session.add(AccountEnd(account=desk.account(), lapse_on=work.day))
        return Nothing()

    desk.run(ends, None)
    desk.clock.advance(days=1)
    with app.app_context():
        assert (expire_points(), expire_points()) == (1, 0)
    assert desk.ask(totals, desk.account())[:2] == (1000, 1000)
    assert desk.broken() == []


def test_where_nothing_lapses_nobody_loses_anything(desk: Desk, app: Flask) -> None:
    desk.earn()
    night(app, desk.clock, 2026)
    night(app, desk.clock, 2027)
    assert desk.ask(rush.last_run).accounts == 1
    desk.run(policy, "never")

    assert desk.ask(rush.rush, desk.clock.now) == []
    assert desk.ask(rush.losing, desk.clock.now, HERE) is None


@pytest.mark.database("sqlite")
def test_periods_and_books_are_said_in_words(app: Flask) -> None:
    day = dt.date(2026, 11, 24)
    with app.test_request_context():
        assert words.period_words(Period(first=day, last=day)) == "2026 年 11 月 24 日"
        assert words.purpose_words("clearing", "清波门社区") == "通兑往来，清波门社区"


def test_a_neighbour_is_asked_at_home_and_says_yes(desk: Desk, cast: People) -> None:
    command = RecordAct(
        key="errand",
        community=HERE,
        rule="serve.neighbour",
        holder_kind="resident",
        holder_id=one(cast.wang.resident),
        units=1,
        helped=one(cast.chen.resident),
        word="device",
    )
    desk.run(record_act, command, cast.actor(cast.staff))
    listed = desk.app.test_client().get("/api/v1/helps", headers=cast.headers(cast.staff))
    browser = cast.browser(cast.chen)
    page = browser.get("/").get_data(as_text=True)
    [asked] = listed.get_json()
    assert asked["id"] in page
    answer = send(browser, "/", f"/points/helps/{asked['id']}", helped="1")
    assert answer.status_code == 303
    assert desk.ask(count, "awards", "source_kind = 'help'") == 1


def test_a_list_is_printed_over_pages_with_its_corrections_or_says_that_it_is_empty(
    desk: Desk, app: Flask
) -> None:
    november(app, desk.run, desk.cast, desk.clock)
    post(desk.run)
    posted = desk.ask(lists.list_of, HERE, NOVEMBER)
    [first, *_] = desk.ask(lists.lines, posted)
    many = [replace(first, what=f"便民集市 {number}") for number in range(40)]
    with app.test_request_context():
        corrected_one = replace(posted, corrected_up=500, corrected_down=100)
        long = printed.read(paper.printed(corrected_one, many, "清波门社区", "0571", None))
        empty = printed.read(paper.printed(posted, [], "清波门社区", "0571", None))
        assert lists.public_name(None) == "已注销"

    assert len(long.pages) > 2
    assert "补5分，扣回1分" in long.words
    assert "清波门社区（盖章）" in long.words
    assert "这个月没有发放积分。" in empty.words
    with pytest.raises(lists.BulletinUnknown):
        desk.ask(lists.line, UUID(int=404))


def test_an_open_objection_outweighs_one_that_was_answered(desk: Desk, app: Flask) -> None:
    november(app, desk.run, desk.cast, desk.clock)
    post(desk.run)
    posted = desk.ask(lists.list_of, HERE, NOVEMBER)
    [first, *_] = desk.ask(lists.lines, posted)
    for number, who in enumerate((desk.cast.chen, desk.cast.new)):
        command = Object(line=first.id, words="那天他没有来")
        made = desk.run(object_to_line, command, desk.cast.actor(who))
        if not number:
            said = AnswerCorrection(correction=made.id, answer="查过签到")
            desk.run(answer_correction, said, desk.cast.actor(desk.cast.staff))

    assert desk.ask(lists.lines, posted)[0].objection == "open"


def test_a_paper_of_any_length_keeps_its_end_together(desk: Desk, app: Flask) -> None:
    day = dt.date(2026, 11, 24)
    of = Subject(of="resident", community=HERE, points_kind="service")
    heading = Heading(
        name="王秀英", address="", place="清波门社区", phone="", check_url="https://x/", seal=None
    )
    pages = []
    with app.test_request_context():
        for count_of in range(8, 26):
            sums = Sums(
                opening=0,
                added=count_of,
                taken=0,
                closing=count_of,
                entries=count_of,
                digest="",
                through=1,
                agrees=True,
            )
            line = Line(
                id=one(desk.cast.wang.resident),
                day=day,
                at=desk.clock.now,
                act="award",
                reason="便民集市",
                place=THERE,
                amount=1,
                balance=1,
            )
            issued = Issued(
                code="ABCDEFGHJK23",
                subject=of,
                period=Period(first=day, last=day),
                sums=sums,
                issued_at=desk.clock.now,
            )
            made = statement_paper.statement(issued, heading, [line] * count_of, lambda _: "涌金门")
            pages.append(printed.read(made))

    assert {len(each.pages) for each in pages} == {1, 2}
    assert all("便民集市（涌金门）" in each.words and each.codes for each in pages)


def test_what_was_all_spent_before_a_move_lapsed_nowhere(desk: Desk) -> None:
    line = desk.earn()
    desk.spend(1000)
    moves(desk)
    done = desk.back(line)
    assert (done.lapsed, done.shortage) == (0, 1000)


def test_a_household_that_was_never_reminded_may_not_be_deducted_from(desk: Desk) -> None:
    rule = replace(CORRIDOR, amount=-200)
    household = one(desk.cast.wang.household)
    [found] = desk.ask(deductions.standing, household, [rule, HOUR], dt.date(2026, 12, 1))
    assert (found.amount, found.reminders, found.may_deduct) == (-200, (), False)


def test_pages_of_the_household_and_of_what_one_did_oneself(desk: Desk) -> None:
    desk.run(ledger.post, moved(11, desk.account(), 500), desk.cast.actor(desk.cast.wang))
    browser = desk.cast.browser(desk.cast.wang)

    own = browser.get("/points/statements/?kind=household")
    receipt = browser.get(f"/points/{UUID(int=11)}")

    assert (own.status_code, receipt.status_code) == (200, 200)
    assert "我自己" in receipt.get_data(as_text=True)
