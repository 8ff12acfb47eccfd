"""Reading the public lists: their months, their lines with masked names, what is objected to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import Select, func, select

from core.directory import Shown, directory
from core.errors import N_, NotFound
from core.formats import mask_name
from points.models import Bulletin, BulletinLine, Correction

if TYPE_CHECKING:
    from sqlalchemy import Connection

PAGE = 50
FETCHED = 1_000
MONTHS = 24
OBJECTION = "objection"
POSITION_DIGITS = 9


class BulletinUnknown(NotFound):
    """No list of this month was posted here."""

    text = N_("没有这个月的积分公示。每月公示日以后才贴出上个月的，请换一个月看看。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A list as its row has it."""

    community: int
    month: dt.date
    posted_at: dt.datetime
    posted_on: dt.date
    objections_until: dt.date
    lines: int
    service: int
    basic: int
    corrected_up: int
    corrected_down: int

    def is_open(self, today: dt.date) -> bool:
        """Whether somebody may still object."""
        return today <= self.objections_until


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLine:
    """A line of a list as everybody reads it."""

    id: UUID
    position: int
    holder: UUID
    #: The name, masked unless the resident agreed to be named; a household's building.
    name: str
    building: str
    points_kind: str
    what: str
    times: int
    amount: int
    #: "" | open | explained | adjusted | reversed: what became of objections.
    objection: str


COLUMNS = tuple(Bulletin.__table__.c[name] for name in Posted.__dataclass_fields__)


def lists(connection: Connection, community: int, limit: int = MONTHS) -> list[Posted]:
    """Return the lists of a community, the newest first."""
    query = (
        select(*COLUMNS)
        .where(Bulletin.community == community)
        .order_by(Bulletin.month.desc())
        .limit(limit)
    )
    return [_posted(row) for row in connection.execute(query)]


def list_of(connection: Connection, community: int, month: dt.date) -> Posted:
    """Return the list of a month; raises BulletinUnknown."""
    row = connection.execute(
        select(*COLUMNS).where(
            Bulletin.community == community, Bulletin.month == month.replace(day=1)
        )
    ).first()
    if row is None:
        raise BulletinUnknown
    return _posted(row)


def _posted(row: Any) -> Posted:
    return Posted(**row._mapping)  # noqa: SLF001 - the documented way


def month_named(raw: str) -> dt.date:
    """Read a month of an address, "2026-10"; raises BulletinUnknown."""
    try:
        return dt.date.fromisoformat(f"{raw}-01")
    except ValueError:
        raise BulletinUnknown from None


def position_named(raw: str) -> int:
    """Read the position of an address; what is none is the beginning."""
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) <= POSITION_DIGITS else 0


def month_key(month: dt.date) -> str:
    """Write a month for an address: "2026-10"."""
    return f"{month:%Y-%m}"


def lines(
    connection: Connection, posted: Posted, *, after: int = 0, limit: int = PAGE
) -> list[ListLine]:
    """Return lines of a list in its order, from a position on."""
    query = (
        _of(posted)
        .where(BulletinLine.position > after)
        .order_by(BulletinLine.position)
        .limit(limit)
    )
    return _named(connection, connection.execute(query).all())


def next_of(posted: Posted, found: Sequence[ListLine]) -> int:
    """Return where the page after these lines goes on; 0 where the list ends with them."""
    last = found[-1].position if found else posted.lines
    return last if last < posted.lines else 0


def every_line(connection: Connection, posted: Posted) -> Iterator[ListLine]:
    """Yield a list from its beginning to its end, however long it is."""
    after = 0
    while found := lines(connection, posted, after=after, limit=FETCHED):
        yield from found
        after = found[-1].position


def lines_of(connection: Connection, posted: Posted, holders: Sequence[UUID]) -> list[ListLine]:
    """Return the lines of these residents and households, which are theirs to look for first."""
    query = _of(posted).where(BulletinLine.holder_id.in_(holders)).order_by(BulletinLine.position)
    return _named(connection, connection.execute(query).all())


def line(connection: Connection, identity: UUID) -> tuple[Posted, ListLine]:
    """Return a line with the list that it stands on; raises BulletinUnknown."""
    rows = connection.execute(
        select(BulletinLine.__table__).where(BulletinLine.id == identity)
    ).all()
    if not rows:
        raise BulletinUnknown
    posted = list_of(connection, rows[0].community, rows[0].month)
    return posted, _named(connection, rows)[0]


def _of(posted: Posted) -> Select[Any]:
    return select(BulletinLine.__table__).where(
        BulletinLine.community == posted.community, BulletinLine.month == posted.month
    )


def _named(connection: Connection, rows: Sequence[Any]) -> list[ListLine]:
    people = directory().shown(connection, {row.holder_id for row in rows})
    objections = _objections(connection, [row.id for row in rows])
    return [
        ListLine(
            id=row.id,
            position=row.position,
            holder=row.holder_id,
            name=public_name(people.get(row.holder_id)),
            building=people[row.holder_id].building if row.holder_id in people else "",
            points_kind=row.points_kind,
            what=row.what,
            times=row.times,
            amount=row.amount,
            objection=objections.get(row.id, ""),
        )
        for row in rows
    ]


def public_name(who: Shown | None) -> str:
    """Call somebody as a public list may: masked, unless they agreed to be named."""
    if who is None:
        return _("已注销")
    if who.is_household:
        return _("一户居民")
    name = "、".join(who.names)
    return name if who.is_named else mask_name(name)


def _objections(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return what became of objections: one that is open outweighs those that are answered."""
    rows = connection.execute(
        select(Correction.subject, Correction.state, Correction.outcome)
        .where(
            Correction.subject.in_(ids),
            Correction.kind == OBJECTION,
            Correction.state != "withdrawn",
        )
        .order_by(Correction.closed_at)
    )
    found: dict[UUID, str] = {}
    for row in rows:
        if found.get(row.subject) != "open":
            found[row.subject] = row.outcome or "open"
    return found


def objection_words(state: str) -> str:
    """Say what became of an objection."""
    return {
        "open": _("有人说不对，社区正在核对"),
        "explained": _("有人问过，社区已说明"),
        "adjusted": _("有人问过，社区已更正"),
        "reversed": _("有人问过，社区已更正"),
    }.get(state, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """An objection as the desk reads it."""

    id: UUID
    line: UUID
    month: dt.date
    what: str
    holder: UUID
    amount: int
    asked_by: UUID
    words: str
    state: str
    opened_at: dt.datetime
    answer_by: dt.date
    answer: str


def objections(connection: Connection, posted: Posted) -> list[Objection]:
    """Return the objections against a list, open ones first, the oldest before the newer."""
    rows = connection.execute(
        select(Correction.__table__, BulletinLine.what, BulletinLine.holder_id, BulletinLine.amount)
        .join(BulletinLine, BulletinLine.id == Correction.subject)
        .where(
            Correction.kind == OBJECTION,
            BulletinLine.community == posted.community,
            BulletinLine.month == posted.month,
        )
        .order_by((Correction.state == "open").desc(), Correction.opened_at)
    )
    return [
        Objection(
            id=row.id,
            line=row.subject,
            month=posted.month,
            what=row.what,
            holder=row.holder_id,
            amount=row.amount,
            asked_by=row.asked_by,
            words=row.words,
            state=row.state,
            opened_at=row.opened_at,
            answer_by=row.answer_by,
            answer=row.answer or "",
        )
        for row in rows
    ]


def open_objections(connection: Connection, community: int) -> dict[dt.date, int]:
    """Return how many objections of each month are waiting for an answer."""
    rows = connection.execute(
        select(BulletinLine.month, func.count())
        .join(Correction, Correction.subject == BulletinLine.id)
        .where(
            BulletinLine.community == community,
            Correction.kind == OBJECTION,
            Correction.state == "open",
            Correction.community == community,
        )
        .group_by(BulletinLine.month)
    )
    return {row[0]: int(row[1]) for row in rows}
