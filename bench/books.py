"""A district's plausible year, written by set-based SQL: what a verification has to go through.

Every resident lives one of 98 lives of 29 events: awards at home and elsewhere, basic points,
redemptions out of holds at home and next door, some of them reversed. A life's balances depend on
nothing else, so they are worked out once, and a join writes them for everybody.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import psycopg

from bench.stage import Stage
from points.accounts import account_id, clearing

LIVES = 98
EVENTS = 29
PER_RESIDENT = 37
"""Transfers of a resident, on average over the lives."""

DAYS = 13 * EVENTS + 14
FIRST_DAY = (dt.datetime.now(dt.UTC) - dt.timedelta(days=DAYS + 30)).date().isoformat()
"""So that all of it is over, and closed."""

HOLD = 9
"""The leg that stands for the hold in ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One transfer of a life: its sides by role, and the holder's balance after it."""

    life: int
    event: int
    leg: int
    act: str
    debit: str
    credit: str
    amount: int
    source: str
    host: bool = False
    standard: int | None = None
    balance: int | None = None
    version: int | None = None
    host_amount: int | None = None
    undone: int | None = None


class Life:
    """Plays one life and keeps its running totals as the ledger does."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.totals = {"holder": [0, 0, 0], "basic": [0, 0, 0]}

    def legs(self) -> Iterator[Leg]:
        """Give the transfers of the life in order."""
        for event in range(EVENTS):
            turn = (self.number + event) % 14
            for index, leg in enumerate(self._event(event, turn)):
                yield self._counted(replace(leg, leg=index))

    def _event(self, event: int, turn: int) -> Iterator[Leg]:
        made = Leg(
            life=self.number, event=event, leg=0, act="award", debit="issued", credit="holder",
            amount=500, source="award",
        )  # fmt: skip
        if event == 0:
            yield replace(made, amount=2000)
        elif turn == 9:
            yield replace(made, debit="clear", amount=400, standard=400, host_amount=500)
            yield replace(made, debit="h_issued", credit="h_clear", host=True, standard=400)
        elif turn == 10:
            yield replace(made, debit="issued_basic", credit="basic", amount=100)
        elif turn in {11, 12}:
            spent = replace(
                made, act="redemption", debit="holder", credit="redeemed", source="order"
            )
            if turn == 11:
                yield spent
            else:
                yield replace(spent, credit="clear", standard=500)
                yield replace(spent, act="discount", credit="retired", amount=150)
                yield replace(spent, act="rounding", credit="rounding", amount=50)
                yield replace(spent, debit="h_clear", credit="h_redeemed", host=True, standard=500)
        elif turn == 13 and event >= 3 and self.number % 7 == 0:
            yield replace(made, act="reversal", debit="redeemed", source="order", undone=event - 2)
        else:
            yield made

    def _counted(self, leg: Leg) -> Leg:
        for side, sign in ((leg.credit, 1), (leg.debit, -1)):
            if side not in self.totals:
                continue
            totals = self.totals[side]
            gains = sign > 0 and leg.act != "reversal"
            totals[0] += leg.amount if gains else 0
            totals[1] += 0 if gains else -sign * leg.amount
            totals[2] += 1
            return replace(leg, balance=totals[0] - totals[1], version=totals[2])
        return leg


ID = (
    "(lpad(to_hex(({moment})::bigint * 1000), 12, '0') || substr(md5(r.number || '.' || {event}"
    " || '.' || {leg}), 1, 20))::uuid"
)
SECONDS = (
    "extract(epoch FROM timestamp '" + FIRST_DAY + "' AT TIME ZONE 'Asia/Shanghai')::bigint"
    " + (13 * {event} + r.number % 13) * 86400 + 28800 + r.number::bigint * 7919 % 36000"
)
MOMENT = SECONDS.format(event="p.event")
AT = f"to_timestamp({MOMENT})"
OWN = ID.format(moment=MOMENT, event="p.event", leg="p.leg")
FIRST = ID.format(moment=MOMENT, event="p.event", leg="0")
HELD = ID.format(moment=MOMENT, event="p.event", leg=str(HOLD))
UNDONE, UNDONE_HELD = (
    ID.format(moment=SECONDS.format(event="p.undone"), event="p.undone", leg=leg)
    for leg in ("0", str(HOLD))
)
DAY = f"date '{FIRST_DAY}' + (13 * p.event + r.number % 13)::int"
ROLES = (
    "CASE {0} WHEN 'holder' THEN r.service WHEN 'basic' THEN r.basic WHEN 'issued' THEN h.issued"
    " WHEN 'issued_basic' THEN h.issued_basic WHEN 'clear' THEN h.clear WHEN 'redeemed' THEN"
    " h.redeemed WHEN 'retired' THEN h.retired WHEN 'rounding' THEN h.rounding WHEN 'h_issued'"
    " THEN n.issued WHEN 'h_clear' THEN h.clear_next ELSE n.redeemed END"
)
JOINED = (
    " FROM bench_residents r JOIN bench_legs p ON p.life = r.number % 98 AND p.event = {event}"
    " JOIN bench_homes h ON h.place = r.place JOIN bench_homes n ON n.place = h.next"
)
IN_ORDER = " ORDER BY r.number % 13, r.number"
TRANSFERS = (
    "INSERT INTO transfers (id, act, points_kind, community, debit, credit, amount, debit_balance,"
    " debit_version, credit_balance, credit_version, standard, event_at, posted_at, day, journal,"
    f" source_kind, source_id, actor) SELECT {OWN}, p.act,"
    " CASE WHEN 'basic' IN (p.debit, p.credit) THEN 'basic' ELSE 'service' END,"
    " CASE WHEN p.host THEN n.code ELSE h.code END,"
    f" {ROLES.format('p.debit')}, {ROLES.format('p.credit')}, p.amount,"
    " CASE WHEN p.debit IN ('holder', 'basic') THEN p.balance END,"
    " CASE WHEN p.debit IN ('holder', 'basic') THEN p.version END,"
    " CASE WHEN p.credit IN ('holder', 'basic') THEN p.balance END,"
    " CASE WHEN p.credit IN ('holder', 'basic') THEN p.version END,"
    f" p.standard, {AT} - interval '8 hours', {AT}, {DAY},"
    f" CASE WHEN p.standard IS NULL THEN NULL ELSE {FIRST} END, p.source,"
    f" CASE WHEN p.source = 'award' THEN {FIRST} WHEN p.undone IS NULL THEN {HELD}"
    f" ELSE {UNDONE_HELD} END, r.person" + JOINED + IN_ORDER
)
AWARDS = (
    "INSERT INTO awards (id, cause, account, holder_id, points_kind, community, bearing, amount,"
    " host_transfer, host_amount, standard, rule, units, provenance, reason, source_kind,"
    " source_id, recorded_by, event_at, created_at, due, state, done_at, batch)"
    f" SELECT {OWN}, 'act:' || r.person || ':' || p.event, {ROLES.format('p.credit')},"
    " r.person, CASE WHEN p.credit = 'basic' THEN 'basic' ELSE 'service' END, h.code,"
    " CASE WHEN p.host_amount IS NULL THEN h.code ELSE n.code END, p.amount,"
    f" CASE WHEN p.host_amount IS NOT NULL THEN"
    f" {ID.format(moment=MOMENT, event='p.event', leg='1')} END, p.host_amount, p.standard,"
    f" 'serve.hour', 1, 'verified', '便民集市，来帮忙 0.5 小时', 'act', {HELD},"
    f" '00000000-0000-0000-0000-000000000000', {AT} - interval '8 hours',"
    f" {AT} - interval '8 hours', {AT}, 'done', {AT}, {FIRST}"
    + JOINED
    + " WHERE p.act = 'award' AND p.leg = 0"
    + IN_ORDER
)
COST = "CASE WHEN p.standard IS NULL THEN 500 ELSE 700 END"
HOLDS = (
    "INSERT INTO holds (id, account, amount, captured, state, reason, source_kind, source_id,"
    f" created_at, closed_at) SELECT {HELD}, r.service, {COST}, {COST}, 'captured', '抽纸一提',"
    f" 'order', {HELD}, {AT} - interval '8 hours', {AT}"
    + JOINED
    + " WHERE p.act = 'redemption' AND p.leg = 0"
    + IN_ORDER
)
# Next door 500 cost 650 at their rate, and 700 in whole steps.
ORDERS = (
    "INSERT INTO orders (id, key, station, host, home, resident, ordered_by, channel, state, price,"
    " par, exact, cost, rate, face_home, face_host, difference, standard, submitted_at, closed_at)"
    f" SELECT {HELD}, {HELD}::text, r.person,"
    " CASE WHEN p.standard IS NULL THEN h.code ELSE n.code END, h.code, r.person, r.person,"
    " 'phone',"
    " CASE WHEN EXISTS (SELECT 1 FROM bench_legs u WHERE u.life = p.life AND u.undone = p.event)"
    " THEN 'returned' ELSE 'collected' END, 500, 500,"
    f" CASE WHEN p.standard IS NULL THEN 500 ELSE 650 END, {COST},"
    " CASE WHEN p.standard IS NULL THEN 10000 ELSE 7693 END, 10000, 10000, 'retired', 500,"
    f" {AT} - interval '8 hours', {AT}"
    + JOINED
    + " WHERE p.act = 'redemption' AND p.leg = 0"
    + IN_ORDER
)
PAYMENTS = (
    'INSERT INTO order_payments ("order", account, hold, amount, payer, payer_household, taken_at)'
    f" SELECT {HELD}, r.service, {HELD}, {COST}, r.person, r.person, {AT} - interval '8 hours'"
    + JOINED
    + " WHERE p.act = 'redemption' AND p.leg = 0"
    + IN_ORDER
)
REVERSALS = (
    f"INSERT INTO reversals (original, reversal) SELECT {UNDONE}, {OWN}"
    + JOINED
    + " WHERE p.undone IS NOT NULL"
)
ACCOUNTS = (
    "INSERT INTO accounts (id, purpose, holder_kind, holder_id, community, points_kind, credited,"
    " debited, version) SELECT CASE t.role WHEN 'basic' THEN r.basic ELSE r.service END, 'holder',"
    " 'resident', r.person, h.code, CASE t.role WHEN 'basic' THEN 'basic' ELSE 'service' END,"
    " t.credited, t.debited, t.version FROM bench_residents r JOIN bench_homes h"
    " ON h.place = r.place JOIN bench_totals t ON t.life = r.number % 98"
)
FOLDS = (
    "INSERT INTO account_folds (account, day, credited, debited, standard) SELECT account, day,"
    " sum(credited), sum(debited), sum(standard) FROM (SELECT credit AS account, day, amount AS"
    " credited, 0 AS debited, coalesce(standard, 0) AS standard FROM transfers WHERE credit < 0"
    " UNION ALL SELECT debit, day, 0, amount, -coalesce(standard, 0) FROM transfers"
    " WHERE debit < 0) AS sides GROUP BY account, day"
)
USAGE = (
    "INSERT INTO rule_usage (holder_id, rule, period, used) SELECT holder_id, rule,"
    " substr(to_char(event_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD'), 1, span) AS period,"
    " sum(units) FROM awards CROSS JOIN (VALUES (4), (7), (10)) AS spans (span)"
    " GROUP BY holder_id, rule, period"
)
CLOSED = (
    f"INSERT INTO business_days (day, closed_at) SELECT date '{FIRST_DAY}' + number,"
    f" (date '{FIRST_DAY}' + number + 1 + time '00:30') AT TIME ZONE 'Asia/Shanghai'"
    f" FROM generate_series(0, {DAYS}) AS number"
)
MARKED = (
    "INSERT INTO expiry_marks (account, year, credited) SELECT credit,"
    " extract(year FROM closed.day), sum(amount) FROM transfers JOIN business_days AS closed"
    " ON transfers.day <= closed.day WHERE to_char(closed.day, 'MM-DD') = '12-31' AND credit > 0"
    " AND points_kind = 'service' AND act <> 'reversal' GROUP BY 1, 2"
)
AUDITS = (
    "INSERT INTO audit_events (id, at, use_case, actor, scope, key, digest, result)"
    " SELECT gen_random_uuid(), at, 'bench', actor, 'system', row_number() OVER (), '', ''"
    " FROM (SELECT posted_at AS at, CASE WHEN act = 'award'"
    " THEN '00000000-0000-0000-0000-000000000000' ELSE actor END AS actor FROM transfers"
    " UNION SELECT created_at, recorded_by FROM awards) AS done"
    " WHERE at > now() - interval '190 days'"
)
STRAY = (
    "SELECT count(*) FROM transfers LEFT JOIN accounts AS debits ON debits.id = transfers.debit"
    " LEFT JOIN accounts AS credits ON credits.id = transfers.credit"
    " WHERE debits.id IS NULL OR credits.id IS NULL"
)
INDEXES = (
    "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('transfers', 'awards', 'holds',"
    " 'orders', 'order_payments') AND indexdef NOT LIKE 'CREATE UNIQUE%'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A resident whom the application knows: the accounts, the person, the home."""

    service: int
    basic: int
    person: UUID
    community: int


def residents_of(transfers: int) -> int:
    """Return how many residents make so many transfers in a year."""
    return round(transfers / PER_RESIDENT)


def fill(stage: Stage, transfers: int, known: Sequence[Known] = ()) -> int:
    """Write a year of about so many transfers; returns how many residents it took.

    The first ones are those whom the application knows. Foreign keys are looked at once, at the
    end, and not row by row; every other constraint holds all the time.
    """
    residents = residents_of(transfers)
    with stage.connect() as connection:
        run = connection.execute
        run("SET session_replication_role = replica")
        run("SET maintenance_work_mem = '512MB'")
        run("SET work_mem = '256MB'")
        _lives(connection, stage.communities(), residents)
        _name(connection, known)
        run(ACCOUNTS.encode())
        indexes = run(INDEXES.encode()).fetchall()
        for name, _ in indexes:
            run(f"DROP INDEX {name}".encode())
        for event in range(EVENTS):
            for statement in (TRANSFERS, AWARDS, HOLDS, ORDERS, PAYMENTS, REVERSALS):
                run(statement.replace("{event}", str(event)).encode())
        for _, definition in indexes:
            run(definition.encode())
        run(FOLDS.encode())
        run(USAGE.encode())
        run(CLOSED.encode())
        run(MARKED.encode())
        run(AUDITS.encode())
        assert run(STRAY.encode()).fetchone() == (0,)
        for table in ("bench_homes", "bench_residents", "bench_legs", "bench_totals"):
            run(f"DROP TABLE {table}".encode())
    return residents


def _name(connection: psycopg.Connection[Any], known: Sequence[Known]) -> None:
    """Let the first residents be known ones, whose accounts are open and empty."""
    for number, each in enumerate(known):
        connection.execute(
            b"UPDATE bench_residents SET service = %s, basic = %s, person = %s, place ="
            b" (SELECT place FROM bench_homes WHERE code = %s) WHERE number = %s",
            (each.service, each.basic, each.person, each.community, number),
        )
        connection.execute(b"DELETE FROM accounts WHERE id IN (%s, %s)", (each.service, each.basic))


def _lives(connection: psycopg.Connection[Any], places: list[int], residents: int) -> None:
    """Write the small tables that everything else is joined from."""
    run = connection.execute
    run(
        b"CREATE TABLE bench_homes (place int PRIMARY KEY, next int, code bigint, issued bigint,"
        b" issued_basic bigint, redeemed bigint, retired bigint, rounding bigint, clear bigint,"
        b" clear_next bigint)"
    )
    for number, code in enumerate(places):
        following = (number + 1) % len(places)
        other = places[following]
        purposes = ("redeemed", "retired", "rounding")
        own = [account_id(purpose, code, "service") for purpose in purposes]
        pair = [clearing(code, other), clearing(other, code)]
        issued = [account_id("issued", code, kind) for kind in ("service", "basic")]
        run(
            b"INSERT INTO bench_homes VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (number, following, code, *issued, *own, *pair),
        )
        for account, book, counterpart in zip(pair, (code, other), (other, code), strict=True):
            run(
                b"INSERT INTO accounts (id, purpose, holder_kind, holder_id, community,"
                b" counterpart, points_kind) VALUES (%s, 'clearing', 'community',"
                b" '00000000-0000-0000-0000-000000000000', %s, %s, 'service')",
                (account, book, counterpart),
            )
    run(
        b"CREATE TABLE bench_residents AS SELECT number, number %% %s AS place,"
        b" 2 * number::bigint + 1 AS service, 2 * number::bigint + 2 AS basic,"
        b" md5('resident' || number)::uuid AS person FROM generate_series(0, %s) AS number",
        (len(places), residents - 1),
    )
    run(
        b"CREATE TABLE bench_legs (life int, event int, leg int, act text, debit text, credit text,"
        b" amount bigint, source text, host boolean, standard bigint, balance bigint,"
        b" version bigint, host_amount bigint, undone int)"
    )
    run(
        b"CREATE TABLE bench_totals (life int, role text, credited bigint, debited bigint,"
        b" version bigint)"
    )
    for number in range(LIVES):
        life = Life(number)
        with connection.cursor() as cursor:
            cursor.executemany(
                b"INSERT INTO bench_legs VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,"
                b" %s, %s)",
                [
                    (leg.life, leg.event, leg.leg, leg.act, leg.debit, leg.credit, leg.amount,
                     leg.source, leg.host, leg.standard, leg.balance, leg.version,
                     leg.host_amount, leg.undone)
                    for leg in life.legs()
                ],
            )  # fmt: skip
            for role, totals in life.totals.items():
                cursor.execute(
                    b"INSERT INTO bench_totals VALUES (%s, %s, %s, %s, %s)",
                    (number, role, *totals),
                )
    for table in ("bench_homes", "bench_residents", "bench_legs", "bench_totals"):
        run(f"ANALYZE {table}".encode())
