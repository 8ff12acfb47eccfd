"""Posting the public list of a month: once, of what had arrived by the day it is posted.

What is written down late comes with the next list, so that every award is on exactly one: on the
first that is posted after it arrived and after its month was over. A list is never edited; what
objections change is posted on the day it is changed, in that day's month.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import and_, bindparam, case, func, insert, not_, select, union_all

from core import outbox, settings
from core.directory import directory
from core.errors import N_, Rejected
from core.formats import message_day
from core.ids import uuid8
from core.work import business_day, day_start, present, reading, transact
from points.closing import STILL_OPEN
from points.models import Account, Award, Bulletin, BulletinLine, CatalogueRule, Transfer
from points.reminding import Reminded, remind_desk
from points.statements.periods import month_before, next_month

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.work import Work

INSERTED = 1_000
CORRECTING = ("adjustment", "reversal")
# What comes back of an order, and what is deducted, set nothing right.
CORRECT_NOTHING = ("order", "deduction")
# Named day by day, as a span of days would be looked through for all communities.
CORRECTED = select(
    func.sum(case((Transfer.credit > 0, Transfer.amount), else_=0)),
    func.sum(case((Transfer.debit > 0, Transfer.amount), else_=0)),
).where(
    Transfer.day.in_(bindparam("v_days", expanding=True)),
    Transfer.community == bindparam("v_community"),
    Transfer.act.in_(CORRECTING),
    Transfer.source_kind.not_in(CORRECT_NOTHING),
)


class MonthNotOver(Rejected):
    """A month is posted on the community's day of the month after."""

    text = N_("这个月还没有到公示的日子。到了公示日，系统会自动贴出。")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostBulletin:
    """Post the list of a community's month; ``month`` is its first day."""

    community: int
    month: dt.date


@dataclass(frozen=True, slots=True, kw_only=True)
class BulletinPosted:
    """How many lines it has, until when somebody may object, and whether it was there before."""

    lines: int
    objections_until: dt.date
    exists: bool


def due_on(connection: Connection, community: int, month: dt.date, now: dt.datetime) -> dt.date:
    """Return the day on which a month's list is posted."""
    day = settings.integer(connection, "bulletin.day", now, community)
    return next_month(month).replace(day=day)


def post_bulletin(work: Work, command: PostBulletin) -> BulletinPosted:
    """Write the list of a month and its lines, and tell who stands on it; once.

    Raises Forbidden or MonthNotOver.
    """
    work.actor.require("job.run", command.community)
    community, month = command.community, command.month.replace(day=1)
    there = work.connection.execute(
        select(Bulletin.lines, Bulletin.objections_until).where(
            Bulletin.community == community, Bulletin.month == month
        )
    ).first()
    if there is not None:
        work.replayed()
        return BulletinPosted(
            lines=there.lines, objections_until=there.objections_until, exists=True
        )
    if work.day < due_on(work.connection, community, month, work.now):
        raise MonthNotOver
    days = settings.integer(work.connection, "bulletin.objection_days", work.now, community)
    # Whole days only of which nothing commits any more, so that none slips between.
    cut_at = day_start(business_day(work.now - STILL_OPEN))
    lines = _lines(work.connection, community, month, cut_at)
    up, down = _corrected(work.connection, community, month)
    posted = BulletinPosted(
        lines=len(lines), objections_until=work.day + dt.timedelta(days=days), exists=False
    )
    work.connection.execute(
        insert(Bulletin).values(
            community=community,
            month=month,
            cut_at=cut_at,
            posted_at=work.now,
            posted_on=work.day,
            objections_until=posted.objections_until,
            lines=len(lines),
            service=sum(each["amount"] for each in lines if each["points_kind"] == "service"),
            basic=sum(each["amount"] for each in lines if each["points_kind"] == "basic"),
            corrected_up=up,
            corrected_down=down,
        )
    )
    for start in range(0, len(lines), INSERTED):
        work.connection.execute(insert(BulletinLine), lines[start : start + INSERTED])
    _tell(work, command, {each["holder_id"] for each in lines}, posted.objections_until)
    return posted


def _tell(work: Work, command: PostBulletin, holders: set[UUID], until: dt.date) -> None:
    """Tell who stands on the list and lives there, each once, and until when they may object."""
    at = directory().standings(work.connection, holders)
    there = [each for each in sorted(at) if at[each].community == command.community]
    month = command.month.month
    letters = {
        person: outbox.Letter(
            key=f"{command.community}:{command.month:%Y-%m}:{person}",
            person=person,
            phone_cipher=cipher,
            params={"month": str(month), "date": message_day(until)},
        )
        for person, cipher in directory().contacts(work.connection, there).values()
    }
    outbox.send_many(work, "bulletin.posted", list(letters.values()))


def _lines(
    connection: Connection, community: int, month: dt.date, cut_at: dt.datetime
) -> list[dict[str, Any]]:
    """Return what the community awarded and no earlier list has, by rule and holder."""
    begin, end = day_start(month), day_start(next_month(month))
    earlier = connection.execute(
        select(Bulletin.month, Bulletin.cut_at)
        .where(Bulletin.community == community, Bulletin.month < month)
        .order_by(Bulletin.month.desc())
        .limit(1)
    ).first()
    # A month that got no list of its own is on this one, from its first day on.
    first, since = (
        (begin, begin)
        if earlier is None
        else (day_start(next_month(earlier.month)), earlier.cut_at)
    )
    on_earlier = and_(Award.event_at < first, Award.done_at < since)
    of_month = select(Award.id).where(
        Award.bearing == community, Award.event_at >= first, Award.event_at < end
    )
    # However long ago it was: found by its line, day by day, of all that was ever awarded.
    arrived = select(Transfer.source_id).where(
        Transfer.day.in_(_days(business_day(since), business_day(cut_at))),
        Transfer.community == community,
        Transfer.source_kind == "award",
    )
    amount = func.sum(func.coalesce(Award.host_amount, Award.amount)).label("amount")
    query = (
        select(
            Award.holder_id,
            Award.points_kind,
            Award.rule,
            func.coalesce(CatalogueRule.name, Award.rule).label("what"),
            func.count().label("times"),
            amount,
        )
        .outerjoin(CatalogueRule, CatalogueRule.key == Award.rule)
        .where(
            Award.bearing == community,
            Award.state == "done",
            Award.id.in_(union_all(of_month, arrived)),
            Award.event_at < end,
            Award.done_at < cut_at,
            not_(on_earlier),
        )
        .group_by(Award.holder_id, Award.points_kind, Award.rule, CatalogueRule.name)
        .order_by(Award.points_kind.desc(), Award.rule, amount.desc(), Award.holder_id)
    )
    return [
        {
            "id": uuid8(begin, "bulletin", community, month, row.holder_id, row.rule),
            "community": community,
            "month": month,
            "position": position,
            "holder_id": row.holder_id,
            "points_kind": row.points_kind,
            "what": row.what,
            "times": int(row.times),
            "amount": int(row.amount),
        }
        for position, row in enumerate(connection.execute(query), start=1)
    ]


def _days(first: dt.date, until: dt.date) -> list[dt.date]:
    return [first + dt.timedelta(days=each) for each in range((until - first).days)]


def _corrected(connection: Connection, community: int, month: dt.date) -> tuple[int, int]:
    """Return what corrections of the month gave residents here and took from them."""
    days = _days(month, next_month(month))
    up, down = connection.execute(CORRECTED, {"v_days": days, "v_community": community}).one()
    return int(up or 0), int(down or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemindBulletin:
    """Tell a community's staff that the list of a month is posted tomorrow."""

    community: int
    month: dt.date


def remind_bulletin(work: Work, command: RemindBulletin) -> Reminded:
    """Tell everybody at the desk, once a month."""
    work.replayed()
    key = command.month.isoformat()
    month = command.month.month
    return remind_desk(work, command.community, "staff.bulletin_due", key, month=month)


def post_due() -> int:
    """Post every list that is due and tell who posts tomorrow; returns how many were posted."""
    now = present()
    today = business_day(now)
    month = month_before(today).first
    with reading() as connection:
        communities = connection.scalars(
            select(Account.community)
            .where(Account.purpose == "issued", Account.points_kind == "basic")
            .order_by(Account.community)
        ).all()
        posted = set(connection.scalars(select(Bulletin.community).where(Bulletin.month == month)))
        due = {each: due_on(connection, each, month, now) for each in communities}
    made = 0
    for community in communities:
        if today == due[community] - dt.timedelta(days=1):
            transact(remind_bulletin, RemindBulletin(community=community, month=month))
        if today >= due[community] and community not in posted:
            command = PostBulletin(community=community, month=month)
            made += not transact(post_bulletin, command).exists
    return made
