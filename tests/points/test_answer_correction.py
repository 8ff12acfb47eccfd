"""A community answers what somebody says is wrong: in words, in time, never about its own."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text, update
from sqlalchemy.exc import IntegrityError

from core.acts import Actor, NotInYourScope
from core.errors import Forbidden
from core.models import OutboxMessage
from core.work import Work
from points.correcting import corrections
from points.correcting.corrections import (
    AnswerCorrection,
    CorrectionUnknown,
    OpenCorrection,
    WithdrawCorrection,
    answer_correction,
    corrections_about,
    corrections_of,
    corrections_open,
    open_correction,
    remind_due,
    withdraw_correction,
)
from points.earning.awards import award, void_award
from points.models import Correction
from residents.people import EnterResident, enter_resident
from tests.conftest import Clock
from tests.exchange.test_merging import merge, merged
from tests.people import HERE, THERE, People, Someone
from tests.points.books import Nothing, one
from tests.points.correcting import Desk
from tests.points.earning import serving

Run = Callable[..., Any]
ANSWER = "签到表上是 9:00 到 10:00，按一小时计。"


@pytest.fixture
def asked(run: Run, cast: People) -> UUID:
    """A request of 王秀英."""
    made = run(award, serving("a", holder_id=one(cast.wang.resident)), cast.actor(cast.staff))
    command = OpenCorrection(subject=one(made.id), words="少记了一个小时")
    return one(run(open_correction, command, cast.actor(cast.wang)).id)


def answer(correction: UUID, words: str = ANSWER) -> AnswerCorrection:
    return AnswerCorrection(correction=correction, answer=words)


def working(cast: People, someone: Someone) -> Actor:
    """A resident who also works at the desk here."""
    return Actor(
        person=one(someone.person), role="staff", scope_kind="community", place=HERE, name="社工"
    )


def messages(connection: Connection, template: str) -> list[tuple[UUID, str, dict[str, str]]]:
    query = select(OutboxMessage.person, OutboxMessage.channel, OutboxMessage.params).where(
        OutboxMessage.template == template
    )
    return [(one(row[0]), row[1], json.loads(row[2])) for row in connection.execute(query)]


def test_the_answer_is_kept_and_sent(run: Run, ask: Run, cast: People, asked: UUID) -> None:
    done = run(answer_correction, answer(asked), cast.actor(cast.staff))

    assert done.state == "answered"
    assert ask(corrections_open, HERE) == []
    [(person, channel, params)] = ask(messages, "correction.answered")
    assert (person, channel) == (cast.wang.person, "sms")
    assert params["answer"] == "签到表上是 9:00 …"


def test_the_record_that_stays_of_two_gets_the_answer(
    run: Run, ask: Run, cast: People, asked: UUID
) -> None:
    kept = merged(cast, run, cast.wang)

    assert [each.id for each in ask(corrections_of, one(kept.person))] == [asked]
    run(answer_correction, answer(asked), cast.actor(cast.staff))
    [(person, channel, _params)] = ask(messages, "correction.answered")
    assert (person, channel) == (kept.person, "sms")


def test_what_either_of_two_records_had_asked_is_answered_to_the_one_that_stays(
    run: Run, ask: Run, cast: People, asked: UUID
) -> None:
    made = run(enter_resident, EnterResident(community=HERE, name="王秀瑛"), cast.actor(cast.staff))
    other = Someone("王秀瑛", cast.wang.phone, resident=made.resident, person=made.person)
    line = run(award, serving("b", holder_id=made.resident), cast.actor(cast.staff)).id
    theirs = OpenCorrection(subject=one(line), words="那天我也在")
    as_other = Actor(
        person=made.person,
        role="resident",
        place=HERE,
        resident=made.resident,
        household=made.household,
    )
    asked_there = one(run(open_correction, theirs, as_other).id)

    merge(cast, run, cast.wang, other)

    found = {each.id for each in ask(corrections_of, one(cast.wang.person))}
    assert found == {asked, asked_there}


def test_the_line_keeps_its_story(run: Run, ask: Run, cast: People, asked: UUID) -> None:
    run(answer_correction, answer(asked), cast.actor(cast.staff))
    subject = ask(lambda c: c.scalar(select(Correction.subject)))

    [told] = ask(corrections_about, subject)
    assert (told.words, told.answer, told.outcome) == ("少记了一个小时", ANSWER, "explained")
    assert told.answered_by == cast.staff.person


def test_the_same_answer_again_changes_nothing(run: Run, cast: People, asked: UUID) -> None:
    run(answer_correction, answer(asked), cast.actor(cast.staff))

    assert run(answer_correction, answer(asked), cast.actor(cast.staff)).state == "answered"
    with pytest.raises(corrections.CorrectionClosed):
        run(answer_correction, answer(asked, "另一种说法"), cast.actor(cast.staff))


def test_nobody_answers_themselves_or_their_household(run: Run, cast: People, asked: UUID) -> None:
    for someone in (cast.wang, cast.li):
        with pytest.raises(corrections.OwnCorrection):
            run(answer_correction, answer(asked), working(cast, someone))


@pytest.mark.parametrize(
    ("column", "fence"),
    [("answered_by", "not_own"), ("answerer_household", "not_own_household")],
)
def test_the_database_refuses_it_by_itself(
    run: Run, cast: People, asked: UUID, column: str, fence: str
) -> None:
    run(answer_correction, answer(asked), cast.actor(cast.staff))
    own = {"answered_by": cast.wang.person, "answerer_household": cast.wang.household}

    def cheat(work: Work, _command: None) -> Nothing:
        work.connection.execute(update(Correction).values({column: own[column]}))
        return Nothing()

    with pytest.raises(IntegrityError, match=rf"ck_corrections_{fence}\b"):
        run(cheat, None)


def test_only_the_communitys_own_staff_answer(run: Run, cast: People, asked: UUID) -> None:
    with pytest.raises(NotInYourScope):
        run(answer_correction, answer(asked), cast.actor(cast.elsewhere))
    with pytest.raises(Forbidden):
        run(answer_correction, answer(asked), cast.actor(cast.keeper))
    with pytest.raises(Forbidden):
        run(answer_correction, answer(asked), cast.actor(cast.chen))


def test_an_answer_says_something(run: Run, cast: People, asked: UUID) -> None:
    with pytest.raises(corrections.CorrectionWordsMissing):
        run(answer_correction, answer(asked, " "), cast.actor(cast.staff))
    with pytest.raises(corrections.CorrectionUnknown):
        run(answer_correction, answer(UUID(int=404)), cast.actor(cast.staff))


def test_whoever_asked_takes_it_back(
    run: Run, ask: Run, cast: People, asked: UUID, clock: Clock
) -> None:
    with pytest.raises(corrections.CorrectionUnknown):
        run(withdraw_correction, WithdrawCorrection(correction=asked), cast.actor(cast.chen))

    closed = []
    for _ in range(2):
        done = run(withdraw_correction, WithdrawCorrection(correction=asked), cast.actor(cast.wang))
        assert done.state == "withdrawn"
        closed.append(ask(lambda c: c.scalar(select(Correction.closed_at))))
        clock.advance(hours=1)
    assert closed == [clock.now - dt.timedelta(hours=2)] * 2
    assert ask(corrections_open, HERE) == []
    with pytest.raises(corrections.CorrectionClosed):
        run(answer_correction, answer(asked), cast.actor(cast.staff))


def test_what_was_answered_cannot_be_taken_back(run: Run, cast: People, asked: UUID) -> None:
    run(answer_correction, answer(asked), cast.actor(cast.staff))

    with pytest.raises(corrections.CorrectionClosed):
        run(withdraw_correction, WithdrawCorrection(correction=asked), cast.actor(cast.wang))


def test_after_the_answer_one_may_ask_again(run: Run, cast: People, asked: UUID, ask: Run) -> None:
    run(answer_correction, answer(asked), cast.actor(cast.staff))
    subject = ask(lambda c: c.scalar(select(Correction.subject)))
    again = OpenCorrection(subject=subject, words="签到表记错了")

    assert not run(open_correction, again, cast.actor(cast.wang)).exists


def test_the_desk_is_reminded_two_days_before_once_a_day(
    app: Flask, ask: Run, cast: People, asked: UUID, clock: Clock
) -> None:
    def told() -> list[UUID]:
        with app.app_context():
            remind_due()
        return sorted(person for person, _, _ in ask(messages, "staff.corrections_due"))

    assert told() == []
    clock.advance(days=5)
    both = sorted([one(cast.staff.person), one(cast.lead.person)])
    assert told() == both
    assert told() == both
    _, _, params = ask(messages, "staff.corrections_due")[0]
    assert params == {"count": "1", "date": "12月1日"}
    clock.advance(days=1)
    assert len(told()) == 4


def test_each_desk_is_told_once_how_many_wait_and_until_when(
    app: Flask, run: Run, ask: Run, cast: People, asked: UUID, clock: Clock
) -> None:
    clock.advance(days=1)
    chen = serving("b", holder_id=one(cast.chen.resident))
    there = serving("c", holder_id=one(cast.there.resident), community=THERE, bearing=THERE)
    for given, who in ((chen, cast.chen), (there, cast.there)):
        made = run(award, given)
        command = OpenCorrection(subject=one(made.id), words="少记了一个小时")
        run(open_correction, command, cast.actor(who))
    clock.advance(days=6)

    with app.app_context():
        assert remind_due() == 3

    told = {person: params for person, _, params in ask(messages, "staff.corrections_due")}
    assert told == {
        cast.staff.person: {"count": "2", "date": "12月1日"},
        cast.lead.person: {"count": "2", "date": "12月1日"},
        cast.elsewhere.person: {"count": "1", "date": "12月2日"},
    }


def test_the_last_day_is_counted_by_the_setting(
    app: Flask, run: Run, ask: Run, cast: People, clock: Clock
) -> None:
    def shorten(work: Work, _command: None) -> Nothing:
        work.connection.execute(
            text(
                "INSERT INTO setting_values (key, place, valid_from, value, set_by)"
                " VALUES ('correction.answer_days', 0, :now, '2', :who)"
            ),
            work.bind(now=work.now, who=work.actor.person),
        )
        return Nothing()

    run(shorten, None)
    app.extensions["linli"].settings = None
    clock.advance(seconds=1)
    line = run(award, serving("a", holder_id=one(cast.chen.resident)), cast.actor(cast.staff)).id
    command = OpenCorrection(subject=one(line), words="不对")
    run(open_correction, command, cast.actor(cast.chen))

    [waiting] = ask(corrections_open, HERE)
    assert waiting.answer_by == dt.date(2026, 11, 26)


def test_a_request_to_another_community_is_not_answered_here(desk: Desk) -> None:
    who = desk.cast.there
    line = desk.earn(who=who, community=THERE, bearing=THERE)
    command = OpenCorrection(subject=line, words="少记了")
    asked = desk.run(open_correction, command, desk.cast.actor(who))
    with pytest.raises(CorrectionUnknown):
        desk.propose(500, correction=asked.id)


def asks(desk: Desk, line: UUID) -> UUID:
    """王秀英 says that a line is wrong."""
    command = OpenCorrection(subject=line, words="少记了")
    return one(desk.run(open_correction, command, desk.cast.actor(desk.cast.wang)).id)


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
