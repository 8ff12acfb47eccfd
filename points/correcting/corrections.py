"""分数不对？告诉社区: somebody says that a line is wrong, and the community answers in time.

Objections against the public list are kept in the same table and answered in the same way.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from sqlalchemy import func, insert, select, update

from core import outbox, settings
from core.directory import directory
from core.errors import N_, Conflict, Forbidden, NotFound, Rejected
from core.formats import message_day
from core.work import business_day, present, reading, transact
from points.lines import LineUnknown, line_of, own_holders
from points.models import BulletinLine, Correction
from points.reminding import Reminded, remind_desk

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from core.work import Work

WORDS_MAX = 200
TOLD_MAX = 12
"""How much of an answer a short message carries; the rest is on the page."""

REMIND_DAYS = 2
Outcome = Literal["explained", "adjusted", "reversed"]
Kind = Literal["line", "objection"]


class CorrectionWordsMissing(Rejected):
    """What is wrong, or the answer, is said in one to two hundred characters."""

    text = N_("请写一写，1 到 200 个字就行。")


class CorrectionOpen(Conflict):
    """The same person has asked about the same thing, and the answer is not there yet."""

    text = N_("这一笔您已经反映过，社区正在核对。有要补充的，请打电话说。")


class CorrectionUnknown(NotFound):
    """There is no such request, or it is not for the one who asks."""

    text = N_("没有找到这条分数反映。请刷新页面看看。")


class CorrectionClosed(Conflict):
    """It was answered or withdrawn before."""

    text = N_("这条分数反映已经答复或撤回了。请刷新页面看看。")


class OwnCorrection(Forbidden):
    """Nobody answers what they or their household asked, or what is about their own points."""

    text = N_("这是您自己或同户家人的分数，要由别的工作人员答复。")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCorrection:
    """Something is wrong with a line; ``resident``: whom staff write it down for."""

    subject: UUID
    words: str
    resident: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionOpened:
    """The request, the last day of its answer, and whether it had been there before."""

    id: UUID
    answer_by: dt.date
    exists: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCorrection:
    """The community's answer in words; what was changed is answered by what changed it."""

    correction: UUID
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawCorrection:
    """Whoever asked has found that all is well."""

    correction: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionMoved:
    """The request and its state now."""

    id: UUID
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks, where they live, and who wrote it down."""

    person: UUID
    household: UUID
    community: int
    entered_by: UUID | None
    #: Holders whose lines are the asker's.
    own: frozenset[UUID]


def open_correction(work: Work, command: OpenCorrection) -> CorrectionOpened:
    """Keep what somebody says is wrong; the same words again are the same request.

    Raises CorrectionWordsMissing, CorrectionOpen, LineUnknown, Forbidden or NotInYourScope.
    """
    asker = asker_of(work, command.resident)
    line = line_of(work.connection, command.subject)
    if line.holder_id not in asker.own:
        raise LineUnknown
    return keep_request(
        work, asker, kind="line", subject=line.id, community=line.place, words=command.words
    )


def keep_request(
    work: Work, asker: Asker, *, kind: Kind, subject: UUID, community: int, words: str
) -> CorrectionOpened:
    """Keep what is said of a line, for the community that recorded or listed it.

    Raises CorrectionWordsMissing or CorrectionOpen.
    """
    words = _checked(words)
    open_one = select(Correction.id, Correction.words, Correction.answer_by).where(
        Correction.subject == subject,
        Correction.asked_by == asker.person,
        Correction.state == "open",
    )
    earlier = work.connection.execute(open_one).first()
    if earlier is not None:
        if earlier.words != words:
            raise CorrectionOpen
        work.replayed()
        return CorrectionOpened(id=earlier.id, answer_by=earlier.answer_by, exists=True)
    days = settings.integer(work.connection, "correction.answer_days", work.now)
    until = work.day + dt.timedelta(days=days)
    made = CorrectionOpened(id=work.new_id(), answer_by=until, exists=False)
    work.connection.execute(
        insert(Correction).values(
            id=made.id,
            kind=kind,
            state="open",
            community=community,
            subject=subject,
            asked_by=asker.person,
            household=asker.household,
            entered_by=asker.entered_by,
            words=words,
            opened_at=work.now,
            answer_by=made.answer_by,
        ),
    )
    place = directory().places(work.connection, [community]).get(community, "")
    date = message_day(made.answer_by)
    _tell(work, "correction.received", asker.person, made.id, community=place, date=date)
    return made


def _checked(words: str) -> str:
    found = words.strip()
    if not 0 < len(found) <= WORDS_MAX:
        raise CorrectionWordsMissing
    return found


def asker_of(work: Work, resident: UUID | None) -> Asker:
    """Return who asks: a resident for themselves, or staff for somebody of their community.

    Raises LineUnknown, Forbidden or NotInYourScope.
    """
    actor, entered_by = work.actor, None
    person, household, community = actor.person, actor.household, actor.place
    if resident is not None:
        holder = directory().holder(work.connection, "resident", resident)
        if holder is None or holder.person is None:
            raise LineUnknown
        actor.require("points.adjust", holder.community)
        person, household, community = holder.person, holder.household, holder.community
        entered_by = actor.person
    whose = resident or actor.resident
    if whose is None or household is None:
        raise Forbidden
    own = own_holders(work.connection, whose, household)
    return Asker(
        person=person, household=household, community=community, entered_by=entered_by, own=own
    )


def _tell(work: Work, template: str, person: UUID, key: UUID, **params: Any) -> None:
    """Write the message to the one who asked."""
    cipher = directory().contact(work.connection, person)
    outbox.send(work, template, key=str(key), person=person, phone_cipher=cipher, **params)


def answer_correction(work: Work, command: AnswerCorrection) -> CorrectionMoved:
    """Explain why the line is right, or what was done; the one who asked is told.

    Raises CorrectionWordsMissing, CorrectionUnknown, CorrectionClosed, OwnCorrection, Forbidden
    or NotInYourScope.
    """
    answer = _checked(command.answer)
    row = locked_correction(work, command.correction)
    work.actor.require("points.adjust", row.community)
    if row.state == "answered" and (row.answer, row.answered_by) == (answer, work.actor.person):
        work.replayed()
        return CorrectionMoved(id=row.id, state="answered")
    return close_correction(work, row.id, "explained", answer)


def locked_correction(work: Work, correction: UUID) -> Row[Correction]:
    """Lock a request and read it; raises CorrectionUnknown."""
    query = select(Correction.__table__).where(Correction.id == correction)
    if not work.is_sqlite:
        query = query.with_for_update()
    row = work.connection.execute(query).first()
    if row is None:
        raise CorrectionUnknown
    return row


def close_correction(
    work: Work,
    correction: UUID,
    outcome: Outcome,
    answer: str,
    effect: UUID | None = None,
) -> CorrectionMoved:
    """Answer an open request by what was found; raises CorrectionClosed or OwnCorrection."""
    row = locked_correction(work, correction)
    if row.state != "open":
        raise CorrectionClosed
    own = directory().own(work.connection, work.actor.person)
    if not own.isdisjoint({row.asked_by, row.household, holder_about(work.connection, row)}):
        raise OwnCorrection
    mine = directory().household_of(work.connection, work.actor.person)
    work.connection.execute(
        update(Correction)
        .where(Correction.id == correction)
        .values(
            state="answered",
            outcome=outcome,
            answer=answer,
            answered_by=work.actor.person,
            answerer_household=mine,
            effect=effect,
            closed_at=work.now,
        ),
    )
    short = answer if len(answer) <= TOLD_MAX else f"{answer[: TOLD_MAX - 1]}…"
    number = directory().number(work.connection, row.community)
    _tell(work, "correction.answered", row.asked_by, correction, answer=short, phone=number)
    return CorrectionMoved(id=correction, state="answered")


def holder_about(connection: Connection, row: Row[Correction] | Asked) -> UUID | None:
    """Return whose points a request is about; None where its award was taken back meanwhile."""
    if row.kind == "objection":
        listed = select(BulletinLine.holder_id).where(BulletinLine.id == row.subject)
        return connection.scalar(listed)
    try:
        return line_of(connection, row.subject).holder_id
    except LineUnknown:
        return None


def withdraw_correction(work: Work, command: WithdrawCorrection) -> CorrectionMoved:
    """Take one's own request back; raises CorrectionUnknown or CorrectionClosed."""
    row = locked_correction(work, command.correction)
    if row.asked_by != work.actor.person:
        raise CorrectionUnknown
    moved = CorrectionMoved(id=row.id, state="withdrawn")
    if row.state == "withdrawn":
        work.replayed()
        return moved
    if row.state == "answered":
        raise CorrectionClosed
    work.connection.execute(
        update(Correction)
        .where(Correction.id == row.id)
        .values(state="withdrawn", closed_at=work.now),
    )
    return moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as lists and receipts show it."""

    id: UUID
    kind: str
    state: str
    community: int
    subject: UUID
    asked_by: UUID
    entered_by: UUID | None
    words: str
    opened_at: dt.datetime
    answer_by: dt.date
    outcome: str | None
    answer: str | None
    answered_by: UUID | None
    effect: UUID | None
    closed_at: dt.datetime | None


COLUMNS = [Correction.__table__.c[name] for name in Asked.__dataclass_fields__]
LISTED_MAX = 200


def correction_of(connection: Connection, correction: UUID) -> Asked | None:
    """Return one request, or None."""
    row = connection.execute(select(*COLUMNS).where(Correction.id == correction)).first()
    return None if row is None else Asked(**row._mapping)  # noqa: SLF001 - documented


def corrections_about(connection: Connection, subject: UUID) -> list[Asked]:
    """Return every request about a line, the oldest first."""
    query = select(*COLUMNS).where(Correction.subject == subject).order_by(Correction.opened_at)
    return [Asked(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - documented


def corrections_of(connection: Connection, person: UUID) -> list[Asked]:
    """Return what a person has asked, the newest first."""
    query = select(*COLUMNS).where(Correction.asked_by == person)
    newest = query.order_by(Correction.opened_at.desc()).limit(LISTED_MAX)
    return [Asked(**row._mapping) for row in connection.execute(newest)]  # noqa: SLF001 - documented


def corrections_open(connection: Connection, community: int) -> list[Asked]:
    """Return what a community has to answer, the most urgent first."""
    query = (
        select(*COLUMNS)
        .where(Correction.community == community, Correction.state == "open")
        .order_by(Correction.answer_by, Correction.opened_at)
        .limit(LISTED_MAX)
    )
    return [Asked(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - documented


@dataclass(frozen=True, slots=True, kw_only=True)
class Remind:
    """Tell the desk of a community what has to be answered soon."""

    community: int
    count: int
    #: The earliest of their last days.
    answer_by: dt.date


def remind(work: Work, command: Remind) -> Reminded:
    """Write one message a day to each who works at the desk."""
    return remind_desk(
        work,
        command.community,
        "staff.corrections_due",
        work.day.isoformat(),
        count=command.count,
        date=message_day(command.answer_by),
    )


def remind_due() -> int:
    """Remind every community whose answers are due within two days; returns how many people."""
    soon = business_day(present()) + dt.timedelta(days=REMIND_DAYS)
    with reading() as connection:
        rows = connection.execute(
            select(
                Correction.community,
                func.count().label("asked"),
                func.min(Correction.answer_by).label("answer_by"),
            )
            .where(Correction.state == "open", Correction.answer_by <= soon)
            .group_by(Correction.community)
            .order_by(Correction.community),
        ).all()
    return sum(
        transact(
            remind, Remind(community=row.community, count=row.asked, answer_by=row.answer_by)
        ).people
        for row in rows
    )
