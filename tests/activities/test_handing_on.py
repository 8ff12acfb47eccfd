"""Who moves, becomes one record of two, or dies while signed up: the place goes along, or on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from uuid import UUID

import pytest

from activities import roster
from activities.cancelling import CancelSession, cancel_session
from activities.signup import AlreadyArrived
from activities.staff_queries import session_page
from residents.endings import RecordDeath, record_death
from residents.people import EnterResident, enter_resident
from tests.activities.scene import Scene, at, sure
from tests.exchange.test_merging import merge, merged
from tests.exchange.test_moving import move
from tests.people import HERE, THERE, Someone
from tests.points.meanwhile import meanwhile

READS_SIGN_UP = "FROM sign_ups \nWHERE sign_ups.session"
"""Of the first look at one resident's sign-up."""


def dead(scene: Scene, who: Someone) -> None:
    command = RecordDeath(resident=sure(who.resident))
    scene.run(record_death, command, scene.cast.actor(scene.cast.staff))


def entered_again(scene: Scene) -> Someone:
    """Enter 王秀英 a second time, as 王秀瑛 without a phone."""
    command = EnterResident(community=HERE, name="王秀瑛")
    made = scene.run(enter_resident, command, scene.cast.actor(scene.cast.staff))
    return Someone("王秀瑛", "", resident=made.resident, person=made.person)


def signed_up_by_staff(scene: Scene, who: Someone, session: UUID) -> None:
    scene.sign_up(who, session, actor=scene.cast.actor(scene.cast.staff))


def moved_here(scene: Scene) -> Someone:
    """Let 吴阿毛 of elsewhere move here; return the new record."""
    [resident] = move(scene.cast, scene.run, scene.cast.there).residents
    return replace(scene.cast.there, resident=resident, community=HERE)


def told_now(scene: Scene, who: Someone) -> list[str]:
    """Return which messages were written to somebody at this moment."""
    return [row.template for row in scene.told(who) if row.created_at == scene.clock.now]


def test_the_record_that_stays_keeps_the_place_in_a_full_session(scene: Scene) -> None:
    session = scene.session(parts=scene.places("take_part", 1))
    scene.sign_up(scene.cast.wang, session)

    kept = merged(scene.cast, scene.run, scene.cast.wang)

    assert scene.sign_ups(session) == {kept.resident: "signed_up"}
    assert scene.taken(session) == 1
    assert "signup.confirmed" in {row.template for row in scene.told(kept)}
    assert scene.enter(kept, session, entry=scene.clock.now).outcome == "arrived"
    assert scene.taken(session) == 1


def test_whoever_moves_is_still_told_that_a_session_is_cancelled(scene: Scene) -> None:
    session = scene.session()
    scene.sign_up(scene.cast.there, session)

    moved = move(scene.cast, scene.run, scene.cast.there)

    assert scene.sign_ups(session) == {moved.residents[0]: "signed_up"}
    command = CancelSession(session=session, reason="有暴雨")
    assert scene.run(cancel_session, command, scene.cast.actor(scene.cast.staff)).told == 1


def test_whoever_moves_gives_up_what_is_for_their_old_neighbours_only(scene: Scene) -> None:
    session = scene.session(community=THERE, open_to="community")
    scene.sign_up(scene.cast.there, session)

    move(scene.cast, scene.run, scene.cast.there)

    assert scene.sign_ups(session) == {sure(scene.cast.there.resident): "cancelled"}
    assert scene.taken(session) == 0


def test_of_a_couple_that_moves_nobody_is_called_up_and_both_are_told_that_it_is_over(
    scene: Scene,
) -> None:
    cast, session = (
        scene.cast,
        scene.session(community=THERE, open_to="community", parts=scene.places("take_part", 1)),
    )
    elsewhere = cast.actor(cast.elsewhere)
    wife = EnterResident(community=THERE, name="沈桂兰", household=cast.there.household)
    entered = scene.run(enter_resident, wife, elsewhere)
    shen = Someone("沈桂兰", "", resident=entered.resident, person=entered.person)
    first, second = sorted((cast.there, shen), key=lambda each: sure(each.resident))
    for who in (first, second):
        scene.sign_up(who, session, actor=elsewhere)
    scene.clock.advance(hours=1)

    move(cast, scene.run, first, second)

    assert set(scene.sign_ups(session).values()) == {"cancelled"}
    for who in (second, first):
        assert told_now(scene, who) == ["signup.moved"]


def test_the_place_of_the_dead_goes_to_the_first_in_the_queue(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 1))
    scene.sign_up(cast.wang, session)
    scene.sign_up(cast.chen, session)

    dead(scene, cast.wang)

    assert scene.sign_ups(session) == {
        sure(cast.wang.resident): "cancelled",
        sure(cast.chen.resident): "signed_up",
    }
    assert scene.taken(session) == 1


def test_of_two_places_of_one_person_the_one_goes_on_in_the_queue(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 2))
    twin = entered_again(scene)
    signed_up_by_staff(scene, twin, session)
    for who in (cast.wang, cast.chen):
        scene.sign_up(who, session)

    merge(cast, scene.run, twin, cast.wang)

    assert scene.sign_ups(session) == {
        sure(twin.resident): "signed_up",
        sure(cast.wang.resident): "cancelled",
        sure(cast.chen.resident): "signed_up",
    }
    assert scene.taken(session) == 2


def test_whoever_waited_and_died_is_not_called_up(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 1))
    scene.sign_up(cast.chen, session)
    scene.sign_up(cast.wang, session)
    dead(scene, cast.wang)

    scene.cancel(cast.chen, session)

    assert scene.taken(session) == 0


def test_whoever_has_come_stays_as_they_came(scene: Scene) -> None:
    session = scene.session()
    scene.sign_up(scene.cast.wang, session)
    scene.scan(scene.cast.wang, session)

    merged(scene.cast, scene.run, scene.cast.wang)

    assert scene.sign_ups(session) == {sure(scene.cast.wang.resident): "signed_up"}


def test_a_place_goes_on_where_the_record_that_stays_had_given_its_own_back(scene: Scene) -> None:
    session, twin = scene.session(parts=scene.places("take_part", 2)), entered_again(scene)
    signed_up_by_staff(scene, twin, session)
    scene.sign_up(scene.cast.wang, session)
    scene.cancel(scene.cast.wang, session)
    scene.clock.advance(minutes=1)

    merge(scene.cast, scene.run, scene.cast.wang, twin)

    assert scene.sign_ups(session) == {sure(scene.cast.wang.resident): "signed_up"}
    assert scene.taken(session) == 1
    assert "signup.confirmed" in told_now(scene, scene.cast.wang)


def test_a_place_goes_on_where_the_record_that_stays_only_waits_and_they_are_told(
    scene: Scene,
) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 1))
    twin = entered_again(scene)
    signed_up_by_staff(scene, twin, session)
    scene.sign_up(cast.chen, session)
    scene.clock.advance(minutes=1)
    scene.sign_up(cast.wang, session)
    scene.clock.advance(minutes=1)

    merge(cast, scene.run, cast.wang, twin)

    assert scene.sign_ups(session) == {
        sure(cast.wang.resident): "signed_up",
        sure(cast.chen.resident): "waiting",
    }
    assert scene.taken(session) == 1
    assert "signup.confirmed" in told_now(scene, cast.wang)


@pytest.mark.parametrize("first", ["stays", "ends"])
def test_whoever_waits_under_two_records_keeps_the_turn_that_is_nearer(
    scene: Scene, first: str
) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 1))
    twin = entered_again(scene)
    scene.sign_up(cast.chen, session)
    turns = (cast.wang, cast.li, twin) if first == "stays" else (twin, cast.li, cast.wang)
    for who in turns:
        scene.clock.advance(minutes=1)
        signed_up_by_staff(scene, who, session)

    merge(cast, scene.run, cast.wang, twin)
    scene.cancel(cast.chen, session)

    assert scene.sign_ups(session)[sure(cast.wang.resident)] == "signed_up"
    assert scene.sign_ups(session)[sure(cast.li.resident)] == "waiting"


def test_whoever_has_come_keeps_no_second_place_under_the_record_that_stays(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 2))
    twin = entered_again(scene)
    scene.sign_up(cast.wang, session)
    scene.enter(twin, session, entry=scene.clock.now)
    scene.sign_up(cast.chen, session)

    merge(cast, scene.run, cast.wang, twin)

    assert scene.sign_ups(session) == {
        sure(twin.resident): "signed_up",
        sure(cast.wang.resident): "cancelled",
        sure(cast.chen.resident): "signed_up",
    }
    assert scene.taken(session) == 2


@pytest.mark.parametrize("stays", ["new", "old"])
def test_whoever_came_and_moved_keeps_no_place_of_a_record_that_was_there_before(
    scene: Scene, stays: str
) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 2))
    twin = entered_again(scene)
    scene.scan(cast.there, session)
    signed_up_by_staff(scene, twin, session)
    scene.sign_up(cast.chen, session)
    moved = moved_here(scene)

    merge(cast, scene.run, *((moved, twin) if stays == "new" else (twin, moved)))

    assert scene.sign_ups(session) == {
        sure(cast.there.resident): "signed_up",
        sure(twin.resident): "cancelled",
        sure(cast.chen.resident): "signed_up",
    }
    assert scene.taken(session) == 2


def test_of_the_parts_of_one_person_each_goes_its_own_way(scene: Scene) -> None:
    cast, session, twin = scene.cast, scene.session(), entered_again(scene)
    scene.sign_up(cast.wang, session)
    scene.scan(cast.wang, session, "serve")
    scene.enter(twin, session, entry=scene.clock.now)

    merge(cast, scene.run, cast.wang, twin)

    assert (scene.taken(session), scene.taken(session, "serve")) == (1, 1)
    rows = scene.ask(lambda c: roster.sign_ups(c, session, HERE))
    assert [(row.name, row.part, row.state) for row in rows] == [
        ("王秀瑛", "take_part", "arrived"),
        ("王秀英", "serve", "arrived"),
    ]


def test_a_place_in_a_part_to_which_nobody_came_goes_along(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    scene.sign_up(cast.there, session)
    scene.scan(cast.there, session, "serve")
    told = len(scene.told(cast.there))
    moved = moved_here(scene)

    assert scene.taken(session) == 1
    assert "signup.confirmed" not in {row.template for row in scene.told(cast.there)[told:]}
    scene.cancel(moved, session, actor=cast.actor(cast.staff))

    assert (scene.taken(session), scene.taken(session, "serve")) == (0, 1)


def test_whoever_has_come_under_both_records_stays_as_they_came(scene: Scene) -> None:
    session, twin = scene.session(), entered_again(scene)
    scene.scan(scene.cast.wang, session)
    scene.enter(twin, session, entry=scene.clock.now)

    merge(scene.cast, scene.run, scene.cast.wang, twin)

    assert set(scene.sign_ups(session).values()) == {"signed_up"}


def test_whoever_came_before_they_moved_takes_no_second_place_and_gives_none_back(
    scene: Scene,
) -> None:
    cast, session = scene.cast, scene.session()
    scene.scan(cast.there, session)
    before = scene.sign_ups(session)
    moved = moved_here(scene)
    staff = cast.actor(cast.staff)

    assert scene.sign_up(moved, session, actor=staff).state == "signed_up"
    with pytest.raises(AlreadyArrived):
        scene.cancel(moved, session, actor=staff)

    assert scene.sign_ups(session) == before
    assert scene.taken(session) == 1


def test_whoever_signed_up_under_one_record_and_came_under_the_other_is_not_missing(
    scene: Scene,
) -> None:
    cast, session, twin = scene.cast, scene.session(), entered_again(scene)
    scene.sign_up(cast.wang, session)
    scene.sign_up(cast.chen, session)
    scene.enter(twin, session, entry=scene.clock.now)
    # Nothing is handed on any more.
    scene.clock.set(at(18))

    merge(cast, scene.run, twin, cast.wang)

    page = scene.ask(lambda c: session_page(c, session, scene.clock.now))
    assert page is not None
    assert page.missing == 1
    states = {row.name: row.state for row in scene.ask(lambda c: roster.sign_ups(c, session, HERE))}
    assert states == {"王秀英": "arrived", "王秀瑛": "arrived", "陈建国": "signed_up"}


@contextlib.contextmanager
def beside(act: Callable[[], object]) -> Iterator[None]:
    """Let another connection act once a sign-up has been looked at; it may have to wait for us."""
    with ThreadPoolExecutor(1) as pool:
        acted: list[Future[object]] = []

        def begin() -> None:
            acted.append(pool.submit(act))
            wait(acted, timeout=1)

        with meanwhile(READS_SIGN_UP, begin):
            yield
    acted[0].result()


@pytest.mark.database("postgresql")
@pytest.mark.parametrize("does", ["cancel", "sign_up"])
def test_a_move_waits_for_a_sign_up_or_a_cancel_that_is_under_way(scene: Scene, does: str) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 1))
    if does == "cancel":
        scene.sign_up(cast.there, session)
        scene.sign_up(cast.chen, session)
    moved: list[UUID] = []

    with beside(lambda: moved.extend(move(cast, scene.run, cast.there).residents)):
        getattr(scene, does)(cast.there, session)

    has_the_place = cast.chen.resident if does == "cancel" else moved[0]
    states = scene.sign_ups(session)
    assert [who for who in states if states[who] == "signed_up"] == [has_the_place]
    assert scene.taken(session) == 1


@pytest.mark.database("postgresql")
def test_a_place_that_is_got_from_the_queue_beside_a_merge_is_not_lost(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 2))
    twin = entered_again(scene)
    signed_up_by_staff(scene, twin, session)
    for who in (cast.chen, cast.wang):
        scene.sign_up(who, session)

    with beside(lambda: scene.cancel(cast.chen, session)):
        merge(cast, scene.run, cast.wang, twin)

    assert scene.sign_ups(session) == {
        sure(cast.wang.resident): "signed_up",
        sure(cast.chen.resident): "cancelled",
    }
    assert scene.taken(session) == 1


@pytest.mark.database("postgresql")
def test_a_walk_in_beside_a_merge_keeps_the_place_they_took(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 2))
    twin = entered_again(scene)
    signed_up_by_staff(scene, twin, session)

    with beside(lambda: scene.scan(cast.wang, session)):
        merge(cast, scene.run, cast.wang, twin)

    assert scene.sign_ups(session) == {
        sure(cast.wang.resident): "signed_up",
        sure(twin.resident): "cancelled",
    }
    assert scene.taken(session) == 1
