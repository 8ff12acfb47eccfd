"""What ``flask verify`` asks of orders and stock: SQL written apart from what sells."""

from __future__ import annotations

from core.errors import N_
from exchange.verify_prices import PRICES
from exchange.verify_rates import RATES
from points.proof.checks import Check
from points.proof.verify_audited import unaudited

# Whoever orders sets their share aside at once, and so does the counter for all of them; a phone
# asks the others.
HELD_FOR_NOTHING = """
    SELECT orders.id AS what FROM order_payments
        JOIN orders ON orders.id = order_payments."order"
        LEFT JOIN holds ON holds.id = order_payments.hold
    WHERE order_payments.hold IS NOT NULL AND (holds.id IS NULL
        OR holds.account <> order_payments.account OR holds.amount <> order_payments.amount
        OR holds.source_kind <> 'order' OR holds.source_id <> orders.id
        OR (holds.state = 'open') <> (orders.state IN ('asked', 'submitted', 'ready')))
    UNION ALL SELECT orders.id FROM order_payments
        JOIN orders ON orders.id = order_payments."order"
        JOIN accounts ON accounts.id = order_payments.account
    WHERE order_payments.hold IS NULL AND (orders.state IN ('submitted', 'ready')
        OR orders.state = 'asked' AND (orders.channel = 'counter'
            OR order_payments.taken_at IS NOT NULL OR order_payments.agreed_by IS NOT NULL
            OR accounts.holder_id = orders.resident))
    UNION ALL SELECT holds.source_id FROM holds
        LEFT JOIN order_payments ON order_payments.hold = holds.id
    WHERE holds.source_kind = 'order' AND holds.state = 'open' AND order_payments.hold IS NULL"""

HELD_FOR_SOMETHING_ELSE = """
    SELECT id AS what FROM holds WHERE state = 'open' AND source_kind <> 'order'"""

# What the last run that came to its end has left: a scheduler that stood still is no broken row.
# Its own terms are a day and five minutes; an hour and five minutes more for clocks that differ.
# No place gives more than thirty days for pickup, counted from the end of the day.
KEPT_PAST_THEIR_TIME = """
    SELECT orders.id AS what FROM orders
        LEFT JOIN (SELECT max(started_at) AS at FROM job_runs
            WHERE job = 'lapse-orders' AND state = 'done') AS ran ON TRUE
    WHERE orders.state = 'ready' AND (orders.pickup_until IS NULL
            OR orders.decided_at < before(orders.pickup_until, '744 hours')
            OR orders.pickup_until <= ran.at)
        OR orders.state = 'asked' AND (orders.submitted_at <= before(ran.at, '25 hours')
            OR orders.channel = 'counter'
                AND orders.submitted_at <= before(ran.at, '10 minutes'))"""

# What the home book took is the cost, what the host's book met the price.
PAID_OTHERWISE = """
    SELECT orders.id AS what FROM orders LEFT JOIN (
        SELECT source_id, sum(CASE WHEN debit > 0 THEN amount ELSE 0 END) AS amount,
            sum(CASE WHEN debit < 0 AND act = 'redemption' THEN amount ELSE 0 END) AS met
        FROM transfers WHERE source_kind = 'order' AND act <> 'reversal' GROUP BY source_id
    ) AS paid ON paid.source_id = orders.id
    WHERE coalesce(paid.amount, 0) <> CASE WHEN orders.state IN ('collected', 'returned')
            THEN orders.cost ELSE 0 END
        OR coalesce(paid.met, 0) <> CASE WHEN orders.state IN ('collected', 'returned')
            AND orders.home <> orders.host THEN orders.price ELSE 0 END"""

PAID_FOR_NOTHING = """
    SELECT transfers.id AS what FROM transfers LEFT JOIN orders
        ON orders.id = transfers.source_id AND transfers.community IN (orders.home, orders.host)
            AND (orders.state = 'returned'
                OR orders.state = 'collected' AND transfers.act <> 'reversal')
    WHERE transfers.source_kind = 'order' AND orders.id IS NULL"""

# What each payer was debited is their share, and the shares are the cost.
SHARED_OTHERWISE = """
    SELECT orders.id AS what FROM orders
        LEFT JOIN order_payments ON order_payments."order" = orders.id
    GROUP BY orders.id, orders.cost HAVING coalesce(sum(order_payments.amount), 0) <> orders.cost
    UNION ALL SELECT orders.id FROM orders
        JOIN order_payments ON order_payments."order" = orders.id
        LEFT JOIN (
            SELECT source_id, debit, sum(amount) AS amount FROM transfers
            WHERE source_kind = 'order' AND act <> 'reversal' AND debit > 0
            GROUP BY source_id, debit
        ) AS paid ON paid.source_id = orders.id AND paid.debit = order_payments.account
    WHERE orders.state IN ('collected', 'returned')
        AND coalesce(paid.amount, 0) <> order_payments.amount"""

# An order is returned if every leg of it came back whole, and only then have its payers all again.
RETURNED_OTHERWISE = """
    SELECT orders.id AS what FROM orders
        JOIN transfers ON transfers.source_kind = 'order' AND transfers.source_id = orders.id
            AND transfers.act <> 'reversal'
        LEFT JOIN (
            SELECT reversals.original, made.debit, made.credit, sum(made.amount) AS amount,
                sum(coalesce(made.standard, 0)) AS standard
            FROM reversals JOIN transfers AS made ON made.id = reversals.reversal
            GROUP BY reversals.original, made.debit, made.credit
        ) AS back ON back.original = transfers.id
            AND back.debit = transfers.credit AND back.credit = transfers.debit
    GROUP BY orders.id, orders.state, orders.cost
    HAVING (orders.state = 'returned' AND (count(*) <> count(back.original)
            OR sum(transfers.amount) <> sum(back.amount)
            OR sum(coalesce(transfers.standard, 0)) <> sum(back.standard)))
        OR (orders.state <> 'returned'
            AND sum(CASE WHEN transfers.debit > 0 THEN back.amount ELSE 0 END) >= orders.cost)"""

STOCK_UNEXPLAINED = """
    SELECT stock.item AS what FROM stock LEFT JOIN (
        SELECT item, sum(quantity) AS quantity FROM stock_moves GROUP BY item
    ) AS moved ON moved.item = stock.item
    WHERE stock.on_hand <> coalesce(moved.quantity, 0)
        OR stock.reserved < 0 OR stock.on_hand < stock.reserved"""

RESERVED_OTHERWISE = """
    SELECT stock.item AS what FROM stock LEFT JOIN (
        SELECT order_lines.item, sum(order_lines.quantity) AS quantity FROM order_lines
            JOIN orders ON orders.id = order_lines."order"
        WHERE orders.state IN ('asked', 'submitted', 'ready') GROUP BY order_lines.item
    ) AS promised ON promised.item = stock.item
    WHERE stock.reserved <> coalesce(promised.quantity, 0)"""

CHECKS: tuple[Check, ...] = (
    Check(
        "held orders",
        "orders and their holds do not match",
        HELD_FOR_NOTHING,
        table="orders",
        title=N_("预留等于没办完的兑换单"),
        changed="night",
    ),
    Check(
        "held for orders",
        "holds are open for something else than an order",
        HELD_FOR_SOMETHING_ELSE,
        table="holds",
        title=N_("预留只为兑换单而留"),
        changed="whole",
    ),
    Check(
        "orders in time",
        "orders keep points past their time, though those past it were ended",
        KEPT_PAST_THEIR_TIME,
        table="orders",
        title=N_("过了期的兑换单都已办结"),
        changed="night",
    ),
    Check(
        "paid orders",
        "orders were paid with another amount than their cost",
        PAID_OTHERWISE,
        table="orders",
        title=N_("兑换单付的正是标明的分"),
        changed="night",
    ),
    Check(
        "ordered transfers",
        "transfers spend or return points without an order that was collected or returned",
        PAID_FOR_NOTHING,
        title=N_("没有无缘无故的兑换"),
        changed="rows",
    ),
    Check(
        "shares",
        "shares of orders differ from their cost, or from what was debited",
        SHARED_OTHERWISE,
        table="orders",
        title=N_("各人付的分合起来正是兑换单的分"),
        changed="night",
    ),
    Check(
        "returned orders",
        "orders were returned without their points, or points without the order",
        RETURNED_OTHERWISE,
        table="orders",
        title=N_("退回的兑换单，每一笔都原数退回"),
        changed="night",
    ),
    *PRICES,
    Check(
        "stock",
        "stock differs from what was received and given",
        STOCK_UNEXPLAINED,
        table="items",
        title=N_("库存等于入库减领取"),
        changed="whole",
    ),
    Check(
        "reserved stock",
        "stock is reserved for another number than is ordered",
        RESERVED_OTHERWISE,
        table="items",
        title=N_("留着的货等于没领的单"),
        changed="night",
    ),
    Check(
        "audited stock",
        "stock was moved by nobody who ran a use case then",
        unaudited("stock_moves", "at", "by"),
        table="stock_moves",
        title=N_("每次出入库都有办理记录"),
        changed="night",
    ),
    *RATES,
)
