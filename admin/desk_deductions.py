"""The desk's page of a household's reminders and deductions; off unless the community says so."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import desk
from admin.forms import date
from core import settings
from core.acts import NotInYourScope
from core.errors import AppError
from core.formats import points
from core.http_keys import form_key
from core.identity import current_actor
from core.work import business_day, present, reader, transact
from points.earning import deductions
from points.earning.rules import rules_in_force
from residents import homes, people, queries


@desk.context_processor
def _switch() -> dict[str, Any]:
    """Let the pages of residents and households know whether there is such a thing here."""
    return {"deductions_are_on": deductions_are_on}


def deductions_are_on() -> bool:
    """Whether this desk's community takes points away at all."""
    place = current_actor().place
    return settings.flag(reader(), "points.deductions", present(), place)


@desk.get("/households/<uuid:household_id>/deductions")
def household_deductions(household_id: UUID) -> ResponseReturnValue:
    """Show the reminders that a household got, and what was taken."""
    return _page(household_id)


def _home(household_id: UUID) -> homes.Home:
    """Return a household of this community."""
    actor = current_actor()
    actor.require("points.adjust")
    found = homes.home(reader(), household_id)
    if found is None:
        raise people.HouseholdUnknown
    if not actor.covers(found.community):
        raise NotInYourScope
    return found


def _page(household_id: UUID, refusal: str | None = None, status: int = 200) -> ResponseReturnValue:
    home, today = _home(household_id), business_day(present())
    is_on = deductions_are_on()
    rules = rules_in_force(reader(), home.community, today) if is_on else []
    taken = deductions.deductions_of(reader(), home.household)
    standing = deductions.standing(reader(), home.household, rules, today)
    noted = {one.noted_by for each in standing for one in each.reminders}
    page = render_template(
        "admin/deductions.html",
        home=home,
        is_on=is_on,
        rules=standing,
        taken=taken,
        names=queries.names(reader(), noted | {row.recorded_by for row in taken}),
        today=today,
        typed=request.form,
        refusal=refusal,
        key=form_key(),
    )
    return page, status


@desk.post("/households/<uuid:household_id>/reminders")
def household_remind(household_id: UUID) -> ResponseReturnValue:
    """Note that a household was reminded."""
    command = deductions.NoteReminder(
        community=current_actor().place,
        household=_home(household_id).household,
        rule=request.form.get("rule", ""),
        day=date(request.form.get("day")),
        note=request.form.get("note", ""),
    )

    def said(done: Any) -> str:
        return str(_("已留下提醒的记录，现在有 %(count)s 次", count=done.reminders))

    return _done(household_id, deductions.note_reminder, command, said)


@desk.post("/households/<uuid:household_id>/deductions")
def household_deduct(household_id: UUID) -> ResponseReturnValue:
    """Take what the rule says, to zero at most."""
    command = deductions.Deduct(
        key=request.form.get("key", ""),
        community=current_actor().place,
        household=_home(household_id).household,
        rule=request.form.get("rule", ""),
        reason=request.form.get("reason", ""),
    )

    def said(done: Any) -> str:
        return str(_("扣了 %(points)s 基本积分，本户看得到原因", points=points(done.amount)))

    return _done(household_id, deductions.deduct, command, said)


def _done(household_id: UUID, use_case: Any, command: Any, said: Any) -> ResponseReturnValue:
    try:
        done = transact(use_case, command, current_actor())
    except AppError as refusal:
        return _page(household_id, refusal.sentence(), int(refusal.status))
    flash(said(done), "done")
    return redirect(url_for("desk.household_deductions", household_id=household_id), code=303)
