"""``flask verify`` finds what was corrected otherwise than two people decided."""

# ruff: noqa: S608 - statements put together from this file's own names

from __future__ import annotations

import pytest

from core.db import db
from points.proof import verify
from tests.people import THERE
from tests.points.books import appointed, one, there_is
from tests.points.calendar import hangzhou, night
from tests.points.correcting import Desk
from tests.points.test_reverse_spending import together
from tests.points.test_shortage import waive
from tests.points.test_taken_after_a_move import next_door

ADJUSTING_CHECKS = {
    *("adjustments", "decided transfers", "even reversals", "lapsed once", "lead's limit"),
    "staff of the time",
    *("missing first", "shared reversals", "two people"),
}
"""Checks that this file damages books for; the others are damaged in ``test_verify_damage``."""

DAMAGE: dict[str, tuple[str, set[str]]] = {
    "more was decided than posted": (
        (
            "UPDATE adjustments SET posted = posted + 100, amount = amount - 100,"
            " together = together + 100 WHERE amount < 0"
        ),
        {"adjustments"},
    ),
    "a decision that is gone": (
        "DELETE FROM adjustments WHERE amount < 0",
        {"caps", "decided transfers"},
    ),
    "a reversal of one book only": (
        (
            "UPDATE transfers SET standard = standard - 1 WHERE act = 'reversal'"
            f" AND community = {THERE}"
        ),
        {"even reversals", "reversals", "system accounts"},
    ),
    "a reversal of more than there was": (
        f"UPDATE transfers SET amount = amount - 900 WHERE act = 'award' AND community = {THERE}",
        {"borne awards", "reversals", "system accounts"},
    ),
}


@pytest.fixture
def corrected(desk: Desk) -> Desk:
    """Books in which an award borne elsewhere was taken back, and points were given."""
    line = desk.earn(bearing=THERE)
    elsewhere = desk.cast.actor(desk.cast.elsewhere)
    near = desk.cast.actor(desk.cast.near)
    proposal = desk.propose_back(line, elsewhere)
    decider = type(near)(
        person=near.person, role="lead", scope_kind="community", place=THERE, name=near.name
    )
    desk.run(there_is, lambda work: appointed(work, near.person, "lead", THERE))
    desk.decide(proposal, decider)
    desk.decide(desk.propose(500))
    return desk


def damaged(desk: Desk, statement: str) -> set[str]:
    """What is broken after a raw statement, which is taken back again."""
    with (
        desk.app.app_context(),
        db.engine.connect().execution_options(writes=True) as connection,
        connection.begin() as transaction,
    ):
        assert connection.exec_driver_sql(statement).rowcount >= 1, statement
        found = {broken.name for broken in verify.broken(connection)}
        transaction.rollback()
    return found


@pytest.mark.parametrize("name", sorted(DAMAGE))
def test_each_kind_of_damage_is_named(corrected: Desk, name: str) -> None:
    statement, broken = DAMAGE[name]

    assert corrected.broken() == []
    assert damaged(corrected, statement) == broken


LET_OFF = "UPDATE adjustments SET lapsed = lapsed + shortage, shortage = 0 WHERE lapsed > 0"


@pytest.mark.parametrize("moved", [False, True])
def test_what_is_missing_does_not_pass_for_lapsed(desk: Desk, *, moved: bool) -> None:
    line = desk.earn(units=4)
    desk.spend(1500)
    night(desk.app, desk.clock, 2026)
    desk.clock.set(hangzhou(2027, 5, 5))
    if moved:
        next_door(desk, desk.cast.wang)
    night(desk.app, desk.clock, 2027)
    done = desk.back(line)

    assert (done.lapsed, done.shortage) == (500, 1500)
    assert desk.broken() == []
    assert "lapsed once" in damaged(desk, LET_OFF)


NEVER_LET_GO = (
    "UPDATE adjustments SET waiver = NULL, waived_by = NULL, waived_at = NULL WHERE shortage > 0"
)


def test_what_lapsed_while_something_was_missing_is_named(desk: Desk) -> None:
    line = desk.earn(units=4)
    desk.spend(1500)
    proposal = desk.propose_back(line)
    desk.decide(proposal)
    waive(desk, proposal, "居民住院")
    desk.earn(units=2)
    night(desk.app, desk.clock, 2026)
    night(desk.app, desk.clock, 2027)

    # What is spent here is spent for nothing.
    assert desk.broken() == []
    assert damaged(desk, NEVER_LET_GO) == {"causes", "missing first"}


SHARES = {
    "more than came back was decided": "UPDATE adjustments SET together = together + 1",
    "one has what is another's": (
        "UPDATE transfers SET amount = amount + CASE credit WHEN"
        " (SELECT max(credit) FROM transfers WHERE act = 'reversal') THEN 1 ELSE -1 END"
        " WHERE act = 'reversal'"
    ),
}


@pytest.mark.parametrize("name", sorted(SHARES))
def test_what_several_paid_that_comes_back_otherwise_is_named(desk: Desk, name: str) -> None:
    desk.back(together(desk), amount=333)
    assert desk.broken() == []

    assert "shared reversals" in damaged(desk, SHARES[name])


@pytest.mark.database("sqlite")
def test_one_person_who_decided_alone_would_be_found_without_the_guards(corrected: Desk) -> None:
    lead = one(corrected.cast.lead.person).hex
    with (
        corrected.app.app_context(),
        db.engine.connect().execution_options(writes=True) as connection,
        connection.begin() as transaction,
    ):
        connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        connection.exec_driver_sql(f"UPDATE adjustments SET maker = '{lead}' WHERE amount > 0")
        found = {broken.name for broken in verify.broken(connection)}
        connection.exec_driver_sql("PRAGMA ignore_check_constraints = OFF")
        transaction.rollback()

    assert found == {"staff of the time", "two people"}
