"""Words for devices and roles, as residents and staff read them."""

from __future__ import annotations

from flask_babel import gettext as _

from core.errors import N_

ROLES = {
    "resident": N_("居民"),
    "staff": N_("社工"),
    "lead": N_("社区负责人"),
    "keeper": N_("积分驿站管理员"),
    "helper": N_("活动协管"),
    "grid_worker": N_("网格员"),
    "building_lead": N_("楼道长"),
    "subdistrict_reader": N_("街道工作人员"),
    "district_admin": N_("区级管理员"),
    "auditor": N_("审计员"),
}
AGENTS = {"family": N_("代办家人"), "carer": N_("护理人"), "guardian": N_("监护人")}
"""What whoever acts for somebody is to them."""

SYSTEMS = (
    ("iPhone", N_("苹果手机")),
    ("iPad", N_("苹果平板")),
    ("Android", N_("安卓手机")),
    ("Windows", N_("电脑")),
    ("Macintosh", N_("苹果电脑")),
    ("Linux", N_("电脑")),
)


def role_words(role: str, place: str) -> str:
    """Return the role with its place: 社工，小营巷社区."""
    if role == "resident":
        return place
    return f"{_(ROLES[role])}，{place}" if place else _(ROLES[role])


def agent_words(kind: str) -> str:
    """Return what somebody who acts for another is to them: 护理人."""
    return _(AGENTS[kind])


def device_label(agent: str) -> str:
    """Return what a browser calls itself, in two words."""
    system = next((words for mark, words in SYSTEMS if mark in agent), N_("别的设备"))
    return f"{_('微信')}，{_(system)}" if "MicroMessenger" in agent else _(system)
