"""People of the console, and how they act there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient

from residents.grants import ConfirmGrant, GrantRole, confirm_grant, grant_role
from tests.people import People, Someone
from tests.residents.forms import send

Run = Callable[..., Any]
DISTRICT = 330102000000
XIAOYING = 330102004000  # 小营街道
ZIYANG = 330102009000  # 紫阳街道


def granted(run: Run, cast: People, who: Someone) -> Someone:
    """Give somebody their role, confirmed by the other admin where it wants that."""
    command = GrantRole(name=who.name, phone=who.phone, role=who.role, place=who.community)
    made = run(grant_role, command, cast.actor(cast.lin))
    if who.role in {"district_admin", "auditor"}:
        run(confirm_grant, ConfirmGrant(grant=made.id), cast.actor(cast.wu))
    return who


def auditor(run: Run, cast: People) -> FlaskClient:
    """The browser of somebody who reads the district."""
    who = Someone("郑毅", "13700000011", "auditor", DISTRICT)
    return cast.browser(granted(run, cast, who))


def reads_one(run: Run, cast: People, subdistrict: int = XIAOYING) -> Someone:
    """Somebody who reads one subdistrict."""
    phone = f"137{subdistrict // 1000 % 100_000_000:08d}"
    return granted(run, cast, Someone("钱伟民", phone, "subdistrict_reader", subdistrict))


def reader(run: Run, cast: People, subdistrict: int = XIAOYING) -> FlaskClient:
    """The browser of somebody who reads one subdistrict."""
    return cast.browser(reads_one(run, cast, subdistrict))


def post(browser: FlaskClient, address: str, **data: str) -> Any:
    """Send what no form of theirs offers."""
    return send(browser, "/console/settings", address, **data)
