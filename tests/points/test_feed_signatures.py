"""Only what a feeder in use has signed, just now and for this place, is recorded."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from points.feeds.api import BATCHES_A_MINUTE, BODY_BYTES_MAX
from tests.conftest import Clock
from tests.people import People
from tests.points.earning import count
from tests.points.feeding import Feed, feeder, open_rule, thrown

Run = Callable[..., Any]


@pytest.fixture
def bins(app: Flask, run: Run, cast: People, clock: Clock) -> Feed:
    """The bin of 建国南苑, in use."""
    open_rule(run, cast, clock)
    return feeder(app, run, cast, clock)


def body_of(*items: Any) -> bytes:
    return json.dumps({"items": list(items)}).encode()


def test_each_part_is_signed(ask: Run, clock: Clock, bins: Feed) -> None:
    body, other = body_of(thrown("a1", clock.now)), body_of(thrown("a2", clock.now))
    good = bins.headers(body)
    forged = {
        "body": (other, good),
        "a byte more": (body + b" ", good),
        "secret": (body, bins.headers(body, secret="guess")),
        "path": (body, bins.headers(body, path=f"/api/v1/feeds/{UUID(int=1)}/batches")),
        "method": (body, bins.headers(body, method="PUT")),
        "time": (body, good | {"X-Linli-Timestamp": str(int(clock.now.timestamp()) + 1)}),
        "no scheme": (body, good | {"X-Linli-Signature": good["X-Linli-Signature"][3:]}),
        "cut": (body, good | {"X-Linli-Signature": good["X-Linli-Signature"][:-1]}),
        "other scheme": (
            body,
            good | {"X-Linli-Signature": good["X-Linli-Signature"].replace("v1=", "v0=")},
        ),
        "nothing": (body, {}),
        "no signature": (body, {"X-Linli-Timestamp": good["X-Linli-Timestamp"]}),
    }
    for name, (sent, headers) in forged.items():
        answer = bins.post(sent, headers)
        assert (answer.status_code, answer.get_json()["code"]) == (401, "feed_not_signed"), name
    for index in range(len("v1=") + 64):
        signature = list(good["X-Linli-Signature"])
        signature[index] = "0" if signature[index] != "0" else "1"
        answer = bins.post(body, good | {"X-Linli-Signature": "".join(signature)})
        assert answer.status_code == 401, index
    assert ask(count, "awards") == 0
    assert bins.post(body, good).status_code == 200


def test_a_feeder_does_not_sign_for_another(
    app: Flask, ask: Run, run: Run, cast: People, clock: Clock, bins: Feed
) -> None:
    other = feeder(app, run, cast, clock, name="另一台")
    body = body_of(thrown("a1", clock.now))
    signed_by_other = other.headers(body, path=bins.path)
    unknown = f"/api/v1/feeds/{UUID(int=9)}/batches"
    assert bins.post(body, signed_by_other).status_code == 401
    assert bins.post(body, bins.headers(body, path=unknown), unknown).status_code == 401
    assert bins.post(body, bins.headers(body), other.path).status_code == 401
    assert ask(count, "awards") == 0


def test_no_sign_in_and_no_cookie_stands_for_a_signature(
    ask: Run, cast: People, clock: Clock, bins: Feed
) -> None:
    body = body_of(thrown("a1", clock.now))
    for who in (cast.lin, cast.staff):
        assert bins.post(body, cast.headers(who)).status_code == 401
        answer = cast.browser(who).post(bins.path, data=body, content_type="application/json")
        assert answer.status_code == 401
    assert ask(count, "awards") == 0


@pytest.mark.parametrize(("seconds", "status"), [(-301, 401), (-299, 200), (299, 200), (301, 401)])
def test_clocks_may_differ_by_five_minutes(
    clock: Clock, bins: Feed, seconds: int, status: int
) -> None:
    body = body_of(thrown("a1", clock.now))
    headers = bins.headers(body, timestamp=int(clock.now.timestamp()) + seconds)
    answer = bins.post(body, headers)
    assert answer.status_code == status
    if status == 401:
        assert answer.get_json()["code"] == "feed_stale"


@pytest.mark.parametrize("timestamp", ["", "now", "-1", "1e9", "٣", "9" * 400])
def test_a_timestamp_is_digits(clock: Clock, bins: Feed, timestamp: str) -> None:
    body = body_of(thrown("a1", clock.now))
    headers = bins.headers(body, timestamp=timestamp)
    headers["X-Linli-Timestamp"] = timestamp.encode().decode("latin-1")
    assert bins.post(body, headers).status_code == 401


def test_a_replay_records_nothing_new_and_dies_after_five_minutes(
    ask: Run, clock: Clock, bins: Feed
) -> None:
    body = body_of(thrown("a1", clock.now))
    headers = bins.headers(body)
    assert bins.post(body, headers).get_json()["items"][0]["state"] == "recorded"
    assert bins.post(body, headers).get_json()["items"][0]["state"] == "exists"
    clock.advance(minutes=6)
    assert bins.post(body, headers).get_json()["code"] == "feed_stale"
    assert ask(count, "awards") == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"items": []}', 422),
        (b'{"items": {}}', 422),
        (b'{"items": [{}], "more": 1}', 422),
        (b'{"items": "' + b"x" * BODY_BYTES_MAX + b'"}', 413),
    ],
)
def test_a_body_that_is_no_batch_is_refused_as_a_whole(
    ask: Run, bins: Feed, body: bytes, status: int
) -> None:
    assert bins.post(body, bins.headers(body)).status_code == status
    assert ask(count, "feed_batches") == 0


def test_more_than_a_batch_a_second_waits(ask: Run, clock: Clock, bins: Feed) -> None:
    body = body_of(thrown("a1", clock.now))
    # What others send in its name does not use its share up.
    for _time in range(BATCHES_A_MINUTE):
        assert bins.post(body, {}).status_code == 401
    for _time in range(BATCHES_A_MINUTE):
        assert bins.post(body, bins.headers(body)).status_code == 200
    answer = bins.post(body, bins.headers(body))
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "60"
    clock.advance(seconds=61)
    assert bins.post(body, bins.headers(body)).status_code == 200


def test_moments_far_away_are_refused_and_not_broken(clock: Clock, bins: Feed) -> None:
    at = dt.datetime(1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=8)))
    assert bins.codes(thrown("a1", clock.now, at=at.isoformat())) == ["item_unreadable"]
    assert bins.codes(thrown("a2", clock.now, at="9999-12-31T23:59:59-08:00")) == [
        "item_unreadable"
    ]
