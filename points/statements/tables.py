"""A statement as rows for a spreadsheet: the opening, every line, the closing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _

from core.formats import local
from core.sheets import Cell, Points
from points.statements import words
from points.words import title_of

if TYPE_CHECKING:
    from points.statements.book import BookRow
    from points.statements.periods import Period
    from points.statements.sums import Line, Sums


def of_holder(
    period: Period, sums: Sums, lines: Iterable[Line], place_name: Callable[[int], str]
) -> Iterator[Sequence[Cell]]:
    """Yield a holder's statement."""
    yield [_("日期"), _("时间"), _("事由"), _("地点"), _("增减"), _("结余")]
    yield [period.first, "", _("期初"), "", "", Points(sums.opening)]
    for line in lines:
        yield [
            line.day,
            f"{local(line.at):%H:%M}",
            title_of(line.act, line.reason),
            place_name(line.place),
            Points(line.amount),
            Points(line.balance),
        ]
    yield [period.last, "", _("期末"), "", "", Points(sums.closing)]


def of_community(
    sums: Sums,
    rows: Sequence[BookRow],
    transfers: Iterable[Any],
    place_name: Callable[[int], str],
) -> Iterator[Sequence[Cell]]:
    """Yield a community's book: every transfer with both sides; residents are not named in it."""
    names = {
        row.account: words.purpose_words(row.purpose, place_name(row.counterpart)) for row in rows
    }
    resident = words.purpose_words("holder")
    yield [
        _("日期"),
        _("时间"),
        _("类别"),
        _("付方"),
        _("收方"),
        _("分数"),
        _("居民增减"),
        _("居民合计"),
        _("流水号"),
    ]
    held = sums.opening
    yield ["", "", _("期初"), "", "", "", "", Points(held), ""]
    for row in transfers:
        moved = row.amount * ((row.credit > 0) - (row.debit > 0))
        held += moved
        yield [
            row.day,
            f"{local(row.posted_at):%H:%M}",
            words.act_words(row.act),
            names.get(row.debit, resident),
            names.get(row.credit, resident),
            Points(row.amount),
            Points(moved),
            Points(held),
            str(row.id),
        ]
    yield ["", "", _("期末"), "", "", "", "", Points(held), ""]
