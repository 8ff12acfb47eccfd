"""The desk's list of activities and the editor that publishes one from a template."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from activities import staff_queries, template_queries
from activities.ideas import idea, ideas
from activities.own_templates import (
    RetireTemplate,
    SaveTemplate,
    TakeOverTemplate,
    retire_template,
    save_template,
    take_over_template,
)
from activities.publish import (
    PLACE_MAX,
    PLACES_MAX,
    SESSIONS_MAX,
    TITLE_MAX,
    ActivityIncomplete,
    Part,
    PartOffered,
    PartsMissing,
    PublishActivity,
    RuleUnfit,
    SessionPast,
    WindowWrong,
    check_window,
    publish_activity,
)
from admin.blueprints import desk
from admin.desk_session import session_here
from admin.forms import date, identity, moment, number, page_number, readable
from core.errors import AppError
from core.formats import day as day_words
from core.formats import earns, points
from core.http_keys import form_key
from core.identity import current_actor
from core.work import business_day, present, reader, transact
from points.earning.rules import HALF_HOUR, SCAN, Rule, rules_in_force, units_at_most
from points.models import CatalogueRule

_Windows = tuple[tuple[dt.datetime, dt.datetime], ...]
WEEK = dt.timedelta(days=7)
NEXT_DAY = dt.timedelta(days=1)
FIELDS: dict[type[AppError], str] = {
    ActivityIncomplete: "title",
    WindowWrong: "day",
    SessionPast: "day",
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
    template = template_queries.template(reader(), wanted) if wanted else None
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


def _prefilled(template: Any) -> dict[str, str]:
    """Return the fields as the template has them, for the coming Saturday at nine."""
    today, place = business_day(present()), current_actor().place
    known = {rule.key for rule in rules_in_force(reader(), place, today)}
    saturday = today + dt.timedelta(days=(5 - today.weekday()) % 7 or 7)
    start = dt.datetime.combine(saturday, dt.time(9))
    end = start + dt.timedelta(minutes=template.duration_minutes)
    return {
        "title": template.name,
        "place": template.place_hint if template.community == place else "",
        "open_to": template.open_to,
        "day": saturday.isoformat(),
        "starts": f"{start:%H:%M}",
        "ends": f"{end:%H:%M}",
        "weeks": "",
        "take_places": _places(template.take_part_places),
        "take_rule": _rule_field(template.take_part_places, template.take_part_rule, known),
        "serve_places": _places(template.serve_places),
        "serve_rule": _rule_field(template.serve_places, template.serve_rule, known),
        "bring": template.bring,
        "summary": template.summary,
    }


def _places(count: int | None) -> str:
    return str(count) if count else ""


def _rule_field(places: int | None, rule: str | None, known: set[str]) -> str:
    """Return the rule, "" for none or one that is not in force here, "off" for no such part."""
    if places == 0:
        return "off"
    return rule if rule in known else ""


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
        **(_choice(rules) if draft is None else {}),
        ideas=ideas(connection, actor.place, now) if draft is None else (),
        draft=draft,
        take_rules=_choices(rules, "basic", "次", typed),
        serve_rules=_choices(rules, "service", HALF_HOUR, typed),
        errors=errors or {},
        refusal=refusal,
        key=form_key(),
    )
    return page, status


def _choice(rules: list[Rule]) -> dict[str, Any]:
    """Return the templates to choose from: one's own, the district's, other communities'."""
    connection, place = reader(), current_actor().place
    offered = template_queries.offered(connection, place)
    return {
        "own": _cards(rules, (row for row in offered if row.community)),
        "templates": _cards(rules, (row for row in offered if not row.community)),
        "elsewhere": _cards(rules, template_queries.elsewhere(connection, place)),
    }


def _cards(rules: list[Rule], rows: Iterable[Any]) -> tuple[dict[str, Any], ...]:
    by_key = {rule.key: rule for rule in rules}
    return tuple(
        {
            "key": row.key,
            "name": row.name,
            "kind": row.kind,
            "summary": row.summary,
            "minutes": row.duration_minutes,
            "open_to": row.open_to,
            "place": row.place,
            "take_words": _promise(by_key, row.take_part_rule, "take_part"),
            "serve_words": _promise(by_key, row.serve_rule, "serve"),
            "origin": _origin_words(row),
        }
        for row in rows
    )


def _origin_words(row: Any) -> str:
    """Say where an own template came from."""
    if row.from_name is None:
        return ""
    if row.from_community is None:
        return str(_("从区里的「%(name)s」改的", name=row.from_name))
    if row.from_community == row.community:
        return str(_("从本社区的「%(name)s」改的", name=row.from_name))
    return str(_("从%(place)s的「%(name)s」学来的", place=row.from_place, name=row.from_name))


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
        and SCAN in rule.recorded_by
    )


def _length(typed: dict[str, str]) -> int:
    window = _window(typed)
    return (window[1] - window[0]) // dt.timedelta(minutes=30) if window else 0


def _most(rule: Rule, units: int) -> int:
    return rule.amount * units_at_most(rule, units)


@desk.post("/activities/new")
def activity_publish() -> ResponseReturnValue:
    """Publish the activity; where something is wrong, the editor comes back as it was typed."""
    typed = request.form.to_dict()
    template = template_queries.template(reader(), typed.get("template", ""))
    if template is None:
        return redirect(url_for("desk.activity_new"), code=303)
    windows = _windows(typed)
    errors = _wrong(typed, windows)
    if errors:
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
        sessions=windows,
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
    if len(done.sessions) > 1:
        flash(_("已发布 %(count)s 场，居民在手机上马上看得到", count=len(done.sessions)), "done")
    else:
        flash(_("已发布，居民在手机上马上看得到"), "done")
    return redirect(url_for("desk.session", session_id=done.sessions[0]), code=303)


def _wrong(typed: dict[str, str], windows: _Windows) -> dict[str, list[str]]:
    """Return all that is wrong at once, each beside its field."""
    errors = {}
    if not 0 < len(typed.get("title", "").strip()) <= TITLE_MAX:
        errors["title"] = [_("请写活动名称，最多 %(most)s 个字。", most=TITLE_MAX)]
    if not 0 < len(typed.get("place", "").strip()) <= PLACE_MAX:
        errors["place"] = [_("请写在哪里办，最多 %(most)s 个字。", most=PLACE_MAX)]
    if not windows:
        errors["day"] = [_("请选好日期和时间。")]
    else:
        try:
            check_window(*windows[0], present())
        except AppError as refusal:
            errors["day"] = [refusal.sentence()]
    for name in ("take_places", "serve_places"):
        if not readable(typed, name) or (number(typed.get(name)) or 0) > PLACES_MAX:
            errors[name] = [_("名额要是 1 到 %(most)s 的整数，不限就留空。", most=PLACES_MAX)]
    if not readable(typed, "weeks") or len(windows) > SESSIONS_MAX:
        errors["weeks"] = [_("场数要是 1 到 %(most)s 的整数。", most=SESSIONS_MAX)]
    if not _offered(typed):
        errors["parts"] = [_("来参加和来帮忙至少要有一种。")]
    return errors


def _window(typed: dict[str, str]) -> tuple[dt.datetime, dt.datetime] | None:
    """Return the first session; an end before the start is the next day's."""
    day = date(typed.get("day"))
    starts = moment(day, typed.get("starts")) if day else None
    ends = moment(day, typed.get("ends")) if day else None
    if starts is None or ends is None:
        return None
    return starts, ends + NEXT_DAY if ends < starts else ends


def _windows(typed: dict[str, str]) -> _Windows:
    """Return the first session and those of the weeks after it; nothing without a day and times."""
    window = _window(typed)
    if window is None:
        return ()
    starts, ends = window
    # One too many is enough to be refused, however many are asked for.
    weeks = min(number(typed.get("weeks")) or 1, SESSIONS_MAX + 1)
    return tuple((starts + WEEK * index, ends + WEEK * index) for index in range(weeks))


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


@desk.post("/sessions/<uuid:session_id>/save-template")
def template_save(session_id: UUID) -> ResponseReturnValue:
    """Save what was done as a template of this community."""
    session_here(session_id)
    transact(save_template, SaveTemplate(session=session_id), current_actor())
    flash(_("已存成本社区的模板，发活动时排在最前面"), "done")
    return redirect(url_for("desk.session", session_id=session_id), code=303)


@desk.post("/activities/templates/take-over")
def template_take_over() -> ResponseReturnValue:
    """Take over another community's template."""
    actor = current_actor()
    command = TakeOverTemplate(community=actor.place, template=request.form.get("template", ""))
    done = transact(take_over_template, command, actor)
    flash(_("已照搬成本社区的模板，记着从哪里来"), "done")
    if done.rule_left_out:
        flash(_("对方按自己的规则记分，这里没有那条规则，先不计分；发布前请选一条。"), "note")
    return redirect(url_for("desk.activity_new"), code=303)


@desk.post("/activities/templates/retire")
def template_retire() -> ResponseReturnValue:
    """Offer an own template no longer."""
    command = RetireTemplate(template=request.form.get("template", ""))
    transact(retire_template, command, current_actor())
    flash(_("模板已停用；再存一次同名的活动，就会回来"), "done")
    return redirect(url_for("desk.activity_new"), code=303)
