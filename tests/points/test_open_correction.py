"""分数不对？告诉社区: a resident, or staff for somebody without a phone, says what is wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select

from core.acts import NotInYourScope
from core.errors import Forbidden
from core.models import OutboxMessage
from exchange.moving import MoveHousehold, move_household
from points.correcting import corrections
from points.correcting.corrections import OpenCorrection, corrections_open, open_correction
from points.earning.awards import award
from points.lines import LineUnknown
from points.settlement import settle_due
from tests.conftest import Clock
from tests.people import HERE, THERE, People, Someone
from tests.points.books import one
from tests.points.correcting import Desk
from tests.points.earning import CORRIDOR, serving
from tests.residents.forms import send

Run = Callable[..., Any]
WORDS = "那天我帮了两个小时，只记了一个小时。"


@pytest.fixture
def served(run: Run, cast: People) -> UUID:
    """An award of 王秀英 that waits."""
    made = run(award, serving("a", holder_id=one(cast.wang.resident)), cast.actor(cast.staff))
    return one(made.id)


def ask_about(line: UUID, words: str = WORDS, someone: Someone | None = None) -> OpenCorrection:
    return OpenCorrection(
        subject=line, words=words, resident=one(someone.resident) if someone else None
    )


def test_the_community_has_seven_days_and_the_one_who_asked_is_told(
    run: Run, ask: Run, cast: People, served: UUID
) -> None:
    opened = run(open_correction, ask_about(served), cast.actor(cast.wang))

    assert opened.answer_by == dt.date(2026, 12, 1)
    waiting = ask(corrections_open, HERE)
    assert [(each.words, each.asked_by, each.kind) for each in waiting] == [
        (WORDS, cast.wang.person, "line")
    ]
    assert ask(told, cast.wang) == ["correction.received"]


def told(connection: Connection, someone: Someone) -> list[str]:
    query = select(OutboxMessage.template).where(
        OutboxMessage.person == someone.person, OutboxMessage.template.like("correction%")
    )
    return list(connection.scalars(query.order_by(OutboxMessage.created_at)))


def test_of_one_last_day_what_was_asked_first_stands_first(
    run: Run, ask: Run, cast: People, served: UUID, clock: Clock
) -> None:
    other = run(award, serving("other", holder_id=one(cast.chen.resident)), cast.actor(cast.staff))
    later = clock.now
    for subject, who, at in (
        (served, cast.wang, later),
        (other.id, cast.chen, later - dt.timedelta(minutes=5)),
    ):
        clock.set(at)
        run(open_correction, ask_about(subject), cast.actor(who))

    assert [each.asked_by for each in ask(corrections_open, HERE)] == [
        cast.chen.person,
        cast.wang.person,
    ]


def test_the_same_words_again_are_the_same_request(
    run: Run, ask: Run, cast: People, served: UUID
) -> None:
    first = run(open_correction, ask_about(served), cast.actor(cast.wang))
    again = run(open_correction, ask_about(served), cast.actor(cast.wang))

    assert (again.id, again.exists) == (first.id, True)
    assert len(ask(corrections_open, HERE)) == 1


def test_other_words_about_the_same_line_wait_for_the_first_answer(
    run: Run, cast: People, served: UUID
) -> None:
    run(open_correction, ask_about(served), cast.actor(cast.wang))

    with pytest.raises(corrections.CorrectionOpen):
        run(open_correction, ask_about(served, "还有一件事"), cast.actor(cast.wang))


def test_many_taps_at_once_are_one_request(run: Run, ask: Run, cast: People, served: UUID) -> None:
    actor = cast.actor(cast.wang)

    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: run(open_correction, ask_about(served), actor).id, range(6)))

    assert len(set(made)) == 1
    assert len(ask(corrections_open, HERE)) == 1


def test_a_request_about_what_waits_is_found_again_when_it_has_arrived(
    app: Flask, run: Run, cast: People, served: UUID, clock: Clock
) -> None:
    first = run(open_correction, ask_about(served), cast.actor(cast.wang))
    clock.advance(days=1)
    with app.app_context():
        settle_due()

    assert run(open_correction, ask_about(served), cast.actor(cast.wang)).id == first.id


def test_what_was_served_elsewhere_is_answered_by_the_community_that_recorded_it(
    run: Run, ask: Run, cast: People
) -> None:
    made = run(
        award,
        serving("b", holder_id=one(cast.wang.resident), bearing=THERE),
        cast.actor(cast.staff),
    )
    run(open_correction, ask_about(one(made.id)), cast.actor(cast.wang))

    assert ask(corrections_open, HERE) == []
    assert len(ask(corrections_open, THERE)) == 1


def test_somebody_elses_line_is_not_found(run: Run, cast: People, served: UUID) -> None:
    with pytest.raises(LineUnknown):
        run(open_correction, ask_about(served), cast.actor(cast.chen))
    with pytest.raises(LineUnknown):
        run(open_correction, ask_about(UUID(int=404)), cast.actor(cast.wang))


@pytest.mark.parametrize("words", ["", "  \n", "字" * 201])
def test_something_has_to_be_said_in_two_hundred_characters(
    run: Run, cast: People, served: UUID, words: str
) -> None:
    with pytest.raises(corrections.CorrectionWordsMissing):
        run(open_correction, ask_about(served, words), cast.actor(cast.wang))


def test_staff_write_it_down_for_somebody_without_a_phone(run: Run, ask: Run, cast: People) -> None:
    made = run(award, serving("c", holder_id=one(cast.li.resident)), cast.actor(cast.staff))
    run(open_correction, ask_about(one(made.id), someone=cast.li), cast.actor(cast.staff))

    [waiting] = ask(corrections_open, HERE)
    assert (waiting.asked_by, waiting.entered_by) == (cast.li.person, cast.staff.person)


def test_staff_of_another_community_do_not(run: Run, cast: People, served: UUID) -> None:
    with pytest.raises(NotInYourScope):
        run(
            open_correction,
            ask_about(served, someone=cast.wang),
            cast.actor(cast.elsewhere),
        )


def away(run: Run, cast: People, *people: Someone) -> None:
    """Let people live in the other community from now on; sign-ins of before go along."""
    for each in people:
        if each.phone:
            cast.actor(each)
    residents = tuple(one(each.resident) for each in people)
    command = MoveHousehold(key="away", community=THERE, residents=residents)
    for new, each in zip(
        run(move_household, command, cast.actor(cast.elsewhere)).residents, people, strict=True
    ):
        each.resident = new


def test_a_family_that_moved_asks_about_a_line_of_its_household_of_before(
    run: Run, ask: Run, cast: People
) -> None:
    shared = serving(
        "f", rule=CORRIDOR, units=1, holder_kind="household", holder_id=one(cast.wang.household)
    )
    line = one(run(award, shared, cast.actor(cast.staff)).id)
    away(run, cast, cast.wang, cast.li)
    browser = cast.browser(cast.wang)
    form = f"/points/{line}/correction"

    assert browser.get(f"/points/{line}").status_code == 200
    assert send(browser, form, form, words=WORDS).status_code == 303
    assert [each.subject for each in ask(corrections_open, HERE)] == [line]


def test_who_moved_out_of_a_household_leaves_its_lines_to_who_stays(run: Run, cast: People) -> None:
    shared = serving(
        "f", rule=CORRIDOR, units=1, holder_kind="household", holder_id=one(cast.wang.household)
    )
    line = one(run(award, shared, cast.actor(cast.staff)).id)
    away(run, cast, cast.wang)

    assert cast.browser(cast.wang).get(f"/points/{line}").status_code == 404
    with pytest.raises(LineUnknown):
        run(open_correction, ask_about(line, someone=cast.wang), cast.actor(cast.elsewhere))
    assert run(open_correction, ask_about(line, someone=cast.li), cast.actor(cast.staff))


def test_staff_write_down_what_is_wrong_with_a_line_of_where_somebody_lived(
    run: Run, ask: Run, cast: People
) -> None:
    line = one(run(award, serving("g", holder_id=one(cast.li.resident)), cast.actor(cast.staff)).id)
    away(run, cast, cast.li)
    run(open_correction, ask_about(line, someone=cast.li), cast.actor(cast.elsewhere))

    [waiting] = ask(corrections_open, HERE)
    assert (waiting.asked_by, waiting.entered_by) == (cast.li.person, cast.elsewhere.person)


def test_whoever_is_no_resident_asks_nothing_for_themselves_or_for_nobody(desk: Desk) -> None:
    line, staff = desk.earn(), desk.cast.actor(desk.cast.staff)
    with pytest.raises(Forbidden):
        desk.run(open_correction, OpenCorrection(subject=line, words="?"), staff)
    nobody = OpenCorrection(subject=line, words="?", resident=UUID(int=404))
    with pytest.raises(LineUnknown):
        desk.run(open_correction, nobody, staff)
