"""How a session takes place: on a paper sheet, or by the scans of residents with their phones."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from activities.attendance import CheckIn, check_in
from activities.codes import Phase
from activities.entries import EnterByHand, EnterSheet, SheetRow, enter_by_hand, enter_sheet
from activities.publish import Part, PartOffered, PublishActivity, publish_activity
from admin.demo.town import HOME, NEIGHBOUR, Builder, Citizen, Planned, Story, Town
from core.errors import AppError
from points.earning.awards import ConfirmAwards, confirm_awards

if TYPE_CHECKING:
    from sqlalchemy import Row

    from activities.models import ActivityTemplate
    from core.acts import Actor

TAKERS = 9
CROWD = 40
"""Communities with more residents than this have fuller sessions."""

SCANNED_FOR = dt.timedelta(days=35)
"""For so long the communities around the two that are looked at have had the venue's screen."""

LEFT_IN_POCKET, FORGETS, LEAVES_EARLY = 0.06, 0.06, 0.1
"""Shares of those with a phone: it is empty today, the exit is forgotten, home before the end."""


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who comes to a session, and when."""

    actor: Actor
    citizen: Citizen
    part: Part
    entry: dt.datetime


@dataclass(frozen=True, slots=True)
class Wording:
    """What staff fill in over a template: its own title and places for helpers where empty."""

    title: str = ""
    place: str = "文化家园"
    helpers: int | None = None


PLAIN = Wording()


def announce(
    builder: Builder,
    town: Town,
    template: Row[ActivityTemplate],
    start: dt.datetime,
    hours: int,
    wording: Wording = PLAIN,
) -> Planned:
    """Let staff publish a session from a template."""
    staff, _lead = town.working()
    parts = _parts(template, wording.helpers)
    end = start + dt.timedelta(hours=hours)
    done = builder.do(
        publish_activity,
        PublishActivity(
            key=f"{town.code}:{start.isoformat()}:{template.key}",
            community=town.code,
            template=template.key,
            title=wording.title or template.name,
            kind=template.kind,
            scene=template.scene,
            summary=template.summary,
            bring=template.bring,
            place=f"{town.name.removesuffix('社区')}{wording.place}"[:20],
            open_to=template.open_to,
            sessions=((start, end),),
            parts=parts,
        ),
        staff,
    )
    offered = {part.part: part.places for part in parts}
    return Planned(town, done.sessions[0], start, end, offered, template.open_to)


def _parts(template: Row[ActivityTemplate], helpers: int | None) -> tuple[PartOffered, ...]:
    parts = []
    if template.take_part_places != 0 and (template.take_part_rule or template.take_part_places):
        parts.append(
            PartOffered(
                part="take_part",
                places=template.take_part_places,
                rule=template.take_part_rule,
            ),
        )
    if template.serve_places != 0 and template.serve_rule:
        places = helpers or template.serve_places
        parts.append(PartOffered(part="serve", places=places, rule=template.serve_rule))
    return tuple(parts)


def take_place(builder: Builder, story: Story, planned: Planned) -> None:
    """Put on the agenda who comes to a session, and how staff write the others down."""
    paper = list(_guests(builder, story, planned))
    by_hand: list[Guest] = []
    if _has_screen(builder, story, planned):
        with_phone = [guest for guest in paper if guest.citizen.phone]
        paper = [guest for guest in paper if not guest.citizen.phone]
        for guest in with_phone:
            if builder.dice.random() < LEFT_IN_POCKET:
                by_hand.append(guest)
            else:
                deed = partial(_scan_in_and_out, builder, planned, guest)
                builder.plan(guest.entry, deed)
    after = planned.ends_at + dt.timedelta(minutes=8)
    builder.plan(after, partial(_write_down, builder, story, planned, by_hand, paper))


def _has_screen(builder: Builder, story: Story, planned: Planned) -> bool:
    around = {builder.towns[code].subdistrict for code in (HOME, NEIGHBOUR)}
    lately = planned.starts_at > story.now - SCANNED_FOR
    return lately and planned.town.subdistrict in around


def _scan_in_and_out(builder: Builder, planned: Planned, guest: Guest) -> None:
    """Scan at the door; whoever helps scans again when leaving, unless they forget."""
    if not scan(builder, planned, guest, "entry"):
        return
    if guest.part != "serve" or builder.dice.random() < FORGETS:
        return
    early = builder.dice.random() < LEAVES_EARLY
    minutes = builder.dice.randrange(-40, -20) if early else builder.dice.randrange(-3, 6)
    leaves = planned.ends_at + dt.timedelta(minutes=minutes)
    builder.plan(leaves, partial(scan, builder, planned, guest, "exit"))


def scan(builder: Builder, planned: Planned, guest: Guest, phase: Phase) -> bool:
    """Scan the venue's screen with one's own phone, now; whether it was recorded."""
    command = CheckIn(
        session=planned.session,
        part=guest.part,
        phase=phase,
        at=builder.now,
        nonce=f"{planned.session}:{guest.citizen.resident}:{phase}",
    )
    with contextlib.suppress(AppError):
        builder.do(check_in, command, guest.actor)
        return True
    return False


def _guests(builder: Builder, story: Story, planned: Planned) -> Iterator[Guest]:
    """Choose who comes, and what for; every second one helps where both are offered."""
    helping = planned.parts.get("serve", 0)
    for index, (town, citizen) in enumerate(_chosen(builder, story, planned)):
        serves = not citizen.is_child and (index % 2 == 0 or "take_part" not in planned.parts)
        if serves and helping:
            part: Part = "serve"
            helping -= 1
        elif "take_part" in planned.parts:
            part = "take_part"
        else:
            continue
        entry = planned.starts_at + dt.timedelta(minutes=builder.dice.randrange(-10, 8))
        yield Guest(story.actor(town, citizen), citizen, part, entry)


def _chosen(builder: Builder, story: Story, planned: Planned) -> list[tuple[Town, Citizen]]:
    """Choose mostly people from here, a few from elsewhere where it is open."""
    here = planned.town.citizens
    many = TAKERS if len(here) < CROWD else builder.dice.randrange(TAKERS, 3 * TAKERS)
    chosen = builder.dice.sample(here, min(len(here), many))
    habit = [each for each in here if builder.dice.random() < story.regulars.get(each.resident, 0)]
    people = list(dict.fromkeys([*habit, *chosen]))
    builder.dice.shuffle(people)
    guests = [(planned.town, citizen) for citizen in people]
    if planned.open_to == "district":
        other = builder.towns[builder.dice.choice((HOME, NEIGHBOUR, *builder.towns))]
        if other is not planned.town and other.citizens:
            guests.append((other, builder.dice.choice(other.citizens)))
    return guests


def _write_down(
    builder: Builder, story: Story, planned: Planned, by_hand: list[Guest], paper: list[Guest]
) -> None:
    """Let staff enter who did not scan; the lead confirms the hours, today's excepted."""
    staff, lead = planned.town.working()
    awards: list[UUID] = []
    for guest in by_hand:
        command = EnterByHand(
            session=planned.session,
            resident=guest.citizen.resident,
            part=guest.part,
            entry=guest.entry,
            exit=planned.ends_at if guest.part == "serve" else None,
            reason="手机没电，本人在场",
        )
        with contextlib.suppress(AppError):
            award = builder.do(enter_by_hand, command, staff).award
            awards += [award] if award else []
    rows = tuple(
        SheetRow(
            resident=guest.citizen.resident,
            part=guest.part,
            entry=guest.entry,
            exit=planned.ends_at if guest.part == "serve" else None,
        )
        for guest in paper
    )
    if rows:
        done = builder.do(enter_sheet, EnterSheet(session=planned.session, rows=rows), staff)
        awards += [line.award for line in done.lines if line.award is not None]
    waits = planned.town.code == HOME and planned.starts_at > story.now - dt.timedelta(hours=20)
    if awards and not waits:
        builder.do(confirm_awards, ConfirmAwards(awards=tuple(awards)), lead)
