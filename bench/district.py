"""A district of any size by set-based SQL: accounts, awards that wait. Constraints are on.

The ids of accounts are scattered like those of ``points.accounts``, because what a chunk costs
depends on how many pages its accounts lie on.
"""

from __future__ import annotations

from typing import Any

import psycopg

PERSON = "md5('resident' || {number})::uuid"
ACCOUNT = (
    "('x' || substr(md5('{kind}' || {number}), 1, 16))::bit(64)::bigint & 4611686018427387902 | 1"
)
PLACES = (
    "(SELECT code, row_number() OVER (ORDER BY code) - 1 AS place, count(*) OVER () AS places"
    " FROM communities) AS places"
)
OPEN = (
    "INSERT INTO accounts (id, purpose, holder_kind, holder_id, community, points_kind)"
    f" SELECT {ACCOUNT}, 'holder', 'resident', {PERSON}, places.code, '{{kind}}'"
    f" FROM generate_series(%(first)s::integer, %(last)s::integer) AS number JOIN {PLACES}"
    " ON places.place = number %% places.places"
)
# In the order in which the day brought them, all due now.
EVENT_AT = "now() - interval '20 hours' + {number} * interval '0.05 seconds'"
AWARDS = (
    "INSERT INTO awards (id, cause, account, holder_id, points_kind, community, bearing, amount,"
    " rule, units, provenance, reason, source_kind, source_id, recorded_by, event_at, created_at,"
    " due, state) SELECT each.id, 'attendance:' || each.id || ':' || number || ':serve', "
    f"{ACCOUNT.format(kind='service', number='holder')}, {PERSON.format(number='holder')},"
    " 'service', places.code, places.code, 500, 'serve.hour', 1, 'verified',"
    " '便民集市，来帮忙 0.5 小时', 'act', each.id, '00000000-0000-0000-0000-000000000000',"
    f" each.at, each.at, now(), 'pending' FROM generate_series(0, %(awards)s - 1) AS number"
    f" CROSS JOIN LATERAL (SELECT number %% %(holders)s AS holder, {EVENT_AT} AS at,"
    " (lpad(to_hex((extract(epoch FROM "
    f"{EVENT_AT}) * 1000)::bigint), 12, '0') || '8' || substr(md5('award' || number), 1, 19))::uuid"
    f" AS id) AS each JOIN {PLACES} ON places.place = each.holder %% places.places"
)


def open_accounts(connection: psycopg.Connection[Any], holders: int, first: int = 0) -> None:
    """Open the accounts of so many residents all over the district, from a number on."""
    for kind in ("basic", "service"):
        statement = OPEN.format(kind=kind, number="number")
        connection.execute(statement.encode(), {"first": first, "last": first + holders - 1})


def let_wait(connection: psycopg.Connection[Any], awards: int, holders: int) -> None:
    """Let so many awards be due, which the holders have in turn."""
    statement = AWARDS.format(number="number")
    connection.execute(statement.encode(), {"awards": awards, "holders": holders})
