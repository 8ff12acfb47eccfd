"""Both communities' books after the story, to the centipoint; it is one story in both tests.

Two hours of help at 便民集市 earn 24 points at home. Ten eggs cost 15 at the host's, where a point
of the home counts for 0.8: exactly 18.75, and 19 after the one rounding up.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from points.books import books
from points.models import Account
from points.models.ledger import PURPOSES
from tests.people import HERE, THERE

EARNED, PRICE, COST, RATE = 2400, 1500, 1900, 8000
AFTER: dict[tuple[str, int, int], tuple[int, int]] = {
    ("issued", HERE, 0): (-EARNED, 0),
    ("holder", HERE, 0): (EARNED - COST, 0),
    ("clearing", HERE, THERE): (PRICE, PRICE),
    ("retired", HERE, 0): (375, 0),
    ("rounding", HERE, 0): (25, 0),
    ("clearing", THERE, HERE): (-PRICE, -PRICE),
    ("redeemed", THERE, 0): (PRICE, PRICE),
}
"""By purpose, community and counterpart: the balance in centipoints, and in standard hundredths."""


def service(connection: Connection) -> dict[tuple[str, int, int], tuple[int, int]]:
    """Return every balance of service points that is not zero, holders' and the system's."""
    found = {
        (book.purpose, book.community, book.counterpart): (book.balance, book.standard)
        for book in books(connection, *PURPOSES)
        if book.points_kind == "service"
    }
    holders = select(Account.__table__).where(
        Account.purpose == "holder", Account.points_kind == "service", Account.credited > 0
    )
    for row in connection.execute(holders):
        assert row.held == 0
        found["holder", row.community, 0] = (row.credited - row.debited, 0)
    return found


def check(connection: Connection) -> None:
    """See that the books are right, and that each community's own sum is nothing."""
    found = service(connection)
    assert found == AFTER
    for community in (HERE, THERE):
        assert sum(each[0] for key, each in found.items() if key[1] == community) == 0
