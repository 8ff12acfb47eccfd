"""Messages of the exchange, each placeholder cut so that an SMS stays whole."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from core import outbox
from core.directory import directory
from core.formats import points
from core.work import SHANGHAI

if TYPE_CHECKING:
    from core.work import Work
    from exchange.orders.rows import OrderRow

LENGTHS = {
    "item": 10,
    "points": 4,
    "code": 6,
    "date": 6,
    "station": 10,
    "reason": 10,
    "phone": 13,
    "time": 11,
}


def date_words(moment: dt.datetime) -> str:
    """Write a day in at most six characters: "11月28日"."""
    day = moment.astimezone(SHANGHAI)
    return f"{day.month}月{day.day}日"


def time_words(moment: dt.datetime) -> str:
    """Write a moment in at most eleven characters: "11月28日14:03"."""
    return f"{date_words(moment)}{moment.astimezone(SHANGHAI):%H:%M}"


def tell(
    work: Work,
    order: OrderRow,
    template: str,
    *,
    key: str = "",
    not_before: dt.datetime | None = None,
    **params: str,
) -> None:
    """Write a message to the payer of an order: its items and points are filled in."""
    facts = {"item": order.words, "points": points(order.cost), **params}
    needed = outbox.TEMPLATES[template].placeholders
    if "phone" in needed:
        facts["phone"] = directory().number(work.connection, order.host)
    outbox.send(
        work,
        template,
        key=key or str(order.id),
        person=order.payer,
        phone_cipher=order.phone_cipher,
        not_before=not_before,
        **{name: facts[name][: LENGTHS[name]] for name in needed},
    )
