"""The coming rush at a year's end: by resident for the desk, by community for the district."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import Select, func, select

from admin.blueprints import console, desk, within
from admin.forms import page_number
from admin.sheet_room import download
from core.formats import masked_phone
from core.identity import current_actor
from core.sheets import Cell, Points
from core.work import present, reader
from points.expiring.rush import last_run, losing, rush
from residents import queries as people
from residents.models import Dwelling, Household, Person, Resident

SUBDISTRICT = 1000
PER_PAGE = 50
SHOWS = ("all", "no_phone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loser:
    """Who loses how many centipoints; ``phone_masked`` empty: nobody can send them a warning."""

    resident: UUID
    name: str
    address: str
    phone_masked: str
    amount: int


def _losers(show: str) -> Select[Any] | None:
    """Select who loses points here, those without a phone first, the most to lose before others."""
    found = losing(reader(), present(), current_actor().place)
    if found is None:
        return None
    due = found.subquery()
    query = (
        select(Resident.id, Person.name, Person.phone_tail, Dwelling.address, due.c.amount)
        .join(due, due.c.holder_id == Resident.id)
        .join(Person, Person.id == Resident.person)
        .join(Household, Household.id == Resident.household)
        .outerjoin(Dwelling, Dwelling.id == Household.dwelling)
        .where(Resident.valid_to.is_(None))
        .order_by(Person.phone_tail.is_not(None), due.c.amount.desc(), Resident.id)
    )
    return query.where(Person.phone_tail.is_(None)) if show == "no_phone" else query


def losers(show: str, page: int | None = None) -> tuple[list[Loser], bool]:
    """Return who loses points here, all of them or a page, and whether there are more."""
    query = _losers(show)
    if query is None:
        return [], False
    if page is not None:
        query = query.offset((page - 1) * PER_PAGE).limit(PER_PAGE + 1)
    found = [
        Loser(
            resident=row.id,
            name=row.name,
            address=row.address or "",
            phone_masked=masked_phone(row.phone_tail) if row.phone_tail else "",
            amount=row.amount,
        )
        for row in reader().execute(query)
    ]
    return (found, False) if page is None else (found[:PER_PAGE], len(found) > PER_PAGE)


def _counts() -> dict[str, int]:
    """Return how many lose points here, and how many of them have no phone."""
    query = _losers("all")
    if query is None:
        return dict.fromkeys(SHOWS, 0)
    all_of = query.order_by(None).subquery()
    row = reader().execute(select(func.count(), func.count(all_of.c.phone_tail))).one()
    return {"all": row[0], "no_phone": row[0] - row[1]}


def _show() -> str:
    show = request.args.get("show", SHOWS[0])
    return show if show in SHOWS else SHOWS[0]


@desk.get("/expiry")
def expiry() -> ResponseReturnValue:
    """Show what lapses here at this year's end, and whose it is."""
    actor = current_actor()
    actor.require("resident.enter")
    found = rush(reader(), present(), actor.place)
    show, page = _show(), page_number(request.args.get("page"))
    rows, has_more = losers(show, page)
    return render_template(
        "admin/expiry.html",
        rush=found[0] if found else None,
        show=show,
        counts=_counts(),
        rows=rows,
        page=page,
        has_more=has_more,
    )


@desk.get("/expiry.csv")
def expiry_file() -> Response:
    """Give the whole list as a file, to print and to go round with."""
    current_actor().require("resident.enter")
    table: list[list[Cell]] = [
        [_("姓名"), _("住址"), _("手机"), _("将到期"), _("当面说过（打勾）")],
    ]
    found, _has_more = losers(_show())
    for row in found:
        phone = row.phone_masked or _("没有手机")
        table.append([row.name, row.address or _("住址待补"), phone, Points(row.amount), ""])
    return download(table, _("年底到期"))


@console.get("/expiry")
def console_expiry() -> ResponseReturnValue:
    """Show what lapses in each community at this year's end, and what the last run did."""
    connection, inside = reader(), within()
    found = [
        each
        for each in rush(connection, present())
        if inside is None or each.community // SUBDISTRICT * SUBDISTRICT == inside
    ]
    names = {place.code: place for place in people.places(connection)}
    return render_template(
        "admin/console_expiry.html",
        day=found[0].day if found else None,
        residents=sum(each.residents for each in found),
        amount=sum(each.amount for each in found),
        rows=tuple((names[each.community], each) for each in found),
        last=last_run(connection) if inside is None else None,
    )
