"""What a request, a proposal and its decision keep and say, field by field, and in which order."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, select

from core.directory import directory
from core.models import OutboxMessage
from points.correcting import adjustments, corrected, corrections
from points.correcting.corrections import (
    AnswerCorrection,
    Asked,
    CorrectionOpened,
    CorrectionWordsMissing,
    OpenCorrection,
    WithdrawCorrection,
    answer_correction,
    corrections_about,
    corrections_of,
    corrections_open,
    open_correction,
    withdraw_correction,
)
from points.correcting.queries import (
    adjustments_about,
    adjustments_done,
    adjustments_short,
    adjustments_waiting,
)
from points.correcting.shortages import (
    CollectShortage,
    WaiverReasonMissing,
    WaiveShortage,
    collect_shortage,
    waive_shortage,
)
from points.models import Correction
from points.reversal import PartTooLarge
from tests.people import HERE, THERE, Someone
from tests.points.books import one
from tests.points.correcting import Desk
from tests.points.earning import CORRIDOR

SAID = "少记了一个小时"


def ask_about(desk: Desk, line: UUID, who: Someone, words: str = SAID) -> CorrectionOpened:
    command = OpenCorrection(subject=line, words=words)
    made: CorrectionOpened = desk.run(open_correction, command, desk.cast.actor(who))
    return made


def messages(connection: Connection, template: str) -> list[tuple[UUID | None, dict[str, str]]]:
    query = select(OutboxMessage.person, OutboxMessage.params).where(
        OutboxMessage.template == template
    )
    return [(row[0], json.loads(row[1])) for row in connection.execute(query)]


def kept(desk: Desk, asked: UUID) -> dict[str, Any]:
    query = select(Correction.__table__).where(Correction.id == asked)
    return dict(desk.ask(lambda c: c.execute(query).one())._mapping)


def test_a_request_keeps_who_asked_about_what_and_by_when(desk: Desk) -> None:
    line, wang = desk.earn(bearing=THERE), desk.cast.wang
    made = ask_about(desk, line, wang, f" {SAID} ")

    nothing_yet = dict.fromkeys(
        ("outcome", "answer", "answered_by", "answerer_household", "effect", "closed_at")
    )
    assert made == CorrectionOpened(id=made.id, answer_by=dt.date(2026, 12, 2), exists=False)
    assert kept(desk, made.id) == nothing_yet | {
        "id": made.id,
        "kind": "line",
        "state": "open",
        "community": THERE,
        "subject": line,
        "asked_by": wang.person,
        "household": wang.household,
        "entered_by": None,
        "words": SAID,
        "opened_at": desk.clock.now,
        "answer_by": dt.date(2026, 12, 2),
    }
    place = desk.ask(lambda c: directory().places(c, [THERE])[THERE])
    told = {"community": place, "date": "12月2日"}
    assert desk.ask(messages, "correction.received") == [(wang.person, told)]


def test_what_staff_write_down_names_them_and_whom_they_wrote_for(desk: Desk) -> None:
    li = desk.cast.li
    line = desk.earn(who=li)
    command = OpenCorrection(subject=line, words=SAID, resident=one(li.resident))
    made = desk.run(open_correction, command, desk.cast.actor(desk.cast.staff))

    row = kept(desk, made.id)
    assert (row["asked_by"], row["household"]) == (li.person, li.household)
    assert row["entered_by"] == desk.cast.staff.person


def test_each_of_a_household_asks_about_its_line_and_about_each_line(desk: Desk) -> None:
    home = one(desk.cast.wang.household)
    shared: dict[str, Any] = {
        "rule": CORRIDOR,
        "holder_kind": "household",
        "holder_id": home,
        "units": 1,
    }
    line, other = desk.earn(**shared), desk.earn()
    li = OpenCorrection(subject=line, words=SAID, resident=one(desk.cast.li.resident))
    made = [
        ask_about(desk, line, desk.cast.wang),
        ask_about(desk, other, desk.cast.wang),
        desk.run(open_correction, li, desk.cast.actor(desk.cast.staff)),
    ]

    assert [each.exists for each in made] == [False, False, False]
    assert {each.asked_by for each in desk.ask(corrections_about, line)} == {
        desk.cast.wang.person,
        desk.cast.li.person,
    }


def test_two_hundred_characters_are_kept_and_one_more_is_not(desk: Desk) -> None:
    line = desk.earn()
    with pytest.raises(CorrectionWordsMissing):
        ask_about(desk, line, desk.cast.wang, "字" * 201)
    made = ask_about(desk, line, desk.cast.wang, "字" * 200)

    assert len(kept(desk, made.id)["words"]) == 200


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("签到表上是一个小时，没错", "签到表上是一个小时，没错"),
        ("签到表上是一个小时，没有错", "签到表上是一个小时，没…"),
    ],
)
def test_an_answer_is_kept_whole_and_sent_as_far_as_a_message_goes(
    desk: Desk, answer: str, told: str
) -> None:
    asked = ask_about(desk, desk.earn(), desk.cast.wang).id
    command = AnswerCorrection(correction=asked, answer=answer)
    desk.run(answer_correction, command, desk.cast.actor(desk.cast.staff))

    row = kept(desk, asked)
    assert (row["state"], row["outcome"], row["answer"]) == ("answered", "explained", answer)
    assert (row["answered_by"], row["closed_at"]) == (desk.cast.staff.person, desk.clock.now)
    assert (row["effect"], row["answerer_household"]) == (None, None)
    phone = desk.ask(lambda c: directory().number(c, HERE))
    expected = (desk.cast.wang.person, {"answer": told, "phone": phone})
    assert desk.ask(messages, "correction.answered") == [expected]


def test_requests_stand_the_most_urgent_first_and_ones_own_the_newest_first(desk: Desk) -> None:
    first, second = desk.earn(), desk.earn()
    desk.clock.advance(days=2)
    late = ask_about(desk, first, desk.cast.wang).id
    desk.clock.advance(days=-1)
    early = ask_about(desk, second, desk.cast.wang).id
    there = desk.earn(who=desk.cast.there, community=THERE, bearing=THERE)
    ask_about(desk, there, desk.cast.there)

    assert [each.id for each in desk.ask(corrections_open, HERE)] == [early, late]
    own = desk.ask(corrections_of, desk.cast.wang.person)
    assert [each.id for each in own] == [late, early]


def told(desk: Desk, asked: UUID) -> tuple[list[tuple[str, str, str, str]], bool]:
    """What the receipt of 王秀英 tells of a request, and whether she may take it back."""
    found: Asked | None = desk.ask(corrections.correction_of, asked)
    assert found is not None
    actor = desk.cast.actor(desk.cast.wang)
    seen = desk.ask(lambda c: directory().viewer(c, actor, desk.clock.now))
    with desk.app.test_request_context():
        made = corrected.told(found, seen)
    assert made.id == asked
    return [(each.state, each.title, each.at, each.note) for each in made.steps], made.mine


def test_a_receipt_tells_what_was_said_and_who_answers_by_when(desk: Desk) -> None:
    asked = ask_about(desk, desk.earn(), desk.cast.wang).id
    place = desk.ask(lambda c: directory().places(c, [HERE])[HERE])

    assert told(desk, asked) == (
        [
            ("done", f"您说：{SAID}", "今天 10:00", ""),
            ("now", f"{place}核对，12 月 2 日前答复您", "", "这期间积分照常使用"),
        ],
        True,
    )


def test_a_receipt_tells_who_wrote_it_down_and_that_it_was_taken_back(desk: Desk) -> None:
    wang = desk.cast.wang
    command = OpenCorrection(subject=desk.earn(), words=SAID, resident=one(wang.resident))
    asked = desk.run(open_correction, command, desk.cast.actor(desk.cast.staff)).id
    desk.clock.advance(minutes=5)
    desk.run(withdraw_correction, WithdrawCorrection(correction=asked), desk.cast.actor(wang))

    assert kept(desk, asked)["closed_at"] == desk.clock.now
    assert told(desk, asked) == (
        [
            ("done", f"您说：{SAID}", "今天 10:00", "工作人员代您写下"),
            ("done", "您撤回了", "今天 10:05", ""),
        ],
        False,
    )


def test_a_receipt_tells_the_answer_by_whom_and_whether_something_was_changed(desk: Desk) -> None:
    place = desk.ask(lambda c: directory().places(c, [HERE])[HERE])
    explained, changed = (ask_about(desk, desk.earn(), desk.cast.wang).id for _each in range(2))
    command = AnswerCorrection(correction=explained, answer="没错")
    desk.run(answer_correction, command, desk.cast.actor(desk.cast.staff))
    proposal = desk.propose(500, correction=changed)
    desk.decide(proposal)

    row = kept(desk, changed)
    assert (row["outcome"], row["effect"]) == ("adjusted", proposal)
    steps = [told(desk, each)[0][1] for each in (explained, changed)]
    assert steps == [
        ("done", f"{place}答复：没错", "今天 10:00", "陈晓琳"),
        ("done", f"{place}答复：签到表上是两小时", "今天 10:00", "已更正，赵建平"),
    ]


def test_a_line_that_was_undone_says_how_much_came_back_or_was_taken(desk: Desk) -> None:
    line = desk.earn(units=4)
    spent = desk.spend(1500)
    back, taken = desk.propose_back(spent), desk.propose_back(line)
    with desk.app.test_request_context():
        [waits] = [each for each in desk.ask(adjustments_waiting, HERE) if each.id == back]
        assert corrected.undone(waits, desk.clock.now) == "，退回 0 分"
        assert [each[:2] for each in corrected.both(waits)] == [("谁提出", waits.maker)]
    desk.decide(taken)
    desk.decide(back)
    collect = CollectShortage(key="once", adjustment=taken)
    desk.run(collect_shortage, collect, desk.cast.actor(desk.cast.staff))

    done = {each.id: each for each in desk.ask(adjustments_done, HERE)}
    with desk.app.test_request_context():
        assert corrected.undone(done[back], desk.clock.now) == "今天 10:00，退回 15 分"
        assert corrected.undone(done[taken], desk.clock.now) == "今天 10:00，收回 20 分"
        assert corrected.both(done[taken]) == [
            ("谁提出", one(desk.cast.staff.person), "社工"),
            ("谁核对", one(desk.cast.lead.person), "社区负责人"),
        ]


def proposed(desk: Desk, proposal: UUID) -> dict[str, Any]:
    return dict(desk.row(proposal)._mapping)


UNDECIDED: dict[str, Any] = dict.fromkeys(
    ("checker", "checker_role", "checker_household", "refusal", "closed_at")
) | dict.fromkeys(("waiver", "waived_by", "waived_at", "correction", "maker_household"))
NOTHING_DONE: dict[str, Any] = dict.fromkeys(
    ("posted", "lapsed", "shortage", "voided", "collected"), 0
)


def test_a_proposal_keeps_who_wants_what_for_whom_and_why(desk: Desk) -> None:
    staff, wang = desk.cast.staff, desk.cast.wang
    line = desk.earn(bearing=THERE, units=4)
    given = desk.propose(1500, key="a", reason=" 少记了 ", evidence=" 签到表 ")
    actor = desk.cast.actor(desk.cast.elsewhere)
    back = desk.propose_back(line, actor, key="b", amount=500)

    hers = {
        "account": desk.account(),
        "book": HERE,
        "points_kind": "service",
        "holder_kind": "resident",
        "holder_id": wang.resident,
        "person": wang.person,
        "household": wang.household,
        "state": "proposed",
        "proposed_at": desk.clock.now,
    }
    assert proposed(desk, given) == UNDECIDED | NOTHING_DONE | hers | {
        "id": given,
        "key": f"{staff.person}:a",
        "act": "adjustment",
        "community": HERE,
        "amount": 1500,
        "together": 1500,
        "original": None,
        "reason": "少记了",
        "evidence": "签到表",
        "maker": staff.person,
        "maker_role": "staff",
    }
    assert proposed(desk, back) == UNDECIDED | NOTHING_DONE | hers | {
        "id": back,
        "key": f"{desk.cast.elsewhere.person}:b",
        "act": "reversal",
        "community": THERE,
        "amount": -500,
        "together": 500,
        "original": line,
        "reason": "记错了人",
        "evidence": "签到表第 5 行",
        "maker": desk.cast.elsewhere.person,
        "maker_role": "staff",
    }


def test_a_decision_keeps_who_decided_and_what_became_of_it(desk: Desk) -> None:
    line = desk.earn(units=4)
    desk.spend(1500)
    taken, refused = desk.propose_back(line), desk.propose(700)
    desk.clock.advance(minutes=5)
    done = desk.decide(taken)
    desk.decide(refused, refusal=" 签到表上没有 ")
    lead = {
        "checker": desk.cast.lead.person,
        "checker_role": "lead",
        "checker_household": None,
        "closed_at": desk.clock.now,
    }

    parts = {"posted": 500, "lapsed": 0, "shortage": 1500, "voided": 0}
    row = proposed(desk, taken)
    assert {name: row[name] for name in (*lead, *parts)} == lead | parts
    assert {name: getattr(done, name) for name in parts} == parts
    assert (row["state"], row["refusal"]) == ("posted", None)
    row = proposed(desk, refused)
    assert {name: row[name] for name in lead} == lead
    assert (row["state"], row["refusal"], row["posted"]) == ("refused", "签到表上没有", 0)
    told = {"points": "−5", "reason": "记错了人"}
    place = desk.ask(lambda c: directory().places(c, [HERE])[HERE])
    expected = (desk.cast.wang.person, told | {"community": place})
    assert desk.ask(messages, "points.adjusted") == [expected]


def test_whoever_waited_for_points_that_are_cancelled_is_told_that_they_were_taken(
    desk: Desk,
) -> None:
    desk.back(desk.earn(settled=False))

    place = desk.ask(lambda c: directory().places(c, [HERE])[HERE])
    told = {"community": place, "points": "−10", "reason": "记错了人"}
    assert desk.ask(messages, "points.adjusted") == [(desk.cast.wang.person, told)]


def test_each_who_lives_in_a_household_is_told_what_was_done_with_its_points(desk: Desk) -> None:
    wang, li = desk.cast.wang, desk.cast.li
    home = one(wang.household)
    shared: dict[str, Any] = {"holder_kind": "household", "holder_id": home}
    shared |= {"points_kind": "basic"}
    desk.decide(desk.propose(550, **shared))
    desk.decide(desk.propose(-100, **shared, reason="多记了"))

    place = desk.ask(lambda c: directory().places(c, [HERE])[HERE])
    given = {"community": place, "points": "+5.5", "reason": "签到表上是两小时"}
    taken = {"community": place, "points": "−1", "reason": "多记了"}
    told = desk.ask(messages, "points.adjusted_home")
    for who in (wang, li):
        mine = [params for person, params in told if person == who.person]
        assert sorted(mine, key=lambda params: params["points"]) == [given, taken]
    assert len(told) == 4


def test_a_proposal_is_taken_back_with_its_moment(desk: Desk) -> None:
    proposal = desk.propose(500)
    desk.clock.advance(minutes=5)
    command = adjustments.WithdrawAdjustment(adjustment=proposal)
    done = desk.run(adjustments.withdraw_adjustment, command, desk.cast.actor(desk.cast.staff))

    assert done == adjustments.AdjustmentState(id=proposal, state="withdrawn")
    row = proposed(desk, proposal)
    assert (row["state"], row["closed_at"]) == ("withdrawn", desk.clock.now)


def test_reason_and_evidence_have_their_bounds_and_so_has_the_amount(desk: Desk) -> None:
    longest = {"reason": "字" * 100, "evidence": "字" * 200}
    for amount in (1, -1, 100_000, -100_000):
        desk.propose(amount, None, **longest)
    with pytest.raises(adjustments.AdjustmentWordsMissing):
        desk.propose(1, None, reason="字" * 100, evidence="字" * 201)


def test_a_part_is_at_least_something_and_at_most_the_whole(desk: Desk) -> None:
    line, other = desk.earn(), desk.earn()
    for amount in (0, 1001):
        with pytest.raises(PartTooLarge) as refused:
            desk.propose_back(line, amount=amount)
        assert "10" in refused.value.sentence()

    assert proposed(desk, desk.propose_back(line, amount=1000))["amount"] == -1000
    assert proposed(desk, desk.propose_back(other, amount=1))["amount"] == -1


def test_lists_of_proposals_are_in_their_order_to_the_microsecond(desk: Desk) -> None:
    line = desk.earn()
    made = []
    for amount in range(1, 7):
        made.append(desk.propose(amount))
        desk.clock.advance(microseconds=1)
    assert [each.id for each in desk.ask(adjustments_waiting, HERE)] == made
    assert desk.ask(adjustments_waiting, THERE) == []
    assert desk.ask(adjustments_done, HERE) == []

    for proposal in made[:5]:
        desk.decide(proposal)
    back = desk.back(line, amount=500).id
    done = [*made[:5], back]
    assert [each.id for each in desk.ask(adjustments_done, HERE)] == done[::-1]
    assert [each.id for each in desk.ask(adjustments_waiting, HERE)] == made[5:]
    assert desk.ask(adjustments_done, THERE) == []
    about = desk.ask(adjustments_about, line, "award", line)
    assert [each.id for each in about] == [back]
    [first] = desk.made(made[0])
    itself = desk.ask(adjustments_about, first.id, "adjustment", made[0])
    assert [each.id for each in itself] == [made[0]]


def test_what_is_missing_is_listed_until_it_is_collected_or_let_go(desk: Desk) -> None:
    line = desk.earn(units=4)
    desk.spend(1500)
    proposal = desk.back(line).id
    [short] = desk.ask(adjustments_short, HERE)
    assert (short.id, short.missing) == (proposal, 1500)
    desk.earn()
    staff, lead = desk.cast.actor(desk.cast.staff), desk.cast.actor(desk.cast.lead)
    taken = desk.run(collect_shortage, CollectShortage(key="a", adjustment=proposal), staff)
    assert (taken.id, taken.amount, taken.missing) == (proposal, 1000, 500)
    assert [each.missing for each in desk.ask(adjustments_short, HERE)] == [500]

    with pytest.raises(WaiverReasonMissing):
        desk.run(waive_shortage, WaiveShortage(adjustment=proposal, reason="字" * 101), lead)
    desk.clock.advance(minutes=5)
    reason = "字" * 100
    command = WaiveShortage(adjustment=proposal, reason=f" {reason} ")
    done = desk.run(waive_shortage, command, lead)

    assert done == adjustments.AdjustmentState(id=proposal, state="waived")
    row = proposed(desk, proposal)
    assert (row["waiver"], row["waived_by"]) == (reason, desk.cast.lead.person)
    assert (row["waived_at"], row["collected"]) == (desk.clock.now, 1000)
    assert desk.ask(adjustments_short, HERE) == []
    [let_go] = [each for each in desk.ask(adjustments_done, HERE) if each.id == proposal]
    assert let_go.missing == 0
