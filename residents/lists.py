"""Lists of residents: a few statements for thousands of rows, and a result for each row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from core.errors import N_, AppError, Rejected
from residents.households import Known, Member, add_members, existing, namesakes_here, repeated
from residents.people import (
    EnterResident,
    NamesakeHere,
    checked_member,
    elsewhere,
    enter_one_by_one,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.work import Work

ROWS_MAX = 5_000


class RowNotForThisList(Rejected):
    """A row of a list names another community than the list, or a household by its id."""

    text = N_("这一行不属于这份名单的社区。请分社区导入。")


class TooManyRows(Rejected):
    """A list holds at most five thousand rows."""

    text = N_("一次最多导入 5000 行，请分几次导入。")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResidents:
    """A list of residents of one community; the same address is the same household.

    A row is asked about namesakes who live here; two of a list stand in it side by side.

    ``key`` and its place in the list are all that tells a row with nothing but a name.
    """

    community: int
    rows: tuple[EnterResident, ...]
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowResult:
    """What became of a row: its resident, or the sentence of its refusal."""

    row: int
    resident: UUID | None
    household: UUID | None
    outcome: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidentsImported:
    """What became of each row."""

    added: int
    existed: int
    refused: int
    rows: tuple[RowResult, ...]


def import_residents(work: Work, command: ImportResidents) -> ResidentsImported:
    """Enter a list in a few statements; a bad row is refused by itself, a known one is left alone.

    Raises TooManyRows, CommunityUnknown, KeyReused, Forbidden, NotInYourScope.
    """
    work.actor.require("resident.enter", command.community)
    if len(command.rows) > ROWS_MAX:
        raise TooManyRows
    enter_one_by_one(work, command.community)
    results: dict[int, RowResult] = {}
    ids = partial(_made_by, work, command.key) if command.key else None
    fresh = _unknown(work.connection, work.day, command, results, ids)
    twins = repeated([member for _, member in fresh])
    new = [pair for pair, twin in zip(fresh, twins, strict=True) if twin is None]
    added = add_members(work, command.community, [member for _, member in new], state="confirmed")
    for (index, _), made in zip(new, added, strict=True):
        results[index] = _row(index, made, "added")
    for (index, _), twin in zip(fresh, twins, strict=True):
        if twin is not None:
            results[index] = replace(results[fresh[twin][0]], row=index, outcome="existed")
    if not added:
        work.replayed()
    return _told(results)


def look_at_list(
    connection: Connection, day: dt.date, command: ImportResidents
) -> ResidentsImported:
    """Say what would become of each row; nothing is written, and the new have no ids yet."""
    if len(command.rows) > ROWS_MAX:
        raise TooManyRows
    results: dict[int, RowResult] = {}
    fresh = _unknown(connection, day, command, results)
    for (index, _), twin in zip(fresh, repeated([member for _, member in fresh]), strict=True):
        results[index] = RowResult(
            row=index,
            resident=None,
            household=None,
            outcome="added" if twin is None else "existed",
            message="",
        )
    return _told(results)


def _told(results: dict[int, RowResult]) -> ResidentsImported:
    rows = tuple(results[index] for index in sorted(results))
    count = [row.outcome for row in rows].count
    return ResidentsImported(
        added=count("added"),
        existed=count("existed"),
        refused=count("refused"),
        rows=rows,
    )


def _unknown(
    connection: Connection,
    day: dt.date,
    command: ImportResidents,
    results: dict[int, RowResult],
    ids: Callable[[int, Member], Member] | None = None,
) -> list[tuple[int, Member]]:
    """Return the rows whose people are new; note what became of the others."""
    members: list[tuple[int, Member]] = []
    for index, row in enumerate(command.rows):
        try:
            member = _listed(day, command.community, row)
            members.append((index, ids(index, member) if ids else member))
        except AppError as refusal:
            results[index] = _refused(index, refusal)
    before = existing(connection, command.community, [member for _, member in members])
    fresh: list[tuple[int, Member]] = []
    for (index, member), found in zip(members, before, strict=True):
        if found is None:
            fresh.append((index, member))
        elif found.community != command.community and found.resident != member.id:
            results[index] = _refused(index, elsewhere(connection, member, found))
        else:
            results[index] = _row(index, found, "existed")
    homes = namesakes_here(connection, command.community, [member for _, member in fresh])
    for (index, _), same in zip(fresh, homes, strict=True):
        if same and not command.rows[index].another_person:
            results[index] = _refused(index, NamesakeHere(same))
    return [(index, member) for index, member in fresh if index not in results]


def _made_by(work: Work, key: str, index: int, member: Member) -> Member:
    """Give whoever has nothing but a name the id that the list's key makes."""
    if member.phone or member.address:
        return member
    return replace(member, id=work.actor.same_id(f"residents:{key}:{index}"))


def _listed(day: dt.date, community: int, row: EnterResident) -> Member:
    """Check a row of a list; it stands for its own community and for no household by id."""
    if row.community != community or row.household is not None:
        raise RowNotForThisList
    return checked_member(day, row)


def _row(index: int, known: Known, outcome: str) -> RowResult:
    return RowResult(
        row=index,
        resident=known.resident,
        household=known.household,
        outcome=outcome,
        message="",
    )


def _refused(index: int, refusal: AppError) -> RowResult:
    return RowResult(
        row=index,
        resident=None,
        household=None,
        outcome="refused",
        message=refusal.sentence(),
    )
