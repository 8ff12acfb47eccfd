"""An activity and the people who come to it: published, scanned, served in and out.

The clock of the tests begins on a Tuesday at 10:00; the scene's session lasts from 10:30 to 12:30,
so that check-in has just opened. Amounts are centipoints.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID

from flask import Flask
from sqlalchemy import Connection, select

from activities.attendance import CheckIn, Recorded, check_in
from activities.cancelling import CancelSession, cancel_session
from activities.codes import Phase, code_of, step_of
from activities.entries import EnterByHand, enter_by_hand
from activities.grants import Grant, grant_for
from activities.models import (
    ActivityTemplate,
    Attendance,
    RefusedScan,
    Session,
    SessionPart,
    SignUp,
)
from activities.publish import (
    Part,
    PartOffered,
    PublishActivity,
    Published,
    SteerSession,
    publish_activity,
)
from activities.signup import ForResident, SignedUp, cancel_sign_up, sign_up
from core.acts import SYSTEM, Actor
from core.models import OutboxMessage
from core.settings import SetSetting, set_setting
from core.work import SHANGHAI, Work, business_day, reading, transact
from points.models import Award, RuleUsage
from tests.conftest import Clock
from tests.people import HERE, NEAR, People, Someone

C = TypeVar("C")
R = TypeVar("R")
STEP = 10
JOIN = "join.activity"
SERVE = "serve.hour"
BOTH = (PartOffered(part="take_part", rule=JOIN), PartOffered(part="serve", rule=SERVE))


def at(hour: int, minute: int = 0, second: int = 0, *, day: int = 24) -> dt.datetime:
    """Return a moment of the scene's month in Hangzhou."""
    return dt.datetime(2026, 11, day, hour, minute, second, tzinfo=SHANGHAI).astimezone(dt.UTC)


START, END = at(10, 30), at(12, 30)


def sure(identity: UUID | None) -> UUID:
    """Return an id that is there."""
    assert identity is not None
    return identity


class Scene:
    """What a test of the activities does, in words of the domain."""

    def __init__(self, app: Flask, cast: People, clock: Clock) -> None:
        self.app, self.cast, self.clock = app, cast, clock
        self.count = 0

    def run(self, use_case: Callable[[Work, C], R], command: C, actor: Actor = SYSTEM) -> R:
        """Run a use case."""
        with self.app.app_context():
            return transact(use_case, command, actor)

    def ask(self, query: Callable[[Connection], R]) -> R:
        """Ask the database."""
        with self.app.app_context(), reading() as connection:
            return query(connection)

    def serial(self) -> str:
        """Make a key."""
        self.count += 1
        return f"key-{self.count}"

    def staff_of(self, community: int) -> Someone:
        """Return who works at a community."""
        if community == HERE:
            return self.cast.staff
        return self.cast.near if community == NEAR else self.cast.elsewhere

    def draft(self, **changes: Any) -> PublishActivity:
        """Return an activity that may be published as it stands."""
        given: dict[str, Any] = {
            "key": self.serial(),
            "community": HERE,
            "template": None,
            "title": "便民集市",
            "kind": "公益集市",
            "scene": "服务",
            "summary": "街坊师傅当面摆摊。",
            "bring": "环保袋",
            "place": "小营公园东门",
            "open_to": "district",
            "sessions": ((START, END),),
            "parts": BOTH,
        }
        return PublishActivity(**(given | changes))

    def from_template(self, key: str, **changes: Any) -> PublishActivity:
        """Return a copy of one of the district's templates, with its parts and its length."""
        row = self.ask(
            lambda c: c.execute(
                select(ActivityTemplate.__table__).where(ActivityTemplate.key == key)
            ).one(),
        )
        offered: list[tuple[Part, int | None, str | None]] = [
            ("take_part", row.take_part_places, row.take_part_rule),
            ("serve", row.serve_places, row.serve_rule),
        ]
        parts = tuple(
            PartOffered(part=part, places=places, rule=rule)
            for part, places, rule in offered
            if places != 0
        )
        copied = {
            "template": key,
            "title": row.name,
            "kind": row.kind,
            "scene": row.scene,
            "summary": row.summary,
            "bring": row.bring,
            "open_to": row.open_to,
            "sessions": ((START, START + dt.timedelta(minutes=row.duration_minutes)),),
            "parts": parts,
        }
        return self.draft(**(copied | changes))

    def publish(self, draft: PublishActivity | None = None, **changes: Any) -> Published:
        """Publish as staff of the community."""
        command = replace(draft, **changes) if draft else self.draft(**changes)
        actor = self.cast.actor(self.staff_of(command.community))
        return self.run(publish_activity, command, actor)

    def session(self, **changes: Any) -> UUID:
        """Publish, and return the session."""
        return self.publish(**changes).sessions[0]

    def places(self, part: Part, places: int, rule: str | None = None) -> tuple[PartOffered, ...]:
        """Offer both parts, one of them with so many places."""
        other: Part = "serve" if part == "take_part" else "take_part"
        rules = {"take_part": JOIN, "serve": SERVE}
        return (
            PartOffered(part=part, places=places, rule=rule or rules[part]),
            PartOffered(part=other, rule=rules[other]),
        )

    def row(self, session: UUID) -> Any:
        """Return the session's row."""
        return self.ask(
            lambda c: c.execute(select(Session.__table__).where(Session.id == session)).one(),
        )

    def code(
        self,
        session: UUID,
        phase: Phase = "entry",
        *,
        steps_ago: int = 0,
        epoch: int | None = None,
        seconds: int = STEP,
    ) -> str:
        """Return what the screen shows (or showed some steps ago)."""
        row = self.row(session)
        step = step_of(self.clock.now, seconds) - steps_ago
        with self.app.app_context():
            return code_of(row.short_code, row.epoch if epoch is None else epoch, phase, step)

    def grant(self, session: UUID, phase: Phase = "entry") -> Grant:
        """Scan the screen now."""
        code = self.code(session, phase)
        return self.ask(lambda c: grant_for(c, code, self.clock.now))

    def command(self, session: UUID, part: Part = "take_part", phase: Phase = "entry") -> CheckIn:
        """Scan the screen now, and return the check-in that the scan allows."""
        grant = self.grant(session, phase)
        return CheckIn(
            session=grant.session, part=part, phase=grant.phase, at=grant.at, nonce=grant.nonce
        )

    def scan(
        self,
        someone: Someone,
        session: UUID,
        part: Part = "take_part",
        phase: Phase = "entry",
        when: dt.datetime | None = None,
    ) -> Recorded:
        """Scan the screen, at a moment if one is named, and check in."""
        if when is not None:
            self.clock.set(when)
        command = self.command(session, part, phase)
        return self.run(check_in, command, self.cast.actor(someone))

    def serve(
        self,
        someone: Someone,
        session: UUID,
        entry: dt.datetime,
        left: dt.datetime,
    ) -> Recorded:
        """Serve from a scan to a scan."""
        self.scan(someone, session, "serve", "entry", entry)
        return self.scan(someone, session, "serve", "exit", left)

    def by_hand(self, resident: UUID | None, session: UUID, **changes: Any) -> EnterByHand:
        """Return an entry by hand of somebody who takes part."""
        given: dict[str, Any] = {
            "session": session,
            "resident": sure(resident),
            "part": "take_part",
            "entry": START,
            "exit": None,
            "reason": "没带手机",
        }
        return EnterByHand(**(given | changes))

    def enter(self, someone: Someone, session: UUID, **changes: Any) -> Recorded:
        """Enter somebody by hand, as the community's staff."""
        community = self.row(session).community
        actor = changes.pop("actor", None) or self.cast.actor(self.staff_of(community))
        return self.run(enter_by_hand, self.by_hand(someone.resident, session, **changes), actor)

    def sign_up(
        self, someone: Someone, session: UUID, part: Part = "take_part", actor: Actor | None = None
    ) -> SignedUp:
        """Sign somebody up, by themselves unless an actor is named."""
        command = ForResident(session=session, part=part, resident=sure(someone.resident))
        return self.run(sign_up, command, actor or self.cast.actor(someone))

    def end(self, use_case: Callable[..., Any], session: UUID, actor: Actor | None = None) -> Any:
        """Close or cancel a session, or turn it to the exit, as its staff."""
        command: object = SteerSession(session=session)
        if use_case is cancel_session:
            command = CancelSession(session=session, reason="有暴雨")
        return self.run(use_case, command, actor or self.cast.actor(self.cast.staff))

    def cancel(
        self, someone: Someone, session: UUID, part: Part = "take_part", actor: Actor | None = None
    ) -> SignedUp:
        """Cancel somebody's sign-up."""
        command = ForResident(session=session, part=part, resident=sure(someone.resident))
        return self.run(cancel_sign_up, command, actor or self.cast.actor(someone))

    def set_to(self, key: str, value: str, place: int = 0) -> None:
        """Change a setting; a moment passes, as two values cannot begin at the same one."""
        self.clock.advance(seconds=1)
        self.run(set_setting, SetSetting(key=self.serial(), setting=key, place=place, value=value))

    def attendances(self, session: UUID) -> list[Any]:
        """Return the session's records, by part, phase and resident."""
        table = Attendance.__table__
        columns = (table.c.part, table.c.phase, table.c.resident)
        return self._all(select(table).where(Attendance.session == session).order_by(*columns))

    def awards(self, session: UUID) -> list[Any]:
        """Return what the session gave."""
        query = select(Award.__table__).where(Award.source_id == session)
        return self._all(query.order_by(Award.cause))

    def sign_ups(self, session: UUID) -> dict[UUID, str]:
        """Return the state of each resident who ever signed up."""
        rows = self._all(select(SignUp.resident, SignUp.state).where(SignUp.session == session))
        return {row.resident: row.state for row in rows}

    def told(self, someone: Someone) -> list[Any]:
        """Return what was written to somebody."""
        return list(
            self._all(select(OutboxMessage.__table__).where(OutboxMessage.person == someone.person))
        )

    def refused(self) -> list[str]:
        """Return the reasons of the scans that were refused."""
        return [row.reason for row in self._all(select(RefusedScan.reason))]

    def taken(self, session: UUID, part: Part = "take_part") -> int:
        """Return how many places are taken."""
        query = select(SessionPart.taken)
        [row] = self._all(query.where(SessionPart.session == session, SessionPart.part == part))
        return int(row.taken)

    def used(self, rule: str) -> int:
        """Return what everybody has used of a rule's cap of today."""
        query = select(RuleUsage.used).where(RuleUsage.rule == rule)
        today = business_day(self.clock.now).isoformat()
        return sum(int(row.used) for row in self._all(query.where(RuleUsage.period == today)))

    def _all(self, query: Any) -> list[Any]:
        return list(self.ask(lambda c: c.execute(query).all()))
