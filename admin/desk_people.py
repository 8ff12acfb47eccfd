"""The desk's pages of people: search, confirming, a household's card, registering somebody."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import desk
from admin.forms import identity, number
from core.acts import NotInYourScope
from core.errors import AppError
from core.http_keys import form_key
from core.identity import current_actor
from core.work import present, reader, transact
from points import queries as ledger
from points.accounts import resident_account
from residents import people, queries
from residents.addresses import Address

SHOWN = 30
ADDRESS = re.compile(r"^(?P<estate>\D+?)\s*(?P<numbers>\d.*)$")


@desk.get("/residents")
def residents() -> ResponseReturnValue:
    """Find residents; the ones who wait to be confirmed."""
    actor, connection = current_actor(), reader()
    q = request.args.get("q", "").strip()
    found = queries.search(connection, actor.place, q)
    count, households = queries.count(connection, actor.place)
    waiting = queries.waiting(connection, actor.place)
    return render_template(
        "admin/residents.html",
        totals={"households": households, "residents": count, "unconfirmed": len(waiting)},
        q=q,
        found=tuple(_row(line) for line in found[:SHOWN]),
        unconfirmed=tuple(
            {
                "id": line.resident,
                "name": line.name,
                "where": line.address or _("住址待补"),
                "phone": line.phone_masked or None,
                "since": line.created_at,
                "note": _("自己登记"),
            }
            for line in waiting
        ),
        more=max(0, len(found) - SHOWN),
    )


def _row(line: queries.ResidentLine) -> dict[str, Any]:
    return {
        "id": line.resident,
        "name": line.name,
        "where": line.address or _("住址待补"),
        "phone": line.phone_masked or None,
        "birth_year": line.birth_year,
        "state": line.state,
        "left": False,
        "available": ledger.available(reader(), line.resident, line.community),
    }


def _resident(resident_id: UUID) -> queries.ResidentLine:
    """Return a resident of this community; somebody elsewhere is not this desk's to open."""
    line = queries.lines(reader(), [resident_id]).get(resident_id)
    if line is None:
        raise people.ResidentUnknown
    if not current_actor().covers(line.community):
        raise NotInYourScope
    return line


@desk.get("/residents/<uuid:resident_id>")
def resident(resident_id: UUID) -> ResponseReturnValue:
    """Show a resident in the household, with balances and lines."""
    return _card(_resident(resident_id))


def _card(
    line: queries.ResidentLine,
    refusal: str | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    connection, now = reader(), present()
    show = request.args.get("show", "all")
    show = show if show in {"all", "service", "basic"} else "all"
    members = queries.household(connection, line.household)
    family = ledger.family_accounts(
        line.community, line.household, [member.resident for member in members]
    )
    balances = {
        member.resident: ledger.balances(connection, member.resident, line.community, family, now)
        for member in members
    }
    own = balances[line.resident]
    place = queries.place(connection, line.community)
    page = render_template(
        "admin/resident.html",
        household={
            "address": line.address or _("住址待补"),
            "note": _("一户 %(count)s 人", count=len(members)),
            "basic": own.basic_all,
            "title": own.title.name,
            "next_title": own.next_title.name if own.next_title else None,
            "to_next": own.missing,
            "members": tuple(_member(member, balances[member.resident]) for member in members),
        },
        resident={
            "id": line.resident,
            "name": line.name,
            "state": line.state,
            "since": line.created_at,
            "confirmed_by": None,
            "community_name": place.display_name if place else "",
            "foreign": False,
            "available": own.available,
            "pending": own.pending,
            "held": own.held,
            "expiring": own.expiring,
        },
        rows=_lines(line, show),
        show=show,
        page=1,
        has_more=False,
        refusal=refusal,
    )
    return page, status


def _member(line: queries.ResidentLine, has: ledger.Balances) -> dict[str, Any]:
    return {
        "id": line.resident,
        "name": line.name,
        "birth_year": line.birth_year,
        "phone": line.phone_masked or None,
        "available": has.available,
        "pending": has.pending,
        "basic": has.basic,
        "state": line.state,
        "left": False,
        "role": "",
    }


STATES = {"pending": "pending", "confirming": "second", "held": "held", "posted": "done"}


def _lines(line: queries.ResidentLine, show: str) -> tuple[dict[str, Any], ...]:
    """Return pending awards, holds and transfers of the kinds shown, latest first."""
    connection = reader()
    words = {
        "pending": _("待结算"),
        "confirming": _("等第二人确认"),
        "held": _("预留"),
        "posted": _("已到账"),
    }
    rows = []
    for kind in ("service", "basic"):
        if show not in {"all", kind}:
            continue
        account = resident_account(
            line.resident, line.community, "service" if kind == "service" else "basic"
        )
        found = [
            *ledger.waiting_lines(connection, account),
            *ledger.posted_lines(connection, account),
        ]
        rows += [
            {
                "at": each.at,
                "reason": each.reason,
                "by": "",
                "provenance": None,
                "amount": each.amount,
                "points_kind": kind,
                "state": STATES[each.state],
                "state_words": words[each.state],
            }
            for each in found
        ]
    return tuple(sorted(rows, key=lambda row: row["at"], reverse=True))


@desk.post("/residents/confirm")
def confirm_resident() -> ResponseReturnValue:
    """Confirm that a resident is who they say."""
    actor, wanted = current_actor(), identity(request.form.get("resident_id"))
    if wanted is None:
        raise people.ResidentUnknown
    command = people.ConfirmResident(resident=wanted, at=actor.place)
    try:
        transact(people.confirm_resident, command, actor)
    except people.OwnResident as refusal:
        return _card(_resident(wanted), refusal.sentence(), int(refusal.status))
    flash(_("已核实，可以兑换了"), "done")
    if request.form.get("next") == "list":
        return redirect(url_for("desk.residents"), code=303)
    return redirect(url_for("desk.resident", resident_id=wanted), code=303)


@desk.get("/residents/add")
def resident_add() -> ResponseReturnValue:
    """Register somebody at the desk, with or without a phone."""
    current_actor().require("resident.enter")
    return _add_form({}, typed={"name": request.args.get("name", "")})


def _add_form(
    errors: dict[str, list[str]],
    *,
    typed: dict[str, str],
    refusal: str | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    connection, actor = reader(), current_actor()
    place = queries.place(connection, actor.place)
    village = place is not None and place.kind == "village"
    hint = _("组和号，像 3 组 12 号") if village else _("小区 幢-单元-室，像建国南苑 3-2-401")
    address = _address(typed.get("address", ""))
    at_address = queries.search(connection, actor.place, address.words) if address else []
    page = render_template(
        "admin/resident_add.html",
        typed=typed,
        households=_households(at_address),
        same=(),
        address_hint=hint,
        errors=errors,
        refusal=refusal,
        key=form_key(),
    )
    return page, status


def _households(lines: list[queries.ResidentLine]) -> tuple[dict[str, Any], ...]:
    """Return the households at an address in the words of their members."""
    names: dict[UUID, list[str]] = {}
    for line in lines:
        names.setdefault(line.household, []).append(line.name)
    return tuple(
        {
            "id": household,
            "words": _("%(names)s，一户 %(count)s 人", names="、".join(each), count=len(each)),
        }
        for household, each in names.items()
    )


def _address(raw: str) -> Address | None:
    """Read an address as people type it: 建国南苑 3-2-401, 3 组 12 号."""
    village = re.match(r"^\s*(\d+)\s*组\s*(\d+)\s*号?\s*$", raw)
    if village:
        return Address(estate=f"{village[1]} 组", room=village[2])
    found = ADDRESS.match(raw.strip())
    if not found:
        return None
    numbers = [part for part in re.split(r"[-–幢单元室号栋\s]+", found["numbers"]) if part]
    room = numbers[-1] if numbers else ""
    building = numbers[0] if len(numbers) > 1 else ""
    unit = numbers[1] if len(numbers) > 2 else ""  # noqa: PLR2004 - building, unit, room
    return Address(estate=found["estate"].strip(), building=building, unit=unit, room=room)


@desk.post("/residents/add")
def resident_enter() -> ResponseReturnValue:
    """Enter the resident; where something is wrong, the form comes back as it was typed."""
    form, actor = request.form, current_actor()
    typed = form.to_dict()
    raw = form.get("address", "").strip()
    address = _address(raw) if raw else None
    if raw and address is None:
        error = _("住址要写全，像建国南苑 3-2-401；村里写 3 组 12 号。")
        return _add_form({"address": [error]}, typed=typed, status=422)
    if form.get("consent") != "1":
        error = _("请本人在登记表上签字同意后，再勾选。")
        return _add_form({"consent": [error]}, typed=typed, status=422)
    command = people.EnterResident(
        community=actor.place,
        name=form.get("name", ""),
        phone=form.get("phone") or None,
        birth_year=number(form.get("birth_year")),
        address=address,
        household=identity(form.get("household")),
    )
    try:
        done = transact(people.enter_resident, command, actor)
    except AppError as refusal:
        return _add_form({"name": [refusal.sentence()]}, typed=typed, status=int(refusal.status))
    flash(_("这位居民已经登记过") if done.exists else _("登记好了"), "done")
    return redirect(url_for("desk.resident", resident_id=done.resident), code=303)
