"""The legs of a redemption in both communities' books (details.md 6), and their exact reversal."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from core.ids import uuid8
from exchange.orders.rows import OrderRow
from exchange.prices import standard_of
from points.accounts import account_id, clearing, open_clearing
from points.holds import capture
from points.ledger import Leg, Posting, Spending, post, spend
from points.reversal import ReverseAll, legs_of, reverse_all

if TYPE_CHECKING:
    from core.work import Work

SOURCE = "order"


def pay(work: Work, order: OrderRow) -> None:
    """Take the cost from the payer's hold, or from the account where nothing was held.

    In the home book the payer's legs sum to the cost; in the host's book clearing meets the
    price. All are one journal: the order. Repeated, nothing happens.
    """
    if order.cross:
        open_clearing(work, order.home, order.host)
    spending = Spending(
        account=order.account,
        community=order.home,
        event_at=work.now,
        source_kind=SOURCE,
        source_id=order.id,
        journal=order.id,
        note=order.reason,
    )
    legs, postings = _at_home(order) if not order.cross else _across(work, order)
    if order.hold is not None:
        capture(work, order.hold, spending, legs)
    else:
        spend(work, spending, legs)
    for posting in postings:
        post(work, posting)


def _id(order: OrderRow, act: str, leg: str) -> UUID:
    return uuid8(order.submitted_at, act, SOURCE, order.id, leg)


def _at_home(order: OrderRow) -> tuple[list[Leg], list[Posting]]:
    credit = account_id("redeemed", order.home, "service")
    act = "redemption"
    return [Leg(id=_id(order, act, "home"), act=act, credit=credit, amount=order.cost)], []


def _across(work: Work, order: OrderRow) -> tuple[list[Leg], list[Posting]]:
    legs = [
        Leg(
            id=_id(order, "redemption", "home"),
            act="redemption",
            credit=clearing(order.home, order.host),
            amount=order.par,
            standard=order.standard,
            rate=order.rate_row,
        ),
    ]
    postings = [
        _in_host_book(work, order, "redemption", "redeemed", order.price, order.standard),
    ]
    if order.exact > order.par:
        leg, posting = _difference(work, order)
        legs.append(leg)
        postings += posting
    if order.cost > order.exact:
        legs.append(
            Leg(
                id=_id(order, "rounding", "home"),
                act="rounding",
                credit=account_id("rounding", order.home, "service"),
                amount=order.cost - order.exact,
                rate=order.rate_row,
            ),
        )
    return legs, postings


def _in_host_book(
    work: Work,
    order: OrderRow,
    act: str,
    purpose: str,
    amount: int,
    standard: int,
) -> Posting:
    return Posting(
        id=_id(order, act, "host"),
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


def _difference(work: Work, order: OrderRow) -> tuple[Leg, list[Posting]]:
    """Return where what the rate adds goes: out of use, to the home fund, or to the host.

    To the host it goes through clearing, with the same standard figure in both books; what is
    too small for a centipoint over there goes out of use.
    """
    amount = order.exact - order.par
    purpose = "fund" if order.difference == "home_fund" else "retired"
    credit = account_id(purpose, order.home, "service")
    standard, postings = None, []
    theirs = amount * order.face_home // order.face_host
    if order.difference == "host" and theirs:
        credit = clearing(order.home, order.host)
        standard = standard_of(theirs, order.face_host)
        postings = [_in_host_book(work, order, "discount", "fund", theirs, standard)]
    leg = Leg(
        id=_id(order, "discount", "home"),
        act="discount",
        credit=credit,
        amount=amount,
        standard=standard,
        rate=order.rate_row,
    )
    return leg, postings


def undo(work: Work, order: OrderRow, note: str) -> None:
    """Reverse every transfer of the order by its own figures, once."""
    reverse_all(
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
