"""The evidence of one line: a posting with its legs, or an award that still waits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import and_, func, or_, select

from core.errors import N_, NotFound
from points.lines import line_of
from points.models import Award, CatalogueRule, Transfer
from points.reversal import legs_of
from points.wallet import AWARD, state_of

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row


class ReceiptUnknown(NotFound):
    """There is no such line on the asker's own accounts."""

    text = N_("没有找到这一笔，可能已经取消了。请回到积分页看看。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything about one line; ``amount`` signed, ``per_unit`` centipoints of the rule."""

    id: UUID
    kind: str
    act: str
    reason: str
    place: int
    amount: int
    state: str
    event_at: dt.datetime
    posted_at: dt.datetime | None
    due: dt.datetime | None
    actor: UUID
    rule: str
    unit: str
    units: int
    per_unit: int
    provenance: str
    source_kind: str
    source_id: UUID


AWARD_COLUMNS = (
    Award.reason,
    Award.bearing,
    Award.units,
    Award.amount.label("awarded"),
    Award.host_amount,
    Award.provenance,
    CatalogueRule.name.label("rule_name"),
    CatalogueRule.unit.label("rule_unit"),
)


def evidence(connection: Connection, identity: UUID, accounts: Sequence[int]) -> Evidence:
    """Return a line of these accounts by its transfer or award; raises ReceiptUnknown."""
    row = connection.execute(
        select(Transfer.__table__, *AWARD_COLUMNS)
        .outerjoin(Award, and_(Transfer.source_kind == AWARD, Award.id == Transfer.source_id))
        .outerjoin(CatalogueRule, CatalogueRule.key == Award.rule)
        .where(
            Transfer.id == identity,
            or_(Transfer.credit.in_(accounts), Transfer.debit.in_(accounts)),
        ),
    ).first()
    if row is not None:
        return _posted(connection, row, accounts)
    waiting = connection.execute(
        select(Award.__table__, *AWARD_COLUMNS)
        .outerjoin(CatalogueRule, CatalogueRule.key == Award.rule)
        .where(Award.id == identity, Award.account.in_(accounts), Award.state == "pending"),
    ).first()
    if waiting is None:
        raise ReceiptUnknown
    return _waiting(waiting)


def undone(
    connection: Connection, original: UUID | None, accounts: Sequence[int]
) -> list[Evidence]:
    """Return the line of these accounts that a decision undid, by the first line of its act."""
    if original is None:
        return []
    line = line_of(connection, original)
    legs = legs_of(connection, line.id, line.journal)
    own = [leg.id for leg in legs if not {leg.credit, leg.debit}.isdisjoint(accounts)]
    return [evidence(connection, identity, accounts) for identity in own[:1]]


def _posted(connection: Connection, row: Row[Transfer], accounts: Sequence[int]) -> Evidence:
    side, sign = (Transfer.credit, 1) if row.credit in accounts else (Transfer.debit, -1)
    amount = row.amount
    if row.journal is not None:
        # A spending elsewhere has legs; the resident sees what it took in all.
        legs = select(func.sum(Transfer.amount)).where(
            Transfer.journal == row.journal, side.in_(accounts)
        )
        amount = int(connection.scalar(legs) or amount)
    return Evidence(
        id=row.id,
        kind=row.points_kind,
        act=row.act,
        reason=row.reason or row.note or "",
        place=row.bearing or row.community,
        amount=sign * amount,
        state=state_of(row.act, sign * amount),
        event_at=row.event_at,
        posted_at=row.posted_at,
        due=None,
        actor=row.actor,
        rule=row.rule_name or "",
        unit=row.rule_unit or "",
        units=row.units or 0,
        per_unit=(row.host_amount or row.awarded) // row.units if row.units else 0,
        provenance=row.provenance or "",
        source_kind=row.source_kind,
        source_id=row.source_id,
    )


def _waiting(row: Row[Award]) -> Evidence:
    return Evidence(
        id=row.id,
        kind=row.points_kind,
        act=AWARD,
        reason=row.reason,
        place=row.bearing,
        amount=row.amount,
        state="pending",
        event_at=row.event_at,
        posted_at=None,
        due=row.due,
        actor=row.recorded_by,
        rule=row.rule_name or "",
        unit=row.rule_unit or "",
        units=row.units,
        per_unit=(row.host_amount or row.awarded) // row.units,
        provenance=row.provenance,
        source_kind=row.source_kind,
        source_id=row.source_id,
    )
