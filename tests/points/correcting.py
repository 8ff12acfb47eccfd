"""A small scene of correcting: one of the desk proposes, another decides, about 王秀英."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import Connection, select, text

from core.acts import Actor
from core.settings import SetSetting, set_setting
from core.work import reading
from points.accounts import resident_account
from points.correcting.adjustments import (
    ProposeAdjustment,
    ProposeReversal,
    propose_adjustment,
    propose_reversal,
)
from points.correcting.deciding import DecideAdjustment, Decided, decide_adjustment
from points.earning.awards import award
from points.earning.community_rules import Caps, SetRule, set_rule
from points.ledger import Leg, Spending, spend
from points.models import Adjustment, Transfer
from points.proof import sealing, verify
from points.settlement import settle_due
from tests.conftest import Clock
from tests.people import HERE, People, Someone
from tests.points.books import REDEEMED, Nothing, one
from tests.points.earning import HOUR, serving

Run = Callable[..., Any]
GREAT: dict[str, Any] = {
    "units": 400,
    "rule": replace(HOUR, cap_per_day=None, cap_per_month=None, cap_per_year=None),
}
"""Two thousand points: more than one adjustment gives or takes."""


def deductions_on(run: Run, cast: People, clock: Clock) -> None:
    """Let the district allow deductions here, and 楼道堆物 take two points from tomorrow."""
    allowed = SetSetting(key="a", setting="points.deductions", place=HERE, value="1")
    run(set_setting, allowed, cast.actor(cast.lead))
    rule = SetRule(
        community=HERE,
        rule="deduct.corridor",
        valid_from=clock.now.date() + dt.timedelta(days=1),
        points=-200,
        caps=Caps(per_month=1, per_year=6),
        recorded_by=("社工",),
    )
    run(set_rule, rule, cast.actor(cast.lead))


@dataclass
class Desk:
    """What a test does, in words of the domain."""

    app: Flask
    run: Run
    ask: Run
    cast: People
    clock: Clock
    count: int = 0

    def serial(self) -> str:
        self.count += 1
        return f"key-{self.count}"

    def earn(self, *, settled: bool = True, who: Someone | None = None, **changes: Any) -> UUID:
        """Give an award (10 points unless units say otherwise), and let the night pass."""
        someone = who or self.cast.wang
        changes = {"holder_id": one(someone.resident)} | changes
        given = serving(self.serial(), **changes)
        made = self.run(award, given, self.cast.actor(self.cast.staff))
        if settled:
            self.night()
        return one(made.id)

    def night(self) -> None:
        self.clock.advance(days=1)
        with self.app.app_context():
            settle_due()

    def spend(self, amount: int, who: Someone | None = None) -> UUID:
        """Spend at home; return the line."""
        account = self.account(who)
        identity = UUID(int=self.count + 5000)
        self.serial()
        spending = Spending(
            account=account,
            community=HERE,
            event_at=self.clock.now,
            source_kind="test",
            source_id=identity,
            journal=identity,
            note="抽纸",
        )
        leg = Leg(id=identity, act="redemption", credit=REDEEMED, amount=amount)

        def spent(work: Any, _command: None) -> Nothing:
            spend(work, spending, [leg])
            return Nothing()

        self.run(spent, None)
        return identity

    def account(self, who: Someone | None = None) -> int:
        someone = who or self.cast.wang
        return resident_account(one(someone.resident), someone.community, "service")

    def totals(self, who: Someone | None = None) -> tuple[int, int, int]:
        """Return credited, debited and what is free."""
        row = self.ask(
            lambda c: c.execute(
                text("SELECT credited, debited, held FROM accounts WHERE id = :id"),
                {"id": self.account(who)},
            ).one()
        )
        return row[0], row[1], row[0] - row[1] - row[2]

    def propose(self, amount: int, actor: Actor | None = None, **changes: Any) -> UUID:
        """Propose to give or take points of 王秀英."""
        facts: dict[str, Any] = {
            "key": self.serial(),
            "holder_kind": "resident",
            "holder_id": one(self.cast.wang.resident),
            "points_kind": "service",
            "amount": amount,
            "reason": "签到表上是两小时",
            "evidence": "11 月 24 日签到表第 3 行",
            **changes,
        }
        made = self.run(
            propose_adjustment,
            ProposeAdjustment(**facts),
            actor or self.cast.actor(self.cast.staff),
        )
        return one(made.id)

    def propose_back(self, line: UUID, actor: Actor | None = None, **changes: Any) -> UUID:
        """Propose to undo a line."""
        facts: dict[str, Any] = {
            "key": self.serial(),
            "line": line,
            "reason": "记错了人",
            "evidence": "签到表第 5 行",
            **changes,
        }
        made = self.run(
            propose_reversal, ProposeReversal(**facts), actor or self.cast.actor(self.cast.staff)
        )
        return one(made.id)

    def decide(
        self, proposal: UUID, actor: Actor | None = None, *, refusal: str | None = None
    ) -> Decided:
        """Approve, or refuse, as the community's lead."""
        command = DecideAdjustment(
            adjustment=proposal, approve=refusal is None, refusal=refusal or ""
        )
        done: Decided = self.run(
            decide_adjustment, command, actor or self.cast.actor(self.cast.lead)
        )
        return done

    def back(self, line: UUID, **changes: Any) -> Decided:
        """Propose to undo a line, and decide it."""
        return self.decide(self.propose_back(line, **changes))

    def broken(self) -> list[str]:
        """Return the names of broken invariants, after sealing what is closed."""
        with self.app.app_context():
            sealing.seal_days()
        with self.app.app_context(), reading() as connection:
            found = {each.name for each in verify.broken(connection)}
        # What is spent here is spent for nothing.
        return sorted(found - {"causes"})

    def row(self, proposal: UUID) -> Any:
        return self.ask(
            lambda c: c.execute(select(Adjustment.__table__).where(Adjustment.id == proposal)).one()
        )

    def made(self, proposal: UUID) -> list[Any]:
        """Return the transfers that a decision made."""
        return self.ask(made_by, proposal)  # type: ignore[no-any-return]


def made_by(connection: Connection, source: UUID) -> list[Any]:
    """Return the transfers of a source, in the order of their ids."""
    query = select(Transfer.__table__).where(Transfer.source_id == source).order_by(Transfer.id)
    return list(connection.execute(query))
