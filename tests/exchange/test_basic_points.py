"""Basic points are unreachable from every door of the exchange, and the database says so itself."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from core.acts import SYSTEM, Actor
from core.ids import uuid8
from core.work import Work
from points.accounts import account_id, household_account, resident_account
from points.holds import OpenHold, hold
from points.ledger import InsufficientPoints, Posting, post
from tests.exchange.scene import HERE, POINT, Scene, Someone
from tests.fences import refused


def honour(work: Work, someone: Someone) -> None:
    """Give a resident and the household a thousand basic points each."""
    for account in (
        resident_account(someone.resident, HERE, "basic"),
        household_account(someone.household, HERE),
    ):
        identity = uuid8(work.now, "award", account)
        post(
            work,
            Posting(
                id=identity,
                act="award",
                points_kind="basic",
                community=HERE,
                debit=account_id("issued", HERE, "basic"),
                credit=account,
                amount=1000 * POINT,
                event_at=work.now,
                source_kind="award",
                source_id=identity,
            ),
        )


@pytest.fixture
def chen(scene: Scene) -> Actor:
    clerk = scene.staff(HERE)
    scene.station(HERE, clerk)
    return clerk


def test_a_thousand_basic_points_buy_nothing(scene: Scene, chen: Actor) -> None:
    wang = scene.resident(HERE)
    scene.run(honour, wang, SYSTEM)
    item = scene.item(HERE, chen, stock=5, price=POINT)

    quoted = scene.quote(wang, item)
    assert quoted.available == 0
    with pytest.raises(InsufficientPoints):
        scene.submit(wang, quoted.token)
    with pytest.raises(InsufficientPoints):
        scene.redeem(wang, item, chen)
    with pytest.raises(InsufficientPoints):
        scene.redeem(wang, item, chen, "device")
    assert scene.stock_row(item).reserved == 0


def test_no_address_of_the_exchange_names_a_kind_of_points(app: Flask) -> None:
    """Nothing that comes in says which account pays: there is only the one that may."""
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("exchange")]
    assert len(rules) > 20
    document = app.test_client().get("/api/v1/openapi.json").get_json()
    ours = [
        operation
        for operations in document["paths"].values()
        for operation in operations.values()
        if isinstance(operation, dict) and "exchange_api" in operation.get("tags", ())
    ]
    assert len(ours) > 15
    assert "points_kind" not in str(ours)


CHEATS = (
    # A payment from a basic account, of the basic kind, from the household's.
    ("fk_order_payments_account", "UPDATE order_payments SET account = :basic"),
    (
        "ck_order_payments_service_only",
        "UPDATE order_payments SET account = :basic, points_kind = 'basic'",
    ),
    ("fk_order_payments_account", "UPDATE order_payments SET account = :household"),
    # A hold on one, of the basic kind; basic points set aside.
    ("fk_holds_account", "UPDATE holds SET account = :basic"),
    ("ck_holds_service_only", "UPDATE holds SET account = :basic, points_kind = 'basic'"),
    ("ck_accounts_basic_never_held", "UPDATE accounts SET held = 1 WHERE id = :basic"),
    # A household with service points; a redemption of basic ones.
    (
        "ck_accounts_household_basic",
        "UPDATE accounts SET points_kind = 'service' WHERE id = :household",
    ),
    (
        "ck_transfers_basic_fence",
        "UPDATE transfers SET act = 'redemption' WHERE points_kind = 'basic'",
    ),
)


def test_the_database_refuses_each_way_by_itself(scene: Scene, chen: Actor) -> None:
    wang = scene.resident(HERE, points=100)
    scene.run(honour, wang, SYSTEM)
    scene.order(wang, scene.item(HERE, chen, stock=5, price=POINT))

    accounts = {
        "basic": resident_account(wang.resident, HERE, "basic"),
        "household": household_account(wang.household, HERE),
    }
    for fence, cheat in CHEATS:
        named = {name: value for name, value in accounts.items() if f":{name}" in cheat}
        refused(scene.app, fence, cheat, **named)


def test_a_hold_asked_of_a_basic_account_is_refused(scene: Scene, chen: Actor) -> None:
    wang = scene.resident(HERE)
    scene.run(honour, wang, SYSTEM)

    def seeded(work: Work, someone: Someone) -> None:
        hold(
            work,
            OpenHold(
                id=work.new_id(),
                account=resident_account(someone.resident, HERE, "basic"),
                amount=POINT,
                reason="抽纸",
                source_kind="order",
                source_id=work.new_id(),
            ),
        )

    with pytest.raises(IntegrityError, match="ck_accounts_basic_never_held"):
        scene.run(seeded, wang, SYSTEM)
