"""Settings as pages list them: in groups, with words for their values and whose they are."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from core import setting_queries, settings
from core.errors import N_
from core.setting_queries import SettingLine, typed
from core.work import present, reader
from residents import queries

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


def groups(community: int = settings.DISTRICT) -> tuple[dict[str, Any], ...]:
    """Return the settings of the district, or those that a community may set itself."""
    lines = setting_queries.lines(reader(), present(), community)
    people = queries.names(
        reader(), {given.by for line in lines for given in (line.district, line.own) if given}
    )
    rows = [_row(line, people) for line in lines]
    found = (
        {
            "name": _(name),
            "rows": tuple(row for row in rows if row["key"].partition(".")[0] == prefix),
        }
        for prefix, name in GROUPS.items()
    )
    return tuple(group for group in found if group["rows"])


def _row(line: SettingLine, people: dict[Any, str]) -> dict[str, Any]:
    setting = line.setting
    last = line.own if line.is_own else line.district
    return {
        "key": setting.key,
        "name": setting.name,
        "explanation": setting.explanation,
        "type": setting.type,
        "unit": _unit(setting),
        "value": typed(line.value),
        "words": _words(setting, line.value),
        "default_words": _words(setting, setting.default),
        "district_words": _words(setting, line.of_district),
        "changed": line.value != setting.default,
        "own": line.is_own,
        "min": None if setting.minimum is None else typed(setting.minimum),
        "max": None if setting.maximum is None else typed(setting.maximum),
        "choices": tuple(setting.choices.items()),
        "changed_by": people.get(last.by, _("系统")) if last is not None else None,
        "changed_at": last.since if last is not None else None,
        "per_community": setting.scope == "community",
    }


def _words(setting: settings.Setting, value: settings.Value) -> str:
    """Return a value as people read it."""
    if isinstance(value, bool):
        return _("开") if value else _("关")
    if setting.type == "choice":
        return setting.choices[str(value)]
    unit = _unit(setting)
    return f"{typed(value)} {unit}" if unit else typed(value)


def _unit(setting: settings.Setting) -> str:
    """Return what a number counts, by the last word of its key."""
    units = {"minutes": _("分钟"), "seconds": _("秒"), "days": _("天"), "points": _("分")}
    if setting.type == "percent":
        return "%"
    return units.get(setting.key.rpartition("_")[2], "") if setting.type == "int" else ""
