"""The reply to a COMMIT is lost on the line: the retry finds what was done, and does it once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text

from app import create_app
from core.db import db
from core.work import Work, reading, transact
from points import holds, ledger, reversal
from points.earning.awards import award
from tests.conftest import SERVER, Stage
from tests.people import People
from tests.points.books import ISSUED, REDEEMED, WALLET, decided, posting, residents, spending
from tests.points.calendar import holds_true
from tests.points.cutting import Cutter, cutter
from tests.points.earning import HOUR, serving
from tests.points.ledger_world import captured

RETRIES = 1_002 if os.environ.get("LINLI_SOAK") else 102
ACTS = 6
FREE = replace(HOUR, cap_per_day=None, cap_per_month=None, cap_per_year=None)


@pytest.fixture
def line(stage: Stage) -> Iterator[Cutter]:
    """A line to the database that can be cut."""
    with cutter(os.environ[SERVER]) as made:
        yield made


@pytest.fixture
def far(stage: Stage, line: Cutter) -> Iterator[Flask]:
    """The application at the other end of that line."""
    url = f"postgresql+psycopg://postgres@127.0.0.1:{line.port}/{stage.name}"
    made = create_app(replace(stage.config(), database_url=url))
    made.extensions["linli"].clock = stage.clock
    yield made
    with made.app_context():
        db.engine.dispose()


@pytest.mark.timeout(3600)
@pytest.mark.database("postgresql")
def test_a_lost_reply_is_answered_by_the_retry_and_nothing_is_done_twice(
    stage: Stage, line: Cutter, far: Flask
) -> None:
    with far.app_context():
        transact(residents, None)
        transact(decided, posting(1, ISSUED, WALLET, 100_000, "adjustment"))
        for number in range(RETRIES):
            line.cut_next.set()
            assert act(number)
            assert not line.cut_next.is_set()
    assert line.cuts == RETRIES

    each = RETRIES // ACTS
    with stage.app.app_context(), reading() as connection:
        count = {
            table: connection.scalar(text(f"SELECT count(*) FROM {table}"))  # noqa: S608
            for table in ("transfers", "holds", "awards")
        }
        totals = connection.execute(
            text("SELECT credited, debited, held FROM accounts WHERE id = :id"), {"id": WALLET}
        ).one()
    assert count == {"transfers": 1 + 4 * each, "holds": each, "awards": each}
    assert tuple(totals) == (100_000 + 10 * each, 2 * each, 0)
    holds_true(stage.app)


@pytest.mark.database("postgresql")
def test_what_carries_no_key_is_done_twice(stage: Stage, line: Cutter, far: Flask) -> None:
    def keyless(work: Work, _command: None) -> ledger.Posted:
        return ledger.post(work, posting(work.new_id(), ISSUED, WALLET, 10, "adjustment"))

    with far.app_context():
        transact(residents, None)
        line.cut_next.set()
        assert not transact(keyless, None).exists

    with stage.app.app_context(), reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM transfers")) == 2


def act(number: int) -> bool:
    """Post, spend, hold, award, capture, reverse in turn; whether the retry found it done."""
    identity = UUID(int=1000 + number)
    kind = number % ACTS
    if kind == 0:
        giving = posting(identity, ISSUED, WALLET, 10, "adjustment")
        return transact(decided, giving).exists
    if kind == 1:
        return transact(ledger.post, posting(identity, WALLET, REDEEMED, 7, "redemption")).exists
    if kind == 2:
        opening = holds.OpenHold(
            id=identity,
            account=WALLET,
            amount=3,
            reason="抽纸",
            source_kind="order",
            source_id=identity,
        )
        return transact(holds.hold, opening).exists
    if kind == 3:
        return transact(award, serving(f"lost:{number}", units=1, rule=FREE)).exists
    if kind == 4:
        held = UUID(int=identity.int - 2)
        leg = ledger.Leg(id=identity, act="redemption", credit=REDEEMED, amount=2)
        return not transact(captured, (held, spending(identity.int), [leg]))
    back = reversal.Reverse(
        original=UUID(int=identity.int - 4),
        id=identity,
        note="退回",
        source_kind="order",
        source_id=identity,
    )
    return transact(reversal.reverse, back).exists


@pytest.mark.database("postgresql")
def test_a_request_whose_reply_was_lost_is_answered_and_done_once(
    stage: Stage, line: Cutter, far: Flask, cast: People
) -> None:
    headers = cast.headers(cast.staff) | {"Idempotency-Key": "a"}
    client = far.test_client()
    wanted = {
        "holder_kind": "resident",
        "holder_id": str(cast.wang.resident),
        "points_kind": "service",
        "amount": 500,
        "reason": "签到表上是两小时",
        "evidence": "签到表第 3 行",
    }
    # What a sign-in notes once a day is noted, and read is read.
    assert client.get("/api/v1/staff/adjustments", headers=headers).status_code == 200

    line.cut_next.set()
    answers = [
        client.post("/api/v1/staff/adjustments", json=wanted, headers=headers) for _ in range(2)
    ]

    # Whoever was cut off is answered, or told to try again; the retry finds what was done.
    assert answers[0].status_code in {201, 503}
    assert answers[1].status_code == 201
    assert line.cuts == 1
    with stage.app.app_context(), reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM adjustments")) == 1
