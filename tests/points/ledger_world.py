"""One database and the model of it: runs a step in both, and compares what the step touched."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, insert, select, text

from core.acts import SYSTEM, Actor, Role
from core.errors import AppError
from core.work import SHANGHAI, Work, reading, transact
from exchange.models import (
    DiscountRate,
    FaceValue,
    Item,
    Order,
    OrderLine,
    OrderPayment,
    Station,
    Stock,
)
from points import holds, ledger
from points.accounts import open_clearing
from points.earning.rules import Rule
from points.expiring.expiry import expire_points
from points.models import Account, Award, Hold
from points.proof.verify import CHECKS, broken
from residents.households import Known, Member, add_members
from residents.models import Resident
from tests.conftest import Stage
from tests.people import HERE, THERE
from tests.points.books import Nothing, appointed
from tests.points.calendar import close, ends, hangzhou, holds_true
from tests.points.earning import HOUR, JOIN
from tests.points.ledger_model import FACE_ONE, FACES, Model

PEOPLE = 6
HOMES = [HERE if place % 3 else THERE for place in range(PEOPLE)]
EVERYTHING_EVERY = 50
FULL = 450
"""Steps after which a database is put away: with those who moved in, each year's end and each look
at everything takes longer."""

QUICK = tuple(check for check in CHECKS if check.find is None)
RULES: dict[str, Rule] = {"service": HOUR, "basic": JOIN}

TOTALS = text(
    "SELECT id, credited, debited, held, version FROM accounts WHERE id IN :ids"
).bindparams(bindparam("ids", expanding=True))
SYSTEM_SUMS = text(
    "SELECT account, sum(credited), sum(debited), sum(standard) FROM ("
    "SELECT account, credited, debited, standard FROM account_folds WHERE account IN :ids"
    " UNION ALL SELECT account, credited, debited, standard FROM account_deltas"
    " WHERE account IN :ids) AS parts GROUP BY account"
).bindparams(bindparam("ids", expanding=True))


def released(work: Work, hold: UUID) -> bool:
    """Release a hold."""
    return holds.release(work, hold)


def captured(work: Work, command: tuple[UUID, ledger.Spending, list[ledger.Leg]]) -> bool:
    """Capture a hold."""
    return holds.capture(work, *command)


def spent(
    work: Work, command: tuple[ledger.Spending, list[ledger.Leg], list[ledger.Posting]]
) -> bool:
    """Spend, with what the other community's book says."""
    spending, legs, postings = command
    for posting in postings:
        open_clearing(work, spending.community, posting.community)
    done = ledger.spend(work, spending, legs)
    for posting in postings:
        ledger.post(work, posting)
    return done


def bought(
    work: Work, command: tuple[ledger.Spending, list[ledger.Leg], list[ledger.Posting]]
) -> bool:
    """Spend for an order that was collected; over there what the other community's book says."""
    spending, legs, postings = command
    done = spent(work, command)
    return done and _ordered(work, spending, legs, postings)


def fetched(work: Work, command: tuple[UUID, ledger.Spending, list[ledger.Leg]]) -> bool:
    """Capture the hold of an order that was collected."""
    _hold, spending, legs = command
    return captured(work, command) and _ordered(work, spending, legs, [])


def _ordered(
    work: Work,
    spending: ledger.Spending,
    legs: list[ledger.Leg],
    postings: list[ledger.Posting],
) -> bool:
    """Write the order that something was spent for; returns True."""
    place = (
        select(Resident.id, Resident.person, Resident.household)
        .join(Account, Account.holder_id == Resident.id)
        .where(Account.id == spending.account)
    )
    resident, person, household = work.connection.execute(place).one()
    cost = sum(leg.amount for leg in legs)
    host = postings[0].community if postings else spending.community
    order = Order(
        id=spending.source_id,
        key=str(spending.source_id),
        station=UUID(int=host),
        host=host,
        home=spending.community,
        resident=resident,
        ordered_by=person,
        channel="phone",
        state="collected",
        price=sum(posting.amount for posting in postings) or cost,
        par=legs[0].amount,
        exact=cost,
        cost=cost,
        rate=FACE_ONE,
        face_home=FACES[spending.community],
        face_host=FACES[host],
        difference="retired",
        standard=legs[0].standard or cost,
        submitted_at=spending.event_at,
        closed_at=work.now,
    )
    work.session.add(order)
    work.session.flush()
    share = OrderPayment(
        order=order.id,
        account=spending.account,
        amount=cost,
        payer=person,
        payer_household=household,
        taken_at=work.now,
    )
    line = OrderLine(order=order.id, item=order.station, name="抽纸", quantity=1, price=order.price)
    work.session.add_all([share, line])
    return True


def new_rate(work: Work, command: tuple[int, int, int]) -> UUID:
    """Let a pair of communities have another rate from now on."""
    home, host, rate = command
    identity = work.new_id()
    row = {
        "id": identity,
        "scope": "pair",
        "home": home,
        "host": host,
        "rate": rate,
        "valid_from": work.now,
        "document": "通兑办法",
        "proposed_by": UUID(int=1),
        "confirmed_by": UUID(int=2),
        "created_at": work.now,
    }
    work.connection.execute(insert(DiscountRate), [row])
    return identity


def begun(work: Work, value: int) -> Nothing:
    """Let points from elsewhere be worth so much, for good, and somebody work at each desk."""
    begins = dt.date(2026, 1, 1)
    row = FaceValue(community=THERE, valid_from=begins, value=value, set_by=SYSTEM.person)
    work.session.add(row)
    for community in (HERE, THERE):
        station = Station(
            id=UUID(int=community),
            community=community,
            name="积分驿站",
            address="",
            hours="",
            opened_on=begins,
        )
        item = Item(
            id=station.id,
            station=station.id,
            community=community,
            name="抽纸",
            category="日用",
            price=100,
            source="社区基金",
            home_first_days=0,
            foreign_share_percent=100,
            note="",
            state="listed",
        )
        work.session.add(station)
        work.session.flush()
        work.session.add(item)
        work.session.flush()
        work.session.add(Stock(item=item.id))
        for clerk in (desk(community, "staff"), desk(community, "lead")):
            appointed(work, clerk.person, clerk.role, community)
    return Nothing()


def desk(community: int, role: Role) -> Actor:
    """Somebody who works at a community's desk, and lives elsewhere."""
    person = UUID(int=community * 10 + (role == "lead"))
    return Actor(person=person, role=role, scope_kind="community", place=community, name="社工")


class World:
    """A database with its model; machines come and go, each with people of its own."""

    def __init__(self, stage: Stage, prepare: Callable[[], None] = lambda: None) -> None:
        #: What every new database goes through.
        self.prepare = prepare
        self.stage, self.app, self.clock = stage, stage.app, stage.clock
        self.model = Model()
        self.numbers = itertools.count(1_000_000)
        #: All steps, those on this database, and those refused.
        self.steps = self.here = self.refusals = 0
        self.acts: Counter[str] = Counter()
        #: Whether the last step ended well: after a failure the next example begins anew.
        self.whole = True
        #: The first thing that did not agree: repeated in another year, an example may differ.
        self.broke: Exception | None = None

    @property
    def year(self) -> int:
        """The year in Hangzhou."""
        return self.clock.now.astimezone(SHANGHAI).year

    def new_id(self) -> UUID:
        """An id that nothing has yet."""
        return UUID(int=next(self.numbers))

    def people(self) -> list[Known]:
        """Let people move in; where the database is full, into a new one."""
        if not self.whole or self.here > FULL:
            self.stage.reset()
            self.prepare()
            self.model, self.here, self.whole = Model(), 0, True
        if not self.model.purses:
            self.told(None, begun, FACES[THERE])
        self.later(60)
        added: list[Known] = []
        for community in (HERE, THERE):
            places = [place for place in range(PEOPLE) if HOMES[place] == community]
            members = [Member(name=f"居民{next(self.numbers)}") for _ in places]
            self.told(None, lambda work, each: self._enter(work, each, added), (community, members))
        found = iter(added)
        ordered: dict[int, Known] = {}
        for community in (HERE, THERE):
            for place in range(PEOPLE):
                if HOMES[place] == community:
                    ordered[place] = next(found)
        for place, known in ordered.items():
            self.model.open(known.resident, HOMES[place])
        return [ordered[place] for place in range(PEOPLE)]

    def enter(self, community: int) -> UUID:
        """Let somebody move in; the model knows them."""
        added: list[Known] = []
        command = community, [Member(name=f"居民{next(self.numbers)}")]
        self.told(None, lambda work, each: self._enter(work, each, added), command)
        self.model.open(added[0].resident, community)
        return added[0].resident

    @staticmethod
    def _enter(work: Work, command: tuple[int, list[Member]], added: list[Known]) -> Nothing:
        community, members = command
        added += add_members(work, community, members, state="confirmed")
        return Nothing()

    def later(self, minutes: int) -> None:
        """Let time pass, but not into another year."""
        last = hangzhou(self.year, 12, 31, 23)
        wished = self.clock.now + dt.timedelta(minutes=minutes)
        self.clock.set(wished if wished < last else self.clock.now + dt.timedelta(seconds=1))

    def told(
        self,
        expected: type[AppError] | None,
        use_case: Callable[[Work, Any], Any],
        command: object,
        actor: Actor = SYSTEM,
    ) -> Any:
        """Run a use case; it has to be refused by exactly this refusal, or by none."""
        refused = None
        try:
            answer: Any = transact(use_case, command, actor)
        except AppError as refusal:
            answer = refused = refusal
        assert expected is (type(refused) if refused else None), (answer, expected)
        self.refusals += refused is not None
        return answer

    def lapse_after(self, day: dt.date, chunk: int) -> int:
        """Close a month's last day, and let lapse what is due."""
        close(self.app, self.clock, day, at=max(self.clock.now, _half_past(day)))
        self.model.closed.append(day)
        self.clock.advance(minutes=30)
        return expire_points(chunk)

    def compare(self, act: str) -> None:
        """What the step touched is what the model says; now and then, everything is."""
        self.acts[act] += 1
        self.steps += 1
        self.here += 1
        with reading() as connection:
            if self.steps % EVERYTHING_EVERY == 0:
                self.everything(connection)
                return
            touched = self.model.changed
            holders = [account for account in touched if account > 0]
            seen = {row[0]: tuple(row[1:]) for row in connection.execute(TOTALS, {"ids": holders})}
            assert seen == {account: self.model.purses[account].totals for account in holders}
            books = [account for account in touched if account < 0]
            if books:
                sums = connection.execute(SYSTEM_SUMS, {"ids": books})
                assert {row[0]: [int(each) for each in row[1:]] for row in sums} == {
                    account: self.model.system[account] for account in books
                }

    def everything(self, connection: Connection) -> None:
        """All accounts with their age, books, holds and awards; and the product's own checks."""
        model = self.model
        rows = connection.execute(
            select(
                Account.id, Account.credited, Account.debited, Account.held, Account.version
            ).where(Account.version > 0)
        )
        assert {row[0]: tuple(row[1:]) for row in rows} == {
            account: purse.totals for account, purse in model.purses.items() if purse.version
        }
        sums = connection.execute(SYSTEM_SUMS, {"ids": list(model.system)})
        assert {row[0]: [int(each) for each in row[1:]] for row in sums} == model.system
        holds_now = {row.id: row.state for row in connection.execute(select(Hold.id, Hold.state))}
        assert holds_now == {identity: aside.state for identity, aside in model.holds.items()}
        awards_now = {
            row.id: row.state for row in connection.execute(select(Award.id, Award.state))
        }
        assert awards_now == {identity: given.state for identity, given in model.awards.items()}
        recent = list(model.purses.items())[-2 * PEOPLE :]
        for account, purse in recent:
            if purse.kind == "service":
                coming = ends(connection, self.clock.now, account).by_year_end
                assert coming == purse.lots.due(self.year - 1), account
        assert [each.example for each in broken(connection, QUICK)] == []

    def finish(self) -> None:
        """Look at everything once more, with days sealed."""
        with reading() as connection:
            self.everything(connection)
        holds_true(self.app)


def _half_past(day: dt.date) -> dt.datetime:
    after = day + dt.timedelta(days=1)
    return hangzhou(after.year, after.month, after.day, 0, 30)
