"""Staff confirm that somebody is who they say: never themselves or their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from core.acts import NotInYourScope
from core.errors import Forbidden
from residents import grants, people, queries
from residents.people import ConfirmResident, confirm_resident
from tests.people import HERE, People, Someone
from tests.residents.forms import count

Run = Callable[..., Any]


def new_here(cast: People) -> ConfirmResident:
    assert cast.new.resident is not None
    return ConfirmResident(resident=cast.new.resident)


def confirmed(connection: Connection) -> tuple[str, str]:
    row = connection.execute(
        text(
            "SELECT r.state, staff.name FROM residents r JOIN people p ON p.id = r.person"
            " LEFT JOIN people staff ON staff.id = r.confirmed_by WHERE p.name = '周晓燕'",
        ),
    ).one()
    return (row[0], row[1])


def test_staff_here_confirm_somebody_who_registered(cast: People, run: Run, ask: Run) -> None:
    waiting = [line.name for line in ask(queries.waiting, HERE)]

    done = run(confirm_resident, new_here(cast), cast.actor(cast.staff))

    assert waiting == [cast.new.name]
    assert done.state == "confirmed"
    assert ask(queries.waiting, HERE) == []
    assert ask(confirmed) == ("confirmed", cast.staff.name)


def test_confirming_again_changes_nothing(cast: People, run: Run, ask: Run) -> None:
    run(confirm_resident, new_here(cast), cast.actor(cast.staff))
    lead, before = cast.actor(cast.lead), ask(count, "audit_events")

    again = run(confirm_resident, new_here(cast), lead)

    assert again.state == "confirmed"
    assert ask(count, "audit_events") == before
    assert ask(confirmed) == ("confirmed", cast.staff.name)


def test_staff_elsewhere_cannot_confirm_here(cast: People, run: Run, ask: Run) -> None:
    with pytest.raises(NotInYourScope):
        run(confirm_resident, new_here(cast), cast.actor(cast.elsewhere))

    assert [line.name for line in ask(queries.waiting, HERE)] == [cast.new.name]


def test_residents_and_the_district_do_not_confirm(cast: People, run: Run) -> None:
    for who in (cast.wang, cast.lin):
        with pytest.raises(Forbidden):
            run(confirm_resident, new_here(cast), cast.actor(who))


def test_nobody_confirms_themselves_or_somebody_of_their_household(
    cast: People,
    run: Run,
    ask: Run,
) -> None:
    works = Someone("周晓燕", cast.new.phone, "staff")
    grant = grants.GrantRole(name=works.name, phone=works.phone, role="staff", place=HERE)
    granted = run(grants.grant_role, grant, cast.actor(cast.lin))
    assert granted.person == cast.new.person
    child = run(
        people.enter_resident,
        people.EnterResident(community=HERE, name="周小宝", household=cast.new.household),
        cast.actor(cast.staff),
    )

    with pytest.raises(people.OwnResident):
        run(confirm_resident, new_here(cast), cast.actor(works))
    with pytest.raises(people.OwnResident):
        run(confirm_resident, ConfirmResident(resident=child.resident), cast.actor(works))

    assert [line.name for line in ask(queries.waiting, HERE)] == [cast.new.name]


def test_somebody_who_is_not_there_is_unknown(cast: People, run: Run) -> None:
    with pytest.raises(people.ResidentUnknown):
        run(
            confirm_resident,
            ConfirmResident(resident=UUID(int=4)),
            cast.actor(cast.staff),
        )


def test_the_api_confirms_as_the_desk_does(cast: People) -> None:
    client = cast.app.test_client()
    path = f"/api/v1/staff/residents/{cast.new.resident}/confirm"

    refused = client.post(path, headers=cast.headers(cast.elsewhere))
    done = client.post(path, headers=cast.headers(cast.staff))

    assert (refused.status_code, refused.get_json()["code"]) == (403, "not_in_your_scope")
    assert (done.status_code, done.get_json()["state"]) == (200, "confirmed")
    assert client.post(path).status_code == 401
