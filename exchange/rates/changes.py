"""Changing a rate: one district admin proposes, another confirms, residents read it ahead."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import delete, insert, select, update

from core import outbox, settings
from core.directory import is_second
from core.errors import N_, Conflict, Forbidden, NotFound, Rejected
from core.formats import date
from core.work import SHANGHAI, day_start
from exchange.models import RATE_MAX, DiscountRate, RateProposal
from exchange.rates.resolve import LADDER
from residents.models import Community, Grant, Group, Person, Subdistrict

if TYPE_CHECKING:
    from sqlalchemy import Row, Select

    from core.work import Work

PLACES = {
    "pair": (Community, Community),
    "home": (Community, None),
    "host": (None, Community),
    "subdistricts": (Subdistrict, Subdistrict),
    "same_subdistrict": (None, None),
    "group": (None, None),
    "district": (None, None),
}
"""What the home and the host code of a scope name; None: the code is 0."""

COPIED = ("scope", "home", "host", "rate", "valid_from", "document")
AHEAD = dt.timedelta(days=730)
"""A rate begins within two years."""


class RateOutOfRange(Rejected):
    """A rate is 1 to 10000 basis points: one point never counts for more than one."""

    text = N_("折算率要大于 0，最高为 1：1 分最多抵 1 分。请改一改再提交。")


class ScopeMismatch(Rejected):
    """The codes do not name places of this scope."""

    text = N_("没有看懂这条折算率用在哪里。请从折算率表里选一格再提出。")


class NoticeTooShort(Rejected):
    """A rate is published before it holds, by the days of ``exchange.notice_days``."""

    text = N_("新折算率要先公告 {days} 天，最早从 {date}起。请改一个日期再提出。")


class RateTooFar(Rejected):
    """A rate begins within two years: nobody knows today what should hold in a hundred."""

    text = N_("折算率最晚从 {date}起，再往后的到时候再提。请改一个日期再提出。")


class DocumentMissing(Rejected):
    """A rate cites the document that it rests on."""

    text = N_("请写明依据的文件，居民在公告里看得到。")


class DistrictNeedsRate(Rejected):
    """The district's own rate cannot be taken away: the ladder must end somewhere."""

    text = N_("全区默认折算率不能取消，只能改成另一个数。")


class ProposalUnknown(NotFound):
    """There is no such proposal."""

    text = N_("没有找到这条折算率提议。请回到折算率表看看。")


class ProposalGone(Conflict):
    """The proposal was confirmed or withdrawn before."""

    text = N_("这条提议已经有结果了。请刷新折算率表看看。")


class SecondPersonNeeded(Forbidden):
    """Whoever proposed a rate, or lives with them, cannot confirm it."""

    text = N_("自己或同户家人提出的折算率，要由另一位区级管理员确认。")


class RateTaken(Conflict):
    """Another rate of the same scope begins at the same moment, or would if it is confirmed."""

    text = N_("同一天起已经有另一条折算率了，或另一条在等复核。请换一天，或先撤回那一条。")


class RateHolds(Conflict):
    """A rate that holds already is never edited or withdrawn: propose the next one."""

    text = N_("这条折算率已经生效，不能撤回。需要改的话，请提出一条新的。")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeRate:
    """A rate (basis points; None: the wider scope holds again) at a scope from a day on."""

    key: str
    scope: str
    home: int = 0
    host: int = 0
    rate: int | None
    valid_from: dt.date
    document: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RateProposed:
    """The proposal that waits for the second person."""

    id: UUID
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmRate:
    """The second person's yes."""

    proposal: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RateConfirmed:
    """The row that will hold, and from when; or the one that was taken back before that."""

    id: UUID
    state: str
    valid_from: dt.datetime
    withdraws: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawRate:
    """Take back a proposal; or ask to take back a published rate that does not hold yet."""

    proposal: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RateWithdrawn:
    """The proposal that is no more; or the one, ``proposed``, to take a published rate back."""

    id: UUID
    state: str


def propose_rate(work: Work, command: ProposeRate) -> RateProposed:
    """Put a change of rate before the second person, once per key.

    Raises RateOutOfRange, ScopeMismatch, NoticeTooShort, RateTooFar, DocumentMissing,
    DistrictNeedsRate or RateTaken.
    """
    work.actor.require("rate.change")
    key = f"{work.actor.person.hex}:{command.key}"
    earlier = work.connection.execute(
        select(RateProposal.id, RateProposal.state).where(RateProposal.key == key),
    ).first()
    if earlier is not None:
        return RateProposed(id=earlier.id, state=earlier.state)
    _check(work, command)
    _refuse_short_notice(work, command.valid_from)
    if command.valid_from > work.day + AHEAD:
        raise RateTooFar(date=date(work.day + AHEAD, work.day))
    _refuse_taken(work, command)
    identity = work.new_id()
    work.connection.execute(
        insert(RateProposal).values(
            id=identity,
            key=key,
            scope=command.scope,
            home=command.home,
            host=command.host,
            rate=command.rate,
            valid_from=day_start(command.valid_from),
            document=command.document.strip(),
            proposed_by=work.actor.person,
            proposed_at=work.now,
            state="proposed",
        ),
    )
    _tell_the_others(work, identity, command.valid_from)
    return RateProposed(id=identity, state="proposed")


def _check(work: Work, command: ProposeRate) -> None:
    if command.rate is not None and not 1 <= command.rate <= RATE_MAX:
        raise RateOutOfRange
    if command.scope not in LADDER:
        raise ScopeMismatch
    if command.rate is None and command.scope == "district":
        raise DistrictNeedsRate
    if not command.document.strip():
        raise DocumentMissing
    codes, known = (command.home, command.host), work.connection.scalar
    for kind, code in zip(PLACES[command.scope], codes, strict=True):
        if (kind is None) != (code == 0):
            raise ScopeMismatch
        if kind is not None and known(select(kind.code).where(kind.code == code)) is None:
            raise ScopeMismatch
    if command.scope == "pair" and command.home == command.host:
        raise ScopeMismatch
    if command.scope == "group" and work.connection.scalar(select(Group.id).limit(1)) is None:
        raise ScopeMismatch


def _refuse_taken(work: Work, command: ProposeRate) -> None:
    """Raise RateTaken where a rate of this scope and day is published or waits already."""
    begins = day_start(command.valid_from)
    published = _same(DiscountRate, command, begins)
    waits = _same(RateProposal, command, begins).where(
        RateProposal.state == "proposed", RateProposal.withdraws.is_(None)
    )
    if work.connection.execute(published.union_all(waits).limit(1)).first() is not None:
        raise RateTaken


def _same(
    table: type[DiscountRate | RateProposal],
    place: ProposeRate | Row[tuple[RateProposal]],
    begins: dt.datetime,
) -> Select[Any]:
    """Select what begins at this moment for the scope and codes that ``place`` has."""
    return select(table.id).where(
        table.scope == place.scope,
        table.home == place.home,
        table.host == place.host,
        table.valid_from == begins,
    )


def _refuse_short_notice(work: Work, day: dt.date) -> None:
    days = settings.integer(work.connection, "exchange.notice_days", work.now)
    earliest = work.day + dt.timedelta(days=days)
    if day < earliest:
        raise NoticeTooShort(days=days, date=date(earliest, work.day))


def _tell_the_others(work: Work, proposal: UUID, day: dt.date) -> None:
    """Write to the other district admins that a change waits for one of them."""
    others = work.connection.execute(
        select(Person.id, Person.phone_cipher)
        .join(Grant, Grant.person == Person.id)
        .where(
            Grant.role == "district_admin",
            # One that the second person has not confirmed lets nobody in.
            Grant.confirmed_by.is_not(None),
            Grant.valid_from <= work.day,
            (Grant.valid_to.is_(None)) | (Grant.valid_to >= work.day),
            Person.id != work.actor.person,
        )
        .distinct(),
    ).all()
    name = work.connection.scalar(select(Person.name).where(Person.id == work.actor.person))
    for other in others:
        outbox.send(
            work,
            "district.rate_waiting",
            key=f"{proposal}:{other.id}",
            person=other.id,
            phone_cipher=other.phone_cipher,
            name=name or work.actor.name,
            count=1,
            date=date(day, work.day),
        )


def _open(work: Work, proposal: UUID) -> Row[tuple[RateProposal]]:
    found = work.connection.execute(
        select(RateProposal.__table__).where(RateProposal.id == proposal),
    ).first()
    if found is None:
        raise ProposalUnknown
    return found


def confirm_rate(work: Work, command: ConfirmRate) -> RateConfirmed:
    """Publish a proposal by the second person, or take a published rate back as proposed.

    The rate's row is written, or deleted, with the yes. Raises ProposalUnknown, ProposalGone,
    SecondPersonNeeded, NoticeTooShort, RateTaken or RateHolds.
    """
    work.actor.require("rate.change")
    found = _open(work, command.proposal)
    if not is_second(work.connection, work.actor.person, found.proposed_by):
        raise SecondPersonNeeded
    result = RateConfirmed(
        id=found.id, state="confirmed", valid_from=found.valid_from, withdraws=found.withdraws
    )
    if found.state == "confirmed" and found.decided_by == work.actor.person:
        work.replayed()
        return result
    if found.withdraws is not None:
        _take_back(work, found)
        return result
    # The second person's delay must not eat the residents' notice.
    _refuse_short_notice(work, found.valid_from.astimezone(SHANGHAI).date())
    _decide(work, found.id, "confirmed")
    taken = _same(DiscountRate, found, found.valid_from)
    if work.connection.execute(taken).first() is not None:
        raise RateTaken
    work.connection.execute(
        insert(DiscountRate).values(
            id=found.id,
            proposed_by=found.proposed_by,
            confirmed_by=work.actor.person,
            created_at=work.now,
            **{name: getattr(found, name) for name in COPIED},
        ),
    )
    return result


def _take_back(work: Work, found: Row[tuple[RateProposal]]) -> None:
    """Carry out a withdrawal that two people want: nobody has paid by this rate yet."""
    if found.valid_from <= work.now:
        raise RateHolds
    _decide(work, found.id, "confirmed")
    gone = work.connection.execute(
        update(RateProposal)
        .where(RateProposal.id == found.withdraws, RateProposal.state == "confirmed")
        .values(state="withdrawn")
        .returning(RateProposal.id),
    ).first()
    if gone is None:
        raise ProposalGone
    work.connection.execute(delete(DiscountRate).where(DiscountRate.id == found.withdraws))


def _decide(work: Work, proposal: UUID, state: str) -> None:
    done = work.connection.execute(
        update(RateProposal)
        .where(RateProposal.id == proposal, RateProposal.state == "proposed")
        .values(state=state, decided_by=work.actor.person, decided_at=work.now)
        .returning(RateProposal.id),
    ).first()
    if done is None:
        raise ProposalGone


def withdraw_rate(work: Work, command: WithdrawRate) -> RateWithdrawn:
    """Take a proposal back at once; what two people published, two people take back.

    A published rate is taken back before its day, by a proposal that another confirms; what has
    held stays for ever. Raises ProposalUnknown, ProposalGone or RateHolds.
    """
    work.actor.require("rate.change")
    found = _open(work, command.proposal)
    if found.state == "withdrawn":
        work.replayed()
        return RateWithdrawn(id=found.id, state="withdrawn")
    if found.state == "proposed":
        _decide(work, found.id, "withdrawn")
        return RateWithdrawn(id=found.id, state="withdrawn")
    if found.withdraws is not None:
        raise ProposalGone
    if found.valid_from <= work.now:
        raise RateHolds
    return RateWithdrawn(id=_ask_to_take_back(work, found), state="proposed")


def _ask_to_take_back(work: Work, found: Row[tuple[RateProposal]]) -> UUID:
    """Put the withdrawal of a published rate before the second person, once at a time."""
    asked = work.connection.execute(
        select(RateProposal.id, RateProposal.state).where(RateProposal.withdraws == found.id),
    ).all()
    waiting = next((row.id for row in asked if row.state == "proposed"), None)
    if waiting is not None:
        work.replayed()
        return UUID(str(waiting))
    identity = work.new_id()
    work.connection.execute(
        insert(RateProposal).values(
            id=identity,
            # Two who ask at once meet here, and the later one finds the other's.
            key=f"withdraw:{found.id}:{len(asked)}",
            withdraws=found.id,
            proposed_by=work.actor.person,
            proposed_at=work.now,
            state="proposed",
            **{name: getattr(found, name) for name in COPIED},
        ),
    )
    _tell_the_others(work, identity, found.valid_from.astimezone(SHANGHAI).date())
    return identity
