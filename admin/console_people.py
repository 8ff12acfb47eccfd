"""The console's page of people: who holds which role where."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from admin.blueprints import console, within
from admin.forms import date, identity, number, page_number
from core.crypto import PhoneMalformed
from core.directory import directory
from core.errors import N_, AppError
from core.identity import current_actor
from core.work import business_day, present, reader, transact
from residents import grants, queries
from residents.granted import GrantLine, list_grants
from residents.labels import ROLES
from residents.models import Person, Subdistrict
from residents.people import NameMissing

SCOPES = (
    ("staff", "community", N_("发活动、记到场、核实居民、审兑换")),
    ("lead", "community", N_("社工能办的，加大额兑换")),
    ("keeper", "community", N_("在驿站交货，核实来领取的居民")),
    ("subdistrict_reader", "subdistrict", N_("看本街道，不能改")),
    ("district_admin", "district", N_("定折算率、设置和授权，要另一人复核")),
    ("auditor", "district", N_("看全区，不能改，要另一人复核")),
)
FIELDS: dict[type[AppError], str] = {
    NameMissing: "name",
    PhoneMalformed: "phone",
    grants.DatesWrong: "valid_to",
    grants.RoleUnknown: "place",
}
"""Beside which field a refusal stands."""


@console.get("/people")
def people() -> ResponseReturnValue:
    """List grants, those that wait for a second person first."""
    return _people()


def _people(
    *,
    typed: dict[str, str] | None = None,
    errors: dict[str, list[str]] | None = None,
    refusal: str | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    actor, connection, now = current_actor(), reader(), present()
    today = business_day(now)
    q, page = request.args.get("q", "").strip(), page_number(request.args.get("page"))
    found = list_grants(connection, today, q, page, within=within())
    names = _names(found.rows)
    district = queries.district(connection)
    named = connection.execute(select(Subdistrict.name, Subdistrict.code))
    codes = {row.name: row.code for row in named}
    shown = render_template(
        "admin/people.html",
        q=q,
        rows=tuple(_row(line, names) for line in found.rows),
        total=found.in_force,
        page=page,
        has_more=found.has_more,
        roles=tuple(
            {"value": role, "words": _(ROLES[role]), "note": _(note), "scope": scope}
            for role, scope, note in SCOPES
        ),
        places=tuple(
            {
                "name": name,
                "code": codes[name],
                "communities": tuple({"code": code, "name": each} for code, each in inside),
            }
            for name, inside in queries.communities_by_subdistrict(
                connection, business_day(present())
            ).items()
        ),
        district_code=district.code if district else 0,
        district_name=district.display_name if district else "",
        may_change=actor.may("grant.change"),
        typed={"valid_from": today.isoformat()} | (typed or {}),
        errors=errors or {},
        refusal=refusal,
    )
    return shown, status


def _names(rows: tuple[GrantLine, ...]) -> dict[Any, str]:
    """Return the names of those who gave and confirmed these grants."""
    wanted = {row.granted_by for row in rows} | {row.confirmed_by for row in rows} - {None}
    query = select(Person.id, Person.name).where(Person.id.in_(list(wanted)))
    return {row.id: row.name for row in reader().execute(query)}


def _row(line: GrantLine, names: dict[Any, str]) -> dict[str, Any]:
    place = f"{line.place_name}{_('，')}{line.subdistrict}" if line.subdistrict else line.place_name
    mine = current_actor().person in {line.person, line.granted_by} or (
        line.is_waiting
        and directory().own(reader(), current_actor().person) & {line.person, line.granted_by}
    )
    return {
        "id": line.id,
        "name": line.name,
        "phone": line.phone_masked or None,
        "role_words": _(ROLES[line.role]),
        "place": place,
        "valid_from": line.valid_from,
        "valid_to": line.valid_to,
        "granted_by": names.get(line.granted_by, _("系统")),
        "confirmed_by": names.get(line.confirmed_by),
        "ended": line.is_ended,
        "mine": line.person == current_actor().person,
        "waiting": line.is_waiting,
        "may_confirm": line.is_waiting and not mine and current_actor().may("grant.change"),
    }


@console.post("/people")
def grant_add() -> ResponseReturnValue:
    """Give somebody a role."""
    typed = request.form.to_dict()
    start, end = date(typed.get("valid_from")), date(typed.get("valid_to"))
    if start is None or (typed.get("valid_to") and end is None):
        field = "valid_from" if start is None else "valid_to"
        return _people(typed=typed, errors={field: [_("请选好日期。")]}, status=422)
    command = grants.GrantRole(
        name=typed.get("name", ""),
        phone=typed.get("phone", ""),
        role=typed.get("role", ""),
        place=number(typed.get("place")) or 0,
        valid_from=start,
        valid_to=end,
    )
    try:
        granted = transact(grants.grant_role, command, current_actor())
    except AppError as refusal:
        beside, sentence = FIELDS.get(type(refusal)), refusal.sentence()
        errors = {beside: [sentence]} if beside else {}
        return _people(
            typed=typed,
            errors=errors,
            refusal=None if beside else sentence,
            status=int(refusal.status),
        )
    if granted.exists:
        done = _("这个人已经有这项授权，没有再加一次")
    elif command.role in grants.POWERFUL:
        done = _("已提出，等另一位管理员复核后生效")
    elif start > business_day(present()):
        done = _("已授权，到开始那天登录时能选这个身份")
    else:
        done = _("已授权，登录时就能选这个身份")
    flash(done, "done")
    return redirect(url_for("console.people"), code=303)


@console.post("/people/confirm")
def grant_confirm() -> ResponseReturnValue:
    """Confirm somebody else's grant of a powerful role."""
    return _decide(grants.confirm_grant, grants.ConfirmGrant, _("已复核，这项授权生效了"))


@console.post("/people/end")
def grant_end() -> ResponseReturnValue:
    """End a grant, and the sign-ins that act by it."""
    return _decide(grants.end_grant, grants.EndGrant, _("授权已结束"))


def _decide(use_case: Any, command: Any, done: str) -> ResponseReturnValue:
    wanted = identity(request.form.get("grant_id"))
    if wanted is None:
        raise grants.GrantUnknown
    try:
        transact(use_case, command(grant=wanted), current_actor())
    except AppError as refusal:
        return _people(refusal=refusal.sentence(), status=int(refusal.status))
    flash(done, "done")
    return redirect(url_for("console.people"), code=303)
