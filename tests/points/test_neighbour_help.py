"""邻里互助: the helped one's word, never inside a household."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import IntegrityError

from core.acts import SYSTEM
from core.errors import Forbidden
from core.work import Work
from points.earning.acts import RecordAct, Recorded, record_act
from points.earning.awards import AwardDiffers
from points.earning.community_rules import set_rule
from points.earning.helping import (
    AnswerHelp,
    GuardianTells,
    HelpAnswered,
    HelpAsked,
    HelpNotYoursToTell,
    HelpSaid,
    HelpTooOld,
    HelpUnknown,
    answer_help,
    asked_at,
    asked_of,
)
from points.earning.recorders import HelpedMissing, HelpWithinHousehold, HolderUnknown
from points.models import Award, NeighbourHelp
from points.proof.verify import verify
from points.subscribers import hand_on
from residents.events import PlaceEnded
from residents.representations import Represent, represent
from tests.conftest import Clock
from tests.exchange.test_merging import merged
from tests.people import HERE, People
from tests.points.books import Nothing, one
from tests.points.correcting import Desk
from tests.points.doors import building_lead
from tests.points.earning import count
from tests.points.test_caps import used
from tests.points.test_community_rules import setting
from tests.points.test_proving import damage
from tests.points.verified import damaged, flask_verify
from tests.residents.forms import send

Run = Callable[..., Any]


def errand(cast: People, **changes: Any) -> RecordAct:
    """王秀英 fetched medicine for 陈建国, who says so on his phone."""
    given: dict[str, Any] = {
        "key": "errand-1",
        "community": HERE,
        "rule": "serve.neighbour",
        "holder_kind": "resident",
        "holder_id": one(cast.wang.resident),
        "units": 1,
        "note": "代取药",
        "helped": one(cast.chen.resident),
        "word": "device",
    }
    return RecordAct(**(given | changes))


def helps(connection: Connection) -> list[Any]:
    return list(connection.execute(select(NeighbourHelp.__table__)))


@pytest.fixture
def asked(run: Run, ask: Run, cast: People) -> UUID:
    """The help that 陈建国 is asked about."""
    run(record_act, errand(cast), cast.actor(cast.staff))
    identity: UUID = ask(helps)[0].id
    return identity


def test_told_to_the_recorder_it_counts_at_once(run: Run, ask: Run, cast: People) -> None:
    made: Recorded = run(record_act, errand(cast, word="told"), cast.actor(cast.staff))

    assert (made.amount, made.asked) == (300, False)
    row = ask(helps)[0]
    assert (row.state, row.word, row.confirmed_by) == ("confirmed", "told", cast.staff.person)
    assert (row.helper, row.helped) == (cast.wang.resident, cast.chen.resident)


def test_asked_on_the_phone_nothing_is_given_before_a_yes(
    run: Run, ask: Run, cast: People, clock: Clock
) -> None:
    first = run(record_act, errand(cast), cast.actor(cast.staff))
    again = run(record_act, errand(cast), cast.actor(cast.staff))

    assert (first.amount, first.asked, first.exists, again.exists) == (0, True, False, True)
    assert ask(count, "awards") == 0
    mine = ask(asked_of, one(cast.chen.resident), clock.now)
    assert [(row.note, row.helper) for row in mine] == [("代取药", cast.wang.resident)]
    assert len(ask(asked_at, HERE, clock.now)) == 1


def test_who_helped_whom_is_kept_whole_before_and_after_the_word(
    run: Run, ask: Run, cast: People, asked: UUID, clock: Clock
) -> None:
    began = clock.now
    kept = {
        "id": asked,
        "community": HERE,
        "rule": "serve.neighbour",
        "helper": cast.wang.resident,
        "helper_household": cast.wang.household,
        "helped": cast.chen.resident,
        "helped_household": cast.chen.household,
        "units": 1,
        "day": began.date(),
        "note": "代取药",
        "word": "device",
        "state": "asked",
        "recorded_by": cast.staff.person,
        "created_at": began,
        "confirmed_by": None,
        "answered_at": None,
        "needs_second": False,
    }
    assert ask(helps)[0]._asdict() == kept
    clock.advance(hours=1)
    done = run(answer_help, AnswerHelp(help=asked, helped=True), cast.actor(cast.chen))

    answered = {"confirmed_by": cast.chen.person, "answered_at": clock.now, "state": "confirmed"}
    assert ask(helps)[0]._asdict() == kept | answered
    given = ask(lambda c: c.execute(select(Award.__table__)).one())
    assert done == HelpSaid(
        help=asked,
        state="confirmed",
        amount=300,
        award=given.id,
        exists=False,
        due=given.due,
    )
    assert (given.holder_id, given.community, given.bearing) == (cast.wang.resident, HERE, HERE)
    assert (given.rule, given.units, given.amount) == ("serve.neighbour", 1, 300)
    assert (given.reason, given.provenance) == ("邻里互助，代取药", "recorded")
    assert (given.source_kind, given.source_id) == ("help", asked)
    assert (given.recorded_by, given.created_at) == (cast.staff.person, clock.now)
    assert given.event_at == dt.datetime(2026, 11, 24, 4, tzinfo=dt.UTC)


def test_the_oldest_is_asked_first_for_less_than_a_month(
    run: Run, ask: Run, cast: People, asked: UUID, clock: Clock
) -> None:
    began = clock.now
    clock.advance(hours=1)
    staff = cast.actor(cast.staff)
    run(record_act, errand(cast, key="errand-2", units=2, note="换灯泡"), staff)

    first, second = ask(asked_of, one(cast.chen.resident), clock.now)
    assert first == HelpAsked(
        id=asked,
        helper=one(cast.wang.resident),
        helped=one(cast.chen.resident),
        day=began.date(),
        note="代取药",
        units=1,
        created_at=began,
    )
    assert (second.note, second.units, second.created_at) == ("换灯泡", 2, clock.now)
    assert ask(asked_at, HERE, clock.now) == [first, second]
    assert ask(asked_at, HERE + 1, clock.now) == []
    month = began + dt.timedelta(days=30)
    assert ask(asked_at, HERE, month - dt.timedelta(seconds=1)) == [first, second]
    assert ask(asked_at, HERE, month) == [second]


def test_a_yes_on_the_own_phone_gives_the_points_once(
    run: Run, ask: Run, cast: People, asked: UUID, clock: Clock
) -> None:
    yes = AnswerHelp(help=asked, helped=True)
    first = run(answer_help, yes, cast.actor(cast.chen))
    again = run(answer_help, yes, cast.actor(cast.chen))

    assert (first.amount, first.exists) == (300, False)
    assert again == replace(first, exists=True)
    assert ask(count, "awards", "source_kind = 'help' AND state = 'pending'") == 1
    row = ask(helps)[0]
    assert (row.state, row.word, row.confirmed_by) == ("confirmed", "device", cast.chen.person)
    assert ask(asked_of, one(cast.chen.resident), clock.now) == []


def test_the_record_that_stays_of_two_is_asked_for_the_word(
    run: Run, ask: Run, cast: People, asked: UUID, clock: Clock
) -> None:
    kept = merged(cast, run, cast.chen)

    assert [each.id for each in ask(asked_of, one(kept.resident), clock.now)] == [asked]
    said = run(answer_help, AnswerHelp(help=asked, helped=True), cast.actor(kept))
    assert said.amount == 300


def test_after_a_death_nobody_is_asked_for_the_word(
    run: Run, ask: Run, cast: People, asked: UUID
) -> None:
    gone = one(cast.chen.resident)

    def died(work: Work, _command: None) -> Nothing:
        hand_on(work, PlaceEnded(resident=gone, successor=None))
        return Nothing()

    run(died, None)

    [left] = ask(helps)
    assert (left.id, left.helped, left.state) == (asked, gone, "asked")


@pytest.mark.parametrize("who", ["chen", "lead"])
def test_whoever_gives_the_word_the_award_has_its_audit_row(
    app: Flask, run: Run, cast: People, asked: UUID, clock: Clock, who: str
) -> None:
    clock.advance(minutes=5)
    run(answer_help, AnswerHelp(help=asked, helped=True), cast.actor(getattr(cast, who)))

    code, said = flask_verify(app)

    assert code == 0, said
    for spoilt in (
        "UPDATE awards SET recorded_by = '0123456789abcdef0123456789abcdef'",
        "DELETE FROM audit_events WHERE at = (SELECT created_at FROM awards)",
    ):
        assert "audited awards" in damaged(app, spoilt)


def test_a_yes_is_counted_for_the_household_whose_members_have_a_cap_together(
    run: Run, ask: Run, cast: People, clock: Clock
) -> None:
    together = replace(setting().caps, household_per_month=10, household_per_year=60)
    run(set_rule, setting(caps=together), cast.actor(cast.lead))
    clock.advance(days=1)
    run(record_act, errand(cast), cast.actor(cast.staff))
    run(answer_help, AnswerHelp(help=ask(helps)[0].id, helped=True), cast.actor(cast.chen))

    assert ask(used, one(cast.wang.household)) == {"2026": 1, "2026-11": 1, "2026-11-25": 1}


def test_a_no_gives_nothing_and_stays_a_no(run: Run, ask: Run, cast: People, asked: UUID) -> None:
    run(answer_help, AnswerHelp(help=asked, helped=False), cast.actor(cast.chen))

    with pytest.raises(HelpAnswered):
        run(answer_help, AnswerHelp(help=asked, helped=True), cast.actor(cast.chen))
    assert ask(count, "awards") == 0


def test_a_no_said_twice_at_one_moment_came_to_nothing(run: Run, cast: People, asked: UUID) -> None:
    no = AnswerHelp(help=asked, helped=False)
    first = run(answer_help, no, cast.actor(cast.chen))
    again = run(answer_help, no, cast.actor(cast.chen))

    assert (again.amount, again.award) == (0, None)
    assert again == replace(first, exists=True)


def test_nobody_else_says_it_for_them(run: Run, ask: Run, cast: People, asked: UUID) -> None:
    yes = AnswerHelp(help=asked, helped=True)
    for someone in (cast.wang, cast.new, cast.there):
        with pytest.raises(HelpUnknown):
            run(answer_help, yes, cast.actor(someone))
    with pytest.raises(Forbidden):
        run(answer_help, yes, cast.actor(cast.keeper))
    with pytest.raises(HelpUnknown):
        run(answer_help, AnswerHelp(help=UUID(int=4), helped=True), cast.actor(cast.chen))
    assert ask(count, "awards") == 0


def test_staff_who_asked_them_by_name_may_note_the_word(
    run: Run, ask: Run, cast: People, asked: UUID
) -> None:
    done = run(answer_help, AnswerHelp(help=asked, helped=True), cast.actor(cast.lead))

    assert done.amount == 300
    assert ask(helps)[0].word == "told"


def test_staff_of_the_helpers_household_do_not(
    run: Run, ask: Run, cast: People, asked: UUID
) -> None:
    def moves_in(work: Work, _command: None) -> None:
        """The recorder's person becomes one of the helper's household."""
        work.connection.execute(
            text("UPDATE residents SET person = :person WHERE id = :resident"),
            work.bind(person=cast.lead.person, resident=cast.li.resident),
        )

    run(moves_in, None, SYSTEM)
    with pytest.raises(HelpNotYoursToTell):
        run(answer_help, AnswerHelp(help=asked, helped=True), cast.actor(cast.lead))


def test_a_carer_who_helped_does_not_say_so_for_the_helped_one(
    run: Run, ask: Run, cast: People, asked: UUID
) -> None:
    carer = replace(cast.actor(cast.chen), person=one(cast.wang.person))

    with pytest.raises(HelpNotYoursToTell):
        run(answer_help, AnswerHelp(help=asked, helped=True), carer)

    assert ask(helps)[0].state == "asked"
    assert ask(count, "awards") == 0


def test_who_was_asked_is_not_asked_again_where_the_audit_row_is_lost(
    app: Flask, run: Run, ask: Run, cast: People, asked: UUID
) -> None:
    damage(app, "DELETE FROM audit_events")

    again = run(record_act, errand(cast), cast.actor(cast.staff))

    assert again.exists
    assert [row.id for row in ask(helps)] == [asked]


@pytest.mark.parametrize("word", ["told", "device"])
def test_inside_a_household_it_never_counts(run: Run, ask: Run, cast: People, word: str) -> None:
    command = errand(cast, helped=one(cast.li.resident), word=word)
    with pytest.raises(HelpWithinHousehold):
        run(record_act, command, cast.actor(cast.staff))
    with pytest.raises(HelpWithinHousehold):
        run(record_act, errand(cast, helped=one(cast.wang.resident)), cast.actor(cast.staff))
    assert ask(count, "neighbour_helps") == 0


def test_the_database_says_so_itself(run: Run, cast: People, asked: UUID) -> None:
    for cheat, fence in (
        ("helped_household = helper_household", "two_households"),
        ("helped = helper", "two_people"),
        ("state = 'confirmed'", "confirmed"),
    ):

        def write(work: Work, _command: None, cheat: str = cheat) -> None:
            work.connection.execute(text(f"UPDATE neighbour_helps SET {cheat}"))  # noqa: S608

        with pytest.raises(IntegrityError, match=f"ck_neighbour_helps_{fence}"):
            run(write, None, SYSTEM)


def test_without_the_helped_one_nothing_is_recorded(run: Run, ask: Run, cast: People) -> None:
    for helped, refusal in (
        (None, HelpedMissing),
        (one(cast.chen.household), HelpedMissing),
        (one(cast.there.resident), HolderUnknown),
        (UUID(int=9), HolderUnknown),
    ):
        with pytest.raises(refusal):
            run(record_act, errand(cast, helped=helped), cast.actor(cast.staff))
    assert ask(count, "neighbour_helps") == 0


def test_a_building_lead_who_helped_needs_a_second_person_beside_the_word(
    run: Run, ask: Run, cast: People
) -> None:
    wang = building_lead(run, ask, cast, name="王秀英", phone=cast.wang.phone)
    run(record_act, errand(cast), cast.actor(wang))

    run(answer_help, AnswerHelp(help=ask(helps)[0].id, helped=True), cast.actor(cast.chen))

    assert ask(count, "awards", "due IS NULL") == 1


def test_whoever_records_for_their_own_does_not_hear_the_word_themselves(
    run: Run, ask: Run, cast: People
) -> None:
    wang = building_lead(run, ask, cast, name="王秀英", phone=cast.wang.phone)

    with pytest.raises(HelpNotYoursToTell):
        run(record_act, errand(cast, word="told"), cast.actor(wang))
    assert ask(count, "neighbour_helps") == 0


def test_after_a_month_nobody_is_asked_any_more(
    run: Run, ask: Run, cast: People, asked: UUID, clock: Clock
) -> None:
    run(record_act, errand(cast, key="errand-2"), cast.actor(cast.staff))
    other = next(row.id for row in ask(helps) if row.id != asked)
    yes = AnswerHelp(help=asked, helped=True)
    run(answer_help, yes, cast.actor(cast.chen))
    clock.advance(days=30)

    assert ask(asked_of, one(cast.chen.resident), clock.now) == []
    with pytest.raises(HelpTooOld):
        run(answer_help, AnswerHelp(help=other, helped=True), cast.actor(cast.lead))
    assert run(answer_help, yes, cast.actor(cast.chen)).exists
    assert ask(count, "awards") == 1


def test_asked_again_with_the_same_key_it_is_still_asked_when_the_rule_was_closed_since(
    run: Run, ask: Run, cast: People, asked: UUID, clock: Clock
) -> None:
    run(set_rule, setting(points=None), cast.actor(cast.lead))
    clock.advance(days=1)

    again = run(record_act, errand(cast), cast.actor(cast.staff))

    assert (again.asked, again.exists, ask(helps)[0].id) == (True, True, asked)
    assert ask(count, "neighbour_helps") == 1


@pytest.mark.parametrize("word", ["device", "told"])
def test_the_key_that_asked_about_one_helper_is_refused_for_another(
    run: Run, ask: Run, cast: People, asked: UUID, word: str
) -> None:
    other = errand(cast, holder_id=one(cast.li.resident), word=word)
    with pytest.raises(AwardDiffers):
        run(record_act, other, cast.actor(cast.staff))

    assert [row.helper for row in ask(helps)] == [cast.wang.resident]


def test_the_verifier_finds_help_without_a_word(
    run: Run, ask: Run, cast: People, asked: UUID
) -> None:
    run(answer_help, AnswerHelp(help=asked, helped=True), cast.actor(cast.chen))
    assert ask(lambda c: [each.name for each in verify(c).broken]) == []

    def write(work: Work, _command: None) -> None:
        work.connection.execute(
            text("UPDATE neighbour_helps SET state = 'declined', confirmed_by = NULL"),
        )

    run(write, None, SYSTEM)
    assert ask(lambda c: {each.name for each in verify(c).broken}) == {
        "audited awards",
        "neighbours' words",
    }


def test_for_a_child_the_guardian_says_it_and_no_carer(
    run: Run, ask: Run, cast: People, asked: UUID
) -> None:
    def is_ten(work: Work, _command: None) -> None:
        work.connection.execute(
            text("UPDATE people SET birth_year = 2016 WHERE id = :person"),
            work.bind(person=cast.chen.person),
        )

    yes, staff = AnswerHelp(help=asked, helped=True), cast.actor(cast.staff)
    as_child = replace(cast.actor(cast.chen), person=one(cast.new.person))
    run(is_ten, None, SYSTEM)
    given = {"principal": one(cast.chen.person), "agent": one(cast.new.person)}
    run(represent, Represent(kind="carer", **given), staff)

    with pytest.raises(GuardianTells):
        run(answer_help, yes, as_child)

    run(represent, Represent(kind="guardian", **given), staff)
    assert run(answer_help, yes, as_child).amount == 300
    assert ask(helps)[0].confirmed_by == cast.new.person


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
