"""Jinja filters: how amounts, moments and names read in Chinese; UTC in, Asia/Shanghai out."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from flask_babel import gettext as _
from markupsafe import Markup

from core.errors import N_
from core.work import SHANGHAI

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

STOPS = "，。；！？"
MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"
WEEKDAYS = (
    N_("周一"),
    N_("周二"),
    N_("周三"),
    N_("周四"),
    N_("周五"),
    N_("周六"),
    N_("周日"),
)
RATE_ONE = 10_000
POINT = 100
MOBILE_DIGITS = 11
SHORT_NAME = 2
MINUTE, HOUR, DAY = 60, 3600, 86_400
HALF_HOUR = 30
GREETINGS = (
    (5, N_("夜深了")),
    (11, N_("早上好")),
    (13, N_("中午好")),
    (18, N_("下午好")),
    (24, N_("晚上好")),
)
"""Said until this hour, Shanghai time."""

HALF_DAYS = (
    (6, N_("凌晨")),
    (9, N_("早上")),
    (12, N_("上午")),
    (13, N_("中午")),
    (18, N_("下午")),
    (24, N_("晚上")),
)


def _ratio(value: int, whole: int) -> str:
    """Write value / whole without trailing zeros; integers only, whole a power of ten."""
    units, rest = divmod(abs(value), whole)
    fraction = f"{rest:0{len(str(whole)) - 1}d}".rstrip("0")
    return f"{MINUS if value < 0 else ''}{units}{'.' if fraction else ''}{fraction}"


def points(centipoints: int) -> str:
    """Write an amount in points: 1200 is "12", 1250 "12.5"; negative with U+2212."""
    return _ratio(centipoints, POINT)


def signed(centipoints: int) -> str:
    """Write an amount with its sign: "+15", "−15"; nothing moved is "0"."""
    return f"+{points(centipoints)}" if centipoints > 0 else points(centipoints)


def rate_words(basis_points: int) -> str:
    """Write what one point counts for: 8000 basis points are "0.8"."""
    return _ratio(basis_points, RATE_ONE)


def thousands(centipoints: int) -> str:
    """Write a large amount in points with its thousands grouped: 50748000 is "507,480"."""
    words = points(centipoints)
    whole, dot, fraction = words.partition(".")
    sign = whole[:1] if whole.startswith(MINUS) else ""
    return f"{sign}{int(whole.removeprefix(MINUS)):,}{dot}{fraction}"


def rate_fixed(basis_points: int) -> str:
    """Write a rate with two decimals at least, so that columns line up: "0.80", "1.00", "0.825"."""
    whole, rest = divmod(basis_points, RATE_ONE)
    return f"{whole}.{f'{rest:04d}'.rstrip('0').ljust(2, '0')}"


def hours(half_hours: int) -> str:
    """Write half hours as hours: 3 is "1.5"."""
    return f"{half_hours // 2}{'.5' if half_hours % 2 else ''}"


def local(value: dt.datetime) -> dt.datetime:
    """Turn a moment (aware, or UTC without saying so) into Shanghai time."""
    aware = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
    return aware.astimezone(SHANGHAI)


def date_of(value: dt.date) -> dt.date:
    """Return the Shanghai date of a moment; a date is itself."""
    return local(value).date() if isinstance(value, dt.datetime) else value


def clock(value: dt.datetime) -> str:
    """Write the time of day: "9:00", "14:03"."""
    there = local(value)
    return f"{there.hour}:{there:%M}"


def span(start: dt.datetime, end: dt.datetime) -> str:
    """Write a window: "9:00–11:00", or "22:30–次日 1:30"."""
    overnight = "" if date_of(end) == date_of(start) else _("次日 ")
    return f"{clock(start)}{DASH}{overnight}{clock(end)}"


def date(value: dt.date, today: dt.date | None = None) -> str:
    """Write a date without its weekday: "11 月 21 日"; with its year unless that is today's."""
    day_of = date_of(value)
    words = _("%(month)s 月 %(day)s 日", month=day_of.month, day=day_of.day)
    if today is not None and date_of(today).year == day_of.year:
        return words
    return _("%(year)s 年 %(words)s", year=day_of.year, words=words)


def short(value: dt.date, today: dt.date) -> str:
    """Write a date for a narrow column: "11-18", of another year "2025-11-18"."""
    day_of = date_of(value)
    return f"{day_of:%m-%d}" if day_of.year == date_of(today).year else f"{day_of:%Y-%m-%d}"


def stamp(value: dt.datetime, today: dt.date) -> str:
    """Write a moment for a narrow column: "11-18 09:41"."""
    return f"{short(value, today)} {local(value):%H:%M}"


def message_day(value: dt.date) -> str:
    """Write a day in the six characters that a message has for it: "11月28日"."""
    day_of = date_of(value)
    return N_("{month}月{day}日").format(month=day_of.month, day=day_of.day)


def message_time(value: dt.datetime) -> str:
    """Write a moment in the eleven characters that a message has for it: "11月28日14:03"."""
    return f"{message_day(value)}{local(value):%H:%M}"


def weekday(value: dt.date) -> str:
    """Write the day of the week: "周六"."""
    return _(WEEKDAYS[date_of(value).weekday()])


def day(value: dt.date, today: dt.date | None = None) -> str:
    """Write a day: "今天", "明天", "昨天" when today is given and near, else "11 月 21 日 周六".

    ``today`` may be a moment. A day of another year says its year and no weekday.
    """
    day_of = date_of(value)
    if today is None:
        return long_day(day_of)
    reference = date_of(today)
    near = {-1: _("昨天"), 0: _("今天"), 1: _("明天")}.get((day_of - reference).days)
    if near:
        return near
    return long_day(day_of) if day_of.year == reference.year else date(day_of)


def long_day(value: dt.date) -> str:
    """Write a day in full within its year: "11 月 21 日 周六"."""
    day_of = date_of(value)
    return f"{date(day_of, day_of)} {weekday(day_of)}"


def moment(value: dt.datetime, today: dt.date | None = None) -> str:
    """Write a day and its time: "今天 14:03", "11 月 15 日 周日 8:02"."""
    return f"{day(value, today)} {clock(value)}"


def month(value: dt.date, today: dt.date | None = None) -> str:
    """Write a month: "11 月"; of another year than today's "2025 年 11 月"."""
    day_of = date_of(value)
    same = today is None or date_of(today).year == day_of.year
    words = _("%(month)s 月", month=day_of.month)
    return words if same else _("%(year)s 年 %(words)s", year=day_of.year, words=words)


def short_day(value: dt.date, today: dt.date) -> str:
    """Write a day of a list: "今天", "昨天", else without its weekday: "11 月 12 日"."""
    return day(value, today) if is_near(value, today) else date(value, today)


def is_near(value: dt.date, today: dt.date) -> bool:
    """Tell whether a day is yesterday, today or tomorrow, and so has a word of its own."""
    return abs((date_of(value) - date_of(today)).days) <= 1


def near(value: dt.date, today: dt.date) -> str:
    """Write a day as short as it is clear: "明天", within the coming week "周三", else in full."""
    ahead = (date_of(value) - date_of(today)).days
    return weekday(value) if 1 < ahead < len(WEEKDAYS) else day(value, today)


def leaf(value: dt.date, today: dt.date) -> str:
    """Write the head of a calendar leaf: "明天", "周三", farther away "12 月"."""
    ahead = (date_of(value) - date_of(today)).days
    return near(value, today) if -1 <= ahead < len(WEEKDAYS) else month(value)


def day_number(value: dt.date) -> str:
    """Write the day of the month: "22"."""
    return str(date_of(value).day)


def by_when(value: dt.datetime, now: dt.datetime) -> str:
    """Write a deadline: "13:00" on the same day, else "明天 13:00"."""
    same = date_of(value) == date_of(now)
    return clock(value) if same else f"{near(value, now)} {clock(value)}"


def clock_words(value: dt.datetime) -> str:
    """Write the time of day as people say it: "晚上 7 点", "上午 9 点半", "下午 3:40"."""
    there = local(value)
    half_day = next(words for before, words in HALF_DAYS if there.hour < before)
    hour = (there.hour - 1) % 12 + 1 if there.hour else 0
    if there.minute == 0:
        return _("%(half_day)s %(hour)s 点", half_day=_(half_day), hour=hour)
    if there.minute == HALF_HOUR:
        return _("%(half_day)s %(hour)s 点半", half_day=_(half_day), hour=hour)
    return f"{_(half_day)} {hour}:{there:%M}"


def _two_units(seconds: int) -> str:
    """Write a length by its largest unit and the next: "2 天 4 时", "3 时 20 分", "12 分"."""
    days, rest = divmod(seconds, DAY)
    whole_hours, rest = divmod(rest, HOUR)
    minutes = rest // MINUTE
    if days:
        words = _("%(count)s 天", count=days)
        return f"{words} {_('%(count)s 时', count=whole_hours)}" if whole_hours else words
    if whole_hours:
        words = _("%(count)s 时", count=whole_hours)
        return f"{words} {_('%(count)s 分', count=minutes)}" if minutes else words
    return _("%(count)s 分", count=minutes)


def _days(count: int) -> str:
    return _("%(count)s 天", count=count)


def _rough(seconds: int) -> str:
    """Write a length by its largest unit alone: "3 天", "17 小时", "40 分钟"."""
    if seconds >= 2 * DAY:
        return _days(seconds // DAY)
    if seconds >= HOUR:
        return _("%(count)s 小时", count=seconds // HOUR)
    return _("%(count)s 分钟", count=max(seconds // MINUTE, 1))


def waited(since: dt.datetime, now: dt.datetime) -> str:
    """Write how long something has waited: "2 天 4 时"; under a minute "刚到"."""
    seconds = int((local(now) - local(since)).total_seconds())
    return _two_units(seconds) if seconds >= MINUTE else _("刚到")


def ago(value: dt.datetime, now: dt.datetime) -> str:
    """Write how long ago: "3 天前", "40 分钟前"; under a minute "刚刚"."""
    seconds = int((local(now) - local(value)).total_seconds())
    return _("%(length)s前", length=_rough(seconds)) if seconds >= MINUTE else _("刚刚")


def until(value: dt.datetime, now: dt.datetime) -> str:
    """Write how long is left: "还有 17 小时"; once it has begun "已经开始".

    From two days on people count the days of the calendar, not spans of 24 hours.
    """
    seconds = int((local(value) - local(now)).total_seconds())
    if seconds <= 0:
        return _("已经开始")
    days = (date_of(value) - date_of(now)).days
    return _("还有 %(length)s", length=_days(days) if seconds >= 2 * DAY else _rough(seconds))


def greeting(now: dt.datetime) -> str:
    """Return the greeting of the hour: "下午好"."""
    hour = local(now).hour
    return _(next(words for before, words in GREETINGS if hour < before))


def dial(phone: str) -> str:
    """Return what a ``tel:`` link wants: digits and a leading plus."""
    return re.sub(r"[^\d+]", "", phone)


def masked_phone(phone: str) -> str:
    """Hide the middle of a number: "138****5678"; what is no mobile number keeps four digits."""
    digits = re.sub(r"\D", "", phone)[-MOBILE_DIGITS:]
    return (
        f"{digits[:3]}****{digits[-4:]}" if len(digits) == MOBILE_DIGITS else f"****{digits[-4:]}"
    )


def mask_name(name: str) -> str:
    """Hide a name but for its ends: "王*芳", "李*"."""
    name = name.strip()
    if len(name) <= SHORT_NAME:
        return f"{name[:1]}*"
    return f"{name[0]}{'*' * (len(name) - SHORT_NAME)}{name[-1]}"


def place_name(name: str) -> str:
    """Write a community's name as people say it: without 居委会 or 委会 (details.md 4)."""
    return re.sub(r"(居?民委员会|居?委会)$", "", name)


def code3(digits: str) -> str:
    """Write six digits as three and three: "482 719"."""
    return " ".join(digits[at : at + 3] for at in range(0, len(digits), 3))


def earns(amount: int | None, part: str, most: int | None = None) -> str:
    """Write what a part of a session earns, as its card promises it.

    ``amount`` and ``most`` are centipoints: for serving per half hour and for the whole session,
    for taking part once. None is said, not hidden.
    """
    if not amount:
        return _("没有积分，来了就好")
    if part == "take_part":
        return _("%(points)s 基本积分", points=points(amount))
    hourly = _("每小时 %(points)s 服务积分", points=points(2 * amount))
    return _("%(hourly)s，最多 %(most)s 分", hourly=hourly, most=points(most)) if most else hourly


def earns_short(amount: int | None, part: str) -> str:
    """Write what a part earns for a tag: "1 基本积分", "每小时 12 分"."""
    if not amount:
        return _("没有积分")
    if part == "take_part":
        return _("%(points)s 基本积分", points=points(amount))
    return _("每小时 %(points)s 分", points=points(2 * amount))


def queued(ahead: int) -> str:
    """Write where somebody stands who waits for a place: "前面还有 3 人", "您排第一位"."""
    return _("前面还有 %(count)s 人", count=ahead) if ahead else _("您排第一位")


def clauses(sentence: str) -> Markup:
    """Mark up a sentence so that its lines end where a clause does, wherever that fits."""
    parts = re.findall(rf"[^{STOPS}]+[{STOPS}”」）]*|[{STOPS}]+", sentence)
    return Markup().join(Markup('<span class="clause">{}</span>').format(part) for part in parts)


FILTERS: tuple[Callable[..., object], ...] = (
    points,
    signed,
    thousands,
    rate_words,
    rate_fixed,
    hours,
    clock,
    span,
    date,
    short,
    stamp,
    weekday,
    day,
    long_day,
    moment,
    month,
    short_day,
    is_near,
    near,
    leaf,
    day_number,
    by_when,
    clock_words,
    waited,
    ago,
    until,
    greeting,
    dial,
    masked_phone,
    mask_name,
    place_name,
    code3,
    earns,
    earns_short,
    queued,
    clauses,
)


def register(app: Flask) -> None:
    """Give every template the filters, each by its function's name."""
    app.jinja_env.filters.update({each.__name__: each for each in FILTERS})
