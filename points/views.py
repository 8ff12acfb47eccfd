"""Pages of a resident's points: every line, and the evidence of each."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core import formats, settings
from core.directory import directory
from core.identity import current_actor, residents_only
from core.ids import NIL
from core.work import present, reader, transact
from points import wallet as wallets
from points import words
from points.correcting import corrected
from points.earning.helping import AnswerHelp, answer_help
from points.receipts import Evidence, evidence, undone
from points.stories import Story, story_of

if TYPE_CHECKING:
    from core.panels import Viewer
    from points.accounts import PointsKind
    from points.correcting.queries import AdjustmentLine

bp = Blueprint("points", __name__, url_prefix="/points")
bp.before_request(residents_only)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row of the list."""

    href: str
    title: str
    at: dt.datetime
    note: str
    amount: int
    state: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A month of the list."""

    first: dt.date
    gained: int
    spent: int
    lost: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A line of a receipt."""

    label: str
    words: str
    under: str
    #: The receipt of the line that it names.
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A receipt as the page shows it."""

    kind: str
    title: str
    amount: int
    state: str
    words: str
    facts: tuple[Fact, ...]


def _viewer() -> Viewer:
    return directory().viewer(reader(), current_actor(), present())


@bp.get("/")
def index() -> ResponseReturnValue:
    """Show what there is, what lapses when, and every line."""
    kind: PointsKind = "basic" if request.args.get("kind") == "basic" else "service"
    seen = _viewer()
    before = wallets.accounts_before(reader(), seen, kind)
    found = wallets.history(reader(), wallets.accounts_shown(seen, kind), _until(), before)
    older = url_for("points.index", kind=kind, until=found.older) if found.older else ""
    return render_template(
        "points/index.html",
        kind=kind,
        wallet=wallets.wallet(reader(), seen),
        shares=_shares(seen) if kind == "basic" else [],
        months=_months(found, seen),
        older=older,
    )


def _until() -> dt.date | None:
    try:
        return dt.date.fromisoformat(request.args.get("until", ""))
    except ValueError:
        return None


def _shares(seen: Viewer) -> list[tuple[str, int]]:
    """Name whose points the family's are; what is nothing is left out."""
    found = wallets.shares(reader(), seen)
    named = [(_("我"), found.mine), (_("家人"), found.others), (_("本户"), found.household)]
    return [(name, amount) for name, amount in named if amount]


def _months(found: wallets.History, seen: Viewer) -> list[Month]:
    elsewhere = {
        entry.place
        for month in found.months
        for entry in month.entries
        if entry.place != seen.community
    }
    names = directory().places(reader(), elsewhere)
    return [
        Month(
            first=month.first,
            gained=month.gained,
            spent=month.spent,
            lost=month.lost,
            lines=tuple(_line(entry, names, seen.now) for entry in month.entries),
        )
        for month in found.months
    ]


def _line(entry: wallets.Entry, names: dict[int, str], now: dt.datetime) -> Line:
    return Line(
        href=_href(entry),
        title=words.title_of(entry.act, entry.reason),
        at=entry.at,
        note=names.get(entry.place, ""),
        amount=entry.amount,
        state=words.shape(entry.state),
        words=words.state_words(entry.state, entry.due, now),
    )


def _href(entry: wallets.Entry) -> str:
    if entry.state != "held":
        return url_for("points.receipt", transfer_id=entry.id)
    if entry.source_kind == "order":
        return url_for("exchange.order", order_id=entry.source_id)
    return ""


@bp.post("/helps/<uuid:help_id>")
def say_help(help_id: UUID) -> ResponseReturnValue:
    """Say whether a neighbour helped."""
    command = AnswerHelp(help=help_id, helped=request.form.get("helped") == "1")
    done = transact(answer_help, command, current_actor())
    if done.state == "declined":
        said = _("已告诉社区，不记分")
    elif done.amount:
        said = _("已告诉社区，这位邻居会得分")
    else:
        said = _("已告诉社区。这位邻居已到上限，这次不再计分")
    flash(said, "success")
    return redirect(url_for("residents.home"), code=303)


@bp.get("/<uuid:transfer_id>")
def receipt(transfer_id: UUID) -> ResponseReturnValue:
    """Show who recorded a line, by which rule, and when it arrives or did."""
    seen = _viewer()
    found = evidence(reader(), transfer_id, wallets.accounts_known(reader(), seen))
    story = story_of(reader(), found.id)
    return render_template(
        "points/receipt.html",
        receipt=_receipt(found, story, seen),
        corrections=[corrected.told(asked, seen) for asked in story.corrections],
        ask=url_for("correcting.ask", transfer_id=found.id) if not story.is_open else "",
        book=directory().places(reader(), [story.line.community])[story.line.community],
        answer_days=settings.integer(reader(), "correction.answer_days", seen.now),
    )


def _receipt(found: Evidence, story: Story, seen: Viewer) -> Receipt:
    return Receipt(
        kind=found.kind,
        title=words.title_of(found.act, found.reason),
        amount=found.amount,
        state=words.shape(found.state),
        words=words.state_words(found.state, found.due, seen.now),
        facts=tuple(fact for fact in _facts(found, story, seen) if fact.words),
    )


def _facts(found: Evidence, story: Story, seen: Viewer) -> list[Fact]:
    place = directory().places(reader(), [found.place]).get(found.place, "")
    arrived = formats.moment(found.posted_at, seen.now) if found.posted_at else ""
    rule = words.rule_words(found.unit, found.units, found.per_unit) if found.rule else ""
    return [
        Fact(label=_("时间"), words=formats.moment(found.event_at, seen.now), under=place),
        Fact(label=_("规则"), words=found.rule, under=rule),
        *_by_whom(found, story, seen),
        Fact(
            label=_("到账") if found.amount > 0 else _("记账"),
            words=arrived or words.arrival(found.due, seen.now),
            under="",
        ),
        Fact(label=_("单号"), words=words.number(str(found.id)), under=""),
    ]


def _by_whom(found: Evidence, story: Story, seen: Viewer) -> list[Fact]:
    """Say who recorded a line; of one that two people decided, both; and what undid it."""
    facts = [
        Fact(
            label=_("谁记的"),
            words=_who(found.actor, seen),
            under=words.provenance_words(found.provenance),
        ),
    ]
    for each in story.adjustments:
        if each.id == story.made:
            facts = [
                Fact(label=label, words=directory().person(reader(), person), under=role)
                for label, person, role in corrected.both(each)
            ]
            facts += _what_for(found, each, seen)
        else:
            facts.append(
                Fact(label=_("更正"), words=corrected.undone(each, seen.now), under=each.reason)
            )
    return facts


def _what_for(found: Evidence, made: AdjustmentLine, seen: Viewer) -> list[Fact]:
    """Say which line a decision is about, and of what came later than it what was missing."""
    facts = [
        Fact(
            label=_("哪一笔"),
            words=words.title_of(line.act, line.reason),
            under=_(
                "%(when)s，%(points)s 分",
                when=formats.moment(line.event_at, seen.now),
                points=formats.signed(line.amount),
            ),
            href=url_for("points.receipt", transfer_id=line.id),
        )
        for line in undone(reader(), made.original, wallets.accounts_known(reader(), seen))
    ]
    if made.closed_at is not None and found.posted_at != made.closed_at:
        when = formats.moment(made.closed_at, seen.now)
        facts.append(Fact(label=_("还差的"), words=corrected.was_short(made), under=when))
    return facts


def _who(actor: UUID, seen: Viewer) -> str:
    if actor == NIL:
        return _("系统自动")
    if actor == seen.person:
        return _("我自己")
    return directory().person(reader(), actor)
