"""Writing an arrival in one trip to the server: a place, the sign-up that keeps it, the attendance.

PostgreSQL does all three in one statement, so that the session's row is locked for a shorter time.
The embedded database is no trip away, and has no statement that changes three tables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from sqlalchemy import CTE, ColumnElement, Executable, bindparam, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from activities.models import Attendance, Session, SignUp
from activities.signup import SIGN_UP_KEY, TAKE, ForResident, SignUpRaced, again, put, take_place
from core.straight import Straight

if TYPE_CHECKING:
    from core.work import Work

COLUMNS = (
    "id",
    "session",
    "resident",
    "part",
    "phase",
    "method",
    "provenance",
    "event_at",
    "recorded_at",
    "recorded_by",
    "nonce",
    "reason",
)
INSERT = sqlite.insert(Attendance).on_conflict_do_nothing().returning(Attendance.id)

Written = Literal["written", "unwritten", "full"]
"""``unwritten``: the same attendance, or its nonce, is there already, or the session was cancelled
meanwhile; ``full``: no place is left."""


def _values() -> dict[str, Any]:
    table = Attendance.__table__.c
    return {name: bindparam(f"v_{name}", type_=table[name].type) for name in COLUMNS}


def _held(session: ColumnElement[UUID]) -> CTE:
    """Hold a session that takes place, as a cancel waits for whoever holds it."""
    held = select(Session.id).where(Session.id == session, Session.state != "cancelled")
    return held.with_for_update(read=True).cte("held")


def _made(source: CTE, values: dict[str, Any]) -> ReturningInsert[tuple[UUID]]:
    return (
        postgresql.insert(Attendance)
        .from_select(list(COLUMNS), select(*values.values()).select_from(source))
        .on_conflict_do_nothing()
        .returning(Attendance.id)
    )


def _first(held: CTE, values: dict[str, Any]) -> CTE:
    row = postgresql.insert(SignUp).from_select(
        ["session", "resident", "part", "state", "queued_at", "created_by"],
        select(
            values["session"],
            values["resident"],
            values["part"],
            literal("signed_up"),
            values["recorded_at"],
            values["recorded_by"],
        ).select_from(held),
    )
    return row.on_conflict_do_nothing().returning(SignUp.state).cte("kept")


def _again(held: CTE, values: dict[str, Any]) -> CTE:
    changed = again(
        values,
        state="signed_up",
        queued_at=values["recorded_at"],
        created_by=values["recorded_by"],
    )
    return changed.where(SignUp.session == held.c.id).cte("kept")


def _with_place(keep: Callable[[CTE, dict[str, Any]], CTE]) -> Executable:
    values = _values()
    took = TAKE.cte("took")
    # Whoever waits for a place holds nothing that others wait for.
    held = _held(select(took.c.session).scalar_subquery())
    kept = keep(held, values)
    made = _made(kept, values).cte("made")
    return select(
        *(
            select(func.count()).select_from(each).scalar_subquery().label(each.name)
            for each in (took, held, kept, made)
        ),
    )


FIRST_PLACE, PLACE_AGAIN = Straight(_with_place(_first)), Straight(_with_place(_again))
WITHOUT_PLACE = Straight(_made(_held(bindparam("v_session", type_=Session.id.type)), _values()))


def write(work: Work, values: dict[str, Any]) -> Written:
    """Write an attendance of somebody who needs no place, or has one."""
    if work.is_sqlite:
        made = work.connection.execute(INSERT, values).first()
    else:
        made = WITHOUT_PLACE.first(work.connection, _given(values))
    return "unwritten" if made is None else "written"


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {f"v_{name}": value for name, value in values.items()}


def arrive(work: Work, values: dict[str, Any], before: str | None) -> Written:
    """Write the attendance of somebody without a place, and take one for them.

    ``before`` is the state of their sign-up that was read (None: no row). Raises SignUpRaced.
    """
    if work.is_sqlite:
        place = ForResident(**{name: values[name] for name in SIGN_UP_KEY})
        if not take_place(work, place.session, place.part):
            return "full"
        put(work, place, before, "signed_up")
        return write(work, values)
    if before is None:
        found = FIRST_PLACE.first(work.connection, _given(values))
    else:
        found = PLACE_AGAIN.first(work.connection, _given(values) | {"v_before": before})
    if not found.took:
        return "full"
    if found.held and not found.kept:
        raise SignUpRaced
    return "written" if found.made else "unwritten"
