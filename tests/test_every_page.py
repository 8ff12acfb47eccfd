"""Every page of a district where nothing has happened, and the templates that a step leads to.

In all tests a template that asks for what it was not given is a 500 (``tests/templates.py``). The
templates that a GET shows are counted on the walk of ``tests/test_get_changes_nothing.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import UndefinedError

from exchange.orders import Share, SubmitOrder, submit_order
from points.earning.acts import RecordAct, record_act
from residents import grants
from residents.addresses import Address
from residents.endings import RecordDeath, record_death
from residents.people import EnterResident, enter_resident
from tests import templates
from tests.admin.forms import fill
from tests.exchange.scene import POINT, Scene
from tests.exchange.scene import Someone as Payer
from tests.people import HERE, People, Someone
from tests.points.books import one
from tests.points.doors import building_lead, grid_worker
from tests.test_get_changes_nothing import AFTER_A_STEP, Arguments, arguments, readable

__all__ = ["arguments"]

Run = Callable[..., Any]
PLACES = {"community": HERE, "subdistrict": HERE // 1000 * 1000, "district": 330102000000}
OWN_PAGES = {
    "nobody": "residents.sign_in",
    "resident": "points.index",
    "staff": "desk.today",
    "lead": "desk.today",
    "keeper": "desk.station",
    "building_lead": "field.home",
    "grid_worker": "field.home",
    "subdistrict_reader": "console.home",
    "district_admin": "console.home",
    "auditor": "console.home",
}

# --- a district where nothing has happened -----------------------------------------------------


def appointed(cast: People, run: Run) -> list[Someone]:
    """Give each role to somebody; the first two are the admins who give the others."""
    admins = [grants.Admin(name=who.name, phone=who.phone) for who in (cast.lin, cast.wu)]
    run(grants.bootstrap, grants.Bootstrap(admins=(admins[0], admins[1])))
    everybody = {who.role: who for who in (cast.lin, cast.staff, cast.lead, cast.keeper)}
    for number, role in enumerate(grants.GRANTED):
        who = everybody.setdefault(role, Someone("钱伟民", f"1370000010{number}", role))
        if role != cast.lin.role:
            place = PLACES[grants.SCOPE_OF[role]]
            given = grants.GrantRole(name=who.name, phone=who.phone, role=role, place=place)
            made = run(grants.grant_role, given, cast.actor(cast.lin))
            run(grants.confirm_grant, grants.ConfirmGrant(grant=made.id), cast.actor(cast.wu))
    return [*everybody.values()]


def settled(cast: People, run: Run, ask: Run) -> list[Someone]:
    """Let the first resident move in; return her, the lead of her building and its grid worker."""
    wang = cast.wang
    home = Address(estate="建国南苑", building="3", unit="2", room="401")
    command = EnterResident(community=HERE, name=wang.name, phone=wang.phone, address=home)
    run(enter_resident, command, cast.actor(cast.staff))
    return [wang, building_lead(run, ask, cast), grid_worker(run, ask, cast, "3")]


def unknown(name: str) -> object:
    """Return what an address may name in a district that has its places only."""
    words = {"of": "resident", "month": "2026-10", "key": "serve.neighbour"}
    places = {"community": HERE, "home": PLACES["subdistrict"], "host": PLACES["subdistrict"]}
    return {**words, **places}.get(name) or uuid4()


def visit(app: Flask, browsers: dict[str, FlaskClient]) -> dict[str, dict[str, int]]:
    """Open every page as everybody; return the statuses by role and endpoint."""
    with app.test_request_context():
        adapter = app.url_map.bind("")
        addresses = {
            rule.endpoint: adapter.build(
                rule.endpoint, {name: unknown(name) for name in rule.arguments}
            )
            for rule in readable(app)
        }
    return {
        role: {
            endpoint: browser.get(address).status_code for endpoint, address in addresses.items()
        }
        for role, browser in browsers.items()
    }


@pytest.mark.database("sqlite")
def test_a_district_where_nothing_happened_has_every_page(app: Flask, run: Run, ask: Run) -> None:
    cast = People(app)
    browsers = {who.role: cast.browser(who) for who in appointed(cast, run)}
    found = visit(app, browsers | {"nobody": app.test_client()})

    first = {who.role: cast.browser(who) for who in settled(cast, run, ask)}
    found |= visit(app, first)

    broken = [
        (role, endpoint, status)
        for role, statuses in found.items()
        for endpoint, status in statuses.items()
        if status >= 500
    ]
    assert broken == []
    assert {role: found[role][page] for role, page in OWN_PAGES.items()} == dict.fromkeys(
        found, 200
    )


# --- what a step leads to ----------------------------------------------------------------------

LISTS = {
    "/desk/acts/sheet": "规则\t姓名\n建议被采纳\t王秀英",
    "/desk/import": "姓名\t手机号\t日期\t时长\n王秀英\t13800000001\t2026-11-20\t2",
    "/desk/residents/list": "姓名\t住址\n沈玉兰\t建国南苑 9-1-101",
}


def daughter(scene: Scene, cast: People) -> Someone:
    """Let a daughter with a phone live with 王秀英."""
    who = Someone("李晓燕", "13800000077")
    command = EnterResident(
        community=HERE, name=who.name, phone=who.phone, household=cast.wang.household
    )
    entered = scene.run(enter_resident, command, cast.actor(cast.staff))
    who.resident, who.person, who.household = entered.resident, entered.person, entered.household
    return who


def payer(who: Someone) -> Payer:
    return Payer(
        resident=one(who.resident),
        person=one(who.person),
        household=one(who.household),
        community=HERE,
    )


def ask_all_of(scene: Scene, cast: People, child: Someone) -> None:
    """Let everything wait that a home page asks or tells: a share, an order, help, a death."""
    staff, wang = cast.actor(cast.staff), payer(cast.wang)
    for who in (cast.li, cast.chen, child):
        scene.give(payer(who), 40 * POINT)
    rice = scene.item(HERE, staff, stock=9, price=30 * POINT)
    share = Share(resident=one(child.resident), amount=10 * POINT)
    together = SubmitOrder(
        key="together",
        resident=wang.resident,
        quote=scene.quote(wang, rice).token,
        shares=(share,),
    )
    scene.run(submit_order, together, wang.actor)
    scene.redeem(payer(cast.chen), rice, staff, "device")
    errand = RecordAct(
        key="errand",
        community=HERE,
        rule="serve.neighbour",
        holder_kind="resident",
        holder_id=wang.resident,
        units=1,
        note="代取药",
        helped=one(cast.chen.resident),
        word="device",
    )
    scene.run(record_act, errand, staff)
    scene.run(record_death, RecordDeath(resident=one(cast.li.resident)), staff)


@pytest.mark.database("sqlite")
def test_the_other_templates_are_shown_after_a_step(
    app: Flask, cast: People, arguments: Arguments, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, child = Scene(app), daughter(Scene(app), cast)
    ask_all_of(scene, cast, child)
    shown = templates.record(app, monkeypatch)

    wang, staff = cast.browser(cast.wang), cast.browser(cast.staff)
    answers = [browser.get("/") for browser in (cast.browser(child), cast.browser(cast.chen))]
    wang.get(f"/V/{arguments['code']}")
    answers.append(wang.get(fill(wang, "/activities/presence", "/check-in", part="serve").location))
    fill(wang, "/me", "/elder")
    answers.append(wang.get("/"))
    answers += [fill(staff, page, f"{page}/look", cells=cells) for page, cells in LISTS.items()]

    assert [answer.status_code for answer in answers] == [200] * len(answers)
    assert wang.get("/V/junk").status_code == 422
    assert set() == AFTER_A_STEP - shown


# --- what strictness is worth ------------------------------------------------------------------


@pytest.mark.database("sqlite")
@pytest.mark.parametrize("written", ["{{ name }}", "{% if row.nam %}{% endif %}", "{{ d.x }}"])
def test_what_a_template_was_not_given_breaks_it(app: Flask, written: str) -> None:
    template = app.jinja_env.from_string(written)

    with pytest.raises(UndefinedError):
        template.render(row=Address(estate="", building="3", unit="", room=""), d={"y": 1})


@pytest.mark.database("sqlite")
def test_a_field_that_no_form_sent_is_empty(app: Flask) -> None:
    assert app.jinja_env.from_string("{{ typed.name }}").render(typed={"phone": "1"}) == ""
