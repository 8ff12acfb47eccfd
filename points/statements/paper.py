"""The printed statement: A4, large type, every line, and the code by which it can be checked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask_babel import gettext as _

from core import paper
from core.errors import N_, Rejected
from core.formats import date, points, signed
from core.paper import Paper, at_the_foot
from points.statements import words
from points.statements.book import moved
from points.statements.check import LINES_MAX
from points.statements.codes import spaced
from points.words import seal_words, title_of

if TYPE_CHECKING:
    from points.proof.sealing import Head
    from points.statements.book import BookRow
    from points.statements.check import Issued
    from points.statements.sums import Line

CODE_SIDE = 38.0
END_HEIGHT = 84.0
LINE_WIDTHS = [30.0, 88.0, 28.0, 32.0]
BOOK_WIDTHS = [58.0, 40.0, 40.0, 40.0]


class PaperTooLong(Rejected):
    """More lines than anybody carries home on paper."""

    text = N_("这段时间有 {count} 笔，一次最多打印 {limit} 笔。请把时间段分短，或存成电子表格。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """Whose statement it is, who gives it out, and where it is checked."""

    name: str
    address: str
    place: str
    phone: str
    #: The address of the check page, without the code.
    check_url: str
    #: The head of the community's sealed days and the last of them; None before the first.
    seal: Head | None
    #: Places of before the period's end that have statements of their own, each with its last day.
    before: tuple[tuple[str, dt.date], ...] = ()


def _paper(issued: Issued, heading: Heading, title: str) -> Paper:
    foot = at_the_foot(heading.place, heading.phone)
    return Paper(title, foot, issued.issued_at)


def _begin(made: Paper, issued: Issued, heading: Heading) -> None:
    """Write whose statement it is and what it comes to."""
    made.say(made.title or "", paper.TITLE)
    made.say(heading.place, soft=True)
    made.gap()
    made.say(heading.name, paper.FIGURE)
    if heading.address:
        made.say(heading.address)
    subject = issued.subject
    kind = words.kind_words(subject.of, subject.points_kind)
    made.say(f"{kind}　{words.period_words(issued.period)}")
    made.gap()
    made.rule()
    made.gap()
    sums = issued.sums
    made.figures(
        [
            (_("期初"), points(sums.opening)),
            (_("增加"), signed(sums.added)),
            (_("减少"), points(-sums.taken)),
            (_("期末"), points(sums.closing)),
        ]
    )
    for place, until in heading.before:
        day = date(until)
        made.say(
            _("%(day)s以前在%(place)s的积分，另有一张明细单。", day=day, place=place), soft=True
        )
    made.gap()


def statement(
    issued: Issued,
    heading: Heading,
    lines: Iterable[Line],
    place_name: Callable[[int], str],
) -> bytes:
    """Print a holder's statement; raises PaperTooLong or NotPrintable."""
    if issued.sums.entries > LINES_MAX:
        raise PaperTooLong(count=issued.sums.entries, limit=LINES_MAX)
    with _paper(issued, heading, _("积分明细单")) as made:
        _begin(made, issued, heading)
        made.heading([_("日期"), _("事由"), _("增减"), _("结余")], LINE_WIDTHS, "LLRR")
        for line in lines:
            reason = reason_of(line, issued.subject.community, place_name)
            cells = [line.day.isoformat(), reason, signed(line.amount), points(line.balance)]
            made.row(cells, LINE_WIDTHS, "LLRR")
        if not issued.sums.entries:
            made.say(_("这段时间没有积分进出。"))
        return _ended(made, issued, heading)


def reason_of(line: Line, community: int, place_name: Callable[[int], str]) -> str:
    """Say what a line was for, and where, if it was elsewhere."""
    reason = title_of(line.act, line.reason)
    return reason if line.place == community else f"{reason}（{place_name(line.place)}）"


def book(
    issued: Issued,
    heading: Heading,
    rows: Sequence[BookRow],
    place_name: Callable[[int], str],
) -> bytes:
    """Print a community's book: the accounts behind what its residents hold."""
    with _paper(issued, heading, _("社区积分总账")) as made:
        _begin(made, issued, heading)
        made.say(_("期初、期末是全体居民账户里的积分。下面是它们从哪里来，到哪里去。"), soft=True)
        made.heading([_("科目"), _("发给居民"), _("从居民收回"), _("净额")], BOOK_WIDTHS, "LRRR")
        for row in moved(rows):
            name = words.purpose_words(row.purpose, place_name(row.counterpart))
            net = signed(row.debited - row.credited)
            made.row([name, points(row.debited), points(row.credited), net], BOOK_WIDTHS, "LRRR")
        return _ended(made, issued, heading)


def _ended(made: Paper, issued: Issued, heading: Heading) -> bytes:
    """Write the sums in words, the place for the seal, and how the paper is checked."""
    made.gap()
    if not made.room(END_HEIGHT):
        made.add_page()
    sums = issued.sums
    made.say(
        _(
            "共 %(count)s 笔。期初 %(opening)s 加 %(added)s 减 %(taken)s，等于期末 %(closing)s。",
            count=sums.entries,
            opening=points(sums.opening),
            added=points(sums.added),
            taken=points(sums.taken),
            closing=points(sums.closing),
        )
    )
    made.gap(5)
    top = made.get_y()
    made.code(f"{heading.check_url}{issued.code}", paper.MARGIN - 3, top, CODE_SIDE)
    left = paper.MARGIN + CODE_SIDE
    made.set_left_margin(left)
    made.set_xy(left, top + 2)
    made.say(_("核对码"), soft=True)
    made.say(spaced(issued.code), paper.FIGURE)
    made.say(
        _(
            "扫左边的码，或打开 %(url)s 输入核对码，再逐行对照，就知道这张单子是真是假、改没改过。",
            url=heading.check_url,
        )
    )
    made.set_left_margin(paper.MARGIN)
    made.set_xy(paper.MARGIN, max(made.get_y(), top + CODE_SIDE) + 4)
    if heading.seal is not None:
        made.say(seal_words(heading.seal), soft=True)
        made.gap()
    day = date(issued.issued_at)
    made.say(_("%(place)s（盖章）　%(day)s", place=heading.place, day=day), align="R")
    return made.bytes()
