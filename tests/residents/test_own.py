"""Whose matters somebody may not decide: their household's, and a second self's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from core.directory import directory
from residents.endings import RecordDeath, record_death
from residents.people import Register, register
from tests.people import THERE, People

Run = Callable[..., Any]


def own_of(connection: Connection, person: UUID) -> frozenset[UUID]:
    return directory().own(connection, person)


def test_the_same_number_under_another_name_is_ones_own(cast: People, run: Run, ask: Run) -> None:
    wang, stranger = cast.wang, cast.chen
    assert wang.person is not None
    twin = run(
        register,
        Register(phone=wang.phone, name="王秀瑛", community=THERE, consent=True, is_fourteen=True),
    )

    own = ask(own_of, wang.person)

    assert {twin.person, twin.resident, twin.household} <= own
    assert {wang.person, wang.resident, wang.household, cast.li.person, cast.li.resident} <= own
    assert own.isdisjoint({stranger.person, stranger.resident, stranger.household})
    assert wang.resident in ask(own_of, twin.person)


def test_who_died_in_the_household_stays_ones_own(cast: People, run: Run, ask: Run) -> None:
    assert cast.li.resident is not None
    run(record_death, RecordDeath(resident=cast.li.resident), cast.actor(cast.staff))

    own = ask(own_of, cast.wang.person)

    assert {cast.li.resident, cast.wang.household} <= own


def test_who_has_no_number_is_nobodys_second_self(cast: People, ask: Run) -> None:
    own = ask(own_of, cast.li.person)

    assert own == {
        cast.li.person, cast.li.resident, cast.wang.person, cast.wang.resident, cast.wang.household
    }  # fmt: skip
