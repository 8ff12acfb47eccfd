"""我的登录: staff see their own devices in the room they work in, and sign a lost one out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.admin.forms import again
from tests.people import People, Someone
from tests.points.doors import building_lead

Run = Callable[..., Any]


@pytest.mark.parametrize("name", ["desk", "console", "field"])
def test_a_lost_phone_is_signed_out_from_another(
    run: Run, ask: Run, cast: People, client: FlaskClient, name: str
) -> None:
    who: dict[str, Callable[[], Someone]] = {
        "desk": lambda: cast.staff,
        "console": lambda: cast.lin,
        "field": lambda: building_lead(run, ask, cast),
    }
    someone = who[name]()
    lost, kept, page = cast.headers(someone), cast.browser(someone, anew=True), f"/{name}/sign-ins"
    assert client.get("/api/v1/sign-ins", headers=lost).status_code == 200
    assert page in kept.get(f"/{name}/").get_data(as_text=True)
    own = cast.browser(cast.wang).get(page)
    assert own.status_code in {302, 303, 403}

    shown = kept.get(page).get_data(as_text=True)
    while '/end"' in shown:
        done = again(kept, shown, "/end")
        shown = kept.get(page).get_data(as_text=True)

    assert (done.status_code, done.headers["Location"]) == (303, page)
    assert "那台设备已经退出登录" in shown
    assert "就是这一台" in shown
    assert client.get("/api/v1/sign-ins", headers=lost).status_code == 401
