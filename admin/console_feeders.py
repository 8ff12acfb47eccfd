"""The console's page of feeders: devices and platforms that record by themselves."""

from __future__ import annotations

from typing import Any, cast

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from admin.blueprints import console
from admin.forms import identity, number
from core.directory import directory
from core.errors import N_, AppError
from core.http_keys import form_key
from core.identity import current_actor
from core.work import business_day, present, reader, transact
from points.feeds import queries
from points.feeds.feeders import (
    DEVICE,
    PLATFORM,
    WORDS_OF,
    ChangeFeeder,
    FeederNameTaken,
    FeederSecret,
    FeederUnknown,
    Kind,
    MakeFeeder,
    ScopeOf,
    confirm_feeder,
    make_feeder,
    rotate_secret,
    stop_feeder,
)
from residents import queries as places
from residents.models import Community, Subdistrict

KINDS: dict[str, tuple[str, str]] = {
    "device": (N_("设备"), N_("智能垃圾房、智能回收箱")),
    "platform": (N_("志愿平台"), N_("志愿浙江等，按姓名和手机号记时长")),
    "city": (N_("市里的系统"), N_("两种都能记")),
}


@console.get("/feeders")
def feeders() -> ResponseReturnValue:
    """List feeders, those that wait for a second person first, and their latest batches."""
    return _feeders()


def _feeders(
    *,
    typed: dict[str, str] | None = None,
    shown: FeederSecret | None = None,
    errors: dict[str, list[str]] | None = None,
    refusal: str | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    actor, connection = current_actor(), reader()
    lines = queries.feeders(connection, actor)
    choices = queries.rules_to_feed(connection, frozenset({DEVICE, PLATFORM}))
    district = places.district(connection)
    codes = {
        row.name: row.code for row in connection.execute(select(Subdistrict.name, Subdistrict.code))
    }
    page = render_template(
        "admin/console_feeders.html",
        rows=_rows(lines, {each.key: each.name for each in choices}),
        batches=queries.batches(connection, lines),
        shown=shown,
        shown_name=next((each.name for each in lines if shown and each.id == shown.id), ""),
        kinds=tuple((key, _(name), _(note)) for key, (name, note) in KINDS.items()),
        rules=choices,
        places=tuple(
            {"name": name, "code": codes[name], "communities": inside}
            for name, inside in places.communities_by_subdistrict(
                connection, business_day(present())
            ).items()
        ),
        district_name=district.display_name if district else "",
        chosen=request.form.getlist("rules"),
        typed=typed or {},
        errors=errors or {},
        refusal=refusal,
        may_change=actor.may("feeder.change"),
        key=form_key(),
    )
    return page, status


def _rows(lines: list[queries.FeederLine], rules: dict[str, str]) -> tuple[dict[str, Any], ...]:
    actor, connection = current_actor(), reader()
    found, own = {each.place for each in lines}, directory().own(connection, actor.person)
    names: dict[int, str] = {
        row.code: row.display_name
        for row in connection.execute(
            select(Community.code, Community.display_name).where(Community.code.in_(found)),
        )
    }
    names |= {
        row.code: row.name
        for row in connection.execute(
            select(Subdistrict.code, Subdistrict.name).where(Subdistrict.code.in_(found)),
        )
    }
    return tuple(
        {
            "id": each.id,
            "name": each.name,
            "kind": _(KINDS[each.kind][0]),
            "place": _("全区") if each.scope_kind == "district" else names.get(each.place, ""),
            "rules": _("、").join(rules.get(key, key) for key in each.rules),
            "state": each.state,
            "last_at": each.last_at,
            "recorded": each.recorded,
            "may_confirm": each.state == "waiting"
            and each.secret_by not in own
            and actor.may("feeder.change"),
        }
        for each in lines
    )


@console.post("/feeders")
def feeder_add() -> ResponseReturnValue:
    """Make a feeder; the answer shows its secret, which no page shows again."""
    typed = request.form.to_dict()
    kind, place = typed.get("kind", ""), number(typed.get("place"))
    if kind not in KINDS or place is None:
        field = "place" if kind in KINDS else "kind"
        return _feeders(typed=typed, errors={field: [_("请选一项。")]}, status=422)
    scope: ScopeOf = "district"
    if place:
        scope = "community" if place % 1_000 else "subdistrict"
    command = MakeFeeder(
        key=typed.get("key", ""),
        name=typed.get("name", ""),
        kind=cast("Kind", kind),
        scope_kind=scope,
        place=place,
        rules=tuple(
            each.key
            for each in queries.rules_to_feed(reader(), WORDS_OF[kind])
            if each.key in request.form.getlist("rules")
        ),
    )
    try:
        made = transact(make_feeder, command, current_actor())
    except FeederNameTaken as refusal:
        errors = {"name": [refusal.sentence()]}
        return _feeders(typed=typed, errors=errors, status=int(refusal.status))
    except AppError as refusal:
        return _feeders(typed=typed, refusal=refusal.sentence(), status=int(refusal.status))
    if made.secret is None:
        flash(_("刚才已经建好了。密钥只显示一次；没有抄下的，请换一次密钥。"), "note")
        return redirect(url_for("console.feeders"), code=303)
    return _feeders(shown=made, status=201)


@console.post("/feeders/rotate")
def feeder_rotate() -> ResponseReturnValue:
    """Make a new secret; the answer shows it, and no page shows it again."""
    try:
        made = transact(rotate_secret, _chosen(), current_actor())
    except AppError as refusal:
        return _feeders(refusal=refusal.sentence(), status=int(refusal.status))
    return _feeders(shown=made, status=201)


@console.post("/feeders/confirm")
def feeder_confirm() -> ResponseReturnValue:
    """Let a feeder in as the second person."""
    return _decide(confirm_feeder, _("已启用，可以开始传了"))


@console.post("/feeders/stop")
def feeder_stop() -> ResponseReturnValue:
    """Stop a feeder at once."""
    return _decide(stop_feeder, _("已停用，再传来的都不记"))


def _chosen() -> ChangeFeeder:
    wanted = identity(request.form.get("feeder_id"))
    if wanted is None:
        raise FeederUnknown
    return ChangeFeeder(feeder=wanted)


def _decide(use_case: Any, done: str) -> ResponseReturnValue:
    try:
        transact(use_case, _chosen(), current_actor())
    except AppError as refusal:
        return _feeders(refusal=refusal.sentence(), status=int(refusal.status))
    flash(done, "done")
    return redirect(url_for("console.feeders"), code=303)
