"""API of settings, jobs and 通知: what places set, what is run by hand, what one was told."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_smorest import Blueprint
from marshmallow import EXCLUDE, fields

from core import jobs, settings
from core.http_keys import idempotency_key
from core.identity import current_actor, signed_in_only
from core.messages import MarkSeen, Message, MessagesSeen, mark_seen, messages_of
from core.schema import Schema
from core.setting_queries import INITIAL, SettingLine, lines, typed
from core.work import present, reader, transact

bp = Blueprint("core_api", __name__, description="settings, jobs and messages")
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


class MessagesQuerySchema(Schema):
    """Where a page of messages goes on from."""

    class Meta:
        """Query strings may carry what is not ours."""

        unknown = EXCLUDE

    before = fields.UUID(load_default=None)


class MessageSchema(Schema):
    """What somebody was told, in the words that are sent."""

    id = fields.UUID()
    at = fields.AwareDateTime()
    words = fields.String()
    link = fields.String(
        allow_none=True, metadata={"description": "Path of the page to read on; null: none."}
    )
    is_new = fields.Boolean()


class MarkSeenSchema(Schema):
    """The moment at which the list was shown: what came later stays new."""

    upto = fields.AwareDateTime(required=True)


class MessagesSeenSchema(Schema):
    """How many messages were new until now."""

    seen = fields.Integer()


@bp.get("/messages")
@bp.arguments(MessagesQuerySchema, location="query")
@bp.response(200, MessageSchema(many=True))
def messages(query: dict[str, Any]) -> list[dict[str, Any]]:
    """List what the one who is signed in was told, newest first, twenty at a time.

    A resident reads what concerns residents, staff what concerns their work. ``before``, the id
    of the last one, goes on from a page.
    """
    found = messages_of(reader(), current_actor(), present(), query["before"])
    return [_message(each) for each in found]


def _message(each: Message) -> dict[str, Any]:
    return {
        "id": each.id,
        "at": each.at,
        "words": each.words,
        "link": url_for(each.opens) if each.opens else None,
        "is_new": each.is_new,
    }


@bp.post("/messages/seen")
@bp.arguments(MarkSeenSchema)
@bp.response(200, MessagesSeenSchema)
def seen(data: dict[str, Any]) -> MessagesSeen:
    """Take as seen what the list showed at a moment; a repeat changes nothing."""
    return transact(mark_seen, MarkSeen(upto=data["upto"]), current_actor())
