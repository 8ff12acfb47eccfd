"""The console's list of orders between communities."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import console, within
from admin.console_figures import first_day, span_of
from admin.forms import number, page_number
from core import formats
from core.work import present, reader
from exchange import console as cross
from exchange import rates

MONTHS = 12


@console.get("/orders")
def orders_cross() -> ResponseReturnValue:
    """List the orders between communities: between two places, or of a month, where given."""
    connection, now = reader(), present()
    home, host = number(request.args.get("home")), number(request.args.get("host"))
    page, months = page_number(request.args.get("page")), _months(first_day(now))
    month = next((each for each in months if f"{each:%Y-%m}" == request.args.get("month")), None)
    found = cross.cross_orders(
        connection,
        home,
        host,
        page,
        within=within(),
        collected=span_of(month) if month else None,
    )
    places = rates.matrix(connection, now).subdistricts
    names = {each.code: each.name for each in places}
    # Two selects offer subdistricts; a community that a link came with stays chosen.
    chosen = {code: _offered(code, names) for code in {home, host} - {None}}
    names |= {each["code"]: each["name"] for each in chosen.values() if each}
    return render_template(
        "admin/orders_cross.html",
        filter={
            "home": home,
            "host": host,
            "month": month and f"{month:%Y-%m}",
            "words": _words(names, home, host, month),
            "places": tuple({"code": each.code, "name": each.name} for each in places),
            "months": tuple(
                {"value": f"{each:%Y-%m}", "name": formats.month(each, now)} for each in months
            ),
            "chosen": chosen,
        },
        totals=found.totals,
        rows=found.rows,
        page=page,
        has_more=found.has_more,
    )


def _months(this: dt.date) -> tuple[dt.date, ...]:
    """Return the first days of a year of months, this one first."""
    count = this.year * MONTHS + this.month - 1
    return tuple(
        dt.date((count - back) // MONTHS, (count - back) % MONTHS + 1, 1) for back in range(MONTHS)
    )


def _offered(code: int | None, names: dict[int, str]) -> dict[str, Any] | None:
    """Return a community as an option of a select, nothing for a subdistrict or an unknown one."""
    if not code or code in names:
        return None
    found = rates.pair(reader(), code, code, present())
    return {"code": code, "name": found.home.name} if found else None


def _words(names: dict[int, str], home: int | None, host: int | None, month: dt.date | None) -> str:
    """Return what the list is filtered by, "" where it shows everything."""
    said = []
    if home or host:
        everywhere = _("全区")
        said.append(
            _(
                "%(home)s → %(host)s",
                home=names.get(home or 0, everywhere),
                host=names.get(host or 0, everywhere),
            )
        )
    if month:
        said.append(_("%(month)s领取", month=formats.month(month, present())))
    return _("，").join(said)
