"""Pages of a resident: saying that a line is wrong, and what is set aside."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core import settings
from core.directory import directory
from core.errors import AppError
from core.identity import current_actor, residents_only
from core.panels import Viewer, rendered
from core.work import present, reader, transact
from points import words
from points.correcting.corrections import (
    WORDS_MAX,
    OpenCorrection,
    WithdrawCorrection,
    open_correction,
    withdraw_correction,
)
from points.holding import holds_of
from points.receipts import evidence
from points.wallet import accounts_known, accounts_shown

bp = Blueprint("correcting", __name__, url_prefix="/points")
bp.before_request(residents_only)


def _viewer() -> Viewer:
    return directory().viewer(reader(), current_actor(), present())


@bp.get("/holds")
def holds() -> ResponseReturnValue:
    """Show what is set aside, for what, since when and until when."""
    seen = _viewer()
    found = holds_of(reader(), accounts_shown(seen, "service"))
    return render_template(
        "points/holds.html",
        holds=found,
        total=sum(each.amount for each in found),
        panels=rendered("points.holds", reader(), seen),
    )


@bp.get("/<uuid:transfer_id>/correction")
def ask(transfer_id: UUID) -> ResponseReturnValue:
    """Ask what is wrong with a line."""
    return _ask(transfer_id)


def _ask(
    transfer_id: UUID, typed: str = "", refusal: AppError | None = None
) -> ResponseReturnValue:
    seen = _viewer()
    found = evidence(reader(), transfer_id, accounts_known(reader(), seen))
    page = render_template(
        "points/correction.html",
        line=found,
        title=words.title_of(found.act, found.reason),
        typed=typed,
        error=_(refusal.text) if refusal else "",
        most=WORDS_MAX,
        days=settings.integer(reader(), "correction.answer_days", seen.now),
    )
    return page, int(refusal.status) if refusal else 200


@bp.post("/<uuid:transfer_id>/correction")
def say(transfer_id: UUID) -> ResponseReturnValue:
    """Keep what is wrong with a line."""
    typed = request.form.get("words", "")
    command = OpenCorrection(subject=transfer_id, words=typed)
    try:
        transact(open_correction, command, current_actor())
    except AppError as refusal:
        return _ask(transfer_id, typed, refusal)
    flash(_("已告诉社区。答复在这一页，也会发消息给您。"), "done")
    return redirect(url_for("points.receipt", transfer_id=transfer_id), code=303)


@bp.post("/corrections/<uuid:correction_id>/withdraw")
def withdraw(correction_id: UUID) -> ResponseReturnValue:
    """Take a request back."""
    transact(withdraw_correction, WithdrawCorrection(correction=correction_id), current_actor())
    flash(_("已撤回。"), "note")
    return redirect(url_for("points.index"), code=303)
