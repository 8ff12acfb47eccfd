"""What staff may give somebody because they know them: a sum per payer, community and day.

Without the day, ten small orders would pass where one large one is refused.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from core import settings
from core.errors import N_, Rejected
from core.formats import points
from core.work import business_day, day_start
from exchange.basket import POINT
from exchange.models import Order, OrderPayment

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.work import Work


class KnownTooLarge(Rejected):
    """Knowing somebody is enough up to ``redeem.known_face_points`` a day."""

    text = N_("认识本人，一天最多付 {limit} 分，今天还能付 {left} 分。请本人在自己的手机上点同意。")


class ShareTooLarge(KnownTooLarge):
    """The same for a share that somebody of the household pays."""

    text = N_("认识本人，一天最多代点 {limit} 分，今天还剩 {left} 分。请本人在自己的手机上点同意。")


def left_today(connection: Connection, host: int, account: int, now: dt.datetime) -> int:
    """Return how many centipoints an account may still pay here today by being known."""
    limit = settings.integer(connection, "redeem.known_face_points", now, host) * POINT
    paid = connection.scalar(
        select(func.sum(OrderPayment.amount))
        .join(Order, Order.id == OrderPayment.order)
        .where(
            Order.host == host,
            Order.state.in_(("asked", "submitted", "ready", "collected")),
            Order.submitted_at >= day_start(business_day(now)),
            OrderPayment.account == account,
            OrderPayment.taken_at.is_not(None),
            func.coalesce(OrderPayment.confirmation, Order.confirmation) == "known",
        )
    )
    return limit - int(paid or 0)


def refuse_over(
    work: Work,
    host: int,
    account: int,
    amount: int = 0,
    *,
    refusal: type[KnownTooLarge] = KnownTooLarge,
) -> None:
    """Raise the refusal where an amount in centipoints is more than is left for today."""
    left = left_today(work.connection, host, account, work.now)
    if amount > left:
        limit = settings.integer(work.connection, "redeem.known_face_points", work.now, host)
        raise refusal(limit=limit, left=points(max(0, left)))
