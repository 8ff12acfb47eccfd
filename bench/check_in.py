"""Check-in over HTTP beside a bare Flask route with one insert: same server, same database.

It is the page's POST, the one tap after the scan that most phones send: cookies of the sign-in and
of the scan, the form's token, one session of many. Half of the residents had signed up before.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from flask import Flask, session
from flask.wrappers import Response
from flask_wtf.csrf import generate_csrf

from activities.attendance import record_attendance
from activities.doorway import COOKIE
from activities.grants import Grant, seal
from activities.models import KINDS
from activities.publish import PartOffered, PublishActivity, publish_activity
from activities.signup import ForResident, sign_up
from activities.situation import Record
from bench.bare import TABLE, bare_app
from bench.driving import drive
from bench.harness import Comparison
from bench.people import Visitor, enter, sign_in
from bench.stage import Stage
from core.work import Work, present
from tests.serving import forked

SESSIONS = 20
WARM = 400
"""Of the residents, those whose check-ins warm the server up and are not measured."""

CONNECTIONS = 16
"""As many as the server has threads."""

TODAY = "SELECT count(*) FROM attendances WHERE event_at > now() - interval '1 day'"
HOUR = dt.timedelta(hours=1)


Arrival = tuple[Visitor, tuple[UUID, UUID]]
"""Who comes, to which session of days ago and which of now."""


@dataclass(frozen=True, slots=True)
class Ready:
    """How many are about to come."""

    visitors: int


def publish(stage: Stage) -> dict[int, tuple[UUID, UUID]]:
    """Publish an activity in each of twenty communities: a session three days ago and one now."""
    sessions: dict[int, tuple[UUID, UUID]] = {}
    with stage.app.app_context():
        now = present()
    for number, community in enumerate(stage.communities()[:SESSIONS]):
        command = PublishActivity(
            key=f"bench-{number}",
            community=community,
            template=None,
            title="便民集市",
            kind=KINDS[0],
            scene="",
            summary="",
            bring="",
            place="社区广场",
            open_to="community",
            sessions=((now - 73 * HOUR, now - 71 * HOUR), (now - HOUR, now + 8 * HOUR)),
            parts=(PartOffered(part="take_part", places=9_000, rule="join.activity"),),
        )
        earlier, now_open = stage.run(publish_activity, command, now - 74 * HOUR).sessions
        sessions[community] = (earlier, now_open)
    return sessions


def keep_places(work: Work, arrivals: Sequence[Arrival]) -> Ready:
    """Keep a place for every second visitor."""
    for visitor, sessions in arrivals[::2]:
        sign_up(work, ForResident(session=sessions[1], part="take_part", resident=visitor.resident))
    return Ready(len(arrivals))


def came_before(work: Work, arrivals: Sequence[Arrival]) -> Ready:
    """Record a visit of three days ago, so that no table is empty when it is analysed."""
    for visitor, sessions in arrivals:
        visit = Record(
            session=sessions[0],
            resident=visitor.resident,
            part="take_part",
            phase="entry",
            method="venue",
            at=work.now - 72 * HOUR,
        )
        record_attendance(work, visit)
    return Ready(len(arrivals))


def request_of(app: Flask, arrival: Arrival, number: int) -> bytes:
    """Build the request that a phone sends when its owner taps 签到."""
    visitor, (_, now) = arrival
    with app.test_request_context("/"):
        session["_user_id"] = visitor.token
        session["_fresh"] = True
        form = urlencode({"csrf_token": generate_csrf(), "part": "take_part"})
        signed = Response()
        app.session_interface.save_session(app, session, signed)
        grant = Grant(now, "entry", present(), f"bench{number}")
        cookies = f"{signed.headers['Set-Cookie'].partition(';')[0]}; {COOKIE}={seal(grant)}"
    return posted("/activities/check-in", form, cookies)


def posted(path: str, form: str, cookies: str) -> bytes:
    """Return a POST as it travels."""
    head = (
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "User-Agent: Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Mobile Safari/537.36",
        "Accept: text/html,application/xhtml+xml",
        "Accept-Language: zh-CN,zh;q=0.9",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(form)}",
        f"Cookie: {cookies}",
    )
    return "\r\n".join((*head, "", form)).encode()


class Arrivals:
    """The same residents for both sides: each taps once."""

    def __init__(self, stage: Stage, arrivals: Sequence[Arrival]) -> None:
        self.stage, self.arrivals = stage, arrivals
        self.bare = bare_app(stage.config.database_url)

    def ours(self) -> float:
        """Check everybody in."""
        requests = requests_of(self.stage.app, self.arrivals)
        return self._measured(self.stage.app, requests, 303, TODAY)

    def floor(self) -> float:
        """Send as many requests to the bare route."""
        requests = [
            posted("/", urlencode({"resident": visitor.resident}), "")
            for visitor, _ in self.arrivals
        ]
        return self._measured(self.bare, requests, 200, f"SELECT count(*) FROM {TABLE}")

    def _measured(self, app: Flask, requests: list[bytes], status: int, count: str) -> float:
        self.stage.reset("arrivals")
        with forked(app, self.stage.config) as port:
            drive(port, requests[:WARM], CONNECTIONS, status)
            speed = drive(port, requests[WARM:], CONNECTIONS, status)
        with self.stage.connect() as connection:
            written = connection.execute(count.encode()).fetchone()
        assert written == (len(requests),), written
        return speed


def requests_of(app: Flask, arrivals: Sequence[Arrival]) -> list[bytes]:
    """Build everybody's request; the scan in it holds for ten minutes from now."""
    return [request_of(app, arrival, number) for number, arrival in enumerate(arrivals)]


def arrive(stage: Stage, size: int) -> list[Arrival]:
    """Let so many residents be about to come, with sessions that are open and places kept."""
    sessions = publish(stage)
    visitors = enter(stage, list(sessions), size)
    random.Random(size).shuffle(visitors)  # noqa: S311 - they come to all places at once
    arrivals = [(visitor, sessions[visitor.community]) for visitor in visitors]
    stage.run(came_before, arrivals)
    stage.run(sign_in, visitors)
    stage.run(keep_places, arrivals)
    return arrivals


def comparisons(stage: Stage, size: int) -> Iterator[Comparison]:
    """Prepare the arrivals and return the one comparison."""
    stage.reset()
    arrivals = Arrivals(stage, arrive(stage, size))
    with stage.connect() as connection:
        connection.execute(
            f"CREATE TABLE {TABLE} (id uuid PRIMARY KEY, resident text NOT NULL)".encode()
        )
    stage.keep("arrivals")
    yield Comparison(
        name="check-in over HTTP",
        unit="check-ins/s",
        bar=0.3,
        ours=arrivals.ours,
        floor=arrivals.floor,
    )
