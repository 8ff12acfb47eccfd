"""What ``flask verify`` asks of what orders cost: SQL written apart from what quotes and sells.

An order keeps the terms it was made on. They are held against the lines of the order, against the
rates and face values that held when they were quoted, and against what was posted.
"""

from __future__ import annotations

from core.errors import N_
from points.proof.checks import Check

FACE_ONE = RATE_ONE = 10_000
QUOTED = "30 minutes"
"""No district promises a price for longer; at the counter it is the price of that moment."""

# Each step rounds up, the cost to one of three figures, and at par nothing but the first.
PRICED_OTHERWISE = f"""
    SELECT orders.id AS what FROM orders LEFT JOIN (
        SELECT "order", sum(price * quantity) AS price FROM order_lines GROUP BY "order"
    ) AS lines ON lines."order" = orders.id
    WHERE coalesce(lines.price, 0) <> orders.price
        OR orders.par * face_home < orders.price * face_host
        OR (orders.par - 1) * face_home >= orders.price * face_host
        OR orders.standard * {FACE_ONE} < orders.price * face_host
        OR (orders.standard - 1) * {FACE_ONE} >= orders.price * face_host
        OR CASE WHEN rate = {RATE_ONE} THEN exact <> par OR cost <> exact
            ELSE exact * face_home * rate < orders.price * face_host * {RATE_ONE}
                OR (exact - 1) * face_home * rate >= orders.price * face_host * {RATE_ONE}
                OR cost < exact OR NOT (cost = exact OR cost % 10 = 0 AND cost - exact < 10
                    OR cost % 100 = 0 AND cost - exact < 100)
            END"""  # noqa: S608 - figures of this file

# Who is in a group (片区) has no history: where groups have a rate it may have held, or not.
RATE_NOT_IN_FORCE = f"""
    WITH pairs AS (
        SELECT home, host, home / 1000 * 1000 AS home_sub, host / 1000 * 1000 AS host_sub
        FROM orders WHERE home <> host GROUP BY home, host
    ), ladder AS (
        SELECT home, host, 1 AS rung, 'pair' AS scope, home AS giving, host AS taking FROM pairs
        UNION ALL SELECT home, host, 2, 'home', home, 0 FROM pairs
        UNION ALL SELECT home, host, 3, 'host', 0, host FROM pairs
        UNION ALL SELECT home, host, 4, 'subdistricts', home_sub, host_sub FROM pairs
        UNION ALL SELECT home, host, 5, 'same_subdistrict', 0, 0 FROM pairs
            WHERE home_sub = host_sub
        UNION ALL SELECT home, host, 6, 'group', 0, 0 FROM pairs
        UNION ALL SELECT home, host, 7, 'district', 0, 0 FROM pairs
    ), spans AS (
        SELECT id, scope, home, host, rate, valid_from AS since,
            lead(valid_from) OVER (PARTITION BY scope, home, host ORDER BY valid_from) AS until
        FROM discount_rates
    ), steps AS (
        SELECT ladder.home, ladder.host, rung, id, rate, since, until FROM ladder JOIN spans
            ON spans.scope = ladder.scope AND spans.home = giving AND spans.host = taking
    ), turns AS (
        SELECT home, host, since,
            lead(since) OVER (PARTITION BY home, host ORDER BY since) AS until
        FROM steps GROUP BY home, host, since
    ), held AS (
        SELECT turns.home, turns.host, turns.since, turns.until, steps.id, steps.rate,
            row_number() OVER (PARTITION BY turns.home, turns.host, turns.since, grouped
                ORDER BY rung) AS place
        FROM turns JOIN steps ON steps.home = turns.home AND steps.host = turns.host
            AND steps.since <= turns.since
            AND (steps.until IS NULL OR steps.until > turns.since)
        JOIN (SELECT 0 AS grouped UNION ALL SELECT 6) AS ways ON rung <> 6 OR grouped = 6
        WHERE steps.rate IS NOT NULL
    ), chosen AS (
        SELECT DISTINCT home, host, since, until, id, rate FROM held WHERE place = 1
    )
    SELECT orders.id AS what FROM orders LEFT JOIN chosen AS held
        ON held.home = orders.home AND held.host = orders.host
        AND held.id = orders.rate_row AND held.rate = orders.rate
        AND held.since <= orders.submitted_at
        AND (held.until IS NULL OR held.until > CASE orders.channel
            WHEN 'phone' THEN before(orders.submitted_at, '{QUOTED}')
            ELSE orders.submitted_at END)
    WHERE orders.home <> orders.host AND held.id IS NULL
    UNION ALL SELECT id FROM orders
    WHERE home = host AND (rate <> {RATE_ONE} OR rate_row IS NOT NULL)"""  # noqa: S608 - ours

FACED_OTHERWISE = f"""
    WITH faces AS (
        SELECT community, CAST(valid_from AS text) AS since, value, lead(CAST(valid_from AS text))
            OVER (PARTITION BY community ORDER BY valid_from) AS until FROM face_values
        UNION ALL SELECT code, '', {FACE_ONE}, min(CAST(face_values.valid_from AS text))
        FROM communities LEFT JOIN face_values ON face_values.community = code
        GROUP BY code
    ), asked AS (
        SELECT id, home, host, face_home, face_host, hangzhou_day(submitted_at) AS day,
            hangzhou_day(before(submitted_at, '{QUOTED}')) AS since
        FROM orders WHERE home <> host
    )
    SELECT asked.id AS what FROM asked
        LEFT JOIN faces AS giving ON giving.community = asked.home
            AND giving.value = asked.face_home AND giving.since <= asked.day
            AND (giving.until IS NULL OR giving.until > asked.since)
        LEFT JOIN faces AS taking ON taking.community = asked.host
            AND taking.value = asked.face_host AND taking.since <= asked.day
            AND (taking.until IS NULL OR taking.until > asked.since)
    WHERE giving.community IS NULL OR taking.community IS NULL
    UNION ALL SELECT id FROM orders
    WHERE home = host AND (face_home <> {FACE_ONE} OR face_host <> {FACE_ONE})"""  # noqa: S608

# The home book's legs are the steps of the price; clearing has one figure in both books.
POSTED_OTHERWISE = """
    SELECT orders.id AS what FROM orders LEFT JOIN (
        SELECT source_id,
            sum(CASE WHEN act = 'redemption' AND debit > 0 THEN amount ELSE 0 END) AS par,
            sum(CASE WHEN act = 'discount' AND debit > 0 THEN amount ELSE 0 END) AS more,
            sum(CASE WHEN act = 'discount' AND debit < 0 THEN amount ELSE 0 END) AS theirs,
            sum(CASE WHEN act = 'redemption' AND debit > 0 THEN coalesce(standard, 0) ELSE 0 END)
                AS given,
            sum(CASE WHEN act = 'redemption' AND debit < 0 THEN coalesce(standard, 0) ELSE 0 END)
                AS taken,
            sum(coalesce(standard, 0)) AS cleared
        FROM transfers WHERE source_kind = 'order' AND act <> 'reversal' GROUP BY source_id
    ) AS legs ON legs.source_id = orders.id
    WHERE orders.state IN ('collected', 'returned') AND (legs.source_id IS NULL
        OR CASE WHEN orders.home = orders.host THEN legs.par <> orders.cost OR legs.cleared <> 0
        ELSE legs.par <> orders.par OR legs.more <> orders.exact - orders.par
            OR legs.given <> orders.standard OR legs.taken <> orders.standard
            OR legs.theirs <> CASE orders.difference WHEN 'host'
                THEN (orders.exact - orders.par) * orders.face_home / orders.face_host ELSE 0 END
        END)"""

POSTED_AT_ANOTHER_RATE = """
    SELECT transfers.id AS what FROM transfers JOIN orders ON orders.id = transfers.source_id
    WHERE transfers.source_kind = 'order' AND (transfers.rate <> orders.rate_row
        OR (transfers.rate IS NULL) <> (orders.rate_row IS NULL))"""

PRICES: tuple[Check, ...] = (
    Check(
        "prices",
        "orders cost something else than their lines, face values and rate come to",
        PRICED_OTHERWISE,
        table="orders",
        title=N_("付出的分正是标价、面值和折算率算出来的"),
        changed="night",
    ),
    Check(
        "rates in force",
        "orders were made at a rate that did not hold between their communities then",
        RATE_NOT_IN_FORCE,
        table="orders",
        title=N_("每张兑换单用的是当时的折算率"),
        changed="night",
    ),
    Check(
        "face values",
        "orders were made at face values that did not hold then",
        FACED_OTHERWISE,
        table="orders",
        title=N_("每张兑换单用的是当时的面值"),
        changed="night",
    ),
    Check(
        "legs of orders",
        "orders were posted by other parts, or another standard, than they say",
        POSTED_OTHERWISE,
        table="orders",
        title=N_("兑换记的账和兑换单的折算一致"),
        changed="night",
    ),
    Check(
        "rates of transfers",
        "transfers of orders name another rate than the order",
        POSTED_AT_ANOTHER_RATE,
        title=N_("兑换流水用的是兑换单的折算率"),
        changed="rows",
    ),
)
