"""Year marks beside explicit lots: random histories with holds, reversals and moves agree."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from core.work import Work
from points import holds, ledger, reversal
from points.accounts import account_id, open_books, resident_account
from points.carrying import Carry, Holder, carry
from tests.conftest import Clock
from tests.points.books import HERE, THERE, Nothing, decided, open_resident, posting
from tests.points.calendar import ends, hangzhou, holds_true, left, night, policy
from tests.points.lots import Lots

Run = Callable[..., Any]
EXAMPLES = 300 if os.environ.get("LINLI_SOAK") else 12
PEOPLE = 3
ENDS = (1, 5, 9, 12)
"""Months whose end is looked at."""

POLICIES = ("end_of_next_year", "end_of_year", "never")
MILD = {"end_of_year": 0, "end_of_next_year": 1, "never": 2}

STEP = st.tuples(
    st.sampled_from(
        ("earn", "earn", "spend", "spend", "back", "hold", "release", "capture", "move", "move")
    ),
    st.integers(0, PEOPLE - 1),
    st.integers(1, 900),
    st.integers(0, PEOPLE - 1),
)
MONTH = st.tuples(
    st.lists(STEP, min_size=2, max_size=8),
    st.sampled_from((None, None, None, None, None, *POLICIES)),
)


class History:
    """The same story told to the ledger and to the lots."""

    #: Each example goes on in a later year, so that no database has to be made anew.
    year = 2026
    number = 1

    def __init__(self, app: Flask, clock: Clock, run: Run, ask: Run) -> None:
        self.app, self.clock, self.run, self.ask = app, clock, run, ask
        type(self).number += 1000
        self.people = [UUID(int=type(self).number + place) for place in range(PEOPLE)]
        self.books = [HERE if place % 3 else THERE for place in range(PEOPLE)]
        self.accounts = [
            resident_account(who, book, "service")
            for who, book in zip(self.people, self.books, strict=True)
        ]
        self.lots = [Lots() for _ in range(PEOPLE)]
        self.spends: list[tuple[int, UUID, int]] = []
        self.held: list[tuple[int, UUID, int]] = []
        self.policies = [(hangzhou(2000, 1, 1), POLICIES[0])]
        run(self._open, None)

    def _open(self, work: Work, _command: object) -> Nothing:
        open_books(work, HERE, THERE)
        for who, book in zip(self.people, self.books, strict=True):
            open_resident(work, who, book)
        return Nothing()

    def new_id(self) -> UUID:
        """An id that nothing has yet."""
        type(self).number += 1
        return UUID(int=type(self).number)

    def post(self, place: int, amount: int, act: str) -> UUID:
        """Post between the account and its community."""
        identity, own, book = self.new_id(), self.accounts[place], self.books[place]
        purpose = "redeemed" if act == "redemption" else "issued"
        system = account_id(purpose, book, "service")
        sides = (own, system) if act == "redemption" else (system, own)
        made = posting(identity, *sides, amount, act)
        use_case = decided if act == "adjustment" else ledger.post
        self.run(use_case, ledger.Posting(**{**_fields(made), "community": book}))
        return identity

    def earn(self, place: int, amount: int, _other: int) -> None:
        self.post(place, amount, "adjustment")
        self.lots[place].earn(self.clock.now.astimezone(_zone()).year, amount)

    def spend(self, place: int, amount: int, _other: int) -> None:
        amount = min(amount, self.lots[place].free)
        if amount:
            self.spends.append((place, self.post(place, amount, "redemption"), amount))
            self.lots[place].spend(amount)

    def back(self, _place: int, amount: int, _other: int) -> None:
        if self.spends:
            place, identity, spent = self.spends.pop(amount % len(self.spends))
            command = reversal.Reverse(
                original=identity,
                id=self.new_id(),
                note="退回",
                source_kind="order",
                source_id=identity,
            )
            self.run(reversal.reverse, command)
            self.lots[place].come_back(spent)

    def hold(self, place: int, amount: int, _other: int) -> None:
        amount = min(amount, self.lots[place].free)
        if amount:
            identity = self.new_id()
            command = holds.OpenHold(
                id=identity,
                account=self.accounts[place],
                amount=amount,
                reason="抽纸",
                source_kind="order",
                source_id=identity,
            )
            self.run(holds.hold, command)
            self.held.append((place, identity, amount))
            self.lots[place].held += amount

    def release(self, _place: int, amount: int, _other: int) -> None:
        if self.held:
            place, identity, held = self.held.pop(amount % len(self.held))
            self.run(_release, identity)
            self.lots[place].held -= held

    def capture(self, _place: int, amount: int, _other: int) -> None:
        if self.held:
            place, identity, held = self.held.pop(amount % len(self.held))
            taken = max(1, held - amount % 3)
            book, leg = self.books[place], self.new_id()
            spending = ledger.Spending(
                account=self.accounts[place],
                community=book,
                event_at=self.clock.now,
                source_kind="order",
                source_id=identity,
                journal=identity,
            )
            redeemed = account_id("redeemed", book, "service")
            legs = [ledger.Leg(id=leg, act="redemption", credit=redeemed, amount=taken)]
            self.run(_capture, (identity, spending, legs))
            self.lots[place].held -= held
            self.lots[place].spend(taken)
            self.spends.append((place, leg, taken))

    def move(self, place: int, _amount: int, other: int) -> None:
        if place != other and not self.lots[place].held and not self.lots[other].held:
            source, target = (
                Holder(id=self.people[each], community=self.books[each]) for each in (place, other)
            )
            self.run(carry, Carry(source=source, target=target, note="搬家转分"))
            year = self.clock.now.astimezone(_zone()).year
            self.lots[place].move(self.lots[other], year)

    def marked(self, ended: int) -> int | None:
        """Return the year that lapses at the end of one, by the rule in words."""

        def at(moment: dt.datetime) -> str:
            return [value for since, value in self.policies if since <= moment][-1]

        mild = max(
            (at(hangzhou(ended, 1, 1, 0)), at(hangzhou(ended, 12, 31, 23, 59))),
            key=MILD.__getitem__,
        )
        return {"end_of_year": ended, "end_of_next_year": ended - 1, "never": None}[mild]

    def month_ends(self, year: int, month: int) -> None:
        """Close the month on both sides, and compare."""
        night(self.app, self.clock, year, month, chunk=3)
        marked = self.marked(year if month == 12 else year - 1)
        for lots in self.lots:
            if marked is not None:
                lots.lapse(marked)
        coming = self.marked(self.clock.now.astimezone(_zone()).year)
        assert self.ask(_seen, self.accounts, self.clock.now) == [
            (lots.free, 0 if coming is None else lots.due(coming)) for lots in self.lots
        ]


def _zone() -> dt.tzinfo:
    zone = hangzhou(2026, 1, 1).tzinfo
    assert zone is not None
    return zone


def _fields(made: ledger.Posting) -> dict[str, Any]:
    return {name: getattr(made, name) for name in ledger.Posting.__dataclass_fields__}


def _seen(connection: Connection, accounts: list[int], now: dt.datetime) -> list[tuple[int, int]]:
    return [
        (left(connection, account), ends(connection, now, account).by_year_end)
        for account in accounts
    ]


def _release(work: Work, hold: UUID) -> Nothing:
    holds.release(work, hold)
    return Nothing()


def _capture(work: Work, command: tuple[UUID, ledger.Spending, list[ledger.Leg]]) -> Nothing:
    holds.capture(work, *command)
    return Nothing()


def test_marks_agree_with_lots(app: Flask, clock: Clock, run: Run, ask: Run) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(MONTH, min_size=9, max_size=12))
    def tell(months: list[tuple[list[tuple[str, int, int, int]], str | None]]) -> None:
        History.year += 5
        clock.set(hangzhou(History.year - 2, 6, 1))
        run(policy, POLICIES[0])
        night(app, clock, History.year - 1)
        clock.set(hangzhou(History.year, 1, 2))
        history = History(app, clock, run, ask)
        for number, (steps, changed) in enumerate(months):
            year, month = History.year + number // len(ENDS), ENDS[number % len(ENDS)]
            if changed:
                clock.set(hangzhou(year, month, 3))
                run(policy, changed)
                history.policies.append((clock.now, changed))
            for day, (act, place, amount, other) in enumerate(steps):
                clock.set(hangzhou(year, month, 4 + day))
                getattr(history, act)(place, amount, other)
            history.month_ends(year, month)

    tell()
    # Whose points went on says no directory.
    holds_true(app, "causes")
