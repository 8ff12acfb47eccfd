"""How the console's pages of rates read: shades, the side panel of a cell, what waits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from flask import url_for
from flask_babel import gettext as _

from core import settings
from core.directory import directory
from core.formats import rate_fixed
from core.identity import current_actor
from core.ids import NIL
from core.work import business_day, present, reader
from exchange import console as cross
from exchange import rates
from exchange.basket import round_step
from exchange.prices import PAR, price_of
from exchange.words import scope_words
from points.accounts import FACE_ONE

EXAMPLE = 2000
"""Twenty points, in centipoints."""

UPPER, LOWER = 5, 3
SUBDISTRICT = 1000


def is_subdistrict(code: int) -> bool:
    """Whether a code is a subdistrict's, not a community's."""
    return code % SUBDISTRICT == 0


def place(named: rates.Named) -> dict[str, Any]:
    """Return a place with the short name that a column's head has room for."""
    short = named.name
    for ending in ("街道", "社区", "镇"):
        short = short.removesuffix(ending)
    return {"code": named.code, "short": short, "name": named.name}


def lines_of(
    homes: Iterable[rates.Named],
    lines: Iterable[tuple[rates.Cell, ...]],
    default: int,
) -> tuple[dict[str, Any], ...]:
    """Return the lines of a matrix: a home with its cells, each with its shade."""
    return tuple(
        {
            "home": place(home),
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


def _level(rate: int, default: int) -> str:
    """Return the shade: eq, u1…u5 above the default, d1…d3 below."""
    if rate == default:
        return "eq"
    if rate > default:
        return f"u{-(-(rate - default) * UPPER // (PAR - default))}"
    return f"d{-(-(default - rate) * LOWER // default)}"


def legend_of(lines: Iterable[tuple[rates.Cell, ...]], default: int) -> tuple[dict[str, str], ...]:
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


def panel(found: rates.CellDetail, home: int, host: int, typed: dict[str, str]) -> dict[str, Any]:
    """Return the side panel of a cell of subdistricts, or of a pair of communities."""
    actor, connection, now = current_actor(), reader(), present()
    rate = found.in_force.rate
    notice = settings.integer(connection, "exchange.notice_days", now)
    touched = cross.affected(connection, home, host, now)
    cost = price_of(EXAMPLE, FACE_ONE, FACE_ONE, rate, round_step(connection, now)).cost
    scopes = _scopes(home, host)
    opens = is_subdistrict(home) and found.home_communities and found.host_communities
    size = {"rows": len(found.home_communities), "columns": len(found.host_communities)}
    may_see = actor.covers(home) or actor.covers(host)
    return {
        "home": home,
        "host": host,
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
        "orders_url": url_for("console.orders_cross", home=home, host=host) if may_see else None,
        "history": tuple(
            [_past(row, ahead=True) for row in reversed(found.upcoming)]
            + [_past(row, ahead=False) for row in found.history]
        ),
        "scopes": scopes,
        "scope": scopes[0]["value"],
        "earliest": business_day(now) + dt.timedelta(days=notice),
        "notice_days": notice,
        "may_propose": actor.may("rate.change"),
        "typed": typed,
    }


def _note(home: int, host: int) -> str:
    if home != host:
        return _("只管这个方向，反过来另算。")
    return _("同一街道的社区之间。") if is_subdistrict(home) else _("自己的社区不折算。")


def _rung(position: int, rung: rates.Rung) -> dict[str, Any]:
    words = "—" if rung.applies else _("不适用")
    if rung.applies and rung.rate is None and rung.count:
        words = _("%(count)s 条", count=rung.count)
    return {
        "number": position,
        "name": scope_words(rung.scope),
        "rate": rung.rate if rung.applies else None,
        "words": words,
    }


def _past(row: rates.RateRow, *, ahead: bool) -> dict[str, Any]:
    return {
        "id": row.id,
        "valid_from": row.valid_from,
        "rate": row.rate,
        "words": f"{scope_words(row.scope)}{_('，')}{row.document}",
        "ahead": ahead,
        "first": row.proposed_by == NIL,
    }


def _scopes(home: int, host: int) -> tuple[dict[str, str], ...]:
    """Return the scopes that a change made from here can have, the narrowest first."""
    everywhere = {"value": "district:0:0", "words": _("全区默认")}
    same = {"value": "same_subdistrict:0:0", "words": _("同街道，全区一样")}
    if is_subdistrict(home):
        own = {"value": f"subdistricts:{home}:{host}", "words": _("街道对街道")}
        return (own, same, everywhere) if home == host else (own, everywhere)
    choices = (
        {"value": f"home:{home}:0", "words": _("这个社区的居民去别处")},
        {"value": f"host:0:{host}", "words": _("别处的居民来这里")},
    )
    if home == host:
        return choices
    return ({"value": f"pair:{home}:{host}", "words": _("这两个社区，这个方向")}, *choices)


def asks_of(waiting: Iterable[rates.Proposal], now: dt.datetime) -> tuple[dict[str, Any], ...]:
    """Return the proposals as they wait for the second person."""
    notice = settings.integer(reader(), "exchange.notice_days", now)
    earliest = business_day(now) + dt.timedelta(days=notice)
    own = directory().own(reader(), current_actor().person)
    return tuple(
        {
            "id": each.id,
            "words": _where(each),
            "before": each.rate_before,
            "after": each.rate,
            "valid_from": each.valid_from,
            "document": each.document,
            "by": each.proposed_by_name,
            "at": each.proposed_at,
            "mine": each.proposed_by == current_actor().person,
            "own": each.proposed_by in own,
            "withdraws": each.withdraws,
            "late": each.valid_from <= now
            if each.withdraws
            else business_day(each.valid_from) < earliest,
        }
        for each in waiting
    )


def _where(each: rates.Proposal) -> str:
    names = {
        "district": _("全区默认"),
        "same_subdistrict": _("同街道"),
        "group": _("片区"),
        "home": _("%(place)s的居民去别处", place=each.home_name),
        "host": _("别处的居民来%(place)s", place=each.host_name),
    }
    return names.get(each.scope, f"{each.home_name} → {each.host_name}")
