"""Hours are a person's: what counted at one place is known at the next, whichever way it comes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from exchange.moving import MoveHousehold, move_household
from residents.models import Resident
from tests.activities.scene import Scene, at
from tests.conftest import Clock
from tests.exchange.test_merging import merged
from tests.people import THERE, People
from tests.points.books import one
from tests.points.earning import count
from tests.points.feeding import platform, served

Run = Callable[..., Any]
URL = "/api/v1/staff/hours"
NAMED = {"name": "王秀英", "phone": "13800000001"}
MORNING = {"starts_at": "2026-11-20T09:00:00+08:00", "ends_at": "2026-11-20T11:00:00+08:00"}
DAY = {"day": "2026-11-20", "minutes": 120}


@pytest.fixture
def scene(app: Flask, cast: People, clock: Clock) -> Scene:
    """An activity here; everybody has signed in while they live where they do."""
    cast.actor(cast.staff)
    return Scene(app, cast, clock)


def moves(scene: Scene) -> None:
    """Let 王秀英 move to another community."""
    cast = scene.cast
    command = MoveHousehold(key="m", community=THERE, residents=(one(cast.wang.resident),))
    scene.run(move_household, command, cast.actor(cast.elsewhere))
    lives = select(Resident.id).where(
        Resident.person == cast.wang.person, Resident.valid_to.is_(None)
    )
    cast.wang.resident = scene.ask(lambda c: c.scalar(lives))


@pytest.mark.parametrize("again", [MORNING, DAY])
def test_hours_of_a_file_are_not_given_again_where_somebody_moved_to(
    scene: Scene, client: FlaskClient, cast: People, ask: Run, again: dict[str, Any]
) -> None:
    def bring(who: Any, row: dict[str, Any]) -> Any:
        body = {"name": "十一月", "rows": [NAMED | row]}
        return client.post(URL, json=body, headers=cast.headers(who)).get_json()["rows"][0]

    assert bring(cast.staff, MORNING)["outcome"] == "recorded"
    moves(scene)
    answer = bring(cast.elsewhere, again)

    assert answer["outcome"] == "refused"
    assert "导入的时长" in answer["message"]
    assert ask(count, "awards") == 1


def test_what_somebody_served_before_the_move_is_taken_off_what_a_platform_sends(
    scene: Scene, app: Flask, run: Run, cast: People, clock: Clock
) -> None:
    scene.serve(cast.wang, scene.session(), at(10, 30), at(11, 30))
    clock.set(at(13))
    moves(scene)
    hours = platform(app, run, cast, clock)

    [item] = hours.send(served("a", at(10), 2)).get_json()["items"]

    assert (item["state"], item["units"]) == ("recorded", 2)


def test_hours_of_a_record_that_was_merged_are_not_given_again(
    app: Flask, run: Run, cast: People, clock: Clock
) -> None:
    hours = platform(app, run, cast, clock)
    begin = clock.now - dt.timedelta(hours=5)
    holder = {"holder": {"id": str(cast.chen.resident)}}
    assert hours.states(served("a", begin, 2) | holder) == ["recorded"]
    kept = merged(cast, run, cast.chen)

    again = {"holder": {"id": str(kept.resident)}}
    assert hours.codes(served("b", begin, 2) | again) == ["hours_imported"]


def test_a_sheet_that_is_typed_after_the_move_gives_no_hour_of_before_again(
    scene: Scene, app: Flask, run: Run, cast: People, clock: Clock
) -> None:
    session = scene.session(open_to="district")
    clock.set(at(13))
    hours = platform(app, run, cast, clock)
    assert hours.states(served("a", at(10, 30), 2)) == ["recorded"]
    moves(scene)

    done = scene.enter(cast.wang, session, part="serve", entry=at(10, 30), exit=at(12, 30))

    assert (done.half_hours, done.elsewhere) == (0, 4)
