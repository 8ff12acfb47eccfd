"""Words of statements: what the accounts of a community's book are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_babel import gettext as _

from core.formats import DASH, date

if TYPE_CHECKING:
    from points.statements.periods import Of, Period


def kind_words(of: Of, points_kind: str) -> str:
    """Name the points that a statement is about."""
    if of == "household":
        return _("本户基本积分")
    return _("服务积分") if points_kind == "service" else _("基本积分")


def period_words(period: Period) -> str:
    """Write a period: "2026 年 10 月 1 日–2026 年 10 月 31 日"; a day alone once."""
    if period.first == period.last:
        return date(period.first)
    return f"{date(period.first)}{DASH}{date(period.last)}"


def purpose_words(purpose: str, counterpart: str = "") -> str:
    """Name a system account as its community's people do."""
    if purpose == "clearing":
        return _("通兑往来，%(place)s", place=counterpart)
    return {
        "issued": _("发放"),
        "redeemed": _("兑换"),
        "expired": _("到期"),
        "adjusted": _("更正"),
        "retired": _("折算注销"),
        "rounding": _("凑整"),
        "fund": _("社区基金"),
        "holder": _("居民"),
    }.get(purpose, purpose)


def act_words(act: str) -> str:
    """Name what a transfer is."""
    return {
        "award": _("发放"),
        "redemption": _("兑换"),
        "discount": _("折算"),
        "rounding": _("凑整"),
        "adjustment": _("更正"),
        "reversal": _("冲回"),
        "moving": _("搬家转分"),
        "expiry": _("到期"),
        "donation": _("捐赠"),
        "discharge": _("结清"),
    }.get(act, act)
