"""Writing an arrival in one trip to the server: a place, the sign-up that keeps it, the attendance.

PostgreSQL does all three in one statement, so that the session's row is locked for a shorter time.
The embedded database is no trip away, and has no statement that changes three tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import CTE, Executable, bindparam, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from activities.models import Attendance, SignUp
from activities.signup import SIGN_UP_KEY, TAKE, ForResident, SignUpRaced, put, take_place

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
INSERT = {
    name: insert(Attendance).on_conflict_do_nothing().returning(Attendance.id)
    for name, insert in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
}


Written = Literal["written", "known", "full"]
"""``known``: the same attendance, or its nonce, is there already; ``full``: no place is left."""


def _values() -> dict[str, Any]:
    table = Attendance.__table__.c
    return {name: bindparam(f"v_{name}", type_=table[name].type) for name in COLUMNS}


def _kept(took: CTE, values: dict[str, Any]) -> CTE:
    row = postgresql.insert(SignUp).from_select(
        ["session", "resident", "part", "state", "queued_at", "created_by"],
        select(
            values["session"],
            values["resident"],
            values["part"],
            literal("signed_up"),
            values["recorded_at"],
            values["recorded_by"],
        ).select_from(took),
    )
    return (
        row.on_conflict_do_update(
            index_elements=SIGN_UP_KEY,
            set_={name: row.excluded[name] for name in ("state", "queued_at", "created_by")},
            where=SignUp.state == bindparam("v_before"),
        )
        .returning(SignUp.resident)
        .cte("kept")
    )


def _with_place() -> Executable:
    values = _values()
    took = TAKE.cte("took")
    kept = _kept(took, values)
    made = (
        postgresql.insert(Attendance)
        .from_select(list(COLUMNS), select(*values.values()).select_from(kept))
        .on_conflict_do_nothing()
        .returning(Attendance.id)
        .cte("made")
    )
    return select(
        *(
            select(func.count()).select_from(each).scalar_subquery().label(each.name)
            for each in (took, kept, made)
        ),
    )


WITH_PLACE = _with_place()


def write(work: Work, values: dict[str, Any]) -> Written:
    """Write an attendance of somebody who needs no place, or has one."""
    made = work.connection.execute(INSERT[work.connection.dialect.name], values)
    return "known" if made.first() is None else "written"


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
    given = {f"v_{name}": value for name, value in values.items()}
    found = work.connection.execute(WITH_PLACE, {**given, "v_before": before}).one()
    if not found.took:
        return "full"
    if not found.kept:
        raise SignUpRaced
    return "written" if found.made else "known"
