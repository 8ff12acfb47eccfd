"""The chain of seals: a deleted, edited or rewritten block is found, and so is a reopened day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, delete, insert, select, update

from core.models import BusinessDay
from points.models import Seal, Transfer
from points.proof import chain, verify
from points.proof.chain import Place, broken_blocks, broken_chain, spans
from points.proof.sealing import (
    DISTRICT,
    NOTHING,
    Days,
    blocks,
    digest_of_heads,
    head,
    head_of,
)
from points.proof.sharing import cut, joined
from tests.conftest import Stage
from tests.points.books import HERE, THERE
from tests.points.sealed import final_rows, kept_week
from tests.points.test_tampering import superuser

Run = Callable[..., Any]
FIRST = dt.date(2026, 11, 24)
MIDDLE = FIRST + dt.timedelta(days=3)
LAST = FIRST + dt.timedelta(days=7)
NEWEST = Place(table="seals", id="block", community=DISTRICT, day=LAST)


@pytest.fixture(autouse=True)
def _week(stage: Stage, run: Run) -> None:
    kept_week(stage, run, each=1)


def block(community: int, day: dt.date) -> Place:
    return Place(table="seals", id="block", community=community, day=day)


def remove(connection: Connection, community: int, day: dt.date) -> None:
    here = (Seal.community == community, Seal.day == day)
    assert connection.execute(delete(Seal).where(*here)).rowcount == 1


def set_values(connection: Connection, community: int, day: dt.date, **values: object) -> None:
    here = (Seal.community == community, Seal.day == day)
    assert connection.execute(update(Seal).where(*here).values(values)).rowcount == 1


def seal(connection: Connection, community: int, day: dt.date) -> Any:
    return connection.execute(
        select(Seal.__table__).where(Seal.community == community, Seal.day == day)
    ).one()


def test_a_good_chain_has_nothing_to_say(ask: Run) -> None:
    assert ask(lambda connection: list(broken_chain(connection))) == []
    assert ask(lambda connection: [span.until for span in spans(connection)]) == [
        FIRST + dt.timedelta(days=number) for number in range(8)
    ]


def test_a_deleted_block_is_missed_by_the_next_and_by_the_district(app: Flask) -> None:
    with superuser(app) as connection:
        remove(connection, HERE, MIDDLE)

        assert list(broken_chain(connection)) == [
            block(DISTRICT, MIDDLE),
            block(HERE, MIDDLE + dt.timedelta(days=1)),
        ]
        span = next(each for each in spans(connection) if each.until == MIDDLE)
        (found,) = broken_blocks(connection, span)
        assert (found.community, found.day) == (HERE, MIDDLE)


def test_a_deleted_last_block_is_missed_by_the_district(app: Flask) -> None:
    with superuser(app) as connection:
        remove(connection, HERE, LAST)
        assert list(broken_chain(connection)) == [NEWEST]


def test_a_last_day_that_lost_all_its_blocks_is_a_closed_day_without_a_seal(
    app: Flask,
) -> None:
    day_after = LAST + dt.timedelta(days=2)
    with superuser(app) as connection:
        connection.execute(delete(Seal).where(Seal.day == LAST))
        # On the same night it may still be on its way.
        assert list(broken_chain(connection)) == []
        late = dt.datetime.combine(day_after, dt.time(12), dt.UTC)
        connection.execute(insert(BusinessDay).values(day=day_after, closed_at=late))
        assert list(broken_chain(connection)) == [NEWEST]


def test_a_middle_day_that_lost_all_its_blocks_is_found_at_once(app: Flask) -> None:
    with superuser(app) as connection:
        connection.execute(delete(Seal).where(Seal.day == MIDDLE))
        assert block(DISTRICT, MIDDLE) in list(broken_chain(connection))


def test_a_sealed_day_that_was_opened_again_is_found(app: Flask) -> None:
    with superuser(app) as connection:
        connection.execute(delete(BusinessDay).where(BusinessDay.day == MIDDLE))
        assert list(broken_chain(connection)) == [block(DISTRICT, MIDDLE)]


@pytest.mark.parametrize("column", ["rows", "digest", "previous", "head"])
def test_an_edited_block_does_not_fit(app: Flask, column: str) -> None:
    other = 5 if column == "rows" else "f" * 64
    for community in (HERE, DISTRICT):
        with superuser(app) as connection:
            set_values(connection, community, MIDDLE, **{column: other})
            assert block(community, MIDDLE) in list(broken_chain(connection))


def rewrite(connection: Connection, community: int, span: Days) -> None:
    """Make a block anew from rows that were touched, with the right digest and head."""
    kept = seal(connection, community, span.until)
    (made,) = blocks(connection, span, community, leaves=True)
    bound = head(community, span.until, made.rows, made.digest, kept.previous)
    set_values(
        connection,
        community,
        span.until,
        rows=made.rows,
        digest=made.digest,
        head=bound,
        leaves=made.leaves,
    )


def touch(connection: Connection, day: dt.date) -> Days:
    """Double a sealed transfer here; returns the span of its day."""
    row = next(
        row
        for row in final_rows(connection)
        if (row.table, row.community, row.day) == ("transfers", HERE, day)
    )
    connection.execute(
        update(Transfer).where(Transfer.id == row.id).values(amount=Transfer.amount * 2)
    )
    return next(span for span in spans(connection) if span.until == day)


def test_a_block_that_was_made_anew_over_touched_rows_breaks_the_chain(app: Flask) -> None:
    with superuser(app) as connection:
        span = touch(connection, MIDDLE)
        rewrite(connection, HERE, span)

        assert list(broken_blocks(connection, span)) == []
        assert list(broken_chain(connection)) == [
            block(DISTRICT, MIDDLE),
            block(HERE, MIDDLE + dt.timedelta(days=1)),
        ]


def rechain(connection: Connection, after: dt.date) -> None:
    """Forge every block from a day on, the district's as well."""
    for span in [each for each in spans(connection) if each.until >= after]:
        named: list[tuple[int, str]] = []
        for community in (HERE, THERE, DISTRICT):
            found = connection.execute(
                select(Seal.community).where(Seal.community == community, Seal.day == span.until)
            ).first()
            if found is None:
                continue
            if community != DISTRICT:
                rewrite(connection, community, span)
            kept = seal(connection, community, span.until)
            previous = connection.scalar(
                select(Seal.head)
                .where(Seal.community == community, Seal.day < span.until)
                .order_by(Seal.day.desc())
                .limit(1)
            )
            digest = kept.digest if community != DISTRICT else digest_of_heads(sorted(named))
            bound = head(community, span.until, kept.rows, digest, previous or "0" * 64)
            set_values(
                connection,
                community,
                span.until,
                digest=digest,
                previous=previous or "0" * 64,
                head=bound,
            )
            named.append((community, bound))


def test_whoever_forges_the_whole_chain_is_found_by_a_head_on_paper(app: Flask) -> None:
    """The one thing a database cannot tell of itself: that is what printed heads are for."""
    with superuser(app) as connection:
        printed = head_of(connection, HERE)
        early = seal(connection, HERE, FIRST).head
        assert printed is not None
        assert chain.stands(connection, printed.head.upper()) == block(HERE, LAST)
        assert chain.stands(connection, " ".join((printed.head[:8], printed.head[8:20])))
        assert chain.stands(connection, printed.head[:15]) is None
        assert chain.stands(connection, "%" * 20) is None
        touch(connection, MIDDLE)
        rechain(connection, MIDDLE)

        assert list(broken_chain(connection)) == []
        assert "seals" not in {broken.name for broken in verify.broken(connection)}
        assert chain.stands(connection, printed.head) is None
        assert chain.stands(connection, early) == block(HERE, FIRST)


# --- which row it was ------------------------------------------------------------------------


def test_the_row_that_was_taken_out_is_named_by_its_neighbour(app: Flask) -> None:
    with superuser(app) as connection:
        rows = [row for row in final_rows(connection) if _of(row) == (HERE, MIDDLE)]
        span = next(each for each in spans(connection) if each.until == MIDDLE)
        connection.execute(delete(Transfer).where(Transfer.id == rows[0].id))
        (found,) = broken_blocks(connection, span, HERE)

    assert found.id.startswith("a row that stood before ")
    assert str(rows[1].id) in found.id
    assert (found.table, found.community, found.day) == ("seals", HERE, MIDDLE)


def _of(row: Any) -> tuple[int, dt.date]:
    return row.community, row.day


def test_rows_that_were_taken_out_at_the_end_are_counted(app: Flask) -> None:
    with superuser(app) as connection:
        rows = [row for row in final_rows(connection) if _of(row) == (THERE, MIDDLE)]
        assert {row.table for row in rows} == {"transfers"}
        span = next(each for each in spans(connection) if each.until == MIDDLE)
        connection.execute(delete(Transfer).where(Transfer.id == rows[-1].id))
        (found,) = broken_blocks(connection, span, THERE)

    assert found == Place(
        table="seals", id=f"the last 1 of {len(rows)} rows", community=THERE, day=MIDDLE
    )


def test_a_digest_that_fits_no_row_names_the_block(app: Flask) -> None:
    with superuser(app) as connection:
        set_values(connection, HERE, MIDDLE, digest="0" * 64)
        span = next(each for each in spans(connection) if each.until == MIDDLE)
        assert list(broken_blocks(connection, span)) == [block(HERE, MIDDLE)]


def test_a_row_put_into_a_day_without_a_block_is_named(app: Flask) -> None:
    with superuser(app) as connection:
        span = next(each for each in spans(connection) if each.until == FIRST)
        row = connection.execute(select(Transfer.__table__).limit(1)).mappings().one()
        values = dict(row) | {"id": UUID(int=9), "community": THERE, "day": FIRST}
        connection.execute(insert(Transfer).values(values))

        assert list(broken_blocks(connection, span)) == [
            Place(table="transfers", id=str(UUID(int=9)), community=THERE, day=FIRST)
        ]


# --- the command -----------------------------------------------------------------------------


def test_the_command_says_whether_a_head_stands(
    app: Flask, ask: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody ordered what was spent in this week.
    monkeypatch.setitem(app.extensions, "linli.checks", verify.CHECKS)
    printed = ask(head_of, HERE)
    runner = app.test_cli_runner()

    good = runner.invoke(args=["verify", "--head", printed.head])
    bad = runner.invoke(args=["verify", "--head", "0" * 64])

    assert good.exit_code == 0, good.output
    assert f"head: it stands, {HERE} on {LAST}\n" in good.output
    assert bad.exit_code == 1
    assert "no block has the head" in bad.output


def test_blocks_that_were_computed_apart_are_told_of_together(app: Flask) -> None:
    check = next(each for each in verify.CHECKS if each.name == "seals")
    with superuser(app) as connection:
        for day in (MIDDLE, LAST):
            set_values(connection, HERE, day, digest=NOTHING)

        apart = list(verify.broken(connection, cut(connection, check)))
        (together,) = joined(apart)

    assert [each.first.day for each in apart] == [MIDDLE, LAST]
    assert (together.times, together.first) == (2, apart[0].first)
