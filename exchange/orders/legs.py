"""The legs of a redemption in both communities' books (details.md 6), and their exact reversal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from core.ids import uuid8
from exchange.orders.rows import OrderRow, Payment
from exchange.prices import standard_of
from points.accounts import account_id, clearing, open_clearing
from points.holds import capture
from points.ledger import Leg, Posting, Spending, post, spend
from points.reversal import ReverseAll, legs_of, reverse_all

if TYPE_CHECKING:
    from core.work import Work

SOURCE = "order"


def pay(work: Work, order: OrderRow) -> None:
    """Take each payer's share from the hold, or from the account where nothing was held.

    In the home book a payer's legs sum to the share; in the host's book clearing meets the price.
    All are one journal: the order. Repeated, nothing happens.
    """
    if order.cross:
        open_clearing(work, order.home, order.host)
    postings: list[Posting] = []
    for portion in portions(order):
        payment = portion.payment
        spending = Spending(
            account=payment.account,
            community=order.home,
            event_at=work.now,
            source_kind=SOURCE,
            source_id=order.id,
            journal=order.id,
            note=order.reason,
        )
        legs, met = _at_home(order, portion) if not order.cross else _across(work, order, portion)
        postings += met
        if payment.hold is not None:
            capture(work, payment.hold, spending, legs)
        else:
            spend(work, spending, legs)
    for posting in postings:
        post(work, posting)


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """One payer's part of everything that an order posts; the parts of all sum up exactly.

    ``price`` and ``standard`` meet ``par`` in the other book, ``theirs`` and ``their_standard``
    what the rate adds where that goes to the host. A pair is there on both sides or on neither.
    """

    payment: Payment
    par: int
    exact: int
    price: int
    standard: int
    theirs: int
    their_standard: int


def portions(order: OrderRow) -> list[Portion]:
    """Split the order among its payers, in the order of their accounts: the lock order."""
    theirs = their_standard = 0
    if order.difference == "host":
        theirs = (order.exact - order.par) * order.face_home // order.face_host
        their_standard = standard_of(theirs, order.face_host)
    exact = parts(order.exact, [payment.amount for payment in order.payments])
    par = parts(order.par, exact)
    price, standard = pairs((order.price, order.standard), par)
    over = [whole - less for whole, less in zip(exact, par, strict=True)]
    met, met_standard = pairs((theirs, their_standard), over)
    return [
        Portion(
            payment=payment,
            par=par[index],
            exact=exact[index],
            price=price[index],
            standard=standard[index],
            theirs=met[index],
            their_standard=met_standard[index],
        )
        for index, payment in enumerate(order.payments)
    ]


def parts(amount: int, weights: Sequence[int]) -> list[int]:
    """Split an amount by weights into integers that sum to it, none above its share rounded up."""
    total, before, made = sum(weights), 0, []
    for weight in weights:
        after = before + weight
        made.append(amount * after // total - amount * before // total if total else 0)
        before = after
    return made


def pairs(amounts: tuple[int, int], weights: Sequence[int]) -> tuple[list[int], list[int]]:
    """Split two amounts alike: where one of them has a part, the other one has, too."""
    less, more = sorted(amounts)
    small = parts(less, weights)
    large = parts(more, small)
    return (small, large) if amounts[0] == less else (large, small)


def _id(order: OrderRow, act: str, leg: str, payment: Payment) -> UUID:
    named = leg if len(order.payments) == 1 else f"{leg}:{payment.account}"
    return uuid8(order.submitted_at, act, SOURCE, order.id, named)


def _at_home(order: OrderRow, portion: Portion) -> tuple[list[Leg], list[Posting]]:
    act, payment = "redemption", portion.payment
    leg = Leg(
        id=_id(order, act, "home", payment),
        act=act,
        credit=account_id("redeemed", order.home, "service"),
        amount=payment.amount,
    )
    return [leg], []


def _across(work: Work, order: OrderRow, portion: Portion) -> tuple[list[Leg], list[Posting]]:
    payment, postings = portion.payment, []
    if portion.standard:
        met = (portion.price, portion.standard)
        postings.append(_in_host_book(work, order, payment, ("redemption", "redeemed"), met))
    legs = [
        Leg(
            id=_id(order, "redemption", "home", payment),
            act="redemption",
            credit=clearing(order.home, order.host),
            amount=portion.par,
            standard=portion.standard or None,
            rate=order.rate_row,
        ),
    ]
    if portion.exact > portion.par:
        leg, met_over = _difference(work, order, portion)
        legs.append(leg)
        postings += met_over
    if payment.amount > portion.exact:
        legs.append(
            Leg(
                id=_id(order, "rounding", "home", payment),
                act="rounding",
                credit=account_id("rounding", order.home, "service"),
                amount=payment.amount - portion.exact,
                rate=order.rate_row,
            ),
        )
    return [leg for leg in legs if leg.amount], postings


def _in_host_book(
    work: Work,
    order: OrderRow,
    payment: Payment,
    what: tuple[str, str],
    met: tuple[int, int],
) -> Posting:
    act, purpose = what
    amount, standard = met
    return Posting(
        id=_id(order, act, "host", payment),
        act=act,
        points_kind="service",
        community=order.host,
        debit=clearing(order.host, order.home),
        credit=account_id(purpose, order.host, "service"),
        amount=amount,
        event_at=work.now,
        source_kind=SOURCE,
        source_id=order.id,
        journal=order.id,
        rate=order.rate_row,
        standard=standard,
    )


def _difference(work: Work, order: OrderRow, portion: Portion) -> tuple[Leg, list[Posting]]:
    """Return where what the rate adds goes: out of use, to the home fund, or to the host.

    To the host it goes through clearing, with the same standard figure in both books; what is
    too small for a centipoint over there goes out of use.
    """
    payment, postings = portion.payment, []
    purpose = "fund" if order.difference == "home_fund" else "retired"
    credit = account_id(purpose, order.home, "service")
    if portion.theirs:
        credit = clearing(order.home, order.host)
        met = (portion.theirs, portion.their_standard)
        postings = [_in_host_book(work, order, payment, ("discount", "fund"), met)]
    leg = Leg(
        id=_id(order, "discount", "home", payment),
        act="discount",
        credit=credit,
        amount=portion.exact - portion.par,
        standard=portion.their_standard or None,
        rate=order.rate_row,
    )
    return leg, postings


def undo(work: Work, order: OrderRow, note: str) -> dict[int, int]:
    """Reverse what is left of every transfer of the order; return what each account has again."""
    return reverse_all(
        work,
        legs_of(work.connection, order.id, journal=order.id),
        ReverseAll(
            at=order.submitted_at,
            journal=uuid8(order.submitted_at, "reversal", SOURCE, order.id),
            note=note,
            source_kind=SOURCE,
            source_id=order.id,
        ),
    )
