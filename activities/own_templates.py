"""Templates that a community saves from what it has done, or takes over from another one."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import insert, select, update

from activities.models import Activity, ActivityTemplate, Session, SessionPart
from activities.publish import SessionUnknown, TemplateUnknown
from points.earning.rules import rules_in_force

if TYPE_CHECKING:
    from sqlalchemy import Row

    from core.work import Work

OWN_POSITION = 0
RULES = ("take_part_rule", "serve_rule")


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveTemplate:
    """A session whose activity is to be done again."""

    session: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOverTemplate:
    """Another community's template, for one's own list."""

    community: int
    template: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireTemplate:
    """An own template that is no longer offered."""

    template: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateKept:
    """The template, and whether a rule was left out that its new community does not have."""

    template: str
    exists: bool
    rule_left_out: bool = False


def template_key(community: int, name: str) -> str:
    """Return the key of a community's own template: the same name is the same template."""
    return f"own.{community}.{blake2b(name.encode(), digest_size=6).hexdigest()}"


def save_template(work: Work, command: SaveTemplate) -> TemplateKept:
    """Save a session's activity as a template of its community; the same name renews it.

    Raises SessionUnknown, Forbidden, NotInYourScope.
    """
    row = work.connection.execute(
        select(Activity.__table__, Session.starts_at, Session.ends_at, Session.place)
        .join(Session, Session.activity == Activity.id)
        .where(Session.id == command.session),
    ).first()
    if row is None:
        raise SessionUnknown
    work.actor.require("activity.publish", row.community)
    parts = {
        part.part: part
        for part in work.connection.execute(
            select(SessionPart.part, SessionPart.places, SessionPart.rule).where(
                SessionPart.session == command.session,
            ),
        )
    }
    values = {
        "name": row.title,
        "kind": row.kind,
        "scene": row.scene,
        "summary": row.summary,
        "bring": row.bring,
        "season": "",
        "place_hint": row.place,
        "open_to": row.open_to,
        "duration_minutes": (row.ends_at - row.starts_at) // dt.timedelta(minutes=1),
    }
    for part in ("take_part", "serve"):
        offered = parts.get(part)
        values[f"{part}_places"] = offered.places if offered else 0
        values[f"{part}_rule"] = offered.rule if offered else None
    return _keep(work, row.community, values, _origin(work, row))


def _origin(work: Work, activity: Row[*tuple[Any, ...]]) -> dict[str, object]:
    """Return whose idea an activity was: its template's, or that of the activity it copied."""
    whose = None
    if activity.template is not None:
        theirs = select(ActivityTemplate.community).where(ActivityTemplate.key == activity.template)
        whose = work.connection.scalar(theirs)
    if activity.copied_from is not None:
        copied = select(Activity.community).where(Activity.id == activity.copied_from)
        whose = work.connection.scalar(copied)
    return {"from_template": activity.template, "from_community": whose}


def take_over_template(work: Work, command: TakeOverTemplate) -> TemplateKept:
    """Copy another community's template and remember whose it was; again changes nothing.

    Raises TemplateUnknown, Forbidden, NotInYourScope.
    """
    work.actor.require("activity.publish", command.community)
    row = _template(work, command.template)
    if row is None or row.retired_at or row.community in {None, command.community}:
        raise TemplateUnknown
    origin = {"from_template": row.key, "from_community": row.community}
    known = {rule.key for rule in rules_in_force(work.connection, command.community, work.day)}
    values = {name: getattr(row, name) for name in CONTENT}
    left_out = [name for name in RULES if values[name] is not None and values[name] not in known]
    values |= dict.fromkeys(left_out)
    return _keep(work, command.community, values, origin, rule_left_out=bool(left_out))


CONTENT = (
    "name",
    "kind",
    "scene",
    "summary",
    "bring",
    "season",
    "place_hint",
    "open_to",
    "duration_minutes",
    "take_part_places",
    "take_part_rule",
    "serve_places",
    "serve_rule",
)


def _template(work: Work, key: str) -> Row[*tuple[Any, ...]] | None:
    query = select(ActivityTemplate.__table__).where(ActivityTemplate.key == key)
    return work.connection.execute(query).first()


def _keep(
    work: Work,
    community: int,
    values: dict[str, Any],
    origin: dict[str, object],
    *,
    rule_left_out: bool = False,
) -> TemplateKept:
    """Write an own template; renewed, it keeps its first origin."""
    key = template_key(community, str(values["name"]))
    before = _template(work, key)
    kept = TemplateKept(template=key, exists=before is not None, rule_left_out=rule_left_out)
    if before is None:
        whole = values | origin | {"key": key, "community": community, "position": OWN_POSITION}
        work.connection.execute(insert(ActivityTemplate).values(whole))
        return kept
    same = {name: getattr(before, name) for name in values} == values
    if same and before.retired_at is None:
        work.replayed()
        return kept
    work.connection.execute(
        update(ActivityTemplate)
        .where(ActivityTemplate.key == key)
        .values(**values, retired_at=None),
    )
    return kept


def retire_template(work: Work, command: RetireTemplate) -> TemplateKept:
    """Offer an own template no longer; again changes nothing.

    Raises TemplateUnknown, Forbidden, NotInYourScope.
    """
    row = _template(work, command.template)
    if row is None or row.community is None:
        raise TemplateUnknown
    work.actor.require("activity.publish", row.community)
    if row.retired_at is not None:
        work.replayed()
    else:
        work.connection.execute(
            update(ActivityTemplate)
            .where(ActivityTemplate.key == command.template)
            .values(retired_at=work.now),
        )
    return TemplateKept(template=command.template, exists=True)
