"""Seeded bugs: each switches exactly one mistake on in the real product, and off again.

The guarded statement or function is replaced by one that lacks the guard; where a constraint of
the database is part of the guard, it is dropped too (PostgreSQL, in the test's own database).
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, select, text, update

from core.db import db
from core.ids import uuid7
from core.work import Work, transact
from exchange import prices
from exchange.rates.resolve import rate_in_force
from points import closing, holds, ledger, posting_sql, reversal, settlement
from points.earning import awards
from points.expiring import expiry
from points.models import Account, AccountDelta, Award, Hold, Reversal, Transfer
from tests.points.books import Nothing

PACKAGES = ("core.", "points.", "exchange.", "activities.", "admin.", "tests.")
Swap = Callable[[contextlib.ExitStack], None]


@dataclass(frozen=True)
class Bug:
    """A mistake: how to switch it on, and what in the database has to go for it."""

    name: str
    checker: str
    switch: Swap
    #: Table and constraint.
    constraints: tuple[tuple[str, str], ...] = ()

    @contextlib.contextmanager
    def on(self) -> Iterator[None]:
        """Have the bug."""
        with contextlib.ExitStack() as stack:
            self.switch(stack)
            yield

    def loosen(self) -> None:
        """Drop the constraints in the database at hand."""
        with db.engine.connect() as connection, connection.begin():
            for table, name in self.constraints:
                sql = f"ALTER TABLE {table} DROP CONSTRAINT {name} CASCADE"
                connection.exec_driver_sql(sql)


def put(stack: contextlib.ExitStack, owner: Any, name: str, value: object) -> None:
    """Have another value under a name, until the stack is left."""
    stack.callback(setattr, owner, name, getattr(owner, name))
    setattr(owner, name, value)


def everywhere(stack: contextlib.ExitStack, real: object, bad: object) -> None:
    """Have a function replaced wherever it was imported."""
    for name, module in list(sys.modules.items()):
        if name.startswith(PACKAGES):
            for each, found in list(vars(module).items()):
                if found is real:
                    put(stack, module, each, bad)


def reworded(stack: contextlib.ExitStack, owner: Any, name: str, *pairs: tuple[str, str]) -> None:
    """Change words of a statement; they have to be there."""
    before = getattr(owner, name)
    words = before if isinstance(before, str) else before.text
    for old, new in pairs:
        assert old in words, (name, old)
        words = words.replace(old, new)
    put(stack, owner, name, words if isinstance(before, str) else text(words))


@contextlib.contextmanager
def other_postings() -> Iterator[None]:
    """Make the posting statements anew, before and after."""
    kept: tuple[Any, ...] = (posting_sql.statement, posting_sql.plain)
    for each in kept:
        each.cache_clear()
    try:
        yield
    finally:
        for each in kept:
            each.cache_clear()


def guards(stack: contextlib.ExitStack, *pairs: tuple[str, str]) -> None:
    """Change words of both guards of a posting."""
    stack.enter_context(other_postings())
    for name in ("DEBIT", "CREDIT"):
        reworded(stack, posting_sql, name, *pairs)


def read_then_write(stack: contextlib.ExitStack) -> None:
    def debit_legs(
        work: Work, spending: ledger.Spending, legs: Sequence[ledger.Leg], *, unhold: int
    ) -> None:
        ledger.refuse_closed_day(work)
        total = sum(leg.amount for leg in legs)
        row = work.connection.execute(
            select(Account.__table__).where(Account.id == spending.account)
        ).one()
        if row.credited - row.debited - row.held + unhold < total:
            raise ledger.InsufficientPoints
        work.connection.execute(
            update(Account)
            .where(Account.id == spending.account)
            .values(
                held=row.held - unhold,
                debited=row.debited + total,
                version=row.version + len(legs),
            )
        )
        balance, version = row.credited - row.debited, row.version
        for leg in legs:
            balance, version = balance - leg.amount, version + 1
            made = ledger._leg_row(work, spending, leg, row.points_kind, balance, version)
            work.connection.execute(insert(Transfer), [made])
            delta = ledger._delta(work, leg.id, leg.credit, leg.amount, leg.standard or 0)
            work.connection.execute(insert(AccountDelta), [delta])

    everywhere(stack, ledger.debit_legs, debit_legs)


def no_unique_cause(stack: contextlib.ExitStack) -> None:
    reworded(stack, awards, "INSERT", (" ON CONFLICT (cause) DO NOTHING", ""))
    put(stack, awards, "uuid8", lambda at, *_parts: uuid7(at))
    # The one trip to PostgreSQL knows the same cause.
    put(stack, awards, "claim", lambda *_given: False)


def done_elsewhere(stack: contextlib.ExitStack) -> None:
    real = settlement._mark

    def mark(work: Work, batch: UUID, chunk: int) -> int:
        marked = real(work, batch, chunk)
        undo = update(Award).where(Award.batch == batch).values(state="pending", done_at=None)
        work.connection.execute(undo)
        now = work.now

        def later(second: Work, _command: None) -> Nothing:
            done = update(Award).where(Award.batch == batch).values(state="done", done_at=now)
            second.connection.execute(done)
            return Nothing()

        def after() -> None:
            # Whoever dies or looks in between finds it paid and not done.
            time.sleep(0.2)
            transact(later, None)

        work.after_commit.append(after)
        return marked

    put(stack, settlement, "_mark", mark)
    for name in ("CREDIT", "TRANSFERS", "HOST_TRANSFERS", "DELTAS"):
        reworded(stack, settlement, name, ("awards.state = 'done'", "awards.state = 'pending'"))


def hold_not_counted(stack: contextlib.ExitStack) -> None:
    stack.enter_context(other_postings())
    reworded(stack, posting_sql, "DEBIT", ("credited - debited - held >=", "credited - debited >="))


def _closing_of(*, any_state: bool, any_amount: bool) -> Callable[..., Any]:
    def close_hold(work: Work, hold_id: UUID, state: str, captured: int) -> Row[int, int] | None:
        row = work.connection.execute(
            select(Hold.account, Hold.amount).where(Hold.id == hold_id)
        ).first()
        if row is None:
            raise holds.HoldUnknown
        if captured > row.amount and not any_amount:
            raise holds.HoldTooSmall
        ledger.lock_accounts(work, row.account)
        closing_it = update(Hold).where(Hold.id == hold_id)
        if not any_state:
            closing_it = closing_it.where(Hold.state == "open")
        return work.connection.execute(
            closing_it.values(state=state, captured=captured, closed_at=work.now).returning(
                Hold.account, Hold.amount
            )
        ).first()

    return close_hold


def released_twice(stack: contextlib.ExitStack) -> None:
    put(stack, holds, "_close_hold", _closing_of(any_state=True, any_amount=False))


def captured_above(stack: contextlib.ExitStack) -> None:
    put(stack, holds, "_close_hold", _closing_of(any_state=False, any_amount=True))


def reversed_twice(stack: contextlib.ExitStack) -> None:
    def reverse(work: Work, command: reversal.Reverse) -> ledger.Posted:
        original = work.connection.execute(
            select(Transfer.__table__).where(Transfer.id == command.original)
        ).one()
        noted = {"original": command.original, "reversal": command.id}
        work.connection.execute(insert(Reversal), [noted])
        return ledger.post(work, reversal.taken_back(work, original, command, act="reversal"))

    everywhere(stack, reversal.reverse, reverse)
    everywhere(stack, reversal.came_back, lambda *_args: {})


def todays_rate(stack: contextlib.ExitStack) -> None:
    real = reversal.taken_back

    def taken_back(work: Work, original: Any, made: reversal.Reverse, act: str) -> ledger.Posting:
        if original.act == "discount" and original.rate is not None:
            legs = reversal.legs_of(work.connection, original.id, original.journal)
            par = next(leg.amount for leg in legs if leg.act == "redemption")
            host = next(leg.community for leg in legs if leg.community != original.community)
            rate = rate_in_force(work.connection, original.community, host, work.now).rate
            today = max(1, prices.ceiling(par * prices.PAR, rate) - par)
            part = reversal.Part(amount=today, standard=original.standard)
            made = reversal.Reverse(
                original=made.original,
                id=made.id,
                note=made.note,
                source_kind=made.source_kind,
                source_id=made.source_id,
                journal=made.journal,
                part=part,
            )
        return real(work, original, made, act)

    everywhere(stack, real, taken_back)


def half_up(stack: contextlib.ExitStack) -> None:
    def rounded(numerator: int, denominator: int) -> int:
        return (2 * numerator + denominator) // (2 * denominator)

    put(stack, prices, "ceiling", rounded)


def cross_kind(stack: contextlib.ExitStack) -> None:
    guards(stack, (" AND points_kind = :v_points_kind", ""))


def cross_community(stack: contextlib.ExitStack) -> None:
    guards(stack, (" AND community = :v_community", ""))


FREE = "accounts.credited - accounts.debited - accounts.held"


def newest_first(stack: contextlib.ExitStack) -> None:
    """Let spending count against the newest points: all the old ones lapse that are covered."""
    due = f"least({FREE}, expiry_marks.credited)"
    reworded(
        stack,
        expiry,
        "POSTGRESQL",
        ("expiry_marks.credited - accounts.debited - accounts.held AS amount", f"{due} AS amount"),
        (
            "accounts.credited - expiry_marks.credited + accounts.held AS balance",
            f"accounts.credited - accounts.debited - {due} AS balance",
        ),
        ("expiry_marks.credited > accounts.debited + accounts.held", f"{due} > 0"),
    )


def marks_by_id(stack: contextlib.ExitStack) -> None:
    """Take for the new year's what has an id of the new year: ids are of the act, not of 到账."""
    midnight = "CAST(CAST(:v_day AS date) + 1 AS timestamp) AT TIME ZONE 'Asia/Shanghai'"
    first = f"lpad(to_hex(CAST(extract(epoch FROM {midnight}) * 1000 AS bigint)), 12, '0')"
    id_order = f"id >= CAST(rpad({first}, 32, '0') AS uuid)"
    reworded(stack, closing, "MARKS", ("day > :v_day", id_order))


def moved_twice(stack: contextlib.ExitStack) -> None:
    def fold(work: Work, _command: closing.Fold) -> closing.Done:
        work.replayed()
        rows = work.connection.scalar(select(func.count()).select_from(AccountDelta)) or 0
        work.connection.execute(closing.FOLD)
        return closing.Done(rows=rows)

    everywhere(stack, closing.fold, fold)


def closed_day(stack: contextlib.ExitStack) -> None:
    stack.enter_context(other_postings())
    is_open = " AND NOT EXISTS (SELECT 1 FROM business_days WHERE day = :v_day)"
    for name in ("FRESH", "DEBIT"):
        reworded(stack, posting_sql, name, (is_open, ""))
    everywhere(stack, ledger.refuse_closed_day, lambda _work: None)


KEYS = (("transfers", "fk_transfers_debit"), ("transfers", "fk_transfers_credit"))
BUGS: tuple[Bug, ...] = (
    Bug("read-then-write balance", "concurrency", read_then_write),
    Bug("no unique cause", "concurrency", no_unique_cause, (("awards", "uq_awards_cause"),)),
    Bug("done mark in another transaction", "concurrency", done_elsewhere),
    Bug(
        "hold not counted",
        "state machine",
        hold_not_counted,
        (("accounts", "ck_accounts_covered"),),
    ),
    Bug(
        "hold released twice",
        "state machine",
        released_twice,
        (("accounts", "ck_accounts_counters"),),
    ),
    Bug(
        "capture above the hold",
        "state machine",
        captured_above,
        (("holds", "ck_holds_captured"),),
    ),
    Bug("reversal twice", "state machine", reversed_twice, (("reversals", "pk_reversals"),)),
    Bug("reversal at today's rate", "state machine", todays_rate),
    Bug("half-up rounding", "rounding", half_up),
    Bug("cross-kind post", "state machine", cross_kind, KEYS),
    Bug("cross-community post", "state machine", cross_community, KEYS),
    Bug("expiry of the newest first", "state machine", newest_first),
    Bug("expiry marks by id order", "state machine", marks_by_id),
    Bug("delta moved twice", "state machine", moved_twice),
    Bug("posting into a closed day", "state machine", closed_day),
)
