"""Agreeing to be named in public lists: one's own word, once, withdrawn at any time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from core.errors import Forbidden
from exchange.moving import MergeRecords, merge_records
from residents.models import Consent, Person
from residents.naming import ChildIsMasked, NamingSet, SetNaming, set_naming
from residents.shown import PUBLIC_LIST, shown
from tests.people import People
from tests.points.books import one

Run = Callable[..., Any]


def consents(connection: Connection, person: object) -> list[Any]:
    query = select(Consent.withdrawn_at).where(
        Consent.person == person, Consent.purpose == PUBLIC_LIST
    )
    return list(connection.execute(query))


def test_nobody_is_named_unless_they_agreed(cast: People, ask: Callable[..., Any]) -> None:
    found = ask(shown, [cast.wang.resident, cast.wang.household])

    assert not found[cast.wang.resident].is_named
    assert not found[cast.wang.household].is_named
    assert found[cast.wang.resident].building == "建国南苑 3 幢"


def test_agreeing_twice_is_one_consent(run: Run, cast: People, ask: Callable[..., Any]) -> None:
    wang = cast.actor(cast.wang)
    for _ in range(2):
        run(set_naming, SetNaming(agreed=True), wang)

    assert ask(shown, [cast.wang.resident])[cast.wang.resident].is_named
    assert [row.withdrawn_at for row in ask(consents, cast.wang.person)] == [None]


def test_what_was_agreed_is_kept_when_it_is_withdrawn(
    run: Run, cast: People, ask: Callable[..., Any]
) -> None:
    wang = cast.actor(cast.wang)
    for agreed in (True, False, False):
        run(set_naming, SetNaming(agreed=agreed), wang)

    assert not ask(shown, [cast.wang.resident])[cast.wang.resident].is_named
    assert [row.withdrawn_at is not None for row in ask(consents, cast.wang.person)] == [True]


def test_nobody_agrees_for_somebody_else(run: Run, cast: People) -> None:
    daughter = replace(cast.actor(cast.wang), resident=cast.li.resident)
    for actor in (daughter, cast.actor(cast.staff)):
        with pytest.raises(Forbidden):
            run(set_naming, SetNaming(agreed=True), actor)


def test_a_child_is_always_masked(run: Run, cast: People, ask: Callable[..., Any]) -> None:
    born = update(Person).where(Person.id == cast.wang.person).values(birth_year=2014)
    run(lambda work, _command: NamingSet(agreed=bool(work.connection.execute(born))), None)

    with pytest.raises(ChildIsMasked):
        run(set_naming, SetNaming(agreed=True), cast.actor(cast.wang))
    assert not run(set_naming, SetNaming(agreed=False), cast.actor(cast.wang)).agreed


def test_a_record_that_ends_is_masked_as_nobody_could_take_it_back(
    run: Run, cast: People, ask: Callable[..., Any]
) -> None:
    run(set_naming, SetNaming(agreed=True), cast.actor(cast.wang))
    command = MergeRecords(key="one", keep=one(cast.chen.resident), drop=one(cast.wang.resident))
    run(merge_records, command, cast.actor(cast.staff))

    assert not ask(shown, [cast.wang.resident])[cast.wang.resident].is_named
