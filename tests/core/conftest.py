"""What the tests of ``core`` share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.typing import ResponseReturnValue

from app import create_app
from core.db import db
from core.identity import API_PREFIX
from tests.conftest import Clock, Stage

View = Callable[[], ResponseReturnValue]


@pytest.fixture
def serve(stage: Stage, clock: Clock) -> Iterator[Callable[[View], Flask]]:
    """Make the application anew with one more view, as a page and in the API, both of GET."""
    made: list[Flask] = []

    def make(view: View) -> Flask:
        app = create_app(stage.config())
        app.extensions["linli"].clock = clock
        for prefix in ("/", API_PREFIX):
            app.add_url_rule(f"{prefix}probe", f"probe {prefix}", view)
        made.append(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            db.engine.dispose()
