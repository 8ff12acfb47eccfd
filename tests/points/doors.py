"""A building lead of 3 幢 and a grid worker of the grid of 5 幢, granted by the lead here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from residents.local_grants import GrantLocal, SetGrid, grant_local, set_grid
from residents.models import Building
from tests.people import HERE, People, Someone

Run = Callable[..., Any]


def building(connection: Connection, name: str) -> UUID:
    """Return a building of 建国南苑 by its number."""
    query = select(Building.id).where(Building.name == name, Building.community == HERE)
    return connection.execute(query).scalar_one()


def building_lead(run: Run, ask: Run, cast: People, place: str = "3", **who: str) -> Someone:
    """Make somebody the lead of a building."""
    lead = Someone(who.get("name", "方大姐"), who.get("phone", "13700000021"), "building_lead")
    command = GrantLocal(
        community=HERE,
        role="building_lead",
        scope_id=ask(building, place),
        name=lead.name,
        phone=lead.phone,
    )
    lead.person = run(grant_local, command, cast.actor(cast.lead)).person
    return lead


def grid_worker(run: Run, ask: Run, cast: People, *buildings: str) -> Someone:
    """Make somebody the grid worker of a grid of these buildings."""
    worker = Someone("钱志远", "13700000022", "grid_worker")
    wanted = tuple(ask(building, name) for name in buildings or ("5",))
    grid = run(
        set_grid, SetGrid(community=HERE, name="第一网格", buildings=wanted), cast.actor(cast.lead)
    )
    command = GrantLocal(
        community=HERE,
        role="grid_worker",
        scope_id=grid.id,
        name=worker.name,
        phone=worker.phone,
    )
    worker.person = run(grant_local, command, cast.actor(cast.lead)).person
    return worker
