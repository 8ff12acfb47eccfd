"""Check-in over HTTP beside a bare Flask route with one insert: same server, same database.

It is the page's POST, the one tap after the scan that most phones send: cookies of the sign-in and
of the scan, the form's token, one session of many. Half of the residents had signed up before.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import multiprocessing
import random
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from flask import Flask, session
from flask.wrappers import Response
from flask_wtf.csrf import generate_csrf
from sqlalchemy import insert, select

from activities.attendance import record_attendance
from activities.doorway import COOKIE
from activities.grants import Grant, seal
from activities.models import KINDS
from activities.publish import PartOffered, PublishActivity, publish_activity
from activities.signup import ForResident, sign_up
from activities.situation import Record
from bench.bare import TABLE, bare_app
from bench.harness import Comparison, drive
from bench.stage import Stage
from core.crypto import new_token, token_hash
from core.server import Server
from core.work import Work, present, reading
from residents.lists import ImportResidents, import_residents
from residents.models import Resident, SignIn
from residents.people import EnterResident

SESSIONS = 20
RESIDENTS = 2_400
WARM = 400
"""Of the residents, those whose check-ins warm the server up and are not measured."""

CONNECTIONS = 16
"""As many as the server has threads."""

TODAY = "SELECT count(*) FROM attendances WHERE event_at > now() - interval '1 day'"
SECONDS_TO_START = 30.0
HOUR = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A resident on the way in: who, where to, with which token."""

    resident: UUID
    person: UUID
    earlier: UUID
    session: UUID
    token: str


@dataclass(frozen=True, slots=True)
class Ready:
    """How many are about to come."""

    visitors: int


def publish(stage: Stage) -> dict[int, tuple[UUID, ...]]:
    """Publish an activity in each of twenty communities: a session three days ago and one now."""
    sessions: dict[int, tuple[UUID, ...]] = {}
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
        sessions[community] = stage.run(publish_activity, command).sessions
    return sessions


def bring_residents(stage: Stage, sessions: dict[int, tuple[UUID, ...]]) -> list[Visitor]:
    """Enter residents in the communities of the sessions."""
    each = RESIDENTS // len(sessions)
    for index, community in enumerate(sessions):
        rows = tuple(
            EnterResident(
                community=community,
                name=f"居民{index:02d}{number:03d}",
                phone=f"139{index:04d}{number:04d}",
            )
            for number in range(each)
        )
        stage.run(import_residents, ImportResidents(community=community, rows=rows))
    with stage.app.app_context(), reading() as connection:
        found = connection.execute(
            select(Resident.id, Resident.person, Resident.community).order_by(Resident.id)
        ).all()
    visitors = [
        Visitor(
            resident=row.id,
            person=row.person,
            earlier=sessions[row.community][0],
            session=sessions[row.community][1],
            token=new_token(),
        )
        for row in found
    ]
    random.Random(RESIDENTS).shuffle(visitors)  # noqa: S311 - they come to all places at once
    return visitors


def sign_in(work: Work, visitors: Sequence[Visitor]) -> Ready:
    """Write the sign-ins, and a place for every second visitor."""
    rows = [
        {
            "id": work.new_id(),
            "token_hash": token_hash(visitor.token),
            "person": visitor.person,
            "resident": visitor.resident,
            "label": "bench",
            "created_at": work.now,
            "last_seen": work.now,
            "expires_at": work.now + 24 * HOUR,
        }
        for visitor in visitors
    ]
    work.connection.execute(insert(SignIn), rows)
    for visitor in visitors[::2]:
        place = ForResident(session=visitor.session, part="take_part", resident=visitor.resident)
        sign_up(work, place)
    return Ready(len(visitors))


def came_before(work: Work, visitors: Sequence[Visitor]) -> Ready:
    """Record a visit of three days ago, so that no table is empty when it is analysed."""
    for visitor in visitors:
        visit = Record(
            session=visitor.earlier,
            resident=visitor.resident,
            part="take_part",
            phase="entry",
            method="venue",
            at=work.now - 72 * HOUR,
        )
        record_attendance(work, visit)
    return Ready(len(visitors))


def request_of(app: Flask, visitor: Visitor, number: int) -> bytes:
    """Build the request that a phone sends when its owner taps 签到."""
    with app.test_request_context("/"):
        session["_user_id"] = visitor.token
        session["_fresh"] = True
        form = urlencode({"csrf_token": generate_csrf(), "part": "take_part"})
        signed = Response()
        app.session_interface.save_session(app, session, signed)
        grant = Grant(visitor.session, "entry", present(), f"bench{number}")
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


@contextlib.contextmanager
def serving(stage: Stage, app: Flask) -> Iterator[int]:
    """Serve an application with the product's server; gives the port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    server = Server(app, stage.config, f"127.0.0.1:{port}", quiet=True)
    process = multiprocessing.get_context("fork").Process(target=server.run)
    process.start()
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.join(SECONDS_TO_START)
        if process.is_alive():
            process.kill()
            process.join()


def _wait_for(port: int) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


class Arrivals:
    """The same residents for both sides: each taps once."""

    def __init__(self, stage: Stage, visitors: Sequence[Visitor]) -> None:
        self.stage, self.visitors = stage, visitors
        self.bare = bare_app(stage.config.database_url)

    def ours(self) -> float:
        """Check everybody in."""
        requests = [
            request_of(self.stage.app, visitor, number)
            for number, visitor in enumerate(self.visitors)
        ]
        return self._measured(self.stage.app, requests, 303, TODAY)

    def floor(self) -> float:
        """Send as many requests to the bare route."""
        requests = [
            posted("/", urlencode({"resident": visitor.resident}), "") for visitor in self.visitors
        ]
        return self._measured(self.bare, requests, 200, f"SELECT count(*) FROM {TABLE}")

    def _measured(self, app: Flask, requests: list[bytes], status: int, count: str) -> float:
        self.stage.reset("arrivals")
        with serving(self.stage, app) as port:
            drive(port, requests[:WARM], CONNECTIONS, status)
            speed = drive(port, requests[WARM:], CONNECTIONS, status)
        with self.stage.connect() as connection:
            written = connection.execute(count.encode()).fetchone()
        assert written == (len(requests),), written
        return speed


def comparisons(stage: Stage) -> Iterator[Comparison]:
    """Prepare the arrivals and return the one comparison."""
    stage.reset()
    visitors = bring_residents(stage, publish(stage))
    stage.run(came_before, visitors)
    stage.run(sign_in, visitors)
    with stage.connect() as connection:
        connection.execute(
            f"CREATE TABLE {TABLE} (id uuid PRIMARY KEY, resident text NOT NULL)".encode()
        )
    stage.keep("arrivals")
    arrivals = Arrivals(stage, visitors)
    yield Comparison(
        name="check-in over HTTP",
        unit="check-ins/s",
        bar=0.3,
        ours=arrivals.ours,
        floor=arrivals.floor,
    )
