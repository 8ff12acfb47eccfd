"""Fixtures of the ledger's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from points import posting_sql
from points.proof import verify
from tests.conftest import Clock, Stage
from tests.people import People
from tests.points.correcting import Desk
from tests.points.raw import Raw
from tests.points.verified import happened


@pytest.fixture(autouse=True)
def _statements_are_made_anew() -> None:
    """Let each test make its own statements: make mutants knows by it who notices a change."""
    posting_sql.statement.cache_clear()  # type: ignore[attr-defined]
    posting_sql.plain.cache_clear()


@pytest.fixture
def desk(
    app: Flask, run: Callable[..., Any], ask: Callable[..., Any], cast: People, clock: Clock
) -> Desk:
    """Staff who correct what 王秀英 has."""
    return Desk(app=app, run=run, ask=ask, cast=cast, clock=clock)


@pytest.fixture
def raw(
    stage: Stage, run: Callable[..., Any], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Raw]:
    """Books of points in which everything happened once, and a way past the application."""
    monkeypatch.setitem(stage.app.extensions, "linli.checks", verify.CHECKS)
    happened(stage.app, run, clock)
    with Raw(stage) as connection:
        yield connection
