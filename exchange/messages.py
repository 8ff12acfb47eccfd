"""Messages of the exchange: names are cut so that an SMS stays whole, figures never are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from core import outbox
from core.directory import directory
from core.formats import points
from residents.finding import following
from residents.models import Person, Resident

if TYPE_CHECKING:
    from core.work import Work
    from exchange.orders.rows import OrderRow, Payment

LENGTHS = {"item": 10, "station": 10, "reason": 10, "name": 6}


def tell(
    work: Work,
    order: OrderRow,
    template: str,
    *,
    key: str = "",
    not_before: dt.datetime | None = None,
    **params: str,
) -> None:
    """Write a message to the one who ordered: its items and what it costs are filled in."""
    facts = {"item": order.words, "points": points(order.cost), **params}
    to = (key or str(order.id), order.ordered_by, order.phone_cipher)
    _send(work, order.host, template, to, facts, not_before)


def tell_payers(
    work: Work,
    order: OrderRow,
    template: str,
    amounts: Mapping[int, int] | None = None,
    **params: str,
) -> None:
    """Write a message to everybody who pays, each with their share, and to who ordered.

    ``amounts``: what it is about by account, where it is not the share.
    """
    shares = {payment.account: payment.amount for payment in order.payments}
    told = shares if amounts is None else amounts
    if order.ordered_by not in {payment.payer for payment in order.payments}:
        whole = points(sum(told.values()))
        tell(work, order, template, key="", not_before=None, points=whole, **params)
    for payment in order.payments:
        own = points(told.get(payment.account, 0))
        tell_payer(work, order, payment, template, points=own, **params)


def tell_freed(work: Work, order: OrderRow, template: str) -> None:
    """Write a message to everybody whose share was set aside and is theirs again, but who acts."""
    for payment in order.payments:
        if payment.hold is not None and payment.payer != work.actor.person:
            tell_payer(work, order, payment, template)


def tell_payer(work: Work, order: OrderRow, payment: Payment, template: str, **params: str) -> None:
    """Write a message to one who pays a share, under the record of today; the dead are not told."""
    receiver = _receiver(work, payment)
    if receiver is None:
        return
    facts = {"item": order.words, "points": points(payment.amount), **params}
    own = payment.payer == order.ordered_by
    key = str(order.id) if own else f"{order.id}:{payment.payer}"
    _send(work, order.host, template, (key, *receiver), facts)


def _receiver(work: Work, payment: Payment) -> tuple[UUID, str | None] | None:
    """Return the person who paid and their stored number, wherever they live by now, or None."""
    if payment.lives_there:
        return payment.payer, payment.phone_cipher
    went = following(work.connection, "resident", payment.resident)
    row = work.connection.execute(
        select(Person.id, Person.phone_cipher)
        .join(Resident, Resident.person == Person.id)
        .where(Resident.id == [payment.resident, *went][-1], Resident.valid_to.is_(None)),
    ).first()
    return None if row is None else (row.id, row.phone_cipher)


def _send(
    work: Work,
    host: int,
    template: str,
    to: tuple[str, UUID, str | None],
    facts: dict[str, str],
    not_before: dt.datetime | None = None,
) -> None:
    key, person, phone_cipher = to
    needed = outbox.TEMPLATES[template].placeholders
    if "phone" in needed:
        facts["phone"] = directory().number(work.connection, host)
    outbox.send(
        work,
        template,
        key=key,
        person=person,
        phone_cipher=phone_cipher,
        not_before=not_before,
        **{name: facts[name][: LENGTHS.get(name)] for name in needed},
    )
