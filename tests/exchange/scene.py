"""A small scene for the exchange: two communities with stations, staff, residents with points.

Everything is made through use cases. Amounts are centipoints unless a name says points.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import Connection, func, select

from core.acts import SYSTEM, Actor, Role
from core.ids import uuid8
from core.settings import SetSetting, set_setting
from core.work import Work, present, reading, transact
from exchange.basket import Wanted
from exchange.counter import CounterRedemption, Redeemed, redeem_at_counter
from exchange.models import Order, QuotaUsage, Stock
from exchange.orders import (
    ApproveOrders,
    Ordered,
    ReturnOrder,
    SubmitOrder,
    approve_orders,
    return_order,
    submit_order,
)
from exchange.orders.rows import load_one
from exchange.quote import Quote, quote
from exchange.stations import AddItem, OpenStation, add_item, open_station
from exchange.stock import ReceiveStock, receive_stock
from points.accounts import account_id, resident_account
from points.ledger import Posting, post
from points.models import Account, AccountDelta, AccountFold, Transfer
from residents.people import EnterResident, Register, enter_resident, register
from tests.points.books import appointed, there_is

HERE = 330102004051  # 小营巷社区
NEXT_DOOR = 330102004052  # 马市街社区, the same subdistrict
THERE = 330102009051  # 十五奎巷社区, another subdistrict
FAR_AWAY = 330102008051  # 馒头山社区, where staff of the scene live
POINT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Someone:
    """A resident with the actor of their own phone."""

    resident: UUID
    person: UUID
    household: UUID
    community: int

    @property
    def actor(self) -> Actor:
        return Actor(
            person=self.person,
            role="resident",
            resident=self.resident,
            household=self.household,
            name="居民",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Gift:
    """Points for the beginning of a test."""

    resident: UUID
    community: int
    amount: int
    cause: str


def give(work: Work, command: Gift) -> Gift:
    """Post an award, as settlement would."""
    identity = uuid8(work.now, "award", command.cause, command.resident)
    post(
        work,
        Posting(
            id=identity,
            act="award",
            points_kind="service",
            community=command.community,
            debit=account_id("issued", command.community, "service"),
            credit=resident_account(command.resident, command.community, "service"),
            amount=command.amount,
            event_at=work.now,
            source_kind="award",
            source_id=identity,
        ),
    )
    return command


class Scene:
    """What a test of the exchange does, in words of the domain."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.count = 0
        self.first: UUID | None = None

    def run(self, use_case: Callable[[Work, Any], Any], command: object, actor: Actor) -> Any:
        with self.app.app_context():
            return transact(use_case, command, actor)

    def ask(self, query: Callable[..., Any], *args: object) -> Any:
        with self.app.app_context(), reading() as connection:
            return query(connection, *args)

    @property
    def now(self) -> dt.datetime:
        """The application's moment."""
        with self.app.app_context():
            return present()

    def set_to(self, key: str, value: str, place: int = 0) -> None:
        """Change a setting; a moment passes, as two values cannot begin at the same one."""
        self.app.extensions["linli"].clock.advance(seconds=1)
        self.run(
            set_setting,
            SetSetting(key=self.serial(), setting=key, place=place, value=value),
            SYSTEM,
        )

    def serial(self) -> str:
        self.count += 1
        return f"key-{self.count}"

    def staff(self, community: int, role: Role = "staff", name: str = "小陈") -> Actor:
        """Somebody who works at a community and lives elsewhere."""
        someone = self.resident(FAR_AWAY, points=0, name=name)
        self.run(there_is, lambda work: appointed(work, someone.person, role, community), SYSTEM)
        return Actor(person=someone.person, role=role, scope_kind="community", place=community)

    def admin(self, name: str) -> Actor:
        """A district admin."""
        someone = self.resident(FAR_AWAY, points=0, name=name)
        return Actor(
            person=someone.person, role="district_admin", scope_kind="district", place=330102
        )

    def working(self, someone: Someone, community: int, role: Role = "staff") -> Actor:
        """A resident in their role at a community."""
        return Actor(person=someone.person, role=role, scope_kind="community", place=community)

    def resident(
        self,
        community: int,
        *,
        points: int = 0,
        name: str = "王秀芳",
        household: UUID | None = None,
        confirmed: bool = True,
        phone: str | None = None,
    ) -> Someone:
        """A resident with service points, confirmed unless said otherwise."""
        number = self.count = self.count + 1
        phone = phone or f"139{number:08d}"
        if confirmed:
            clerk = Actor(
                person=self.clerk(), role="staff", scope_kind="community", place=community
            )
            command = EnterResident(
                community=community,
                name=name,
                phone=phone,
                household=household,
                another_person=True,
            )
            entered = self.run(enter_resident, command, clerk)
        else:
            entered = self.run(
                register,
                Register(
                    phone=phone, name=name, community=community, consent=True, is_fourteen=True
                ),
                SYSTEM,
            )
        someone = Someone(
            resident=entered.resident,
            person=entered.person,
            household=entered.household,
            community=community,
        )
        if points:
            self.give(someone, points * POINT)
        return someone

    def clerk(self) -> UUID:
        """Whoever enters the scene's residents: a person who registered first of all."""
        if self.first is None:
            first = Register(
                phone="13800000000", name="林", community=HERE, consent=True, is_fourteen=True
            )
            self.first = self.run(register, first, SYSTEM).person
        return self.first

    def give(self, someone: Someone, amount: int) -> None:
        command = Gift(
            resident=someone.resident,
            community=someone.community,
            amount=amount,
            cause=self.serial(),
        )
        self.run(give, command, SYSTEM)

    def station(self, community: int, clerk: Actor) -> UUID:
        opened = self.run(
            open_station,
            OpenStation(
                community=community,
                name="积分驿站",
                address="小营巷 12 号",
                hours="周一至周六 9:00–17:00",
            ),
            clerk,
        )
        return UUID(str(opened.id))

    def item(self, community: int, clerk: Actor, *, stock: int = 0, **terms: Any) -> UUID:
        """An item open to everybody at once, unless the terms say otherwise."""
        facts: dict[str, Any] = {
            "name": f"抽纸{self.serial()}",
            "price": 20 * POINT,
            "home_first_days": 0,
            "foreign_share_percent": 100,
            **terms,
        }
        made = self.run(add_item, AddItem(community=community, **facts), clerk)
        if stock:
            command = ReceiveStock(key=self.serial(), item=made.id, quantity=stock)
            self.run(receive_stock, command, clerk)
        return UUID(str(made.id))

    def quote(self, someone: Someone, item: UUID, quantity: int = 1) -> Quote:
        wanted = [Wanted(item=item, quantity=quantity)]
        with self.app.app_context(), reading() as connection:
            return quote(connection, someone.resident, wanted, present())

    def order(self, someone: Someone, item: UUID, quantity: int = 1) -> Ordered:
        """Ask for the price, and submit."""
        return self.submit(someone, self.quote(someone, item, quantity).token)

    def submit(self, someone: Someone, token: str, key: str | None = None) -> Ordered:
        command = SubmitOrder(key=key or self.serial(), resident=someone.resident, quote=token)
        made: Ordered = self.run(submit_order, command, someone.actor)
        return made

    def approve(self, order: UUID, clerk: Actor) -> str:
        """Approve, and return the pickup code."""
        decided = self.run(approve_orders, ApproveOrders(orders=(order,)), clerk)
        refusal = decided.decisions[0].refusal
        if refusal is not None:
            raise refusal
        return str(self.order_row(order).pickup_code)

    def redeem(
        self,
        someone: Someone,
        item: UUID,
        clerk: Actor,
        confirmation: Any = "known",
        quantity: int = 1,
    ) -> Redeemed:
        command = CounterRedemption(
            key=self.serial(),
            resident=someone.resident,
            lines=(Wanted(item=item, quantity=quantity),),
            confirmation=confirmation,
        )
        made: Redeemed = self.run(redeem_at_counter, command, clerk)
        return made

    def take_back(self, order: UUID, community: int) -> None:
        """Another person of the station than who gave the goods out takes them back."""
        colleague = self.staff(community, "lead", name="沈建华")
        self.run(return_order, ReturnOrder(order=order, reason="坏了"), colleague)

    def order_row(self, order: UUID) -> Any:
        return self.ask(lambda c: c.execute(select(Order.__table__).where(Order.id == order)).one())

    def words(self, order: UUID) -> str:
        """The order's items in a few words."""
        return str(self.ask(load_one, order).words)

    def stock_row(self, item: UUID) -> Any:
        return self.ask(
            lambda c: c.execute(select(Stock.__table__).where(Stock.item == item)).one()
        )

    def account(self, someone: Someone) -> Any:
        number = resident_account(someone.resident, someone.community, "service")
        return self.ask(
            lambda c: c.execute(select(Account.__table__).where(Account.id == number)).one(),
        )

    def free(self, someone: Someone) -> int:
        """What the resident can spend, in centipoints."""
        row = self.account(someone)
        return int(row.credited - row.debited - row.held)

    def used(self, quota: str, subject: object) -> int:
        return int(
            self.ask(
                lambda c: c.scalar(
                    select(func.coalesce(func.sum(QuotaUsage.used), 0)).where(
                        QuotaUsage.quota == quota, QuotaUsage.subject == str(subject)
                    ),
                ),
            ),
        )

    def book(self, purpose: str, community: int, counterpart: int = 0) -> tuple[int, int]:
        """Return the balance of a system account (credits minus debits), and its standard sum."""
        number = account_id(purpose, community, "service", counterpart=counterpart)
        return self.ask(lambda c: balance_of(c, number))  # type: ignore[no-any-return]

    def transfers(self, order: UUID) -> list[Any]:
        return list(
            self.ask(
                lambda c: c.execute(
                    select(Transfer.__table__)
                    .where(Transfer.source_id == order)
                    .order_by(Transfer.id),
                ).all(),
            ),
        )


def balance_of(connection: Connection, account: int) -> tuple[int, int]:
    """Sum folds and deltas of a system account."""
    total = standard = 0
    for table in (AccountFold, AccountDelta):
        row = connection.execute(
            select(
                func.coalesce(func.sum(table.credited - table.debited), 0),
                func.coalesce(func.sum(table.standard), 0),
            ).where(table.account == account),
        ).one()
        total, standard = total + int(row[0]), standard + int(row[1])
    return total, standard
