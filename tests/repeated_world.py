"""A world in which any request of the API fits: the people of the tests, and their scenes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from flask import Flask

from tests.activities.scene import Scene as Fair
from tests.conftest import Clock
from tests.exchange.scene import POINT, Scene
from tests.exchange.scene import Someone as Buyer
from tests.people import HERE, THERE, People, Someone
from tests.points.books import one
from tests.points.correcting import Desk
from tests.points.doors import building

Run = Callable[..., Any]
V1 = "/api/v1"


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
