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
    return refusal.sentence(_)


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


def none_left(*, stock: int, foreign: bool) -> str:
    """Say why nobody of this household may take more of something now."""
    if stock <= 0:
        return _("兑完了，等补货")
    return _("这一批给外社区的已兑完") if foreign else _("您家这个月已兑满")


def exchange_closed() -> str:
    """Say that one of the two communities takes no part in the exchange now."""
    return _("暂不参加通兑")


def limit_words(
    limit: Limit, share: int, household_limit: int | None, in_stock: int
) -> tuple[str, str]:
    """Say how many pieces are left for somebody, which limit says so, and what the shelf has."""
    pieces = _("%(count)s 份", count=max(limit.pieces, 0))
    left = points(limit.left or 0)
    reason = {
        "stock": _("驿站里现在有这么多"),
        "foreign_share": _("每批最多 %(share)s%% 给外社区居民", share=share),
        "household": _("每户每月最多 %(count)s 份", count=household_limit or 0),
        "order_points": _("到别的社区兑换，一单最多付 %(points)s 分", points=left),
        "month_points": _("到别的社区兑换，您这个月还能付 %(points)s 分", points=left),
    }
    if limit.kind == "stock":
        return pieces, reason["stock"]
    shelf = _("驿站里还有 %(count)s 份", count=in_stock) if in_stock > 0 else _("驿站里没有了")
    return pieces, _("%(reason)s，%(shelf)s", reason=reason[limit.kind], shelf=shelf)


def number(submitted_at: dt.datetime) -> str:
    """Return an order's number as the resident reads it: the moment, in fours."""
    return f"{submitted_at.astimezone(SHANGHAI):%y%m %d%H %M%S}"


def short_number(order: UUID, submitted_at: dt.datetime) -> str:
    """Return an order's number as the desk says it: the day, and four digits of the id."""
    return f"{submitted_at.astimezone(SHANGHAI):%m%d}-{order.int % NUMBERS:04d}"


def several(first: str, count: int) -> str:
    """Name an order's items by the first."""
    return first if count == 1 else _("%(first)s等 %(count)s 样", first=first, count=count)


# --- the desk --------------------------------------------------------------------------------


def what(lines: list[tuple[str, int]]) -> str:
    """Name an order's items for a table: "挂面 1 公斤 ×2，另 1 样"."""
    name, count = lines[0]
    first = name if count == 1 else f"{name} ×{count}"
    if len(lines) == 1:
        return first
    return _("%(first)s，另 %(count)s 样", first=first, count=len(lines) - 1)


def state_words(state: str, until: dt.datetime | None, refusal: str | None) -> str:
    """Say an order's state as staff read it."""
    if state == "ready" and until is not None:
        last = (until - dt.timedelta(seconds=1)).astimezone(SHANGHAI)
        return _("可领取，到 %(date)s", date=f"{last:%m-%d}")
    if state == "refused":
        return _("没有通过：%(reason)s", reason=refusal or "")
    return {
        "asked": _("等同意"),
        "submitted": _("待审核"),
        "ready": _("可领取"),
        "collected": _("已领取"),
        "cancelled": _("已取消"),
        "lapsed": _("过期未领"),
        "returned": _("已退回"),
    }[state]


def masked_address(address: str) -> str:
    """Hide the last two characters of an address: 建国南苑 3-2-4**."""
    return f"{address[:-2]}**" if len(address) > len("**") else address


def no_address() -> str:
    """Said of somebody whose dwelling nobody has entered."""
    return _("住址待核实")


def pieces_unit() -> str:
    """Return the unit of a household's limit."""
    return _("件，本户")


def points_unit() -> str:
    """Return the unit of a resident's quota elsewhere."""
    return _("分，本人")


def unconfirmed_first() -> str:
    """Flag the first order of somebody who is not confirmed."""
    return _("待核实，首次兑换")


def died() -> str:
    """Flag an order of somebody who has died since."""
    return _("本人已去世，先问家人")


def household_order(count: int) -> str:
    """Flag another order of a household that has one waiting."""
    return _("同户第 %(count)s 单", count=count)


def own_lock() -> str:
    """Say why somebody cannot decide on their family's order."""
    return _("您家的单，须别人审")


def handed_lock() -> str:
    """Say why who gave goods out cannot take them back."""
    return _("您经手给出的，退货须别人收")


def lead_lock(points_from: int) -> str:
    """Say from which amount on the lead decides."""
    return _("%(points)s 分以上，须负责人审", points=points_from)


def role_lock() -> str:
    """Say that this role hands out and does not decide."""
    return _("须社工或负责人审")


def household_size(people: int) -> str:
    """Say how many live in a household."""
    return _("户内 %(count)s 人", count=people)


def look(flag: str) -> str:
    """Say that a flag breaks no rule."""
    return _("%(flag)s。不违反任何限额，请看一眼。", flag=flag)


def month_limit() -> str:
    """Name the limits that are counted by the month."""
    return _("本月限额，含本单")


def event(kind: str, at_counter: bool, reason: str = "") -> str:  # noqa: FBT001 - told, not chosen
    """Say what happened to an order."""
    return {
        "submitted": _("现场兑换") if at_counter else _("已提交，本人手机"),
        "ready": _("已通过"),
        "refused": _("没有通过：%(reason)s", reason=reason),
        "collected": _("已领取"),
        "cancelled": _("本人没有同意") if at_counter else _("本人取消，积分已退回"),
        "lapsed": _("过期未领，积分已退回"),
        "returned": _("已退回：%(reason)s", reason=reason),
        "wait": _("等审核，通过后发领取码"),
        "pickup": _("等居民来领取"),
    }[kind]


def not_agreed(back: int, *, late: bool) -> str:
    """Say that not all agreed who were to pay an order, and what was set aside, in centipoints."""
    if not back:
        return _("家人没有按时都同意，没有扣分") if late else _("家人没有都同意，没有扣分")
    if late:
        return _("家人没有按时都同意，%(points)s 分已退回", points=points(back))
    return _("家人没有都同意，%(points)s 分已退回", points=points(back))


def home_residents_only() -> str:
    """Said at the counter of an item that residents from elsewhere may not take."""
    return _("只给本社区居民")


def opens_to_others(day: dt.date) -> str:
    """Said at the counter of an item in its home-first days."""
    return _("%(month)s 月 %(day)s 日起对外社区开放", month=day.month, day=day.day)


def nothing_left(*, stock: int, foreign: bool) -> str:
    """Said at the counter of an item that somebody may take no more of."""
    if stock <= 0 or foreign:
        return none_left(stock=stock, foreign=foreign)
    return _("这位居民这个月不能再兑")


def way_title(way: str) -> str:
    """Name a way to agree at the counter."""
    return _("本人手机") if way == "device" else _("我认识本人")


def device_note(*, open_: bool) -> str:
    """Say how a resident's own phone agrees at the counter, or why it cannot."""
    return _("点同意，5 分钟内有效") if open_ else _("没有登记手机")


def known_note(left: int) -> str:
    """Say how much somebody may still pay today because staff know them, in centipoints."""
    return _("今天还能付 %(left)s 分", left=points(max(0, left)))


def scope_words(scope: str) -> str:
    """Name a step of the ladder as the console reads it."""
    return {
        "pair": _("两个社区之间"),
        "home": _("居民社区"),
        "host": _("兑换地社区"),
        "subdistricts": _("街道对街道"),
        "same_subdistrict": _("同街道"),
        "group": _("片区"),
        "district": _("全区默认"),
    }.get(scope, "")
