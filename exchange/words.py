"""Words for rates, limits and states: the sentences that pages and the desk share."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from uuid import UUID

from flask_babel import gettext as _

from core.errors import AppError
from core.formats import points
from core.work import SHANGHAI
from exchange.prices import PAR

if TYPE_CHECKING:
    from exchange.quote import Limit

NUMBERS = 10_000


def sentence(refusal: AppError) -> str:
    """Return a refusal's sentence in the reader's language, with its facts."""
    facts = {name: str(value) for name, value in refusal.facts.items()}
    return _(type(refusal).text).format_map(facts)


def why(scope: str, rate: int, home: str, host: str) -> str:
    """Say why a rate is what it is; ``home`` and ``host`` are the subdistricts' names."""
    if scope == "same_subdistrict":
        return _("同一街道，不用折算") if rate == PAR else _("同一街道，统一这样折算")
    pair = _("%(home)s和%(host)s之间，区里另外定的", home=home, host=host)
    inside = _("%(home)s的社区之间，区里另外定的", home=home)
    apart = _("不同街道之间，全区统一这样折算")
    return {
        "own": _("自己的驿站，从不折算"),
        "subdistricts": inside if home == host else pair,
        "district": _("全区统一这样折算") if home == host else apart,
    }.get(scope, _("这几个社区之间，区里另外定的"))


def where(scope: str, home: str, host: str) -> str:
    """Say where a rate holds; ``home`` is the reader's subdistrict."""
    return {
        "home": _("所有别的社区"),
        "same_subdistrict": _("%(home)s的社区", home=home),
        "group": _("邻近的几个社区"),
        "district": _("其他社区"),
    }.get(scope, host)


def opens_later(day: dt.date) -> str:
    """Say from when residents of other communities may take something."""
    return _("先给本社区居民，%(month)s 月 %(day)s 日起您也能兑", month=day.month, day=day.day)


def limit_words(limit: Limit, share: int, household_limit: int | None) -> tuple[str, str]:
    """Say how many pieces are left for somebody, and which limit says so."""
    pieces = _("%(count)s 份", count=max(limit.pieces, 0))
    left = points(limit.left or 0)
    reason = {
        "stock": _("驿站里现在有这么多"),
        "foreign_share": _("每批最多 %(share)s%% 给外社区居民", share=share),
        "household": _("每户每月最多 %(count)s 份", count=household_limit or 0),
        "order_points": _("到别的社区兑换，一单最多付 %(points)s 分", points=left),
        "month_points": _("到别的社区兑换，您这个月还能付 %(points)s 分", points=left),
    }
    return pieces, reason[limit.kind]


def number(submitted_at: dt.datetime) -> str:
    """Return an order's number as the resident reads it: the moment, in fours."""
    return f"{submitted_at.astimezone(SHANGHAI):%y%m %d%H %M%S}"


def short_number(order: UUID, submitted_at: dt.datetime) -> str:
    """Return an order's number as the desk says it: the day, and four digits of the id."""
    return f"{submitted_at.astimezone(SHANGHAI):%m%d}-{order.int % NUMBERS:04d}"


def several(first: str, count: int) -> str:
    """Name an order's items by the first."""
    return first if count == 1 else _("%(first)s等 %(count)s 样", first=first, count=count)
