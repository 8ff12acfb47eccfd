"""API of what only the pages of desk and console brought together: cards, today, figures, paper."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from admin import console_figures, figures, schemas
from admin.blueprints import within
from admin.bulletins import printed
from admin.desk_people import family_of, resident_here
from admin.expiry import Loser, losers
from core.identity import current_actor, signed_in_only
from core.work import present, reader
from residents import homes, people

bp = Blueprint("admin_api", __name__, description="desk and console")
bp.before_request(signed_in_only)


@bp.get("/staff/today")
@bp.response(200, schemas.TodaySchema)
def today() -> dict[str, Any]:
    """Show what waits at the actor's community, its sessions of today, and its week."""
    actor, connection, now = current_actor(), reader(), present()
    actor.require("desk.read")
    return {
        "waiting": figures.desk_counts(connection, actor, now),
        "sessions": figures.sessions_today(connection, actor.place, now),
        "week": figures.week(connection, actor.place, now),
    }


@bp.get("/staff/residents/<uuid:resident_id>")
@bp.response(200, schemas.HouseholdCardSchema)
def resident(resident_id: UUID) -> dict[str, Any]:
    """Show a resident of the actor's community in the household."""
    line = resident_here(resident_id)
    return _card(line.household, line.community, line.address)


@bp.get("/staff/households/<uuid:household_id>")
@bp.response(200, schemas.HouseholdCardSchema)
def household(household_id: UUID) -> dict[str, Any]:
    """Show a household of the actor's community, also one in which nobody is known yet."""
    found = homes.home(reader(), household_id)
    if found is None:
        raise people.HouseholdUnknown
    current_actor().require("resident.enter", found.community)
    return _card(household_id, found.community, found.address)


def _card(household_id: UUID, community: int, address: str) -> dict[str, Any]:
    family = family_of(household_id, community)
    return {
        "household": household_id,
        "community": community,
        "address": address,
        "basic": family.basic,
        "members": [
            {
                "resident": line.resident,
                "person": line.person,
                "name": line.name,
                "phone_masked": line.phone_masked,
                "birth_year": line.birth_year,
                "state": line.state,
                "since": line.created_at,
                "available": has.available,
                "pending": has.pending,
                "held": has.held,
                "basic": has.basic,
            }
            for line, has in family.members
        ],
    }


@bp.get("/staff/bulletins/<month>/pdf")
@bp.response(200, {"type": "string", "format": "binary"}, content_type="application/pdf")
def bulletin(month: str) -> ResponseReturnValue:
    """Give a month's public list of the actor's community as paper for the notice board."""
    current_actor().require("desk.read")
    return Response(printed(month), mimetype="application/pdf")


@bp.get("/staff/expiry/residents")
@bp.arguments(schemas.LosersQuerySchema, location="query")
@bp.response(200, schemas.LoserSchema(many=True))
def expiry(query: dict[str, Any]) -> list[Loser]:
    """List who loses points at this year's end, those without a phone first; fifty a page."""
    current_actor().require("resident.enter")
    found, _has_more = losers(query["show"], query["page"])
    return found


@bp.get("/district/figures")
@bp.response(200, schemas.DistrictFiguresSchema)
def district() -> dict[str, Any]:
    """Show the month so far: the district's, or their subdistrict's to those who read one."""
    current_actor().require("console.read")
    connection, now, mine = reader(), present(), within()
    start, before, until = console_figures.months(now)
    towns = console_figures.towns(connection, start, now)
    return {
        "this_month": console_figures.totals(connection, start, now, within=mine),
        "last_month": console_figures.totals(connection, before, until, within=mine),
        "subdistricts": [row for row in towns if mine in {None, row.code}],
    }
