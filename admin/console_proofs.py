"""The console's page 数据核验: each invariant, when it was last proven, the head of the chain."""

from __future__ import annotations

import datetime as dt
from textwrap import dedent
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import console
from core.errors import N_
from core.identity import current_actor
from core.work import business_day, day_start, present, reader
from points.cli import registered
from points.proof import proving
from points.proof.checks import Check
from points.proof.sealing import DISTRICT, head_of
from residents.queries import place

DAYS = 30
SHOWN = 5
SECOND = 1000
UNITS = {
    "transfers": N_("笔"),
    "accounts": N_("户头"),
    "awards": N_("条"),
    "holds": N_("笔预留"),
    "seals": N_("块"),
}
TABLES = {
    "transfers": N_("流水"),
    "accounts": N_("户头"),
    "awards": N_("发放"),
    "holds": N_("预留"),
    "seals": N_("封存块"),
}


@console.get("/proofs")
def proofs() -> ResponseReturnValue:
    """Show each invariant, when it was last proven, and the one that was asked for."""
    connection, now = reader(), present()
    checks = registered()
    last, whole = proving.last_proofs(connection), proving.last_proofs(connection, "all")
    today = business_day(now)
    first = today - dt.timedelta(days=DAYS - 1)
    looked = proving.days_proven(connection, first, today)
    broken = proving.broken_proofs(connection, day_start(first))
    rows = tuple(
        _row(number, check, last.get(check.name), looked, broken, now)
        for number, check in enumerate(checks, 1)
    )
    named = {row["name"]: row for row in rows}
    red = next((row for row in rows if row["state"] == "broken"), rows[0])
    chosen = named.get(request.args.get("check", ""), red)
    head = head_of(connection, DISTRICT)
    return render_template(
        "admin/proofs.html",
        rows=rows,
        chosen=chosen,
        query=dedent(next(check.query for check in checks if check.name == chosen["name"])).strip(),
        history=tuple(
            {"at": each.at, "times": each.times, "where": _where(each)}
            for each in [each for each in broken if each.check == chosen["name"]][:SHOWN]
        ),
        broken=sum(row["state"] == "broken" for row in rows),
        proven_at=proving.watch(last, now).at,
        whole_at=min((each.at for each in whole.values()), default=None),
        head=head,
        head_words=_spaced(head.head) if head else "",
        may_prove=current_actor().may("job.run"),
    )


def _row(
    number: int,
    check: Check,
    last: proving.LastProof | None,
    looked: dict[str, set[dt.date]],
    broken: list[proving.LastProof],
    now: dt.datetime,
) -> dict[str, Any]:
    """One invariant as the table shows it; ``days`` oldest first: broken, held or not looked at."""
    bad = {business_day(each.at) for each in broken if each.check == check.name}
    seen = looked.get(check.name, set())
    month = [business_day(now) - dt.timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    state = None if last is None else "broken" if last.times else "held"
    return {
        "number": number,
        "name": check.name,
        "title": _(check.title) if check.title else check.words,
        "count": f"{last.rows:,}" if last else "",
        "unit": _(UNITS.get(check.table, N_("条"))),
        "scope": last.scope if last else "",
        "times": last.times if last else 0,
        "took": _took(last.milliseconds) if last else "",
        "at": last.at if last else None,
        "state": state,
        "where": _where(last) if last and last.times else "",
        "days": tuple("broken" if day in bad else "held" if day in seen else "" for day in month),
    }


def _took(milliseconds: int) -> str:
    if milliseconds < SECOND // 10:
        return _("%(count)s 毫秒", count=milliseconds)
    return _("%(seconds)s 秒", seconds=f"{milliseconds / SECOND:.1f}")


def _where(proof: proving.LastProof) -> str:
    """Say where the first broken row stands."""
    parts = [_(TABLES.get(proof.table or "", N_("记录"))), proof.row or ""]
    if proof.community is not None:
        known = place(reader(), proof.community)
        district = _("全区") if proof.community == DISTRICT else str(proof.community)
        parts.append(known.display_name if known else district)
    if proof.day is not None:
        parts.append(proof.day.isoformat())
    return " · ".join(parts)


def _spaced(head: str) -> str:
    """Write a head in groups of four, as it is printed."""
    return " ".join(head[at : at + 4] for at in range(0, len(head), 4))


@console.post("/proofs")
def prove() -> ResponseReturnValue:
    """Prove now what changed since the last look."""
    current_actor().require("job.run")
    kept = proving.prove_changes(registered())
    if kept.broken:
        flash(_("核完了：%(count)s 条不成立，请看标红的。", count=kept.broken), "refused")
    else:
        flash(_("核完了：%(count)s 条都成立。", count=kept.proven), "done")
    return redirect(url_for("console.proofs"), code=303)
