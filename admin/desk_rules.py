"""The desk's 积分规则: the community's table beside the district's, one rule, own ones, others'."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin import rule_words
from admin.blueprints import desk
from admin.forms import centipoints, date, number
from core.errors import AppError
from core.formats import near
from core.identity import current_actor
from core.work import business_day, present, reader, transact
from points.earning import own_rules, rule_table
from points.earning.community_rules import (
    BY_HAND,
    Caps,
    CapsWrong,
    HouseholdCapLow,
    HouseholdCapsWrong,
    HouseholdCapUnfit,
    OutsideBand,
    PointsWrong,
    RecordersWrong,
    RuleDayPast,
    SetRule,
    set_rule,
)
from points.earning.rule_table import RuleLine
from points.earning.rules import HALF_HOUR, SCAN
from points.earning.simulation import Proposal, simulate
from residents.directory import ResidentsDirectory

FIELDS: dict[type[AppError], str] = {
    OutsideBand: "points",
    PointsWrong: "points",
    RuleDayPast: "valid_from",
    CapsWrong: "caps",
    HouseholdCapsWrong: "household_caps",
    HouseholdCapLow: "household_caps",
    HouseholdCapUnfit: "household_caps",
    RecordersWrong: "recorded_by",
    own_rules.RuleNameWrong: "name",
    own_rules.RuleNameTaken: "name",
    own_rules.DutyIsBasic: "topic",
    own_rules.ServiceIsPersonal: "holder",
}
CAPS = tuple(field.name for field in fields(Caps))


def _today() -> dt.date:
    return business_day(present())


def _shown(line: RuleLine, places: dict[int, str]) -> dict[str, Any]:
    planned = line.planned
    return {
        "key": line.rule.key,
        "name": line.rule.name,
        "kind": line.rule.points_kind,
        "unit": rule_words.unit_words(line.rule.unit),
        "amount": line.rule.amount,
        "on": line.is_on,
        "own": line.is_own,
        "duty": line.is_duty,
        "caps": rule_words.caps_words(line.rule),
        "recorded_by": _("，").join(line.rule.recorded_by.split("|")),
        "base": line.base,
        "low": line.low,
        "high": line.high,
        "difference": rule_words.difference(line),
        "outside": line.outside_band,
        "origin": places.get(line.from_community, "") if line.from_community else "",
        "planned": planned,
        "planned_day": near(planned.valid_from, _today()) if planned else "",
        "note": line.rule.note,
    }


def _places(lines: list[RuleLine]) -> dict[int, str]:
    codes = {line.from_community for line in lines if line.from_community}
    return ResidentsDirectory().places(reader(), codes)


@desk.get("/rules")
def rules() -> ResponseReturnValue:
    """Show the community's rules, the district's base and band beside them."""
    actor = current_actor()
    actor.require("act.record")
    lines = rule_table.rule_table(reader(), actor.place, _today())
    places = _places(lines)
    on = [line for line in lines if line.is_on]
    return render_template(
        "admin/rules.html",
        groups=tuple(
            {"kind": kind, "rows": tuple(_shown(each, places) for each in on if _is(each, kind))}
            for kind in ("service", "basic")
        ),
        off=tuple(_shown(each, places) for each in lines if not each.is_on),
        total=len(on),
        same=sum(not each.is_own and each.rule.amount == each.base for each in on),
        own=sum(each.is_own for each in on),
        may_change=actor.may("rule.change"),
    )


def _is(line: RuleLine, kind: str) -> bool:
    return line.rule.points_kind == kind


@desk.get("/rules/elsewhere")
def rules_elsewhere() -> ResponseReturnValue:
    """Show what other communities made themselves, to take over."""
    actor = current_actor()
    actor.require("act.record")
    found = rule_table.elsewhere(reader(), actor.place, _today())
    names = ResidentsDirectory().places(reader(), {each.community for each in found})
    return render_template(
        "admin/rules_elsewhere.html",
        rows=tuple(
            {
                "rule": each.rule,
                "community": each.community,
                "place": names.get(each.community, ""),
                "name": each.name,
                "kind": each.points_kind,
                "unit": rule_words.unit_words(each.unit),
                "points": each.points,
                "own": each.is_own,
                "note": each.note,
            }
            for each in found
        ),
        may_change=actor.may("rule.change"),
    )


@desk.post("/rules/elsewhere")
def rule_take_over() -> ResponseReturnValue:
    """Take over another community's rule."""
    command = own_rules.TakeOver(
        community=current_actor().place,
        rule=request.form.get("rule", ""),
        from_community=number(request.form.get("community")) or 0,
    )
    try:
        done = transact(own_rules.take_over, command, current_actor())
    except AppError as refusal:
        flash(refusal.sentence(), "refused")
        return redirect(url_for("desk.rules_elsewhere"), code=303)
    flash(_("已照搬，%(day)s起生效", day=near(done.valid_from, _today())), "done")
    return redirect(url_for("desk.rules"), code=303)


def _caps(form: Any) -> Caps:
    """Read the caps; what is no whole number becomes one that is refused."""
    return Caps(**{name: _cap(form.get(name)) for name in CAPS})


def _cap(raw: str | None) -> int | None:
    if not (raw or "").strip():
        return None
    return number(raw) or 0


def _typed(line: RuleLine) -> dict[str, Any]:
    """Return the form of a rule as it holds."""
    rule = line.rule
    return {
        "on": "1" if line.is_on else "",
        "points": f"{abs(rule.amount) // 100}",
        "per_act": _blank(rule.cap_per_act),
        "per_day": _blank(rule.cap_per_day),
        "per_month": _blank(rule.cap_per_month),
        "per_year": _blank(rule.cap_per_year),
        "household_per_day": _blank(rule.household_cap_per_day),
        "household_per_month": _blank(rule.household_cap_per_month),
        "household_per_year": _blank(rule.household_cap_per_year),
        "recorded_by": rule.recorded_by.split("|"),
        "valid_from": (_today() + dt.timedelta(days=1)).isoformat(),
    }


def _blank(cap: int | None) -> str:
    return "" if cap is None else str(cap)


def _signed(line: RuleLine, raw: str | None) -> int | None:
    """Read points as they are typed: a rule that takes away is typed without its sign."""
    read = centipoints(raw)
    return -read if read is not None and line.base < 0 else read


@desk.get("/rules/<string:key>")
def rule(key: str) -> ResponseReturnValue:
    """Show one rule to adapt, and what it would have given last month."""
    line = _line(key)
    typed = _typed(line)
    if "points" in request.args:
        asked = request.args
        typed |= {name: asked.get(name, "") for name in ("points", *CAPS, "on")}
        typed |= {
            "recorded_by": asked.getlist("recorded_by"),
            "valid_from": asked.get("valid_from") or typed["valid_from"],
        }
    points = _signed(line, typed["points"])
    unread = typed["on"] and not points
    return _rule(line, typed, points, {"points": [_("请填整数的分。")]} if unread else None)


def _line(key: str) -> RuleLine:
    actor = current_actor()
    actor.require("act.record")
    return rule_table.rule_line(reader(), actor.place, key, _today())


def _rule(
    line: RuleLine,
    typed: dict[str, Any],
    points: int | None,
    errors: dict[str, list[str]] | None = None,
    refusal: str | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    actor = current_actor()
    named = line.rule.recorded_by.split("|")
    caps = _caps(typed)
    tried = points if typed.get("on") else None
    known = bool(tried or not typed.get("on"))
    known &= all(cap is None or cap > 0 for cap in (getattr(caps, name) for name in CAPS))
    proposal = Proposal(community=actor.place, rule=line.rule.key, points=tried, caps=caps)
    page = render_template(
        "admin/rule.html",
        rule=_shown(line, _places([line])),
        holder=_(rule_words.HOLDERS[line.rule.holder]),
        given_to=line.rule.holder,
        topic=line.topic,
        takes=line.base < 0,
        half_hour=line.rule.unit == HALF_HOUR,
        recorders=tuple(dict.fromkeys([*named, *BY_HAND])),
        typed=typed,
        trial=simulate(reader(), proposal, _today()) if known else None,
        errors=errors or {},
        refusal=refusal,
        may_change=actor.may("rule.change"),
    )
    return page, status


@desk.post("/rules/<string:key>")
def rule_save(key: str) -> ResponseReturnValue:
    """Write how the rule holds from a day on."""
    line, form = _line(key), request.form
    typed = {**form.to_dict(), "recorded_by": form.getlist("recorded_by")}
    day, points = date(form.get("valid_from")), _signed(line, form.get("points"))
    if day is None or not points:
        field = "valid_from" if day is None else "points"
        sentence = _("请选好日期。") if day is None else _("请填整数的分。")
        return _rule(line, typed, points, {field: [sentence]}, status=422)
    command = SetRule(
        community=current_actor().place,
        rule=key,
        valid_from=day,
        points=points if form.get("on") == "1" else None,
        caps=_caps(form),
        recorded_by=tuple(form.getlist("recorded_by")),
    )
    try:
        done = transact(set_rule, command, current_actor())
    except AppError as refusal:
        return _refused_rule(line, typed, points, refusal)
    words = near(done.valid_from, _today())
    flash(_("已经是这样了") if done.exists else _("已保存，%(day)s起生效", day=words), "done")
    return redirect(url_for("desk.rules"), code=303)


def _refused_rule(
    line: RuleLine, typed: dict[str, Any], points: int, refusal: AppError
) -> ResponseReturnValue:
    field, sentence = FIELDS.get(type(refusal)), refusal.sentence()
    errors = {field: [sentence]} if field else {}
    return _rule(line, typed, points, errors, None if field else sentence, int(refusal.status))


@desk.get("/own-rules/new")
def rule_new() -> ResponseReturnValue:
    """Make a rule of one's own."""
    current_actor().require("rule.change")
    return _new(
        {
            "per_month": "1",
            "recorded_by": [BY_HAND[0]],
            "unit": own_rules.UNITS[0],
            "holder": "resident",
        }
    )


def _new(
    typed: dict[str, Any],
    errors: dict[str, list[str]] | None = None,
    refusal: str | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    page = render_template(
        "admin/rule_new.html",
        topics=tuple(
            {
                "key": topic.key,
                "name": topic.name,
                "kind": topic.points_kind,
                "low": topic.points_min,
                "high": topic.points_max,
                "duty": topic.duty,
            }
            for topic in rule_table.topics(reader())
        ),
        units=tuple((unit, rule_words.unit_words(unit)) for unit in own_rules.UNITS),
        recorders=(*BY_HAND, SCAN),
        typed=typed,
        errors=errors or {},
        refusal=refusal,
    )
    return page, status


@desk.post("/own-rules/new")
def rule_add() -> ResponseReturnValue:
    """Save a rule of one's own; its topic fixes whether its points can be redeemed."""
    form = request.form
    typed = {**form.to_dict(), "recorded_by": form.getlist("recorded_by")}
    points = centipoints(form.get("points"))
    if not points:
        return _new(typed, {"points": [_("请填整数的分。")]}, status=422)
    kinds = {topic.key: topic.points_kind for topic in rule_table.topics(reader())}
    command = own_rules.AddRule(
        community=current_actor().place,
        name=form.get("name", ""),
        topic=form.get("topic", ""),
        points_kind=kinds.get(form.get("topic", ""), ""),
        unit=form.get("unit", ""),
        holder=form.get("holder", ""),
        points=points,
        caps=_caps(form),
        recorded_by=tuple(form.getlist("recorded_by")),
        note=form.get("note", ""),
    )
    try:
        done = transact(own_rules.add_rule, command, current_actor())
    except AppError as refusal:
        field, sentence = FIELDS.get(type(refusal)), refusal.sentence()
        errors = {field: [sentence]} if field else {}
        return _new(typed, errors, None if field else sentence, int(refusal.status))
    flash(_("已经是这样了") if done.exists else _("已保存，今天就能记"), "done")
    return redirect(url_for("desk.rules"), code=303)
