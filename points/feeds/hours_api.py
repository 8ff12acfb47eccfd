"""API of hours served elsewhere: what staff import from a file, for programs."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask_smorest import Blueprint
from marshmallow import ValidationError, fields, validate, validates_schema

from core.directory import directory
from core.errors import N_
from core.identity import current_actor, signed_in_only
from core.schema import Schema
from core.served import Span
from core.work import business_day, day_start, present, reader
from points.earning.act_sheets import ROWS_MAX, RowResult, RowsRecorded, refused_row
from points.earning.recorders import HolderUnknown, Looker
from points.earning.schemas import RowsRecordedSchema, again
from points.feeds.imported import HoursRow, import_hours, look_at_hours, whole_day
from points.schemas import storable

bp = Blueprint("points_hours_api", __name__, description="hours served elsewhere")
bp.before_request(signed_in_only)
TEXT_MAX = 60
DAY_MINUTES = 24 * 60
WORDS = (validate.Length(min=1, max=TEXT_MAX), storable)
FIRST, LAST = dt.date(2000, 1, 1), dt.date(2100, 1, 1)
MOMENT = validate.Range(day_start(FIRST), day_start(LAST))


class HoursSchema(Schema):
    """Whose: ``resident``, or ``name`` and ``phone``; when: two moments, or a day and minutes."""

    resident = fields.UUID()
    name = fields.String(validate=WORDS)
    phone = fields.String(validate=WORDS, metadata={"description": "all eleven digits"})
    starts_at = fields.AwareDateTime(validate=MOMENT)
    ends_at = fields.AwareDateTime(validate=MOMENT)
    day = fields.Date(validate=validate.Range(FIRST, LAST))
    minutes = fields.Integer(strict=True, validate=validate.Range(1, DAY_MINUTES))

    @validates_schema
    def one_way(self, data: dict[str, Any], **_: object) -> None:
        """Refuse none and several ways of saying who and when."""
        given = set(data)
        if given & {"resident", "name", "phone"} not in ({"resident"}, {"name", "phone"}):
            raise ValidationError(N_("请用居民编号，或姓名加手机号说明是谁。"))
        times = given & {"starts_at", "ends_at", "day", "minutes"}
        if times not in ({"starts_at", "ends_at"}, {"day", "minutes"}):
            raise ValidationError(N_("请写起止时间，或日期加分钟数。"))


class HoursListSchema(Schema):
    """Hours of one's community's residents; ``dry_run`` says what would become of each."""

    name = fields.String(required=True, validate=WORDS)
    rows = fields.List(
        fields.Nested(HoursSchema), required=True, validate=validate.Length(1, ROWS_MAX)
    )
    dry_run = fields.Boolean(load_default=False)
    undone_before = again()


@bp.post("/staff/hours")
@bp.arguments(HoursListSchema)
@bp.response(200, RowsRecordedSchema)
def record_hours(data: dict[str, Any]) -> RowsRecorded:
    """Import hours of 志愿浙江, each row by itself; the same rows again record nothing twice."""
    actor, now = current_actor(), present()
    actor.require("hours.import")
    rows, unknown = _rows(data["rows"])
    if not rows:
        return RowsRecorded(rows=unknown)
    if data["dry_run"]:
        asking = Looker(connection=reader(), actor=actor, day=business_day(now))
        done = look_at_hours(asking, now, actor.place, rows, again=data["undone_before"])
        results = (*done.rows, *unknown)
    else:
        name, before = data["name"], data["undone_before"]
        _sheet, done = import_hours(actor, actor.place, rows, name, unknown, again=before)
        results = done.rows
    return RowsRecorded(rows=tuple(sorted(results, key=lambda row: row.number)))


def _rows(given: list[dict[str, Any]]) -> tuple[list[HoursRow], tuple[RowResult, ...]]:
    """Return the rows whose people are known, and the refusals of the others."""
    named = directory().residents_named(
        reader(), {(row["name"], row["phone"]) for row in given if "name" in row}
    )
    rows, unknown = [], []
    for number, row in enumerate(given, start=1):
        resident = row.get("resident") or named.get((row.get("name", ""), row.get("phone", "")))
        if resident is None:
            unknown.append(refused_row(number, HolderUnknown().sentence()))
            continue
        span = (
            whole_day(row["day"])
            if "day" in row
            else Span(row["starts_at"].astimezone(dt.UTC), row["ends_at"].astimezone(dt.UTC))
        )
        rows.append(
            HoursRow(number=number, resident=resident, span=span, minutes=row.get("minutes"))
        )
    return rows, tuple(unknown)
