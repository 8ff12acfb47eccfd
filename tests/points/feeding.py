"""A bin at 建国南苑 and a platform of the district, and how they sign what they send."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from flask import Flask

from points.earning.community_rules import Caps, SetRule, set_rule
from points.feeds.feeders import ChangeFeeder, MakeFeeder, confirm_feeder, make_feeder
from points.feeds.signing import signature_of
from tests.conftest import Clock
from tests.people import HERE, People

Run = Callable[..., Any]
HOME = "建国南苑 3-2-401"
BIN, HOURS = "waste.device", "serve.import"


def open_rule(run: Run, cast: People, clock: Clock) -> None:
    """Let the community count its bins; a rule changes from the next day on."""
    command = SetRule(
        community=HERE,
        rule=BIN,
        valid_from=dt.date(2026, 11, 25),
        points=100,
        caps=Caps(per_day=1, per_month=10, per_year=120),
        recorded_by=("设备",),
    )
    run(set_rule, command, cast.actor(cast.lead))
    clock.advance(days=1)


@dataclass
class Feed:
    """A feeder in use: it signs and sends."""

    app: Flask
    clock: Clock
    id: UUID
    secret: str
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Where its batches go."""
        return f"/api/v1/feeds/{self.id}/batches"

    def headers(self, body: bytes, **changes: Any) -> dict[str, str]:
        """Return the headers of a body, signed now unless it says otherwise."""
        timestamp = str(changes.get("timestamp", int(self.clock.now.timestamp())))
        signature = signature_of(
            changes.get("secret", self.secret),
            changes.get("method", "POST"),
            changes.get("path", self.path),
            timestamp,
            body,
        )
        return {"X-Linli-Timestamp": timestamp, "X-Linli-Signature": signature}

    def post(self, body: bytes, headers: dict[str, str], path: str | None = None) -> Any:
        """Send bytes with headers."""
        return self.app.test_client().post(
            path or self.path, data=body, headers=headers, content_type="application/json"
        )

    def send(self, *items: Any) -> Any:
        """Sign and send items."""
        body = json.dumps({"items": list(items)}).encode()
        return self.post(body, self.headers(body))

    def states(self, *items: Any) -> list[str]:
        """Send items; return what became of each."""
        answer = self.send(*items)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return [each["state"] for each in answer.get_json()["items"]]

    def codes(self, *items: Any) -> list[str]:
        """Send items; return why each was refused."""
        return [each["code"] for each in self.send(*items).get_json()["items"]]


def feeder(app: Flask, run: Run, cast: People, clock: Clock, **changes: Any) -> Feed:
    """Make a feeder as one admin and let it in as the other."""
    given: dict[str, Any] = {
        "key": changes.get("name", "bin"),
        "name": "建国南苑 1 号垃圾房",
        "kind": "device",
        "scope_kind": "community",
        "place": HERE,
        "rules": (BIN,),
    }
    made = run(make_feeder, MakeFeeder(**(given | changes)), cast.actor(cast.lin))
    run(confirm_feeder, ChangeFeeder(feeder=made.id), cast.actor(cast.wu))
    return Feed(app=app, clock=clock, id=made.id, secret=made.secret)


def thrown(key: str, at: dt.datetime, address: str = HOME, /, **changes: Any) -> dict[str, Any]:
    """A bag that was sorted right."""
    return {
        "key": key,
        "rule": BIN,
        "holder": {"address": address},
        "at": at.isoformat(),
    } | changes


def platform(app: Flask, run: Run, cast: People, clock: Clock) -> Feed:
    """Make the volunteer platform's feeder."""
    return feeder(
        app,
        run,
        cast,
        clock,
        name="志愿浙江",
        kind="platform",
        scope_kind="district",
        place=0,
        rules=(HOURS,),
    )


def served(key: str, at: dt.datetime, hours: float = 2, /, **changes: Any) -> dict[str, Any]:
    """Hours of 王秀英 elsewhere."""
    return {
        "key": key,
        "rule": HOURS,
        "holder": {"name": "王秀英", "phone": "13800000001"},
        "at": at.isoformat(),
        "until": (at + dt.timedelta(hours=hours)).isoformat(),
    } | changes
