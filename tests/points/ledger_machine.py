"""The state machine: the same step told to the ledger's use cases and to the model."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from core.acts import SYSTEM, Actor
from core.errors import AppError
from core.work import SHANGHAI
from exchange.prices import price_of, standard_of
from points import holds, ledger
from points.accounts import account_id, clearing, resident_account
from points.closing import fold_deltas, lapse_due
from points.earning.awards import Award, AwardSettled, award, void_award
from points.settlement import Settle, settle_chunk
from tests.people import HERE, THERE
from tests.points.books import SOURCES, decided
from tests.points.ledger_model import FACE_ONE, FACES, Aside, Given, Leg, Line, Short, award_legs
from tests.points.ledger_world import (
    HOMES,
    PEOPLE,
    RULES,
    World,
    bought,
    fetched,
    new_rate,
    released,
)

PLACE = st.integers(0, PEOPLE - 1)
AMOUNT = st.integers(1, 900)
ANY = st.integers(0, 10_000)
CHUNK = st.sampled_from((2, 3, 7, 50))
MINUTES = st.integers(1, 2400)


DRAWN: dict[str, dict[str, st.SearchStrategy[Any]]] = {}
"""What each kind of step draws, by its name."""

F = TypeVar("F", bound=Callable[..., bool | None])


def step(**drawn: st.SearchStrategy[Any]) -> Callable[[F], F]:
    """Name a kind of step, and what it draws; it returns False where there was nothing to do."""

    def make(told: F) -> F:
        DRAWN[told.__name__] = drawn
        return told

    return make


class Ledger(RuleBasedStateMachine):
    """Six residents of two communities."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.known = self.world.people()
        self.people = [each.resident for each in self.known]
        #: Where each of them lives now.
        self.homes = list(HOMES)
        self.model = self.world.model
        self.lines = len(self.model.lines)
        self.given: list[UUID] = []
        self.held: list[UUID] = []
        self.shorts = len(self.model.shorts)
        self.again: list[tuple[Any, object, Actor, Callable[[Any], bool]]] = []

    # --- small things -------------------------------------------------------------------------

    def own(self, place: int, kind: Any = "service") -> int:
        return resident_account(self.people[place], self.homes[place], kind)

    def free(self, place: int) -> int:
        return self.model.purses[self.own(place)].free

    def run(
        self,
        expected: type[AppError] | None,
        use_case: Any,
        command: object,
        actor: Actor = SYSTEM,
    ) -> Any:
        return self.world.told(expected, use_case, command, actor)

    def mine(self) -> list[Line]:
        return self.model.lines[self.lines :]

    def short(self) -> list[Short]:
        return self.model.shorts[self.shorts :]

    def posting(self, identity: UUID, leg: Leg, act: str, **changes: Any) -> ledger.Posting:
        account = leg.holder
        purse = self.model.purses[account]
        facts: dict[str, Any] = {
            "id": identity,
            "act": act,
            "points_kind": purse.kind,
            "community": purse.community,
            "debit": leg.debit,
            "credit": leg.credit,
            "amount": leg.amount,
            "event_at": self.world.clock.now,
            "source_kind": SOURCES[act],
            "source_id": identity,
        }
        return ledger.Posting(**(facts | changes))

    def spending(self, account: int, identity: UUID) -> ledger.Spending:
        return ledger.Spending(
            account=account,
            community=self.model.purses[account].community,
            event_at=self.world.clock.now,
            source_kind="order",
            source_id=identity,
            journal=identity,
        )

    # --- earning ------------------------------------------------------------------------------

    @step(
        place=PLACE,
        units=st.integers(1, 6),
        kind=st.sampled_from(("service", "basic")),
        elsewhere=st.booleans(),
    )
    def award(self, place: int, units: int, kind: str, elsewhere: bool) -> None:  # noqa: FBT001
        self._award(place, units, kind, elsewhere=elsewhere and kind == "service")

    @step(place=PLACE, units=st.integers(2, 8))
    def award_hours(self, place: int, units: int) -> None:
        self._award(place, units, "service", elsewhere=False)

    def _award(self, place: int, units: int, kind: str, *, elsewhere: bool) -> None:
        home, who, now = self.homes[place], self.people[place], self.world.clock.now
        bearing = (THERE if home == HERE else HERE) if elsewhere else home
        chosen = RULES[kind]
        command = Award(
            cause=f"machine:{self.world.new_id().int}",
            holder_kind="resident",
            holder_id=who,
            community=home,
            bearing=bearing,
            rule=chosen,
            units=units,
            amount_per_unit=chosen.amount,
            provenance="verified",
            reason="便民集市",
            source_kind="act",
            source_id=UUID(int=900),
            event_at=now,
            face_home=FACES[home],
            face_bearing=FACES[bearing],
        )
        day = now.astimezone(SHANGHAI).date().isoformat()
        caps = {
            day[:4]: chosen.cap_per_year,
            day[:7]: chosen.cap_per_month,
            day: chosen.cap_per_day,
        }
        counters = [(who, f"{chosen.key}|{period}") for period in caps]
        left = [
            (cap or 0) - self.model.used.get(counter, 0)
            for counter, cap in zip(counters, caps.values(), strict=True)
        ]
        units = max(0, min(units, *left))
        made = self.run(None, award, command)
        assert (made.units, made.exists, made.id is None) == (units, False, units == 0)
        if not units:
            return
        for counter in counters:
            self.model.used[counter] = self.model.used.get(counter, 0) + units
        self.model.awards[made.id] = Given(
            account=self.own(place, kind),
            bearing=bearing,
            legs=award_legs(self.own(place, kind), home, bearing, kind, units * chosen.amount),
            due=coming_night(now),
            counters=counters,
            units=units,
        )
        self.given.append(made.id)
        self.again.append((award, command, SYSTEM, lambda found: bool(found.exists)))

    @step(at=ANY)
    def void(self, at: int) -> bool | None:
        if not self.given:
            return False
        identity = self.given[at % len(self.given)]
        given = self.model.awards[identity]
        expected = AwardSettled if given.state == "done" else None
        voided = self.run(expected, void_award, identity)
        if expected is None:
            assert voided is (given.state == "pending")
        if given.state == "pending":
            given.state = "void"
            self.model.free_caps(given, given.units)
        return None

    @step(chunk=CHUNK)
    def settle(self, chunk: int) -> None:
        now = self.world.clock.now
        night = coming_night(now)
        if night.astimezone(SHANGHAI).year == self.world.year:
            self.world.clock.set(night)
        self._settle(chunk)

    def _settle(self, chunk: int) -> None:
        due = self.model.settle(self.world.clock.now, self.world.year)
        settled = 0
        while made := self.run(None, settle_chunk, Settle(chunk=chunk)).awards:
            settled += made
        assert settled == due

    @step(place=PLACE, amount=AMOUNT)
    def give(self, place: int, amount: int) -> None:
        """Post what two people decided."""
        identity, community = self.world.new_id(), self.homes[place]
        leg = Leg(account_id("adjusted", community, "service"), self.own(place), amount)
        command = self.posting(identity, leg, "adjustment")
        self.run(None, decided, command)
        self.model.post(leg, self.world.year)
        self.again.append((decided, command, SYSTEM, lambda found: bool(found.exists)))
        other = self.posting(identity, leg, "adjustment", amount=amount + 1)
        self.run(ledger.TransferDiffers, ledger.post, other)

    # --- spending -----------------------------------------------------------------------------

    @step(place=PLACE, amount=AMOUNT, other=AMOUNT)
    def spend(self, place: int, amount: int, other: int) -> None:
        community, identity, second = self.homes[place], self.world.new_id(), self.world.new_id()
        own = self.own(place)
        legs = [
            Leg(own, account_id("redeemed", community, "service"), amount),
            Leg(own, account_id("retired", community, "service"), other),
        ]
        named = [
            ledger.Leg(id=identity, act="redemption", credit=legs[0].credit, amount=amount),
            ledger.Leg(id=second, act="discount", credit=legs[1].credit, amount=other),
        ]
        self._spend(place, (self.spending(own, identity), named, []), legs, community)

    def _spend(self, place: int, command: Any, legs: list[Leg], host: int) -> None:
        cost = sum(leg.amount for leg in legs if leg.holder)
        if self.free(place) < cost:
            self.run(ledger.InsufficientPoints, bought, command)
            return
        assert self.run(None, bought, command)
        for leg in legs:
            self.model.post(leg, self.world.year)
        first = command[1][0].id
        self.model.lines.append(Line(first, command[0].journal, legs, place=host))
        self.again.append((bought, command, SYSTEM, lambda done: not done))

    @step(place=PLACE, price=st.integers(1, 700), step_=st.sampled_from((1, 10, 100)))
    def spend_elsewhere(self, place: int, price: int, step_: int) -> None:
        home = self.homes[place]
        host, own = THERE if home == HERE else HERE, self.own(place)
        row, rate = self.model.rates.get((home, host), (None, FACE_ONE))
        cost = price_of(price, FACES[home], FACES[host], rate, step_)
        standard, ids = standard_of(price, FACES[host]), [self.world.new_id() for _ in range(4)]
        acts = ("redemption", "discount", "rounding")
        legs = [Leg(own, clearing(home, host), cost.par, standard)]
        for purpose, amount in (
            ("retired", cost.exact - cost.par),
            ("rounding", cost.cost - cost.exact),
        ):
            legs.append(Leg(own, account_id(purpose, home, "service"), amount))
        named = [
            ledger.Leg(
                id=identity,
                act=act,
                credit=leg.credit,
                amount=leg.amount,
                standard=leg.standard,
                rate=row,
            )
            for identity, act, leg in zip(ids[:3], acts, legs, strict=True)
            if leg.amount
        ]
        there = Leg(clearing(host, home), account_id("redeemed", host, "service"), price, standard)
        hosted = ledger.Posting(
            id=ids[3],
            act="redemption",
            points_kind="service",
            community=host,
            debit=there.debit,
            credit=there.credit,
            amount=price,
            standard=standard,
            rate=row,
            event_at=self.world.clock.now,
            source_kind="order",
            source_id=ids[0],
            journal=ids[0],
        )
        paid = [leg for leg in legs if leg.amount]
        self._spend(place, (self.spending(own, ids[0]), named, [hosted]), [*paid, there], host)

    @step(home=st.sampled_from((HERE, THERE)), rate=st.integers(5_000, 10_000))
    def rate_changes(self, home: int, rate: int) -> None:
        host = THERE if home == HERE else HERE
        identity = self.run(None, new_rate, (home, host, rate))
        self.model.rates[home, host] = (identity, rate)

    # --- holds --------------------------------------------------------------------------------

    @step(place=PLACE, amount=AMOUNT, hours=st.integers(0, 60))
    def hold(self, place: int, amount: int, hours: int) -> None:
        self.hold_of(place, amount, hours)

    def hold_of(self, place: int, amount: int, hours: int) -> None:
        identity, now = self.world.new_id(), self.world.clock.now
        lapse_at = now + dt.timedelta(hours=hours) if hours else None
        command = holds.OpenHold(
            id=identity,
            account=self.own(place),
            amount=amount,
            reason="抽纸",
            source_kind="order",
            source_id=identity,
            lapse_at=lapse_at,
        )
        if self.free(place) < amount:
            self.run(ledger.InsufficientPoints, holds.hold, command)
            return
        self.run(None, holds.hold, command)
        self.model.set_aside(identity, Aside(self.own(place), amount, lapse_at))
        self.held.append(identity)
        self.again.append((holds.hold, command, SYSTEM, lambda found: bool(found.exists)))

    @step(at=ANY, share=st.integers(1, 12))
    def capture(self, at: int, share: int) -> bool | None:
        """Capture all of a hold, a part, or more than there is."""
        if not self.held:
            return False
        hold = self.held[at % len(self.held)]
        aside, identity = self.model.holds[hold], self.world.new_id()
        amount = max(1, aside.amount * share // 10)
        community = self.model.purses[aside.account].community
        leg = Leg(aside.account, account_id("redeemed", community, "service"), amount)
        named = ledger.Leg(id=identity, act="redemption", credit=leg.credit, amount=amount)
        command = (hold, self.spending(aside.account, identity), [named])
        if amount > aside.amount:
            self.run(holds.HoldTooSmall, fetched, command)
            return None
        was_open = aside.state == "open"
        assert self.run(None, fetched, command) is was_open
        if was_open:
            self.model.close_hold(hold, "captured")
            self.model.post(leg, self.world.year)
            self.model.lines.append(Line(identity, identity, [leg], place=community))
        return None

    @step(at=ANY)
    def release(self, at: int) -> bool | None:
        if not self.held:
            return False
        hold = self.held[at % len(self.held)]
        was_open = self.model.holds[hold].state == "open"
        assert self.run(None, released, hold) is was_open
        if was_open:
            self.model.close_hold(hold, "released")
        return None

    @step()
    def lapse_of_holds(self) -> None:
        now = self.world.clock.now
        due = [
            hold
            for hold in self.model.open_holds()
            if (at := self.model.holds[hold].lapse_at) is not None and at <= now
        ]
        assert lapse_due() == len(due)
        for hold in due:
            self.model.close_hold(hold, "lapsed")

    # --- the same again, and folding ------------------------------------------------------------

    @step(at=ANY)
    def repeat(self, at: int) -> bool | None:
        """What was done before is done no second time."""
        if not self.again:
            return False
        use_case, command, actor, was_there = self.again[at % len(self.again)]
        assert was_there(self.run(None, use_case, command, actor))
        return None

    @step()
    def fold(self) -> None:
        fold_deltas()
        self.model.changed |= set(self.model.system)


def coming_night(now: dt.datetime) -> dt.datetime:
    """Return two in the morning, of today or tomorrow."""
    here = now.astimezone(SHANGHAI)
    night = here.replace(hour=2, minute=0, second=0, microsecond=0)
    return night if night > here else night + dt.timedelta(days=1)
