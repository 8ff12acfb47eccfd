"""The console's pages of settings and of jobs."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import console
from admin.place_phone import phone_form, save_phone
from admin.setting_rows import groups
from core import jobs, settings
from core.http_keys import form_key
from core.identity import current_actor
from core.setting_queries import INITIAL
from core.work import present, reader, transact


@console.get("/settings", endpoint="settings")
def settings_page() -> ResponseReturnValue:
    """Show the settings that code obeys."""
    return _settings(request.args.get("key"))


def _settings(
    open_key: str | None,
    *,
    typed: str | None = None,
    errors: dict[str, list[str]] | None = None,
    phone: dict[str, Any] | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    shown = render_template(
        "admin/settings.html",
        groups=groups(),
        phone=phone or phone_form(),
        may_change=current_actor().may("setting.district"),
        open_key=open_key,
        typed=typed,
        errors=errors or {},
    )
    return shown, status


@console.post("/settings")
def set_setting() -> ResponseReturnValue:
    """Change a setting from now on."""
    key, typed = request.form.get("key", ""), request.form.get("value", "")
    if key.startswith(INITIAL):
        raise settings.SettingUnknown
    command = settings.SetSetting(key=form_key(), setting=key, place=settings.DISTRICT, value=typed)
    try:
        transact(settings.set_setting, command, current_actor())
    except settings.SettingOutOfRange as refusal:
        errors = {"value": [refusal.sentence()]}
        return _settings(key, typed=typed, errors=errors, status=int(refusal.status))
    flash(_("已保存，马上生效"), "done")
    return redirect(url_for("console.settings", _anchor=key), code=303)


@console.post("/settings/phone")
def set_phone() -> ResponseReturnValue:
    """Set the number of the district, which communities without one show, too."""
    current_actor().require("setting.district")
    form = phone_form()
    refusal = save_phone(form, request.form.get("phone", ""))
    if refusal is not None:
        return _settings(None, phone=form, status=int(refusal.status))
    flash(_("已保存，没有自己电话的社区都用这个号码"), "done")
    return redirect(url_for("console.settings"), code=303)


@console.get("/jobs", endpoint="jobs")
def jobs_page() -> ResponseReturnValue:
    """Show what runs by itself, and when it last did."""
    runs, now = jobs.last_runs(reader()), present()
    slots = [run.slot for run in runs.values()]
    return render_template(
        "admin/jobs.html",
        rows=tuple(_job(job, runs.get(job.name), now) for job in jobs.registered()),
        may_run=current_actor().may("job.run"),
        scheduler_seen=max(slots, default=None),
    )


LATE = dt.timedelta(minutes=5)


def _job(job: jobs.Job, run: jobs.LastRun | None, now: dt.datetime) -> dict[str, Any]:
    due = job.schedule.due(reader(), now)
    missed = bool(due) and due[-1] + LATE < now and (run is None or run.slot < due[-1])
    took = ""
    if run is not None and run.finished_at is not None:
        seconds = (run.finished_at - run.started_at).total_seconds()
        took = _("%(seconds)s 秒", seconds=f"{seconds:.1f}")
    return {
        "name": job.name,
        "title": job.title,
        "schedule": _schedule(job.schedule, now),
        "slot": run.slot if run else None,
        "state": run.state if run else None,
        "started_at": run.started_at if run else None,
        "took": took,
        "report": _report(job, run.report or "") if run else "",
        "attempts": run.attempts if run else 0,
        "overdue": missed,
    }


def _report(job: jobs.Job, raw: str) -> str:
    """Return what a job did (「settled 12」, 「ended 3, failed 1」) as people read it."""
    found = re.fullmatch(r"\w+ (\d+)(?:, failed (\d+))?", raw)
    if found is None:
        return raw
    if not int(found[1]) and not found[2]:
        return _("没有要办的")
    done = _(job.done, count=found[1])
    return _("%(done)s，%(failed)s 没有办成", done=done, failed=found[2]) if found[2] else done


def _schedule(schedule: jobs.Every | jobs.Daily, now: dt.datetime) -> str:
    """Return when a job runs; a time of day that is a setting as it is set now."""
    if isinstance(schedule, jobs.Daily):
        return _("每天 %(at)s", at=f"{schedule.time_of(reader(), now):%H:%M}")
    return schedule.words


@console.post("/jobs/run")
def run_job() -> ResponseReturnValue:
    """Run a job now; what was done before is not done again."""
    name = request.form.get("job", "")
    try:
        report = _report(jobs.find(name), jobs.run_now(name, current_actor()))
    except (jobs.JobUnknown, jobs.JobFailed) as refusal:
        flash(refusal.sentence(), "refused")
    else:
        flash(_("办完了：%(report)s", report=report), "done")
    return redirect(url_for("console.jobs"), code=303)
