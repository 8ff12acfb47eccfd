"""Words for lines and receipts of points."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from flask_babel import gettext as _

from core.formats import near, points
from core.work import business_day

if TYPE_CHECKING:
    from points.proof.sealing import Head

NUMBER_DIGITS = 10
GROUP = 8


def state_words(state: str, due: dt.datetime | None, now: dt.datetime) -> str:
    """Say a line's state, and of what waits when it arrives."""
    if state == "pending":
        return arrival(due, now)
    return {
        "confirming": _("等另一位工作人员核对"),
        "held": _("预留中，领取时才扣"),
        "collected": _("已领取"),
        "returned": _("已退回"),
        "taken": _("已扣减"),
        "gone": _("已转出"),
        "lapsed": _("已到期"),
    }.get(state, _("已到账"))


def arrival(due: dt.datetime | None, now: dt.datetime) -> str:
    """Say when an award arrives: settled at night, it is there before 8 in the morning."""
    if due is None:
        return _("等另一位工作人员核对")
    if due <= now:
        return _("马上到账")
    ahead = (business_day(due) - business_day(now)).days
    if ahead == 0:
        return _("今早 8 点前到账")
    if ahead == 1:
        return _("明早 8 点前到账")
    return _("%(day)s 8 点前到账", day=near(due, now))


def shape(state: str) -> str:
    """Return the state whose mark is shown."""
    return {"confirming": "pending", "lapsed": "lapsing"}.get(state, state)


def title_of(act: str, reason: str) -> str:
    """Return a line's title; what has no reason of its own is named by its act."""
    return reason or {
        "adjustment": _("更正"),
        "moving": _("搬家转分"),
        "expiry": _("年底到期"),
        "reversal": _("冲回"),
        "redemption": _("兑换"),
        "donation": _("捐给社区基金"),
    }.get(act, _("积分"))


def rule_words(unit: str, units: int, per_unit: int) -> str:
    """Say how a rule came to its sum: "每半小时 5 分，共 4 个"."""
    if unit == "半小时":
        return _("每半小时 %(points)s 分，共 %(units)s 个", points=points(per_unit), units=units)
    if units == 1:
        return _("每%(unit)s %(points)s 分", unit=unit.removeprefix("户"), points=points(per_unit))
    return _(
        "每%(unit)s %(points)s 分，共 %(units)s %(unit)s",
        unit=unit.removeprefix("户"),
        points=points(per_unit),
        units=units,
    )


def provenance_words(provenance: str) -> str:
    """Say how a record came about."""
    return {
        "verified": _("现场核验"),
        "recorded": _("工作人员登记"),
        "back_filled": _("事后补录，另一位工作人员核对过"),
    }.get(provenance, "")


def number(identity: str) -> str:
    """Return a line's number as people read it out: the end of its id, in capitals."""
    return identity.replace("-", "")[-NUMBER_DIGITS:].upper()


def seal_words(seal: Head) -> str:
    """Write the head of the sealed days: whoever keeps the paper can prove the books by it."""
    groups = [seal.head[at : at + GROUP] for at in range(0, len(seal.head), GROUP)]
    return _("账本封到 %(day)s，封印 %(head)s", day=seal.day.isoformat(), head=" ".join(groups))
