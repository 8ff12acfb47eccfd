"""The console's pages of settings and of jobs."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from admin.blueprints import console
from core import jobs, settings
from core.errors import N_, AppError
from core.http_keys import form_key
from core.identity import current_actor
from core.models import SettingValue
from core.work import present, reader, transact
from residents.models import Person

GROUPS = {
    "exchange": N_("通兑"),
    "quota": N_("限额"),
    "points": N_("积分"),
    "redeem": N_("兑换"),
    "checkin": N_("签到"),
    "resident": N_("居民"),
    "activity": N_("活动"),
    "correction": N_("更正"),
    "bulletin": N_("公告"),
    "notify": N_("消息"),
    "clearing": N_("通兑对账"),
    "audit": N_("审计"),
    "key": N_("密钥"),
}
"""The groups in their order, by the first word of a setting's key."""

INITIAL = "exchange.rate."
"""Values that are read once, when a district is loaded: rates are changed on their own page."""


@console.get("/settings", endpoint="settings")
def settings_page() -> ResponseReturnValue:
    """Show the settings that code obeys."""
    return _settings(request.args.get("key"))


def _settings(
    open_key: str | None,
    *,
    typed: str | None = None,
    errors: dict[str, list[str]] | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    rows = _rows()
    groups = [
        {
            "name": _(name),
            "rows": tuple(row for row in rows if row["key"].partition(".")[0] == prefix),
        }
        for prefix, name in GROUPS.items()
    ]
    shown = render_template(
        "admin/settings.html",
        groups=tuple(group for group in groups if group["rows"]),
        may_change=current_actor().may("setting.district"),
        open_key=open_key,
        typed=typed,
        errors=errors or {},
    )
    return shown, status


def _rows() -> list[dict[str, Any]]:
    changes = {}
    query = (
        select(SettingValue.key, SettingValue.value, SettingValue.valid_from, Person.name)
        .outerjoin(Person, Person.id == SettingValue.set_by)
        .where(SettingValue.place == settings.DISTRICT, SettingValue.valid_from <= present())
        .order_by(SettingValue.valid_from)
    )
    for row in reader().execute(query):
        changes[row.key] = row
    return [
        _row(setting, changes.get(key))
        for key, setting in settings.REGISTRY.items()
        if key in settings.IN_FORCE and not key.startswith(INITIAL)
    ]


def _row(setting: settings.Setting, change: Any) -> dict[str, Any]:
    value = setting.default if change is None else setting.parse(change.value)
    return {
        "key": setting.key,
        "name": setting.name,
        "explanation": setting.explanation,
        "type": setting.type,
        "unit": _unit(setting),
        "value": _typed(value),
        "words": _words(setting, value),
        "default_words": _words(setting, setting.default),
        "changed": value != setting.default,
        "min": None if setting.minimum is None else _typed(setting.minimum),
        "max": None if setting.maximum is None else _typed(setting.maximum),
        "choices": tuple(setting.choices.items()),
        "changed_by": (change.name or _("系统")) if change is not None else None,
        "changed_at": change.valid_from if change is not None else None,
        "per_community": setting.scope == "community",
    }


def _typed(value: settings.Value) -> str:
    """Return a value as the form wants it."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return f"{value:%H:%M}" if isinstance(value, dt.time) else str(value)


def _words(setting: settings.Setting, value: settings.Value) -> str:
    """Return a value as people read it."""
    if isinstance(value, bool):
        return _("开") if value else _("关")
    if setting.type == "choice":
        return setting.choices[str(value)]
    unit = _unit(setting)
    return f"{_typed(value)} {unit}" if unit else _typed(value)


def _unit(setting: settings.Setting) -> str:
    """Return what a number counts, by the last word of its key."""
    units = {"minutes": _("分钟"), "seconds": _("秒"), "days": _("天"), "points": _("分")}
    if setting.type == "percent":
        return "%"
    return units.get(setting.key.rpartition("_")[2], "") if setting.type == "int" else ""


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
    current_actor().require("job.run")
    name = request.form.get("job", "")
    try:
        report = _report(jobs.find(name), jobs.run_now(name))
    except AppError as refusal:
        flash(refusal.sentence(), "refused")
    else:
        flash(_("办完了：%(report)s", report=report), "done")
    return redirect(url_for("console.jobs"), code=303)
