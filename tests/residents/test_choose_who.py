"""One number, several people: who signs in is chosen after the code, and so is the role."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, text

from core.errors import Forbidden
from residents import grants, people
from residents.people import EnterResident, OwnResident, ResidentUnknown, enter_resident
from residents.places import SetPhone, set_phone
from residents.representations import KindUnknown, Represent, represent
from residents.sign_in import choices_of
from tests.people import HERE, THERE, People, Someone
from tests.residents.forms import count, prove, send, who

Run = Callable[..., Any]
TODAY = dt.date(2026, 11, 24)


@pytest.fixture
def parents(cast: People, run: Run) -> tuple[UUID, UUID]:
    """Two parents who share a daughter's phone."""
    made = [
        run(
            enter_resident,
            EnterResident(community=HERE, name=name, phone="13957008888"),
            cast.actor(cast.staff),
        ).resident
        for name in ("沈玉兰", "钱福根")
    ]
    return made[0], made[1]


def offered(page: str) -> dict[str, str]:
    """Return the choices of the page: title and value."""
    button = r'<button[^>]*name="choice" value="([^"]+)"'
    words = r'class="title">([^<]+)<.*?class="under">([^<]+)<'
    found = re.findall(f"{button}.*?{words}", page, re.DOTALL)
    return {f"{title}，{note}": value for value, title, note in found}


def me(browser: FlaskClient) -> Any:
    headers = {"Authorization": f"Bearer {who(browser)}"}
    return browser.get("/api/v1/me", headers=headers).get_json()


def test_several_on_one_phone_are_asked_who_they_are(
    cast: People,
    client: FlaskClient,
    parents: tuple[UUID, UUID],
) -> None:
    proven = prove(cast.app, client, "13957008888", "/activities/")
    assert proven.headers["Location"] == "/sign-in/choose?next=/activities/"
    assert who(client) is None

    page = client.get("/sign-in/choose?next=/activities/").get_data(as_text=True)
    found = offered(page)
    assert set(found.values()) == {str(parent) for parent in parents}
    assert {title.partition("，")[0] for title in found} == {"沈玉兰", "钱福根"}

    done = send(
        client,
        "/sign-in/choose",
        "/sign-in/choose",
        choice=str(parents[1]),
        next="/activities/",
    )
    assert (done.status_code, done.headers["Location"]) == (303, "/activities/")
    assert (me(client)["resident"], me(client)["name"]) == (str(parents[1]), "钱福根")


def test_whoever_is_asked_may_call_the_community_that_all_are_of(
    cast: People, client: FlaskClient, parents: tuple[UUID, UUID], run: Run
) -> None:
    run(set_phone, SetPhone(place=HERE, phone="0571-8765 4321"))
    run(set_phone, SetPhone(place=330102000000, phone="0571-8700 0000"))
    prove(cast.app, client, "13957008888")
    assert "0571-8765 4321" in client.get("/sign-in/choose").get_data(as_text=True)

    elsewhere = EnterResident(community=THERE, name="沈小兰", phone="13957008888")
    run(enter_resident, elsewhere, cast.actor(cast.elsewhere))

    page = client.get("/sign-in/choose").get_data(as_text=True)
    assert "0571-8700 0000" in page
    assert "0571-8765 4321" not in page


def test_nobody_else_can_be_chosen(
    cast: People,
    client: FlaskClient,
    parents: tuple[UUID, UUID],
    ask: Run,
) -> None:
    prove(cast.app, client, "13957008888")
    before = ask(count, "sign_ins")

    for choice in (str(cast.wang.resident), "nonsense", ""):
        refused = send(client, "/sign-in/choose", "/sign-in/choose", choice=choice)
        assert refused.status_code == 404
        assert "请从列表里选" in refused.get_data(as_text=True)

    assert who(client) is None
    assert ask(count, "sign_ins") == before


def test_choosing_needs_a_number_that_was_just_proven(
    cast: People,
    client: FlaskClient,
    clock: Any,
    parents: tuple[UUID, UUID],
) -> None:
    prove(cast.app, client, "13957008888")
    clock.advance(minutes=10)

    refused = client.get("/sign-in/choose")

    assert refused.status_code == 422
    assert "请重新获取验证码" in refused.get_data(as_text=True)


def represents(cast: People, run: Run, principal: Someone, agent: Someone) -> None:
    command = Represent(principal=principal.person, agent=agent.person, kind="family")  # type: ignore[arg-type]
    run(represent, command, cast.actor(cast.staff))


def test_a_daughter_acts_for_her_father_who_has_no_phone(
    cast: People,
    client: FlaskClient,
    run: Run,
    ask: Run,
) -> None:
    represents(cast, run, cast.li, cast.chen)
    prove(cast.app, client, cast.chen.phone)

    found = offered(client.get("/sign-in/choose").get_data(as_text=True))
    assert set(found.values()) == {str(cast.li.resident), str(cast.chen.resident)}
    send(client, "/sign-in/choose", "/sign-in/choose", choice=str(cast.li.resident))

    seen = me(client)
    assert seen["resident"] == str(cast.li.resident)
    assert seen["person"] == str(cast.chen.person)
    assert ask(acting) == [(cast.chen.name, cast.li.name)]


def acting(connection: Connection) -> list[tuple[str, str]]:
    rows = connection.execute(
        text(
            "SELECT agent.name, principal.name FROM sign_ins s"
            " JOIN people agent ON agent.id = s.person"
            " JOIN residents r ON r.id = s.resident"
            " JOIN people principal ON principal.id = r.person"
            " WHERE agent.id <> principal.id",
        ),
    )
    return [(row[0], row[1]) for row in rows]


def test_acting_for_somebody_ends_with_the_representation(
    cast: People,
    client: FlaskClient,
    run: Run,
    ask: Run,
    clock: Any,
) -> None:
    represents(cast, run, cast.li, cast.chen)
    prove(cast.app, client, cast.chen.phone)
    send(client, "/sign-in/choose", "/sign-in/choose", choice=str(cast.li.resident))

    run(end_representations, TODAY)
    assert me(client)["resident"] == str(cast.li.resident)
    clock.advance(days=1)

    assert me(client)["code"] == "sign_in_needed"
    tomorrow = TODAY + dt.timedelta(days=1)
    assert [choice.name for choice in ask(choices_of, cast.chen.phone, tomorrow)] == [
        cast.chen.name,
    ]


def end_representations(work: Any, day: dt.date) -> None:
    work.connection.execute(
        text("UPDATE representations SET valid_to = :day"),
        work.bind(day=day),
    )


def test_the_same_representation_again_is_what_it_was(cast: People, run: Run, ask: Run) -> None:
    represents(cast, run, cast.li, cast.chen)
    before = ask(count, "consents")

    represents(cast, run, cast.li, cast.chen)

    assert ask(count, "representations") == 1
    assert ask(count, "consents") == before


def test_staff_let_nobody_act_for_strangers_themselves_or_their_own(
    cast: People,
    run: Run,
    ask: Run,
) -> None:
    staff = cast.actor(cast.staff)
    assert cast.li.person is not None
    assert cast.staff.person is not None
    assert cast.chen.person is not None

    def refused(refusal: type[Exception], actor: Any = staff, **changed: Any) -> None:
        given = {"principal": cast.li.person, "agent": cast.chen.person, "kind": "family"}
        with pytest.raises(refusal):
            run(represent, Represent(**{**given, **changed}), actor)

    refused(KindUnknown, kind="friend")
    refused(ResidentUnknown, agent=UUID(int=3))
    refused(ResidentUnknown, principal=UUID(int=3))
    refused(ResidentUnknown, agent=cast.li.person)
    refused(OwnResident, agent=cast.staff.person)
    refused(Forbidden, actor=cast.actor(cast.elsewhere))
    refused(Forbidden, actor=cast.actor(cast.chen))
    assert ask(count, "representations") == 0


def test_staff_choose_the_role_they_act_in(cast: People, client: FlaskClient, run: Run) -> None:
    lives = EnterResident(community=HERE, name=cast.staff.name, phone=cast.staff.phone)
    resident = run(enter_resident, lives, cast.actor(cast.lead)).resident
    command = grants.GrantRole(
        name=cast.staff.name,
        phone=cast.staff.phone,
        role="lead",
        place=THERE,
    )
    lead = run(grants.grant_role, command, cast.actor(cast.lin)).id

    prove(cast.app, client, cast.staff.phone)
    found = offered(client.get("/sign-in/choose").get_data(as_text=True))
    assert len(found) == 3
    assert found[next(title for title in found if "社区负责人" in title)] == str(lead)
    assert str(resident) in found.values()

    send(client, "/sign-in/choose", "/sign-in/choose", choice=str(lead))
    seen = me(client)
    assert (seen["role"], seen["place"], seen["resident"]) == ("lead", THERE, None)
    assert client.get("/").headers["Location"].startswith("/desk")


def test_somebody_with_one_role_only_goes_straight_to_work(
    cast: People,
    client: FlaskClient,
) -> None:
    done = prove(cast.app, client, cast.lin.phone)

    assert done.headers["Location"] == "/"
    assert client.get("/").headers["Location"].startswith("/console")


def test_staff_stay_signed_in_for_a_working_day_and_residents_for_months(
    cast: People,
    client: FlaskClient,
    clock: Any,
) -> None:
    staff, wang = cast.headers(cast.staff), cast.headers(cast.wang)

    def works(headers: dict[str, str]) -> bool:
        return client.get("/api/v1/me", headers=headers).status_code == 200

    clock.advance(hours=11, minutes=59)
    assert works(staff)
    clock.advance(minutes=1)
    assert not works(staff)
    clock.advance(days=179)
    assert works(wang)
    clock.advance(hours=12)
    assert not works(wang)


def test_a_role_that_waits_for_its_second_person_cannot_sign_in(
    cast: People,
    client: FlaskClient,
    run: Run,
) -> None:
    command = grants.GrantRole(
        name="郑新",
        phone="13700000099",
        role="district_admin",
        place=330102000000,
    )
    granted = run(grants.grant_role, command, cast.actor(cast.lin))

    assert prove(cast.app, client, "13700000099").headers["Location"].startswith("/join")

    run(grants.confirm_grant, grants.ConfirmGrant(grant=granted.id), cast.actor(cast.wu))
    assert prove(cast.app, client, "13700000099").headers["Location"] == "/"
    assert me(client)["role"] == "district_admin"


def test_a_role_begins_on_its_first_day_in_hangzhou(
    cast: People,
    client: FlaskClient,
    run: Run,
    clock: Any,
) -> None:
    people_of = people.EnterResident(community=HERE, name="郑新", phone="13700000099")
    run(people.enter_resident, people_of, cast.actor(cast.staff))
    command = grants.GrantRole(
        name="郑新",
        phone="13700000099",
        role="staff",
        place=HERE,
        valid_from=dt.date(2026, 11, 25),
    )
    run(grants.grant_role, command, cast.actor(cast.lin))
    assert prove(cast.app, client, "13700000099").headers["Location"] == "/"

    send(client, "/me", "/sign-out")
    # Half past midnight in Hangzhou is the day before in UTC.
    clock.set(dt.datetime(2026, 11, 24, 16, 30, tzinfo=dt.UTC))
    proven = prove(cast.app, client, "13700000099")

    assert proven.headers["Location"].startswith("/sign-in/choose")
    page = client.get("/sign-in/choose").get_data(as_text=True)
    assert len(offered(page)) == 2
