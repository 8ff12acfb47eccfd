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
from residents.heirs import heirs
from residents.models import Person, Resident, ResidentEnd

if TYPE_CHECKING:
    from sqlalchemy import Row

    from core.work import Work
    from exchange.orders.rows import OrderRow, Payment

LENGTHS = {"item": 10, "station": 10, "reason": 10, "name": 6}

RETURNED, RETURNED_AWAY = "order.returned", "order.returned_away"
"""Points of a return can be used at once; of who has gone on since, they have to follow first."""

RETURNED_ELSEWHERE = "order.returned_elsewhere"
"""And to who ordered what others have paid they do not come at all."""

BACK_LEFT = "order.back_left"
TO_HEIRS = {
    "order.collected": "order.collected_left",
    "order.cancelled": BACK_LEFT,
    "order.lapsed": BACK_LEFT,
    "order.not_agreed": BACK_LEFT,
    "order.refused": BACK_LEFT,
    RETURNED: BACK_LEFT,
}
"""What heirs are told where points of somebody who died were used, or come back."""


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
        said = RETURNED_ELSEWHERE if template == RETURNED else template
        facts = {"item": order.words, "points": whole, **params}
        _send(work, order.host, said, (str(order.id), *_orderer(work, order)), facts)
    for payment in order.payments:
        own = points(told.get(payment.account, 0))
        tell_payer(work, order, payment, template, points=own, **params)


def _orderer(work: Work, order: OrderRow) -> tuple[UUID, str | None]:
    """Return the person who ordered and the number to write to, under the record of today."""
    went = following(work.connection, "resident", order.resident)
    if went and _today(work, order.resident).id == order.ordered_by:
        now = _today(work, went[-1])
        return now.id, now.phone_cipher
    return order.ordered_by, order.phone_cipher


def tell_freed(work: Work, order: OrderRow, template: str) -> None:
    """Write a message to everybody whose share was set aside and is theirs again, but who acts."""
    for payment in order.payments:
        if payment.hold is not None and payment.payer != work.actor.person:
            tell_payer(work, order, payment, template)


def tell_payer(work: Work, order: OrderRow, payment: Payment, template: str, **params: str) -> None:
    """Write a message to one who pays a share, under the record of today.

    Of who has died those are told who inherit.
    """
    facts = {"item": order.words, "points": points(payment.amount), **params}
    own = payment.payer == order.ordered_by
    key = str(order.id) if own else f"{order.id}:{payment.payer}"
    if payment.lives_there:
        _send(work, order.host, template, (key, payment.payer, payment.phone_cipher), facts)
        return
    went = following(work.connection, "resident", payment.resident)
    now = _today(work, [payment.resident, *went][-1])
    if now.valid_to is None:
        if went and template == RETURNED:
            template = RETURNED_AWAY
        _send(work, order.host, template, (key, now.id, now.phone_cipher), facts)
    elif template in TO_HEIRS and now.keeps_until >= work.day:
        said, facts["name"] = TO_HEIRS[template], now.name
        for heir in heirs(work.connection, now.resident, work.day) or ():
            if heir != work.actor.person:
                _send(work, order.host, said, (f"{key}:{heir}", heir, None), facts)


def _today(
    work: Work, resident: UUID
) -> Row[UUID, dt.date | None, dt.date | None, UUID, str, str | None]:
    """Return who a resident is, and until when what they left stays if they have died."""
    return work.connection.execute(
        select(
            Resident.id.label("resident"),
            Resident.valid_to,
            ResidentEnd.keeps_until,
            Person.id,
            Person.name,
            Person.phone_cipher,
        )
        .join(Person, Person.id == Resident.person)
        .outerjoin(ResidentEnd, ResidentEnd.resident == Resident.id)
        .where(Resident.id == resident),
    ).one()


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
