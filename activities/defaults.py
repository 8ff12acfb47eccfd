"""The district's activity templates of day one, checked against the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from activities.models import ActivityTemplate
from core.defaults import number, put, refuse_unless, rows
from core.errors import N_
from points.models import CatalogueRule

if TYPE_CHECKING:
    from sqlalchemy import Row

    from core.work import Work

FILE = "activities.csv"
HALF_HOUR_MINUTES = 30
OPEN_TO = {"本社区": "community", "全区": "district"}


def load_templates(work: Work, _event: object) -> None:
    """Load the templates; raises DefaultsBroken and names the row."""
    rules = {rule.key: rule for rule in work.connection.execute(select(CatalogueRule.__table__))}
    found = rows(FILE)
    for row in found:
        _check(row, rules)
    put(work, ActivityTemplate, [_record(index, row) for index, row in enumerate(found)])


def _check(row: dict[str, str], rules: dict[str, Row[tuple[object, ...]]]) -> None:
    key, minutes = row["key"], int(row["duration_minutes"])
    refuse_unless(row["open_to"] in OPEN_TO, FILE, key, N_("开放范围不认识"))
    refuse_unless(minutes % HALF_HOUR_MINUTES == 0, FILE, key, N_("时长应是半小时的倍数"))
    for part, kind, unit in (("take_part", "basic", "次"), ("serve", "service", "半小时")):
        name = row[f"{part}_rule"]
        if not name:
            continue
        rule = rules.get(name)
        refuse_unless(rule is not None, FILE, key, N_("没有规则 {rule}").format(rule=name))
        assert rule is not None  # noqa: S101 - refused above
        fits = rule.points_kind == kind and rule.unit == unit and rule.holder == "resident"
        refuse_unless(
            fits and rule.on_by_default, FILE, key, N_("规则 {rule} 不能用在这里").format(rule=name)
        )
        if part == "serve" and rule.cap_per_day is not None:
            in_cap = minutes <= rule.cap_per_day * HALF_HOUR_MINUTES
            refuse_unless(in_cap, FILE, key, N_("时长超过规则的每日上限"))


def _record(position: int, row: dict[str, str]) -> dict[str, object]:
    return {
        "key": row["key"],
        "name": row["name"],
        "kind": row["kind"],
        "scene": row["scene"],
        "summary": row["summary"],
        "take_part_rule": row["take_part_rule"] or None,
        "take_part_places": number(row["take_part_places"]),
        "serve_rule": row["serve_rule"] or None,
        "serve_places": number(row["serve_places"]),
        "duration_minutes": int(row["duration_minutes"]),
        "place_hint": row["place_hint"],
        "season": row["season"],
        "bring": row["bring"],
        "open_to": OPEN_TO[row["open_to"]],
        "position": position,
    }
