"""What staff may give somebody because they know them: a sum per payer and day.

Without the day, ten small orders would pass where one large one is refused; without the sum of
those who pay together, ten shares would; counted by station, ten orders elsewhere would.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, select

from core import settings
from core.errors import N_, Rejected
from core.formats import points
from core.work import business_day, day_start
from exchange.basket import POINT
from exchange.models import Order, OrderPayment
from points.models import Account

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.work import Work


AGREE_HOURS = 24
"""How long those who pay together have to agree to an order, from its submission on."""


class KnownTooLarge(Rejected):
    """Knowing somebody is enough up to ``redeem.known_face_points`` a day."""

    text = N_("认识本人，一天最多付 {limit} 分，今天还能付 {left} 分。请本人在自己的手机上点同意。")


class ShareTooLarge(KnownTooLarge):
    """The same for a share that somebody of the household pays, and for several together."""

    text = N_(
        "认识本人，一起付的人合计，一天最多代点 {limit} 分，今天还剩 {left} 分。"
        "请本人在自己的手机上点同意。"
    )


def left_today(
    connection: Connection, place: int, accounts: Collection[int], now: dt.datetime
) -> int:
    """Return how many centipoints these accounts together may still pay by being known.

    The limit is that of the place whose staff give their word; what was given at other places
    today counts, too.
    """
    limit = settings.integer(connection, "redeem.known_face_points", now, place) * POINT
    today = day_start(business_day(now))
    paid = connection.scalar(
        select(func.sum(OrderPayment.amount))
        .join(Order, Order.id == OrderPayment.order)
        .join(Account, Account.id == OrderPayment.account)
        .where(
            # Both narrow it to an index: whoever pays lives where the order comes from, and
            # agreed within the hours that they had.
            Order.home == Account.community,
            Order.submitted_at >= today - dt.timedelta(hours=AGREE_HOURS),
            Order.state.in_(("asked", "submitted", "ready", "collected")),
            OrderPayment.account.in_(accounts),
            OrderPayment.taken_at >= today,
            func.coalesce(OrderPayment.confirmation, Order.confirmation) == "known",
        )
    )
    return limit - int(paid or 0)


def known_payers(connection: Connection, order: UUID) -> list[int]:
    """Return the accounts that pay an order because staff knew their holders."""
    query = select(OrderPayment.account).where(
        OrderPayment.order == order, OrderPayment.confirmation == "known"
    )
    return list(connection.scalars(query))


def refuse_over(
    work: Work,
    place: int,
    accounts: Collection[int],
    amount: int = 0,
    *,
    refusal: type[KnownTooLarge] = KnownTooLarge,
) -> None:
    """Raise the refusal where an amount in centipoints is more than is left for them today."""
    left = left_today(work.connection, place, accounts, work.now)
    if amount > left:
        limit = settings.integer(work.connection, "redeem.known_face_points", work.now, place)
        raise refusal(limit=limit, left=points(max(0, left)))
