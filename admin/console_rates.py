"""The console's pages of discount rates: the matrix, a cell's communities, the two people."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import console
from admin.forms import date, identity, number
from core import settings
from core.errors import AppError
from core.formats import rate_fixed
from core.http_keys import form_key
from core.identity import current_actor
from core.work import business_day, present, reader, transact
from exchange import console as cross
from exchange import rates
from exchange.basket import round_step
from exchange.prices import FACE_ONE, PAR, price_of
from exchange.words import scope_words

EXAMPLE = 2000
"""Twenty points, in centipoints."""

UPPER, LOWER = 5, 3
SUBDISTRICT = 1000
FIELDS: dict[type[AppError], str] = {
    rates.RateOutOfRange: "rate",
    rates.NoticeTooShort: "valid_from",
    rates.DocumentMissing: "document",
    rates.ScopeMismatch: "scope",
}
"""Beside which field a refusal stands."""


@console.get("/rates", endpoint="rates")
def rates_page() -> ResponseReturnValue:
    """Show the matrix, and why the chosen cell has its rate."""
    return _matrix(number(request.args.get("home")), number(request.args.get("host")))


def _matrix(
    home: int | None,
    host: int | None,
    *,
    typed: dict[str, str] | None = None,
    errors: dict[str, list[str]] | None = None,
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
            "columns": tuple(_place(each) for each in matrix.subdistricts),
            "rows": _rows(matrix.subdistricts, matrix.rows, matrix.default),
            "legend": _legend(matrix.rows, matrix.default),
        },
        home=home,
        host=host,
        cell=_panel(found, home, host, typed or {}),
        proposals=tuple(_ask(each, now) for each in waiting),
        errors=errors or {},
        refusal=refusal,
        key=form_key(),
    )
    return shown, status


@console.get("/rates/<int:home>/<int:host>")
def rate_cell(home: int, host: int) -> ResponseReturnValue:
    """Show the communities of a cell, and why the chosen pair has its rate."""
    connection, now = reader(), present()
    inside = rates.inside(connection, home, host, now)
    if inside is None or not inside.home_communities or not inside.host_communities:
        abort(404)
    homes = [each.code for each in inside.home_communities]
    hosts = [each.code for each in inside.host_communities]
    a, b = number(request.args.get("a")), number(request.args.get("b"))
    a = a if a in homes else homes[0]
    b = b if b in hosts else hosts[-1]
    found = rates.pair(connection, a, b, now)
    if found is None:
        abort(404)
    within = {*homes, *hosts, home, host}
    waiting = [each for each in rates.proposals(connection, now) if {each.home, each.host} & within]
    return render_template(
        "admin/rate_cell.html",
        home=_place(inside.home),
        host=_place(inside.host),
        columns=tuple(_place(each) for each in inside.host_communities),
        rows=_rows(inside.home_communities, inside.rows, inside.default),
        chosen_home=a,
        chosen_host=b,
        own=inside.own,
        legend=_legend(inside.rows, inside.default),
        cell=_panel(found, a, b, {}),
        proposals=tuple(_ask(each, now) for each in waiting),
        errors={},
        refusal=None,
        key=form_key(),
    )


def _place(named: rates.Named) -> dict[str, Any]:
    short = named.name
    for ending in ("街道", "社区", "镇"):
        short = short.removesuffix(ending)
    return {"code": named.code, "short": short, "name": named.name}


def _level(rate: int, default: int) -> str:
    """Return the shade: eq, u1…u5 above the default, d1…d3 below."""
    if rate == default:
        return "eq"
    if rate > default:
        return f"u{-(-(rate - default) * UPPER // (PAR - default))}"
    return f"d{-(-(default - rate) * LOWER // default)}"


def _rows(
    homes: Iterable[rates.Named],
    lines: Iterable[tuple[rates.Cell, ...]],
    default: int,
) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "home": _place(home),
            "cells": tuple(
                {
                    "host": each.host,
                    "rate": each.rate,
                    "level": _level(each.rate, default),
                    "mixed": each.exceptions > 0,
                    "proposed": each.proposed,
                    "proposed_rate": each.proposed_rate,
                    "ahead": each.upcoming is not None,
                }
                for each in cells
            ),
        }
        for home, cells in zip(homes, lines, strict=True)
    )


def _legend(lines: Iterable[tuple[rates.Cell, ...]], default: int) -> tuple[dict[str, str], ...]:
    """Return the shades that occur, each with its rates."""
    found = sorted({each.rate for cells in lines for each in cells}, reverse=True)
    steps: dict[str, list[int]] = {}
    for rate in found:
        steps.setdefault(_level(rate, default), []).append(rate)
    return tuple(
        {"level": level, "words": _step(level, among[0], among[-1])}
        for level, among in steps.items()
    )


def _step(level: str, high: int, low: int) -> str:
    if level == "eq":
        return _("默认 %(rate)s", rate=rate_fixed(high))
    return rate_fixed(high) if high == low else f"{rate_fixed(low)}–{rate_fixed(high)}"


def _panel(found: rates.CellDetail, home: int, host: int, typed: dict[str, str]) -> dict[str, Any]:
    """Return the side panel of a cell of subdistricts, or of a pair of communities."""
    connection, now = reader(), present()
    rate = found.in_force.rate
    are_subdistricts = home % SUBDISTRICT == 0
    notice = settings.integer(connection, "exchange.notice_days", now)
    touched = cross.affected(connection, home, host, now)
    cost = price_of(EXAMPLE, FACE_ONE, FACE_ONE, rate, round_step(connection, now)).cost
    scopes = _scopes(home, host, are_subdistricts=are_subdistricts)
    opens = are_subdistricts and found.home_communities and found.host_communities
    size = {"rows": len(found.home_communities), "columns": len(found.host_communities)}
    return {
        "title": f"{found.home.name} → {found.host.name}",
        "rate": rate,
        "price": EXAMPLE,
        "cost": cost,
        "note": _note(home, host),
        "holds": next((i for i, rung in enumerate(found.ladder, 1) if rung.holds), 0),
        "ladder": tuple(_rung(i, rung) for i, rung in enumerate(found.ladder, 1)),
        "cell_url": url_for("console.rate_cell", home=home, host=host) if opens else None,
        "cell_words": _("展开 %(rows)s × %(columns)s 个社区", **size) if opens else None,
        "people": touched.people,
        "orders": touched.orders,
        "standard": touched.standard,
        "since": touched.since,
        "orders_url": url_for("console.orders_cross", home=home, host=host),
        "history": tuple(
            [_past(row, ahead=True) for row in reversed(found.upcoming)]
            + [_past(row, ahead=False) for row in found.history]
        ),
        "scopes": scopes,
        "scope": scopes[0]["value"],
        "earliest": business_day(now) + dt.timedelta(days=notice),
        "notice_days": notice,
        "may_propose": current_actor().may("rate.change"),
        "typed": typed,
    }


def _note(home: int, host: int) -> str:
    if home == host:
        return _("自己的社区不折算。") if home % SUBDISTRICT else _("同一街道的社区之间。")
    return _("只管这个方向，反过来另算。")


def _rung(position: int, rung: rates.Rung) -> dict[str, Any]:
    words = "—" if rung.applies else _("不适用")
    if rung.applies and rung.rate is None and rung.count:
        words = _("%(count)s 条", count=rung.count)
    return {
        "number": position,
        "name": scope_words(rung.scope),
        "rate": rung.rate,
        "words": words,
    }


def _past(row: rates.RateRow, *, ahead: bool) -> dict[str, Any]:
    words = f"{scope_words(row.scope)}{_('，')}{row.document}"
    return {"valid_from": row.valid_from, "rate": row.rate, "words": words, "ahead": ahead}


def _scopes(home: int, host: int, *, are_subdistricts: bool) -> tuple[dict[str, str], ...]:
    """Return the scopes that a change made from here can have, the narrowest first."""
    everywhere = {"value": "district:0:0", "words": _("全区默认")}
    same = {"value": "same_subdistrict:0:0", "words": _("同街道，全区一样")}
    if are_subdistricts:
        own = {"value": f"subdistricts:{home}:{host}", "words": _("街道对街道")}
        return (own, same, everywhere) if home == host else (own, everywhere)
    choices = (
        {"value": f"home:{home}:0", "words": _("这个社区的居民去别处")},
        {"value": f"host:0:{host}", "words": _("别处的居民来这里")},
    )
    if home == host:
        return choices
    return ({"value": f"pair:{home}:{host}", "words": _("这两个社区，这个方向")}, *choices)


def _ask(each: rates.Proposal, now: dt.datetime) -> dict[str, Any]:
    """Return a proposal as it waits for the second person."""
    notice = settings.integer(reader(), "exchange.notice_days", now)
    names = {
        "district": _("全区默认"),
        "same_subdistrict": _("同街道"),
        "group": _("片区"),
        "home": _("%(place)s的居民去别处", place=each.home_name),
        "host": _("别处的居民来%(place)s", place=each.host_name),
    }
    return {
        "id": each.id,
        "words": names.get(each.scope, f"{each.home_name} → {each.host_name}"),
        "before": each.rate_before,
        "after": each.rate,
        "valid_from": each.valid_from,
        "document": each.document,
        "by": each.proposed_by_name,
        "at": each.proposed_at,
        "mine": each.proposed_by == current_actor().person,
        "late": business_day(each.valid_from) < business_day(now) + dt.timedelta(days=notice),
    }


@console.post("/rates/propose")
def propose_rate() -> ResponseReturnValue:
    """Propose a rate; where something is wrong, the page comes back as it was typed."""
    typed = request.form.to_dict()
    scope, home, host = _place_of(typed.get("scope", ""))
    rate, day = _rate(typed.get("rate", "")), date(typed.get("valid_from"))
    where = (home // SUBDISTRICT * SUBDISTRICT, host // SUBDISTRICT * SUBDISTRICT)
    if rate is False or day is None:
        field = "rate" if rate is False else "valid_from"
        wrong = _("折算率要写成 0.01 到 1 之间的小数，像 0.85。")
        sentence = wrong if rate is False else _("请选好日期。")
        return _matrix(*where, typed=typed, errors={field: [sentence]}, status=422)
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
        errors = {FIELDS.get(type(refusal), "scope"): [refusal.sentence()]}
        return _matrix(*where, typed=typed, errors=errors, status=int(refusal.status))
    flash(_("已提出，等另一位管理员复核"), "done")
    return _back(*where)


def _back(home: int, host: int) -> ResponseReturnValue:
    if home and host:
        return redirect(url_for("console.rates", home=home, host=host), code=303)
    return redirect(url_for("console.rates"), code=303)


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
    except InvalidOperation:
        return False
    whole = points.is_finite() and points == points.to_integral_value() and 0 < points <= PAR
    return int(points) if whole else False


@console.post("/rates/confirm")
def confirm_rate() -> ResponseReturnValue:
    """Publish a proposal as the second person."""
    return _decide(rates.confirm_rate, rates.ConfirmRate, _("已复核，公告期满就生效"))


@console.post("/rates/withdraw")
def withdraw_rate() -> ResponseReturnValue:
    """Take a proposal back."""
    return _decide(rates.withdraw_rate, rates.WithdrawRate, _("已撤回，折算率没有变"))


def _decide(use_case: Any, command: Any, done: str) -> ResponseReturnValue:
    wanted = identity(request.form.get("proposal_id"))
    if wanted is None:
        raise rates.ProposalUnknown
    try:
        transact(use_case, command(proposal=wanted), current_actor())
    except AppError as refusal:
        return _matrix(None, None, refusal=refusal.sentence(), status=int(refusal.status))
    flash(done, "done")
    return _back(0, 0)
