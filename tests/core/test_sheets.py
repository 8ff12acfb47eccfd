"""Tables as CSV and Excel: Chinese that Excel reads, figures that add up, nobody's formulas."""

from __future__ import annotations

import csv
import datetime as dt
import io
import tracemalloc
from collections.abc import Iterator, Sequence

import pytest
from python_calamine import CalamineWorkbook

from core import sheets
from core.sheets import SPOOLED, Cell, Points, SheetTooLong, csv_file, excel_file, harmless

FORMULAS = [
    '=HYPERLINK("http://evil.example")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1",
    "  =1+1",
    "\N{FULLWIDTH EQUALS SIGN}1+1",
    "\N{FULLWIDTH PLUS SIGN}1",
    "\N{FULLWIDTH COMMERCIAL AT}A1",
]


def cells(raw: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("words", FORMULAS)
def test_what_a_spreadsheet_would_run_becomes_words(words: str) -> None:
    with csv_file([[words]]) as file:
        found = cells(file.read())
    with excel_file("表", [[words]]) as book:
        sheet = CalamineWorkbook.from_filelike(book).get_sheet_by_index(0).to_python()

    assert found[0][0] == f"'{words}"
    assert str(sheet[0][0]).startswith("'")


@pytest.mark.parametrize("words", ["王秀英", "", "3-2-401 室", "a=b", "（-1）", "0571-8700 0051"])
def test_other_words_stay_as_they_are(words: str) -> None:
    assert harmless(words) == words


def test_figures_are_figures_negative_ones_too() -> None:
    rows: list[list[Cell]] = [[Points(-1250), Points(1200), Points(5), 7, dt.date(2026, 11, 24)]]
    with csv_file(rows) as file:
        found = cells(file.read())
    with excel_file("表", rows) as book:
        sheet = CalamineWorkbook.from_filelike(book).get_sheet_by_index(0).to_python()

    assert found == [["-12.5", "12", "0.05", "7", "2026-11-24"]]
    assert sheet == [[-12.5, 12.0, 0.05, 7.0, dt.date(2026, 11, 24)]]


def test_excel_is_told_that_it_is_utf_8() -> None:
    with csv_file([["王秀英"]]) as file:
        assert file.read().startswith(b"\xef\xbb\xbf")


def test_commas_quotes_and_line_breaks_come_back_as_they_were() -> None:
    words = '她说："好，\n来"，真的'
    with csv_file([[words, "b"]]) as file:
        assert cells(file.read()) == [[words, "b"]]


def test_more_rows_than_excel_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "EXCEL_ROWS_MAX", 3)
    rows = [[str(number)] for number in range(4)]
    with pytest.raises(SheetTooLong):
        excel_file("表", rows)
    with excel_file("表", rows[:3]) as book:
        assert len(CalamineWorkbook.from_filelike(book).get_sheet_by_index(0).to_python()) == 3


def many(count: int) -> Iterator[Sequence[Cell]]:
    for number in range(count):
        yield [dt.date(2026, 11, 24), f"便民集市，来帮忙 {number}" * 3, Points(number)]


@pytest.mark.parametrize("make", [csv_file, lambda rows: excel_file("表", rows)])
def test_memory_does_not_grow_with_the_rows(make: object) -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        assert callable(make)
        make(many(count)).close()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(30_000) < 2 * SPOOLED
