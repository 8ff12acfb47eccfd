"""A family that pays together: what the tests of shared orders do, in words of the domain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select

from core.acts import Actor
from exchange.models import OrderPayment
from exchange.orders import (
    AgreeToPay,
    DeclineToPay,
    Ordered,
    Share,
    SubmitOrder,
    agree_to_pay,
    decline_to_pay,
    submit_order,
)
from points.accounts import resident_account
from points.models import Hold
from points.proof.verify import verify
from tests.exchange.scene import HERE, POINT, Scene, Someone


@dataclass
class Family:
    """王秀芳 with 30 points, her husband with 50 and their daughter with 20."""

    scene: Scene
    wang: Someone = field(init=False)
    li: Someone = field(init=False)
    daughter: Someone = field(init=False)

    def __post_init__(self) -> None:
        self.wang = self.scene.resident(HERE, points=30)
        house = self.wang.household
        self.li = self.scene.resident(HERE, points=50, name="李国强", household=house)
        self.daughter = self.scene.resident(HERE, points=20, name="李晓燕", household=house)

    def order(
        self,
        item: UUID,
        *shares: tuple[Someone, int],
        quantity: int = 1,
        who: Someone | None = None,
        key: str | None = None,
    ) -> Ordered:
        """Order together; ``shares`` in points, the rest is the orderer's."""
        buyer = who or self.wang
        command = SubmitOrder(
            key=key or self.scene.serial(),
            resident=buyer.resident,
            quote=self.scene.quote(buyer, item, quantity).token,
            shares=tuple(
                Share(resident=each.resident, amount=amount * POINT) for each, amount in shares
            ),
        )
        made: Ordered = self.scene.run(submit_order, command, buyer.actor)
        return made

    def agree(self, order: UUID, who: Someone, actor: Actor | None = None) -> Any:
        command = AgreeToPay(order=order, resident=who.resident)
        return self.scene.run(agree_to_pay, command, actor or who.actor)

    def decline(self, order: UUID, who: Someone, actor: Actor | None = None) -> Any:
        command = DeclineToPay(order=order, resident=who.resident)
        return self.scene.run(decline_to_pay, command, actor or who.actor)

    def held(self) -> tuple[int, int, int]:
        """What each has set aside, in centipoints."""
        return (
            int(self.scene.account(self.wang).held),
            int(self.scene.account(self.li).held),
            int(self.scene.account(self.daughter).held),
        )

    def free(self) -> tuple[int, int, int]:
        """What each can spend, in centipoints."""
        return (
            self.scene.free(self.wang),
            self.scene.free(self.li),
            self.scene.free(self.daughter),
        )

    def open_holds(self) -> int:
        query = select(Hold.id).where(Hold.state == "open")
        return len(self.scene.ask(lambda c: c.scalars(query).all()))

    def payment(self, order: UUID, who: Someone) -> Any:
        account = resident_account(who.resident, who.community, "service")
        query = select(OrderPayment.__table__).where(
            OrderPayment.order == order, OrderPayment.account == account
        )
        return self.scene.ask(lambda c: c.execute(query).one())


def broken(scene: Scene) -> list[str]:
    """What the verifier finds, apart from the scene's gifts: no award stands behind those."""
    found = scene.ask(lambda c: [each.name for each in verify(c).broken])
    return [name for name in found if name != "awarded transfers"]
