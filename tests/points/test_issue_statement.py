"""Handing a statement out: who may, once for the same figures, never over books that disagree."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text

from core.acts import Actor, NotInYourScope
from core.db import db
from core.errors import Forbidden
from core.ids import NIL
from points.accounts import household_account
from points.closing import close_days
from points.models import Statement
from points.statements.book import BookStillOpen
from points.statements.check import check
from points.statements.codes import read_code
from points.statements.issue import BooksDisagree, NotYourStatement
from points.statements.named import fingerprint
from points.statements.periods import Period, PeriodNotYet, Subject
from tests.conftest import Clock
from tests.people import HERE, THERE, People
from tests.points.books import one
from tests.points.statements_scene import NOVEMBER, hers, issue, moved, post, wallet

Run = Callable[..., Any]


def rows(connection: Connection) -> int:
    return int(connection.scalar(text("SELECT count(*) FROM statements")) or 0)


@pytest.fixture
def earned(run: Run, cast: People) -> None:
    """王秀英 got twenty points and spent twelve."""
    run(post, moved(11, wallet(cast), 2000))
    run(post, moved(12, wallet(cast), -1200))


@pytest.mark.usefixtures("earned")
def test_a_resident_gets_her_own_statement(run: Run, cast: People) -> None:
    made = issue(run, cast.actor(cast.wang), hers(cast))

    assert (made.opening, made.closing, made.entries) == (0, 800, 2)
    assert read_code(made.code) == made.code
    assert not made.exists


@pytest.mark.usefixtures("earned")
def test_a_paper_is_kept_with_all_that_it_says(
    app: Flask, run: Run, cast: People, clock: Clock, ask: Callable[..., Any]
) -> None:
    staff = cast.actor(cast.staff)
    made = issue(run, staff, hers(cast))
    row = dict(ask(lambda c: c.execute(select(Statement.__table__)).one())._mapping)
    digest = row.pop("digest")
    heading = row.pop("heading")

    assert digest.startswith("2-")
    with app.app_context():
        assert heading == fingerprint(hers(cast), "王秀英", "建国南苑 3-2-401")
    assert row == {
        "code": made.code,
        "holder_kind": "resident",
        "holder_id": one(cast.wang.resident),
        "community": HERE,
        "points_kind": "service",
        "first_day": NOVEMBER.first,
        "last_day": NOVEMBER.last,
        "through": 2,
        "opening": 0,
        "added": 2000,
        "taken": 1200,
        "closing": 800,
        "entries": 2,
        "issued_at": clock.now,
        "issued_by": staff.person,
    }
    found = ask(check, made.code)
    assert (found.issued.subject, found.issued.period) == (hers(cast), NOVEMBER)
    assert (found.now.agrees, found.rows) == (True, ())
    again = issue(run, staff, hers(cast))
    assert again == replace(made, exists=True)
    assert (made.of, made.opening, made.closing, made.entries) == ("resident", 0, 800, 2)


@pytest.mark.usefixtures("earned")
def test_the_same_figures_are_the_same_paper_whoever_asks(
    run: Run, cast: People, ask: Callable[..., Any]
) -> None:
    made = issue(run, cast.actor(cast.wang), hers(cast))
    again = issue(run, cast.actor(cast.staff), hers(cast))

    assert again.code == made.code
    assert again.exists
    assert ask(rows) == 1


@pytest.mark.usefixtures("earned")
def test_a_later_posting_makes_another_paper(run: Run, cast: People) -> None:
    before = issue(run, cast.actor(cast.wang), hers(cast))
    run(post, moved(13, wallet(cast), 100))
    after = issue(run, cast.actor(cast.wang), hers(cast))

    assert after.code != before.code
    assert after.closing == before.closing + 100


def test_a_household_has_a_statement_of_its_own(run: Run, cast: People) -> None:
    home = one(cast.wang.household)
    subject = Subject(of="household", community=HERE, points_kind="basic", holder=home)
    made = issue(run, cast.actor(cast.wang), subject)

    assert made.entries == 0
    assert subject.account == household_account(home, HERE)


def test_nobody_gets_the_statement_of_a_neighbour_or_even_of_a_husband(
    run: Run, cast: People
) -> None:
    for subject in (
        Subject(of="resident", community=HERE, points_kind="service", holder=one(cast.li.resident)),
        Subject(
            of="household", community=HERE, points_kind="basic", holder=one(cast.chen.household)
        ),
        Subject(of="community", community=HERE, points_kind="service"),
    ):
        with pytest.raises(NotYourStatement):
            issue(run, cast.actor(cast.wang), subject)


def test_staff_get_anybodys_of_their_community_phone_or_not(run: Run, cast: People) -> None:
    li = Subject(of="resident", community=HERE, points_kind="service", holder=one(cast.li.resident))

    assert issue(run, cast.actor(cast.staff), li).entries == 0
    with pytest.raises(NotInYourScope):
        issue(run, cast.actor(cast.elsewhere), li)
    with pytest.raises(Forbidden):
        issue(run, cast.actor(cast.keeper), li)
    with pytest.raises(Forbidden):
        issue(run, cast.actor(cast.lin), li)


@pytest.mark.usefixtures("earned")
def test_staff_and_the_district_get_the_communitys_book(
    app: Flask, run: Run, cast: People, clock: Clock
) -> None:
    clock.advance(days=1)
    with app.app_context():
        close_days()
    subject = Subject(of="community", community=HERE, points_kind="service")
    made = issue(run, cast.actor(cast.staff), subject)
    again = issue(run, cast.actor(cast.lin), subject)

    assert (made.opening, made.closing, made.entries) == (0, 800, 2)
    assert again.code == made.code
    with pytest.raises(NotInYourScope):
        issue(run, cast.actor(cast.elsewhere), subject)


def test_a_subdistrict_reads_the_books_of_its_own_communities_only(run: Run, cast: People) -> None:
    reader = Actor(
        person=one(cast.lin.person) if cast.lin.person else NIL,
        role="subdistrict_reader",
        scope_kind="subdistrict",
        place=HERE // 1000 * 1000,
    )
    days = Period(first=dt.date(2026, 11, 1), last=dt.date(2026, 11, 23))
    here = Subject(of="community", community=HERE, points_kind="service")
    there = Subject(of="community", community=THERE, points_kind="service")

    assert issue(run, reader, here, days).entries == 0
    with pytest.raises(NotInYourScope):
        issue(run, reader, there, days)


def test_a_book_of_a_day_that_is_not_closed_is_refused(run: Run, cast: People) -> None:
    subject = Subject(of="community", community=HERE, points_kind="service")
    with pytest.raises(BookStillOpen):
        issue(run, cast.actor(cast.staff), subject)


def test_tomorrow_is_on_no_statement(run: Run, cast: People) -> None:
    late = Period(first=NOVEMBER.first, last=dt.date(2026, 11, 25))
    with pytest.raises(PeriodNotYet):
        issue(run, cast.actor(cast.wang), hers(cast), late)


@pytest.mark.usefixtures("earned")
def test_books_that_disagree_are_not_put_on_paper(
    app: Flask, run: Run, cast: People, ask: Callable[..., Any]
) -> None:
    with app.app_context(), db.engine.connect().execution_options(writes=True) as connection:
        connection.execute(text("UPDATE transfers SET amount = 1900 WHERE act = 'award'"))
        connection.commit()

    with pytest.raises(BooksDisagree):
        issue(run, cast.actor(cast.wang), hers(cast))
    assert ask(rows) == 0
