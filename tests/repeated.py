"""A request for each operation that needs no key: who sends it, and what has been before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from activities.grants import seal
from points.models import BulletinLine, NeighbourHelp
from residents.proofs import prove
from tests.activities.scene import START
from tests.people import HERE, NEAR, Someone, last_code
from tests.points import bulletins_scene
from tests.points.doors import building
from tests.points.feeding import HOME, feeder, open_rule, thrown
from tests.repeated_world import Sent, World

HOUSE = {"estate": "建国南苑", "building": "9", "unit": "2", "room": "401"}


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
    "/checks/{paper}": by(
        "wang",
        body={"name": "王秀英", "address": "建国南苑 3-2-401"},
        places=lambda w: {"paper": w.post(w.cast.wang, "/statements", MONTH)["code"]},
    ),
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
LOOKED = {
    "/checks/{paper}",
    "/presence",
    "/quotes",
    "/staff/counter-quotes",
    "/staff/residents/{resident}/phone",
}
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
