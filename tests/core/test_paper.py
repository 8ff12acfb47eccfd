"""Paper: large type, whom to call on every page, page numbers, and no empty boxes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from flask import Flask

from core.paper import TEXT, NotPrintable, Paper
from tests import printed

MADE_AT = dt.datetime(2026, 11, 24, 2, tzinfo=dt.UTC)
pytestmark = pytest.mark.database("sqlite")


@pytest.fixture
def paper(app: Flask) -> Iterator[Paper]:
    """A sheet of paper, begun."""
    with (
        app.test_request_context(),
        Paper("公示", "小营巷社区，电话 0571-8700 0051", MADE_AT) as made,
    ):
        yield made


def test_every_page_says_whom_to_call_and_which_it_is(paper: Paper) -> None:
    for number in range(60):
        paper.row([str(number), "便民集市"], [40, 100], "LL")
    found = printed.read(paper.bytes())

    assert len(found.pages) == 3
    for number, page in enumerate(found.pages, start=1):
        words = "".join(page).replace(" ", "")
        assert "小营巷社区，电话0571-87000051" in words
        assert f"第{number}页，共3页" in words


def test_nothing_is_smaller_than_fourteen_points(paper: Paper) -> None:
    paper.say("大字", 26)
    paper.say("轻一点", soft=True)
    paper.figures([("期初", "12"), ("期末", "−3")])
    found = printed.read(paper.bytes())

    assert min(found.sizes) == TEXT == 14


def test_the_words_can_be_read_back_and_the_font_is_the_glyphs_used(paper: Paper) -> None:
    paper.say("王秀英，欧阳翀、镕：+15 分（−3.5）")
    document = paper.bytes()
    found = printed.read(document)

    assert "王秀英，欧阳翀、镕：+15分（−3.5）" in found.words
    assert 0 < found.font_bytes < 20_000
    assert len(document) < 30_000


@pytest.mark.parametrize("character", ["\U00020bb7", "\U0001f600", "ğ", "\u0e01"])
def test_a_character_that_the_font_lacks_is_refused_by_name(paper: Paper, character: str) -> None:
    with pytest.raises(NotPrintable) as refused:
        paper.say(f"王{character}英")

    assert f"“{character}”" in refused.value.sentence()


def test_every_character_of_gbk_is_printable(paper: Paper) -> None:
    common = "".join(
        bytes((lead, trail)).decode("gb2312", "ignore")
        for lead in range(0xB0, 0xF8)
        for trail in range(0xA1, 0xFF)
    )
    rare = "".join(
        bytes((lead, trail)).decode("gbk", "ignore")
        for lead in range(0x81, 0xA1)
        for trail in (*range(0x40, 0x7F), *range(0x80, 0xFF))
    )

    assert (len(common), len(rare)) == (6763, 6080)
    assert paper.checked(common + rare) == common + rare


def test_a_long_cell_goes_on_in_the_next_line(paper: Paper) -> None:
    paper.row(["2026-11-24", "很长的事由" * 12, "+15"], [40, 80, 40], "LLR")
    found = printed.read(paper.bytes())

    assert "很长的事由" * 12 in found.words
    assert "+15" in found.words


def test_no_line_begins_with_a_mark_or_cuts_a_word_or_a_date(paper: Paper) -> None:
    said = "扫左边的码，或打开 https://linli.example/check/ 看 2026 年 11 月 24 日（今天）、有效"
    for before in range(20):
        paper.say("字" * before + said)
        paper.row(["字" * before + said], [90], "L")
        paper.say("字" * before + "古丽·买买提【一】『二』‘三’" * 4)
    lines = [line for page in printed.read(paper.bytes()).pages for line in page]

    assert not [line for line in lines if line.startswith(tuple("，。、）·】』’"))]
    assert not [line for line in lines if line.rstrip().endswith(tuple("（【『‘"))]
    for whole in ("https://linli.example/check/", "2026 年 11 月 24 日"):
        assert sum(whole in line for line in lines) == 40


def test_a_word_wider_than_a_line_goes_on_in_the_next(paper: Paper) -> None:
    paper.say("编号" + "0123456789" * 9)

    assert "编号" + "0123456789" * 9 in printed.read(paper.bytes()).words


def test_below_a_word_wider_than_a_line_no_line_is_left_empty(paper: Paper) -> None:
    def height(words: str) -> float:
        top = paper.get_y()
        paper.say(words)
        return paper.get_y() - top

    assert height("0123456789" * 9) == pytest.approx(height("字" * 45))


def test_each_page_of_a_table_begins_with_its_heading(paper: Paper) -> None:
    paper.heading(["日期", "事由"], [40, 100], "LL")
    for number in range(60):
        paper.row([str(number), "便民集市"], [40, 100], "LL")
    pages = printed.read(paper.bytes()).pages

    assert [page[:2] for page in pages] == [["日期", "事由"]] * 3


def test_a_code_on_paper_can_be_scanned(paper: Paper) -> None:
    paper.code("https://linli.example/check/A2B3C4D5E607", 20, 60, 38)
    found = printed.read(paper.bytes())

    assert found.codes == ["https://linli.example/check/A2B3C4D5E607"]
