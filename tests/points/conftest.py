"""Fixtures of the ledger's tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from points import posting_sql
from tests.conftest import Clock
from tests.people import People
from tests.points.correcting import Desk


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
