"""How amounts, moments and names read: what core/formats.py promises to every template."""

from __future__ import annotations

import datetime as dt

import pytest

from core import formats
from core.work import SHANGHAI

NOW = dt.datetime(2026, 11, 21, 7, 40, tzinfo=dt.UTC)
"""Saturday 21 November 2026, 15:40 in Hangzhou."""


def at(day: int, hour: int, minute: int = 0, month: int = 11, year: int = 2026) -> dt.datetime:
    """Return a moment given in Hangzhou's time, as UTC."""
    there = dt.datetime(year, month, day, hour, minute, tzinfo=SHANGHAI)
    return there.astimezone(dt.UTC)


@pytest.mark.parametrize(
    ("centipoints", "words", "with_sign"),
    [
        (0, "0", "0"),
        (1200, "12", "+12"),
        (1250, "12.5", "+12.5"),
        (1225, "12.25", "+12.25"),
        (5, "0.05", "+0.05"),
        (-1500, "−15", "−15"),
        (-5, "−0.05", "−0.05"),
        (100_000_000_001, "1000000000.01", "+1000000000.01"),
    ],
)
def test_points_show_no_trailing_zeros_and_a_real_minus(
    centipoints: int,
    words: str,
    with_sign: str,
) -> None:
    assert formats.points(centipoints) == words
    assert formats.signed(centipoints) == with_sign


@pytest.mark.parametrize(
    ("basis_points", "words"),
    [(8000, "0.8"), (10_000, "1"), (8250, "0.825"), (1, "0.0001")],
)
def test_a_rate_says_what_one_point_counts_for(basis_points: int, words: str) -> None:
    assert formats.rate_words(basis_points) == words


@pytest.mark.parametrize(("half_hours", "words"), [(0, "0"), (1, "0.5"), (3, "1.5"), (4, "2")])
def test_half_hours_read_as_hours(half_hours: int, words: str) -> None:
    assert formats.hours(half_hours) == words


def test_columns_group_thousands_and_keep_two_decimals() -> None:
    assert formats.thousands(50_748_000) == "507,480"
    assert formats.thousands(-123_456_789) == "−1,234,567.89"
    assert formats.rate_fixed(8000) == "0.80"
    assert formats.rate_fixed(10_000) == "1.00"
    assert formats.rate_fixed(8250) == "0.825"
    assert formats.short(at(18, 9), NOW) == "11-18"
    assert formats.short(at(18, 9, year=2025), NOW) == "2025-11-18"
    assert formats.stamp(at(18, 9, 41), NOW) == "11-18 09:41"


def test_moments_are_utc_inside_and_hangzhou_outside() -> None:
    assert formats.clock(dt.datetime(2026, 11, 21, 6, 3, tzinfo=dt.UTC)) == "14:03"
    assert formats.clock(dt.datetime(2026, 11, 21, 1, 0)) == "9:00"  # noqa: DTZ001 - UTC unsaid
    assert formats.date_of(dt.datetime(2026, 11, 21, 16, 0, tzinfo=dt.UTC)) == dt.date(2026, 11, 22)
    assert formats.span(at(22, 9), at(22, 11)) == "9:00–11:00"
    assert formats.span(at(22, 23), at(23, 0)) == "23:00–次日 0:00"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (at(21, 0), "今天"),
        (at(21, 23, 59), "今天"),
        (at(22, 0), "明天"),
        (at(20, 23, 59), "昨天"),
        (at(23, 7), "11 月 23 日 周一"),
        (at(18, 9, month=5, year=2027), "2027 年 5 月 18 日"),
        (dt.date(2026, 11, 22), "明天"),
    ],
)
def test_a_day_is_told_from_the_reader_s_day(value: dt.date, words: str) -> None:
    assert formats.day(value, NOW) == words


def test_a_day_without_a_reference_is_told_in_full() -> None:
    assert formats.day(at(21, 14)) == "11 月 21 日 周六"
    assert formats.long_day(dt.date(2026, 11, 22)) == "11 月 22 日 周日"
    assert formats.date(at(3, 9)) == "2026 年 11 月 3 日"
    assert formats.date(at(3, 9), NOW) == "11 月 3 日"
    assert formats.month(dt.date(2026, 10, 1), NOW) == "10 月"
    assert formats.month(dt.date(2025, 10, 1), NOW) == "2025 年 10 月"
    assert formats.moment(at(21, 10, 40), NOW) == "今天 10:40"
    assert formats.short_day(at(12, 9), NOW) == "11 月 12 日"
    assert formats.short_day(at(20, 9), NOW) == "昨天"


@pytest.mark.parametrize(
    ("value", "near", "leaf"),
    [
        (at(22, 9), "明天", "明天"),
        (at(23, 7), "周一", "周一"),
        (at(27, 7), "周五", "周五"),
        (at(28, 7), "11 月 28 日 周六", "11 月"),
        (at(5, 7), "11 月 5 日 周四", "11 月"),
        (at(1, 7, month=1, year=2027), "2027 年 1 月 1 日", "1 月"),
    ],
)
def test_a_near_day_is_its_weekday_only_within_the_coming_week(
    value: dt.datetime,
    near: str,
    leaf: str,
) -> None:
    assert formats.near(value, NOW) == near
    assert formats.leaf(value, NOW) == leaf


def test_a_deadline_of_today_is_a_time_only() -> None:
    assert formats.by_when(at(21, 17), NOW) == "17:00"
    assert formats.by_when(at(22, 13), NOW) == "明天 13:00"
    assert formats.day_number(at(22, 0)) == "22"


@pytest.mark.parametrize(
    ("hour", "minute", "words"),
    [
        (0, 0, "凌晨 0 点"),
        (7, 30, "早上 7 点半"),
        (9, 0, "上午 9 点"),
        (12, 0, "中午 12 点"),
        (15, 40, "下午 3:40"),
        (19, 0, "晚上 7 点"),
    ],
)
def test_the_time_is_said_as_people_say_it(hour: int, minute: int, words: str) -> None:
    assert formats.clock_words(at(21, hour, minute)) == words


@pytest.mark.parametrize(
    ("hour", "words"),
    [(3, "夜深了"), (8, "早上好"), (12, "中午好"), (15, "下午好"), (21, "晚上好")],
)
def test_the_greeting_follows_hangzhou_s_hour(hour: int, words: str) -> None:
    assert formats.greeting(at(21, hour)) == words


@pytest.mark.parametrize(
    ("minutes", "waited", "ago"),
    [
        (0, "刚到", "刚刚"),
        (12, "12 分", "12 分钟前"),
        (60, "1 时", "1 小时前"),
        (200, "3 时 20 分", "3 小时前"),
        (2 * 1440 + 250, "2 天 4 时", "2 天前"),
        (3 * 1440, "3 天", "3 天前"),
    ],
)
def test_waiting_is_told_by_its_two_largest_units(minutes: int, waited: str, ago: str) -> None:
    since = NOW - dt.timedelta(minutes=minutes)
    assert formats.waited(since, NOW) == waited
    assert formats.ago(since, NOW) == ago


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0, "已经开始"), (40, "还有 40 分钟"), (17 * 60 + 20, "还有 17 小时"), (4320, "还有 3 天")],
)
def test_what_is_left_is_told_in_words_and_does_not_tick(minutes: int, words: str) -> None:
    assert formats.until(NOW + dt.timedelta(minutes=minutes), NOW) == words


def test_days_that_are_left_are_counted_by_the_calendar() -> None:
    now = dt.datetime(2026, 11, 24, 15, tzinfo=SHANGHAI)
    assert formats.until(dt.datetime(2026, 12, 3, 9, tzinfo=SHANGHAI), now) == "还有 9 天"
    assert formats.until(dt.datetime(2026, 11, 26, 9, tzinfo=SHANGHAI), now) == "还有 42 小时"


def test_phones_and_names_are_masked() -> None:
    assert formats.masked_phone("13805712046") == "138****2046"
    assert formats.masked_phone("+86 138 0571 2046") == "138****2046"
    assert formats.masked_phone("0571-8700") == "****8700"
    assert formats.dial("0571-8700 0051") == "057187000051"
    assert formats.mask_name("王秀芳") == "王*芳"
    assert formats.mask_name("李国") == "李*"
    assert formats.mask_name("欧阳建华") == "欧**华"
    assert formats.mask_name("王") == "王*"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("小营巷社区", "小营巷社区"),
        ("小营巷社区居委会", "小营巷社区"),
        ("沿山村委会", "沿山村"),
        ("三村村委会", "三村村"),
        ("沿山村民委员会", "沿山村"),
    ],
)
def test_a_place_is_called_as_people_call_it(source: str, words: str) -> None:
    assert formats.place_name(source) == words


def test_a_part_says_what_it_earns_as_the_card_promises() -> None:
    assert formats.earns(100, "take_part") == "1 基本积分"
    assert formats.earns(500, "serve", 2000) == "每小时 10 服务积分，最多 20 分"
    assert formats.earns(600, "serve") == "每小时 12 服务积分"
    assert formats.earns(None, "take_part") == "没有积分，来了就好"
    assert [formats.queued(ahead) for ahead in (0, 3)] == ["您排第一位", "前面还有 3 人"]
    assert formats.earns_short(600, "serve") == "每小时 12 分"
    assert formats.earns_short(200, "take_part") == "2 基本积分"
    assert formats.code3("482719") == "482 719"


def test_clauses_keep_every_character_and_escape_what_people_typed() -> None:
    assert formats.clauses("您 14:03 已经签过到，不用再扫") == (
        '<span class="clause">您 14:03 已经签过到，</span><span class="clause">不用再扫</span>'
    )
    assert formats.clauses("<b>，a") == (
        '<span class="clause">&lt;b&gt;，</span><span class="clause">a</span>'
    )
    assert formats.clauses("") == ""
