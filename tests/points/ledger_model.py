"""What the ledger should hold, in plain dicts: told the same story, and knowing no SQL.

The age of points is told by lots, oldest first (``lots.py``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from points.accounts import PointsKind, account_id, clearing, resident_account
from tests.people import HERE, THERE
from tests.points.lots import Lots

FACES = {HERE: 10_000, THERE: 8_000}
FACE_ONE = 10_000


@dataclass
class Purse:
    """A holder's account: its totals, and for service points their age."""

    resident: UUID
    community: int
    kind: PointsKind
    credited: int = 0
    debited: int = 0
    version: int = 0
    lots: Lots = field(default_factory=Lots)
    #: What lapsed at once, and nobody took back since: [of which year and those before, how much].
    runs: list[list[int]] = field(default_factory=list)
    #: How many runs there had been where they live next, when the place ended.
    after: int = 0

    @property
    def free(self) -> int:
        """What can be spent."""
        return self.credited - self.debited - self.lots.held

    @property
    def totals(self) -> tuple[int, int, int, int]:
        """As the table has them."""
        return self.credited, self.debited, self.lots.held, self.version


@dataclass(frozen=True)
class Leg:
    """A transfer's two sides and figures."""

    debit: int
    credit: int
    amount: int
    standard: int | None = None

    @property
    def holder(self) -> int:
        """The holder's account of the two, or 0."""
        return max(self.debit, self.credit, 0)


@dataclass
class Line:
    """What one act posted, the holder's legs first; ``first`` names it."""

    first: UUID
    journal: UUID | None
    legs: list[Leg]
    #: Where it was recorded.
    place: int
    undone: bool = False
    #: What of each leg has come back.
    back: list[Leg] = field(default_factory=list)
    #: Two people have decided to take it back.
    decided: bool = False
    #: The award behind it.
    award: UUID | None = None
    #: When it was posted.
    year: int = 0

    @property
    def whole(self) -> int:
        """What the holder's legs are together."""
        return sum(leg.amount for leg in self.legs if leg.holder)

    @property
    def rest(self) -> int:
        """What of it has not come back."""
        return self.whole - sum(leg.amount for leg in self.back if leg.holder)

    @property
    def account(self) -> int:
        """Whose line it is."""
        return self.legs[0].holder

    @property
    def gives(self) -> bool:
        """Whether the holder got it."""
        return self.legs[0].credit > 0


@dataclass
class Aside:
    """A hold."""

    account: int
    amount: int
    lapse_at: dt.datetime | None
    state: str = "open"


@dataclass
class Given:
    """An award; ``units`` by what counter they are in its caps."""

    account: int
    bearing: int
    legs: list[Leg]
    due: dt.datetime
    counters: list[tuple[UUID, str]]
    units: int
    state: str = "pending"


@dataclass
class Short:
    """What a decision could not take, and the line that it would have come from."""

    adjustment: UUID
    account: int
    place: int
    missing: int
    line: Line | None
    #: Taken so far.
    taken: int = 0


class Model:
    """Every account, hold and award of one database."""

    def __init__(self) -> None:
        self.purses: dict[int, Purse] = {}
        self.accounts: dict[UUID, dict[PointsKind, int]] = {}
        #: Credited, debited and standard of the system's accounts.
        self.system: dict[int, list[int]] = {}
        self.holds: dict[UUID, Aside] = {}
        self.awards: dict[UUID, Given] = {}
        self.lines: list[Line] = []
        #: What is missing, the oldest decision first.
        self.shorts: list[Short] = []
        self.used: dict[tuple[UUID, str], int] = {}
        self.closed: list[dt.date] = []
        self.rates: dict[tuple[int, int], tuple[UUID | None, int]] = {}
        #: Residents whose place ended, and who goes on in their stead.
        self.left: dict[UUID, UUID] = {}
        #: The largest sum that went from an account to another, and what of it arrived.
        self.carried: dict[tuple[int, int], tuple[int, int]] = {}
        #: Accounts that the step touched.
        self.changed: set[int] = set()

    def open(self, resident: UUID, community: int) -> None:
        """Know a resident's two accounts."""
        kinds: tuple[PointsKind, ...] = ("service", "basic")
        for kind in kinds:
            account = resident_account(resident, community, kind)
            self.purses[account] = Purse(resident, community, kind)
            self.accounts.setdefault(resident, {})[kind] = account

    def post(self, leg: Leg, year: int, *, back: bool = False, of: int = 0) -> None:
        """Post a transfer; ``back``: it undoes one; ``of``: it takes what came in that year."""
        for account, gets in ((leg.debit, False), (leg.credit, True)):
            self.changed.add(account)
            if account > 0:
                self._holder(
                    self.purses[account], leg.amount, of or year, gets=gets, back=back, of=of
                )
            else:
                sums = self.system.setdefault(account, [0, 0, 0])
                sums[0 if gets else 1] += leg.amount
                sums[2] += (leg.standard or 0) if gets else -(leg.standard or 0)

    @staticmethod
    def _holder(purse: Purse, amount: int, year: int, *, gets: bool, back: bool, of: int) -> None:
        purse.version += 1
        if gets and back:
            purse.debited -= amount
            purse.lots.come_back(amount)
        elif gets:
            purse.credited += amount
            purse.lots.earn(year, amount)
        else:
            purse.debited += amount
            if of:
                purse.lots.take_back(of, amount)
            else:
                purse.lots.spend(amount)

    def set_aside(self, identity: UUID, aside: Aside) -> None:
        """Hold points."""
        self.holds[identity] = aside
        self.purses[aside.account].lots.held += aside.amount
        self.changed.add(aside.account)

    def close_hold(self, identity: UUID, state: str) -> None:
        """Free what was held."""
        aside = self.holds[identity]
        aside.state = state
        self.purses[aside.account].lots.held -= aside.amount
        self.changed.add(aside.account)

    def open_holds(self) -> list[UUID]:
        """What is held now."""
        return [identity for identity, aside in self.holds.items() if aside.state == "open"]

    def settle(self, now: dt.datetime, year: int) -> int:
        """Post what is due; returns how many awards."""
        due = [
            (identity, given)
            for identity, given in self.awards.items()
            if given.state == "pending" and given.due <= now
        ]
        for identity, given in due:
            given.state = "done"
            for leg in given.legs:
                self.post(leg, year)
            journal = identity if len(given.legs) > 1 else None
            self.lines.append(
                Line(identity, journal, given.legs, place=given.bearing, award=identity, year=year)
            )
        return len(due)

    def free_caps(self, given: Given, units: int) -> None:
        """Let units be earned again, by who follows, too."""
        for who, counter in given.counters:
            place: UUID | None = who
            while place is not None:
                self.used[place, counter] -= units
                place = self.left.get(place)

    def undo(self, line: Line, amount: int, year: int) -> None:
        """Give a line back, or a part of what is left; what was given is taken back once."""
        parts = split_all(line.legs, amount, line.back)
        for leg in parts:
            if leg.amount:
                made = Leg(leg.credit, leg.debit, leg.amount, leg.standard)
                self.post(made, year, back=True, of=line.year)
        line.back = [
            Leg(leg.debit, leg.credit, leg.amount + had.amount, total(leg, had))
            for leg, had in zip(parts, line.back or nothing(line.legs), strict=True)
        ]
        line.undone = line.gives or not line.rest

    def collect(self, short: Short, amount: int, year: int) -> None:
        """Take what was missing: of a line, the difference of two splits."""
        short.missing -= amount
        if short.line is None:
            purse = self.purses[short.account]
            book = account_id("adjusted", purse.community, purse.kind)
            self.post(Leg(short.account, book, amount), year)
            return
        before = dict(enumerate(split_all(short.line.legs, short.taken)))
        for place, leg in enumerate(split_all(short.line.legs, short.taken + amount)):
            had = before[place]
            standard = (leg.standard or 0) - (had.standard or 0)
            if leg.amount > had.amount:
                made = Leg(leg.credit, leg.debit, leg.amount - had.amount, standard or None)
                self.post(made, year, of=short.line.year)
        short.taken += amount

    def collect_lapsing(self, account: int, marked: int, year: int) -> None:
        """Take of what would lapse what is missing, of any place that is or was their holder's."""
        for short in self.shorts:
            owing, of = self.purses[short.account], short.line.year if short.line else 0
            purse = self.purses[account]
            if self.last(purse.resident) != self.last(owing.resident) or owing.kind == "basic":
                continue
            due = purse.lots.due(marked)
            if of > marked or not short.missing or not due:
                continue
            amount = min(due, short.missing)
            if account != short.account:
                ours, theirs = FACES[owing.community], FACES[self.purses[account].community]
                most = -(-short.missing * ours // theirs)
                if most * theirs // ours > short.missing:
                    most -= 1
                most = min(due, most)
                if most * theirs < ours:
                    continue
                amount = self.move(account, short.account, most, year, of)
                way = account, short.account
                self.carried[way] = max(self.carried.get(way, (0, 0)), (most, amount))
            self.collect(short, amount, year)

    def lapse(self, marked: int, year: int) -> int:
        """Let what is left of a year lapse, but what is held; returns of how many accounts."""
        lapsed = 0
        for account, purse in sorted(self.purses.items()):
            if purse.kind == "basic":
                continue
            self.collect_lapsing(account, marked, year)
            due = purse.lots.due(marked)
            if due:
                expired = account_id("expired", purse.community, "service")
                self.post(Leg(account, expired, due), year)
                purse.runs.append([marked, due])
                lapsed += 1
        return lapsed

    def goes_on(self, source: UUID, target: UUID) -> None:
        """A place ended and leads to another, whose caps count on from what was used."""
        self.left[source] = target
        for kind, account in self.accounts[source].items():
            self.purses[account].after = len(self.purses[self.accounts[target][kind]].runs)
        for (who, counter), units in list(self.used.items()):
            if who == source:
                self.used[target, counter] = self.used.get((target, counter), 0) + units

    def last(self, resident: UUID) -> UUID:
        """Return the place that somebody has now."""
        while resident in self.left:
            resident = self.left[resident]
        return resident

    def carry(self, source: UUID, target: UUID, year: int) -> tuple[int, int]:
        """Everything goes to somebody else's accounts; return how much basic and service it was."""
        arrived: dict[str, int] = {}
        for kind, giving in self.accounts[source].items():
            taking, amount = self.accounts[target][kind], self.purses[giving].free
            arrived[kind] = self.move(giving, taking, amount, year)
            if arrived[kind]:
                went = self.carried.get((giving, taking), (0, 0))
                self.carried[giving, taking] = max(went, (amount, arrived[kind]))
        return arrived["basic"], arrived["service"]

    def follow(self, year: int) -> int:
        """What arrived late goes on to where people live now, unless points are held there."""
        followed = 0
        for resident in sorted(self.left):
            last = self.last(resident)
            old, new = (
                [self.purses[account] for account in self.accounts[each].values()]
                for each in (resident, last)
            )
            if any(purse.free for purse in old) and not any(each.lots.held for each in old + new):
                self.carry(resident, last, year)
                followed += 1
        return followed

    def bring_back(self, account: int, wanted: int, year: int, of: int) -> None:
        """What is to be taken of a place that ended comes from the place of now."""
        purse = self.purses[account]
        now = self.last(purse.resident)
        if now == purse.resident:
            return
        other = self.accounts[now][purse.kind]
        ours, theirs = FACES[purse.community], FACES[self.purses[other].community]
        missing = -(-(wanted - purse.free) * ours // theirs)
        self.move(other, account, min(self.purses[other].free, missing), year, of)

    def lapsed_of(self, account: int, year: int, amount: int) -> int:
        """Use up what lapsed of what arrived in a year, the oldest run first; how much it was.

        What went on lapsed where it had gone, whoever else's points were there, too.
        """
        ways, left = [(account, 1, 1)], amount
        since = 0
        while True:
            here, ours, theirs = ways[-1]
            purse = self.purses[here]
            for run in purse.runs[since:]:
                if run[0] >= year:
                    part = min(left, run[1] * ours // theirs)
                    run[1] -= -(-part * theirs // ours)
                    left -= part
            if purse.resident not in self.left:
                return amount - left
            since, target = purse.after, self.accounts[self.left[purse.resident]][purse.kind]
            # The largest sum that went there from any place before tells what is what.
            known = {
                self.carried[way[0], target]: way
                for way in ways
                if (way[0], target) in self.carried
            }
            gave, came = max(known, default=(1, 1))
            _, ours, theirs = known.get((gave, came), ways[-1])
            ways.append((target, ours * gave, theirs * came))

    def move(self, giving: int, taking: int, amount: int, year: int, of: int = 0) -> int:
        """So much goes to another account, service points with their age; return what arrives."""
        source, target = self.purses[giving], self.purses[taking]
        if amount <= 0:
            return 0
        if source.kind == "service":
            return self._move_service(giving, taking, amount, year, of)
        if source.community == target.community:
            self.post(Leg(giving, taking, amount), year)
        else:
            self.post(Leg(giving, account_id("issued", source.community, "basic"), amount), year)
            self.post(Leg(account_id("issued", target.community, "basic"), taking, amount), year)
        return amount

    def _move_service(self, giving: int, taking: int, amount: int, year: int, of: int) -> int:
        source, target = self.purses[giving], self.purses[taking]
        home, host = source.community, target.community
        moved = converted(
            [(of, amount)] if of else oldest(source.lots.live, amount), FACES[home], FACES[host]
        )
        arriving = sum(there for _, there in moved)
        old = [came for came, there in moved if there and came < year]
        if old:
            # What had been spent over there counts as older than what comes.
            target.lots.gone = [[min(came, old[0]), spent] for came, spent in target.lots.gone]
        if not arriving:
            self.post(Leg(giving, account_id("rounding", home, "service"), amount), year)
            return 0
        standard = -(-amount * FACES[home] // FACE_ONE)
        credit = taking if home == host else clearing(home, host)
        before = target.lots
        self.post(Leg(giving, credit, amount, None if home == host else standard), year, of=of)
        if home != host:
            self.post(Leg(clearing(host, home), taking, arriving, standard), year, of=of)
        if of:
            return arriving
        # It came as one sum; its age is that of its parts.
        _take_youngest(before, year, arriving)
        for came, there in moved:
            if there:
                before.earn(came, there)
        return arriving


def oldest(lots: Sequence[Sequence[int]], amount: int) -> list[tuple[int, int]]:
    """Return the lots that so much is taken of, the oldest first."""
    found = []
    for year, there in lots:
        found.append((year, min(there, amount)))
        amount -= found[-1][1]
    return found


def _take_youngest(lots: Lots, year: int, amount: int) -> None:
    """Undo what ``post`` has just earned as of this year."""
    last = max(place for place, lot in enumerate(lots.live) if lot[0] == year)
    assert lots.live[last][1] == amount
    lots.live.pop(last)


def converted(lots: Sequence[Sequence[int]], home: int, host: int) -> list[tuple[int, int]]:
    """Return lots in the other community's points: floors of running sums, nothing is lost."""
    found, total = [], 0
    for year, amount in lots:
        before = total * home // host
        total += amount
        found.append((year, total * home // host - before))
    return found


def nothing(legs: Sequence[Leg]) -> list[Leg]:
    """Return what came back of legs of which nothing did."""
    return [Leg(leg.debit, leg.credit, 0) for leg in legs]


def total(one: Leg, other: Leg) -> int:
    """Return the standard of both."""
    return (one.standard or 0) + (other.standard or 0)


def split_all(legs: Sequence[Leg], amount: int, back: Sequence[Leg] = ()) -> list[Leg]:
    """Return the share of each leg when this much of what is left comes back; some are nothing."""
    left = [leg.amount - had.amount for leg, had in zip(legs, back or nothing(legs), strict=True)]
    whole = sum(rest for leg, rest in zip(legs, left, strict=True) if leg.holder)
    shares = nothing(legs)
    running = 0
    for place, leg in enumerate(legs):
        if not leg.holder:
            continue
        share = amount * (running + left[place]) // whole - amount * running // whole
        running += left[place]
        standard = None
        for there, other in enumerate(legs):
            if other.holder or leg.standard is None or other.standard != leg.standard:
                continue
            if share:
                part = left[there] * share // left[place]
                rest = leg.standard - (back[place].standard or 0 if back else 0)
                standard = rest * part // left[there] or None
                shares[there] = Leg(other.debit, other.credit, part, standard)
        shares[place] = Leg(leg.debit, leg.credit, share, standard)
    return shares


def award_legs(account: int, home: int, bearing: int, kind: str, amount: int) -> list[Leg]:
    """Return what an award posts: at home one leg, else one in each book."""
    points_kind: PointsKind = "service" if kind == "service" else "basic"
    if home == bearing:
        return [Leg(account_id("issued", home, points_kind), account, amount)]
    standard = amount * FACES[bearing] // FACE_ONE
    return [
        Leg(clearing(home, bearing), account, amount * FACES[bearing] // FACES[home], standard),
        Leg(account_id("issued", bearing, "service"), clearing(bearing, home), amount, standard),
    ]
