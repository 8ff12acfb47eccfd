"""An order at a neighbour's station: quote, submit, approve, pick up; both books."""

from __future__ import annotations

from exchange.orders import HandOver, hand_over
from tests.exchange.scene import HERE, POINT, THERE, Scene


def test_a_resident_redeems_at_another_communitys_station(scene: Scene) -> None:
    wang = scene.resident(HERE, points=153)
    zhou = scene.staff(THERE)
    scene.station(THERE, zhou)
    rice = scene.item(THERE, zhou, stock=10, price=20 * POINT)

    quote = scene.quote(wang, rice)
    assert (quote.price, quote.cost, quote.rate) == (2000, 2500, 8000)
    assert (quote.available, quote.left) == (15300, 12800)
    assert (quote.scope, quote.document) == ("district", "区级初始折算率")
    assert quote.obstacle is None
    assert scene.free(wang) == 15300

    order = scene.submit(wang, quote.token)
    assert order.state == "submitted"
    assert scene.free(wang) == 12800
    assert scene.account(wang).held == 2500
    assert scene.stock_row(rice).reserved == 1
    assert scene.used("resident_month", wang.resident) == 2500

    code = scene.approve(order.id, zhou)
    assert len(code) == 6
    assert code.isdigit()

    given = scene.run(hand_over, HandOver(code=code), zhou)
    assert (given.state, given.cost, given.repeated) == ("collected", 2500, False)
    assert scene.account(wang).held == 0
    assert scene.free(wang) == 12800
    assert (scene.stock_row(rice).on_hand, scene.stock_row(rice).reserved) == (9, 0)

    # In A's book: P to clearing, what the rate adds out of use, nothing to round.
    assert scene.book("clearing", HERE, THERE) == (2000, 2000)
    assert scene.book("retired", HERE) == (500, 0)
    assert scene.book("rounding", HERE) == (0, 0)
    # In B's: clearing meets what was redeemed, with the same standard figure.
    assert scene.book("clearing", THERE, HERE) == (-2000, -2000)
    assert scene.book("redeemed", THERE)[0] == 2000
    journals = {row.journal for row in scene.transfers(order.id)}
    assert journals == {order.id}
