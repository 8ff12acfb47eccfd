"""API of the ledger: a resident's balance and lines, and the acts that staff record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask_smorest import Blueprint

from core.directory import directory
from core.http_keys import idempotency_key
from core.identity import current_actor, signed_in_only
from core.work import present, reader, transact
from points import examples, queries, schemas
from points.earning.acts import RecordAct, Recorded, record_act
from points.earning.awards import AwardsConfirmed, ConfirmAwards, confirm_awards
from points.expiring.rush import Rush, rush
from points.receipts import Evidence, evidence
from points.wallet import Wallet, account_named, accounts_known, wallet

if TYPE_CHECKING:
    from core.panels import Viewer

bp = Blueprint("points_api", __name__, description="points")
bp.before_request(signed_in_only)


def _viewer() -> Viewer:
    """Return the resident who is signed in; raises Forbidden for staff."""
    return directory().viewer(reader(), current_actor(), present())


@bp.get("/balance")
@bp.response(200, schemas.BalanceSchema, example=examples.BALANCE)
def balance() -> Wallet:
    """Show what the resident has, what waits, what is held and what lapses."""
    return wallet(reader(), _viewer())


@bp.get("/transfers")
@bp.arguments(schemas.TransfersQuerySchema, location="query")
@bp.response(200, schemas.TransferSchema(many=True))
def transfers(query: dict[str, Any]) -> list[queries.Line]:
    """List transfers of the resident, newest first; ``before`` goes on from a page."""
    account = account_named(_viewer(), query["kind"])
    return queries.posted_lines(reader(), account, before=query["before"])


@bp.get("/transfers/<uuid:transfer_id>")
@bp.response(200, schemas.EvidenceSchema)
def receipt(transfer_id: UUID) -> Evidence:
    """Show one line of the resident, or of the household: a transfer, or an award that waits."""
    seen = _viewer()
    return evidence(reader(), transfer_id, accounts_known(reader(), seen))


@bp.get("/awards")
@bp.response(200, schemas.AwardSchema(many=True))
def awards() -> list[queries.Line]:
    """List awards of the resident, and of the household, that have not arrived."""
    seen = _viewer()
    accounts = accounts_known(reader(), seen)
    lines = [line for account in accounts for line in queries.waiting_lines(reader(), account)]
    return sorted(
        (line for line in lines if line.kind == "award"), key=lambda line: line.at, reverse=True
    )


@bp.get("/staff/awards")
@bp.response(200, schemas.WaitingAwardSchema(many=True))
def unconfirmed() -> list[queries.WaitingAward]:
    """List awards borne by the actor's community that wait for a second person."""
    actor = current_actor()
    actor.require("attendance.confirm")
    return queries.awards_to_confirm(reader(), actor.place)


@bp.post("/staff/awards")
@bp.arguments(schemas.RecordActSchema)
@bp.response(201, schemas.AwardedSchema)
def record(data: dict[str, Any]) -> Recorded:
    """Record an act of a resident or household; needs an Idempotency-Key."""
    actor = current_actor()
    command = RecordAct(**data, key=idempotency_key(), community=actor.place)
    return transact(record_act, command, actor)


@bp.post("/staff/awards/confirm")
@bp.arguments(schemas.AwardIdsSchema)
@bp.response(200, schemas.AwardsConfirmedSchema)
def confirm(data: dict[str, Any]) -> AwardsConfirmed:
    """Confirm awards that somebody else recorded; those confirmed before are left alone."""
    command = ConfirmAwards(awards=tuple(data["awards"]))
    return transact(confirm_awards, command, current_actor())


@bp.get("/staff/expiry")
@bp.response(200, schemas.RushSchema(many=True))
def expiry() -> list[Rush]:
    """List what lapses at this year's end, of each community in the actor's scope."""
    actor = current_actor()
    if actor.may("desk.read"):
        return rush(reader(), present(), actor.place)
    actor.require("console.read")
    return [each for each in rush(reader(), present()) if actor.covers(each.community)]
