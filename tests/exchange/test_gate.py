"""A community may open its shelves from so many basic points of a family in a year on."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from uuid import UUID

import pytest

from core.acts import SYSTEM, Actor
from core.ids import uuid8
from core.work import Work
from exchange.gate import BasicPointsMissing
from exchange.moving import MoveHousehold, move_household
from points.accounts import account_id, household_account, resident_account
from points.correcting.adjustments import ProposeReversal, propose_reversal
from points.correcting.deciding import DecideAdjustment, decide_adjustment
from points.ledger import Posting, post
from tests.conftest import Clock
from tests.exchange.scene import HERE, POINT, THERE, Scene, Someone
from tests.points.calendar import close

GATE = "redeem.gate_basic_points"


@pytest.fixture
def shelf(scene: Scene) -> Actor:
    clerk = scene.staff(HERE)
    scene.station(HERE, clerk)
    return clerk


def honour(scene: Scene, account: int, amount: int, community: int = HERE) -> UUID:
    """Post basic points, as settlement would; return the line."""

    def give(work: Work, _command: None) -> UUID:
        identity = uuid8(work.now, "award", account)
        post(
            work,
            Posting(
                id=identity,
                act="award",
                points_kind="basic",
                community=community,
                debit=account_id("issued", community, "basic"),
                credit=account,
                amount=amount,
                event_at=work.now,
                source_kind="award",
                source_id=identity,
            ),
        )
        return identity

    made: UUID = scene.run(give, None, SYSTEM)
    return made


def own(someone: Someone) -> int:
    return resident_account(someone.resident, HERE, "basic")


def test_without_a_gate_nobody_is_shut_out(scene: Scene, shelf: Actor) -> None:
    wang = scene.resident(HERE, points=50)

    assert scene.order(wang, scene.item(HERE, shelf, stock=5)).state == "submitted"


def test_below_the_gate_the_sentence_says_what_is_missing_and_how_to_get_it(
    scene: Scene, shelf: Actor
) -> None:
    wang = scene.resident(HERE, points=50)
    item = scene.item(HERE, shelf, stock=5)
    scene.set_to(GATE, "20", HERE)
    honour(scene, household_account(wang.household, HERE), 8 * POINT)

    quoted = scene.quote(wang, item)
    with pytest.raises(BasicPointsMissing) as refused:
        scene.submit(wang, quoted.token)

    assert isinstance(quoted.obstacle, BasicPointsMissing)
    assert refused.value.sentence().startswith(
        "全家今年的基本积分满 20 分就能兑换，还差 12 分。分好垃圾、"
    )
    with pytest.raises(BasicPointsMissing):
        scene.redeem(wang, item, shelf)
    assert scene.account(wang).held == 0
    assert scene.stock_row(item).reserved == 0


def test_the_household_and_all_its_members_count_together(scene: Scene, shelf: Actor) -> None:
    wang = scene.resident(HERE, points=50)
    li = scene.resident(HERE, name="李国强", household=wang.household)
    scene.set_to(GATE, "20", HERE)
    honour(scene, household_account(wang.household, HERE), 10 * POINT)
    honour(scene, own(wang), 4 * POINT)
    item = scene.item(HERE, shelf, stock=5)
    with pytest.raises(BasicPointsMissing):
        scene.order(wang, item)

    honour(scene, own(li), 6 * POINT)

    assert scene.order(wang, item).state == "submitted"


def test_last_years_points_open_no_door_this_year(scene: Scene, shelf: Actor, clock: Clock) -> None:
    wang = scene.resident(HERE, points=50)
    item = scene.item(HERE, shelf, stock=5)
    scene.set_to(GATE, "20", HERE)
    honour(scene, own(wang), 20 * POINT)
    assert scene.order(wang, item).state == "submitted"

    clock.advance(days=60)

    with pytest.raises(BasicPointsMissing):
        scene.order(wang, item)


def test_the_gate_is_that_of_the_residents_own_community(scene: Scene) -> None:
    zhou = scene.staff(THERE, name="周国栋")
    scene.station(THERE, zhou)
    item = scene.item(THERE, zhou, stock=5)
    wang = scene.resident(HERE, points=50)
    local = scene.resident(THERE, points=50, name="吴阿毛")

    scene.set_to(GATE, "20", HERE)

    assert scene.order(local, item).state == "submitted"
    with pytest.raises(BasicPointsMissing):
        scene.order(wang, item)


def test_what_was_taken_back_of_last_year_takes_nothing_from_this_year(
    scene: Scene, shelf: Actor, clock: Clock
) -> None:
    wang = scene.resident(HERE, points=50)
    item = scene.item(HERE, shelf, stock=5)
    scene.set_to(GATE, "20", HERE)
    wrong = honour(scene, own(wang), 15 * POINT)
    close(scene.app, clock, dt.date(2026, 12, 31))
    honour(scene, household_account(wang.household, HERE), 20 * POINT)
    take_back(scene, wrong, shelf)

    assert scene.order(wang, item).state == "submitted"


@pytest.fixture
def mover(scene: Scene) -> Someone:
    """Somebody with 50 points, who is going to move where a gate asks for 20 basic ones."""
    scene.set_to(GATE, "20", THERE)
    return scene.resident(HERE, points=50)


@pytest.fixture
def oil(scene: Scene) -> UUID:
    zhou = scene.staff(THERE, name="周国栋")
    scene.station(THERE, zhou)
    return scene.item(THERE, zhou, stock=5)


def move(scene: Scene, who: Someone) -> Someone:
    """Let a whole family move there."""
    command = MoveHousehold(key="move", community=THERE, residents=(who.resident,))
    moved = scene.run(move_household, command, scene.staff(THERE, name="孙丽"))
    return replace(who, resident=moved.residents[0], household=moved.household, community=THERE)


def take_back(scene: Scene, line: UUID, clerk: Actor) -> None:
    back = ProposeReversal(key="back", line=line, reason="记错了人", evidence="签到表")
    made = scene.run(propose_reversal, back, clerk)
    lead = scene.staff(HERE, "lead", name="赵建平")
    scene.run(decide_adjustment, DecideAdjustment(adjustment=made.id), lead)


def test_what_is_taken_back_of_a_family_that_moved_last_year_takes_nothing_from_this_year(
    scene: Scene, shelf: Actor, clock: Clock, mover: Someone, oil: UUID
) -> None:
    wrong = honour(scene, own(mover), 15 * POINT)
    moved = move(scene, mover)
    close(scene.app, clock, dt.date(2026, 12, 31))
    honour(scene, household_account(moved.household, THERE), 20 * POINT, THERE)

    take_back(scene, wrong, shelf)

    assert scene.order(moved, oil).state == "submitted"


def test_what_came_along_this_year_and_is_taken_back_opens_no_door(
    scene: Scene, shelf: Actor, mover: Someone, oil: UUID
) -> None:
    wrong = honour(scene, own(mover), 15 * POINT)
    honour(scene, household_account(mover.household, HERE), 6 * POINT)
    moved = move(scene, mover)
    assert scene.order(moved, oil).state == "submitted"

    take_back(scene, wrong, shelf)

    with pytest.raises(BasicPointsMissing) as refused:
        scene.order(moved, oil)
    assert "还差 14 分" in refused.value.sentence()


def test_what_came_along_of_last_year_opens_no_door_this_year(
    scene: Scene, clock: Clock, mover: Someone, oil: UUID
) -> None:
    honour(scene, own(mover), 30 * POINT)
    honour(scene, household_account(mover.household, HERE), 30 * POINT)
    clock.advance(days=60)
    honour(scene, own(mover), 9 * POINT)
    honour(scene, household_account(mover.household, HERE), 4 * POINT)
    moved = move(scene, mover)

    with pytest.raises(BasicPointsMissing) as refused:
        scene.order(moved, oil)
    assert "还差 7 分" in refused.value.sentence()
    clock.advance(minutes=1)
    # What a list of the old place brings late was earned this year, too.
    honour(scene, household_account(mover.household, HERE), 7 * POINT)

    assert scene.order(moved, oil).state == "submitted"
