"""Warnings before points lapse: once per resident, year and stage, in chunks through the outbox."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core import outbox, settings
from core.directory import directory
from core.formats import message_day, points
from core.work import business_day, present, reading, transact
from points.expiring.expiry import advance, going_on
from points.expiring.lapsing import marked_year, year_end
from points.expiring.rush import lapsing_at
from points.models import Account

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.work import Work

CHUNK = 2_000
STAGES = {"first": "points.expiry.first_notice_days", "last": "points.expiry.last_notice_days"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Warn:
    """Warn the next residents of one stage before a year's end."""

    stage: str
    year: int
    chunk: int = CHUNK


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """How many were warned, and whether that was all."""

    residents: int
    finished: bool


def stage_of(connection: Connection, now: dt.datetime) -> str | None:
    """Return which warning a day is for; the last one takes the first one's place."""
    today = business_day(now)
    days = (year_end(today.year) - today).days
    for stage in ("last", "first"):
        if days <= settings.integer(connection, STAGES[stage], now):
            return stage
    return None


def warn_chunk(work: Work, command: Warn) -> Warned:
    """Write the warnings of a chunk and how far it came; whoever was warned is not warned again."""
    marked = marked_year(work.connection, command.year, work.now)
    day = year_end(command.year)
    run = None if marked is None else going_on(work, command.stage, day, marked)
    if marked is None or run is None:
        work.replayed()
        return Warned(residents=0, finished=True)
    rows = work.connection.execute(
        lapsing_at(marked, command.year, run.upto).order_by(Account.id).limit(command.chunk),
    ).all()
    known = directory().contacts(work.connection, [row.holder_id for row in rows])
    numbers = {
        community: directory().number(work.connection, community)
        for community in sorted({row.community for row in rows})
    }
    letters = [
        outbox.Letter(
            key=f"{row.holder_id}:{command.year}",
            person=known[row.holder_id][0],
            phone_cipher=known[row.holder_id][1],
            params={
                "points": points(row.amount),
                "date": message_day(day),
                "phone": numbers[row.community],
            },
        )
        for row in rows
        if row.holder_id in known
    ]
    outbox.send_many(work, f"expiry.{command.stage}", letters)
    total = sum(row.amount for row in rows)
    advance(work, run, rows[-1].id if rows else None, len(letters), total)
    return Warned(residents=len(letters), finished=not rows)


def warn_residents(chunk: int = CHUNK) -> int:
    """Warn everybody who has to be warned today; returns how many were."""
    now = present()
    with reading() as connection:
        stage = stage_of(connection, now)
    if stage is None:
        return 0
    command, total = Warn(stage=stage, year=business_day(now).year, chunk=chunk), 0
    while not (done := transact(warn_chunk, command)).finished:
        total += done.residents
    return total
