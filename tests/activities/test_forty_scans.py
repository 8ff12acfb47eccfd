"""Many at the same moment: forty scans by twenty residents, and twenty for the last five places."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from uuid import UUID

from activities.attendance import CheckIn, GrantUsed, PartFull, Recorded, check_in
from activities.codes import Phase
from activities.entries import EnterSheet, SheetEntered, SheetRow, enter_by_hand, enter_sheet
from activities.publish import Part
from core.acts import Actor
from core.work import transact
from residents.people import EnterResident, enter_resident
from tests.activities.scene import END, START, Scene, sure
from tests.exchange.threads import all_at_once
from tests.people import HERE

ROUNDS = 20
FEW_ROUNDS = 5
PEOPLE = 20
LEFT = 5
APART = dt.timedelta(days=3)
"""Between two rounds, so that nobody comes to the caps of day and month."""


def residents(scene: Scene) -> list[Actor]:
    """Enter the people who come; return them as they act on their own phones."""
    staff = scene.cast.actor(scene.cast.staff)
    made = [
        scene.run(enter_resident, EnterResident(community=HERE, name=f"居民{index}"), staff)
        for index in range(PEOPLE)
    ]
    return [
        Actor(person=one.person, role="resident", resident=one.resident, household=one.household)
        for one in made
    ]


def at_once(
    scene: Scene, scans: Sequence[tuple[Actor, CheckIn]]
) -> tuple[Counter[str], list[Recorded]]:
    """Let everybody tap at the same moment; return how often each answer came, and the records."""
    acts = [partial(transact, check_in, command, actor) for actor, command in scans]
    answers = all_at_once(scene.app, acts)
    records = [each for each in answers if isinstance(each, Recorded)]
    outcomes: Counter[str] = Counter(each.outcome for each in records)
    outcomes.update(type(each).__name__ for each in answers if not isinstance(each, Recorded))
    return outcomes, records


def twice(
    scene: Scene, people: Sequence[Actor], session: UUID, part: Part, phase: Phase
) -> list[tuple[Actor, CheckIn]]:
    """Let each scan twice, every other one by tapping twice on the same scan."""
    scans = []
    for index, actor in enumerate(people):
        first = scene.command(session, part, phase)
        second = first if index % 2 else scene.command(session, part, phase)
        scans += [(actor, first), (actor, second)]
    return scans


def test_forty_scans_by_twenty_residents_are_twenty_attendances(scene: Scene) -> None:
    people = residents(scene)
    for number in range(ROUNDS):
        window = (START + number * APART, END + number * APART)
        scene.clock.set(window[0])
        session = scene.session(sessions=(window,), parts=scene.places("take_part", PEOPLE + 1))

        outcomes, records = at_once(scene, twice(scene, people, session, "take_part", "entry"))

        assert outcomes == {"arrived": PEOPLE, "again": PEOPLE}
        assert {each.at for each in records} == {window[0]}
        came = scene.attendances(session)
        assert {row.resident for row in came} == {actor.resident for actor in people}
        assert len(came) == PEOPLE
        awards = scene.awards(session)
        assert [award.amount for award in awards] == [100] * PEOPLE
        assert {award.holder_id for award in awards} == {actor.resident for actor in people}
        assert scene.taken(session) == len(scene.sign_ups(session)) == PEOPLE
    assert scene.refused() == []


def test_forty_exits_of_twenty_residents_are_twenty_awards(scene: Scene) -> None:
    people = residents(scene)
    for number in range(FEW_ROUNDS):
        window = (START + number * APART, END + number * APART)
        scene.clock.set(window[0])
        session = scene.session(sessions=(window,))
        at_once(scene, [(each, scene.command(session, "serve")) for each in people])
        scene.clock.set(window[1])

        outcomes, records = at_once(scene, twice(scene, people, session, "serve", "exit"))

        assert outcomes == {"left": PEOPLE, "again_left": PEOPLE}
        assert {each.half_hours for each in records if each.outcome == "left"} == {4}
        assert [award.amount for award in scene.awards(session)] == [2000] * PEOPLE
        assert len(scene.attendances(session)) == 2 * PEOPLE
        assert scene.taken(session, "serve") == PEOPLE


def test_twenty_residents_for_the_last_five_places_are_exactly_five(scene: Scene) -> None:
    people = residents(scene)
    for number in range(ROUNDS):
        window = (START + number * APART, END + number * APART)
        scene.clock.set(window[0])
        session = scene.session(sessions=(window,), parts=scene.places("take_part", LEFT))

        outcomes, records = at_once(scene, [(actor, scene.command(session)) for actor in people])

        assert outcomes == {"arrived": LEFT, PartFull.__name__: PEOPLE - LEFT}
        came = {row.resident for row in scene.attendances(session)}
        assert came == {each.resident for each in records}
        assert len(came) == len(scene.awards(session)) == scene.taken(session) == LEFT
        assert set(scene.sign_ups(session)) == came
    assert scene.refused() == ["part_full"] * (PEOPLE - LEFT) * ROUNDS


def test_one_scan_handed_to_twenty_is_good_for_one(scene: Scene) -> None:
    people = residents(scene)
    for _ in range(FEW_ROUNDS):
        session = scene.session()
        command = scene.command(session)

        outcomes, [record] = at_once(scene, [(actor, command) for actor in people])

        assert outcomes == {"arrived": 1, GrantUsed.__name__: PEOPLE - 1}
        assert [row.resident for row in scene.attendances(session)] == [record.resident]
        assert scene.taken(session) == len(scene.sign_ups(session)) == 1


def test_a_scan_an_entry_by_hand_and_a_sheet_at_once_are_one_record(scene: Scene) -> None:
    cast = scene.cast
    for number in range(FEW_ROUNDS):
        window = (START + number * APART, END + number * APART)
        session = scene.session(sessions=(window,), parts=scene.places("serve", 3))
        scene.clock.set(window[1])
        scan = scene.command(session, "serve")
        hand = scene.by_hand(cast.wang.resident, session, part="serve", entry=window[0])
        row = SheetRow(resident=sure(cast.wang.resident), part="serve", entry=window[0])
        staff, lead, wang = (cast.actor(who) for who in (cast.staff, cast.lead, cast.wang))
        acts: list[Callable[[], object]] = [
            partial(transact, check_in, scan, wang),
            partial(transact, enter_by_hand, hand, staff),
            partial(transact, enter_by_hand, hand, lead),
            partial(transact, enter_sheet, EnterSheet(session=session, rows=(row,)), staff),
        ]

        answers = all_at_once(scene.app, acts * 3)

        assert all(isinstance(each, Recorded | SheetEntered) for each in answers)
        rows = [row for row in scene.attendances(session) if row.phase == "entry"]
        assert len(rows) == scene.taken(session, "serve") == 1
