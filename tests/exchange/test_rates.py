"""Which rate holds, and how two people change it, ahead of time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text
from sqlalchemy.exc import IntegrityError

from core.acts import SYSTEM, Actor
from core.errors import Forbidden, KeyReused
from core.ids import NIL
from core.models import OutboxMessage
from core.work import Work
from exchange.defaults import seed_rates
from exchange.models import DiscountRate, RateProposal
from exchange.rates import (
    ConfirmRate,
    DocumentMissing,
    NoticeTooShort,
    ProposalGone,
    ProposalUnknown,
    ProposeRate,
    RateOutOfRange,
    RateTaken,
    RateTooFar,
    ScopeMismatch,
    SecondPersonNeeded,
    WithdrawRate,
    cell,
    confirm_rate,
    matrix,
    propose_rate,
    rate_in_force,
    rates_from,
    withdraw_rate,
)
from exchange.rates.changes import DistrictNeedsRate, RateHolds
from residents.grants import Admin, Bootstrap, GrantRole, bootstrap, grant_role
from residents.models import District, Group, GroupMember, Person
from tests.exchange.scene import FAR_AWAY, HERE, NEXT_DOOR, POINT, THERE, Scene
from tests.people import People, second_self
from tests.points.books import one

Run = Callable[..., Any]
HERE_SUB, THERE_SUB = HERE // 1000 * 1000, THERE // 1000 * 1000
DAY = dt.date(2026, 12, 1)
MIDNIGHT = dt.datetime(2026, 11, 30, 16, tzinfo=dt.UTC)


@pytest.fixture
def lin(scene: Scene) -> Actor:
    return scene.admin("林海")


@pytest.fixture
def wu(scene: Scene) -> Actor:
    return scene.admin("吴敏")


def put(scene: Scene, scope: str, home: int, host: int, rate: int | None, **more: Any) -> None:
    """A row of the past, as a district's history holds it."""

    def write(work: Work, _command: object) -> None:
        work.connection.execute(
            insert(DiscountRate).values(
                id=work.new_id(),
                scope=scope,
                home=home,
                host=host,
                rate=rate,
                valid_from=more.get("since", dt.datetime(2026, 1, 1, tzinfo=dt.UTC)),
                document="第 1 号",
                proposed_by=NIL,
                confirmed_by=None,
                created_at=work.now,
            ),
        )

    scene.run(write, None, SYSTEM)


def rate(scene: Scene, home: int, host: int) -> tuple[int, str]:
    found = scene.ask(rate_in_force, home, host, scene.now)
    many = scene.ask(rates_from, home, [host], scene.now)[host]
    assert (many.rate, many.scope, many.row) == (found.rate, found.scope, found.row)
    return found.rate, found.scope


def proposal(**more: Any) -> ProposeRate:
    facts: dict[str, Any] = {
        "key": "form",
        "scope": "subdistricts",
        "home": HERE_SUB,
        "host": THERE_SUB,
        "rate": 9000,
        "valid_from": DAY,
        "document": "通兑公告 2026 年第 5 号",
        **more,
    }
    return ProposeRate(**facts)


def test_the_defaults_hold_where_nothing_else_does(scene: Scene) -> None:
    assert rate(scene, HERE, HERE) == (10_000, "own")
    assert rate(scene, HERE, NEXT_DOOR) == (10_000, "same_subdistrict")
    assert rate(scene, HERE, THERE) == (8000, "district")


def test_a_districts_first_rates_are_its_settings_as_it_is_loaded_and_not_later(
    scene: Scene,
) -> None:
    scene.set_to("exchange.rate.same_subdistrict", "90")
    scene.set_to("exchange.rate.default", "60")

    scene.run(seed_rates, None, SYSTEM)
    assert (rate(scene, HERE, NEXT_DOOR)[0], rate(scene, HERE, THERE)[0]) == (10_000, 8000)

    def unload(work: Work, _command: object) -> None:
        work.connection.execute(delete(DiscountRate))

    scene.run(unload, None, SYSTEM)
    scene.run(seed_rates, None, SYSTEM)
    assert (rate(scene, HERE, NEXT_DOOR)[0], rate(scene, HERE, THERE)[0]) == (9000, 6000)


def test_the_narrowest_scope_holds_and_a_row_without_a_rate_ends_it(scene: Scene) -> None:
    """From the widest to the narrowest, each takes over; then each ends, and the next is back."""

    def together(work: Work, _command: object) -> None:
        group = work.new_id()
        work.connection.execute(insert(Group).values(id=group, name="湖滨片区"))
        for community in (HERE, THERE):
            work.connection.execute(insert(GroupMember).values(community=community, group=group))

    scene.run(together, None, SYSTEM)
    steps = [
        ("group", 0, 0, 8100),
        ("subdistricts", HERE_SUB, THERE_SUB, 8300),
        ("host", 0, THERE, 8400),
        ("home", HERE, 0, 8500),
        ("pair", HERE, THERE, 8600),
    ]
    for scope, home, host, value in steps:
        put(scene, scope, home, host, value)
        assert rate(scene, HERE, THERE) == (value, scope)
    # Rates are directed, and others are not touched.
    assert rate(scene, THERE, HERE) == (8100, "group")
    assert rate(scene, NEXT_DOOR, THERE) == (8400, "host")
    assert rate(scene, HERE, FAR_AWAY) == (8500, "home")
    assert rate(scene, NEXT_DOOR, FAR_AWAY) == (8000, "district")
    later = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    for index in range(len(steps) - 1, 0, -1):
        scope, home, host, _ = steps[index]
        put(scene, scope, home, host, None, since=later)
        assert rate(scene, HERE, THERE) == (steps[index - 1][3], steps[index - 1][0])


def test_a_rate_is_found_in_one_query(scene: Scene, statements: Any) -> None:
    with statements() as seen:
        scene.ask(rate_in_force, HERE, THERE, scene.now)

    assert len([each for each in seen if "discount_rates" in each]) == 1
    with statements() as seen:
        scene.ask(matrix, scene.now)
    assert len([each for each in seen if each.lstrip().startswith("SELECT")]) == 3


@pytest.mark.parametrize("second", ["spouse", "twin"])
def test_who_lives_with_the_one_or_is_the_same_human_does_not_confirm(
    run: Run, ask: Run, cast: People, second: str
) -> None:
    other = cast.li if second == "spouse" else second_self(run, cast.wang)
    maker, checker = (
        replace(cast.actor(cast.lin), person=one(each.person)) for each in (cast.wang, other)
    )
    proposed = run(propose_rate, proposal(), maker)

    with pytest.raises(SecondPersonNeeded):
        run(confirm_rate, ConfirmRate(proposal=proposed.id), checker)
    assert ask(lambda c: c.scalar(select(RateProposal.state))) == "proposed"


def test_two_people_change_a_rate_and_residents_read_it_ahead(
    scene: Scene, lin: Actor, wu: Actor, clock: Any
) -> None:
    proposed = scene.run(propose_rate, proposal(), lin)
    again = scene.run(propose_rate, proposal(), lin)
    assert again.id == proposed.id
    with pytest.raises(KeyReused):
        scene.run(propose_rate, proposal(rate=9500), lin)
    with pytest.raises(SecondPersonNeeded) as caught:
        scene.run(confirm_rate, ConfirmRate(proposal=proposed.id), lin)
    assert int(caught.value.status) == 403
    assert rate(scene, HERE, THERE) == (8000, "district")

    for _ in range(2):
        confirmed = scene.run(confirm_rate, ConfirmRate(proposal=proposed.id), wu)
        assert (confirmed.state, confirmed.valid_from) == ("confirmed", MIDNIGHT)

    found = scene.ask(matrix, scene.now)
    index = {place.code: at for at, place in enumerate(found.subdistricts)}
    there = found.rows[index[HERE_SUB]][index[THERE_SUB]]
    assert (there.rate, there.scope, there.upcoming.rate) == (8000, "district", 9000)
    assert (found.published, found.waiting, found.own) == (1, 0, 0)
    clock.set(MIDNIGHT - dt.timedelta(seconds=1))
    assert rate(scene, HERE, THERE) == (8000, "district")
    clock.set(MIDNIGHT)
    assert rate(scene, HERE, THERE) == (9000, "subdistricts")
    assert rate(scene, THERE, HERE) == (8000, "district")
    with pytest.raises(RateHolds):
        scene.run(withdraw_rate, WithdrawRate(proposal=proposed.id), lin)


def test_an_order_keeps_the_rate_of_its_day(
    scene: Scene, lin: Actor, wu: Actor, clock: Any
) -> None:
    zhou = scene.staff(THERE, name="周国栋")
    scene.station(THERE, zhou)
    wang = scene.resident(HERE, points=300)
    item = scene.item(THERE, zhou, stock=10, price=20 * POINT)
    proposed = scene.run(propose_rate, proposal(), lin)
    scene.run(confirm_rate, ConfirmRate(proposal=proposed.id), wu)
    clock.set(MIDNIGHT - dt.timedelta(minutes=5))
    token = scene.quote(wang, item).token
    clock.set(MIDNIGHT + dt.timedelta(minutes=4))

    order = scene.submit(wang, token)

    assert order.cost == 2500
    assert scene.order_row(order.id).rate == 8000
    assert scene.quote(wang, item).cost == 2300


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"rate": 0}, RateOutOfRange),
        ({"rate": -1}, RateOutOfRange),
        ({"rate": 10_001}, RateOutOfRange),
        ({"scope": "planet"}, ScopeMismatch),
        ({"home": HERE}, ScopeMismatch),
        ({"host": 0}, ScopeMismatch),
        ({"scope": "district"}, ScopeMismatch),
        ({"scope": "home", "home": HERE}, ScopeMismatch),
        ({"scope": "pair", "home": HERE, "host": HERE}, ScopeMismatch),
        ({"scope": "group", "home": 0, "host": 0}, ScopeMismatch),
        ({"scope": "district", "home": 0, "host": 0, "rate": None}, DistrictNeedsRate),
        ({"valid_from": dt.date(2026, 11, 30)}, NoticeTooShort),
        ({"valid_from": dt.date(2028, 11, 24)}, RateTooFar),
        ({"valid_from": dt.date(9999, 12, 31)}, RateTooFar),
        ({"document": "  "}, DocumentMissing),
    ],
)
def test_a_proposal_that_breaks_a_rule_is_refused(
    scene: Scene, lin: Actor, more: dict[str, Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal) as caught:
        scene.run(propose_rate, proposal(**more), lin)

    assert caught.value.status == 422  # type: ignore[attr-defined]


def test_the_days_of_notice_are_the_districts_setting(scene: Scene, lin: Actor, wu: Actor) -> None:
    scene.set_to("exchange.notice_days", "8")
    with pytest.raises(NoticeTooShort) as caught:
        scene.run(propose_rate, proposal(), lin)
    assert "最早从 12 月 2 日起" in caught.value.sentence()

    scene.set_to("exchange.notice_days", "1")
    tomorrow = proposal(valid_from=dt.date(2026, 11, 25))
    proposed = scene.run(propose_rate, tomorrow, lin)
    assert scene.run(confirm_rate, ConfirmRate(proposal=proposed.id), wu).state == "confirmed"


def test_only_district_admins_change_rates(scene: Scene, lin: Actor) -> None:
    proposed = scene.run(propose_rate, proposal(), lin)
    for actor in (scene.staff(HERE, role="lead"), scene.resident(HERE).actor):
        with pytest.raises(Forbidden):
            scene.run(propose_rate, proposal(key="other"), actor)
        with pytest.raises(Forbidden):
            scene.run(confirm_rate, ConfirmRate(proposal=proposed.id), actor)
        with pytest.raises(Forbidden):
            scene.run(withdraw_rate, WithdrawRate(proposal=proposed.id), actor)


def test_a_proposal_can_be_withdrawn_and_so_can_a_rate_before_its_day(
    scene: Scene, lin: Actor, wu: Actor
) -> None:
    first = scene.run(propose_rate, proposal(), lin)
    scene.run(withdraw_rate, WithdrawRate(proposal=first.id), lin)
    with pytest.raises(ProposalGone):
        scene.run(confirm_rate, ConfirmRate(proposal=first.id), wu)
    second = scene.run(propose_rate, proposal(key="second"), lin)
    scene.run(confirm_rate, ConfirmRate(proposal=second.id), wu)
    published = WithdrawRate(proposal=second.id)
    asked = [scene.run(withdraw_rate, published, wu) for _ in range(2)]
    assert {(each.id, each.state) for each in asked} == {(asked[0].id, "proposed")}
    assert scene.ask(matrix, scene.now).published == 1
    assert not scene.ask(matrix, scene.now).waiting
    with pytest.raises(SecondPersonNeeded):
        scene.run(confirm_rate, ConfirmRate(proposal=asked[0].id), wu)
    for _ in range(2):
        scene.run(confirm_rate, ConfirmRate(proposal=asked[0].id), lin)
    assert scene.run(withdraw_rate, published, wu).state == "withdrawn"
    assert scene.ask(matrix, scene.now).published == 0
    with pytest.raises(ProposalUnknown):
        scene.run(confirm_rate, ConfirmRate(proposal=NIL), wu)


def test_a_rate_that_began_while_its_withdrawal_waited_stays(
    scene: Scene, lin: Actor, wu: Actor, clock: Any
) -> None:
    first = scene.run(propose_rate, proposal(), lin)
    scene.run(confirm_rate, ConfirmRate(proposal=first.id), wu)
    asked = scene.run(withdraw_rate, WithdrawRate(proposal=first.id), wu)
    clock.set(MIDNIGHT)

    with pytest.raises(RateHolds):
        scene.run(confirm_rate, ConfirmRate(proposal=asked.id), lin)
    gone = scene.run(withdraw_rate, WithdrawRate(proposal=asked.id), wu)
    assert gone.state == "withdrawn"
    assert scene.ask(matrix, scene.now).own == 1


def test_two_rates_of_a_scope_never_begin_together(scene: Scene, lin: Actor, wu: Actor) -> None:
    first = scene.run(propose_rate, proposal(), lin)
    second = proposal(key="second", rate=9500)
    # While the first waits, and once it is published.
    with pytest.raises(RateTaken):
        scene.run(propose_rate, second, wu)
    scene.run(confirm_rate, ConfirmRate(proposal=first.id), wu)
    with pytest.raises(RateTaken):
        scene.run(propose_rate, second, wu)
    # Another scope, another direction and another day are other rates.
    others: tuple[dict[str, Any], ...] = (
        {"home": THERE_SUB, "host": HERE_SUB},
        {"scope": "district", "home": 0, "host": 0},
        {"valid_from": dt.date(2026, 12, 2)},
        {"valid_from": dt.date(2028, 11, 23)},
    )
    for number, more in enumerate(others):
        scene.run(propose_rate, proposal(key=f"other-{number}", **more), lin)
    assert len(scene.ask(lambda c: c.execute(select(RateProposal.id)).all())) == 1 + len(others)


def test_what_was_withdrawn_is_in_nobodys_way(scene: Scene, lin: Actor, wu: Actor) -> None:
    first = scene.run(propose_rate, proposal(), lin)
    scene.run(withdraw_rate, WithdrawRate(proposal=first.id), lin)

    again = scene.run(propose_rate, proposal(key="second", rate=9500), lin)

    assert scene.run(confirm_rate, ConfirmRate(proposal=again.id), wu).state == "confirmed"


def test_of_two_that_were_proposed_at_once_one_is_published(
    scene: Scene, lin: Actor, wu: Actor
) -> None:
    late = scene.run(propose_rate, proposal(), lin)
    put(scene, "subdistricts", HERE_SUB, THERE_SUB, 9500, since=MIDNIGHT)

    with pytest.raises(RateTaken):
        scene.run(confirm_rate, ConfirmRate(proposal=late.id), wu)


def test_the_second_persons_delay_does_not_eat_the_notice(
    scene: Scene, lin: Actor, wu: Actor, clock: Any
) -> None:
    proposed = scene.run(propose_rate, proposal(), lin)
    clock.advance(days=1)

    with pytest.raises(NoticeTooShort) as caught:
        scene.run(confirm_rate, ConfirmRate(proposal=proposed.id), wu)

    assert "最早从 12 月 2 日起" in caught.value.sentence()


def test_the_database_refuses_one_person_and_a_rate_above_par(scene: Scene, lin: Actor) -> None:
    scene.run(propose_rate, proposal(), lin)
    cheats = {
        "UPDATE rate_proposals SET state = 'confirmed', decided_by = proposed_by": "two_people",
        "UPDATE rate_proposals SET rate = 10001": "ck_rate_proposals_rate",
        "UPDATE discount_rates SET rate = 0": "ck_discount_rates_rate",
        "UPDATE discount_rates SET confirmed_by = proposed_by": "two_people",
    }
    for cheat, fence in cheats.items():

        def write(work: Work, _command: object, cheat: str = cheat) -> None:
            work.connection.execute(text(cheat))

        with pytest.raises(IntegrityError, match=fence):
            scene.run(write, None, lin)


def test_the_other_admin_hears_of_it(scene: Scene, run: Any) -> None:
    run(
        bootstrap,
        Bootstrap(
            admins=(
                Admin(name="林海", phone="13700000001"),
                Admin(name="吴敏", phone="13700000002"),
            ),
        ),
    )
    ids = {
        row.name: row.id
        for row in scene.ask(lambda c: c.execute(select(Person.name, Person.id)).all())
    }
    lin = Actor(person=ids["林海"], role="district_admin", scope_kind="district", place=330102)

    # A third was named and not confirmed yet: that one gets in nowhere, and hears nothing.
    district = scene.ask(lambda c: c.scalar(select(District.code)))
    third = GrantRole(name="郑洁", phone="13700000003", role="district_admin", place=district)
    assert not scene.run(grant_role, third, lin).exists

    scene.run(propose_rate, proposal(), lin)

    told = scene.ask(
        lambda c: c.scalars(
            select(OutboxMessage.person).where(OutboxMessage.template == "district.rate_waiting"),
        ).all(),
    )
    assert told == [ids["吴敏"]]


def test_a_cell_shows_its_ladder_its_past_and_its_exceptions(
    scene: Scene, lin: Actor, wu: Actor, clock: Any
) -> None:
    put(scene, "subdistricts", HERE_SUB, THERE_SUB, 8500)
    put(scene, "pair", HERE, THERE, 9900)
    proposed = scene.run(propose_rate, proposal(), lin)
    scene.run(confirm_rate, ConfirmRate(proposal=proposed.id), wu)

    found = scene.ask(cell, HERE_SUB, THERE_SUB, scene.now)

    assert (found.home.name, found.host.name) == ("小营街道", "紫阳街道")
    assert found.in_force.rate == 8500
    assert [(rung.scope, rung.rate, rung.count, rung.holds) for rung in found.ladder] == [
        ("pair", None, 1, False),
        ("home", None, 0, False),
        ("host", None, 0, False),
        ("subdistricts", 8500, 1, True),
        ("same_subdistrict", 10_000, 1, False),
        ("group", None, 0, False),
        ("district", 8000, 1, False),
    ]
    assert [row.rate for row in found.history] == [8500, 8000]
    assert [row.rate for row in found.upcoming] == [9000]
    assert [row.rate for row in found.exceptions] == [9900]
    assert len(found.home_communities) == 12
    assert scene.ask(cell, HERE_SUB, 1, scene.now) is None
