"""A GET writes nothing at all (design.md 6): every page and every read of the API, as everybody.

On the way each page is looked over for what would need a script, and each template is looked for.
The same walk looks for a resident where those read who have no business with her.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, select, text
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from activities import screen
from activities.publish import PartOffered, PublishActivity, publish_activity
from activities.signup import ForResident, sign_up
from core.acts import SYSTEM
from core.db import db
from exchange.pickup import token_of
from exchange.rates import ProposeRate, propose_rate
from exchange.stations import AddItem, OpenStation, add_item, open_station
from exchange.stock import ReceiveStock, receive_stock
from points.bulletins.publish import PostBulletin, post_bulletin
from points.earning.act_sheets import RecordRows, listed, record_rows, sheet_id
from points.earning.awards import award
from points.earning.recorders import Act
from points.feeds.files import FeedFile, FileRow, RecordFileRows, record_file_rows
from points.models import BulletinLine, Transfer
from points.settlement import settle_due
from points.statements.issue import IssueStatement, issue_statement
from points.statements.periods import Period, Subject
from residents.grants import ConfirmGrant, GrantRole, confirm_grant, grant_role
from tests import templates
from tests.conftest import Clock
from tests.dead_ends import DeadEnds
from tests.everything import everything
from tests.exchange.scene import POINT, Scene, Someone
from tests.people import HERE, THERE, People
from tests.people import Someone as Staff
from tests.points.doors import building_lead, grid_worker
from tests.points.earning import serving
from tests.points.feeding import feeder
from tests.residents.forms import prove

Arguments = dict[str, object]
SUBDISTRICT = 1000


def activity(scene: Scene, cast: People, clock: Clock) -> tuple[UUID, UUID]:
    """Publish an activity that goes on now; return it with its session."""
    starts = clock.now - dt.timedelta(minutes=10)
    made = scene.run(
        publish_activity,
        PublishActivity(
            key="fair",
            community=HERE,
            template=None,
            title="便民集市",
            kind="公益集市",
            scene="",
            summary="街坊师傅当面摆摊",
            bring="",
            place="小营公园东门",
            open_to="district",
            sessions=((starts, starts + dt.timedelta(hours=2)),),
            parts=(
                PartOffered(part="take_part", rule="join.activity"),
                PartOffered(part="serve", rule="serve.hour"),
            ),
        ),
        cast.actor(cast.staff),
    )
    return made.activity, made.sessions[0]


def orders(scene: Scene, cast: People, wang: Someone) -> tuple[UUID, UUID, str]:
    """Make an order that waits and one that is ready; return the item, the latter and its code."""
    clerk = cast.actor(cast.staff)
    door = OpenStation(community=HERE, name="积分驿站", address="劳动路 1 号", hours="每天")
    scene.run(open_station, door, clerk)
    item: UUID = scene.run(add_item, AddItem(community=HERE, template="salt_400g"), clerk).id
    scene.run(receive_stock, ReceiveStock(key="first", item=item, quantity=30), clerk)
    scene.order(wang, item)
    ready = scene.order(wang, item).id
    code = scene.approve(ready, clerk)
    # The code is handed out when the approval can no longer be undone.
    scene.app.extensions["linli"].clock.advance(seconds=11)
    return item, ready, code


def papers(scene: Scene, cast: People, wang: Someone) -> tuple[str, str]:
    """Hand out a resident's statement and a community's; return their codes."""
    hers = Subject(of="resident", community=HERE, points_kind="service", holder=wang.resident)
    ours = Subject(of="community", community=HERE, points_kind="service")
    days = Period(first=dt.date(2026, 11, 1), last=dt.date(2026, 11, 23))
    clerk = cast.actor(cast.staff)
    made = [
        scene.run(issue_statement, IssueStatement(subject=subject, period=days), clerk)
        for subject in (hers, ours)
    ]
    return made[0].code, made[1].code


def sheet(scene: Scene, cast: People) -> UUID:
    """Record a sheet with one idea on it; return it."""
    assert cast.wang.resident is not None
    idea = Act(rule="report.idea", holder_kind="resident", holder_id=cast.wang.resident, units=1)
    rows = listed([(2, idea)], dt.date(2026, 11, 24))
    identity = sheet_id(HERE, rows)
    command = RecordRows(community=HERE, rows=rows, sheet=identity, name="十一月", total=1)
    scene.run(record_rows, command, cast.actor(cast.staff))
    return identity


def feed_file(scene: Scene, cast: People) -> tuple[UUID, UUID]:
    """Let a feeder in, and import a file of it; return both."""
    bins = feeder(scene.app, scene.run, cast, scene.app.extensions["linli"].clock)
    rows = (FileRow(number=2, key="a1", item=None, error="时间没有看懂。"),)
    file = FeedFile(feeder=bins.id, name="十一月.csv", digest="bins", total=2)
    command = RecordFileRows(file=file, rows=rows, goes_on=False)
    return bins.id, scene.run(record_file_rows, command, cast.actor(cast.lin)).batch


def bulletin_line(scene: Scene, wang: Someone, clock: Clock) -> UUID:
    """Post October's list with a line of a resident's; return the line."""
    now = clock.now
    clock.set(dt.datetime(2026, 10, 20, 2, tzinfo=dt.UTC))
    scene.run(award, serving("listed", holder_id=wang.resident, event_at=clock.now), SYSTEM)
    clock.advance(days=1)
    with scene.app.app_context():
        settle_due()
    clock.set(now)
    command = PostBulletin(community=HERE, month=dt.date(2026, 10, 1))
    scene.run(post_bulletin, command, SYSTEM)
    found: UUID = scene.ask(lambda connection: connection.scalar(select(BulletinLine.id)))
    return found


@pytest.fixture
def arguments(app: Flask, cast: People, clock: Clock) -> Arguments:
    """A scene in which something stands behind every address; return what addresses name."""
    scene, who = Scene(app), cast.wang
    assert who.resident is not None
    assert who.person is not None
    assert who.household is not None
    wang = Someone(
        resident=who.resident, person=who.person, household=who.household, community=HERE
    )
    scene.give(wang, 50 * POINT)
    fair, session = activity(scene, cast, clock)
    scene.run(
        sign_up, ForResident(session=session, part="serve", resident=wang.resident), wang.actor
    )
    item, order, code = orders(scene, cast, wang)
    rate = ProposeRate(
        key="rate",
        scope="subdistricts",
        home=HERE // SUBDISTRICT * SUBDISTRICT,
        host=THERE // SUBDISTRICT * SUBDISTRICT,
        rate=9000,
        valid_from=dt.date(2026, 12, 8),
        document="通兑公告 2026 年第 5 号",
    )
    scene.run(propose_rate, rate, cast.actor(cast.lin))

    line_id = bulletin_line(scene, wang, clock)
    paper, book = papers(scene, cast, wang)
    bins, batch = feed_file(scene, cast)

    def venue(connection: Connection) -> str:
        shown = screen.codes(connection, screen.session(connection, session), clock.now)
        return str(shown[0]["url"].rpartition("/")[2])

    return {
        "activity": fair,
        "activity_id": fair,
        "session": session,
        "session_id": session,
        "item_id": item,
        "order_id": order,
        "resident_id": wang.resident,
        "household_id": wang.household,
        "transfer_id": scene.ask(lambda c: c.scalar(select(Transfer.id))),
        "community": HERE,
        "home": HERE // SUBDISTRICT * SUBDISTRICT,
        "host": THERE // SUBDISTRICT * SUBDISTRICT,
        "code": scene.ask(venue),
        "token": token_of(order, code),
        "of": "resident",
        "holder": wang.resident,
        "paper": paper,
        "book_paper": book,
        "key": "serve.neighbour",
        "sheet_id": sheet(scene, cast),
        "feeder_id": bins,
        "batch_id": batch,
        "month": "2026-10",
        "line_id": line_id,
        "pickup": code,
    }


def queries(known: Arguments) -> tuple[str, ...]:
    """Return nothing, what pages are asked for more, and what leads to one place."""
    more = {
        "q": "王",
        "page": 1,
        "show": "done",
        "select": "clean",
        "order": known["order_id"],
        "resident": known["resident_id"],
        "rule": "covenant.corridor",
        "line": known["transfer_id"],
        "add": known["item_id"],
        "item": known["item_id"],
        "quantity": 1,
        "template": "service_fair",
        "sheet": 1,
        "part": "serve",
        "station": HERE,
        "home": known["home"],
        "host": known["host"],
        "first": "2026-11-01",
        "last": "2026-11-23",
    }
    return ("", urlencode(more), urlencode({"code": known["pickup"], "community": HERE, "q": "王"}))


def readable(app: Flask) -> list[Rule]:
    """Return every rule that can be read."""
    return [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]


def is_shut(answer: TestResponse) -> bool:
    """Whether a guard refused whoever asked, whatever they asked for."""
    return answer.status_code in {401, 403} or "/sign-in?" in (answer.location or "")


def ask_all(
    browsers: dict[str, FlaskClient],
    headers: dict[str, dict[str, str]],
    address: str,
    known: Arguments,
) -> tuple[set[int], set[str]]:
    """Get an address as everybody, in several ways; return the statuses, and what is no use."""
    # Whoever else asked in this process has an address of their own.
    base = {"REMOTE_ADDR": f"127.77.{UUID(str(known['session'])).int % 250}.7"}
    answers = []
    for name, browser in browsers.items():
        for query in queries(known):
            answers.append(
                browser.get(f"{address}?{query}", headers=headers.get(name), environ_base=base)
            )
            if is_shut(answers[-1]):
                break
    pages = [each.get_data(as_text=True) for each in answers if each.mimetype == "text/html"]
    return (
        {answer.status_code for answer in answers},
        {found for page in pages for found in DeadEnds(page).found},
    )


AFTER_A_STEP = {
    "activities/_elder.html",
    "activities/expired.html",
    "activities/result.html",
    "admin/_sheet_look.html",
    "admin/act_sheet_look.html",
    "admin/hours_look.html",
    "admin/resident_list_look.html",
    "exchange/_arrivals.html",
    "exchange/_asked.html",
    "exchange/_kept.html",
    "exchange/_shares_asked.html",
    "points/_elder.html",
    "points/_help.html",
    "residents/elder_home.html",
}
"""Templates that the scene does not lead to; ``tests/test_every_page.py`` takes the steps."""


@pytest.mark.long
def test_no_get_changes_a_row_no_page_needs_a_script_and_no_template_is_unseen(
    app: Flask,
    cast: People,
    arguments: Arguments,
    ask: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = templates.record(app, monkeypatch)
    fang = building_lead(Scene(app).run, ask, cast)
    desk = (cast.staff, cast.lead, cast.keeper, fang)
    people = {who.name: who for who in (cast.wang, cast.there, *desk, cast.lin)}
    browsers = {name: cast.browser(who) for name, who in people.items()}
    browsers["nobody"] = app.test_client()
    prove(app, browsers["nobody"], "13900000099")
    for each in browsers.values():
        each.get(f"/V/{arguments['code']}")
    headers = {name: cast.headers(who) for name, who in people.items()}
    unanswered, changed, useless = [], {}, {}
    before = ask(everything)
    with app.test_request_context():
        addresses = {
            rule.endpoint: app.url_map.bind("").build(
                rule.endpoint, {name: arguments[name] for name in rule.arguments}
            )
            for rule in readable(app)
        }
    for endpoint, address in addresses.items():
        statuses, dead = ask_all(browsers, headers, address, arguments)
        assert max(statuses) < 500, f"{endpoint}: {statuses}"
        if not statuses & {200, 303}:
            unanswered.append(f"{endpoint}: {sorted(statuses)}")
        after = ask(everything)
        tables = [name for name in after if after[name] != before[name]]
        if tables:
            changed[endpoint] = tables
        if dead:
            useless[endpoint] = dead
        before = after
    assert changed == {}
    assert useless == {}, "everything works without a script"
    assert unanswered == [], "the walk has to open every address for somebody"
    assert len(addresses) > 50
    assert templates.written() - shown == AFTER_A_STEP, "whatever is written is shown"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sign_ins SET last_seen = '2026-11-25 00:00:00'",
        "DELETE FROM outbox",
        "UPDATE accounts SET credited = credited + 1 WHERE id > 0",
    ],
)
def test_a_change_would_be_seen(
    app: Flask, cast: People, arguments: Arguments, ask: Callable[..., Any], statement: str
) -> None:
    before = ask(everything)
    with app.app_context(), db.engine.connect().execution_options(writes=True) as connection:
        connection.execute(text(statement))
        connection.commit()
    assert ask(everything) != before


@pytest.mark.parametrize(
    ("page", "wrong"),
    [
        ('<form action="/a"><input name="a"><input name="b"></form>', "nothing sends"),
        ('<form action="/a"><select name="a"></select></form>', "nothing sends"),
        ('<form action="/a"><button type="button">走</button></form>', "is of no use"),
        ('<button data-open="menu">菜单</button>', "is of no use"),
        ('<form id="b"><button hidden>走</button><input><input></form>', "nothing sends"),
        ('<a data-open="menu">菜单</a>', "leads nowhere"),
        ('<form id="b"><input><input></form><button form="b">走</button>', ""),
        ('<form action="/a"><input name="q" type="search"></form>', ""),
    ],
)
def test_what_needs_a_script_would_be_seen(page: str, wrong: str) -> None:
    found = DeadEnds(page).found
    assert [wrong in each for each in found] == [True] * bool(wrong)


NAME, ROOM, PHONE = "王秀英", "建国南苑 3-2-4", "138****0001"
"""Of somebody of 3 幢 here with an order ready: the room also as the desk masks it."""

STAFF_DOORS = ("/desk", "/field", "/console", "/api/")

EXAMPLES = {
    "desk.household_add",
    "desk.resident_add",
    "desk.resident_arrive",
    "desk.resident_list",
}
"""Forms that give this very address to show how one is written."""

STRANGERS: dict[str, set[str]] = {
    "keeper": {"desk.pickup", "exchange_api.opened", "exchange_api.ready"},
    "elsewhere": {"desk.counter"},
    "building_lead": set(),
    "grid_worker": set(),
    "subdistrict_reader": set(),
    "auditor": set(),
}
"""Who has no business with her, and the pages that may name her to them, without her room."""


def reader_of(run: Callable[..., Any], cast: People, role: str, phone: str, place: int) -> Staff:
    """Give somebody a role that reads; both admins agree where it reads the whole district."""
    given = GrantRole(name="钱伟民", phone=phone, role=role, place=place)
    grant = run(grant_role, given, cast.actor(cast.lin)).id
    if role == "auditor":
        run(confirm_grant, ConfirmGrant(grant=grant), cast.actor(cast.wu))
    return Staff("钱伟民", phone, role, place)


def said(answer: TestResponse) -> str:
    """Return what an answer says, in whatever form."""
    if answer.is_json:
        return json.dumps(answer.get_json(), ensure_ascii=False)
    return answer.get_data().decode(errors="ignore")


@pytest.mark.database("sqlite")
def test_nobody_reads_a_resident_who_has_no_business_with_her(
    app: Flask, cast: People, arguments: Arguments, ask: Callable[..., Any]
) -> None:
    run = Scene(app).run
    who = {
        "keeper": cast.keeper,
        "elsewhere": cast.elsewhere,
        "building_lead": building_lead(run, ask, cast, "5"),
        "grid_worker": grid_worker(run, ask, cast, "5"),
        "subdistrict_reader": reader_of(
            run, cast, "subdistrict_reader", "13700000031", HERE // SUBDISTRICT * SUBDISTRICT
        ),
        "auditor": reader_of(run, cast, "auditor", "13700000032", HERE // 1_000_000 * 1_000_000),
    }
    named: dict[str, set[str]] = {}
    placed = []
    _bare, *more = queries(arguments)
    doors = [rule for rule in readable(app) if rule.rule.startswith(STAFF_DOORS)]
    doors = [rule for rule in doors if not rule.endpoint.startswith("api-docs.")]
    for role, someone in who.items():
        browser, headers = cast.browser(someone), cast.headers(someone)
        for rule in doors:
            with app.test_request_context():
                address = app.url_map.bind("").build(
                    rule.endpoint, {name: arguments[name] for name in rule.arguments}
                )
            for query in ("", "&".join(more)):
                answer = browser.get(f"{address}?{query}", headers=headers)
                body = said(answer)
                if NAME in body:
                    named.setdefault(role, set()).add(rule.endpoint)
                if PHONE in body or (ROOM in body and rule.endpoint not in EXAMPLES):
                    placed.append((role, rule.endpoint))
                if is_shut(answer):
                    break
    assert placed == []
    assert {role: named.get(role, set()) for role in who} == STRANGERS
