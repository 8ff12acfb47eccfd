"""Hours that were served elsewhere: what is left of them beside what is known here already.

Whoever signed in here is believed before a list from elsewhere (serve.import in the catalogue):
what is covered here is taken off. Hours that overlap with imported ones are refused as a whole,
so that no two imported reports of one person ever overlap, wherever they lived.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import bindparam, insert, select

from core.directory import directory
from core.errors import N_, Conflict, Rejected
from core.served import HALF_HOUR, Span, covered, served
from points.models import Adjustment, Award, ImportedHours
from points.taken_back import LEFT, TAKEN_BACK

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.work import Work

DAY = dt.timedelta(days=1)
CHUNK = 400


class HoursWrong(Rejected):
    """Hours end after they begin, within a day, and not in the future."""

    text = N_("起止时间不对：结束要晚于开始，一次不超过 24 小时，也不能在以后。请改好。")


class HoursUnfit(Rejected):
    """A rule of hours comes without its end, or another one with an end."""

    text = N_("按时长的规则要写开始和结束的时间，其他规则不写结束时间。请改好。")


class HoursTooShort(Rejected):
    """Less than half an hour counts for nothing."""

    text = N_("不满半小时，不计分。请核对起止时间。")


class HoursKnown(Conflict):
    """The time is covered by an attendance here."""

    text = N_("这段时间在这里签过到，以这里的为准，不重复计分。")


class HoursImported(Conflict):
    """Hours that came before overlap with these."""

    text = N_("这段时间和已经导入的时长重叠，不重复计分。请核对起止时间。")


@dataclass(slots=True)
class Known:
    """What is known of residents' time: served here, and imported before."""

    here: dict[UUID, list[Span]] = field(default_factory=dict)
    imported: dict[UUID, list[Span]] = field(default_factory=dict)


def checked_span(starts_at: dt.datetime, ends_at: dt.datetime, now: dt.datetime) -> Span:
    """Return the span; raises HoursWrong."""
    if not starts_at < ends_at <= min(now, starts_at + DAY):
        raise HoursWrong
    return Span(starts_at, ends_at)


def known_spans(connection: Connection, residents: Iterable[UUID], spans: Iterable[Span]) -> Known:
    """Return what residents served that touches any of the spans, here and as imported.

    Theirs is also what they did before they moved, and under another record of theirs.
    """
    given = list(spans)
    if not given:
        return Known()
    within = Span(min(each.starts_at for each in given), max(each.ends_at for each in given))
    kin = directory().kin(connection, residents)
    places = sorted(set().union(*kin.values()))
    here = served().spans(connection, places, within)
    imported = _imported(connection, places, within)
    known = Known()
    for resident, own in kin.items():
        for found, spans_of in ((known.here, here), (known.imported, imported)):
            found[resident] = [span for place in own for span in spans_of.get(place, ())]
    return known


def _imported(
    connection: Connection, residents: list[UUID], within: Span
) -> dict[UUID, list[Span]]:
    """Return the imported hours of these that touch a span and were not all taken back."""
    found: dict[UUID, list[Span]] = {}
    for start in range(0, len(residents), CHUNK):
        rows = connection.execute(
            select(ImportedHours.resident, ImportedHours.starts_at, ImportedHours.ends_at)
            .join(Award, Award.id == ImportedHours.award)
            .outerjoin(Adjustment, TAKEN_BACK)
            .where(
                ImportedHours.resident.in_(residents[start : start + CHUNK]),
                ImportedHours.starts_at < within.ends_at,
                # One report spans a day at most, so that the index bounds both ends.
                ImportedHours.starts_at > within.starts_at - DAY,
                ImportedHours.ends_at > within.starts_at,
                LEFT,
            ),
        )
        for row in rows:
            span = Span(row.starts_at, row.ends_at)
            found.setdefault(row.resident, []).append(span)
    return found


def touches(span: Span, known: Iterable[Span]) -> bool:
    """Whether anything known lies inside a span in part."""
    return any(each.starts_at < span.ends_at and each.ends_at > span.starts_at for each in known)


def half_hours_left(known: Known, resident: UUID, span: Span, grace_minutes: int) -> int:
    """Return the half hours of a span that no attendance here covers.

    Raises HoursTooShort, HoursImported, or HoursKnown where too little is left.
    """
    grace = dt.timedelta(minutes=grace_minutes)
    whole = span.ends_at - span.starts_at
    if whole + grace < HALF_HOUR:
        raise HoursTooShort
    if touches(span, known.imported.get(resident, ())):
        raise HoursImported
    left = (whole - covered(span, known.here.get(resident, ())) + grace) // HALF_HOUR
    if left < 1:
        raise HoursKnown
    return left


IMPORTED_BEFORE = (
    select(ImportedHours.starts_at, ImportedHours.ends_at, Award.created_at)
    .join(Award, Award.id == ImportedHours.award)
    .outerjoin(Adjustment, TAKEN_BACK)
    .where(
        ImportedHours.resident.in_(bindparam("v_places", expanding=True)),
        ImportedHours.starts_at < bindparam("v_ends"),
        ImportedHours.starts_at > bindparam("v_early"),
        ImportedHours.ends_at > bindparam("v_starts"),
        Award.created_at <= bindparam("v_moment"),
        LEFT,
    )
)


def imported_before(
    connection: Connection, resident: UUID, span: Span, moment: dt.datetime
) -> list[Span]:
    """Return the imported hours of somebody that touch a span and had come before a moment.

    What came later gave way to what was known here by then. Hours without their times fill their
    day, but only up to when they came; what was taken back whole counts for nothing.
    """
    places = directory().kin(connection, [resident])[resident]
    touching = {
        "v_places": list(places),
        "v_starts": span.starts_at,
        "v_early": span.starts_at - DAY,
        "v_ends": span.ends_at,
        "v_moment": moment,
    }
    rows = connection.execute(IMPORTED_BEFORE, touching)
    return [Span(row.starts_at, min(row.ends_at, row.created_at)) for row in rows]


def keep_hours(work: Work, known: Known, award: UUID, resident: UUID, span: Span) -> None:
    """Keep when imported hours were."""
    known.imported.setdefault(resident, []).append(span)
    work.connection.execute(
        insert(ImportedHours).values(
            award=award, resident=resident, starts_at=span.starts_at, ends_at=span.ends_at
        ),
    )
