"""The console's frame and its first page: six figures, subdistricts, flows, positions."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from flask import render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin import console_figures as figures
from admin.blueprints import console, within
from core import jobs
from core.formats import thousands
from core.identity import current_actor
from core.work import present, reader
from exchange import console as cross
from exchange import rates
from points.proof import proving
from residents import queries as people
from residents.labels import ROLES

FLOWS = POSITIONS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleShell:
    """What the console's frame shows on every page."""

    district_name: str
    person_name: str
    role_words: str
    proposals: int
    failed_jobs: int
    broken_proofs: int
    #: Since when nobody has looked whether the books hold; None: somebody has.
    silent_since: dt.datetime | None


@console.app_context_processor
def _frame() -> dict[str, Any]:
    """Give refusals anywhere the frame of the console."""
    return {"console_shell": _shell}


@console.context_processor
def _framed() -> dict[str, Any]:
    """Give every page of the console its frame."""
    return {"shell": _shell()}


def _shell() -> ConsoleShell:
    actor, connection = current_actor(), reader()
    district = people.district(connection)
    runs = jobs.last_runs(connection).values()
    watch = proving.watch(proving.last_proofs(connection), present())
    return ConsoleShell(
        district_name=district.display_name if district else "",
        person_name=actor.name,
        role_words=_(ROLES[actor.role]),
        proposals=len(rates.proposals(connection, present())),
        failed_jobs=sum(run.state == "failed" for run in runs),
        broken_proofs=watch.broken,
        silent_since=watch.at if watch.silent else None,
    )


@console.get("/")
def home() -> ResponseReturnValue:
    """Show the month so far: the district's, or their subdistrict's to those who read one."""
    connection, now, mine = reader(), present(), within()
    start, before, until = figures.months(now)
    this = figures.totals(connection, start, now, within=mine)
    last = figures.totals(connection, before, until, within=mine)
    towns = figures.towns(connection, start, now)
    positions = cross.positions(connection, within=mine)
    month, district = figures.first_day(now), people.district(connection)
    return render_template(
        "admin/console_home.html",
        month=month,
        place=next((row.name for row in towns if row.code == mine), ""),
        number_missing=current_actor().may("setting.district")
        and not (district and district.phone),
        figures=_six(this, last, f"{month:%Y-%m}"),
        subdistricts=tuple(sorted(towns, key=lambda row: (-row.share, row.code))),
        flows=tuple(
            {
                "home": flow.home_name,
                "host": flow.host_name,
                "orders": flow.orders,
                "standard": flow.standard,
                "url": url_for(
                    "console.orders_cross", home=flow.home, host=flow.host, month=f"{month:%Y-%m}"
                ),
            }
            for flow in cross.flows(connection, start, now, FLOWS, within=mine)
        ),
        positions=positions[:POSITIONS],
        receivable=sum(each.receivable for each in positions),
        payable=sum(each.payable for each in positions),
        communities=len(positions),
        updated_at=now,
    )


def _six(this: figures.Totals, last: figures.Totals, month: str) -> tuple[dict[str, Any], ...]:
    """Return the six figures, each with its change against the same days of last month."""
    orders = url_for("console.orders_cross", month=month)
    rows: tuple[tuple[str, str, str, str, str, str, str | None], ...] = (
        (
            _("登记居民"),
            f"{this.residents:,}",
            _("人"),
            "plain",
            _("本月新登记 %(count)s 人", count=this.newcomers),
            "",
            None,
        ),
        (
            _("到场居民"),
            f"{this.people:,}",
            _("人"),
            "plain",
            _change(this.people, last.people),
            _("每人只数一次"),
            None,
        ),
        (
            _("到场人次"),
            f"{this.attended:,}",
            _("人次"),
            "plain",
            _change(this.attended, last.attended),
            _("%(count)s 场活动", count=this.sessions),
            None,
        ),
        (
            _("发放服务积分"),
            thousands(this.issued),
            _("分"),
            "service",
            _change(this.issued, last.issued),
            _("含待到账"),
            None,
        ),
        (
            _("兑换服务积分"),
            thousands(this.redeemed),
            _("分"),
            "service",
            _change(this.redeemed, last.redeemed),
            _("%(count)s 单已领取", count=this.orders),
            None,
        ),
        (
            _("跨社区兑换"),
            f"{this.crossed:,}",
            _("单"),
            "plain",
            _change(this.crossed, last.crossed),
            _("已领取的"),
            orders,
        ),
    )
    names = ("name", "value", "unit", "kind", "change", "note", "url")
    return tuple(dict(zip(names, row, strict=True)) for row in rows)


def _change(this: int, last: int) -> str:
    """Return the change against the same days of last month, to a tenth of a percent."""
    if not last:
        return _("上月同期没有")
    tenths = (this - last) * 1000 // last
    sign = "+" if tenths >= 0 else "−"
    return _("比上月同期 %(sign)s%(percent)s %%", sign=sign, percent=f"{abs(tenths) / 10:.1f}")
