"""``flask verify`` on rates: two people who were district admins then stand behind each."""

# ruff: noqa: S608 - statements put together from this file's own ids

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from core.acts import Actor
from exchange.rates import ConfirmRate, WithdrawRate, confirm_rate, propose_rate, withdraw_rate
from residents.grants import (
    ConfirmGrant,
    EndGrant,
    Granted,
    GrantRole,
    confirm_grant,
    end_grant,
    grant_role,
)
from tests.conftest import Clock
from tests.exchange.test_rates import proposal
from tests.exchange.test_verify_held import seen
from tests.people import People

Run = Callable[..., Any]
DISTRICT = 330102000000


@pytest.fixture
def published(run: Run, cast: People, clock: Clock) -> UUID:
    """A rate that 林海 proposed, and 吴敏 confirmed the next day."""
    identity: UUID = run(propose_rate, proposal(), cast.actor(cast.lin)).id
    clock.set(dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC))
    return confirmed(run, identity, cast.actor(cast.wu))


def confirmed(run: Run, identity: UUID, actor: Actor) -> UUID:
    run(confirm_rate, ConfirmRate(proposal=identity), actor)
    return identity


def proposed(run: Run, actor: Actor, **more: Any) -> UUID:
    identity: UUID = run(propose_rate, proposal(**more), actor).id
    return identity


def test_rates_that_were_published_withdrawn_or_taken_back_hold(
    app: Flask, run: Run, cast: People, published: UUID
) -> None:
    lin, wu = cast.actor(cast.lin), cast.actor(cast.wu)
    later = dt.date(2026, 12, 5)
    proposed(run, lin, key="waits", valid_from=later)
    gone = proposed(run, lin, key="gone", valid_from=later + dt.timedelta(days=1))
    run(withdraw_rate, WithdrawRate(proposal=gone), lin)
    back = confirmed(run, proposed(run, wu, key="back", scope="district", home=0, host=0), lin)
    confirmed(run, run(withdraw_rate, WithdrawRate(proposal=back), lin).id, wu)
    confirmed(
        run, proposed(run, lin, key="ends", rate=None, valid_from=later + dt.timedelta(days=2)), wu
    )

    assert seen(app) == set()


RECORDS = {
    "another number": "UPDATE discount_rates SET rate = 9900 WHERE id = {rate}",
    "another day": "UPDATE discount_rates SET valid_from = '2026-12-24 16:00:00' WHERE id = {rate}",
    "another place": "UPDATE discount_rates SET scope = 'pair' WHERE id = {rate}",
    "nobody who confirmed it": "UPDATE discount_rates SET confirmed_by = NULL WHERE id = {rate}",
    "a proposal that is gone": "DELETE FROM rate_proposals",
    "a proposal that was withdrawn": "UPDATE rate_proposals SET state = 'withdrawn'",
    "a seed that nobody seeded": (
        "UPDATE discount_rates SET valid_from = '2026-11-01 16:00:00' WHERE scope = 'district'"
    ),
}


@pytest.mark.parametrize("kind", RECORDS)
def test_a_rate_that_is_not_what_two_people_published_is_named(
    app: Flask, published: UUID, kind: str
) -> None:
    damage = RECORDS[kind].replace("{rate}", f"'{published.hex}'")

    assert seen(app) == set()
    assert seen(app, damage) == {"proposed rates"}


GRANTS = {
    "another role": "role = 'auditor'",
    "over by then": "valid_to = '2026-11-22'",
    "begun later": "valid_from = '2026-11-25'",
    "written later": "created_at = '2026-11-24 12:00:00'",
    "confirmed by nobody": "confirmed_by = NULL",
}


@pytest.mark.parametrize("kind", GRANTS)
@pytest.mark.parametrize("who", ["lin", "wu"])
def test_a_rate_of_somebody_who_was_no_admin_then_is_named(
    app: Flask, cast: People, published: UUID, who: str, kind: str
) -> None:
    person = cast.actor(getattr(cast, who)).person
    damage = f"UPDATE grants SET {GRANTS[kind]} WHERE person = '{person.hex}'"

    assert seen(app, damage) == {"admins of the time"}


def test_an_admin_who_was_ended_and_appointed_again_that_day_was_one_in_the_morning(
    app: Flask, run: Run, cast: People
) -> None:
    lin, wu = cast.actor(cast.lin), cast.actor(cast.wu)
    third = GrantRole(name="郑毅", phone="13700000011", role="district_admin", place=DISTRICT)
    made: Granted = run(grant_role, third, lin)
    run(confirm_grant, ConfirmGrant(grant=made.id), wu)
    admin = Actor(person=made.person, role="district_admin", scope_kind="district", place=DISTRICT)
    confirmed(run, proposed(run, lin), admin)
    run(end_grant, EndGrant(grant=made.id), wu)
    assert seen(app) == set()
    run(grant_role, third, lin)

    assert seen(app) == set()
