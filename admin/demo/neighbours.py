"""Neighbours: rules of one's own, a building lead's doors, help and the word for it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from admin.demo.town import HOME, NEIGHBOUR, Builder, Citizen
from core.acts import Actor
from core.work import business_day, reading
from points.earning.act_sheets import RecordRows, listed, record_rows
from points.earning.acts import RecordAct, Word, record_act
from points.earning.community_rules import Caps, SetRule, set_rule
from points.earning.own_rules import AddRule, add_rule
from points.earning.recorders import Act
from residents.local_grants import (
    Block,
    GrantLocal,
    SetGrid,
    buildings,
    doors,
    grant_local,
    set_grid,
)

BUILDING_LEAD = ("方秀珍", "19200009008")
GRID_WORKER = ("钱志远", "19200009009")
GRID_BUILDINGS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Own:
    """A rule that a community made for itself."""

    name: str
    points: int
    note: str


OWN = {
    HOME: _Own(name="老墙门守护", points=4, note="每晚锁好墙门，楼梯灯坏了报修；月末看一次。"),
    NEIGHBOUR: _Own(name="公共花园认养", points=5, note="认养的一块花园当月浇水、除草都做到。"),
}


def help_each_other(builder: Builder) -> None:
    """Make rules, appoint helpers, record doors, and let one neighbour's word be awaited."""
    for code, own in OWN.items():
        _staff, lead = builder.towns[code].working()
        builder.do(
            add_rule,
            AddRule(
                community=code,
                name=own.name,
                topic="covenant",
                points_kind="basic",
                unit="户月",
                holder="household",
                points=own.points * 100,
                caps=Caps(per_month=1, per_year=12),
                recorded_by=("楼道长", "网格员"),
                note=own.note,
            ),
            lead,
        )
    _adapt(builder)
    _doors(builder)
    _help(builder)


def _adapt(builder: Builder) -> None:
    """Let the lead give a little more for help among neighbours from the next month on."""
    _staff, lead = builder.towns[HOME].working()
    following = (business_day(builder.now).replace(day=1) + dt.timedelta(days=32)).replace(day=1)
    builder.do(
        set_rule,
        SetRule(
            community=HOME,
            rule="serve.neighbour",
            valid_from=following,
            points=400,
            caps=Caps(per_day=2, per_month=10, per_year=60),
            recorded_by=("社工", "楼道长"),
        ),
        lead,
    )


def _doors(builder: Builder) -> None:
    """Appoint a building lead and a grid worker; the former looks after the fullest building."""
    _staff, lead = builder.towns[HOME].working()
    with reading() as connection:
        known = buildings(connection, HOME)
        inside = {block.id: doors(connection, "building", block.id) for block in known}
    fullest = max(known, key=lambda block: len(inside[block.id]))
    grid = builder.do(set_grid, _grid(known), lead)
    worker = _named("grid_worker", grid.id, GRID_WORKER)
    builder.do(grant_local, worker, lead)
    granted = builder.do(grant_local, _named("building_lead", fullest.id, BUILDING_LEAD), lead)
    actor = Actor(
        person=granted.person,
        role="building_lead",
        scope_kind="building",
        place=HOME,
        scope_id=fullest.id,
        name=BUILDING_LEAD[0],
    )
    tidy = [
        Act(rule="covenant.corridor", holder_kind="household", holder_id=door.household, units=1)
        for door in inside[fullest.id][::2]
    ]
    rows = listed(enumerate(tidy, start=1), business_day(builder.now))
    builder.do(record_rows, RecordRows(community=HOME, rows=rows), actor)


def _named(role: str, scope: UUID, who: tuple[str, str]) -> GrantLocal:
    return GrantLocal(community=HOME, role=role, scope_id=scope, name=who[0], phone=who[1])


def _grid(known: list[Block]) -> SetGrid:
    some = tuple(block.id for block in known[:GRID_BUILDINGS])
    return SetGrid(community=HOME, name="第一网格", buildings=some)


def _help(builder: Builder) -> None:
    """Record two helps: one told to staff, one that waits for the word of somebody with a phone."""
    town = builder.towns[HOME]
    staff, _lead = town.working()
    grown = [citizen for citizen in town.citizens if not citizen.is_child and citizen.phone]
    told: tuple[Citizen, Citizen, Word, str] = (grown[0], _other(grown, grown[0]), "told", "代取药")
    asked: tuple[Citizen, Citizen, Word, str] = (
        grown[-1],
        _other(grown, grown[-1]),
        "device",
        "陪同就医",
    )
    for helper, helped, word, note in (told, asked):
        command = RecordAct(
            key=f"help:{note}",
            community=HOME,
            rule="serve.neighbour",
            holder_kind="resident",
            holder_id=helper.resident,
            units=1,
            note=note,
            helped=helped.resident,
            word=word,
        )
        builder.do(record_act, command, staff)


def _other(people: list[Citizen], one: Citizen) -> Citizen:
    return next(each for each in people if each.household != one.household)
