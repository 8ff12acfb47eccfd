"""The console's pages of discount rates: the matrix, a cell's communities, the two people."""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import console
from admin.console_matrix import (
    asks_of,
    is_subdistrict,
    legend_of,
    lines_of,
    panel,
    place,
)
from admin.forms import date, identity, number
from core.errors import AppError
from core.http_keys import form_key
from core.identity import current_actor
from core.work import present, reader, transact
from exchange import rates
from exchange.prices import PAR

FIELDS: dict[type[AppError], str] = {
    rates.RateOutOfRange: "rate",
    rates.NoticeTooShort: "valid_from",
    rates.RateTooFar: "valid_from",
    rates.RateTaken: "valid_from",
    rates.DocumentMissing: "document",
}
"""Beside which field a refusal stands; the others stand beside the scope."""

Errors = dict[str, list[str]]


@console.get("/rates", endpoint="rates")
def rates_page() -> ResponseReturnValue:
    """Show the matrix, and why the chosen cell has its rate."""
    return _matrix(number(request.args.get("home")), number(request.args.get("host")))


def _matrix(
    home: int | None,
    host: int | None,
    *,
    typed: dict[str, str] | None = None,
    errors: Errors | None = None,
    refusal: str | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    connection, now = reader(), present()
    matrix = rates.matrix(connection, now)
    waiting = rates.proposals(connection, now)
    codes = [each.code for each in matrix.subdistricts]
    if not codes:
        abort(404)
    first = next((each for each in waiting if each.scope == "subdistricts"), None)
    home = home if home in codes else first.home if first else codes[0]
    host = host if host in codes else first.host if first else codes[-1]
    found = rates.cell(connection, home, host, now)
    if found is None:
        abort(404)
    shown = render_template(
        "admin/rates.html",
        matrix={
            "default": matrix.default,
            "same": matrix.same_subdistrict,
            "own": matrix.own,
            "published": matrix.published,
            "columns": tuple(place(each) for each in matrix.subdistricts),
            "rows": lines_of(matrix.subdistricts, matrix.rows, matrix.default),
            "legend": legend_of(matrix.rows, matrix.default),
        },
        home=home,
        host=host,
        cell=panel(found, home, host, typed or {}),
        proposals=asks_of(waiting, now),
        errors=errors or {},
        refusal=refusal,
        key=form_key(),
    )
    return shown, status


@console.get("/rates/<int(fixed_digits=12):home>/<int(fixed_digits=12):host>")
def rate_cell(home: int, host: int) -> ResponseReturnValue:
    """Show the communities of a cell, and why the chosen pair has its rate."""
    return _inside(home, host, number(request.args.get("a")), number(request.args.get("b")))


def _inside(  # noqa: PLR0913 - the cell, the pair, and the form as it comes back
    home: int,
    host: int,
    a: int | None,
    b: int | None,
    *,
    typed: dict[str, str] | None = None,
    errors: Errors | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    connection, now = reader(), present()
    inside = rates.inside(connection, home, host, now)
    if inside is None or not inside.home_communities or not inside.host_communities:
        abort(404)
    homes = [each.code for each in inside.home_communities]
    hosts = [each.code for each in inside.host_communities]
    a = a if a in homes else homes[0]
    b = b if b in hosts else next((each for each in hosts if each != a), a)
    found = rates.pair(connection, a, b, now)
    if found is None:
        abort(404)
    waiting = [
        each
        for each in rates.proposals(connection, now)
        if _touches(each.home, home) and _touches(each.host, host)
    ]
    shown = render_template(
        "admin/rate_cell.html",
        home=place(inside.home),
        host=place(inside.host),
        columns=tuple(place(each) for each in inside.host_communities),
        rows=lines_of(inside.home_communities, inside.rows, inside.default),
        chosen_home=a,
        chosen_host=b,
        own=inside.own,
        legend=legend_of(inside.rows, inside.default),
        cell=panel(found, a, b, typed or {}),
        proposals=asks_of(waiting, now),
        errors=errors or {},
        refusal=None,
        key=form_key(),
    )
    return shown, status


def _touches(code: int, subdistrict: int) -> bool:
    """Whether a scope's code is a subdistrict, lies in it, or names no place at all."""
    return code in {0, subdistrict} or rates.subdistrict_of(code) == subdistrict


@console.post("/rates/propose")
def propose_rate() -> ResponseReturnValue:
    """Propose a rate; where something is wrong, the page comes back as it was typed."""
    typed = request.form.to_dict()
    scope, home, host = _place_of(typed.get("scope", ""))
    rate, day = _rate(typed.get("rate", "")), date(typed.get("valid_from"))
    if rate is False:
        return _again(typed, "rate", _("折算率要大于 0，最高为 1，最多四位小数，像 0.85。"), 422)
    if day is None:
        return _again(typed, "valid_from", _("请选好日期。"), 422)
    command = rates.ProposeRate(
        key=typed.get("key", ""),
        scope=scope,
        home=home,
        host=host,
        rate=rate,
        valid_from=day,
        document=typed.get("document", ""),
    )
    try:
        transact(rates.propose_rate, command, current_actor())
    except AppError as refusal:
        beside = FIELDS.get(type(refusal), "scope")
        return _again(typed, beside, refusal.sentence(), int(refusal.status))
    flash(_("已提出，等另一位管理员复核"), "done")
    return redirect(_cell_url(*_shown_cell(typed)), code=303)


def _again(typed: dict[str, str], field: str, sentence: str, status: int) -> ResponseReturnValue:
    """Show the cell that the form stood beside, with what was typed and what is wrong."""
    home, host = _shown_cell(typed)
    errors = {field: [sentence]}
    if not home or is_subdistrict(home):
        return _matrix(home, host, typed=typed, errors=errors, status=status)
    return _inside(
        rates.subdistrict_of(home),
        rates.subdistrict_of(host),
        home,
        host,
        typed=typed,
        errors=errors,
        status=status,
    )


def _shown_cell(typed: dict[str, str]) -> tuple[int, int]:
    return number(typed.get("home")) or 0, number(typed.get("host")) or 0


def _cell_url(home: int, host: int) -> str:
    if is_subdistrict(home):
        return url_for("console.rates", home=home or None, host=host or None)
    one, other = rates.subdistrict_of(home), rates.subdistrict_of(host)
    return url_for("console.rate_cell", home=one, host=other, a=home, b=host)


def _place_of(raw: str) -> tuple[str, int, int]:
    """Read a scope with its codes: subdistricts:330102004000:330102006000."""
    scope, _colon, codes = raw.partition(":")
    home, _colon, host = codes.partition(":")
    return scope, number(home) or 0, number(host) or 0


def _rate(raw: str) -> int | bool | None:
    """Read 0.85 as 8500; None where it is left empty, False where it is no number."""
    plain = unicodedata.normalize("NFKC", raw).strip()
    if not plain:
        return None
    try:
        points = Decimal(plain) * PAR
    except ArithmeticError:
        return False
    whole = points.is_finite() and points == points.to_integral_value() and 0 < points <= PAR
    return int(points) if whole else False


@console.post("/rates/confirm")
def confirm_rate() -> ResponseReturnValue:
    """Publish a proposal as the second person, or take a published rate back."""
    return _decide(rates.confirm_rate, rates.ConfirmRate)


@console.post("/rates/withdraw")
def withdraw_rate() -> ResponseReturnValue:
    """Take a proposal back, or propose to take back a published rate before its day."""
    return _decide(rates.withdraw_rate, rates.WithdrawRate)


def _decide(use_case: Any, command: Any) -> ResponseReturnValue:
    wanted = identity(request.form.get("proposal_id"))
    if wanted is None:
        raise rates.ProposalUnknown
    try:
        done = transact(use_case, command(proposal=wanted), current_actor())
    except AppError as refusal:
        return _matrix(None, None, refusal=refusal.sentence(), status=int(refusal.status))
    taken_back = getattr(done, "withdraws", None) is not None
    said = {
        "confirmed": _("已复核，那条折算率撤回了") if taken_back else _("已复核，公告期满就生效"),
        "withdrawn": _("已撤回，折算率没有变"),
        "proposed": _("已提出撤回，等另一位管理员复核"),
    }
    flash(said[done.state], "done")
    return redirect(url_for("console.rates"), code=303)
