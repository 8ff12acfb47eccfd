"""The list for the notice board: A4, large type, rule by rule, masked names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from flask_babel import gettext as _

from core import paper
from core.errors import N_, Rejected
from core.formats import date, month, points, thousands
from core.paper import Paper, at_the_foot
from core.sheets import Points
from points.words import seal_words

if TYPE_CHECKING:
    from core.sheets import Cell
    from points.bulletins.lists import ListLine, Posted
    from points.proof.sealing import Head

LINES_MAX = 5_000
WIDTHS = [50.0, 68.0, 26.0, 34.0]


class ListTooLong(Rejected):
    """More lines than a notice board holds."""

    text = N_("这个月有 {count} 行，一次最多打印 {limit} 行。请存成电子表格，再挑要贴的打印。")


def printed(
    posted: Posted, lines: Iterable[ListLine], place: str, phone: str, seal: Head | None
) -> bytes:
    """Print a list with the head of the sealed days; raises ListTooLong or NotPrintable."""
    if posted.lines > LINES_MAX:
        raise ListTooLong(count=posted.lines, limit=LINES_MAX)
    foot = at_the_foot(place, phone)
    title = _("%(place)s %(month)s积分公示", place=place, month=month_words(posted))
    with Paper(title, foot, posted.posted_at) as made:
        made.say(title, paper.FIGURE)
        made.say(window_words(posted))
        made.gap()
        made.figures(
            [
                (_("发放服务积分"), thousands(posted.service)),
                (_("发放基本积分"), thousands(posted.basic)),
                (_("共几行"), str(posted.lines)),
            ]
        )
        if posted.corrected_up or posted.corrected_down:
            made.say(correction_words(posted), soft=True)
        made.gap()
        _rows(made, lines)
        made.gap(6)
        if seal is not None:
            made.say(seal_words(seal), soft=True)
            made.gap()
        day = date(posted.posted_on)
        made.say(_("%(place)s（盖章）　%(day)s", place=place, day=day), align="R")
        return made.bytes()


def _rows(made: Paper, lines: Iterable[ListLine]) -> None:
    """Write the lines under a heading for each rule."""
    heading = ""
    for line in lines:
        if heading != (heading := f"{line.what}（{kind_words(line)}）"):
            made.gap()
            if not made.room(30):
                made.add_page()
            made.say(heading, 16)
            made.rule()
        times = _("%(count)s 次", count=line.times)
        amount = _("%(points)s 分", points=points(line.amount))
        made.row([line.name, line.building, times, amount], WIDTHS, "LLRR")
    if not heading:
        made.say(_("这个月没有发放积分。"))


def table(lines: Iterable[ListLine]) -> Iterator[Sequence[Cell]]:
    """Yield the list for a spreadsheet, named as it is posted."""
    yield [_("姓名（公示的样子）"), _("楼幢"), _("积分"), _("凭什么"), _("次"), _("分")]
    for line in lines:
        kind = kind_words(line)
        yield [line.name, line.building, kind, line.what, line.times, Points(line.amount)]


def kind_words(line: ListLine) -> str:
    """Name the kind of points of a line."""
    return _("服务积分") if line.points_kind == "service" else _("基本积分")


def month_words(posted: Posted) -> str:
    """Write the month with its year: "2026 年 10 月"."""
    year = _("%(year)s 年", year=posted.month.year)
    return f"{year} {month(posted.month)}"


def window_words(posted: Posted) -> str:
    """Say until when somebody may object, and to whom."""
    return _(
        "公示期到 %(day)s，姓名打码。分数不对？请打下面的电话，或在邻里里点这一行。",
        day=date(posted.objections_until),
    )


def correction_words(posted: Posted) -> str:
    """Say what corrections of this month came to."""
    return _(
        "这个月更正：补 %(up)s 分，扣回 %(down)s 分（更正记在办的那个月）。",
        up=points(posted.corrected_up),
        down=points(posted.corrected_down),
    )
