"""The coming rush at a year's end: by resident for the desk, by community for the district."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import console, desk, within
from core.identity import current_actor
from core.work import present, reader
from points.expiring.rush import last_run, losses, rush
from residents import queries as people

SUBDISTRICT = 1000


@desk.get("/expiry")
def expiry() -> ResponseReturnValue:
    """Show what lapses here at this year's end, and who loses most."""
    actor, connection, now = current_actor(), reader(), present()
    actor.require("resident.enter")
    found = rush(connection, now, actor.place)
    lost = losses(connection, now, actor.place)
    known = people.lines(connection, [each.resident for each in lost])
    return render_template(
        "admin/expiry.html",
        rush=found[0] if found else None,
        rows=tuple(
            {
                "id": each.resident,
                "name": known[each.resident].name,
                "where": known[each.resident].address or _("住址待补"),
                "phone": known[each.resident].phone_masked or None,
                "amount": each.amount,
            }
            for each in lost
            if each.resident in known
        ),
    )


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
