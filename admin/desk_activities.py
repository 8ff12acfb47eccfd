"""The desk's list of activities and the editor that publishes one from a template."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from activities import staff_queries
from activities.ideas import idea, ideas
from activities.models import ActivityTemplate
from activities.publish import (
    ActivityIncomplete,
    Part,
    PartOffered,
    PartsMissing,
    PublishActivity,
    RuleUnfit,
    WindowWrong,
    publish_activity,
)
from admin.blueprints import desk
from admin.forms import date, identity, moment, number, page_number, readable
from core.errors import AppError
from core.formats import day as day_words
from core.formats import earns, points
from core.http_keys import form_key
from core.identity import current_actor
from core.work import business_day, present, reader, transact
from points.earning.rules import HALF_HOUR, Rule, rules_in_force
from points.models import CatalogueRule

FIELDS: dict[type[AppError], str] = {
    ActivityIncomplete: "title",
    WindowWrong: "day",
    PartsMissing: "parts",
    RuleUnfit: "parts",
}
"""Beside which field a refusal stands."""


@desk.get("/activities")
def activities() -> ResponseReturnValue:
    """List the community's sessions, coming or past."""
    actor, connection, now = current_actor(), reader(), present()
    show = "past" if request.args.get("show") == "past" else "coming"
    page = page_number(request.args.get("page"))
    rows, has_more = staff_queries.list_sessions(connection, actor.place, now, show, page)
    coming, past = staff_queries.count_sessions(connection, actor.place, now)
    return render_template(
        "admin/activities.html",
        show=show,
        coming=coming,
        past=past,
        rows=rows,
        page=page,
        has_more=has_more,
    )


@desk.get("/activities/new")
def activity_new() -> ResponseReturnValue:
    """Choose a template, then change what is to be changed."""
    current_actor().require("activity.publish")
    wanted = request.args.get("template")
    template = _template(wanted) if wanted else None
    if template is None:
        return _editor(None, {})
    return _editor(template, _prefilled(template) | _copied(request.args.get("like")))


def _copied(raw: str | None) -> dict[str, str]:
    """Return what another community's activity says of itself, to be copied."""
    wanted = identity(raw)
    found = idea(reader(), wanted) if wanted else None
    if found is None:
        return {}
    return {
        "title": found.title,
        "summary": found.summary,
        "bring": found.bring,
        "open_to": found.open_to,
        "copied_from": str(found.id),
        "copied_place": found.place,
    }


def _template(key: str) -> Any:
    return (
        reader()
        .execute(
            select(ActivityTemplate.__table__).where(ActivityTemplate.key == key),
        )
        .first()
    )


def _prefilled(template: Any) -> dict[str, str]:
    """Return the fields as the template has them, for the coming Saturday at nine."""
    today = business_day(present())
    saturday = today + dt.timedelta(days=(5 - today.weekday()) % 7 or 7)
    start = dt.datetime.combine(saturday, dt.time(9))
    end = start + dt.timedelta(minutes=template.duration_minutes)
    return {
        "title": template.name,
        "place": "",
        "open_to": template.open_to,
        "day": saturday.isoformat(),
        "starts": f"{start:%H:%M}",
        "ends": f"{end:%H:%M}",
        "take_places": _places(template.take_part_places),
        "take_rule": _rule_field(template.take_part_places, template.take_part_rule),
        "serve_places": _places(template.serve_places),
        "serve_rule": _rule_field(template.serve_places, template.serve_rule),
        "bring": template.bring,
        "summary": template.summary,
    }


def _places(count: int | None) -> str:
    return str(count) if count else ""


def _rule_field(places: int | None, rule: str | None) -> str:
    return "off" if places == 0 else rule or ""


def _editor(
    template: Any,
    typed: dict[str, str],
    errors: dict[str, list[str]] | None = None,
    refusal: str | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    connection, actor, now = reader(), current_actor(), present()
    rules = rules_in_force(connection, actor.place, business_day(now))
    day = date(typed.get("day"))
    draft = (
        {
            "template": template.key,
            "template_name": template.name,
            "kind": template.kind,
            "summary": template.summary,
            "typed": typed,
            "when_words": day_words(day, business_day(now)) if day else _("选好日期"),
        }
        if template
        else None
    )
    page = render_template(
        "admin/activity_new.html",
        templates=_templates(rules) if draft is None else (),
        ideas=ideas(connection, actor.place, now) if draft is None else (),
        draft=draft,
        take_rules=_choices(rules, "basic", "次", typed),
        serve_rules=_choices(rules, "service", HALF_HOUR, typed),
        errors=errors or {},
        refusal=refusal,
        key=form_key(),
    )
    return page, status


def _templates(rules: list[Rule]) -> tuple[dict[str, Any], ...]:
    by_key = {rule.key: rule for rule in rules}
    return tuple(
        {
            "key": row.key,
            "name": row.name,
            "kind": row.kind,
            "summary": row.summary,
            "minutes": row.duration_minutes,
            "open_to": row.open_to,
            "take_words": _promise(by_key, row.take_part_rule, "take_part"),
            "serve_words": _promise(by_key, row.serve_rule, "serve"),
        }
        for row in staff_queries.templates(reader())
    )


def _promise(rules: dict[str, Rule], key: str | None, part: str) -> str:
    return earns(rules[key].amount, part) if key and key in rules else ""


def _choices(
    rules: list[Rule],
    kind: str,
    unit: str,
    typed: dict[str, str],
) -> tuple[dict[str, Any], ...]:
    """Return the rules that fit a part, with the district's band."""
    bands = {
        row.key: (row.points_min, row.points_max)
        for row in reader().execute(
            select(CatalogueRule.key, CatalogueRule.points_min, CatalogueRule.points_max),
        )
    }
    part = "take_part" if kind == "basic" else "serve"
    hours = 2 if part == "serve" else 1
    most = _length(typed)
    return tuple(
        {
            "key": rule.key,
            "name": rule.name,
            "words": earns(
                rule.amount, part, _most(rule, most) if part == "serve" and most else None
            ),
            "band": _(
                "指导区间 %(low)s–%(high)s",
                low=points(bands[rule.key][0] * hours),
                high=points(bands[rule.key][1] * hours),
            ),
        }
        for rule in rules
        if rule.points_kind == kind
        and rule.unit == unit
        and rule.holder == "resident"
        and "自助扫码" in rule.recorded_by
    )


def _length(typed: dict[str, str]) -> int:
    day = date(typed.get("day"))
    if day is None:
        return 0
    starts, ends = moment(day, typed.get("starts")), moment(day, typed.get("ends"))
    return max(0, (ends - starts) // dt.timedelta(minutes=30)) if starts and ends else 0


def _most(rule: Rule, units: int) -> int:
    return rule.amount * (units if rule.cap_per_day is None else min(units, rule.cap_per_day))


@desk.post("/activities/new")
def activity_publish() -> ResponseReturnValue:
    """Publish the activity; where something is wrong, the editor comes back as it was typed."""
    typed = request.form.to_dict()
    template = _template(typed.get("template", ""))
    if template is None:
        return redirect(url_for("desk.activity_new"), code=303)
    day = date(typed.get("day"))
    starts = moment(day, typed.get("starts")) if day else None
    ends = moment(day, typed.get("ends")) if day else None
    if starts is None or ends is None:
        errors = {"day": [_("请选好日期和时间。")]}
        return _editor(template, typed, errors, status=422)
    places = [name for name in ("take_places", "serve_places") if not readable(typed, name)]
    if places:
        errors = {name: [_("名额要是正整数，不限就留空。")] for name in places}
        return _editor(template, typed, errors, status=422)
    command = PublishActivity(
        key=typed.get("key", ""),
        community=current_actor().place,
        template=template.key,
        title=typed.get("title", ""),
        kind=template.kind,
        scene=template.scene,
        summary=typed.get("summary", ""),
        bring=typed.get("bring", ""),
        place=typed.get("place", ""),
        open_to="district" if typed.get("open_to") == "district" else "community",
        sessions=((starts, ends),),
        parts=tuple(_offered(typed)),
        copied_from=identity(typed.get("copied_from")),
    )
    try:
        done = transact(publish_activity, command, current_actor())
    except AppError as refusal:
        field, sentence = FIELDS.get(type(refusal)), refusal.sentence()
        if field is None:
            return _editor(template, typed, None, sentence, int(refusal.status))
        return _editor(template, typed, {field: [sentence]}, status=int(refusal.status))
    flash(_("已发布，居民在手机上马上看得到"), "done")
    return redirect(url_for("desk.session", session_id=done.sessions[0]), code=303)


def _offered(typed: dict[str, str]) -> list[PartOffered]:
    parts: list[tuple[Part, str]] = [("take_part", "take"), ("serve", "serve")]
    return [
        PartOffered(
            part=part,
            places=number(typed.get(f"{name}_places")),
            rule=typed.get(f"{name}_rule") or None,
        )
        for part, name in parts
        if typed.get(f"{name}_rule") != "off"
    ]
