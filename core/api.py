"""API of settings and jobs: what the district sets, what a community sets itself, runs by hand."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint
from marshmallow import fields

from core import jobs, settings
from core.http_keys import idempotency_key
from core.identity import current_actor, signed_in_only
from core.schema import Schema
from core.setting_queries import INITIAL, SettingLine, lines, typed
from core.work import present, reader, transact

bp = Blueprint("core_api", __name__, description="settings and jobs")
bp.before_request(signed_in_only)


class SettingSchema(Schema):
    """A setting at a place; values as they are typed: 10, 1 or 0, 02:00, or one of the choices."""

    key = fields.String()
    name = fields.String()
    explanation = fields.String()
    type = fields.String(metadata={"enum": ["int", "percent", "bool", "time", "choice"]})
    scope = fields.String(metadata={"enum": ["district", "community"]})
    range = fields.String(metadata={"description": "The allowed values, in Chinese."})
    choices = fields.Dict(keys=fields.String(), values=fields.String())
    default = fields.String()
    district_value = fields.String(
        metadata={"description": "What holds where a community has no value of its own."}
    )
    own_value = fields.String(
        allow_none=True, metadata={"description": "The community's own; null: the district's."}
    )
    value = fields.String(metadata={"description": "What is in force."})
    since = fields.AwareDateTime(allow_none=True)
    set_by = fields.UUID(allow_none=True)


class SetSettingSchema(Schema):
    """A new value from now on; null: the district's again, or for the district the default."""

    value = fields.String(required=True, allow_none=True)


class SettingSetSchema(Schema):
    """What the place has of its own from now on; ``place`` 0 is the district."""

    setting = fields.String()
    place = fields.Integer()
    value = fields.String(allow_none=True)


class JobSchema(Schema):
    """A job, when it runs, and its last run."""

    name = fields.String()
    title = fields.String()
    schedule = fields.String()
    slot = fields.AwareDateTime(allow_none=True)
    state = fields.String(allow_none=True, metadata={"enum": ["running", "done", "failed", None]})
    attempts = fields.Integer()
    report = fields.String(allow_none=True)


class JobRanSchema(Schema):
    """What a job reports: a word and how many."""

    job = fields.String()
    report = fields.String()


@bp.get("/district/settings")
@bp.response(200, SettingSchema(many=True))
def district_settings() -> list[dict[str, Any]]:
    """List the settings of the district that code obeys."""
    current_actor().require("console.read")
    return [_shown(line) for line in lines(reader(), present())]


@bp.post("/district/settings/<string:key>")
@bp.arguments(SetSettingSchema)
@bp.response(200, SettingSetSchema)
def set_for_district(data: dict[str, Any], key: str) -> settings.SettingSet:
    """Give the district's setting another value from now on. Needs an Idempotency-Key."""
    return _set(key, settings.DISTRICT, data["value"])


@bp.get("/staff/settings")
@bp.response(200, SettingSchema(many=True))
def own_settings() -> list[dict[str, Any]]:
    """List the settings that the actor's community may set itself."""
    actor = current_actor()
    actor.require("setting.community")
    return [_shown(line) for line in lines(reader(), present(), actor.place)]


@bp.post("/staff/settings/<string:key>")
@bp.arguments(SetSettingSchema)
@bp.response(200, SettingSetSchema)
def set_for_community(data: dict[str, Any], key: str) -> settings.SettingSet:
    """Give the actor's community a value of its own. Needs an Idempotency-Key."""
    actor = current_actor()
    actor.require("setting.community")
    return _set(key, actor.place, data["value"])


def _set(key: str, place: int, value: str | None) -> settings.SettingSet:
    if key.startswith(INITIAL):
        raise settings.SettingUnknown
    command = settings.SetSetting(key=idempotency_key(), setting=key, place=place, value=value)
    return transact(settings.set_setting, command, current_actor())


def _shown(line: SettingLine) -> dict[str, Any]:
    setting = line.setting
    last = line.own if line.is_own else line.district
    return {
        "key": setting.key,
        "name": setting.name,
        "explanation": setting.explanation,
        "type": setting.type,
        "scope": setting.scope,
        "range": setting.range,
        "choices": setting.choices,
        "default": typed(setting.default),
        "district_value": typed(line.of_district),
        "own_value": typed(line.value) if line.is_own else None,
        "value": typed(line.value),
        "since": last.since if last else None,
        "set_by": last.by if last else None,
    }


@bp.get("/district/jobs")
@bp.response(200, JobSchema(many=True))
def all_jobs() -> list[dict[str, Any]]:
    """List what runs by itself, and when it last did."""
    current_actor().require("console.read")
    runs = jobs.last_runs(reader())
    return [_job(job, runs.get(job.name)) for job in jobs.registered()]


def _job(job: jobs.Job, run: jobs.LastRun | None) -> dict[str, Any]:
    return {
        "name": job.name,
        "title": job.title,
        "schedule": job.schedule.words,
        "slot": run.slot if run else None,
        "state": run.state if run else None,
        "attempts": run.attempts if run else 0,
        "report": run.report if run else None,
    }


@bp.post("/district/jobs/<string:name>/run")
@bp.response(200, JobRanSchema)
def run(name: str) -> dict[str, str]:
    """Run a job now; what was done before is not done again, so that a repeat is harmless."""
    return {"job": name, "report": jobs.run_now(name, current_actor())}
