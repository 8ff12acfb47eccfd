"""The scene of the activities' tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.activities.scene import Scene
from tests.conftest import Clock
from tests.people import People, Someone

V1 = "/api/v1"
Call = Callable[..., Any]


@pytest.fixture
def scene(app: Flask, cast: People, clock: Clock) -> Scene:
    """The people of the tests, with an activity to publish and a screen to scan."""
    return Scene(app, cast, clock)


@pytest.fixture
def call(scene: Scene, client: FlaskClient) -> Call:
    """Call as somebody (None: without a token) and return status and body."""
    tokens: dict[str, dict[str, str]] = {}

    def ask(
        who: Someone | None, path: str, body: Any = None, method: str = "POST", key: str = ""
    ) -> tuple[int, Any]:
        if who is not None and who.name not in tokens:
            tokens[who.name] = scene.cast.headers(who)
        sent = (tokens[who.name] if who else {}) | ({"Idempotency-Key": key} if key else {})
        answer = client.open(f"{V1}{path}", method=method, json=body, headers=sent)
        return answer.status_code, answer.get_json()

    return ask
