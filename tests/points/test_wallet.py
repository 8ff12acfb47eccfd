"""What waits on somebody's lines, beside what has arrived."""

from __future__ import annotations

from points.lines import line_of
from points.queries import balances, waiting_lines
from points.wallet import history
from tests.people import HERE
from tests.points.books import one
from tests.points.calendar import give_back, set_aside
from tests.points.correcting import Desk
from tests.points.earning import CORRIDOR, JOIN


def test_what_waits_names_its_holder_and_is_no_gain_of_the_month_yet(desk: Desk) -> None:
    household = one(desk.cast.wang.household)
    desk.earn()
    alone = desk.earn(settled=False)
    shared = desk.earn(
        settled=False, rule=CORRIDOR, holder_kind="household", holder_id=household, units=1
    )
    set_aside(desk.run, 41, 100, desk.account())
    set_aside(desk.run, 42, 200, desk.account())
    give_back(desk.run, 42)

    found = [desk.ask(line_of, line) for line in (alone, shared)]
    assert [(each.holder_kind, each.holder_id) for each in found] == [
        ("resident", desk.cast.wang.resident),
        ("household", household),
    ]
    waiting = desk.ask(waiting_lines, desk.account())
    assert sorted((each.kind, each.amount) for each in waiting) == [("award", 1000), ("hold", -100)]
    [month] = desk.ask(history, [desk.account()], None).months
    assert (month.gained, month.spent, len(month.entries)) == (1000, 0, 3)


def test_what_waits_of_basic_points_is_told_apart(desk: Desk) -> None:
    def waiting() -> tuple[int, int]:
        who = one(desk.cast.wang.resident)
        has = desk.ask(balances, who, HERE, [], desk.clock.now)
        return has.pending, has.basic_pending

    before = waiting()
    desk.earn(settled=False)
    desk.earn(settled=False, rule=JOIN, units=1)

    assert (before, waiting()) == ((0, 0), (1000, 100))
