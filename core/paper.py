"""A4 paper: large Chinese type, the place and its number at the foot of every page, page numbers.

Set in the font of ``data/fonts``; a document carries only the glyphs that it uses. What the font
does not have is refused by name, never printed as an empty box.
"""

from __future__ import annotations

import datetime as dt
import re
from itertools import groupby
from typing import Literal, Self

from flask_babel import gettext as _
from fpdf import FPDF
from fpdf.enums import WrapMode
from fpdf.fonts import TTFFont

from core import qr
from core.config import ROOT
from core.errors import N_, Rejected

FONT = ROOT / "data" / "fonts" / "noto-sans-cjk-sc-gbk-2.004.otf"
FAMILY = "paper"
MARGIN = 16.0
LINE = 7.6
"""Millimetres from line to line of the running text."""

TITLE, FIGURE, TEXT = 26.0, 20.0, 14.0
"""Points: nothing is smaller than 14, for eyes of eighty."""

INK, SOFT, RULE = 20, 80, 170
FOOT = 20.0
WHITE = 6.0
"""Millimetres between the last line and the foot."""

GLUED = re.compile(r"(?<=\d) (?=[一-鿿])|(?<=[一-鿿]) (?=\d)")
"""The spaces around figures, where no line ends: 11 月 24 日, 3 小时."""

LINE_ENDS = re.compile(
    r"(?<![（《“‘「『【\xa0])(?![），。、；：！？》”’」』】·…– \xa0]|$)(?:(?<![!-~−–])|(?![!-~−–]))"
)
"""Where a line may end: in no word or sum, after no opening mark and before no closing one."""

Align = Literal["L", "C", "R"]


class NotPrintable(Rejected):
    """A character that the printing font does not have."""

    text = N_("“{character}”这个字印不出来，字库里还没有。请先导出电子表格，并把这个字报给区里。")


class Paper(FPDF):
    """One printed document; used in a ``with`` block, because the font's file stays open."""

    def __init__(self, title: str, foot: str, made_at: dt.datetime) -> None:
        super().__init__(format="A4", unit="mm")
        self.set_margins(MARGIN, MARGIN, MARGIN)
        self.set_auto_page_break(auto=True, margin=FOOT + WHITE)
        self.add_font(FAMILY, fname=FONT)
        self.set_font(FAMILY, size=TEXT)
        font = self.fonts[FAMILY]
        assert isinstance(font, TTFFont)  # noqa: S101 - a font from a file always is one
        self._font = font
        self.known = frozenset(font.cmap)
        self.foot = self.checked(foot)
        self._heading: tuple[list[str], list[float], str] | None = None
        self.set_title(title)
        self.set_lang("zh-CN")
        self.set_creation_date(made_at)
        self.add_page()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._font.ttfont.close()

    def footer(self) -> None:
        """Write whom to call and which page this is; the library calls it at every page's end."""
        self.set_y(-FOOT)
        self._ink(SOFT)
        self.set_draw_color(RULE)
        self.line(MARGIN, self.get_y(), self.w - MARGIN, self.get_y())
        self.set_font(FAMILY, size=TEXT)
        self.set_y(self.get_y() + 2)
        self.cell(self.epw * 0.72, LINE, self.foot)
        pages = _("第 %(page)s 页，共 {nb} 页", page=self.page_no())
        # How many there will be is not known yet: as wide as the page's own number.
        width = self.get_string_width(pages.replace("{nb}", str(self.page_no())))
        self.set_x(self.w - MARGIN - width - 2 * self.c_margin)
        self.cell(0, LINE, pages)
        self._ink(INK)

    def _ink(self, grey: int) -> None:
        self.set_text_color(grey)

    def checked(self, words: str) -> str:
        """Return the words if the font has every character of them; raises NotPrintable."""
        for character in words:
            if ord(character) not in self.known and not character.isspace():
                raise NotPrintable(character=character)
        return words

    def say(
        self, words: str, size: float = TEXT, *, align: Align = "L", soft: bool = False
    ) -> None:
        """Write a paragraph over the whole width."""
        self.set_font(FAMILY, size=size)
        self._ink(SOFT if soft else INK)
        self.multi_cell(
            0,
            size * LINE / TEXT,
            self._lines(words, self.w - self.r_margin - self.x),
            align=align,
            wrapmode=WrapMode.CHAR,
            new_x="LMARGIN",
            new_y="NEXT",
        )
        self._ink(INK)
        self.set_font(FAMILY, size=TEXT)

    def gap(self, millimetres: float = 3.0) -> None:
        """Leave some white."""
        self.set_y(self.get_y() + millimetres)

    def rule(self) -> None:
        """Draw a thin line over the whole width."""
        self.set_draw_color(RULE)
        self.line(MARGIN, self.get_y(), self.w - MARGIN, self.get_y())

    def room(self, millimetres: float) -> bool:
        """Whether so much is left on this page."""
        return self.get_y() + millimetres <= self.page_break_trigger

    def figures(self, pairs: list[tuple[str, str]]) -> None:
        """Write labelled figures side by side, the figures large."""
        width = self.epw / len(pairs)
        top = self.get_y()
        for at, (label, figure) in enumerate(pairs):
            self.set_xy(MARGIN + at * width, top)
            self._ink(SOFT)
            self.cell(width, LINE, self.checked(label))
            self._ink(INK)
            self.set_xy(MARGIN + at * width, top + LINE)
            self.set_font(FAMILY, size=FIGURE)
            self.cell(width, LINE * 1.4, self.checked(figure))
            self.set_font(FAMILY, size=TEXT)
        self.set_xy(MARGIN, top + LINE * 2.4)

    def heading(self, cells: list[str], widths: list[float], aligns: str) -> None:
        """Write the row that a table begins with, on each of its pages."""
        self._heading = None
        self.row(cells, widths, aligns)
        self._heading = (cells, widths, aligns)

    def row(self, cells: list[str], widths: list[float], aligns: str) -> None:
        """Write a row of a table; a cell that is too long goes on in the next line."""
        texts = [self._lines(cell, width) for cell, width in zip(cells, widths, strict=True)]
        heights = [
            LINE if self._fits(text, width) else self._height(text, width)
            for width, text in zip(widths, texts, strict=True)
        ]
        height = max(heights) + 1.6
        if not self.room(height):
            self.add_page()
            if self._heading:
                self.heading(*self._heading)
        top, left = self.get_y(), MARGIN
        for width, text, align, own in zip(widths, texts, aligns, heights, strict=True):
            self.set_xy(left, top + 0.8)
            if own == LINE:
                self.cell(width, LINE, text, align=align)
            else:
                self.multi_cell(width, LINE, text, align=align, wrapmode=WrapMode.CHAR)
            left += width
        self.set_xy(MARGIN, top + height)
        self.rule()

    def _lines(self, words: str, width: float) -> str:
        """Break what is wider where lines may end; a word wider than a line goes on in the next."""
        words = self.checked(words)
        if self._fits(words, width):
            return words
        lines = [""]
        for glued in LINE_ENDS.split(GLUED.sub("\xa0", words)):
            piece = glued.replace("\xa0", " ")
            if lines[-1] and not self._fits((lines[-1] + piece).rstrip(), width):
                lines.append("")
            lines[-1] += piece
        return "\n".join(line.rstrip() for line in lines)

    def _fits(self, text: str, width: float) -> bool:
        """Whether a line holds it: most cells do, and are written ten times as fast."""
        return "\n" not in text and self.get_string_width(text) <= width - 2 * self.c_margin

    def _height(self, text: str, width: float) -> float:
        found = self.multi_cell(
            width, LINE, text, dry_run=True, output="HEIGHT", wrapmode=WrapMode.CHAR
        )
        assert isinstance(found, float | int)  # noqa: S101 - what was asked for
        return float(found)

    def code(self, text: str, x: float, y: float, side: float) -> None:
        """Draw a QR code as rectangles, sharp at any size."""
        rows = qr.modules(text)
        module = side / len(rows)
        self.set_fill_color(0)
        for down, row in enumerate(rows):
            right = 0
            for is_dark, run in groupby(row):
                length = len(list(run))
                if is_dark:
                    where = (x + right * module, y + down * module)
                    # A hair higher than a module, or viewers draw white seams between rows.
                    self.rect(*where, length * module, module * 1.02, "F")
                right += length

    def bytes(self) -> bytes:
        """Finish the document."""
        return bytes(self.output())


def at_the_foot(place: str, phone: str) -> str:
    """Say who is behind a paper, with the number to call where there is one."""
    return _("%(place)s，电话 %(phone)s", place=place, phone=phone) if phone else place
