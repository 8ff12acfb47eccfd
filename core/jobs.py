"""Jobs: what runs when, claimed slot by slot, so that any number of schedulers may run."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask, current_app
from flask_babel import gettext as _
from sqlalchemy import delete, or_, select, union_all, update
from sqlalchemy.dialects import postgresql, sqlite

from core import settings
from core.acts import SYSTEM, Actor
from core.errors import N_, Conflict, NotFound
from core.ids import uuid7
from core.models import JobRun
from core.work import SHANGHAI, present, reading, transact

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.work import Work

TICK_SECONDS = 20
MINUTE, HOUR_SECONDS = 60, 3600
log = logging.getLogger(__name__)
LEASE = dt.timedelta(minutes=10)
KEPT = dt.timedelta(days=30)
ATTEMPTS_MAX = 5


class JobFailed(Conflict):
    """A job that somebody started by hand broke off; what it had committed stays."""

    text = N_("这一次没有办成，原因已经记下。请过几分钟再试；还不行，请联系维护人员。")


class JobUnknown(NotFound):
    """No job has this name."""

    text = N_("没有这个任务。请从任务页里选一个。")


@dataclass(frozen=True, slots=True)
class Every:
    """A slot at each multiple of an interval."""

    interval: dt.timedelta

    def due(self, connection: Connection, now: dt.datetime) -> list[dt.datetime]:
        """Only the latest slot: a missed one is made up for by the next."""
        del connection
        seconds = int(self.interval.total_seconds())
        return [dt.datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, dt.UTC)]

    @property
    def words(self) -> str:
        """When it runs, in Chinese."""
        seconds = int(self.interval.total_seconds())
        if seconds == HOUR_SECONDS:
            return _("每小时")
        if seconds >= MINUTE:
            return _("每 %(count)s 分钟", count=seconds // MINUTE)
        return _("每 %(count)s 秒", count=seconds)


@dataclass(frozen=True, slots=True)
class Daily:
    """A slot each day at a Shanghai time, fixed or from a setting."""

    at: dt.time | None = None
    setting: str = ""

    def time_of(self, connection: Connection, now: dt.datetime) -> dt.time:
        """Return the time of day in force."""
        return self.at or settings.time_of(connection, self.setting, now)

    def due(self, connection: Connection, now: dt.datetime) -> list[dt.datetime]:
        """Only the latest slot; a body that works day by day catches up by itself."""
        at = self.time_of(connection, now)
        day = now.astimezone(SHANGHAI).date()
        slot = dt.datetime.combine(day, at, SHANGHAI)
        if slot > now:
            slot -= dt.timedelta(days=1)
        return [slot.astimezone(dt.UTC)]

    @property
    def words(self) -> str:
        """When it runs, in Chinese."""
        return _("每天 %(time)s", time=f"{self.at:%H:%M}") if self.at else _("每天到账时间")


@dataclass(frozen=True, slots=True)
class Job:
    """A name, a schedule, and a body that commits in chunks and may be repeated.

    The body reports to programs (「settled 12」); ``done`` is how people read its count.
    """

    name: str
    title: str
    schedule: Every | Daily
    run: Callable[[], str]
    done: str = N_("办了 %(count)s 件")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Ask for one slot of one job."""

    job: str
    slot: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """The claim's id, or None where somebody else has the slot or it is done."""

    id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """What became of a claimed slot."""

    job: str
    slot: dt.datetime
    claim: UUID
    state: str
    report: str


def claim(work: Work, command: Claim) -> Claimed:
    """Insert the slot's row, or take over one whose lease ran out or that failed."""
    identity = work.new_id()
    values = {"claim": identity, "state": "running", "lease_until": work.now + LEASE}
    insert = sqlite.insert if work.is_sqlite else postgresql.insert
    made = work.connection.execute(
        insert(JobRun)
        .values(job=command.job, slot=command.slot, started_at=work.now, attempts=1, **values)
        .on_conflict_do_nothing(index_elements=["job", "slot"])
        .returning(JobRun.claim),
    ).first()
    if made is None:
        made = work.connection.execute(
            update(JobRun)
            .where(
                JobRun.job == command.job,
                JobRun.slot == command.slot,
                JobRun.state != "done",
                JobRun.attempts < ATTEMPTS_MAX,
                or_(JobRun.lease_until <= work.now, JobRun.state == "failed"),
            )
            .values(started_at=work.now, attempts=JobRun.attempts + 1, **values)
            .returning(JobRun.claim),
        ).first()
    work.replayed()
    return Claimed(id=identity if made is not None else None)


def finish(work: Work, command: Finish) -> Claimed:
    """Close a slot, unless the lease was lost to somebody else meanwhile."""
    work.connection.execute(
        update(JobRun)
        .where(
            JobRun.job == command.job,
            JobRun.slot == command.slot,
            JobRun.claim == command.claim,
        )
        .values(state=command.state, report=command.report, finished_at=work.now),
    )
    work.replayed()
    return Claimed(id=command.claim)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """How many runs were forgotten."""

    runs: int


def clean(work: Work, _command: None) -> Cleaned:
    """Forget old runs, of which there are thousands a day; a job calls it."""
    gone = work.connection.execute(delete(JobRun).where(JobRun.slot < work.now - KEPT))
    work.replayed()
    return Cleaned(runs=gone.rowcount)


def registered() -> tuple[Job, ...]:
    """Return the table of jobs of ``app.py``."""
    found: tuple[Job, ...] = current_app.extensions["linli.jobs"]
    return found


def find(name: str) -> Job:
    """Return the job of this name; raises JobUnknown."""
    for job in registered():
        if job.name == name:
            return job
    raise JobUnknown


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """The newest slot of a job that somebody claimed, and what became of it."""

    job: str
    slot: dt.datetime
    state: str
    lease_until: dt.datetime
    started_at: dt.datetime
    finished_at: dt.datetime | None
    attempts: int
    report: str | None


def last_runs(connection: Connection) -> dict[str, LastRun]:
    """Return each job's last run by its name; a job that never ran is left out."""
    columns = [JobRun.__table__.c[name] for name in LastRun.__slots__]
    newest = [
        select(
            select(*columns)
            .where(JobRun.job == job.name)
            .order_by(JobRun.slot.desc())
            .limit(1)
            .subquery(),
        )
        for job in registered()
    ]
    rows = connection.execute(union_all(*newest))
    return {row.job: LastRun(**row._mapping) for row in rows}  # noqa: SLF001 - Row API


def tick(jobs: Iterable[Job] | None = None) -> int:
    """Run each job's due slots that nobody has claimed; returns how many ran here."""
    ran = 0
    for job in jobs or registered():
        try:
            ran += sum(run_slot(job, slot) for slot in _due(job))
        except Exception:
            # Of the job's frame (its schedule, its claim): the next tick tries again.
            log.exception("job %s was not run", job.name)
    return ran


def _due(job: Job) -> list[dt.datetime]:
    """Return the due slots that nobody has done."""
    with reading() as connection:
        slots = job.schedule.due(connection, present())
        done = set(
            connection.scalars(
                select(JobRun.slot).where(
                    JobRun.job == job.name,
                    JobRun.slot.in_(slots),
                    JobRun.state == "done",
                ),
            ),
        )
    return [slot for slot in slots if slot not in done]


def run_slot(job: Job, slot: dt.datetime) -> int:
    """Claim the slot and run the body; 1 if it ran here, 0 if somebody else has it."""
    taken = transact(claim, Claim(job=job.name, slot=slot)).id
    return 0 if taken is None else int(_run_claimed(job, slot, taken) is not None)


def _run_claimed(job: Job, slot: dt.datetime, taken: UUID) -> str | None:
    """Run the body for a claimed slot and note what became of it; None if it broke off."""
    try:
        report = job.run()
    except Exception:
        log.exception("job %s failed", job.name)
        transact(finish, Finish(job=job.name, slot=slot, claim=taken, state="failed", report=""))
        return None
    transact(finish, Finish(job=job.name, slot=slot, claim=taken, state="done", report=report))
    return report


@dataclass(frozen=True, slots=True, kw_only=True)
class PressJob:
    """Somebody starts a job by hand; the key names the job, so that the audit row does."""

    key: str
    job: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPressed:
    """The job that may run now."""

    job: str


def press(work: Work, command: PressJob) -> JobPressed:
    """Note who starts a job by hand, before it runs. Raises JobUnknown or Forbidden."""
    work.actor.require("job.run")
    return JobPressed(job=find(command.job).name)


def _pressed(name: str, actor: Actor) -> Job:
    key = f"{name}:{uuid7(present())}"
    return find(transact(press, PressJob(key=key, job=name), actor).job)


def run_now(name: str, actor: Actor) -> str:
    """Run a job for somebody who watches; its due slot is done by it, if nobody took that yet.

    Raises JobUnknown, JobFailed or Forbidden.
    """
    job = _pressed(name, actor)
    with reading() as connection:
        slot = job.schedule.due(connection, present())[-1]
    taken = transact(claim, Claim(job=job.name, slot=slot)).id
    if taken is None:
        try:
            return job.run()
        except Exception:
            log.exception("job %s failed", job.name)
            raise JobFailed from None
    report = _run_claimed(job, slot, taken)
    if report is None:
        raise JobFailed
    return report


def run_by_hand(name: str) -> str:
    """Run a job now, whatever its slots say; what was done before is not done again."""
    return _pressed(name, SYSTEM).run()


def start_scheduler(app: Flask) -> BackgroundScheduler:
    """Start the one interval job that claims due slots; the caller shuts it down."""

    def run() -> None:
        with app.app_context():
            tick()

    scheduler = BackgroundScheduler()
    scheduler.add_job(run, "interval", seconds=TICK_SECONDS, coalesce=True, max_instances=1)
    scheduler.start()
    return scheduler
