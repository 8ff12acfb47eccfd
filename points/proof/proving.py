"""The live proof: what changed is checked every quarter of an hour, everything every night.

It runs the very queries of ``flask verify``; a WITH clause puts the rows that changed in the place
of the tables, so that a large district is not read through each time.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import Date, delete, func, literal, select, text, union_all
from sqlalchemy.dialects import postgresql, sqlite

from core.work import business_day, day_start, present, reading, transact
from points.closing import STILL_OPEN
from points.events import ProofFailed
from points.models import Proof
from points.proof.chain import Place
from points.proof.checks import WHOLE, Check, Found, Narrow, find
from points.proof.verify import one_snapshot

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.work import Work

QUARTER = 900
KEPT = dt.timedelta(days=35)
"""The page shows thirty days."""
OVERDUE = dt.timedelta(minutes=45)
"""Three looks that did not happen: whoever looks is not there any more."""

# A table's name inside its own clause means the table itself: SQLite has to be told which.
RECENT = "WITH recent AS (SELECT * FROM {0}transfers WHERE day >= :day AND posted_at >= :since),"
TABLES = {
    "rows": RECENT + " transfers AS (SELECT * FROM recent),"
    " awards AS (SELECT * FROM {0}awards WHERE done_at >= :since OR void_at >= :since"
    " OR id IN (SELECT source_id FROM recent WHERE act = 'award')),"
    " holds AS (SELECT * FROM {0}holds WHERE state = 'open' OR closed_at >= :since)",
    "accounts": RECENT + " touched AS (SELECT credit AS id FROM recent WHERE credit > 0"
    " UNION SELECT debit FROM recent WHERE debit > 0),"
    " accounts AS (SELECT * FROM {0}accounts WHERE id IN (SELECT id FROM touched)),"
    " transfers AS (SELECT lines.* FROM touched JOIN {0}transfers AS lines"
    " ON lines.credit = touched.id AND lines.credit > 0"
    " UNION SELECT lines.* FROM touched JOIN {0}transfers AS lines"
    " ON lines.debit = touched.id AND lines.debit > 0)",
    "days": "WITH transfers AS (SELECT * FROM {0}transfers WHERE day >= :day),"
    " account_folds AS (SELECT * FROM {0}account_folds WHERE day >= :day),"
    " account_deltas AS (SELECT * FROM {0}account_deltas WHERE day >= :day)",
}
ONLY = {"accounts": "WHERE what IN (SELECT id FROM accounts)"}
"""The other side of a touched account's line is not looked at whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """What one look at one invariant found."""

    check: str
    scope: str
    found: Found
    milliseconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepProofs:
    """What a round of looks found."""

    at: dt.datetime
    proofs: tuple[Proven, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How many invariants were proven, and how many of them are broken."""

    proven: int
    broken: int


def keep_proofs(work: Work, command: KeepProofs) -> Kept:
    """Keep a round of proofs, say what did not hold, and forget those of a month ago."""
    work.replayed()
    made = sqlite.insert if work.is_sqlite else postgresql.insert
    for each in command.proofs:
        first = each.found.first
        place = first or Place(table="", id="")
        work.connection.execute(
            made(Proof)
            .values(
                check=each.check,
                at=command.at,
                scope=each.scope,
                rows=each.found.rows,
                milliseconds=each.milliseconds,
                times=each.found.times,
                table=place.table if first else None,
                row=place.id if first else None,
                community=place.community,
                day=place.day,
            )
            # Two who look at the same moment see the same.
            .on_conflict_do_nothing(index_elements=["check", "at"]),
        )
        if each.found.times:
            work.publish(
                ProofFailed(check=each.check, community=place.community, times=each.found.times)
            )
    work.connection.execute(delete(Proof).where(Proof.at < command.at - KEPT))
    broken = sum(each.found.times > 0 for each in command.proofs)
    return Kept(proven=len(command.proofs), broken=broken)


def prove_all(checks: Sequence[Check]) -> Kept:
    """Prove every invariant on all there is."""
    now = present()
    with reading() as connection:
        _one_snapshot(connection)
        proofs = tuple(_prove(connection, check, WHOLE) for check in checks)
    return transact(keep_proofs, KeepProofs(at=now, proofs=proofs))


def prove_changes(checks: Sequence[Check]) -> Kept:
    """Prove every invariant on what changed since it was last proven.

    One that was never proven, or was broken at the last look, is proven on all there is.
    """
    now = present()
    with reading() as connection:
        _one_snapshot(connection)
        before = last_proofs(connection)
        proofs = []
        for check in checks:
            last = before.get(check.name)
            narrow = WHOLE
            if last is not None and not last.times:
                if check.changed == "night":
                    continue
                narrow = narrowed(connection, check, last.at - STILL_OPEN, now)
            proofs.append(_prove(connection, check, narrow))
    return transact(keep_proofs, KeepProofs(at=now, proofs=tuple(proofs)))


def _one_snapshot(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        one_snapshot(connection)


def narrowed(connection: Connection, check: Check, since: dt.datetime, now: dt.datetime) -> Narrow:
    """Return what of a check's tables has to be looked at again."""
    turn = int(now.timestamp()) // QUARTER
    if check.changed not in TABLES:
        return Narrow(turn=turn)
    itself = "main." if connection.dialect.name == "sqlite" else ""
    values: dict[str, object] = {"day": business_day(since)}
    if ":since" in TABLES[check.changed]:
        values["since"] = since
    return Narrow(
        tables=TABLES[check.changed].replace("{0}", itself),
        only=ONLY.get(check.changed, ""),
        values=values,
    )


def _prove(connection: Connection, check: Check, narrow: Narrow) -> Proven:
    began = time.monotonic()
    found = find(connection, check, narrow)
    if check.find is None:
        rows = connection.scalar(
            text(f"{narrow.tables} SELECT count(*) FROM {check.table}").bindparams(*narrow.typed()),
        )
        found = replace(found, rows=int(rows or 0))
    return Proven(
        check=check.name,
        scope="all" if narrow is WHOLE else "changed",
        found=found,
        milliseconds=round((time.monotonic() - began) * 1000),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LastProof:
    """When an invariant was last looked at, and what was found."""

    check: str
    at: dt.datetime
    scope: str
    rows: int
    milliseconds: int
    times: int
    table: str | None
    row: str | None
    community: int | None
    day: dt.date | None


def last_proofs(connection: Connection, scope: str = "") -> dict[str, LastProof]:
    """Return the newest proof of each invariant by its name, of one scope or of any."""
    newest = select(Proof.check, func.max(Proof.at).label("at")).group_by(Proof.check)
    if scope:
        newest = newest.where(Proof.scope == scope)
    last = newest.subquery()
    columns = [Proof.__table__.c[name] for name in LastProof.__slots__]
    rows = connection.execute(
        select(*columns).join(last, (last.c.check == Proof.check) & (last.c.at == Proof.at)),
    )
    return {row.check: LastProof(**row._mapping) for row in rows}  # noqa: SLF001 - Row API


def broken_proofs(connection: Connection, since: dt.datetime) -> list[LastProof]:
    """Return the looks since a moment that found something broken, newest first."""
    columns = [Proof.__table__.c[name] for name in LastProof.__slots__]
    rows = connection.execute(
        select(*columns)
        .where(Proof.times > 0, Proof.at >= since)
        .order_by(Proof.at.desc(), Proof.check),
    )
    return [LastProof(**row._mapping) for row in rows]  # noqa: SLF001 - Row API


def days_proven(connection: Connection, first: dt.date, last: dt.date) -> dict[str, set[dt.date]]:
    """Return on which days, both ends included, each invariant was looked at."""
    # Thousands of looks a day: the database makes one of those of an invariant.
    count = (last - first).days + 1
    days = (first + dt.timedelta(days=each) for each in range(count))
    looks = (
        select(Proof.check, literal(day, Date()).label("day"))
        .where(Proof.at >= day_start(day), Proof.at < day_start(day + dt.timedelta(days=1)))
        .distinct()
        for day in days
    )
    found: dict[str, set[dt.date]] = {}
    for row in connection.execute(union_all(*looks)):
        found.setdefault(row.check, set()).add(row.day)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What the last looks say: how many invariants did not hold, when, and whether it is still so.

    ``silent``: nobody has looked for so long that what held then says nothing of now.
    """

    broken: int
    at: dt.datetime | None
    silent: bool


def watch(last: dict[str, LastProof], now: dt.datetime) -> Watch:
    """Tell how the live proof stands; before its first look it is not silent, it has not begun."""
    at = max((each.at for each in last.values()), default=None)
    return Watch(
        broken=sum(each.times > 0 for each in last.values()),
        at=at,
        silent=at is not None and now - at > OVERDUE,
    )
