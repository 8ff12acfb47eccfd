"""The console's list of orders between communities."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import console
from admin.forms import number
from core.identity import current_actor
from core.work import present, reader
from exchange import console as cross
from exchange import rates


@console.get("/orders")
def orders_cross() -> ResponseReturnValue:
    """List the orders between communities, between two places where they are given."""
    actor, connection = current_actor(), reader()
    home, host = number(request.args.get("home")), number(request.args.get("host"))
    page = max(1, request.args.get("page", 1, int))
    within = actor.place if actor.role == "subdistrict_reader" else None
    found = cross.cross_orders(connection, home, host, page, within=within)
    places = rates.matrix(connection, present()).subdistricts
    names = {each.code: each.name for each in places}
    for code in {home, host} - {None}:
        names.update(_communities(code))
    words = _(
        "%(home)s → %(host)s",
        home=names.get(home or 0, _("全区")),
        host=names.get(host or 0, _("全区")),
    )
    return render_template(
        "admin/orders_cross.html",
        filter={
            "home": home,
            "host": host,
            "words": words if home or host else "",
            "places": tuple({"code": each.code, "name": each.name} for each in places),
        },
        totals=found.totals,
        rows=found.rows,
        page=page,
        has_more=found.has_more,
    )


def _communities(code: int | None) -> dict[int, str]:
    """Return a community's name by its code, nothing where it is none."""
    found = rates.pair(reader(), code, code, present()) if code else None
    return {found.home.code: found.home.name} if found else {}
