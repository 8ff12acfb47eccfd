"""Acts recorded by a rule: help among neighbours, a good idea, a tidy corridor."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, cast
from uuid import UUID

from sqlalchemy import select

from core import audit
from core.ids import uuid8
from core.work import noon
from points.accounts import HolderKind
from points.earning.awards import NOTHING, Award, AwardDiffers, Awarded, award, earlier
from points.earning.helping import HELP_EPOCH, NewHelp, note_help
from points.earning.recorders import Act, Checked, recorder
from points.models import Award as AwardRow
from points.models import NeighbourHelp

if TYPE_CHECKING:
    from core.work import Work
    from points.earning.awards import Provenance

NOTE_MAX = 40
Word = Literal["told", "device"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAct:
    """An act of a resident or household of the actor's community; once per key of the actor."""

    key: str
    community: int
    rule: str
    holder_kind: HolderKind
    holder_id: UUID
    units: int
    #: None: today. It is settled inside, so that a repeat after midnight is still the same request.
    day: dt.date | None = None
    note: str = ""
    #: Help among neighbours: who was helped, and how they say so (``told``: to the recorder).
    helped: UUID | None = None
    word: Word = "told"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What it came to; ``asked``: the helped neighbour's word is awaited, nothing is given yet."""

    id: UUID | None
    amount: int
    units: int
    due: dt.datetime | None
    capped: bool
    exists: bool
    asked: bool
    #: Which cap left units out, by its name in ``Caps``.
    cap: str | None = None


def record_act(work: Work, command: RecordAct) -> Recorded:
    """Award what the actor saw, inside the rule's caps; late and own ones wait for a second.

    A repeat is answered from what it gave, even when the rule, its caps or the people have changed
    since: what came to nothing stays nothing.

    Raises RuleUnknown, RuleNotByHand, HolderUnfit, HolderUnknown, DayOutOfRange, UnitsOutOfRange,
    HelpedMissing, HelpWithinHousehold, HelpNotYoursToTell, AwardDiffers, Forbidden, NotInYourScope.
    """
    act = Act(
        rule=command.rule,
        holder_kind=command.holder_kind,
        holder_id=command.holder_id,
        units=command.units,
        day=command.day,
        note=command.note,
        helped=command.helped,
    )
    checking = recorder(work, command.community, act)
    cause = f"act:{work.actor.person}:{command.key}"
    identity = uuid8(HELP_EPOCH, "help", work.actor.person, command.key)
    if audit.came_before(work, "record_act", command.key):
        work.replayed()
        return _before(work, command, cause, identity)
    checked = checking.check(act, told=command.word == "told")
    if checked.helped is not None:
        new = _help_of(work, act, checked, command.word)
        is_new = note_help(work, replace(new, id=identity))
        if command.word == "device":
            if not is_new:
                work.replayed()
            return _asked(act.units, exists=not is_new)
    done = award(work, award_of(act, checked, cause, "act"))
    if done.exists:
        work.replayed()
    return recorded(done)


def _before(work: Work, command: RecordAct, cause: str, identity: UUID) -> Recorded:
    """Return what the same act came to before; raises AwardDiffers where it was another's."""
    rows = work.connection.execute(
        select(AwardRow.id, AwardRow.amount, AwardRow.units, AwardRow.due)
        .add_columns(AwardRow.holder_id, AwardRow.rule)
        .where(AwardRow.cause == cause),
    )
    row = rows.mappings().first()
    if row is not None:
        return recorded(earlier(row, command.holder_id, command.rule, command.units))
    asked = select(NeighbourHelp.helper).where(NeighbourHelp.id == identity)
    helper = work.connection.scalar(asked)
    if helper not in {None, command.holder_id}:
        raise AwardDiffers
    if command.word == "device" and helper is not None:
        return _asked(command.units, exists=True)
    return recorded(NOTHING)


def recorded(done: Awarded) -> Recorded:
    """Return an award as what recording came to."""
    return Recorded(
        id=done.id,
        amount=done.amount,
        units=done.units,
        due=done.due,
        capped=done.capped,
        exists=done.exists,
        asked=False,
        cap=done.cap,
    )


def _asked(units: int, *, exists: bool) -> Recorded:
    return Recorded(
        id=None, amount=0, units=units, due=None, capped=False, exists=exists, asked=True
    )


def _help_of(work: Work, act: Act, checked: Checked, word: Word) -> NewHelp:
    assert checked.helped is not None  # noqa: S101 - asked by the caller
    assert act.helped is not None  # noqa: S101 - it was found by this id
    return NewHelp(
        id=work.new_id(),
        community=checked.holder.community,
        rule=checked.rule.key,
        helper=act.holder_id,
        helper_household=checked.holder.household,
        helped=act.helped,
        helped_household=checked.helped.household,
        units=act.units,
        day=checked.day,
        note=act.note.strip()[:NOTE_MAX],
        word=word,
        needs_second=checked.needs_second,
    )


def told(work: Work, act: Act, checked: Checked, identity: UUID) -> None:
    """Note that the helped neighbour said so to the one who records a row of a list."""
    note_help(work, replace(_help_of(work, act, checked, "told"), id=identity))


def award_of(
    act: Act,
    checked: Checked,
    cause: str,
    source_kind: str,
    source_id: UUID | None = None,
    *,
    is_signed: bool = False,
) -> Award:
    """Return the award of a checked act; ``is_signed``: by the device or platform that saw it.

    What is signed is as good as its rule says, unless it comes late.
    """
    note, rule = act.note.strip()[:NOTE_MAX], checked.rule
    proven: Provenance = cast("Provenance", rule.provenance) if is_signed else "recorded"
    return Award(
        cause=cause,
        holder_kind=act.holder_kind,
        holder_id=act.holder_id,
        community=checked.holder.community,
        bearing=checked.holder.community,
        rule=rule,
        units=act.units,
        amount_per_unit=rule.amount,
        provenance="back_filled" if checked.is_late else proven,
        reason=f"{rule.name}，{note}" if note else rule.name,
        source_kind=source_kind,
        source_id=source_id or act.holder_id,
        event_at=noon(checked.day),
        household=checked.holder.household,
        needs_second=checked.needs_second,
    )
