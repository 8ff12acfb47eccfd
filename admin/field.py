"""The one page of grid workers and building leads: choose a rule, tick the doors, record."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.desk_acts import outcome_words, recordable, rule_choices
from admin.forms import date, identity, instant, number
from core.errors import AppError
from core.formats import points
from core.http_keys import form_key
from core.identity import current_actor, field_only
from core.work import business_day, present, reader, transact
from points.earning.act_sheets import ListedAct, record_all
from points.earning.acts import RecordAct, Word, record_act
from points.earning.recorders import OLDEST_DAYS, Act
from points.earning.repeats import OnDay, recorded_on
from points.earning.rules import MONTHLY, NEIGHBOUR, Rule, RuleUnknown, rule_in_force
from residents import local_grants, queries
from residents.labels import ROLES

bp = Blueprint("field", __name__, url_prefix="/field")
bp.before_request(field_only)
ROW = ":"
"""Stands between whose tick it is and which row of the day."""


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
        seen=present().isoformat(),
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
    """Return the doors with who lives there, and what stands of this day (or month)."""
    holders = [door.household for door in doors]
    holders += [resident for door in doors for resident, _name in door.people]
    place = current_actor().place
    stands = recorded_on(reader(), place, _of_that_day(place, rule, day), day, holders)
    return tuple(
        {
            "address": door.address,
            "names": _("、").join(name for _id, name in door.people),
            "people": tuple(
                {"id": resident, "name": name, **_tick(resident, stands[resident])}
                for resident, name in door.people
            ),
            **_tick(door.household, stands[door.household]),
        }
        for door in doors
    )


def _tick(holder: UUID, stands: OnDay) -> dict[str, Any]:
    """Return a door's tick: a second tap is the same row, a second act of the day is the next."""
    return {
        "tick": f"{holder}{ROW}{stands.next}",
        "times": stands.times,
        "full": stands.is_full,
        "undone": stands.was_undone,
    }


def _of_that_day(place: int, rule: Rule, day: dt.date) -> Rule:
    """Return a rule as it was: its caps are those of the day of the act."""
    try:
        return rule_in_force(reader(), place, rule.key, day)
    except RuleUnknown:
        return rule


def _ticked(raw: list[str]) -> dict[UUID, int]:
    """Read the ticks: whose, and which row of the day."""
    found: dict[UUID, int] = {}
    for tick in raw:
        holder, _mark, row = tick.partition(ROW)
        whose, which = identity(holder), number(row or "0")
        if whose is not None and which is not None:
            found.setdefault(whose, which)
    return found


@bp.post("/record")
def record() -> ResponseReturnValue:
    """Record the ticked doors, or the ticked people, by one rule."""
    actor, form = current_actor(), request.form
    rules = recordable(actor.place, actor.role)
    rule = next((one for one in rules if one.key == form.get("rule")), None)
    day, ticked = date(form.get("day")), _ticked(form.getlist("holder"))
    if rule is None or day is None or not ticked:
        return _home(_("请选好规则和日期，至少勾一户或一位。"), 422)
    if rule.topic == NEIGHBOUR:
        return _help(rule, day)
    rows = [
        ListedAct(
            number=place,
            act=Act(
                rule=rule.key,
                holder_kind="household" if rule.holder == "household" else "resident",
                holder_id=holder,
                units=1,
                day=day,
                note=form.get("note", ""),
            ),
            occurrence=occurrence,
        )
        for place, (holder, occurrence) in enumerate(ticked.items(), start=1)
    ]
    known = recorded_on(reader(), actor.place, rule, day, list(ticked))
    if any(row.occurrence > len(known[row.act.holder_id].rows) for row in rows):
        return _home(_("这一页旧了，请看过再勾。"), 409)
    try:
        _sheet, done = record_all(actor, actor.place, rows, again=instant(form.get("seen")))
    except AppError as refusal:
        return _home(refusal.sentence(), int(refusal.status))
    refused = [row.message for row in done.rows if row.outcome == "refused"]
    if refused:
        flash(refused[0], "refused")
    capped = [row.message for row in done.rows if row.outcome == "capped"]
    made, before = done.count("recorded"), done.count("existed")
    if made:
        words = _("记上了 %(count)s 笔，共 %(points)s 分", count=made, points=points(done.amount))
        if done.waiting:
            waits = _("其中 %(count)s 笔等另一位工作人员确认", count=done.waiting)
            words = _("%(words)s，%(waits)s", words=words, waits=waits)
        flash(words, "done")
    if before:
        flash(_("%(count)s 笔以前记过，没有多记", count=before), "note")
    if capped:
        flash(_("%(count)s 笔没有记：%(why)s", count=len(capped), why=capped[0]), "note")
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
