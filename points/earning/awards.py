"""Awards: what a cause gave whom. Pending (待到账) until settlement posts it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from sqlalchemy import or_, select, text, update

from core import settings
from core.directory import directory
from core.errors import N_, Conflict, NotFound, Rejected
from core.ids import uuid8
from core.work import SHANGHAI, business_day
from points.accounts import (
    FACE_ONE,
    HolderKind,
    PointsKind,
    household_account,
    open_clearing,
    resident_account,
)
from points.earning.caps import (
    COUNTED,
    Counter,
    Wanted,
    free_caps,
    tightest,
    use_caps,
)
from points.earning.claim import before, claim, insert_award, parameters
from points.earning.rules import HALF_HOUR, Rule
from points.ledger import refuse_closed_day
from points.models import Award as AwardRow

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.work import Work

Provenance = Literal["verified", "recorded", "back_filled"]
UNITS_MAX = 10_000


class AwardDiffers(Conflict):
    """The cause was awarded before with other content."""

    text = N_("这件事以前记过分，内容和这次不一样。请先核对原来的记录。")


class UnitsOutOfRange(Rejected):
    """An award has at least one unit and not more than ten thousand."""

    text = N_("次数要在 1 到 10000 之间，时长至少半小时。请改好后再记。")


class AwardUnknown(NotFound):
    """There is no such award."""

    text = N_("没有找到这笔待到账的积分。请刷新页面看看。")


class AwardNeedsSecondPerson(Conflict):
    """Whoever recorded an award, or gains from it, does not confirm it."""

    text = N_("要另一位工作人员来确认，登记人、本人和同户都不行。")


class AwardRaced(Conflict):
    """The same cause was awarded at the same moment; tried again, it says that it exists."""

    retried = True
    text = N_("刚刚有人记了同一件事，请再看一眼。")


class AwardSettled(Conflict):
    """It has arrived already; from here on only a reversal changes it."""

    text = N_("这笔积分已经到账，不能再取消。需要的话请冲回。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """A grant of points by a rule; ``amount_per_unit`` in the bearing community's centipoints."""

    cause: str
    holder_kind: HolderKind
    holder_id: UUID
    #: Home community of the holder, in whose points it is paid.
    community: int
    #: The community that bears it: where the service was done.
    bearing: int
    rule: Rule
    units: int
    amount_per_unit: int
    provenance: Provenance
    reason: str
    source_kind: str
    source_id: UUID
    event_at: dt.datetime
    #: Whose caps are used as well where the rule has some for the members of a household.
    household: UUID | None = None
    needs_second: bool = False
    #: Who answers for it, where that is not the actor: they do not confirm it.
    recorded_by: UUID | None = None
    face_home: int = FACE_ONE
    face_bearing: int = FACE_ONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Awarded:
    """What was awarded: units after caps, centipoints, when it arrives; ``id`` None: nothing."""

    id: UUID | None
    amount: int
    units: int
    due: dt.datetime | None
    capped: bool
    exists: bool
    #: Which cap left units out, by its name in ``Caps``; None also of what exists.
    cap: str | None = None


NOTHING = Awarded(id=None, amount=0, units=0, due=None, capped=True, exists=False)
"""Nothing is left of the caps."""

INSERT = text(insert_award(f"VALUES ({parameters(cast=False)})"))


def award(work: Work, command: Award) -> Awarded:
    """Award once per cause, inside the rule's caps; units beyond a cap are dropped.

    Raises UnitsOutOfRange, or AwardDiffers where the cause gave something else before.
    """
    check_units(command)
    wanted = wanted_by(command)
    row = row_of(work, command, wanted.units, due_of(work, command))
    if not work.is_sqlite and claim(work, command.rule, wanted, row):
        return made(command, row, wanted, {})
    return _award_step_by_step(work, command, wanted)


def check_units(command: Award) -> None:
    """Raise UnitsOutOfRange."""
    if not 0 < command.units <= UNITS_MAX:
        raise UnitsOutOfRange


def wanted_by(command: Award) -> Wanted:
    """Return the units that any one award of the rule can have at the most, and whose caps."""
    rule, household = command.rule, counted_for(command)
    together = rule.household_caps if household is not None else ()
    caps = (rule.cap_per_act, *rule.caps, *together)
    units = min([command.units, *(cap for cap in caps if cap is not None)])
    return Wanted(holder=command.holder_id, units=units, at=command.event_at, household=household)


def _award_step_by_step(work: Work, command: Award, wanted: Wanted) -> Awarded:
    """Look first what the cause gave before and what the caps leave."""
    rows = before(work, command.cause, command.rule, wanted)
    if rows[0]["id"] is not None:
        return earlier(rows[0], command.holder_id, command.rule.key, command.units)
    rule = command.rule
    used = {
        (row["counter"], rule.key, row["period"]): row["used"]
        for row in rows
        if row["period"] is not None
    }
    units = use_caps(work, rule, wanted, used)
    if units == 0:
        return nothing(rule, wanted, used)
    row = row_of(work, command, units, due_of(work, command))
    if work.connection.execute(INSERT, work.bind(**row)).first() is None:
        # Somebody else awarded the cause meanwhile; taking the caps back needs the rollback.
        raise AwardRaced
    return made(command, row, wanted, used)


def nothing(rule: Rule, wanted: Wanted, used: Mapping[Counter, int]) -> Awarded:
    """Say which cap left nothing."""
    return replace(NOTHING, cap=tightest(rule, wanted, used))


def made(
    command: Award, row: dict[str, Any], wanted: Wanted, used: Mapping[Counter, int]
) -> Awarded:
    """Return what was awarded by a new row; ``used``: what was before it."""
    capped = row["units"] < command.units
    return Awarded(
        id=row["id"],
        amount=row["amount"],
        units=row["units"],
        due=row["due"],
        capped=capped,
        exists=False,
        cap=tightest(command.rule, wanted, used) if capped else None,
    )


def earlier(row: Mapping[Any, Any], holder: UUID, rule: str, units: int) -> Awarded:
    """Return what a cause was awarded before; raises AwardDiffers where it was another's."""
    if (row["holder_id"], row["rule"]) != (holder, rule):
        raise AwardDiffers
    return Awarded(
        id=row["id"],
        amount=row["amount"],
        units=row["units"],
        due=row["due"],
        capped=row["units"] < units,
        exists=True,
    )


def counted_for(command: Award) -> UUID | None:
    """Return the household whose counters a resident's award uses beside their own, if any."""
    is_together = command.holder_kind == "resident" and command.rule.counts_households
    return command.household if is_together else None


def row_of(work: Work, command: Award, units: int, due: dt.datetime | None) -> dict[str, Any]:
    """Build the award's row; its id is that of the transfer that will credit the holder."""
    is_cross = command.bearing != command.community and command.rule.points_kind == "service"
    bearing = command.bearing if is_cross else command.community
    host_amount = units * command.amount_per_unit
    # Floor to a centipoint: a community never pays more than its points were worth.
    amount = host_amount * command.face_bearing // command.face_home if is_cross else host_amount
    if is_cross:
        open_clearing(work, command.community, command.bearing)
    return {
        "id": uuid8(command.event_at, "award", command.cause, 0, 0),
        "cause": command.cause,
        "account": account_of(command),
        "holder_id": command.holder_id,
        "points_kind": command.rule.points_kind,
        "community": command.community,
        "bearing": bearing,
        "amount": amount,
        "host_transfer": uuid8(command.event_at, "award", command.cause, 0, 1)
        if is_cross
        else None,
        "host_amount": host_amount if is_cross else None,
        "standard": host_amount * command.face_bearing // FACE_ONE if is_cross else None,
        "rule": command.rule.key,
        "units": units,
        "counted_for": counted_for(command),
        "provenance": command.provenance,
        "reason": command.reason,
        "source_kind": command.source_kind,
        "source_id": command.source_id,
        "recorded_by": command.recorded_by or work.actor.person,
        "event_at": command.event_at,
        "created_at": work.now,
        "due": due,
    }


def account_of(command: Award) -> int:
    """Return the account that the award goes to."""
    if command.holder_kind == "household":
        return household_account(command.holder_id, command.community)
    kind: PointsKind = "service" if command.rule.points_kind == "service" else "basic"
    return resident_account(command.holder_id, command.community, kind)


def due_of(work: Work, command: Award) -> dt.datetime | None:
    """Return when it arrives: the next settlement, or at once where the community says so.

    None: a second person has to confirm it first.
    """
    if command.needs_second:
        return None
    fixed = command.rule.unit != HALF_HOUR and command.provenance == "verified"
    if fixed and fixed_at_once(work.connection, work.now, command.community):
        return work.now
    return next_settlement(work.connection, work.now)


def fixed_at_once(connection: Connection, now: dt.datetime, community: int) -> bool:
    """Whether a community settles at once what is verified and a fixed amount."""
    return settings.flag(connection, "points.fixed_at_once", now, community)


def next_settlement(connection: Connection, now: dt.datetime) -> dt.datetime:
    """Return the first settlement after a moment."""
    at = settings.time_of(connection, "points.settle_at", now)
    night = dt.datetime.combine(business_day(now), at, SHANGHAI)
    if night <= now:
        night += dt.timedelta(days=1)
    return night.astimezone(dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmAwards:
    """A second person's word for awards that wait for it."""

    awards: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardsConfirmed:
    """How many were confirmed now."""

    confirmed: int


def confirm_awards(work: Work, command: ConfirmAwards) -> AwardsConfirmed:
    """Let awards settle that somebody else recorded; those confirmed before are left alone.

    Raises AwardUnknown, AwardNeedsSecondPerson, Forbidden, NotInYourScope.
    """
    rows = work.connection.execute(
        select(
            AwardRow.id,
            AwardRow.bearing,
            AwardRow.recorded_by,
            AwardRow.holder_id,
            AwardRow.due,
        )
        # One that was confirmed and has arrived since is left alone, like one that will.
        .where(
            AwardRow.id.in_(command.awards),
            or_(AwardRow.state == "pending", AwardRow.confirmed_by.is_not(None)),
            AwardRow.state != "void",
        )
        .order_by(AwardRow.id),
    ).all()
    if len(rows) < len(set(command.awards)):
        raise AwardUnknown
    # What settles by itself needs nobody's word, wherever it is borne.
    open_ones = [row for row in rows if row.due is None]
    own = directory().own(work.connection, work.actor.person) if open_ones else frozenset()
    for row in open_ones:
        work.actor.require("attendance.confirm", row.bearing)
        if row.recorded_by == work.actor.person or own & {row.recorded_by, row.holder_id}:
            raise AwardNeedsSecondPerson
    confirmed = _let_settle(work, [row.id for row in open_ones]) if open_ones else 0
    if not confirmed:
        work.replayed()
    return AwardsConfirmed(confirmed=confirmed)


def _let_settle(work: Work, waiting: Sequence[UUID]) -> int:
    """Give what still waits its due time; of two who confirm at once only one counts."""
    confirmed = work.connection.execute(
        update(AwardRow)
        .where(AwardRow.id.in_(waiting), AwardRow.due.is_(None), AwardRow.state == "pending")
        .values(due=next_settlement(work.connection, work.now), confirmed_by=work.actor.person),
    )
    return int(confirmed.rowcount)


def void_award(work: Work, award_id: UUID) -> bool:
    """Take a pending award back and free its caps; False if it was void.

    Raises AwardUnknown, AwardSettled or DayClosed.
    """
    refuse_closed_day(work)
    row = work.connection.execute(
        update(AwardRow)
        .where(AwardRow.id == award_id, AwardRow.state == "pending")
        .values(state="void", void_at=work.now)
        .returning(*COUNTED),
    ).first()
    if row is None:
        state = work.connection.scalar(select(AwardRow.state).where(AwardRow.id == award_id))
        if state is None:
            raise AwardUnknown
        if state == "done":
            raise AwardSettled
        return False
    free_caps(work, row, row.units)
    return True
