"""What stands on papers, from the first word to the last: statements, a book, a public list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace
from uuid import UUID

import pytest
from flask import Flask

from points.bulletins import lists
from points.bulletins import paper as list_paper
from points.bulletins.paper import ListTooLong
from points.proof.sealing import Head
from points.statements import paper
from points.statements.book import BookRow
from points.statements.check import Issued
from points.statements.paper import Heading, PaperTooLong
from points.statements.periods import Period, Subject
from points.statements.sums import Line, Sums
from tests import printed
from tests.people import HERE, THERE
from tests.points.calendar import hangzhou

pytestmark = pytest.mark.database("sqlite")
DAYS = Period(first=dt.date(2026, 11, 1), last=dt.date(2026, 11, 24))
SEAL = Head(community=HERE, day=dt.date(2026, 11, 23), head="0123456789abcdef")
SEALED = "账本封到2026-11-23，封印0123456789abcdef"
FOOT = "清波门社区，电话0571-88000000第1页，共1页"
HOW = "扫左边的码，或打开https://x/check/输入核对码，再逐行对照，就知道这张单子是真是假、改没改过。"


@pytest.fixture(autouse=True)
def _asked(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield


def place(code: int) -> str:
    return {HERE: "清波门社区", THERE: "涌金门社区"}.get(code, "")


SUMS = Sums(
    opening=150,
    added=2000,
    taken=1200,
    closing=950,
    entries=2,
    digest="",
    through=3,
    agrees=True,
)
ISSUED = Issued(
    code="ABCDEFGHJK23",
    subject=Subject(of="resident", community=HERE, points_kind="service"),
    period=DAYS,
    sums=SUMS,
    issued_at=hangzhou(2026, 11, 25),
)
HEADING = Heading(
    name="王秀英",
    address="建国南苑 3-2-401",
    place="清波门社区",
    phone="0571-88000000",
    check_url="https://x/check/",
    seal=SEAL,
    before=(("涌金门社区", dt.date(2026, 11, 3)),),
)
LINES = [
    Line(
        id=UUID(int=1),
        day=dt.date(2026, 11, 4),
        at=hangzhou(2026, 11, 4),
        act="award",
        reason="便民集市",
        place=THERE,
        amount=2000,
        balance=2150,
    ),
    Line(
        id=UUID(int=2),
        day=dt.date(2026, 11, 5),
        at=hangzhou(2026, 11, 5),
        act="redemption",
        reason="",
        place=HERE,
        amount=-1200,
        balance=950,
    ),
]


def words(document: bytes) -> str:
    return printed.read(document).words


def test_a_statement_says_whose_it_is_every_line_and_how_it_is_checked() -> None:
    found = printed.read(paper.statement(ISSUED, HEADING, LINES, place))

    assert found.words == (
        "积分明细单清波门社区王秀英建国南苑3-2-401"
        "服务积分2026年11月1日–2026年11月24日"
        "期初1.5增加+20减少−12期末9.5"
        "2026年11月3日以前在涌金门社区的积分，另有一张明细单。"
        "日期事由增减结余"
        "2026-11-04便民集市（涌金门社区）+2021.5"
        "2026-11-05兑换−129.5"
        "共2笔。期初1.5加20减12，等于期末9.5。"
        f"核对码ABCDEFGHJK23{HOW}{SEALED}清波门社区（盖章）2026年11月25日{FOOT}"
    )
    assert "ABCD EFGH JK23" in "".join(found.pages[0])
    assert found.codes == ["https://x/check/ABCDEFGHJK23"]
    assert (len(found.pages), found.sizes) == (1, {14.0, 20.0, 26.0})


def test_a_statement_leaves_out_what_is_not_there() -> None:
    sums = replace(SUMS, opening=0, added=0, taken=0, closing=0, entries=0)
    heading = replace(HEADING, address="", phone="", seal=None, before=())

    assert words(paper.statement(replace(ISSUED, sums=sums), heading, [], place)) == (
        "积分明细单清波门社区王秀英服务积分2026年11月1日–2026年11月24日"
        "期初0增加0减少0期末0日期事由增减结余这段时间没有积分进出。"
        "共0笔。期初0加0减0，等于期末0。"
        f"核对码ABCDEFGHJK23{HOW}清波门社区（盖章）2026年11月25日清波门社区第1页，共1页"
    )


def test_a_book_says_where_points_came_from_and_went() -> None:
    def row(purpose: str, credited: int, debited: int, counterpart: int = 0) -> BookRow:
        return BookRow(
            account=-1,
            purpose=purpose,
            counterpart=counterpart,
            opening=0,
            credited=credited,
            debited=debited,
            closing=0,
        )

    subject = Subject(of="community", community=HERE, points_kind="service")
    rows = [row("clearing", 1100, 0, THERE), row("fund", 0, 0), row("issued", 0, 2000)]
    heading = replace(HEADING, name="清波门社区", address="", before=())

    assert words(paper.book(replace(ISSUED, subject=subject), heading, rows, place)) == (
        "社区积分总账清波门社区清波门社区服务积分2026年11月1日–2026年11月24日"
        "期初1.5增加+20减少−12期末9.5"
        "期初、期末是全体居民账户里的积分。下面是它们从哪里来，到哪里去。"
        "科目发给居民从居民收回净额发放200+20通兑往来，涌金门社区011−11"
        "共2笔。期初1.5加20减12，等于期末9.5。"
        f"核对码ABCDEFGHJK23{HOW}{SEALED}清波门社区（盖章）2026年11月25日{FOOT}"
    )


def test_a_paper_has_two_thousand_lines_at_most() -> None:
    too_long = replace(ISSUED, sums=replace(SUMS, entries=2001))
    with pytest.raises(PaperTooLong) as refused:
        paper.statement(too_long, HEADING, LINES, place)

    assert "有 2001 笔，一次最多打印 2000 笔" in refused.value.sentence()
    most = replace(ISSUED, sums=replace(SUMS, entries=2000))
    assert "共2000笔" in words(paper.statement(most, HEADING, LINES, place))


POSTED = lists.Posted(
    community=HERE,
    month=dt.date(2026, 11, 1),
    posted_at=hangzhou(2026, 12, 5),
    posted_on=dt.date(2026, 12, 5),
    objections_until=dt.date(2026, 12, 12),
    lines=3,
    service=250_000,
    basic=600,
    corrected_up=0,
    corrected_down=0,
)
WINDOW = "公示期到2026年12月12日，姓名打码。分数不对？请打下面的电话，或在邻里里点这一行。"


def on_the_list(name: str, kind: str, what: str, times: int, amount: int) -> lists.ListLine:
    return lists.ListLine(
        id=UUID(int=1),
        position=1,
        holder=UUID(int=2),
        name=name,
        building="建国南苑 3 幢",
        points_kind=kind,
        what=what,
        times=times,
        amount=amount,
        objection="",
    )


LISTED = [
    on_the_list("王*英", "service", "志愿服务", 2, 1050),
    on_the_list("李*强", "service", "志愿服务", 1, 500),
    on_the_list("一户居民", "basic", "楼道不堆物", 1, 600),
]


def board(posted: lists.Posted, rows: Sequence[lists.ListLine], seal: Head | None = None) -> str:
    return words(list_paper.printed(posted, rows, "清波门社区", "0571-88000000", seal))


def test_a_public_list_says_rule_by_rule_who_got_how_much() -> None:
    found = board(POSTED, LISTED, SEAL)

    assert found == (
        f"清波门社区2026年11月积分公示{WINDOW}"
        "发放服务积分2,500发放基本积分6共几行3"
        "志愿服务（服务积分）王*英建国南苑3幢2次10.5分李*强建国南苑3幢1次5分"
        "楼道不堆物（基本积分）一户居民建国南苑3幢1次6分"
        f"{SEALED}清波门社区（盖章）2026年12月5日{FOOT}"
    )


@pytest.mark.parametrize(
    ("up", "down", "said"),
    [
        (500, 0, "这个月更正：补5分，扣回0分（更正记在办的那个月）。"),
        (0, 100, "这个月更正：补0分，扣回1分（更正记在办的那个月）。"),
        (0, 0, ""),
    ],
)
def test_a_public_list_of_nothing_says_so_and_what_was_corrected(
    up: int, down: int, said: str
) -> None:
    empty = replace(POSTED, lines=0, service=0, basic=0, corrected_up=up, corrected_down=down)

    assert board(empty, []) == (
        f"清波门社区2026年11月积分公示{WINDOW}发放服务积分0发放基本积分0共几行0{said}"
        f"这个月没有发放积分。清波门社区（盖章）2026年12月5日{FOOT}"
    )


def test_a_notice_board_holds_five_thousand_lines_at_most() -> None:
    assert "共几行5000" in board(replace(POSTED, lines=5000), LISTED)
    with pytest.raises(ListTooLong) as refused:
        board(replace(POSTED, lines=5001), LISTED)
    assert "有 5001 行，一次最多打印 5000 行" in refused.value.sentence()
