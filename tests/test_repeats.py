"""Whatever the API's document says needs no key has one effect, however often it is sent."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, select
from werkzeug.test import TestResponse

from activities.grants import seal
from core.api_document import KEY_SPARED, KEY_USED_UP
from points.models import BulletinLine, NeighbourHelp
from residents.proofs import prove
from tests.activities.scene import START
from tests.activities.scene import Scene as Fair
from tests.conftest import Clock
from tests.exchange.scene import POINT, Scene
from tests.exchange.scene import Someone as Buyer
from tests.people import HERE, NEAR, THERE, People, Someone, last_code
from tests.points import bulletins_scene
from tests.points.books import one
from tests.points.correcting import Desk
from tests.points.doors import building
from tests.points.feeding import HOME, feeder, open_rule, thrown
from tests.test_get_changes_nothing import state

Run = Callable[..., Any]
V1 = "/api/v1"
HOUSE = {"estate": "建国南苑", "building": "9", "unit": "2", "room": "401"}
LOGS = {"audit_events", "feed_batches", "job_runs", "rate_limits", "refused_scans"}
"""What is counted and written down of every request, a repeat too."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A request that is answered well: who sends what, and what the address names."""

    who: Someone | None = None
    body: Any = None
    places: dict[str, object] = field(default_factory=dict)
    signed: Callable[[bytes], dict[str, str]] | None = None


@dataclass
class World:
    """The people of the tests, and the scenes that bring them to where a request fits."""

    app: Flask
    cast: People
    run: Run
    ask: Run
    clock: Clock
    keys: int = 0

    def post(self, who: Someone | None, path: str, body: Any = None) -> Any:
        """Call the API, always under a new key; return what it answered."""
        self.keys += 1
        headers = self.cast.headers(who) if who else {}
        answer = self.app.test_client().post(
            f"{V1}{path}", json=body, headers=headers | {"Idempotency-Key": f"key-{self.keys}"}
        )
        assert answer.status_code < 300, answer.get_data(as_text=True)
        return answer.get_json()

    @cached_property
    def shop(self) -> Scene:
        return Scene(self.app)

    @cached_property
    def fair(self) -> Fair:
        return Fair(self.app, self.cast, self.clock)

    @cached_property
    def desk(self) -> Desk:
        return Desk(app=self.app, run=self.run, ask=self.ask, cast=self.cast, clock=self.clock)

    @cached_property
    def wang(self) -> Buyer:
        """王秀英, who has fifty points to spend."""
        who = self.cast.wang
        buyer = Buyer(
            resident=one(who.resident),
            person=one(who.person),
            household=one(who.household),
            community=HERE,
        )
        self.shop.give(buyer, 50 * POINT)
        return buyer

    @cached_property
    def item(self) -> UUID:
        """What lies on the shelf here, for ten points."""
        clerk = self.cast.actor(self.cast.staff)
        self.shop.station(HERE, clerk)
        return self.shop.item(HERE, clerk, stock=10, price=10 * POINT)

    def order(self) -> UUID:
        """What 王秀英 has ordered."""
        return self.shop.order(self.wang, self.item).id

    def ready(self) -> tuple[UUID, str]:
        """What she can pick up, and its code."""
        order = self.order()
        code = self.shop.approve(order, self.cast.actor(self.cast.staff))
        self.clock.advance(seconds=11)
        return order, code

    def share(self) -> dict[str, object]:
        """Her share of what her daughter has ordered."""
        house, wang = self.wang.household, self.wang.resident
        who = Someone("李晓燕", "13900000066")
        daughter = self.shop.resident(
            HERE, points=30, name=who.name, phone=who.phone, household=house
        )
        quote = self.shop.quote(daughter, self.item).token
        body = {"quote": quote, "shares": [{"resident": str(wang), "amount": 4 * POINT}]}
        return {"order_id": self.post(who, "/orders", body)["id"], "resident_id": wang}

    def proposed(self, amount: int = 500) -> UUID:
        return self.desk.propose(amount)

    def grant(self, role: str, place: int) -> Any:
        given = {"name": "钱伟民", "phone": "13700000031", "role": role, "place": place}
        return self.post(self.cast.lin, "/district/grants", given)["id"]

    def rate(self) -> dict[str, object]:
        proposal = {
            "scope": "subdistricts",
            "home": HERE // 1000 * 1000,
            "host": THERE // 1000 * 1000,
            "rate": 9000,
            "valid_from": "2026-12-08",
            "document": "通兑公告 2026 年第 5 号",
        }
        return {"proposal_id": self.post(self.cast.lin, "/rate-proposals", proposal)["id"]}

    def template(self, community: int, who: Someone) -> dict[str, object]:
        session = self.fair.session(community=community)
        return {"key": self.post(who, f"/staff/sessions/{session}/save-template")["template"]}

    def feeder(self) -> dict[str, object]:
        made = {
            "name": "建国南苑 1 号垃圾房",
            "kind": "device",
            "scope_kind": "community",
            "place": HERE,
            "rules": ["waste.device"],
        }
        return {"feeder_id": self.post(self.cast.lin, "/district/feeders", made)["id"]}

    def asked(self) -> dict[str, object]:
        """What 王秀英 says is wrong."""
        body = {"line": str(self.desk.earn()), "words": "少记了"}
        return {"correction_id": self.post(self.cast.wang, "/corrections", body)["id"]}

    def family(self) -> dict[str, str]:
        return {
            "principal": str(self.cast.wang.person),
            "agent": str(self.cast.chen.person),
            "kind": "family",
        }

    def act(self, **changes: object) -> dict[str, object]:
        return {
            "rule": "report.idea",
            "holder_kind": "resident",
            "holder_id": str(self.cast.wang.resident),
            "units": 1,
        } | changes

    def local(self) -> dict[str, str]:
        return {
            "role": "building_lead",
            "scope_id": str(self.ask(building, "3")),
            "name": "方大姐",
            "phone": "13700000021",
        }


def attend(world: World) -> Sent:
    with world.app.app_context():
        grant = seal(world.fair.grant(world.fair.session()))
    return Sent(who=world.cast.wang, body={"grant": grant, "part": "take_part"})


def object_to(world: World) -> Sent:
    bulletins_scene.november(world.app, world.run, world.cast, world.clock)
    bulletins_scene.post(world.run)
    line = world.ask(lambda c: c.scalars(select(BulletinLine.id)).first())
    return Sent(who=world.cast.wang, body={"words": "记多了"}, places={"line_id": line})


def help_said(world: World) -> Sent:
    helped = world.act(rule="serve.neighbour", helped=str(world.cast.chen.resident), word="device")
    world.post(world.cast.staff, "/staff/awards", helped)
    asked = world.ask(lambda c: c.scalar(select(NeighbourHelp.id)))
    return Sent(who=world.cast.chen, body={"helped": True}, places={"help_id": asked})


def batch(world: World) -> Sent:
    open_rule(world.run, world.cast, world.clock)
    made = feeder(world.app, world.run, world.cast, world.clock)
    return Sent(
        body={"items": [thrown("a", world.clock.now, HOME)]},
        places={"feeder_id": made.id},
        signed=made.headers,
    )


def verify_code(world: World) -> Sent:
    body = {"phone": "13900000088", "client_nonce": "the-app-on-a-phone"}
    world.post(None, "/login-codes", body)
    code = last_code(world.app.extensions["linli"].config.instance, body["phone"])
    return Sent(body=body | {"code": code})


def register(world: World) -> Sent:
    with world.app.app_context():
        proof = prove("13900000088")
    facts = {"name": "沈丽萍", "community": HERE, "consent": True, "is_fourteen": True}
    return Sent(body=facts | {"proof": proof})


def agree(world: World) -> Sent:
    body = {
        "resident": str(world.wang.resident),
        "lines": [{"item": str(world.item), "quantity": 1}],
        "confirmation": "device",
    }
    asked = world.post(world.cast.staff, "/staff/counter-redemptions", body)
    return Sent(who=world.cast.wang, places={"order_id": asked["id"]})


def told(world: World) -> Sent:
    """What was written of an order, looked at."""
    world.order()
    return Sent(who=world.cast.wang, body={"upto": world.clock.now.isoformat()})


def job(world: World) -> Sent:
    world.desk.earn(settled=False)
    world.clock.advance(days=1)
    return Sent(who=world.cast.lin, places={"name": "settle-awards"})


def sign_in(world: World) -> Sent:
    other = world.cast.actor(world.cast.wang).sign_in
    return Sent(who=world.cast.wang, places={"identity": other})


def confirm_awards(world: World) -> Sent:
    hours = world.act(rule="serve.hour", units=2)
    waits = world.post(world.cast.staff, "/staff/awards", hours)["id"]
    return Sent(who=world.cast.lead, body={"awards": [waits]})


def waive(world: World) -> Sent:
    short = world.proposed(-300)
    world.desk.decide(short)
    body = {"reason": "老人家困难"}
    return Sent(who=world.cast.lead, body=body, places={"adjustment_id": short})


def ask_for(world: World) -> Sent:
    line = str(world.desk.earn(who=world.cast.li))
    body = {"line": line, "words": "少记了", "resident": str(world.cast.li.resident)}
    return Sent(who=world.cast.staff, body=body)


def dead(world: World) -> Sent:
    gone = world.cast.li.resident
    world.post(world.cast.staff, "/staff/deaths", {"resident": str(gone)})
    return Sent(who=world.cast.staff, places={"resident_id": gone})


def approved(world: World) -> Sent:
    order = str(world.order())
    world.post(world.cast.staff, "/staff/orders/approve", {"orders": [order]})
    return Sent(who=world.cast.staff, body={"orders": [order]})


def handed(world: World) -> Sent:
    order, code = world.ready()
    world.post(world.cast.staff, "/staff/pickups", {"code": code})
    return Sent(who=world.cast.lead, body={"reason": "坏了"}, places={"order_id": order})


def reminded(world: World) -> Sent:
    world.fair.set_to("points.deductions", "1", HERE)
    rule = {
        "valid_from": "2026-11-25",
        "points": -200,
        "caps": {"per_month": 1, "per_year": 6},
        "recorded_by": ["社工"],
    }
    world.post(world.cast.lead, "/staff/rules/deduct.corridor", rule)
    world.clock.advance(days=1)
    home = str(world.cast.wang.household)
    body = {"household": home, "rule": "deduct.corridor", "day": "2026-11-25"}
    return Sent(who=world.cast.staff, body=body)


def void_codes(world: World) -> Sent:
    session = world.fair.session()
    body = {"epoch": world.fair.row(session).epoch}
    return Sent(who=world.cast.staff, body=body, places={"session": session})


def near_rule(world: World) -> Sent:
    own = RULE | {"valid_from": "2026-11-24", "name": "邻里守望"}
    lead = Someone("钱伟民", "13700000031", "lead", NEAR)
    world.grant("lead", NEAR)
    key = world.post(lead, "/staff/rules", own)["rule"]
    return Sent(who=world.cast.lead, body={"from_community": NEAR}, places={"key": key})


RULE = {
    "name": "老墙门守护",
    "topic": "covenant",
    "points_kind": "basic",
    "unit": "户月",
    "holder": "household",
    "points": 400,
    "caps": {"per_month": 1, "per_year": 12},
    "recorded_by": ["楼道长"],
}
HELP_RULE = {
    "valid_from": "2026-11-25",
    "points": 400,
    "caps": {"per_day": 2, "per_month": 6, "per_year": 60},
    "recorded_by": ["社工"],
}
HOURS = {
    "name": "王秀英",
    "phone": "13800000001",
    "starts_at": "2026-11-20T09:00:00+08:00",
    "ends_at": "2026-11-20T11:00:00+08:00",
}
TAKE_PART = {"part": "take_part"}
DOOR = {"community": HERE, "name": "积分驿站", "address": "劳动路 1 号", "hours": "每天"}
MONTH = {"first": "2026-11-01", "last": "2026-11-23"}


def by(who: str, **given: Any) -> Callable[[World], Sent]:
    """Send as somebody of the cast; what is callable is asked of the world."""

    def made(world: World) -> Sent:
        facts = {name: each(world) if callable(each) else each for name, each in given.items()}
        return Sent(who=getattr(world.cast, who), **facts)

    return made


def session(world: World) -> dict[str, object]:
    return {"session": world.fair.session()}


def signed_up(world: World) -> dict[str, object]:
    at = world.fair.session()
    world.fair.sign_up(world.cast.wang, at)
    return {"session": at}


def basket(world: World) -> dict[str, Any]:
    return {"lines": [{"item": str(world.item), "quantity": 1}]}


def going_on(world: World) -> dict[str, object]:
    at = session(world)
    world.clock.set(START + dt.timedelta(hours=1))
    return at


def entered(world: World) -> dict[str, Any]:
    here = {"resident": str(world.cast.wang.resident), "entry": START.isoformat()}
    return here | TAKE_PART


EXAMPLES: dict[str, Callable[[World], Sent]] = {
    "/attendances": attend,
    "/bulletin-lines/{line_id}/objections": object_to,
    "/corrections": by("wang", body=lambda w: {"line": str(w.desk.earn()), "words": "少记了"}),
    "/corrections/{correction_id}/withdraw": by("wang", places=World.asked),
    "/district/feeders/{feeder_id}/confirm": by("wu", places=World.feeder),
    "/district/feeders/{feeder_id}/stop": by("lin", places=World.feeder),
    "/district/grants": by(
        "lin",
        body={"name": "钱伟民", "phone": "13700000031", "role": "staff", "place": HERE},
    ),
    "/district/grants/{grant_id}/confirm": by(
        "wu", places=lambda w: {"grant_id": w.grant("auditor", HERE // 10**6 * 10**6)}
    ),
    "/district/grants/{grant_id}/end": by(
        "lin", places=lambda w: {"grant_id": w.grant("staff", HERE)}
    ),
    "/district/jobs/{name}/run": job,
    "/district/phone": by("lin", body={"phone": "0571-8700 0001"}),
    "/feeds/{feeder_id}/batches": batch,
    "/helps/{help_id}": help_said,
    "/login-codes/verify": verify_code,
    "/me/mode": by("wang", body={"mode": "elder"}),
    "/me/naming": by("wang", body={"agreed": True}),
    "/messages/seen": told,
    "/orders/{order_id}/agree": agree,
    "/orders/{order_id}/cancel": by("wang", places=lambda w: {"order_id": w.order()}),
    "/orders/{order_id}/shares/{resident_id}/agree": by("wang", places=World.share),
    "/orders/{order_id}/shares/{resident_id}/decline": by("wang", places=World.share),
    "/presence": by("wang", body=lambda w: {"code": w.fair.code(w.fair.session())}),
    "/quotes": by("wang", body=basket),
    "/rate-proposals/{proposal_id}/confirm": by("wu", places=World.rate),
    "/rate-proposals/{proposal_id}/withdraw": by("lin", places=World.rate),
    "/representations/{representation}/end": by(
        "wang",
        places=lambda w: {
            "representation": w.post(w.cast.staff, "/staff/representations", w.family())["id"]
        },
    ),
    "/residents": register,
    "/sessions/{session}/cancel": by("wang", body=TAKE_PART, places=signed_up),
    "/sessions/{session}/sign-ups": by("wang", body=TAKE_PART, places=session),
    "/sign-ins/{identity}/revoke": sign_in,
    "/staff/activity-templates/{key}/retire": by(
        "staff", places=lambda w: w.template(HERE, w.cast.staff)
    ),
    "/staff/activity-templates/{key}/take-over": by(
        "staff", places=lambda w: w.template(NEAR, w.cast.near)
    ),
    "/staff/acts": by("staff", body=lambda w: {"acts": [w.act(day="2026-11-24")] * 2}),
    "/staff/adjustments/{adjustment_id}/decide": by(
        "lead", body={"approve": True}, places=lambda w: {"adjustment_id": w.proposed()}
    ),
    "/staff/adjustments/{adjustment_id}/waive": waive,
    "/staff/adjustments/{adjustment_id}/withdraw": by(
        "staff", places=lambda w: {"adjustment_id": w.proposed()}
    ),
    "/staff/awards/confirm": confirm_awards,
    "/staff/corrections": ask_for,
    "/staff/corrections/{correction_id}/answer": by(
        "staff", body={"answer": "签到表上是一小时"}, places=World.asked
    ),
    "/staff/counter-quotes": by(
        "staff", body=lambda w: basket(w) | {"resident": str(w.wang.resident)}
    ),
    "/staff/deaths": by("staff", body=lambda w: {"resident": str(w.cast.li.resident)}),
    "/staff/deaths/{resident_id}/take-back": dead,
    "/staff/grids": by(
        "lead", body=lambda w: {"name": "第一网格", "buildings": [str(w.ask(building, "5"))]}
    ),
    "/staff/hours": by("staff", body={"name": "十一月", "rows": [HOURS]}),
    "/staff/households": by("staff", body={"community": HERE, "address": HOUSE}),
    "/staff/items": by(
        "staff", body=lambda w: w.item and {"community": HERE, "name": "龙井一两", "price": 1800}
    ),
    "/staff/items/{item_id}": by(
        "staff", body={"price": 1700}, places=lambda w: {"item_id": w.item}
    ),
    "/staff/local-grants": by("lead", body=World.local),
    "/staff/local-grants/{grant_id}/end": by(
        "lead",
        places=lambda w: {"grant_id": w.post(w.cast.lead, "/staff/local-grants", w.local())["id"]},
    ),
    "/staff/orders/approve": by("staff", body=lambda w: {"orders": [str(w.order())]}),
    "/staff/orders/refuse": by(
        "staff", body=lambda w: {"order": str(w.order()), "reason": "过期了"}
    ),
    "/staff/orders/undo": approved,
    "/staff/orders/{order_id}/return": handed,
    "/staff/phone": by("lead", body={"phone": "0571-8700 0002"}),
    "/staff/pickups": by("staff", body=lambda w: {"code": w.ready()[1]}),
    "/staff/reminders": reminded,
    "/staff/representations": by("staff", body=World.family),
    "/staff/residents/{resident}/amend": by(
        "staff",
        body={"name": "陈建国", "birth_year": 1950, "phone": "13900000077"},
        places=lambda w: {"resident": w.cast.chen.resident},
    ),
    "/staff/residents/{resident}/confirm": by(
        "staff", places=lambda w: {"resident": w.cast.new.resident}
    ),
    "/staff/residents/{resident}/phone": by(
        "staff", places=lambda w: {"resident": w.cast.wang.resident}
    ),
    "/staff/rules": by("lead", body=RULE),
    "/staff/rules/{key}": by("lead", body=HELP_RULE, places={"key": "serve.neighbour"}),
    "/staff/rules/{key}/take-over": near_rule,
    "/staff/sessions/{session}/attendances": by(
        "staff", body=lambda w: entered(w) | {"reason": "没带手机"}, places=going_on
    ),
    "/staff/sessions/{session}/cancel-session": by(
        "staff", body={"reason": "有暴雨"}, places=signed_up
    ),
    "/staff/sessions/{session}/close": by("staff", places=session),
    "/staff/sessions/{session}/save-template": by("staff", places=session),
    "/staff/sessions/{session}/sheet": by(
        "staff", body=lambda w: {"rows": [entered(w)]}, places=going_on
    ),
    "/staff/sessions/{session}/turn-to-exit": by("staff", places=session),
    "/staff/sessions/{session}/void-codes": void_codes,
    "/staff/stations": by("staff", body=DOOR),
    "/statements": by("wang", body=MONTH),
}
LOOKED = {"/presence", "/quotes", "/staff/counter-quotes", "/staff/residents/{resident}/phone"}
"""What is asked by POST, and only answered."""

USED_UP = {"/login-codes/verify"}
"""What a repeat is refused at once, having nothing left to do."""

OVER = {
    "/attendances",
    "/presence",
    "/residents",
    "/sessions/{session}/sign-ups",
    "/staff/pickups",
}
"""What is refused a day later: its code, its proof or its session is over."""


@pytest.fixture
def world(app: Flask, cast: People, run: Run, ask: Run, clock: Clock) -> World:
    return World(app=app, cast=cast, run=run, ask=ask, clock=clock)


def kept(connection: Connection) -> dict[str, tuple[int, str]]:
    return {name: each for name, each in state(connection).items() if name not in LOGS}


@pytest.mark.database("sqlite")
def test_each_operation_that_needs_no_key_is_sent_twice_here(client: FlaskClient) -> None:
    paths = client.get(f"{V1}/openapi.json").get_json()["paths"]
    spared = {
        path.removeprefix(V1)
        for path, found in paths.items()
        for each in found.get("post", {}).get("parameters", ())
        if each.get("description") in {KEY_SPARED, KEY_USED_UP}
    }

    assert spared == set(EXAMPLES)
    assert spared >= LOOKED | USED_UP | OVER


def send(world: World, path: str, sent: Sent) -> tuple[TestResponse, list[str]]:
    """Send it as somebody who has just signed in; return the answer, and the tables that change."""
    known = world.cast.headers(sent.who) if sent.who else {}
    body = b"" if sent.body is None else json.dumps(sent.body).encode()
    before = world.ask(kept)
    answer = world.app.test_client().post(
        f"{V1}{path}".format(**sent.places),
        data=body,
        headers=sent.signed(body) if sent.signed else known,
        content_type="application/json" if body else None,
    )
    after = world.ask(kept)
    return answer, [name for name in after if after[name] != before[name]]


@pytest.mark.parametrize("path", EXAMPLES)
def test_what_needs_no_key_has_one_effect_when_it_is_sent_again_at_once_and_a_day_later(
    world: World, path: str
) -> None:
    sent = EXAMPLES[path](world)
    first, changed = send(world, path, sent)
    assert first.status_code in {200, 201}, first.get_data(as_text=True)
    assert bool(changed) == (path not in LOOKED)

    for span, refused in (({"seconds": 1}, USED_UP), ({"days": 1}, USED_UP | OVER)):
        world.clock.advance(**span)
        again, changed = send(world, path, sent)
        said = again.get_data(as_text=True)
        assert (again.status_code == first.status_code) == (path not in refused), said
        assert again.status_code < 500, said
        assert changed == []


def test_a_second_effect_would_be_seen(world: World) -> None:
    sent = Sent(who=world.cast.lin, places=world.feeder())
    rotated = [send(world, "/district/feeders/{feeder_id}/rotate", sent) for _ in range(2)]

    assert [changed for _answer, changed in rotated] == [["feeders"], ["feeders"]]
