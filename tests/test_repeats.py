"""Whatever the API's document says needs no key has one effect, however often it is sent."""

from __future__ import annotations

import json

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection
from werkzeug.test import TestResponse

from core.api_document import KEY_SPARED, KEY_USED_UP
from tests.conftest import Clock
from tests.everything import everything
from tests.people import People
from tests.repeated import EXAMPLES, LOOKED, OVER, USED_UP
from tests.repeated_world import V1, Run, Sent, World

LOGS = {"audit_events", "feed_batches", "job_runs", "rate_limits", "refused_scans"}
"""What is counted and written down of every request, a repeat too."""


@pytest.fixture
def world(app: Flask, cast: People, run: Run, ask: Run, clock: Clock) -> World:
    return World(app=app, cast=cast, run=run, ask=ask, clock=clock)


def kept(connection: Connection) -> dict[str, list[str]]:
    return {name: each for name, each in everything(connection).items() if name not in LOGS}


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
