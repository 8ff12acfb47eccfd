"""``flask verify`` after papers were handed out: good ones pass, each damage is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.conftest import Clock
from tests.people import People
from tests.points.bulletins_scene import november, post
from tests.points.statements_scene import hers, issue
from tests.points.verified import damaged, flask_verify

Run = Callable[..., Any]
DAMAGE: dict[str, tuple[str, str]] = {
    "a closing that is another": (
        "UPDATE statements SET closing = closing + 100, added = added + 100",
        "statements",
    ),
    "an opening that is another": (
        "UPDATE statements SET opening = opening + 100, taken = taken + 100",
        "statements",
    ),
    "a statement of nobody": (
        "UPDATE statements SET points_kind = 'basic', holder_kind = 'household'",
        "statements",
    ),
    "a line that is gone": (
        "DELETE FROM bulletin_lines WHERE position = 1",
        "public lists",
    ),
    "a line of more": (
        "UPDATE bulletin_lines SET amount = amount + 100 WHERE position = 1",
        "public lists",
    ),
    "a list of more than was awarded": (
        "UPDATE bulletins SET basic = basic + 100",
        "listed awards",
    ),
}


@pytest.fixture
def papers(app: Flask, run: Run, cast: People, clock: Clock) -> None:
    """A list that was posted and a statement that was handed out."""
    november(app, run, cast, clock)
    post(run)
    issue(run, cast.actor(cast.staff), hers(cast))


@pytest.mark.usefixtures("papers")
def test_good_papers_pass(app: Flask) -> None:
    code, said = flask_verify(app)

    assert code == 0, said


@pytest.mark.usefixtures("papers")
@pytest.mark.parametrize("name", DAMAGE)
def test_each_damage_to_a_paper_is_named(app: Flask, name: str) -> None:
    statement, broken = DAMAGE[name]

    assert broken in damaged(app, statement)
