"""What lines, papers and lists are called: the words that people read, each of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from flask import Flask

from core.directory import Shown
from core.sheets import Points
from points import words
from points.bulletins import lists
from points.bulletins import paper as list_paper
from points.models.ledger import ACTS, PURPOSES
from points.proof.sealing import Head
from points.statements import answers_views
from points.statements import words as statement_words
from points.statements.periods import Period, Subject, month_before, month_of, next_month
from tests.people import HERE
from tests.points.calendar import hangzhou

if TYPE_CHECKING:
    from points.accounts import PointsKind
    from points.statements.periods import Of

pytestmark = pytest.mark.database("sqlite")
NOW = hangzhou(2026, 11, 24)


@pytest.fixture(autouse=True)
def _asked(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield


@pytest.mark.parametrize(
    ("state", "said", "mark"),
    [
        ("posted", "已到账", "posted"),
        ("confirming", "等另一位工作人员核对", "pending"),
        ("held", "预留中，领取时才扣", "held"),
        ("collected", "已领取", "collected"),
        ("returned", "已退回", "returned"),
        ("taken", "已扣减", "taken"),
        ("gone", "已转出", "gone"),
        ("lapsed", "已到期", "lapsing"),
        ("pending", "明早 8 点前到账", "pending"),
    ],
)
def test_every_state_of_a_line_is_said_and_marked(state: str, said: str, mark: str) -> None:
    due = hangzhou(2026, 11, 25, 2) if state == "pending" else None

    assert words.state_words(state, due, NOW) == said
    assert words.shape(state) == mark


@pytest.mark.parametrize(
    ("due", "said"),
    [
        (None, "等另一位工作人员核对"),
        (hangzhou(2026, 11, 24, 9, 59), "马上到账"),
        (NOW, "马上到账"),
        (hangzhou(2026, 11, 24, 10, 0, 1), "今早 8 点前到账"),
        (hangzhou(2026, 11, 25, 2), "明早 8 点前到账"),
        (hangzhou(2026, 11, 26, 2), "周四 8 点前到账"),
        (hangzhou(2026, 12, 10, 2), "12 月 10 日 周四 8 点前到账"),
    ],
)
def test_an_award_says_by_which_morning_it_arrives(due: dt.datetime | None, said: str) -> None:
    assert words.arrival(due, NOW) == said


def test_a_line_without_a_reason_is_named_by_what_it_is() -> None:
    assert {act: words.title_of(act, "") for act in ACTS} == {
        "award": "积分",
        "redemption": "兑换",
        "discount": "积分",
        "rounding": "积分",
        "adjustment": "更正",
        "reversal": "冲回",
        "moving": "搬家转分",
        "expiry": "年底到期",
        "donation": "捐给社区基金",
        "discharge": "积分",
    }
    assert words.title_of("reversal", "洗洁精一瓶，退回") == "洗洁精一瓶，退回"


@pytest.mark.parametrize(
    ("unit", "units", "per_unit", "said"),
    [
        ("半小时", 1, 550, "每半小时 5.5 分，共 1 个"),
        ("半小时", 4, 500, "每半小时 5 分，共 4 个"),
        ("次", 1, 100, "每次 1 分"),
        ("次", 2, 100, "每次 1 分，共 2 次"),
        ("户月", 1, 500, "每月 5 分"),
        ("户月", 3, 500, "每月 5 分，共 3 月"),
    ],
)
def test_a_receipt_says_how_the_rule_came_to_its_sum(
    unit: str, units: int, per_unit: int, said: str
) -> None:
    assert words.rule_words(unit, units, per_unit) == said


def test_a_receipt_says_how_a_record_came_about_or_nothing() -> None:
    found = [
        words.provenance_words(each) for each in ("verified", "recorded", "back_filled", "", "else")
    ]
    assert found == ["现场核验", "工作人员登记", "事后补录，另一位工作人员核对过", "", ""]


def test_a_number_is_the_end_of_an_id_in_capitals() -> None:
    assert words.number("019ac0de-0000-7000-8000-0123456789ab") == "23456789AB"


def test_the_head_of_the_books_is_written_in_groups_of_eight() -> None:
    seal = Head(community=HERE, day=dt.date(2026, 11, 23), head="0123456789abcdef01")

    said = "账本封到 2026-11-23，封印 01234567 89abcdef 01"
    assert words.seal_words(seal) == said


def test_a_book_calls_its_accounts_as_its_people_do() -> None:
    found = {each: statement_words.purpose_words(each, "清波门社区") for each in PURPOSES}

    assert found == {
        "holder": "居民",
        "issued": "发放",
        "redeemed": "兑换",
        "expired": "到期",
        "adjusted": "更正",
        "clearing": "通兑往来，清波门社区",
        "retired": "折算注销",
        "rounding": "凑整",
        "fund": "社区基金",
    }


def test_a_book_calls_each_transfer_what_it_is() -> None:
    assert {act: statement_words.act_words(act) for act in ACTS} == {
        "award": "发放",
        "redemption": "兑换",
        "discount": "折算",
        "rounding": "凑整",
        "adjustment": "更正",
        "reversal": "冲回",
        "moving": "搬家转分",
        "expiry": "到期",
        "donation": "捐赠",
        "discharge": "结清",
    }


@pytest.mark.parametrize(
    ("of", "kind", "said"),
    [
        ("resident", "service", "服务积分　2026 年 11 月 24 日"),
        ("resident", "basic", "基本积分　2026 年 11 月 24 日"),
        ("household", "basic", "本户基本积分　2026 年 11 月 24 日"),
        ("community", "service", "服务积分　2026 年 11 月 24 日"),
    ],
)
def test_a_statement_is_called_by_its_points_and_its_days(
    of: Of, kind: PointsKind, said: str
) -> None:
    subject = Subject(of=of, community=HERE, points_kind=kind)

    assert answers_views.title(subject, Period(first=NOW.date(), last=NOW.date())) == said


def test_the_periods_that_people_ask_for_most_are_whole_months_and_years() -> None:
    found = [
        (name, f"{period.first}", f"{period.last}", statement_words.period_words(period))
        for name, period in answers_views.presets(dt.date(2026, 1, 24))
    ]

    assert found == [
        ("本月", "2026-01-01", "2026-01-24", "2026 年 1 月 1 日–2026 年 1 月 24 日"),
        ("上月", "2025-12-01", "2025-12-31", "2025 年 12 月 1 日–2025 年 12 月 31 日"),
        ("今年", "2026-01-01", "2026-01-24", "2026 年 1 月 1 日–2026 年 1 月 24 日"),
        ("去年", "2025-01-01", "2025-12-31", "2025 年 1 月 1 日–2025 年 12 月 31 日"),
    ]


def test_months_follow_each_other_over_the_end_of_a_year() -> None:
    firsts = [dt.date(2026, 10, 1)]
    for _each in range(4):
        firsts.append(next_month(firsts[-1]))

    assert [f"{each:%Y-%m-%d}" for each in firsts] == [
        "2026-10-01",
        "2026-11-01",
        "2026-12-01",
        "2027-01-01",
        "2027-02-01",
    ]
    assert month_of(dt.date(2026, 12, 31)) == Period(
        first=dt.date(2026, 12, 1), last=dt.date(2026, 12, 31)
    )
    assert month_before(dt.date(2026, 3, 31)) == Period(
        first=dt.date(2026, 2, 1), last=dt.date(2026, 2, 28)
    )


def test_the_public_list_says_what_became_of_an_objection() -> None:
    states = ("", "open", "explained", "adjusted", "reversed")

    assert [lists.objection_words(state) for state in states] == [
        "",
        "有人说不对，社区正在核对",
        "有人问过，社区已说明",
        "有人问过，社区已更正",
        "有人问过，社区已更正",
    ]


def shown(**changes: object) -> Shown:
    who = {
        "names": ("王秀英",),
        "address": "建国南苑 3-2-401",
        "building": "建国南苑 3 幢",
        "is_named": False,
        "is_household": False,
    }
    return Shown(**(who | changes))  # type: ignore[arg-type]


def test_the_public_list_names_nobody_who_has_not_agreed() -> None:
    found = [
        lists.public_name(None),
        lists.public_name(shown(is_household=True, is_named=True)),
        lists.public_name(shown()),
        lists.public_name(shown(is_named=True)),
    ]
    assert found == ["已注销", "一户居民", "王*英", "王秀英"]


def posted(**changes: object) -> lists.Posted:
    row = {
        "community": HERE,
        "month": dt.date(2026, 11, 1),
        "posted_at": hangzhou(2026, 12, 5),
        "posted_on": dt.date(2026, 12, 5),
        "objections_until": dt.date(2026, 12, 12),
        "lines": 4,
        "service": 250_000,
        "basic": 600,
        "corrected_up": 550,
        "corrected_down": 100,
    }
    return lists.Posted(**(row | changes))  # type: ignore[arg-type]


def test_a_public_list_says_its_month_its_window_and_what_was_corrected() -> None:
    window = (
        "公示期到 2026 年 12 月 12 日，姓名打码。分数不对？请打下面的电话，或在邻里里点这一行。"
    )
    corrected = "这个月更正：补 5.5 分，扣回 1 分（更正记在办的那个月）。"

    assert list_paper.month_words(posted()) == "2026 年 11 月"
    assert list_paper.window_words(posted()) == window
    assert list_paper.correction_words(posted()) == corrected
    assert lists.month_key(dt.date(2026, 9, 1)) == "2026-09"
    assert lists.month_named("2026-09") == dt.date(2026, 9, 1)


def test_objections_are_taken_to_the_end_of_the_last_day() -> None:
    assert posted().is_open(dt.date(2026, 12, 12))
    assert not posted().is_open(dt.date(2026, 12, 13))


def test_a_page_goes_on_from_a_position_of_nine_digits_at_most() -> None:
    asked = ("0", "17", "999999999", "1000000000", "-1", "²", "x", "")

    assert [lists.position_named(raw) for raw in asked] == [0, 17, 999_999_999, 0, 0, 0, 0, 0]


def line(**changes: object) -> lists.ListLine:
    row = {
        "id": UUID(int=1),
        "position": 1,
        "holder": UUID(int=2),
        "name": "王*英",
        "building": "建国南苑 3 幢",
        "points_kind": "service",
        "what": "志愿服务",
        "times": 2,
        "amount": 1050,
        "objection": "",
    }
    return lists.ListLine(**(row | changes))  # type: ignore[arg-type]


def test_a_public_list_is_saved_with_what_is_posted_and_nothing_else() -> None:
    rows = [line(), line(name="一户居民", points_kind="basic", what="楼道不堆物", times=1)]

    assert list(list_paper.table(rows)) == [
        ["姓名（公示的样子）", "楼幢", "积分", "凭什么", "次", "分"],
        ["王*英", "建国南苑 3 幢", "服务积分", "志愿服务", 2, Points(1050)],
        ["一户居民", "建国南苑 3 幢", "基本积分", "楼道不堆物", 1, Points(1050)],
    ]
