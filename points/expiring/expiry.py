"""Expiry: when a year is closed, what its mark leaves lapses, in chunks by account id.

A run of each December lapses the year; the runs of the other months lapse what came back since
(docs/decisions/009). Until its run, what is due can still be spent, and is spent first.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from core.ids import milliseconds, uuid8, uuid8_numbered
from core.models import BusinessDay
from core.work import business_day, present, reading, transact
from points.accounts import account_id, resident_account
from points.events import PointsLapse
from points.expiring.lapsing import end_of, ended_year, marked_year, month_end
from points.ledger import Leg, Spending, free_of, refuse_closed_day, spend
from points.models import Account, AccountEnd, ExpiryMark, ExpiryRun

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from core.work import Work

CHUNK = 5_000
"""Accounts of one transaction; docs/decisions/009 has the measurement."""

TAG = 0xE
"""What tells the ids of expiry from other numbered ones."""

VARIANT = -(1 << 63)
CALENDAR, ENDED = "expiry", "account_end"
"""Sources of transfers of expiry: a run, or the end of one account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LapseChunk:
    """Lapse the next accounts of the run of a closed month's last day."""

    day: dt.date
    chunk: int = CHUNK


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapsed:
    """How many accounts, and centipoints; whether the run is at its end."""

    accounts: int
    amount: int
    finished: bool


def lapse_id(account: int, day: dt.date) -> UUID:
    """Return the id of what lapses of an account in the run of a day."""
    return uuid8_numbered(end_of(day), TAG, account)


DUE = (
    "SELECT accounts.id, accounts.community, accounts.version + 1 AS version,"
    " expiry_marks.credited - accounts.debited - accounts.held AS amount,"
    " accounts.credited - expiry_marks.credited + accounts.held AS balance"
    " FROM expiry_marks JOIN accounts ON accounts.id = expiry_marks.account"
    " WHERE expiry_marks.year = :v_marked"
    " AND expiry_marks.account > :v_upto AND expiry_marks.account <= :v_bound"
    " AND accounts.id > :v_upto AND accounts.id <= :v_bound"
    " AND expiry_marks.credited > accounts.debited + accounts.held"
    " AND NOT EXISTS (SELECT 1 FROM account_ends WHERE account_ends.account = accounts.id)"
    " ORDER BY accounts.id"
)
COLUMNS = (
    "id, act, points_kind, community, debit, credit, amount, debit_balance, debit_version,"
    " event_at, posted_at, day, source_kind, source_id, actor"
)
LINES = (
    "SELECT {identity}, 'expiry', 'service', due.community, due.id, expired.id, due.amount,"
    " due.balance, due.version, :v_event_at, :v_now, :v_day, 'expiry', :v_run, :v_actor"
    " FROM {due} JOIN accounts AS expired ON expired.id < 0 AND expired.community = due.community"
    " AND expired.purpose = 'expired' AND expired.points_kind = 'service'"
)
# A UUID of version 8 as core.ids.uuid8_numbered makes it.
POSTGRESQL_ID = (
    "CAST(lpad(to_hex(CAST(:v_ms AS bigint)), 12, '0') || '800' ||"
    " to_hex(CAST(:v_tag AS integer)) || to_hex(due.id | CAST(:v_variant AS bigint)) AS uuid)"
)
SQLITE_ID = "printf('%012x800%x%016x', :v_ms, :v_tag, due.id | :v_variant)"
# One statement: what a lock had to wait for is read again, and each row is locked in id order, its
# mark after it: whoever held the account may have moved the mark, too.
POSTGRESQL = text(
    f"WITH due AS MATERIALIZED ({DUE} FOR NO KEY UPDATE OF accounts, expiry_marks),"
    " gone AS (UPDATE accounts SET debited = accounts.debited + due.amount,"
    " version = due.version FROM due WHERE accounts.id = due.id RETURNING due.*),"
    f" posted AS (INSERT INTO transfers ({COLUMNS})"
    f" {LINES.format(identity=POSTGRESQL_ID, due='gone AS due')} RETURNING debit, credit, amount),"
    " told AS (INSERT INTO account_deltas (cause, account, day, credited, debited, standard)"
    " SELECT :v_batch, credit, :v_day, sum(amount), 0, 0 FROM posted GROUP BY credit)"
    " SELECT count(*) AS accounts, coalesce(sum(amount), 0) AS amount FROM posted",
)
# What this chunk made: the ids of a run stand in the order of its accounts.
MADE = "id > :v_after AND id <= :v_until"
SQLITE = (
    text(
        f"INSERT INTO transfers ({COLUMNS})"
        f" {LINES.format(identity=SQLITE_ID, due=f'({DUE}) AS due')}",
    ),
    text(
        "UPDATE accounts SET debited = debited + lapsed.amount, version = version + 1"
        f" FROM (SELECT debit, amount FROM transfers WHERE {MADE}) AS lapsed"
        " WHERE id = lapsed.debit",
    ),
    text(
        "INSERT INTO account_deltas (cause, account, day, credited, debited, standard)"
        f" SELECT :v_batch, credit, :v_day, sum(amount), 0, 0 FROM transfers WHERE {MADE}"
        " GROUP BY credit",
    ),
)
SQLITE_SUM = text(
    f"SELECT count(*) AS accounts, coalesce(sum(amount), 0) AS amount FROM transfers WHERE {MADE}",
)


BOUND = select(
    func.max(
        select(ExpiryMark.account)
        .where(ExpiryMark.year == bindparam("v_marked"), ExpiryMark.account > bindparam("v_upto"))
        .order_by(ExpiryMark.account)
        .limit(bindparam("v_chunk"))
        .subquery()
        .c.account
    )
)
RUN = (
    select(ExpiryRun.__table__)
    .where(ExpiryRun.stage == bindparam("v_stage"), ExpiryRun.day == bindparam("v_day"))
    .with_for_update()
)
BEGIN = {
    is_sqlite: insert(ExpiryRun).on_conflict_do_nothing(index_elements=["stage", "day"])
    for is_sqlite, insert in ((True, sqlite.insert), (False, postgresql.insert))
}
"""By whether the database is embedded."""

ADVANCE = (
    update(ExpiryRun)
    .where(ExpiryRun.id == bindparam("v_id"))
    .values(
        upto=bindparam("v_upto"),
        accounts=ExpiryRun.accounts + bindparam("v_accounts"),
        amount=ExpiryRun.amount + bindparam("v_amount"),
    )
)
FINISH = (
    update(ExpiryRun)
    .where(ExpiryRun.id == bindparam("v_id"))
    .values(finished_at=bindparam("v_now"))
)


def lapse_chunk(work: Work, command: LapseChunk) -> Lapsed:
    """Lapse the next accounts of a run, and note how far it came, both or neither.

    Any number of schedulers may do this at once: the run's row lets one go on at a time.
    Nothing lapses twice. Raises DayClosed (tried again at a later moment).
    """
    refuse_closed_day(work)
    marked = marked_year(work.connection, ended_year(command.day), work.now)
    run = None if marked is None else going_on(work, "lapse", command.day, marked)
    if run is None:
        work.replayed()
        return Lapsed(accounts=0, amount=0, finished=True)
    bound = _bound(work, run, command.chunk)
    if bound is None:
        advance(work, run, None, 0, 0)
        return Lapsed(accounts=0, amount=0, finished=True)
    work.publish(PointsLapse(after=run.upto, upto=bound, marked=run.marked))
    values = work.bind(
        v_marked=run.marked,
        v_upto=run.upto,
        v_bound=bound,
        v_ms=milliseconds(end_of(command.day)),
        v_tag=TAG,
        v_variant=VARIANT,
        v_event_at=end_of(command.day),
        v_now=work.now,
        v_day=work.day,
        v_run=run.id,
        v_batch=work.new_id(),
        v_after=lapse_id(run.upto, command.day),
        v_until=lapse_id(bound, command.day),
        v_actor=work.actor.person,
    )
    done = _post(work, values)
    advance(work, run, bound, done.accounts, int(done.amount))
    return Lapsed(accounts=done.accounts, amount=int(done.amount), finished=False)


def _bound(work: Work, run: Row[Any], chunk: int) -> int | None:
    """Return the last account of the next chunk of marks; None: there is none left."""
    values = {"v_marked": run.marked, "v_upto": run.upto, "v_chunk": chunk}
    bound: int | None = work.connection.scalar(BOUND, values)
    return bound


def _post(work: Work, values: dict[str, object]) -> Row[Any]:
    if not work.is_sqlite:
        return work.connection.execute(POSTGRESQL, values).one()
    for statement in SQLITE:
        work.connection.execute(statement, values)
    return work.connection.execute(SQLITE_SUM, values).one()


def going_on(work: Work, stage: str, day: dt.date, marked: int) -> Row[Any] | None:
    """Return a run that is not finished, its row locked; it begins where nobody had begun it."""
    begun = {
        "stage": stage,
        "day": day,
        "id": uuid8(end_of(day), "expiry", stage),
        "marked": marked,
        "begun_at": work.now,
    }
    work.connection.execute(BEGIN[work.is_sqlite], begun)
    run = work.connection.execute(RUN, {"v_stage": stage, "v_day": day}).one()
    return run if run.finished_at is None else None


def advance(work: Work, run: Row[Any], upto: int | None, accounts: int, amount: int) -> None:
    """Note how far a run came; where nothing was left, it is finished."""
    if upto is None:
        work.connection.execute(FINISH, {"v_id": run.id, "v_now": work.now})
        return
    came = {"v_id": run.id, "v_upto": upto, "v_accounts": accounts, "v_amount": amount}
    work.connection.execute(ADVANCE, came)


def due_days(connection: Connection) -> list[dt.date]:
    """Return the closed months' last days since the last finished run, in order."""
    last = connection.scalar(
        select(func.max(ExpiryRun.day)).where(
            ExpiryRun.stage == "lapse", ExpiryRun.finished_at.is_not(None)
        ),
    )
    closed = select(BusinessDay.day).order_by(BusinessDay.day)
    if last is not None:
        closed = closed.where(BusinessDay.day > last)
    return [day for day in connection.scalars(closed) if day == month_end(day)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LapseAccount:
    """Lapse what is free of a resident's service points, whose own last day is over."""

    resident: UUID
    community: int


def lapse_account(work: Work, command: LapseAccount) -> Lapsed:
    """Lapse an account whole; what is still held lapses on the day after it comes back."""
    account = resident_account(command.resident, command.community, "service")
    version = select(Account.version).where(Account.id == account)
    before = work.connection.scalar(version)
    work.publish(PointsLapse(after=account - 1, upto=account, marked=None))
    amount = free_of(work, account)
    identity = uuid8(end_of(work.day), ENDED, account)
    spending = Spending(
        account=account,
        community=command.community,
        event_at=work.now,
        source_kind=ENDED,
        source_id=identity,
        journal=identity,
    )
    credit = account_id("expired", command.community, "service")
    leg = Leg(id=identity, act="expiry", credit=credit, amount=amount)
    if amount == 0 or not spend(work, spending, [leg]):
        if work.connection.scalar(version) == before:
            work.replayed()
        return Lapsed(accounts=0, amount=0, finished=True)
    return Lapsed(accounts=1, amount=amount, finished=True)


def ended_holders(
    connection: Connection, today: dt.date, upto: int, limit: int
) -> Sequence[Row[int, UUID, int]]:
    """Return the next accounts, with resident and community, whose own last day is over."""
    return connection.execute(
        select(Account.id, Account.holder_id, Account.community)
        .join(AccountEnd, AccountEnd.account == Account.id)
        .where(
            Account.id > upto,
            AccountEnd.lapse_on < today,
            Account.credited - Account.debited - Account.held > 0,
        )
        .order_by(Account.id)
        .limit(limit),
    ).all()


def expire_points(chunk: int = CHUNK) -> int:
    """Lapse all that is due, chunk by chunk; returns how many accounts it was."""
    with reading() as connection:
        days = due_days(connection)
    total = 0
    for day in days:
        while not (done := transact(lapse_chunk, LapseChunk(day=day, chunk=chunk))).finished:
            total += done.accounts
    return total + _expire_ended(chunk)


def _expire_ended(chunk: int) -> int:
    today = business_day(present())
    total = upto = 0
    while True:
        with reading() as connection:
            ended = ended_holders(connection, today, upto, chunk)
        for row in ended:
            command = LapseAccount(resident=row.holder_id, community=row.community)
            total += transact(lapse_account, command).accounts
        if len(ended) < chunk:
            return total
        upto = ended[-1].id
