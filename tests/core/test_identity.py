"""Who is signed in, and the guards: by role, by place, and only as long as the sign-in holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, text

from core.acts import ACTS, SYSTEM, Act, Actor, NotInYourScope, Role
from core.crypto import token_hash
from core.errors import Forbidden
from core.refused import KEPT_A_MINUTE
from residents.grants import ConfirmGrant, EndGrant, GrantRole, confirm_grant, end_grant, grant_role
from residents.revoking import Revoke, revoke
from tests.conftest import Clock
from tests.people import HERE, NEAR, THERE, People, Someone
from tests.residents.forms import who

Run = Callable[..., Any]
DISTRICT = 330102000000
STREET = 330102001000
GUARDED = {"resident": "/me", "desk": "/desk/", "console": "/console/"}


def grant_of(connection: Connection, person: UUID) -> UUID:
    rows = connection.execute(text('SELECT id, person FROM "grants"')).all()
    return next(UUID(str(row[0])) for row in rows if UUID(str(row[1])) == person)


def role_for(someone: Someone, until: dt.date | None = None) -> GrantRole:
    return GrantRole(
        name=someone.name,
        phone=someone.phone,
        role=someone.role,
        place=someone.community,
        valid_to=until,
    )


def opened(browser: FlaskClient) -> set[str]:
    """Return the guarded pages that this browser may open; the others send it away or refuse."""
    statuses = {name: browser.get(page).status_code for name, page in GUARDED.items()}
    assert set(statuses.values()) <= {200, 303, 403}
    return {name for name, status in statuses.items() if status == 200}


# --- guards ----------------------------------------------------------------------------------


def test_each_role_opens_its_own_rooms(cast: People, run: Run, client: FlaskClient) -> None:
    lin, wu = cast.actor(cast.lin), cast.actor(cast.wu)
    auditor = Someone("钱审计", "13700000021", "auditor", DISTRICT)
    reader = Someone("孙街道", "13700000022", "subdistrict_reader", STREET)
    run(grant_role, role_for(reader), lin)
    waiting = run(grant_role, role_for(auditor), lin)
    run(confirm_grant, ConfirmGrant(grant=waiting.id), wu)

    rooms = {
        someone.role: opened(cast.browser(someone))
        for someone in (
            cast.wang,
            cast.staff,
            cast.lead,
            cast.keeper,
            cast.lin,
            auditor,
            reader,
        )
    }

    assert rooms == {
        "resident": {"resident"},
        "staff": {"desk"},
        "lead": {"desk"},
        "keeper": {"desk"},
        "district_admin": {"console"},
        "auditor": {"console"},
        "subdistrict_reader": {"console"},
    }
    assert opened(client) == set()


def test_somebody_unknown_is_led_to_the_sign_in_and_back(client: FlaskClient) -> None:
    for address, target in (
        ("/desk/", "/desk/"),
        ("/console/settings?key=redeem.verify", "/console/settings?key=redeem.verify"),
        ("/me", "/me"),
    ):
        answer = client.get(address)
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/sign-in?next=")
        shown = client.get(answer.headers["Location"]).get_data(as_text=True)
        assert f'name="next" value="{target}"' in shown


def test_a_program_without_a_token_is_told_so(cast: People, client: FlaskClient) -> None:
    token = cast.token(cast.wang)

    for header in ("", "Bearer", "Bearer ", f"Basic {token}", token, "Bearer forged"):
        answer = client.get("/api/v1/me", headers={"Authorization": header})
        assert (answer.status_code, answer.get_json()["code"]) == (401, "sign_in_needed"), header
    for header in (f"Bearer {token}", f"bearer  {token} "):
        answer = client.get("/api/v1/me", headers={"Authorization": header})
        assert answer.status_code == 200, header


def test_a_cookie_opens_pages_alone_and_a_token_the_api_alone(
    cast: People, client: FlaskClient
) -> None:
    headers = {"Authorization": f"Bearer {cast.token(cast.staff)}"}

    assert client.get("/desk/", headers=headers).status_code == 303
    assert cast.browser(cast.staff).get("/api/v1/me").status_code == 401
    assert client.get(f"/api/v1/me?token={cast.token(cast.wang)}").status_code == 401


def test_a_forged_cookie_is_nobody_s(cast: People, client: FlaskClient) -> None:
    browser = cast.browser(cast.staff)
    cookie = browser.get_cookie("linli")
    assert cookie is not None
    body, stamp, mac = cookie.value.rsplit(".", 2)
    client.set_cookie("linli", f"{body}.{stamp}.{mac[::-1]}")

    assert client.get("/desk/").status_code == 303


# --- as long as it holds ---------------------------------------------------------------------


def test_a_revoked_sign_in_opens_nothing_from_that_moment(cast: People, run: Run) -> None:
    browser = cast.browser(cast.staff)
    assert opened(browser) == {"desk"}
    other = cast.browser(cast.staff, anew=True)

    run(end_sign_in_of, who(browser), cast.actor(cast.staff))

    assert opened(browser) == set()
    assert opened(other) == {"desk"}


def end_sign_in_of(work: Any, token: str) -> None:
    """Revoke the sign-in of a token, as its person does from another device."""
    rows = work.connection.execute(text("SELECT id, token_hash FROM sign_ins")).all()
    row = next(row for row in rows if row[1] == token_hash(token))
    revoke(work, Revoke(sign_in=UUID(str(row[0]))))


@pytest.mark.parametrize(
    ("who_", "page", "holds"),
    [("wang", "/me", dt.timedelta(days=180)), ("staff", "/desk/", dt.timedelta(hours=12))],
)
def test_a_sign_in_ends_by_itself(
    cast: People, clock: Clock, who_: str, page: str, holds: dt.timedelta
) -> None:
    someone = getattr(cast, who_)
    browser, headers = cast.browser(someone), cast.headers(someone)
    began = clock.now

    clock.set(began + holds - dt.timedelta(seconds=1))
    assert browser.get(page).status_code == 200
    clock.set(began + holds)

    assert browser.get(page).status_code == 303
    assert browser.get("/api/v1/me", headers=headers).status_code == 401


def test_whose_role_is_taken_back_is_out_at_once(cast: People, run: Run, ask: Run) -> None:
    browser = cast.browser(cast.staff)
    assert cast.staff.person is not None

    run(end_grant, EndGrant(grant=ask(grant_of, cast.staff.person)), cast.actor(cast.lin))

    assert opened(browser) == set()


def test_a_role_that_ends_on_a_day_holds_through_it(cast: People, run: Run, clock: Clock) -> None:
    helper = Someone("钱助理", "13700000023", "staff")
    run(grant_role, role_for(helper, until=dt.date(2026, 11, 24)), cast.actor(cast.lin))
    clock.set(dt.datetime(2026, 11, 24, 15, 59, 59, tzinfo=dt.UTC))
    browser = cast.browser(helper)

    assert opened(browser) == {"desk"}
    clock.advance(seconds=1)
    assert opened(browser) == set()


# --- the table of acts -----------------------------------------------------------------------

WHO: dict[Act, set[Role]] = {
    "order.approve": {"staff", "lead"},
    "order.approve_large": {"lead"},
    "order.hand_over": {"staff", "lead", "keeper"},
    "resident.confirm": {"staff", "lead", "keeper"},
    "activity.publish": {"staff", "lead"},
    "attendance.enter": {"staff", "lead"},
    "stock.receive": {"staff", "lead"},
    "rate.change": {"district_admin"},
}
"""What details of the design name; the table in code has the rest."""


def test_the_table_of_acts_is_what_was_agreed() -> None:
    assert {act: set(ACTS[act]) for act in WHO} == WHO
    looking = {"resident", "system", "auditor", "subdistrict_reader"}
    assert {act for act, roles in ACTS.items() if roles & looking} == {"console.read"}


@pytest.mark.parametrize(
    ("kind", "place", "covered"),
    [
        ("district", DISTRICT, {HERE, NEAR, THERE}),
        ("subdistrict", STREET, {HERE, NEAR}),
        ("community", HERE, {HERE}),
        ("station", HERE, {HERE}),
        ("session", HERE, set()),
        ("grid", HERE, {HERE}),
        ("person", HERE, set()),
    ],
)
def test_a_scope_covers_its_place_and_nothing_beside(
    kind: Any, place: int, covered: set[int]
) -> None:
    actor = Actor(person=UUID(int=1), role="staff", scope_kind=kind, place=place)

    assert {each for each in (HERE, NEAR, THERE) if actor.covers(each)} == covered


def test_a_wrong_role_and_a_wrong_place_are_told_apart() -> None:
    staff = Actor(person=UUID(int=1), role="staff", scope_kind="community", place=HERE)
    resident = Actor(person=UUID(int=1), role="resident", place=HERE)

    staff.require("order.approve", HERE)
    with pytest.raises(NotInYourScope):
        staff.require("order.approve", THERE)
    for actor, act in ((staff, "rate.change"), (resident, "order.approve")):
        with pytest.raises(Forbidden) as refusal:
            actor.require(act, HERE)  # type: ignore[arg-type]
        assert not isinstance(refusal.value, NotInYourScope)


def test_the_system_may_everything_and_is_no_role_of_people() -> None:
    for act in ACTS:
        SYSTEM.require(act, HERE)
    assert SYSTEM.covers(THERE)


@pytest.mark.parametrize(
    ("actor", "scope"),
    [
        (Actor(person=UUID(int=1), role="resident", place=HERE), f"person:{HERE}"),
        (
            Actor(person=UUID(int=1), role="lead", scope_kind="community", place=HERE),
            f"community:{HERE}",
        ),
        (
            Actor(
                person=UUID(int=1),
                role="keeper",
                scope_kind="station",
                place=HERE,
                scope_id=UUID(int=9),
            ),
            f"station:{UUID(int=9)}",
        ),
        (SYSTEM, "district"),
    ],
)
def test_the_audit_names_the_scope(actor: Actor, scope: str) -> None:
    assert actor.scope == scope


def test_a_refused_access_is_kept_but_not_without_end(
    cast: People, client: FlaskClient, ask: Run
) -> None:
    address = "/api/v1/district/jobs/settle/run"

    def kept(connection: Connection) -> list[tuple[UUID, str]]:
        query = "SELECT actor, result FROM audit_events WHERE use_case = 'refuse_access'"
        return [(UUID(str(row[0])), row[1]) for row in connection.execute(text(query))]

    for someone in (cast.wang, cast.staff):
        headers = cast.headers(someone)
        assert client.get("/api/v1/district/jobs", headers=headers).status_code == 403
        for _ in range(KEPT_A_MINUTE + 2):
            assert client.post(address, headers=headers).status_code == 403

    asked = [cast.wang.person] * KEPT_A_MINUTE + [cast.staff.person] * KEPT_A_MINUTE
    outcome = '{"outcome":"core_api.run"}'
    assert sorted(ask(kept)) == sorted((person, outcome) for person in asked)
