"""Words for earning rules on the desk and the console."""

from __future__ import annotations

from flask_babel import gettext as _

from core.errors import N_
from core.formats import points
from points.earning.rule_table import RuleLine
from points.earning.rules import Caps, Rule

UNITS = {"半小时": N_("每半小时"), "次": N_("每次"), "月": N_("每月"), "户月": N_("每户每月")}
HOLDERS = {"resident": N_("个人"), "household": N_("户")}


def unit_words(unit: str) -> str:
    """Return what a unit is, as a table says it: 每半小时, 每户每月."""
    return _(UNITS.get(unit, unit))


def caps_words(rule: Rule) -> str:
    """Return the caps in units, 每天 2，每月 10, of each first where a household counts as well."""
    own = _caps((_("每次"), rule.cap_per_act), *_periods(rule.caps))
    together = _caps(*_periods(rule.household_caps))
    if not together:
        return own or _("不限")
    household = _("全户合计%(caps)s", caps=together)
    return _("每人%(caps)s；%(household)s", caps=own, household=household) if own else household


def _periods(caps: Caps) -> tuple[tuple[str, int | None], ...]:
    year, month, day = caps
    return (_("每天"), day), (_("每月"), month), (_("每年"), year)


def _caps(*named: tuple[str, int | None]) -> str:
    return _("，").join(f"{name} {cap}" for name, cap in named if cap is not None)


def difference(line: RuleLine) -> str:
    """Say how a rule differs from the district's base."""
    if not line.is_on:
        return _("没有打开")
    if line.is_own:
        return _("本社区自设")
    more = line.rule.amount - line.base
    if more > 0:
        return _("高 %(points)s", points=points(more))
    if more < 0:
        return _("低 %(points)s", points=points(-more))
    return _("分同基准，另定上限或登记人") if line.is_set else _("同基准")
