"""Who moves, becomes one record of two, or dies while signed up: the place goes along, or on."""

from __future__ import annotations

from activities.cancelling import CancelSession, cancel_session
from residents.endings import RecordDeath, record_death
from residents.people import EnterResident, enter_resident
from tests.activities.scene import Scene, sure
from tests.exchange.test_merging import merge, merged
from tests.exchange.test_moving import move
from tests.people import HERE, THERE, Someone


def dead(scene: Scene, who: Someone) -> None:
    command = RecordDeath(resident=sure(who.resident))
    scene.run(record_death, command, scene.cast.actor(scene.cast.staff))


def test_the_record_that_stays_keeps_the_place_in_a_full_session(scene: Scene) -> None:
    session = scene.session(parts=scene.places("take_part", 1))
    scene.sign_up(scene.cast.wang, session)

    kept = merged(scene.cast, scene.run, scene.cast.wang)

    assert scene.sign_ups(session) == {kept.resident: "signed_up"}
    assert scene.taken(session) == 1
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
        told = [row.template for row in scene.told(who) if row.created_at == scene.clock.now]
        assert told == ["signup.moved"]


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
    cast, staff = scene.cast, scene.cast.actor(scene.cast.staff)
    session = scene.session(parts=scene.places("take_part", 2))
    twin = scene.run(enter_resident, EnterResident(community=HERE, name="王秀瑛"), staff)
    other = Someone("王秀瑛", "", resident=twin.resident)
    scene.sign_up(other, session, actor=staff)
    for who in (cast.wang, cast.chen):
        scene.sign_up(who, session)

    merge(cast, scene.run, other, cast.wang)

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
