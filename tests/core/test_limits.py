"""Limits: exact over all processes, counted before the use case, ended by the clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, text

from core.errors import AppError, TooMany
from core.limits import Counted, Hit, clean, hit
from core.work import transact
from tests.conftest import Clock
from tests.core.noting import audit
from tests.exchange.threads import all_at_once

Run = Callable[..., Any]
THREE = Hit(name="code:a", limit=3, seconds=60)


def used(connection: Connection) -> dict[str, int]:
    rows = connection.execute(text("SELECT key, used FROM rate_limits")).all()
    return {row[0]: row[1] for row in rows}


def test_as_often_as_the_limit_allows_and_not_once_more(run: Run, ask: Run) -> None:
    assert [run(hit, THREE).used for _ in range(3)] == [1, 2, 3]
    for _ in range(2):
        with pytest.raises(TooMany):
            run(hit, THREE)

    assert ask(used) == {"code:a": 3}


def test_each_name_is_counted_by_itself(run: Run) -> None:
    for _ in range(3):
        run(hit, THREE)

    assert run(hit, Hit(name="code:b", limit=3, seconds=60)) == Counted(used=1)


def test_a_window_begins_with_its_first_hit_and_ends_whatever_came_meanwhile(
    run: Run, clock: Clock
) -> None:
    run(hit, THREE)
    clock.advance(seconds=59)
    run(hit, THREE)
    run(hit, THREE)
    with pytest.raises(TooMany) as refusal:
        run(hit, THREE)
    assert refusal.value.seconds == 1

    clock.advance(seconds=1)
    assert run(hit, THREE) == Counted(used=1)


def test_a_higher_limit_counts_what_was_before(run: Run) -> None:
    for _ in range(3):
        run(hit, THREE)

    assert run(hit, Hit(name="code:a", limit=4, seconds=60)) == Counted(used=4)


def test_many_at_once_are_counted_exactly(app: Flask, ask: Run) -> None:
    twelve = Hit(name="code:a", limit=12, seconds=60)

    results = all_at_once(app, [lambda: transact(hit, twelve)] * 20)

    refused = [result for result in results if isinstance(result, AppError)]
    counted = [result.used for result in results if isinstance(result, Counted)]
    assert sorted(counted) == list(range(1, 13))
    assert [type(refusal) for refusal in refused] == [TooMany] * 8
    assert ask(used) == {"code:a": 12}


def test_counting_leaves_no_audit_row(run: Run, ask: Run) -> None:
    run(hit, THREE)

    assert ask(audit, "hit") == []


def test_windows_that_ended_are_forgotten(run: Run, ask: Run, clock: Clock) -> None:
    run(hit, THREE)
    run(hit, Hit(name="code:b", limit=3, seconds=61))
    clock.advance(seconds=60)

    assert run(clean, None) == Counted(used=1)
    assert run(clean, None) == Counted(used=0)
    assert ask(used) == {"code:b": 1}
