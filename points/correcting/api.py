"""API of corrections, adjustments, reversals and holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask_smorest import Blueprint

from core.directory import directory
from core.http_keys import idempotency_key
from core.identity import current_actor, signed_in_only
from core.work import present, reader, transact
from points.correcting import deciding, schemas, shortages
from points.correcting import queries as adjustment_queries
from points.correcting.adjustments import (
    AdjustmentState,
    ProposeAdjustment,
    Proposed,
    ProposeReversal,
    WithdrawAdjustment,
    propose_adjustment,
    propose_reversal,
    withdraw_adjustment,
)
from points.correcting.corrections import (
    AnswerCorrection,
    Asked,
    CorrectionMoved,
    CorrectionOpened,
    OpenCorrection,
    WithdrawCorrection,
    answer_correction,
    corrections_of,
    corrections_open,
    open_correction,
    withdraw_correction,
)
from points.correcting.queries import AdjustmentLine
from points.holding import HoldOf, holds_of
from points.receipts import evidence
from points.stories import Story, story_of
from points.wallet import accounts_known, accounts_shown

if TYPE_CHECKING:
    from core.acts import Actor
    from core.panels import Viewer

bp = Blueprint("points_correcting_api", __name__, description="points: corrections")
bp.before_request(signed_in_only)


def _viewer() -> Viewer:
    """Return the resident who is signed in; raises Forbidden for staff."""
    return directory().viewer(reader(), current_actor(), present())


def _desk() -> Actor:
    """Return whoever corrects points of a community; raises Forbidden for others."""
    actor = current_actor()
    actor.require("points.adjust")
    return actor


@bp.get("/holds")
@bp.response(200, schemas.HoldSchema(many=True))
def holds() -> list[HoldOf]:
    """List what is set aside of the resident's points, and for what."""
    return holds_of(reader(), accounts_shown(_viewer(), "service"))


@bp.get("/corrections")
@bp.response(200, schemas.CorrectionSchema(many=True))
def mine() -> list[Asked]:
    """List what the one who is signed in has said is wrong: the latest two hundred."""
    return corrections_of(reader(), current_actor().person)


@bp.post("/corrections")
@bp.arguments(schemas.OpenCorrectionSchema)
@bp.response(201, schemas.CorrectionOpenedSchema)
def say(data: dict[str, Any]) -> CorrectionOpened:
    """Say what is wrong with a line of one's own; the same words again are the same request."""
    command = OpenCorrection(subject=data["line"], words=data["words"])
    return transact(open_correction, command, current_actor())


@bp.post("/corrections/<uuid:correction_id>/withdraw")
@bp.response(200, schemas.CorrectionMovedSchema)
def take_back(correction_id: UUID) -> CorrectionMoved:
    """Take one's own request back."""
    command = WithdrawCorrection(correction=correction_id)
    return transact(withdraw_correction, command, current_actor())


@bp.get("/transfers/<uuid:transfer_id>/story")
@bp.response(200, schemas.AboutLineSchema)
def about(transfer_id: UUID) -> Story:
    """Show what happened to a line of one's own since: requests, answers, what changed it."""
    seen = _viewer()
    found = evidence(reader(), transfer_id, accounts_known(reader(), seen))
    return story_of(reader(), found.id)


@bp.get("/staff/corrections")
@bp.response(200, schemas.CorrectionSchema(many=True))
def to_answer() -> list[Asked]:
    """List what the actor's community has to answer, the most urgent first."""
    return corrections_open(reader(), _desk().place)


@bp.post("/staff/corrections")
@bp.arguments(schemas.OpenForResidentSchema)
@bp.response(201, schemas.CorrectionOpenedSchema)
def say_for(data: dict[str, Any]) -> CorrectionOpened:
    """Write down what a resident without a phone says is wrong."""
    command = OpenCorrection(subject=data["line"], words=data["words"], resident=data["resident"])
    return transact(open_correction, command, _desk())


@bp.post("/staff/corrections/<uuid:correction_id>/answer")
@bp.arguments(schemas.AnswerSchema)
@bp.response(200, schemas.CorrectionMovedSchema)
def answer(data: dict[str, Any], correction_id: UUID) -> CorrectionMoved:
    """Answer by an explanation; what is changed is answered by the change."""
    command = AnswerCorrection(correction=correction_id, answer=data["answer"])
    return transact(answer_correction, command, _desk())


LISTS = {
    "waiting": adjustment_queries.adjustments_waiting,
    "short": adjustment_queries.adjustments_short,
    "done": adjustment_queries.adjustments_done,
}


@bp.get("/staff/adjustments")
@bp.arguments(schemas.AdjustmentQuerySchema, location="query")
@bp.response(200, schemas.AdjustmentSchema(many=True))
def adjustments(query: dict[str, Any]) -> list[AdjustmentLine]:
    """List the community's proposals: waiting for a second person, short of points, or done."""
    return LISTS[query["show"]](reader(), _desk().place)


@bp.post("/staff/adjustments")
@bp.arguments(schemas.ProposeAdjustmentSchema)
@bp.response(201, schemas.ProposedSchema)
def propose(data: dict[str, Any]) -> Proposed:
    """Propose to give or to take points; needs an Idempotency-Key."""
    command = ProposeAdjustment(**data, key=idempotency_key())
    return transact(propose_adjustment, command, _desk())


@bp.post("/staff/reversals")
@bp.arguments(schemas.ProposeReversalSchema)
@bp.response(201, schemas.ProposedSchema)
def propose_back(data: dict[str, Any]) -> Proposed:
    """Propose to undo a line or a part of it; needs an Idempotency-Key."""
    command = ProposeReversal(**data, key=idempotency_key())
    return transact(propose_reversal, command, _desk())


@bp.post("/staff/adjustments/<uuid:adjustment_id>/decide")
@bp.arguments(schemas.DecideSchema)
@bp.response(200, schemas.DecidedSchema)
def decide(data: dict[str, Any], adjustment_id: UUID) -> deciding.Decided:
    """Post what somebody else proposed, or refuse it with a reason."""
    command = deciding.DecideAdjustment(adjustment=adjustment_id, **data)
    return transact(deciding.decide_adjustment, command, _desk())


@bp.post("/staff/adjustments/<uuid:adjustment_id>/withdraw")
@bp.response(200, schemas.AdjustmentMovedSchema)
def withdraw(adjustment_id: UUID) -> AdjustmentState:
    """Take back what one has proposed oneself."""
    command = WithdrawAdjustment(adjustment=adjustment_id)
    return transact(withdraw_adjustment, command, _desk())


@bp.post("/staff/adjustments/<uuid:adjustment_id>/collect")
@bp.response(200, schemas.CollectedSchema)
def collect(adjustment_id: UUID) -> shortages.Collected:
    """Take of what is missing what the holder has by now; needs an Idempotency-Key."""
    command = shortages.CollectShortage(key=idempotency_key(), adjustment=adjustment_id)
    return transact(shortages.collect_shortage, command, _desk())


@bp.post("/staff/adjustments/<uuid:adjustment_id>/waive")
@bp.arguments(schemas.WaiveSchema)
@bp.response(200, schemas.AdjustmentMovedSchema)
def waive(data: dict[str, Any], adjustment_id: UUID) -> AdjustmentState:
    """Let go what is missing, for a reason that is kept."""
    command = shortages.WaiveShortage(adjustment=adjustment_id, **data)
    return transact(shortages.waive_shortage, command, _desk())
