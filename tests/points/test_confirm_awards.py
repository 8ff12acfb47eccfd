"""A second person confirms: not whoever recorded it, not who gains, not the same household."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select

from core.acts import NotInYourScope
from core.errors import Forbidden
from core.work import SHANGHAI
from points.earning import awards
from points.models import Award
from points.settlement import settle_due
from residents import people
from residents.addresses import Address
from tests.conftest import Clock
from tests.people import HERE, THERE, People, Someone
from tests.points.books import one
from tests.points.earning import CORRIDOR, count, days_later, serving

Run = Callable[..., Any]


@pytest.fixture
def held(run: Run, cast: People) -> Callable[..., UUID]:
    """An award that 陈晓琳 recorded and that waits for a second person."""

    def give(cause: str, by: Someone | None = None, **changes: Any) -> UUID:
        given = {"holder_id": one(cast.wang.resident), "needs_second": True} | changes
        made = run(awards.award, serving(cause, **given), cast.actor(by or cast.staff))
        return one(made.id)

    return give


@pytest.fixture
def confirm(run: Run, cast: People) -> Callable[..., int]:
    """Confirm as somebody."""

    def call(someone: Someone, *identities: UUID) -> int:
        command = awards.ConfirmAwards(awards=identities)
        return int(run(awards.confirm_awards, command, cast.actor(someone)).confirmed)

    return call


def dues(connection: Connection, identities: Sequence[UUID]) -> list[dt.datetime | None]:
    rows = connection.execute(
        select(Award.due, Award.confirmed_by).where(Award.id.in_(identities)).order_by(Award.cause),
    )
    return [row.due for row in rows]


def test_a_second_person_lets_it_arrive_the_coming_night(
    app: Flask, clock: Clock, ask: Run, cast: People, held: Run, confirm: Run
) -> None:
    identity = held("a")
    clock.set(days_later(3))

    assert confirm(cast.lead, identity) == 1
    assert ask(dues, [identity]) == [dt.datetime(2026, 11, 28, 2, 0, tzinfo=SHANGHAI)]
    by = ask(lambda connection: connection.scalar(select(Award.confirmed_by)))
    assert by == cast.lead.person
    clock.advance(days=1)
    with app.app_context():
        assert settle_due() == 1


def test_whoever_recorded_it_does_not_confirm_it(
    ask: Run, cast: People, held: Run, confirm: Run
) -> None:
    identity = held("a")

    with pytest.raises(awards.AwardNeedsSecondPerson):
        confirm(cast.staff, identity)
    assert ask(dues, [identity]) == [None]


@pytest.fixture
def neighbour(run: Run, cast: People) -> Someone:
    """赵建平, who leads this community, lives in it with her husband."""
    home = Address(estate="建国南苑", building="7", unit="1", room="201")
    names = {cast.lead.name: cast.lead.phone, "钱志明": ""}
    entered = [
        run(
            people.enter_resident,
            people.EnterResident(community=HERE, name=name, phone=phone or None, address=home),
            cast.actor(cast.staff),
        )
        for name, phone in names.items()
    ]
    assert entered[0].household == entered[1].household
    assert entered[0].person == cast.lead.person
    return Someone(
        name="钱志明",
        phone="",
        resident=entered[1].resident,
        person=entered[0].resident,
        household=entered[0].household,
    )


def test_who_gains_does_not_confirm_it(
    ask: Run, cast: People, neighbour: Someone, held: Run, confirm: Run
) -> None:
    own = held("own", holder_id=neighbour.person)

    with pytest.raises(awards.AwardNeedsSecondPerson):
        confirm(cast.lead, own)
    assert ask(dues, [own]) == [None]


def test_who_lives_with_who_gains_does_not_confirm_it(
    ask: Run, cast: People, neighbour: Someone, held: Run, confirm: Run
) -> None:
    husbands = held("husband", holder_id=neighbour.resident)
    households = held(
        "household",
        rule=CORRIDOR,
        units=1,
        holder_kind="household",
        holder_id=neighbour.household,
    )

    for identity in (husbands, households):
        with pytest.raises(awards.AwardNeedsSecondPerson):
            confirm(cast.lead, identity)
    assert ask(dues, [husbands, households]) == [None, None]


def test_one_that_is_refused_refuses_all(
    ask: Run, cast: People, neighbour: Someone, held: Run, confirm: Run
) -> None:
    others, own = held("a"), held("b", holder_id=neighbour.person)

    with pytest.raises(awards.AwardNeedsSecondPerson):
        confirm(cast.lead, others, own)
    assert ask(dues, [others, own]) == [None, None]
    assert confirm(cast.lead, others) == 1


def test_staff_of_the_community_that_bears_it_confirm_it(
    cast: People, held: Run, confirm: Run
) -> None:
    identity = held("a", bearing=THERE)

    with pytest.raises(NotInYourScope):
        confirm(cast.lead, identity)
    assert confirm(cast.elsewhere, identity) == 1


@pytest.mark.parametrize("who", ["wang", "chen", "keeper", "lin"])
def test_no_other_role_confirms(cast: People, held: Run, confirm: Run, who: str) -> None:
    with pytest.raises(Forbidden):
        confirm(getattr(cast, who), held("a"))


def test_confirming_again_changes_nothing(
    clock: Clock, ask: Run, cast: People, held: Run, confirm: Run
) -> None:
    identity = held("a")
    confirm(cast.lead, identity)
    before = ask(dues, [identity])
    audited = ask(count, "audit_events")
    clock.advance(hours=17)

    assert confirm(cast.lead, identity) == 0
    assert ask(dues, [identity]) == before
    assert ask(count, "audit_events") == audited


def test_what_was_confirmed_and_has_arrived_stops_no_other(
    app: Flask, clock: Clock, ask: Run, cast: People, held: Run, confirm: Run
) -> None:
    arrived = held("a")
    assert confirm(cast.lead, arrived) == 1
    clock.advance(days=1)
    with app.app_context():
        assert settle_due() == 1
    waiting = held("b", event_at=days_later(-1))

    assert confirm(cast.lead, arrived) == 0
    assert confirm(cast.lead, arrived, waiting) == 1
    assert None not in ask(dues, [arrived, waiting])


def test_many_who_confirm_at_once_confirm_once(cast: People, held: Run, confirm: Run) -> None:
    identities = [held("a"), held("b", event_at=days_later(-1))]
    cast.actor(cast.lead)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: confirm(cast.lead, *identities), range(6)))

    assert sorted(answers) == [0, 0, 0, 0, 0, 2]


def test_what_settles_by_itself_needs_nobody(cast: People, held: Run, confirm: Run) -> None:
    free = held("a", needs_second=False)

    assert confirm(cast.staff, free) == 0


def test_what_does_not_wait_is_unknown(
    app: Flask, clock: Clock, run: Run, cast: People, held: Run, confirm: Run
) -> None:
    void, done = held("void"), held("done", needs_second=False)
    run(awards.void_award, void)
    clock.advance(days=1)
    with app.app_context():
        assert settle_due() == 1

    for identity in (void, done, UUID(int=404)):
        with pytest.raises(awards.AwardUnknown):
            confirm(cast.lead, identity)


def test_what_nobody_confirms_can_be_taken_back(
    clock: Clock, app: Flask, run: Run, ask: Run, held: Run
) -> None:
    assert run(awards.void_award, held("a"))

    clock.advance(days=2)
    with app.app_context():
        assert settle_due() == 0
    assert ask(count, "transfers") == 0
