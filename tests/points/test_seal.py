"""Sealing: all that became final in a closed day gets one block per community, chained."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select

from core.db import Base
from core.work import Work, business_day
from points import closing, holds, ledger
from points.accounts import account_id, open_books, resident_account
from points.earning import awards
from points.jobs import seal_days as job
from points.models import Account, Award, Hold, Seal, Transfer
from points.proof import sealed, sealing
from points.proof.canonical import FINALS
from points.proof.chain import broken_chain
from points.proof.sealing import (
    AT_A_TIME,
    DISTRICT,
    NOTHING,
    Head,
    SealDay,
    Sealed,
    head_of,
    seal_day,
)
from points.settlement import settle_due
from residents.models import Community
from tests.conftest import Clock
from tests.points.books import (
    HERE,
    ISSUED,
    REDEEMED,
    THERE,
    WALLET,
    Nothing,
    open_resident,
    posting,
)
from tests.points.earning import count, days_later, give, holders
from tests.points.sealed import DAYS, a_week, final_rows

Run = Callable[..., Any]
TODAY = dt.date(2026, 11, 24)


def blocks(connection: Connection) -> list[Any]:
    return list(connection.execute(select(Seal.__table__).order_by(Seal.day, Seal.community)))


def close_all(app: Flask) -> int:
    with app.app_context():
        closing.close_days()
        return sealing.seal_days()


# --- what is covered -------------------------------------------------------------------------


def test_every_final_row_is_covered_by_one_block(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    a_week(app, run, clock)

    final = ask(final_rows)
    kept = [row for row in ask(blocks) if row.community != DISTRICT]

    expected: dict[tuple[int, dt.date], int] = {}
    for row in final:
        key = (row.community, max(row.day, kept[0].day))
        expected[key] = expected.get(key, 0) + 1
    assert {(row.community, row.day): row.rows for row in kept} == expected
    assert {row.table for row in final} == {"transfers", "awards", "holds"}
    # Taken back, captured in part, given back; what is still open is in no block yet.
    assert ask(count, "awards", "state = 'void'") == DAYS
    assert ask(count, "holds", "state = 'captured' AND captured < amount") == 3 * DAYS
    assert ask(count, "holds", "state = 'released'") == 3 * DAYS
    assert ask(count, "holds", "state = 'open'") == DAYS


def test_the_parts_of_a_check_together_look_at_every_block_once(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    a_week(app, run, clock)

    looked = ask(lambda c: [find(c, None).rows for find in sealed.parts(c)])

    assert len(looked) > DAYS
    assert sum(looked) == len(ask(blocks))


def test_every_column_of_a_final_row_is_sealed() -> None:
    """Whoever adds a column adds it here; while it is null it must leave old rows as they were."""
    for final in FINALS:
        columns = {column.name for column in Base.metadata.tables[final.table].columns}
        assert sorted(name for name, _ in final.columns) == sorted(columns)


def test_an_auditor_computes_a_block_again_from_the_rows(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    """Written apart, by the words of the decision: columns, separators, order, digests."""
    a_week(app, run, clock, each=1)
    day = TODAY + dt.timedelta(days=2)
    block = next(row for row in ask(blocks) if (row.community, row.day) == (HERE, day))

    lines = ask(canonical, HERE, day)
    digests = [sha256(line.encode()).digest() for *_, line in lines]

    assert block.rows == len(lines)
    assert block.digest == sha256(b"".join(digests)).hexdigest()
    assert block.leaves == b"".join(digest[:4] for digest in digests)
    bound = f"{HERE}|{day}|{block.rows}|{block.digest}|{block.previous}"
    assert block.head == sha256(bound.encode()).hexdigest()


def canonical(connection: Connection, community: int, day: dt.date) -> list[tuple[str, int, str]]:
    """The lines of one community's day, in order."""
    homes = {row.id: row.community for row in connection.execute(select(Account.__table__))}
    found = []
    for place, model in enumerate((Transfer, Award, Hold)):
        for row in connection.execute(select(model.__table__)).mappings():
            final = row.get("day") or row.get("done_at") or row.get("void_at")
            final = final or row.get("closed_at")
            at = business_day(final) if isinstance(final, dt.datetime) else final
            if at == day and row.get("community", homes.get(row.get("account"))) == community:
                parts = [written(row[name], shape) for name, shape in FINALS[place].columns]
                found.append((row["id"].hex, place, "|".join([FINALS[place].table, *parts])))
    return sorted(found)


def written(value: object, shape: str) -> str:
    if value is None:
        return ":" if shape == "words" else ""
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M:%S.%f}".rstrip("0").rstrip(".")
    return f"{len(value)}:{value}" if isinstance(value, str) else str(value)


def test_both_databases_come_to_the_same_head(app: Flask, clock: Clock, run: Run, ask: Run) -> None:
    """A constant: changing the canonical form would part every district from its old books."""
    run(holders, None)
    given = posting(1, ISSUED, WALLET, 1000), posting(2, WALLET, REDEEMED, 300, "redemption")
    for each in given:
        run(ledger.post, replace(each, source_kind="test"))
    clock.set(days_later(1))

    assert close_all(app) == 1

    assert ask(head_of, HERE) == Head(
        community=HERE,
        day=TODAY,
        head="9eb4a8b1958d41c12a6232fd07751c37dd6a7935ff37faeb82e5f52a7f0fbf35",
    )
    assert ask(head_of, THERE) is None


# --- when ------------------------------------------------------------------------------------


def test_only_a_closed_day_is_sealed(run: Run, ask: Run) -> None:
    with pytest.raises(sealing.DayNotClosed):
        run(seal_day, SealDay(day=TODAY))
    assert ask(blocks) == []


def test_sealing_again_changes_nothing(app: Flask, clock: Clock, run: Run, ask: Run) -> None:
    a_week(app, run, clock, each=1)
    before, audited = ask(blocks), ask(count, "audit_events")

    assert close_all(app) == 0
    assert run(seal_day, SealDay(day=TODAY)) == Sealed(blocks=0, rows=0)
    assert (ask(blocks), ask(count, "audit_events")) == (before, audited)


def test_sealing_a_day_says_how_many_rows_there_were(app: Flask, clock: Clock, run: Run) -> None:
    run(holders, None)
    for award in range(3):
        give(run, f"award {award}")
    with app.app_context():
        for day in range(1, 4):
            clock.set(days_later(day))
            closing.close_days()
            settle_due()
        clock.set(days_later(4))
        closing.close_days()

    said = [run(seal_day, SealDay(day=days_later(day).date())) for day in range(4)]
    assert [each.rows for each in said] == [0, 6, 0, 0]


def test_a_day_without_a_row_is_bound_too(app: Flask, clock: Clock, run: Run, ask: Run) -> None:
    clock.set(days_later(3))
    close_all(app)
    clock.set(days_later(5))
    with app.app_context():
        closing.close_days()
        assert job() == "sealed 2"

    found = ask(blocks)
    assert [(row.community, row.rows) for row in found] == [(DISTRICT, 0)] * 3
    assert [row.previous for row in found] == [NOTHING, found[0].head, found[1].head]
    assert len({row.head for row in found}) == 3


def test_the_first_block_takes_what_there_was_before_it(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    """Where sealing comes into a district that has lived for a while, nothing stays outside."""
    run(holders, None)
    for day in range(3):
        clock.set(days_later(day))
        give(run, f"day {day}")
        run(ledger.post, posting(day + 1, ISSUED, WALLET, 1000))
    clock.set(days_later(3))

    # Only yesterday is closed: those before it were never closed one by one.
    assert close_all(app) == 1

    district, block = ask(blocks)
    assert (district.rows, block.rows) == (1, 3)


def test_a_day_of_more_communities_than_are_held_at_once_is_bound_whole(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    places = ask(
        lambda c: c.scalars(
            select(Community.code).order_by(Community.code).limit(AT_A_TIME + 1)
        ).all()
    )
    for number, place in enumerate(places):
        resident = UUID(int=500 + number)
        run(somebody, (resident, place))
        given = posting(
            number + 1,
            account_id("issued", place, "service"),
            resident_account(resident, place, "service"),
            1000,
        )
        run(ledger.post, replace(given, community=place))
    clock.set(days_later(1))

    assert close_all(app) == 1

    district, *others = ask(blocks)
    assert (district.rows, len(others)) == (len(places), len(places))
    assert ask(lambda c: list(broken_chain(c))) == []


def somebody(work: Work, command: tuple[UUID, int]) -> Nothing:
    """Open a resident's accounts and their community's books."""
    resident, place = command
    open_resident(work, resident, place)
    open_books(work, place)
    return Nothing()


def test_two_schedulers_seal_a_day_once(app: Flask, clock: Clock, run: Run, ask: Run) -> None:
    run(holders, None)
    run(ledger.post, posting(1, ISSUED, WALLET, 1000))
    clock.set(days_later(1))
    with app.app_context():
        closing.close_days()
    start = threading.Barrier(2)

    def seal() -> Sealed:
        start.wait()
        done: Sealed = run(seal_day, SealDay(day=TODAY))
        return done

    with ThreadPoolExecutor(2) as pool:
        done = [future.result() for future in [pool.submit(seal) for _ in range(2)]]

    assert sorted(each.blocks for each in done) == [0, 1]
    assert len(ask(blocks)) == 2


# --- nothing becomes final in a closed day ---------------------------------------------------


def test_nothing_is_taken_back_or_released_in_a_closed_day(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    """A node whose clock is late would put a row behind the seal."""
    run(holders, None)
    run(ledger.post, posting(1, ISSUED, WALLET, 1000))
    award = give(run, "mine").id
    run(
        holds.hold,
        holds.OpenHold(
            id=UUID(int=5),
            account=WALLET,
            amount=200,
            reason="抽纸",
            source_kind="order",
            source_id=UUID(int=5),
        ),
    )
    clock.set(days_later(1))
    close_all(app)
    clock.set(days_later(0))

    with pytest.raises(ledger.DayClosed):
        run(awards.void_award, award)
    with pytest.raises(ledger.DayClosed):
        run(holds.release, UUID(int=5))

    clock.set(days_later(1))
    assert run(awards.void_award, award)
    assert run(holds.release, UUID(int=5))
    assert ask(count, "awards", "void_at IS NOT NULL") == 1
    assert ask(count, "holds", "closed_at IS NOT NULL") == 1
