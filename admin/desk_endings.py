"""The desk's pages of people who moved here, were entered twice, or have died."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import desk
from admin.desk_people import resident_here
from admin.desk_register import read_address
from admin.forms import identities, identity
from core.errors import AppError
from core.formats import points
from core.http_keys import form_key
from core.identity import current_actor
from core.work import business_day, present, reader, transact
from exchange import moving
from residents import deaths as recorded
from residents import endings, people, queries
from residents.heirs import heirs


@desk.get("/residents/arrive")
def resident_arrive() -> ResponseReturnValue:
    """Find somebody who moved here from another community, and who moved along."""
    current_actor().require("resident.enter")
    return _arrive()


def _arrive(refusal: str | None = None, status: int = 200) -> ResponseReturnValue:
    connection, actor = reader(), current_actor()
    q = request.values.get("q", "").strip()
    found = {
        line.resident: line
        for line in (*queries.anywhere(connection, q), *queries.at_old_home(connection, q))
        if line.community != actor.place
    }
    places = {place.code: place.display_name for place in queries.places(connection)}
    homes = {line.household: line for line in found.values()}
    page = render_template(
        "admin/resident_arrive.html",
        q=q,
        homes=tuple(
            {
                "where": line.address or _("住址待补"),
                "place": places[line.community],
                "members": tuple(queries.household(connection, household)),
            }
            for household, line in homes.items()
        ),
        address=request.form.get("address", ""),
        key=request.form.get("key") or form_key(),
        refusal=refusal,
    )
    return page, status


@desk.post("/residents/arrive")
def resident_move() -> ResponseReturnValue:
    """Let them live here from today on; their points come along."""
    form, actor = request.form, current_actor()
    raw = form.get("address", "").strip()
    address = read_address(raw) if raw else None
    if raw and address is None:
        return _arrive(_("住址要写全，像建国南苑 3-2-401；村里写 3 组 12 号。"), 422)
    command = moving.MoveHousehold(
        key=form.get("key", ""),
        community=actor.place,
        residents=identities(form.getlist("resident")),
        address=address,
    )
    try:
        done = transact(moving.move_household, command, actor)
    except AppError as refusal:
        return _arrive(refusal.sentence(), int(refusal.status))
    if done.exists:
        flash(_("已经办过搬家"), "done")
    else:
        flash(
            _(
                "搬家办好了，转来 %(service)s 服务积分、%(basic)s 基本积分",
                service=points(done.service),
                basic=points(done.basic),
            ),
            "done",
        )
    return redirect(url_for("desk.resident", resident_id=done.residents[0]), code=303)


@desk.get("/residents/<uuid:resident_id>/end")
def resident_end(resident_id: UUID) -> ResponseReturnValue:
    """Offer to merge another record of the same person, or to record a death."""
    current_actor().require("resident.enter")
    return _end(resident_id)


def _end(resident_id: UUID, refusal: str | None = None, status: int = 200) -> ResponseReturnValue:
    connection = reader()
    line = resident_here(resident_id)
    q = request.values.get("q", "").strip() or line.name
    others = [
        each
        for each in queries.search(connection, line.community, q)
        if each.resident != line.resident
    ]
    page = render_template(
        "admin/resident_end.html",
        resident=_shown(line),
        others=tuple(_shown(each) for each in others),
        q=q,
        key=request.form.get("key") or form_key(),
        refusal=refusal,
    )
    return page, status


def _shown(line: queries.ResidentLine) -> dict[str, Any]:
    return {
        "id": line.resident,
        "name": line.name,
        "where": line.address or _("住址待补"),
        "phone": line.phone_masked or None,
        "since": line.created_at,
    }


@desk.post("/residents/<uuid:resident_id>/merge")
def resident_merge(resident_id: UUID) -> ResponseReturnValue:
    """Make one record of two: this one stays."""
    drop = identity(request.form.get("drop"))
    if drop is None:
        return _end(resident_id, people.ResidentUnknown().sentence(), 422)
    command = moving.MergeRecords(key=request.form.get("key", ""), keep=resident_id, drop=drop)
    try:
        done = transact(moving.merge_records, command, current_actor())
    except AppError as refusal:
        return _end(resident_id, refusal.sentence(), int(refusal.status))
    words = _("两份登记合成一份了，并入 %(points)s 服务积分", points=points(done.service))
    flash(_("已经合并过") if done.exists else words, "done")
    return redirect(url_for("desk.resident", resident_id=done.resident), code=303)


@desk.post("/residents/<uuid:resident_id>/death")
def resident_death(resident_id: UUID) -> ResponseReturnValue:
    """Record that a resident has died."""
    if request.form.get("sure") != "1":
        return _end(resident_id, _("请先勾选已和家人核对。"), 422)
    command = endings.RecordDeath(resident=resident_id)
    try:
        done = transact(endings.record_death, command, current_actor())
    except AppError as refusal:
        return _end(resident_id, refusal.sentence(), int(refusal.status))
    day = f"{done.keeps_until:%Y-%m-%d}"
    words = _("已登记，服务积分为家人留到 %(day)s", day=day)
    if not heirs(reader(), resident_id, business_day(present())):
        words = _("已登记。同户没有已核实的成年家人，服务积分 %(day)s 到期", day=day)
    flash(words, "done")
    return redirect(url_for("desk.deaths"), code=303)


@desk.get("/deaths")
def deaths() -> ResponseReturnValue:
    """List the deaths recorded here, each of which may have been a mistake."""
    current_actor().require("resident.enter")
    return _deaths()


def _deaths(refusal: str | None = None, status: int = 200) -> ResponseReturnValue:
    today = business_day(present())
    found = recorded.deaths(reader(), current_actor().place, today)
    return render_template("admin/deaths.html", deaths=found, refusal=refusal), status


@desk.post("/deaths/<uuid:resident_id>/take-back")
def death_take_back(resident_id: UUID) -> ResponseReturnValue:
    """Take a death back that was recorded by mistake."""
    command = recorded.TakeBackDeath(resident=resident_id)
    try:
        transact(recorded.take_back_death, command, current_actor())
    except AppError as refusal:
        return _deaths(refusal.sentence(), int(refusal.status))
    flash(_("已撤回，积分照旧归本人；请本人重新登录，代办和报名要重新办"), "done")
    return redirect(url_for("desk.resident", resident_id=resident_id), code=303)
