"""What checking in has to know of session, part, rule, resident and record: one query."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, exists, or_, select
from sqlalchemy.orm import aliased

from activities.codes import Phase
from activities.models import Activity, Attendance, Session, SessionPart, SignUp
from activities.publish import Part
from core.straight import Straight
from points.models import CatalogueRule
from residents.models import Community, Resident, ResidentEnd

if TYPE_CHECKING:
    from sqlalchemy import Connection

Method = Literal["venue", "hand", "sheet", "automatic"]
Situation = Any
"""A row of SITUATION; its columns are labelled there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """That a resident entered or left; ``at`` is when it happened."""

    session: UUID
    resident: UUID
    part: Part
    phase: Phase
    method: Method
    at: dt.datetime
    nonce: str | None = None
    reason: str | None = None
    #: The most half hours to count of those between entry and exit: for an automatic exit.
    half_hours: int | None = None


_entry = aliased(Attendance, name="entry")
_exit = aliased(Attendance, name="exit")
_other = aliased(Attendance, name="other")


def _same(table: type[Attendance], phase: str) -> ColumnElement[bool]:
    return and_(
        table.session == Session.id,
        table.resident == Resident.id,
        table.part == SessionPart.part,
        table.phase == phase,
    )


HAS_OTHERS = or_(
    Resident.valid_to.is_not(None), exists().where(ResidentEnd.successor == Resident.id)
)
"""Whether somebody may have come under another record: this one has ended, or others led to it."""

SITUATION = Straight(
    select(
        Session.id.label("session"),
        Session.community,
        Session.state,
        Session.starts_at,
        Session.ends_at,
        Activity.title,
        Activity.open_to,
        Community.display_name,
        Community.valid_to.label("until"),
        SessionPart.part,
        SessionPart.rule,
        SessionPart.amount,
        CatalogueRule.name.label("rule_name"),
        CatalogueRule.points_kind,
        CatalogueRule.unit,
        SessionPart.cap_per_act,
        SessionPart.cap_per_day,
        SessionPart.cap_per_month,
        SessionPart.cap_per_year,
        SessionPart.household_cap_per_day,
        SessionPart.household_cap_per_month,
        SessionPart.household_cap_per_year,
        CatalogueRule.recorded_by,
        CatalogueRule.provenance,
        Resident.id.label("resident"),
        Resident.community.label("home"),
        Resident.household,
        Resident.valid_to.is_not(None).label("is_gone"),
        HAS_OTHERS.label("has_others"),
        SignUp.state.label("signed_up"),
        _entry.event_at.label("arrived_at"),
        _entry.method.label("entry_method"),
        _entry.provenance.label("entry_provenance"),
        _entry.recorded_by.label("entry_by"),
        _exit.event_at.label("left_at"),
        _other.part.label("other_part"),
        _other.event_at.label("other_at"),
    )
    .select_from(Session)
    .join(Activity, Activity.id == Session.activity)
    .join(Community, Community.code == Session.community)
    .join(SessionPart, SessionPart.session == Session.id)
    .join(Resident, Resident.id == bindparam("v_resident"))
    .outerjoin(CatalogueRule, CatalogueRule.key == SessionPart.rule)
    .outerjoin(
        SignUp,
        and_(
            SignUp.session == Session.id,
            SignUp.resident == Resident.id,
            SignUp.part == SessionPart.part,
        ),
    )
    .outerjoin(_entry, _same(_entry, "entry"))
    .outerjoin(_exit, _same(_exit, "exit"))
    .outerjoin(
        _other,
        and_(
            _other.session == Session.id,
            _other.resident == Resident.id,
            _other.part != SessionPart.part,
            _other.phase == "entry",
        ),
    )
    .where(
        Session.id == bindparam("v_session"),
        SessionPart.part == bindparam("v_part"),
    )
)


def situation(connection: Connection, command: Record) -> Situation | None:
    """Return the situation, or None where session, part or resident is missing."""
    values = {
        "v_session": command.session,
        "v_part": command.part,
        "v_resident": command.resident,
    }
    return SITUATION.first(connection, values)
