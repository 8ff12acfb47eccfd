"""The live proof: what changed is proven every quarter of an hour, everything every night."""

# ruff: noqa: S608 - statements put together from this file's own ids

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, func, select, text

from app import JOBS
from core.db import db
from core.models import OutboxMessage
from core.work import Work
from points import ledger
from points.models import Proof
from points.proof import proving, verify
from points.proof.chain import Place
from points.proof.checks import Found
from points.proof.proving import (
    KeepProofs,
    Kept,
    LastProof,
    Proven,
    Watch,
    broken_proofs,
    days_proven,
    keep_proofs,
    last_proofs,
    watch,
)
from tests.conftest import Clock, Stage
from tests.people import People
from tests.points.books import (
    HERE,
    PURSE,
    REDEEMED,
    RESIDENT,
    WALLET,
    Nothing,
    decided,
    gone,
    posting,
)
from tests.points.earning import count
from tests.points.sealed import ADJUSTED, DAYS, kept_week

Run = Callable[..., Any]
CHECKS = verify.CHECKS
EACH_QUARTER = [check for check in CHECKS if check.changed != "night"]


@pytest.fixture(autouse=True)
def _week(stage: Stage, run: Run) -> None:
    kept_week(stage, run, each=1)


@pytest.fixture
def prove(app: Flask) -> Callable[..., Kept]:
    def call(*, whole: bool = False) -> Kept:
        with app.app_context():
            return proving.prove_all(CHECKS) if whole else proving.prove_changes(CHECKS)

    return call


def damage(app: Flask, *statements: str) -> None:
    """Do what the application never would."""
    with app.app_context(), db.engine.connect().execution_options(writes=True) as connection:
        for statement in statements:
            assert connection.execute(text(statement)).rowcount
        connection.commit()


def broken_now(connection: Connection) -> set[str]:
    return {name for name, proof in last_proofs(connection).items() if proof.times}


def test_the_first_look_and_the_nightly_one_go_through_everything(
    ask: Run, prove: Run, clock: Clock
) -> None:
    assert prove() == Kept(proven=len(CHECKS), broken=0)
    clock.advance(hours=1)
    assert prove(whole=True) == Kept(proven=len(CHECKS), broken=0)

    proofs = ask(last_proofs)
    assert set(proofs) == {check.name for check in CHECKS}
    assert {proof.scope for proof in proofs.values()} == {"all"}
    assert {proof.at for proof in proofs.values()} == {clock.now}
    assert proofs["two sides"].rows == ask(rows_of, "transfers")
    assert proofs["account totals"].rows == ask(rows_of, "accounts")
    assert proofs["seals"].rows == proofs["chain"].rows == ask(rows_of, "seals")


def rows_of(connection: Connection, table: str) -> int:
    return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_the_next_look_goes_through_what_changed(
    run: Run, ask: Run, prove: Run, clock: Clock
) -> None:
    prove()
    clock.advance(minutes=15)
    run(decided, posting(1, ADJUSTED, WALLET, 700, "adjustment"))
    run(ledger.post, posting(2, WALLET, REDEEMED, 300, "redemption"))

    assert prove() == Kept(proven=len(EACH_QUARTER), broken=0)

    proofs = ask(last_proofs, "changed")
    assert set(proofs) == {check.name for check in EACH_QUARTER}
    assert proofs["two sides"].rows == 2
    assert proofs["account totals"].rows == 1
    assert proofs["settled awards"].rows == 0


def test_nothing_new_is_proven_on_no_rows(ask: Run, prove: Run, clock: Clock) -> None:
    prove()
    clock.advance(hours=2)
    prove()

    proofs = ask(last_proofs)
    for check in CHECKS:
        if check.changed in {"rows", "accounts"} and check.table != "holds":
            assert proofs[check.name].rows == 0, check.name
        if check.changed == "night":
            assert proofs[check.name].scope == "all"


def move(work: Work, _command: None) -> Nothing:
    """Give points from one holder to another, as moving house does."""
    gone(work, RESIDENT)
    ledger.post(work, replace(posting(3, WALLET, PURSE, 200, "moving"), source_id=RESIDENT))
    return Nothing()


def test_the_other_side_of_a_line_is_no_false_alarm(run: Run, prove: Run, clock: Clock) -> None:
    run(move, None)
    clock.advance(hours=1)
    prove()
    clock.advance(hours=1)
    run(ledger.post, posting(4, WALLET, REDEEMED, 100, "redemption"))

    assert prove().broken == 0


NEW = f"'{UUID(int=1).hex}'"
FRESH = {
    "two sides": f"UPDATE transfers SET credit_version = NULL WHERE id = {NEW}",
    "account totals": f"UPDATE accounts SET credited = credited + 1 WHERE id = {WALLET}",
    "line balances": f"UPDATE transfers SET credit_balance = 5 WHERE id = {NEW}",
    "holds": f"UPDATE accounts SET held = 0 WHERE id = {WALLET}",
    "system accounts": f"UPDATE account_deltas SET debited = 5 WHERE cause = {NEW}",
    "awarded transfers": f"UPDATE transfers SET act = 'award' WHERE id = {NEW}",
    "causes": f"UPDATE transfers SET act = 'donation' WHERE id = {NEW}",
    "noted reversals": f"UPDATE transfers SET act = 'reversal' WHERE id = {NEW}",
    "final holds": "UPDATE holds SET closed_at = created_at WHERE state = 'open'",
    "chain": "UPDATE seals SET head = digest WHERE community = 0",
    "seals": "UPDATE transfers SET note = '改过' WHERE day = '2026-12-01'",
}


@pytest.mark.parametrize("name", FRESH)
def test_what_breaks_in_between_is_found_within_a_quarter_of_an_hour(
    app: Flask, run: Run, ask: Run, prove: Run, clock: Clock, name: str
) -> None:
    prove()
    clock.advance(minutes=15)
    run(decided, posting(1, ADJUSTED, WALLET, 700, "adjustment"))
    damage(app, FRESH[name])

    assert prove().broken >= 1
    assert name in ask(broken_now)


def test_what_is_broken_stays_red_until_all_of_it_holds(
    app: Flask, run: Run, ask: Run, prove: Run, clock: Clock
) -> None:
    prove()
    clock.advance(minutes=15)
    run(decided, posting(1, ADJUSTED, WALLET, 700, "adjustment"))
    damage(app, f"UPDATE accounts SET credited = credited + 1 WHERE id = {WALLET}")
    prove()
    clock.advance(hours=5)
    assert prove().broken == 1

    (latest, first) = ask(broken_proofs, clock.now - dt.timedelta(days=1))
    assert (latest.check, latest.scope, first.scope) == ("account totals", "all", "changed")
    assert (latest.table, latest.row, latest.community) == ("accounts", str(WALLET), HERE)

    damage(app, f"UPDATE accounts SET credited = credited - 1 WHERE id = {WALLET}")
    clock.advance(minutes=15)
    assert prove().broken == 0
    assert ask(broken_now) == set()


def test_an_older_sealed_day_is_looked_at_in_turn(
    app: Flask, ask: Run, prove: Run, clock: Clock
) -> None:
    """A day that was touched long after is found at the latest when its turn has come."""
    prove()
    damage(app, "UPDATE transfers SET note = '改过' WHERE day = '2026-11-26'")

    found = []
    for _ in range(8):
        clock.advance(minutes=15)
        prove()
        found.append("seals" in ask(broken_now))

    assert found[-1]
    assert found.index(True) <= 8


def test_each_quarter_computes_the_newest_day_anew_and_one_older_day_never_all(
    ask: Run, prove: Run, clock: Clock
) -> None:
    prove()
    looked = []
    for _ in range(DAYS + 1):
        clock.advance(minutes=15)
        prove()
        looked.append(ask(last_proofs)["seals"].rows)

    # Every day had its turn once, the newest among them.
    newest = ask(count, "seals", "day = (SELECT max(day) FROM seals)")
    assert sum(looked) == ask(rows_of, "seals") + DAYS * newest


def test_proofs_of_more_than_a_month_ago_are_forgotten(ask: Run, prove: Run, clock: Clock) -> None:
    prove()
    began = clock.now
    clock.advance(days=34)
    prove(whole=True)
    first = dt.date(2026, 12, 2)
    last = first + dt.timedelta(days=34)
    assert ask(days_proven, first, last)["chain"] == {first, last}
    assert ask(days_proven, first + dt.timedelta(days=1), last)["chain"] == {last}
    clock.advance(days=2)
    prove(whole=True)

    assert ask(oldest) == began + dt.timedelta(days=34)


def oldest(connection: Connection) -> Any:
    return connection.scalar(select(func.min(Proof.at)))


def test_what_a_round_found_is_kept_whole_and_the_newest_is_read(
    run: Run, ask: Run, clock: Clock
) -> None:
    place = Place(table="transfers", id=str(UUID(int=1)), community=HERE, day=clock.now.date())
    good = Proven(
        check="good", scope="all", found=Found(times=0, first=None, rows=7), milliseconds=3
    )
    wrong = Proven(
        check="wrong", scope="changed", found=Found(times=2, first=place, rows=9), milliseconds=4
    )
    first = clock.now
    kept = run(keep_proofs, KeepProofs(at=first, proofs=(wrong, good)))
    assert (kept.proven, kept.broken) == (2, 1)

    def read(scope: str = "") -> dict[str, LastProof]:
        found: dict[str, LastProof] = ask(last_proofs, scope)
        return {name: found[name] for name in ("good", "wrong") if name in found}

    nowhere = {"table": None, "row": None, "community": None, "day": None}
    held = LastProof(
        check="good", at=first, scope="all", rows=7, milliseconds=3, times=0, **nowhere
    )
    broken = LastProof(
        check="wrong",
        at=first,
        scope="changed",
        rows=9,
        milliseconds=4,
        times=2,
        table="transfers",
        row=str(UUID(int=1)),
        community=HERE,
        day=place.day,
    )
    assert read() == {"good": held, "wrong": broken}
    assert (read("all"), read("changed")) == ({"good": held}, {"wrong": broken})
    # The same moment again is the same look; a later one takes its place.
    run(keep_proofs, KeepProofs(at=first, proofs=(replace(good, milliseconds=8),)))
    assert read() == {"good": held, "wrong": broken}
    later = first + dt.timedelta(minutes=15)
    run(keep_proofs, KeepProofs(at=later, proofs=(wrong, replace(wrong, check="also"))))
    again = replace(broken, at=later)
    assert read() == {"good": held, "wrong": again}
    assert ask(broken_proofs, first) == [replace(again, check="also"), again, broken]
    assert ask(broken_proofs, later) == [replace(again, check="also"), again]


def test_whoever_has_not_looked_for_three_quarters_of_an_hour_is_silent(clock: Clock) -> None:
    nowhere: dict[str, Any] = {"table": None, "row": None, "community": None, "day": None}
    proof = LastProof(
        check="a", at=clock.now, scope="all", rows=1, milliseconds=1, times=0, **nowhere
    )
    older = replace(proof, check="b", at=clock.now - dt.timedelta(days=1), times=3)
    late = clock.now + dt.timedelta(minutes=45)

    last = {"a": proof, "b": older}
    assert watch(last, late) == Watch(broken=1, at=clock.now, silent=False)
    assert watch(last, late + dt.timedelta(seconds=1)).silent
    assert watch({}, late) == Watch(broken=0, at=None, silent=False)


def test_both_jobs_prove_and_tell(app: Flask, ask: Run, cast: People) -> None:
    checks = app.extensions["linli.checks"]
    quarter = [check for check in checks if check.changed != "night"]
    prove_all, prove_changes = (jobs_find(name) for name in ("prove-all", "prove-changes"))
    with app.app_context():
        told = [prove_all(), prove_changes()]
        damage(app, f"UPDATE accounts SET held = held + 1 WHERE id = {WALLET}")
        told.append(prove_all())

    # Nobody ordered what was spent in this week, nor what is set aside.
    assert told == [
        f"held {len(checks) - 2}, failed 2",
        f"held {len(quarter) - 2}, failed 2",
        f"held {len(checks) - 3}, failed 3",
    ]
    wanted = select(OutboxMessage.params).where(OutboxMessage.template == "district.check_failed")
    letters = ask(lambda c: c.scalars(wanted).all())
    assert {json.loads(each)["community"] for each in letters} == {"清波门社区"}


def jobs_find(name: str) -> Callable[[], str]:
    return next(job.run for job in JOBS if job.name == name)
