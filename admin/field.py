"""The one page of grid workers and building leads: choose a rule, tick the doors, record."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from admin.desk_acts import outcome_words, recordable, rule_choices
from admin.forms import date, identities, identity
from core.errors import AppError
from core.formats import points
from core.http_keys import form_key
from core.identity import current_actor, field_only
from core.work import SHANGHAI, business_day, present, reader, transact
from points.earning.act_sheets import listed, record_all
from points.earning.acts import RecordAct, Word, record_act
from points.earning.recorders import OLDEST_DAYS, Act
from points.earning.rules import MONTHLY, NEIGHBOUR, Rule
from points.models import Award
from residents import local_grants, queries
from residents.labels import ROLES

bp = Blueprint("field", __name__, url_prefix="/field")
bp.before_request(field_only)


@bp.get("/")
def home() -> ResponseReturnValue:
    """Show the rules that one may record, or the doors for one of them."""
    return _home()


def _home(refusal: str | None = None, status: int = 200) -> ResponseReturnValue:
    actor, today = current_actor(), business_day(present())
    rules = recordable(actor.place, actor.role)
    chosen = next((rule for rule in rules if rule.key == request.values.get("rule")), None)
    day = date(request.values.get("day")) or today
    if not 0 <= (today - day).days <= OLDEST_DAYS:
        day = today
    q = request.values.get("q", "").strip()
    doors = (
        local_grants.doors(reader(), actor.scope_kind, actor.scope_id, q)
        if chosen and actor.scope_id
        else []
    )
    page = render_template(
        "admin/field.html",
        **around(),
        rules=rule_choices(rules),
        chosen=rule_choices([chosen])[0] if chosen else None,
        monthly=chosen is not None and chosen.unit == MONTHLY,
        day=day,
        doors=_shown(chosen, doors, day) if chosen else (),
        neighbours=_neighbours() if chosen and chosen.topic == NEIGHBOUR else (),
        q=q,
        refusal=refusal,
        key=form_key(),
    )
    return page, status


def around() -> dict[str, Any]:
    """Return what the layout says of who works here."""
    actor = current_actor()
    return {
        "role": _(ROLES[actor.role]),
        "where": _where(),
        "place": queries.place(reader(), actor.place),
    }


def _where() -> str:
    """Return what one looks after: 建国南苑 3 幢, 第一网格."""
    actor = current_actor()
    known = [
        *local_grants.buildings(reader(), actor.place),
        *local_grants.grids(reader(), actor.place),
    ]
    return next((block.name for block in known if block.id == actor.scope_id), "")


def _neighbours() -> tuple[local_grants.Door, ...]:
    """Return the doors at which somebody may have been helped: one's own ones."""
    actor = current_actor()
    assert actor.scope_id is not None  # noqa: S101 - the guard lets nobody else in
    return tuple(local_grants.doors(reader(), actor.scope_kind, actor.scope_id))


def _shown(rule: Rule, doors: list[local_grants.Door], day: dt.date) -> tuple[dict[str, Any], ...]:
    """Return the doors with who lives there, and whether this month (or day) is done."""
    holders = [door.household for door in doors]
    holders += [resident for door in doors for resident, _name in door.people]
    done = _done(rule, holders, day)
    return tuple(
        {
            "household": door.household,
            "address": door.address,
            "names": _("、").join(name for _id, name in door.people),
            "people": tuple(
                {"id": resident, "name": name, "done": resident in done}
                for resident, name in door.people
            ),
            "done": door.household in done,
        }
        for door in doors
    )


def _done(rule: Rule, holders: list[Any], day: dt.date) -> set[Any]:
    first = day.replace(day=1) if rule.unit == MONTHLY else day
    last = (first + dt.timedelta(days=32)).replace(day=1) if rule.unit == MONTHLY else day
    until = last if rule.unit == MONTHLY else day + dt.timedelta(days=1)
    start, end = (
        dt.datetime.combine(each, dt.time(), SHANGHAI).astimezone(dt.UTC) for each in (first, until)
    )
    found: set[Any] = set()
    for at in range(0, len(holders), 400):
        query = select(Award.holder_id).where(
            Award.holder_id.in_(holders[at : at + 400]),
            Award.rule == rule.key,
            Award.state != "void",
            Award.event_at >= start,
            Award.event_at < end,
        )
        found |= set(reader().scalars(query))
    return found


@bp.post("/record")
def record() -> ResponseReturnValue:
    """Record the ticked doors, or the ticked people, by one rule."""
    actor, form, today = current_actor(), request.form, business_day(present())
    rules = recordable(actor.place, actor.role)
    rule = next((one for one in rules if one.key == form.get("rule")), None)
    day, holders = date(form.get("day")), identities(form.getlist("holder"))
    if rule is None or day is None or not holders:
        return _home(_("请选好规则和日期，至少勾一户或一位。"), 422)
    if rule.topic == NEIGHBOUR:
        return _help(rule, day)
    rows = listed(
        (
            (
                number,
                Act(
                    rule=rule.key,
                    holder_kind="household" if rule.holder == "household" else "resident",
                    holder_id=holder,
                    units=1,
                    day=day,
                    note=form.get("note", ""),
                ),
            )
            for number, holder in enumerate(holders, start=1)
        ),
        today,
    )
    try:
        _sheet, done = record_all(actor, actor.place, rows)
    except AppError as refusal:
        return _home(refusal.sentence(), int(refusal.status))
    refused = [row.message for row in done.rows if row.outcome == "refused"]
    if refused:
        flash(refused[0], "refused")
    made, before = done.count("recorded"), done.count("existed") + done.count("capped")
    if made:
        words = _("记上了 %(count)s 笔，共 %(points)s 分", count=made, points=points(done.amount))
        if done.waiting:
            waits = _("其中 %(count)s 笔等另一位工作人员确认", count=done.waiting)
            words = _("%(words)s，%(waits)s", words=words, waits=waits)
        flash(words, "done")
    if before:
        flash(_("%(count)s 笔以前记过或已到上限，没有多记", count=before), "note")
    return redirect(url_for("field.home", rule=rule.key, day=day), code=303)


def _help(rule: Rule, day: dt.date) -> ResponseReturnValue:
    """Record that one neighbour helped another, with the helped one's word."""
    actor, form = current_actor(), request.form
    helper, helped = identity(form.get("holder")), identity(form.get("helped"))
    if helper is None or helped is None:
        return _home(_("请选好谁帮了谁。"), 422)
    word: Word = "device" if form.get("word") == "device" else "told"
    command = RecordAct(
        key=form.get("key", ""),
        community=actor.place,
        rule=rule.key,
        holder_kind="resident",
        holder_id=helper,
        units=1,
        day=day,
        note=form.get("note", ""),
        helped=helped,
        word=word,
    )
    try:
        done = transact(record_act, command, actor)
    except AppError as refusal:
        return _home(refusal.sentence(), int(refusal.status))
    flash(outcome_words(done), "done")
    return redirect(url_for("field.home"), code=303)
