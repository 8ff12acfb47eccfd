"""Words of corrections for a resident's pages: who said what, who decided, what was undone."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from flask_babel import gettext as _

from core.directory import directory
from core.formats import date, moment, points
from core.work import reader

if TYPE_CHECKING:
    from core.panels import Viewer
    from points.correcting.corrections import Asked
    from points.correcting.queries import AdjustmentLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of a request: done, now or later."""

    state: str
    title: str
    at: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A request as the receipt tells it; ``mine``: it can be taken back."""

    id: UUID
    steps: tuple[Step, ...]
    mine: bool


def told(asked: Asked, seen: Viewer) -> Told:
    """Tell a request from what was said to what was answered."""
    place = directory().places(reader(), [asked.community]).get(asked.community, "")
    steps = [
        Step(
            state="done",
            title=_("您说：%(words)s", words=asked.words),
            at=moment(asked.opened_at, seen.now),
            note=_("工作人员代您写下") if asked.entered_by else "",
        ),
    ]
    if asked.state == "open":
        by = _("%(place)s核对，%(day)s前答复您", place=place, day=date(asked.answer_by, seen.now))
        steps.append(Step(state="now", title=by, at="", note=_("这期间积分照常使用")))
    elif asked.state == "withdrawn":
        at = moment(asked.closed_at, seen.now) if asked.closed_at else ""
        steps.append(Step(state="done", title=_("您撤回了"), at=at, note=""))
    else:
        steps.append(_answered(asked, place, seen.now))
    is_mine = asked.state == "open" and asked.asked_by == seen.person
    return Told(id=asked.id, steps=tuple(steps), mine=is_mine)


def _answered(asked: Asked, place: str, now: dt.datetime) -> Step:
    outcome = "" if asked.outcome == "explained" else _("已更正")
    answer = _("%(place)s答复：%(answer)s", place=place, answer=asked.answer)
    name = directory().person(reader(), asked.answered_by) if asked.answered_by else ""
    return Step(
        state="done",
        title=answer,
        at=moment(asked.closed_at, now) if asked.closed_at else "",
        note=_("，").join(word for word in (outcome, name) if word),
    )


def both(line: AdjustmentLine) -> list[tuple[str, UUID, str]]:
    """Return who proposed and who decided, each with the role that they did it in."""
    found = [(_("谁提出"), line.maker, directory().role(line.maker_role))]
    if line.checker is not None and line.checker_role is not None:
        found.append((_("谁核对"), line.checker, directory().role(line.checker_role)))
    return found


def undone(line: AdjustmentLine, now: dt.datetime) -> str:
    """Say when and how much of a line was undone: what was there, not what was wanted."""
    when = moment(line.closed_at, now) if line.closed_at else ""
    amount = points(line.posted + line.voided + line.collected)
    if line.amount > 0:
        return _("%(when)s，退回 %(points)s 分", when=when, points=amount)
    return _("%(when)s，收回 %(points)s 分", when=when, points=amount)


def was_short(line: AdjustmentLine) -> str:
    """Say what was decided of what is collected later, and what was missing then."""
    return _(
        "要收回 %(wanted)s 分，当时还差 %(points)s 分",
        wanted=points(-line.amount),
        points=points(line.shortage),
    )
