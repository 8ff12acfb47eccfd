"""The checkers that guard the ledger, each as one call: None, or what it found."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any
from uuid import UUID

import psycopg
from flask import Flask
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from core.errors import AppError
from core.work import SHANGHAI, Clock, Work, reading, transact
from exchange.prices import PAR, price_of, standard_of
from points import closing, holds, ledger, reversal
from points.accounts import FACE_ONE, account_id, resident_account
from points.earning.awards import award
from points.expiring.expiry import LapseChunk, lapse_chunk
from points.proof.verify import broken, one_snapshot
from points.settlement import Settle, settle_chunk
from tests.conftest import Clock as Ticking
from tests.conftest import Stage
from tests.people import HERE
from tests.points.books import Nothing, decided
from tests.points.calendar import hangzhou
from tests.points.earning import serving
from tests.points.ledger_story import LedgerStory
from tests.points.ledger_world import QUICK, World, captured, released, spent

EXAMPLE = 80
"""Steps of one example of the state machine."""

Prepare = Callable[[], None]


def machine(world: World, number: int) -> type[LedgerStory]:
    """Return the machine that acts in a world; the seed decides what it does."""
    told: type[LedgerStory] = type("Told", (LedgerStory,), {"world": world})
    return seed(number)(told)


def drive(world: World, number: int, examples: int) -> None:
    """Take steps; raises what does not agree."""
    run_state_machine_as_test(
        machine(world, number),
        settings=settings(
            max_examples=examples,
            stateful_step_count=EXAMPLE,
            deadline=None,
            phases=(Phase.generate,),
            database=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


def state_machine(stage: Stage, prepare: Prepare, examples: int = 25) -> str | None:
    """Tell the model and the ledger the same story."""
    world = World(stage, prepare)
    try:
        drive(world, 1, examples)
    except Exception:
        if world.broke is None or not is_finding(world.broke):
            raise
    return in_words(world.broke) if world.broke else None


def is_finding(error: Exception) -> bool:
    """Whether this is what a checker stands for: a difference, a refusal, a named constraint.

    Anything else is an accident, as of a bug that was seeded badly, and catches nothing.
    """
    # What goes straight to psycopg raises its errors as they are.
    cause = error.orig if isinstance(error, IntegrityError) else error
    if isinstance(cause, psycopg.IntegrityError):
        return cause.diag.constraint_name is not None
    return isinstance(cause, AssertionError | AppError)


def in_words(error: Exception) -> str:
    """Say in a line what was raised."""
    return f"{type(error).__name__}: {error}"[:200]


# --- rounding -----------------------------------------------------------------------------------


def rounding(_stage: Stage, _prepare: Prepare) -> str | None:
    """Each rate with many prices and steps: an order never costs less than it is worth."""
    for rate in range(1, PAR + 1):
        for price in (1, 2, 3, 7, 99, 101, 1250, 2000, 4999):
            found = price_of(price, FACE_ONE, FACE_ONE, rate, 100)
            exact = Fraction(price * PAR, rate)
            covered = exact <= found.exact < exact + 1 and found.cost >= found.exact
            if not covered or found.cost - found.exact >= 100:
                return f"{price} at {rate} costs {found}"
    for face in range(5_000, 20_001, 13):
        for price in (1, 3, 7, 1250):
            if standard_of(price, face) * FACE_ONE < price * face:
                return f"{price} at face {face} counts as {standard_of(price, face)}"
    return None


# --- many at once -------------------------------------------------------------------------------

CLIENTS = 6
ROUNDS = 12
YEAR = 4
"""Turns of a crowd: what came in the first year lapses after the second."""

SCHEDULERS = 2
CHUNK = 50
PAYERS, PAID_TOGETHER = 2, 20
"""So many clients pay together, in each of so many turns: a deadlock takes a second to be seen."""

PER_TURN = 120
"""More than a client spends in a turn."""

POSTED = text("SELECT act, count(*) FROM transfers GROUP BY act")
DEADLOCKS = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
TWICE = text("SELECT cause FROM awards GROUP BY cause HAVING count(*) > 1")


class Crowd:
    """Clients that do everything at once on a few accounts, and a reader of snapshots."""

    def __init__(self, app: Flask, clock: Ticking, given: dict[UUID, int]) -> None:
        self.app, self.clock = app, clock
        #: What each resident gets at the begin of a year.
        self.given, self.who = given, list(given)
        self.numbers = itertools.count(90_000_000)
        self.turn = -1
        self.ended: dt.date | None = None
        #: What was spent last, by anybody; and what many want to return in one turn.
        self.last: UUID | None = None
        self.contested: UUID | None = None
        self.found: list[str] = []
        #: What of that no checker stands for.
        self.accidents: list[Exception] = []
        self.answers: Counter[str] = Counter()
        self.posted: dict[str, int] = {}
        self.snapshots = self.done = self.deadlocks = 0
        self.dice = random.Random(1)  # noqa: S311 - dice, no secret
        self.over = threading.Event()

    def act(
        self,
        use_case: Callable[[Work, Any], object],
        command: object,
        clock: Clock | None = None,
    ) -> bool:
        """Run a use case; too few points or too late is an answer, anything else is found."""
        self.done += 1
        try:
            transact(use_case, command, clock=clock)
        except (ledger.InsufficientPoints, reversal.AlreadyReversed) as refusal:
            self.answers[type(refusal).__name__] += 1
            return False
        except Exception as error:  # noqa: BLE001 - whatever is raised is what was found
            self.found.append(f"{use_case.__name__} raised {in_words(error)}")
            if not is_finding(error):
                self.accidents.append(error)
            return False
        self.answers[use_case.__name__] += 1
        return True

    def next_turn(self) -> None:
        """An hour later, or in another year; nobody is at work while the clock is set."""
        self.turn += 1
        self.contested = self.last
        now, self.ended = self.clock.now, None
        if self.turn % YEAR == YEAR - 1:
            self.ended = dt.date(now.astimezone(SHANGHAI).year, 12, 31)
            self.clock.set(hangzhou(self.ended.year + 1, 1, 1, 0, 30))
        else:
            self.clock.set(now + dt.timedelta(hours=1))

    def settle(self) -> None:
        """Settle a little of what is due, as of the coming night."""
        night = self.clock() + dt.timedelta(days=1)
        self.act(settle_chunk, Settle(chunk=self.dice.randint(1, CHUNK)), lambda: night)

    def expire(self, day: dt.date) -> None:
        """Close the year that is over, as two schedulers do, and let lapse what is due."""
        self.act(closing.close_day, closing.CloseDay(day=day))
        for _ in range(2 * len(self.who)):
            self.act(lapse_chunk, LapseChunk(day=day, chunk=self.dice.randint(1, CHUNK)))
        self.act(rich, self.given)

    def client(self, number: int, rounds: int, start: threading.Barrier) -> None:
        """One client: spends, returns, holds, captures, releases; awards what others award too."""
        with self.app.app_context():
            for turn in range(rounds):
                own = resident_account(self.who[turn % len(self.who)], HERE, "service")
                start.wait()
                if number < PAYERS and turn % PAID_TOGETHER == 0:
                    self.pay_together(number)
                if self.ended is not None and number < SCHEDULERS:
                    self.expire(self.ended)
                given = serving(
                    f"crowd:{self.who[0]}:{turn}",
                    holder_id=self.who[turn % 2],
                    units=1,
                    event_at=self.clock(),
                )
                self.act(award, given)
                for _ in range(3):
                    self.spend(own)
                self.give_back(self.last if number % 2 else self.contested)
                if number % 3 == 0:
                    self.settle()
                    self.act(closing.fold, closing.Fold())
                if number % 2:
                    self.hold(own, capture=bool(turn % 2))

    def legs(self, own: int, amount: int) -> tuple[ledger.Spending, list[ledger.Leg]]:
        identity = UUID(int=next(self.numbers))
        spending = ledger.Spending(
            account=own,
            community=HERE,
            event_at=self.clock(),
            source_kind="order",
            source_id=identity,
            journal=identity,
        )
        credit = account_id("redeemed", HERE, "service")
        return spending, [ledger.Leg(id=identity, act="redemption", credit=credit, amount=amount)]

    def spend(self, own: int) -> None:
        spending, legs = self.legs(own, 31)
        if self.act(spent, (spending, legs, [])):
            self.last = legs[0].id

    def pay_together(self, number: int) -> None:
        """Two pay for one thing, each client beginning with another: they may lock each other."""
        accounts = [resident_account(each, HERE, "service") for each in self.who]
        shares = [self.legs(own, 3) for own in (accounts if number % 2 else accounts[::-1])]
        self.act(together, shares)

    def give_back(self, original: UUID | None) -> None:
        """Return what was spent; another may be doing the same."""
        if original is None:
            return
        identity = UUID(int=next(self.numbers))
        command = reversal.Reverse(
            original=original, id=identity, note="退回", source_kind="order", source_id=identity
        )
        self.act(reversal.reverse, command)

    def hold(self, own: int, *, capture: bool) -> None:
        identity = UUID(int=next(self.numbers))
        opening = holds.OpenHold(
            id=identity,
            account=own,
            amount=9,
            reason="抽纸",
            source_kind="order",
            source_id=identity,
        )
        if not self.act(holds.hold, opening):
            return
        if capture:
            self.act(captured, (identity, *self.legs(own, 5)))
        else:
            self.act(released, identity)

    def read(self) -> None:
        """Look at one snapshot after another while the others work, who have half of the time."""
        with self.app.app_context():
            while not self.over.is_set() and not self.found:
                began = time.monotonic()
                with reading() as connection:
                    if connection.dialect.name == "postgresql":
                        one_snapshot(connection)
                    self.found += [each.name for each in broken(connection, QUICK)]
                self.snapshots += 1
                self.over.wait(time.monotonic() - began)

    def finish(self) -> None:
        """Look at what is left."""
        with self.app.app_context(), reading() as connection:
            self.found += [f"{cause} was awarded twice" for cause in connection.scalars(TWICE)]
            self.found += [each.name for each in broken(connection, QUICK)]
            self.posted = {row[0]: row[1] for row in connection.execute(POSTED)}
            if connection.dialect.name == "postgresql":
                self.deadlocks = connection.scalar(DEADLOCKS) or 0


def together(work: Work, shares: list[tuple[ledger.Spending, list[ledger.Leg]]]) -> Nothing:
    """Spend from one account after the other, in whatever order: the product has one order."""
    for spending, legs in shares:
        ledger.spend(work, spending, legs)
    return Nothing()


def rich(work: Work, given: dict[UUID, int]) -> Nothing:
    """Give residents something to spend."""
    for resident, amount in given.items():
        identity = work.new_id()
        posting = ledger.Posting(
            id=identity,
            act="adjustment",
            points_kind="service",
            community=HERE,
            debit=account_id("adjusted", HERE, "service"),
            credit=resident_account(resident, HERE, "service"),
            amount=amount,
            event_at=work.now,
            source_kind="adjustment",
            source_id=identity,
        )
        decided(work, posting)
    return Nothing()


def crowd(stage: Stage, rounds: int = ROUNDS, clients: int = CLIENTS) -> Crowd:
    """Let a crowd work on two residents of a database, of whom one is soon short of points."""
    world = World(stage, lambda: None)
    with stage.app.app_context():
        much, little = [known.resident for known in world.people()][1:3]
        enough = PER_TURN * YEAR * clients
        given = {much: enough, little: enough // 40}
        transact(rich, given)
    made = Crowd(stage.app, stage.clock, given)
    start = threading.Barrier(clients, made.next_turn)
    threads = [
        threading.Thread(target=made.client, args=(number, rounds, start))
        for number in range(clients)
    ]
    reader = threading.Thread(target=made.read)
    for thread in (reader, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    made.over.set()
    reader.join()
    made.finish()
    return made


def concurrency(stage: Stage, _prepare: Prepare) -> str | None:
    """Look at snapshots while clients do everything at once."""
    made = crowd(stage)
    if made.accidents:
        raise made.accidents[0]
    return made.found[0] if made.found else None


CHECKERS: dict[str, Callable[[Stage, Prepare], str | None]] = {
    "state machine": state_machine,
    "concurrency": concurrency,
    "rounding": rounding,
}
