"""A household with nobody known in it: waste sorting scores it all the same."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core.acts import NotInYourScope
from residents import people, queries
from residents.addresses import Address, AddressIncomplete
from tests.people import HERE, People
from tests.residents.forms import count

Run = Callable[..., Any]
EMPTY = people.EnterHousehold(
    community=HERE,
    address=Address(estate="建国南苑", building="7", unit="1", room="201"),
)


def test_an_address_gets_a_household_without_people_and_an_account(
    cast: People,
    run: Run,
    ask: Run,
) -> None:
    staff, before = cast.actor(cast.staff), ask(count, "accounts")

    entered = run(people.enter_household, EMPTY, staff)

    assert not entered.exists
    assert ask(queries.members, entered.household) == []
    assert ask(count, "accounts") == before + 1


def test_entering_it_again_adds_nothing(cast: People, run: Run, ask: Run) -> None:
    staff = cast.actor(cast.staff)
    first = run(people.enter_household, EMPTY, staff)
    before = ask(count, "households")

    again = run(people.enter_household, EMPTY, staff)

    assert again == people.HouseholdEntered(household=first.household, exists=True)
    assert ask(count, "households") == before


def test_many_at_once_make_one(cast: People, run: Run, ask: Run) -> None:
    staff, before = cast.actor(cast.staff), ask(count, "households")

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: run(people.enter_household, EMPTY, staff), range(8)))

    assert len({one.household for one in made}) == 1
    assert ask(count, "households") == before + 1


def test_somebody_who_turns_out_to_live_there_joins_it(cast: People, run: Run) -> None:
    staff = cast.actor(cast.staff)
    household = run(people.enter_household, EMPTY, staff).household

    entered = run(
        people.enter_resident,
        people.EnterResident(community=HERE, name="沈玉兰", address=EMPTY.address),
        staff,
    )

    assert entered.household == household


def test_it_needs_a_whole_address_and_the_communitys_own_staff(cast: People, run: Run) -> None:
    half = people.EnterHousehold(community=HERE, address=Address(estate="建国南苑"))

    with pytest.raises(AddressIncomplete):
        run(people.enter_household, half, cast.actor(cast.staff))
    with pytest.raises(NotInYourScope):
        run(people.enter_household, EMPTY, cast.actor(cast.elsewhere))
