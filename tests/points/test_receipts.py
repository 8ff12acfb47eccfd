"""A receipt, and the line that it is of: whose it is, in whose book, what is known of it."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from points.accounts import resident_account
from points.lines import LineOf, line_of
from points.models import Award
from points.receipts import Evidence, ReceiptUnknown, evidence
from tests.people import HERE, THERE
from tests.points.books import one
from tests.points.correcting import Desk
from tests.points.earning import JOIN
from tests.points.statements_scene import moved, post


def test_a_receipt_has_all_that_is_known_of_a_line(desk: Desk) -> None:
    start = desk.clock.now
    first = desk.earn(event_at=start, bearing=THERE, provenance="recorded", units=3)
    at = desk.clock.now
    waits = desk.earn(settled=False, event_at=start, rule=JOIN, units=2)
    due = desk.ask(lambda c: c.scalar(select(Award.due).where(Award.id == waits)))
    accounts = [desk.account(), resident_account(one(desk.cast.wang.resident), HERE, "basic")]
    staff = one(desk.cast.staff.person)

    posted, waiting = (desk.ask(evidence, line, accounts) for line in (first, waits))
    assert posted == Evidence(
        id=first,
        kind="service",
        act="award",
        reason="便民集市，来帮忙1 小时",
        place=THERE,
        amount=1500,
        state="posted",
        event_at=start,
        posted_at=at,
        due=None,
        actor=staff,
        rule="志愿服务",
        unit="半小时",
        units=3,
        per_unit=500,
        provenance="recorded",
        source_kind="award",
        source_id=first,
    )
    assert waiting == Evidence(
        id=waits,
        kind="basic",
        act="award",
        reason="便民集市，来帮忙1 小时",
        place=HERE,
        amount=200,
        state="pending",
        event_at=start,
        posted_at=None,
        due=due,
        actor=staff,
        rule="参加活动",
        unit="次",
        units=2,
        per_unit=100,
        provenance="verified",
        source_kind="act",
        source_id=UUID(int=900),
    )


def test_a_receipt_of_what_no_rule_gave_names_none(desk: Desk) -> None:
    desk.earn()
    desk.run(post, moved(11, desk.account(), -300), desk.cast.actor(desk.cast.staff))

    assert desk.ask(evidence, UUID(int=11), [desk.account()]) == Evidence(
        id=UUID(int=11),
        kind="service",
        act="redemption",
        reason="洗洁精一瓶",
        place=HERE,
        amount=-300,
        state="collected",
        event_at=dt.datetime(2026, 11, 20, tzinfo=dt.UTC),
        posted_at=desk.clock.now,
        due=None,
        actor=one(desk.cast.staff.person),
        rule="",
        unit="",
        units=0,
        per_unit=0,
        provenance="",
        source_kind="order",
        source_id=UUID(int=11),
    )
    with pytest.raises(ReceiptUnknown):
        desk.ask(evidence, UUID(int=11), [desk.account(desk.cast.chen)])


def test_a_line_says_whose_it_is_in_whose_book_and_what_came_of_it(desk: Desk) -> None:
    wang = one(desk.cast.wang.resident)
    line = desk.earn(bearing=THERE, reason="扫雪")
    waits = desk.earn(settled=False, event_at=desk.clock.now, bearing=THERE, units=1)
    hers: dict[str, Any] = {
        "account": desk.account(),
        "holder_kind": "resident",
        "holder_id": wang,
        "points_kind": "service",
        "community": HERE,
        "place": THERE,
    }
    found = desk.ask(line_of, line)
    assert found == LineOf(
        id=line,
        first=found.first,
        act="award",
        amount=1000,
        together=1000,
        reason="扫雪",
        journal=line,
        source_kind="award",
        source_id=line,
        award=line,
        waits=False,
        **hers,
    )
    assert desk.ask(line_of, waits) == LineOf(
        id=waits,
        first=waits,
        act="award",
        amount=500,
        together=500,
        reason="便民集市，来帮忙1 小时",
        journal=None,
        source_kind="act",
        source_id=UUID(int=900),
        award=waits,
        waits=True,
        **hers,
    )
    spent = desk.spend(300)
    found = desk.ask(line_of, spent)
    assert (found.place, found.amount, found.together) == (HERE, -300, 300)
    assert (found.reason, found.award, found.journal) == ("抽纸", None, spent)
