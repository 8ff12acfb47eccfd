"""The rest of the machine: undoing, correcting, moving, and the ends of months and years."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule
from sqlalchemy import select

from core.acts import Actor
from core.errors import AppError
from core.work import SHANGHAI, Work, reading
from exchange.moving import (
    MergeRecords,
    MoveHousehold,
    follow_residents,
    merge_records,
    move_household,
)
from points import ledger
from points.accounts import PointsKind, account_id
from points.carrying import PointsHeld, YearNotClosed
from points.correcting.adjustments import (
    AdjustmentNeedsSecondPerson,
    NotReversible,
    ProposeAdjustment,
    ProposeReversal,
    propose_adjustment,
    propose_reversal,
)
from points.correcting.deciding import DecideAdjustment, decide_adjustment
from points.correcting.shortages import CollectShortage, NothingShort, collect_shortage
from points.earning.awards import void_award
from points.expiring.lapsing import month_end
from points.models import Transfer
from points.reversal import AlreadyReversed, PartTooLarge, ReverseAll, legs_of, reverse_all
from points.settlement import Settle, settle_chunk
from tests.points.books import Nothing
from tests.points.calendar import hangzhou
from tests.points.ledger_machine import AMOUNT, ANY, CHUNK, DRAWN, MINUTES, PLACE, Ledger, step
from tests.points.ledger_model import Leg, Line, Short
from tests.points.ledger_world import desk, fetched, released

PART = st.one_of(st.none(), st.integers(1, 1200))
RECENT = 6
"""What is undone was done not long ago."""

Undo = tuple[UUID, UUID | None, ReverseAll]


def undone(work: Work, command: Undo) -> Nothing:
    """Undo all that an act posted, or a part."""
    first, journal, undoing = command
    reverse_all(work, legs_of(work.connection, first, journal), undoing)
    return Nothing()


ACTS = (
    *("give", "award", "award", "award_hours", "settle", "settle"),
    *("spend", "spend", "spend_elsewhere", "spend_elsewhere", "rate_changes", "rate_changes"),
    *("hold", "hold", "capture", "capture", "release", "lapse_of_holds"),
    *("reverse", "reverse", "correct", "correct", "adjust", "collect", "void", "repeat"),
    *(
        "move",
        "move",
        "move",
        "follow",
        "follow",
        "overspend",
        "mix",
        "closed_day",
        "fold",
        "month_ends",
        "year_ends",
    ),
)
"""What happens, the usual more often."""


class LedgerStory(Ledger):
    """All that can happen to the points of six residents."""

    @rule(act=st.sampled_from(ACTS), data=st.data())
    def take(self, act: str, data: st.DataObject) -> None:
        """Take a step, and compare what it touched."""
        world = self.world
        world.whole = False
        world.model.changed = set()
        world.later(data.draw(MINUTES, "minutes"))
        drawn = {name: data.draw(each, name) for name, each in DRAWN[act].items()}
        try:
            if getattr(self, act)(**drawn) is not False:
                world.compare(act)
        except Exception as error:
            world.broke = world.broke or error
            raise
        world.whole = True

    # --- undoing ------------------------------------------------------------------------------

    def undoing(self, line: Line, amount: int | None) -> Undo:
        identity = self.world.new_id()
        command = ReverseAll(
            at=self.world.clock.now - dt.timedelta(milliseconds=identity.int % 9_999),
            journal=identity,
            note="退回",
            source_kind="order",
            source_id=identity,
            amount=amount,
        )
        return line.first, line.journal, command

    def pick(self, at: int) -> Line | None:
        """Choose a line of late, every other time one of a place that ended."""
        lines = self.mine()
        purses, left = self.model.purses, self.model.left
        before = [line for line in lines if purses[line.account].resident in left]
        lines = (before if at % 2 and before else lines)[-RECENT:]
        return lines[at // 2 % len(lines)] if lines else None

    @step(at=ANY, part=PART)
    def reverse(self, at: int, part: int | None) -> bool | None:
        line = self.pick(at)
        if line is None or (line.decided and not line.undone):
            return False
        command = self.undoing(line, part)
        amount = line.rest if part is None else part
        expected: type[AppError] | None = None
        if line.undone:
            expected = AlreadyReversed
        elif amount > line.rest:
            expected = PartTooLarge
        elif line.gives and self.model.purses[line.account].free < amount:
            expected = ledger.InsufficientPoints
        self.run(expected, undone, command)
        if expected is None:
            self.model.undo(line, amount, self.world.year)
            if line.undone:
                self.run(AlreadyReversed, undone, self.undoing(line, None))
        return None

    # --- correcting, by two people --------------------------------------------------------------

    def decided(self, proposal: UUID, community: int, maker: bool) -> Any:  # noqa: FBT001
        command = DecideAdjustment(adjustment=proposal)
        if maker:
            refused = AdjustmentNeedsSecondPerson
            self.run(refused, decide_adjustment, command, desk(community, "staff"))
        lead = desk(community, "lead")
        done = self.run(None, decide_adjustment, command, lead)
        self.again.append((decide_adjustment, command, lead, lambda found: bool(found == done)))
        return done

    @step(
        place=PLACE,
        amount=st.integers(-900, 900).filter(bool),
        kind=st.sampled_from(("service", "basic")),
        maker=st.booleans(),
    )
    def adjust(self, place: int, amount: int, kind: PointsKind, maker: bool) -> None:  # noqa: FBT001
        community, own = self.homes[place], self.own(place, kind)
        command = ProposeAdjustment(
            key=str(self.world.new_id()),
            holder_kind="resident",
            holder_id=self.people[place],
            points_kind=kind,
            amount=amount,
            reason="签到表上是两小时",
            evidence="签到表第 3 行",
        )
        made = self.run(None, propose_adjustment, command, desk(community, "staff"))
        done = self.decided(made.id, community, maker)
        wanted, book = abs(amount), account_id("adjusted", community, kind)
        posted = wanted if amount > 0 else min(wanted, self.model.purses[own].free)
        assert (done.posted, done.shortage) == (posted, wanted - posted)
        if posted:
            leg = Leg(book, own, posted) if amount > 0 else Leg(own, book, posted)
            self.model.post(leg, self.world.year)
        if posted < wanted:
            self.model.shorts.append(Short(made.id, own, community, wanted - posted, None))

    @step(at=ANY, part=PART, maker=st.booleans())
    def correct(self, at: int, part: int | None, maker: bool) -> bool | None:  # noqa: FBT001
        """Propose to undo a line, and decide it: of what was spent meanwhile a part is missing."""
        line = self.pick(at)
        if line is None:
            return False
        wanted = line.rest if part is None else part
        command = ProposeReversal(
            key=str(self.world.new_id()),
            line=line.first,
            amount=part,
            reason="记错了人",
            evidence="签到表第 5 行",
        )
        expected: type[AppError] | None = None
        if line.undone or line.decided:
            expected = AlreadyReversed
        elif wanted > line.rest:
            expected = PartTooLarge
        made = self.run(expected, propose_reversal, command, desk(line.place, "staff"))
        if expected is not None:
            return None
        done = self.decided(made.id, line.place, maker)
        line.decided = line.gives
        purse = self.model.purses[line.account]
        lapsed = self.model.lapsed_of(line.account, line.year, wanted) if line.gives else 0
        if line.gives:
            self.model.bring_back(line.account, wanted - lapsed, self.world.year, line.year)
            purse.lots.take_back(line.year, 0, lapsed)
        posted = min(wanted - lapsed, purse.free) if line.gives else wanted
        missing = wanted - lapsed - posted
        assert (done.posted, done.lapsed, done.shortage) == (posted, lapsed, missing)
        if posted:
            self.model.undo(line, posted, self.world.year)
        if line.award is not None:
            given = self.model.awards[line.award]
            self.model.free_caps(given, given.units * wanted // line.whole)
        if missing:
            short = Short(made.id, line.account, line.place, missing, line, posted)
            self.model.shorts.append(short)
        return None

    @step(at=ANY)
    def collect(self, at: int) -> bool | None:
        shorts = self.short()
        if not shorts:
            return False
        short = shorts[at % len(shorts)]
        purse = self.model.purses[short.account]
        if short.missing:
            of = short.line.year if short.line is not None else 0
            self.model.bring_back(short.account, short.missing, self.world.year, of)
        amount = min(short.missing, purse.free)
        command = CollectShortage(key=str(self.world.new_id()), adjustment=short.adjustment)
        expected = None if amount else NothingShort
        done = self.run(expected, collect_shortage, command, desk(short.place, "staff"))
        if not amount:
            return None
        assert (done.amount, done.missing) == (amount, short.missing - amount)
        self.model.collect(short, amount, self.world.year)
        if short.line is not None:
            self.run(NotReversible, propose_reversal, *self.undoing_of(short))
        return None

    def undoing_of(self, short: Short) -> tuple[ProposeReversal, Actor]:
        """Propose to undo what was collected last of a reversal."""
        query = (
            select(Transfer.id)
            .where(Transfer.debit == short.account, Transfer.source_id == short.adjustment)
            .order_by(Transfer.debit_version.desc())
            .limit(1)
        )
        with reading() as connection:
            line = connection.scalars(query).one()
        command = ProposeReversal(
            key=str(self.world.new_id()),
            line=line,
            amount=None,
            reason="记错了人",
            evidence="签到表第 5 行",
        )
        return command, desk(short.place, "staff")

    # --- two records of one person, and another home ---------------------------------------------

    def moving(self, place: int, other: int) -> tuple[Any, Any, Actor]:
        """Merge two records of one community, or move to where another lives: the use case."""
        source, home, key = self.people[place], self.homes[other], str(self.world.new_id())
        if self.homes[place] == home:
            merging = MergeRecords(key=key, keep=self.people[other], drop=source)
            return merge_records, merging, desk(home, "staff")
        command = MoveHousehold(key=key, community=home, residents=(source,))
        return move_household, command, desk(home, "staff")

    @step(place=PLACE, other=PLACE)
    def move(self, place: int, other: int) -> bool | None:
        """Merge two records, or move to another community: where they live decides."""
        if place == other:
            return False
        use_case, command, actor = self.moving(place, other)
        merges = use_case is merge_records
        held = any(
            self.model.purses[self.own(each)].lots.held for each in (place, other)[: 1 + merges]
        )
        done = self.run(PointsHeld if held else None, use_case, command, actor)
        if held:
            return None
        source = self.people[place]
        target = self.people[other] if merges else done.residents[0]
        if not merges:
            self.model.open(target, self.homes[other])
        assert (done.basic, done.service) == self.model.carry(source, target, self.world.year)
        self.model.goes_on(source, target)
        self.again.append((use_case, command, actor, lambda found: bool(found.exists)))
        # Whoever was merged is somebody else's record now: another one moves in.
        self.people[place] = self.world.enter(self.homes[place]) if merges else target
        self.homes[place] = self.homes[other]
        return None

    @step()
    def follow(self) -> None:
        """What arrived late for a place that ended follows."""
        expected = self.model.follow(self.world.year)
        assert follow_residents() == f"followed {expected}"

    # --- what is refused --------------------------------------------------------------------------

    @step(place=PLACE, by=st.integers(1, 30), held=st.booleans())
    def overspend(self, place: int, by: int, held: bool) -> None:  # noqa: FBT001
        """A centipoint more than is free is refused in every way."""
        if held and self.free(place):
            self.hold_of(place, max(1, self.free(place) // 2), 0)
        amount, own = self.free(place) + by, self.own(place)
        redeemed = account_id("redeemed", self.homes[place], "service")
        identity = self.world.new_id()
        leg = Leg(own, redeemed, amount)
        posting = self.posting(identity, leg, "redemption")
        self.run(ledger.InsufficientPoints, ledger.post, posting)
        self.hold_of(place, amount, 0)
        if self.free(place):
            exactly = self.posting(identity, Leg(own, redeemed, self.free(place)), "redemption")
            self.run(None, ledger.post, exactly)
            self.model.post(Leg(own, redeemed, exactly.amount), self.world.year)

    @step(place=PLACE, other=PLACE, amount=AMOUNT)
    def mix(self, place: int, other: int, amount: int) -> None:
        """Neither kinds of points nor communities meet in a transfer."""
        kinds = Leg(
            account_id("issued", self.homes[place], "service"), self.own(place, "basic"), amount
        )
        posting = self.posting(self.world.new_id(), kinds, "award", points_kind="service")
        self.run(ledger.KindsMixed, ledger.post, posting)
        if self.homes[place] != self.homes[other]:
            books = Leg(account_id("issued", self.homes[place], "service"), self.own(other), amount)
            home = self.homes[place]
            posting = self.posting(self.world.new_id(), books, "award", community=home)
            self.run(ledger.AccountUnknown, ledger.post, posting)
        self.model.changed |= {self.own(place, "basic"), self.own(other)}

    @step(place=PLACE, at=ANY)
    def closed_day(self, place: int, at: int) -> bool | None:
        """Nothing is posted into a closed day."""
        if not self.model.closed:
            return False
        now, day = self.world.clock.now, self.model.closed[at % len(self.model.closed)]
        self.world.clock.set(hangzhou(day.year, day.month, day.day, 12))
        attempts = self._late_attempts(place)
        use_case, command = attempts[at % len(attempts)]
        self.run(ledger.DayClosed, use_case, command)
        self.world.clock.set(now)
        self.model.changed.add(self.own(place))
        return None

    def _late_attempts(self, place: int) -> list[tuple[Callable[..., Any], object]]:
        own, identity = self.own(place), self.world.new_id()
        adjusted = account_id("adjusted", self.homes[place], "service")
        giving = self.posting(identity, Leg(adjusted, own, 100), "adjustment")
        taking = self.posting(identity, Leg(own, adjusted, 100), "adjustment")
        attempts: list[tuple[Callable[..., Any], object]] = [
            (ledger.post, giving),
            (ledger.post, taking),
            (settle_chunk, Settle(chunk=10)),
        ]
        held = [hold for hold in self.held if self.model.holds[hold].state == "open"]
        if held:
            aside = self.model.holds[held[0]]
            credit = account_id("redeemed", self.model.purses[aside.account].community, "service")
            leg = ledger.Leg(id=identity, act="redemption", credit=credit, amount=aside.amount)
            command = (held[0], self.spending(aside.account, identity), [leg])
            attempts += [(released, held[0]), (fetched, command)]
        attempts += [(void_award, given) for given in self.given[-1:]]
        spends = [line for line in self.mine() if not line.gives and not line.undone]
        attempts += [(undone, self.undoing(line, None)) for line in spends[-1:]]
        return attempts

    # --- time -------------------------------------------------------------------------------------

    @step(chunk=CHUNK)
    def month_ends(self, chunk: int) -> bool | None:
        """What came back since the year ended lapses."""
        today = self.world.clock.now.astimezone(SHANGHAI).date()
        if today.month == 12:
            return False
        lapsed = self.world.lapse_after(month_end(today), chunk)
        assert lapsed == self.model.lapse(today.year - 2, today.year)
        return None

    @step(chunk=CHUNK, late=st.booleans())
    def year_ends(self, chunk: int, late: bool) -> None:  # noqa: FBT001
        """Close the year, at half past midnight or after the night's settlement."""
        ended = self.world.year
        last = dt.date(ended, 12, 31)
        self.world.clock.set(hangzhou(ended + 1, 1, 1, 2 if late else 0, 10))
        if late:
            self._settle(chunk)
            if self.model.closed and not self._held():
                self.run(YearNotClosed, *self.moving(0, 1))
        lapsed = self.world.lapse_after(last, chunk)
        assert lapsed == self.model.lapse(ended - 1, ended + 1)

    def _held(self) -> bool:
        return any(self.model.purses[self.own(place)].lots.held for place in (0, 1))
