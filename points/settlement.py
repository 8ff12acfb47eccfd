"""Settlement: due awards become transfers, in chunks, each marked done in the same transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select, text, update

from core.work import transact
from points.ledger import refuse_closed_day
from points.models import Account
from points.models import Award as AwardRow

if TYPE_CHECKING:
    from core.work import Work

CHUNK = 5_000
"""Awards of one transaction: locks are held for about 0.15 s, larger chunks gain little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """Settle one chunk of what is due now."""

    chunk: int = CHUNK


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """How many awards of the chunk were posted."""

    awards: int


# Everything of a batch is found by its id, so no list of ids travels between the statements.
BATCH = "awards.batch = :v_batch AND awards.state = 'done'"

CREDIT = text(
    "UPDATE accounts SET credited = credited + s.total, version = version + s.postings"
    " FROM (SELECT account, sum(amount) AS total, count(*) AS postings FROM awards"
    f" WHERE {BATCH} GROUP BY account) AS s WHERE accounts.id = s.account",
)
# The account stands as it is after the batch: counting back from there gives each row its balance.
# System accounts have negative ids; a planner that is not told so reads a million of holders'.
TRANSFERS = text(
    "INSERT INTO transfers (id, act, points_kind, community, debit, credit, amount, credit_balance,"
    " credit_version, standard, event_at, posted_at, day, journal, source_kind, source_id, actor)"
    " SELECT awards.id, 'award', awards.points_kind, awards.community, debits.id, awards.account,"
    " awards.amount,"
    " accounts.credited - accounts.debited - sum(awards.amount) OVER later + awards.amount,"
    " accounts.version - count(*) OVER later + 1,"
    " awards.standard, awards.event_at, :v_now, :v_day,"
    " CASE WHEN awards.host_transfer IS NULL THEN NULL ELSE awards.id END,"
    " 'award', awards.id, awards.recorded_by"
    " FROM awards JOIN accounts ON accounts.id = awards.account"
    " JOIN accounts AS debits ON debits.id < 0 AND debits.community = awards.community"
    " AND debits.points_kind = awards.points_kind"
    " AND debits.purpose = CASE WHEN awards.host_transfer IS NULL THEN 'issued' ELSE 'clearing' END"
    " AND debits.counterpart = CASE WHEN awards.host_transfer IS NULL THEN 0"
    " ELSE awards.bearing END"
    f" WHERE {BATCH}"
    " WINDOW later AS (PARTITION BY awards.account ORDER BY awards.event_at DESC, awards.id DESC"
    " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
)
HOST_TRANSFERS = text(
    "INSERT INTO transfers (id, act, points_kind, community, debit, credit, amount, standard,"
    " event_at, posted_at, day, journal, source_kind, source_id, actor)"
    " SELECT awards.host_transfer, 'award', 'service', awards.bearing, issued.id, clearing.id,"
    " awards.host_amount, awards.standard, awards.event_at, :v_now, :v_day, awards.id, 'award',"
    " awards.id, awards.recorded_by FROM awards"
    " JOIN accounts AS issued ON issued.id < 0 AND issued.community = awards.bearing"
    " AND issued.purpose = 'issued' AND issued.points_kind = 'service'"
    " JOIN accounts AS clearing ON clearing.id < 0 AND clearing.community = awards.bearing"
    " AND clearing.purpose = 'clearing' AND clearing.counterpart = awards.community"
    f" WHERE {BATCH} AND awards.host_transfer IS NOT NULL",
)
DELTAS = text(
    "INSERT INTO account_deltas (cause, account, day, credited, debited, standard)"
    " SELECT :v_batch, account, :v_day, sum(credited), sum(debited), sum(standard) FROM ("
    "SELECT transfers.debit AS account, 0 AS credited, transfers.amount AS debited,"
    " -coalesce(transfers.standard, 0) AS standard FROM awards"
    f" JOIN transfers ON transfers.id = awards.id WHERE {BATCH}"
    " UNION ALL SELECT transfers.debit, 0, transfers.amount, -coalesce(transfers.standard, 0)"
    " FROM awards JOIN transfers ON transfers.id = awards.host_transfer"
    f" WHERE {BATCH} AND awards.host_transfer IS NOT NULL"
    " UNION ALL SELECT transfers.credit, transfers.amount, 0, coalesce(transfers.standard, 0)"
    " FROM awards JOIN transfers ON transfers.id = awards.host_transfer"
    f" WHERE {BATCH} AND awards.host_transfer IS NOT NULL"
    ") AS sides GROUP BY account",
)


def settle_chunk(work: Work, command: Settle) -> Settled:
    """Post a chunk of due awards and mark them done, both or neither.

    Any number of schedulers may do this at once: on PostgreSQL each takes other awards, SQLite
    has one writer. Raises DayClosed (tried again at a later moment).
    """
    refuse_closed_day(work)
    batch = work.new_id()
    awards = _mark(work, batch, command.chunk)
    if awards == 0:
        work.replayed()
        return Settled(awards=0)
    _lock(work, batch)
    values = work.bind(v_batch=batch, v_now=work.now, v_day=work.day)
    work.connection.execute(CREDIT, values)
    work.connection.execute(TRANSFERS, values)
    work.connection.execute(HOST_TRANSFERS, values)
    work.connection.execute(DELTAS, values)
    return Settled(awards=awards)


def _mark(work: Work, batch: UUID, chunk: int) -> int:
    """Mark a chunk done under the batch's id; returns how many."""
    due = (
        select(AwardRow.id)
        .where(AwardRow.state == "pending", AwardRow.due <= work.now)
        .order_by(AwardRow.due, AwardRow.account)
        .limit(chunk)
    )
    if not work.is_sqlite:
        due = due.with_for_update(skip_locked=True)
    marked = work.connection.execute(
        update(AwardRow)
        .where(AwardRow.id.in_(due.scalar_subquery()))
        .values(state="done", done_at=work.now, batch=batch)
        .execution_options(synchronize_session=False),
    )
    return int(marked.rowcount)


def _lock(work: Work, batch: UUID) -> None:
    """Lock the accounts in id order, before a later statement reads them."""
    if not work.is_sqlite:
        accounts = select(AwardRow.account).where(AwardRow.batch == batch)
        work.connection.execute(
            select(Account.id)
            .where(Account.id.in_(accounts))
            .order_by(Account.id)
            .with_for_update(key_share=True),
        ).all()


def settle_due(chunk: int = CHUNK) -> int:
    """Settle all that is due, chunk by chunk; returns how many awards it was."""
    total = 0
    while True:
        settled = transact(settle_chunk, Settle(chunk=chunk)).awards
        total += settled
        if settled == 0:
            return total
