"""The desk's pages of people: search, confirming, a household's card."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import func, select

from admin.blueprints import desk
from admin.forms import identity
from core.identity import current_actor
from core.work import business_day, present, reader, transact
from points import queries as ledger
from points.accounts import PointsKind, resident_account
from points.models import Account, Award
from points.wallet import state_of
from points.words import state_words, title_of
from residents import acting, homes, people, queries
from residents.labels import agent_words
from residents.models import Person
from residents.revealing import NoNumber, TooManyNumbers, show_phone

SHOWN = 30


@desk.get("/residents")
def residents() -> ResponseReturnValue:
    """Find residents; the ones who wait to be confirmed."""
    actor, connection = current_actor(), reader()
    actor.require("resident.enter")
    q = request.args.get("q", "").strip()
    found = queries.search(connection, actor.place, q)
    count, households = queries.count(connection, actor.place)
    waiting = queries.waiting(connection, actor.place)
    return render_template(
        "admin/residents.html",
        totals={"households": households, "residents": count, "unconfirmed": len(waiting)},
        q=q,
        homes=homes.unknown_homes(connection, actor.place, q),
        found=_rows(found[:SHOWN]),
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


def _rows(found: Sequence[queries.ResidentLine]) -> list[dict[str, Any]]:
    accounts = [resident_account(line.resident, line.community, "service") for line in found]
    free = ledger.free_on(reader(), accounts)
    return [
        {
            "id": line.resident,
            "name": line.name,
            "where": line.address or _("住址待补"),
            "phone": line.phone_masked or None,
            "birth_year": line.birth_year,
            "state": line.state,
            "available": free.get(account, 0),
        }
        for line, account in zip(found, accounts, strict=True)
    ]


def resident_here(resident_id: UUID) -> queries.ResidentLine:
    """Return a resident of this community; somebody elsewhere is not this desk's to open."""
    line = queries.lines(reader(), [resident_id]).get(resident_id)
    if line is None:
        raise people.ResidentUnknown
    current_actor().require("resident.enter", line.community)
    return line


@dataclass(frozen=True, slots=True)
class Family:
    """Who is known in a household, with what each has; ``basic``: of all together."""

    members: tuple[tuple[queries.ResidentLine, ledger.Balances], ...]
    basic: int


def family_of(household: UUID, community: int) -> Family:
    """Return a household's people and points."""
    connection, now = reader(), present()
    members = queries.household(connection, household)
    accounts = ledger.family_accounts(community, household, [line.resident for line in members])
    query = select(Account.id, Account.credited - Account.debited).where(Account.id.in_(accounts))
    life = ledger.life_of(connection, {row[0]: row[1] for row in connection.execute(query)})
    has = (
        (line, ledger.balances(connection, line.resident, community, accounts, now))
        for line in members
    )
    return Family(members=tuple(has), basic=sum(life.values()))


@desk.get("/residents/<uuid:resident_id>")
def resident(resident_id: UUID) -> ResponseReturnValue:
    """Show a resident in the household, with balances and lines."""
    return _card(resident_here(resident_id))


@desk.post("/residents/<uuid:resident_id>/phone")
def resident_phone(resident_id: UUID) -> ResponseReturnValue:
    """Show the resident's whole number on this one page: it stays in no address and no cookie."""
    line = resident_here(resident_id)
    try:
        done = show_phone(resident_id, current_actor())
    except (NoNumber, TooManyNumbers) as refusal:
        return _card(line, refusal.sentence(), int(refusal.status))
    return _card(line, phone=done.phone)


def _card(
    line: queries.ResidentLine,
    refusal: str | None = None,
    status: int = 200,
    *,
    phone: str | None = None,
) -> ResponseReturnValue:
    connection = reader()
    show = request.args.get("show", "all")
    show = show if show in {"all", "service", "basic"} else "all"
    family = family_of(line.household, line.community)
    own = next(has for member, has in family.members if member.resident == line.resident)
    place = queries.place(connection, line.community)
    page = render_template(
        "admin/resident.html",
        household={
            "id": line.household,
            "address": line.address or _("住址待补"),
            "note": _("一户 %(count)s 人", count=len(family.members)),
            "basic": own.basic_all,
            "title": own.title.name,
            "next_title": own.next_title.name if own.next_title else None,
            "to_next": own.missing,
            "members": tuple(_member(member, has) for member, has in family.members),
        },
        resident={
            "id": line.resident,
            "name": line.name,
            "state": line.state,
            "since": line.created_at,
            "phone": phone,
            "community_name": place.display_name if place else "",
            "available": own.available,
            "pending": own.pending,
            "held": own.held,
            "expiring": own.lapsing.by_year_end,
        },
        agents=_agents(line),
        rows=_lines(line, show)[:SHOWN],
        show=show,
        refusal=refusal,
    )
    return page, status


def _agents(line: queries.ResidentLine) -> tuple[dict[str, Any], ...]:
    """Return who acts for the resident and for whom they act, as the card lists it."""
    found = acting.acting(reader(), line.person, business_day(present()))
    return tuple(
        {
            "id": each.id,
            "name": each.agent_name if each.principal == line.person else each.principal_name,
            "resident": (
                each.agent_resident if each.principal == line.person else each.principal_resident
            ),
            "words": agent_words(each.kind),
            "for_them": each.principal == line.person,
            "since": each.since,
        }
        for each in found
    )


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
    }


STATES = {"pending": "pending", "confirming": "second", "held": "held", "posted": "done"}


def _lines(line: queries.ResidentLine, show: str) -> tuple[dict[str, Any], ...]:
    kinds: tuple[PointsKind, ...] = ("service", "basic")
    return account_lines(
        (kind, resident_account(line.resident, line.community, kind))
        for kind in kinds
        if show in {"all", kind}
    )


def account_lines(accounts: Iterable[tuple[PointsKind, int]]) -> tuple[dict[str, Any], ...]:
    """Return pending awards, holds and transfers of accounts, latest first."""
    connection = reader()
    words = {
        "pending": _("待结算"),
        "confirming": _("等第二人确认"),
        "held": _("预留"),
    }
    now = present()
    rows = []
    for kind, account in accounts:
        found = [
            *ledger.waiting_lines(connection, account),
            *ledger.posted_lines(connection, account),
        ]
        recorders = _recorders(found)
        rows += [
            {
                "id": each.id if each.kind != "hold" else None,
                "at": each.at,
                "reason": title_of(each.kind, each.reason),
                "by": recorders[each.id].name if each.id in recorders else "",
                "provenance": recorders[each.id].provenance if each.id in recorders else None,
                "amount": each.amount,
                "points_kind": kind,
                "state": STATES[each.state],
                "state_words": words.get(each.state)
                or state_words(state_of(each.kind, each.amount), None, now),
            }
            for each in found
        ]
    return tuple(sorted(rows, key=lambda row: row["at"], reverse=True))


def _recorders(found: list[ledger.Line]) -> dict[UUID, Any]:
    """Return who recorded the awards among these lines, and on what evidence."""
    query = (
        select(Award.id, Award.provenance, func.coalesce(Person.name, _("系统")).label("name"))
        .outerjoin(Person, Person.id == Award.recorded_by)
        .where(Award.id.in_([line.id for line in found]))
    )
    return {row.id: row for row in reader().execute(query)}


@desk.post("/residents/confirm")
def confirm_resident() -> ResponseReturnValue:
    """Confirm that a resident is who they say."""
    actor, wanted = current_actor(), identity(request.form.get("resident_id"))
    if wanted is None:
        raise people.ResidentUnknown
    command = people.ConfirmResident(resident=wanted)
    try:
        transact(people.confirm_resident, command, actor)
    except people.OwnResident as refusal:
        return _card(resident_here(wanted), refusal.sentence(), int(refusal.status))
    flash(_("已核实，可以兑换了"), "done")
    if request.form.get("next") == "list":
        return redirect(url_for("desk.residents"), code=303)
    return redirect(url_for("desk.resident", resident_id=wanted), code=303)
