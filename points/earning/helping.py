"""Help among neighbours (邻里互助): the helped one's word, on their own phone or told to staff."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from core.directory import directory
from core.errors import N_, Conflict, Forbidden, NotFound
from core.work import noon
from points.earning.awards import Award, award
from points.earning.rules import rule_in_force
from points.models import Award as AwardRow
from points.models import NeighbourHelp

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from core.work import Work

HELP_EPOCH = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
"""Ids of helps come from their key alone, so their time part says nothing."""

OPEN_DAYS = 30
LIST_MAX = 50


class HelpUnknown(NotFound):
    """Nobody asked this person for their word, or it is another one's to give."""

    text = N_("没有找到这件要您说一声的事，可能已经撤回了。请回到首页看看。")


class HelpAnswered(Conflict):
    """The helped one gave another answer before."""

    text = N_("这件事已经答复过了。答错了的话，请打电话告诉社区。")


class HelpTooOld(Conflict):
    """After a month nobody remembers: what was not answered is recorded anew, or not at all."""

    text = N_("这件事过了 30 天没有答复，已经不算了。请告诉社区，由工作人员重新登记。")


class GuardianTells(Forbidden):
    """For a child the guardian gives the word, not whoever else acts for the child."""

    text = N_("孩子未满 14 周岁，这句话由监护人来说。请监护人打开邻里，或让社工来问。")


class HelpNotYoursToTell(Forbidden):
    """Nobody gives the helped one's word who is the helper or lives with them."""

    text = N_("帮忙的人和同户家人不能替对方说。请让另一位工作人员来问。")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewHelp:
    """A help to be noted."""

    id: UUID
    community: int
    rule: str
    helper: UUID
    helper_household: UUID
    helped: UUID
    helped_household: UUID
    units: int
    day: dt.date
    note: str
    word: str
    needs_second: bool


def note_help(work: Work, new: NewHelp) -> bool:
    """Keep who helped whom, once per id; told ones are confirmed. False if it was there."""
    is_told = new.word == "told"
    upsert = sqlite.insert if work.is_sqlite else postgresql.insert
    made = work.connection.execute(
        upsert(NeighbourHelp)
        .values(
            id=new.id,
            community=new.community,
            rule=new.rule,
            helper=new.helper,
            helper_household=new.helper_household,
            helped=new.helped,
            helped_household=new.helped_household,
            units=new.units,
            day=new.day,
            note=new.note,
            word=new.word,
            state="confirmed" if is_told else "asked",
            recorded_by=work.actor.person,
            created_at=work.now,
            confirmed_by=work.actor.person if is_told else None,
            answered_at=work.now if is_told else None,
            needs_second=new.needs_second,
        )
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(NeighbourHelp.id),
    ).first()
    return made is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerHelp:
    """The helped one's word, by themselves or told to staff."""

    help: UUID
    helped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpSaid:
    """What was said, and the award that it gave, if caps left any.

    ``due`` is when it arrives; None of what gave nothing, or waits for a second person.
    """

    help: UUID
    state: str
    amount: int
    award: UUID | None
    exists: bool
    due: dt.datetime | None = None


def answer_help(work: Work, command: AnswerHelp) -> HelpSaid:
    """Take the word; a yes gives the award, once. The same again changes nothing.

    Raises HelpUnknown, HelpAnswered, HelpTooOld, GuardianTells, HelpNotYoursToTell.
    """
    row = work.connection.execute(
        select(NeighbourHelp.__table__).where(NeighbourHelp.id == command.help),
    ).first()
    if row is None:
        raise HelpUnknown
    _refuse_others(work, row)
    if row.state == "asked" and row.created_at <= work.now - dt.timedelta(days=OPEN_DAYS):
        raise HelpTooOld
    state = "confirmed" if command.helped else "declined"
    taken = work.connection.execute(
        update(NeighbourHelp)
        .where(NeighbourHelp.id == command.help, NeighbourHelp.state == "asked")
        .values(
            state=state,
            word="device" if work.actor.resident == row.helped else "told",
            confirmed_by=work.actor.person if command.helped else None,
            answered_at=work.now,
        )
        .returning(NeighbourHelp.id),
    ).first()
    if taken is None:
        # Of two answers at one moment the first counts: read what it was.
        now = select(NeighbourHelp.state).where(NeighbourHelp.id == command.help)
        if work.connection.scalar(now) != state:
            raise HelpAnswered
        work.replayed()
        gave = select(AwardRow.id, AwardRow.amount, AwardRow.due).where(
            AwardRow.cause == _cause(command.help)
        )
        award_id, amount, due = work.connection.execute(gave).first() or (None, 0, None)
        return HelpSaid(
            help=command.help, state=state, amount=amount, award=award_id, exists=True, due=due
        )
    if not command.helped:
        return HelpSaid(help=command.help, state=state, amount=0, award=None, exists=False)
    done = award(work, _award_of(work, row))
    return HelpSaid(
        help=command.help,
        state=state,
        amount=done.amount,
        award=done.id,
        exists=False,
        due=done.due,
    )


def _refuse_others(work: Work, row: Row[Any]) -> None:
    actor = work.actor
    if actor.role == "resident":
        if actor.resident != row.helped:
            raise HelpUnknown
    else:
        actor.require("attendance.enter", row.community)
    # Who acts for the helped one and helped them does not say so for them.
    if row.helper in directory().own(work.connection, actor.person):
        raise HelpNotYoursToTell
    if actor.role == "resident" and not _speaks_for(work, row.helped):
        raise GuardianTells


def _speaks_for(work: Work, resident: UUID) -> bool:
    """Whether the actor is the resident, or somebody whose word counts as theirs."""
    person, holder = work.actor.person, directory().holder(work.connection, "resident", resident)
    speaks_for = {person, *directory().wards(work.connection, person, work.day)}
    return holder is not None and holder.person in speaks_for


def _cause(identity: UUID) -> str:
    return f"help:{identity}"


def _award_of(work: Work, row: Row[Any]) -> Award:
    rule = rule_in_force(work.connection, row.community, row.rule, row.day)
    return Award(
        cause=_cause(row.id),
        holder_kind="resident",
        holder_id=row.helper,
        community=row.community,
        bearing=row.community,
        rule=rule,
        units=row.units,
        amount_per_unit=rule.amount,
        provenance="recorded",
        reason=f"{rule.name}，{row.note}" if row.note else rule.name,
        source_kind="help",
        source_id=row.id,
        event_at=noon(row.day),
        household=row.helper_household,
        needs_second=row.needs_second,
        recorded_by=row.recorded_by,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpAsked:
    """A help that waits for the helped one's word."""

    id: UUID
    helper: UUID
    helped: UUID
    day: dt.date
    note: str
    units: int
    created_at: dt.datetime


def asked_of(connection: Connection, resident: UUID, now: dt.datetime) -> list[HelpAsked]:
    """Return what a resident is asked to say a word about, the oldest first."""
    return _asked(connection, now, NeighbourHelp.helped == resident)


def asked_at(connection: Connection, community: int, now: dt.datetime) -> list[HelpAsked]:
    """Return what waits for somebody's word at a community, the oldest first."""
    return _asked(connection, now, NeighbourHelp.community == community)


def _asked(connection: Connection, now: dt.datetime, condition: Any) -> list[HelpAsked]:
    rows = connection.execute(
        select(NeighbourHelp.__table__)
        .where(
            condition,
            NeighbourHelp.state == "asked",
            NeighbourHelp.created_at > now - dt.timedelta(days=OPEN_DAYS),
        )
        .order_by(NeighbourHelp.created_at, NeighbourHelp.id)
        .limit(LIST_MAX),
    )
    return [
        HelpAsked(
            id=row.id,
            helper=row.helper,
            helped=row.helped,
            day=row.day,
            note=row.note,
            units=row.units,
            created_at=row.created_at,
        )
        for row in rows
    ]
