"""Staff of the community see a resident's whole number, and leave their name with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core.acts import NotInYourScope
from core.errors import Forbidden
from residents.people import ResidentUnknown
from residents.revealing import (
    LOOKS_A_DAY,
    NoNumber,
    PhoneRevealed,
    RevealPhone,
    reveal_phone,
    show_phone,
)
from tests.admin.forms import fill
from tests.admin.scene import words
from tests.conftest import Clock
from tests.core.noting import audit
from tests.people import People
from tests.points.books import one

Run = Callable[..., Any]


def test_each_look_at_a_number_stays_written_down_without_the_number(
    cast: People, run: Run, ask: Run
) -> None:
    staff, wang = cast.actor(cast.staff), one(cast.wang.resident)

    shown = [run(reveal_phone, RevealPhone(resident=wang), staff) for _ in range(2)]

    assert shown == [PhoneRevealed(resident=wang, phone=cast.wang.phone)] * 2
    rows = ask(audit, "reveal_phone")
    assert [(row.actor, row.scope) for row in rows] == [(staff.person, staff.scope)] * 2
    assert {row.result for row in rows} == {f'{{"resident":"{wang}"}}'}


def test_nobody_else_sees_a_number(cast: People, run: Run, ask: Run) -> None:
    look = RevealPhone(resident=one(cast.wang.resident))

    with pytest.raises(NotInYourScope):
        run(reveal_phone, look, cast.actor(cast.elsewhere))
    for other in (cast.keeper, cast.lin, cast.wang):
        with pytest.raises(Forbidden):
            run(reveal_phone, look, cast.actor(other))
    assert ask(audit, "reveal_phone") == []


def test_who_has_no_number_or_is_nobody_has_none_to_show(cast: People, run: Run) -> None:
    for resident, refusal in ((cast.li.resident, NoNumber), (UUID(int=4711), ResidentUnknown)):
        with pytest.raises(refusal):
            run(reveal_phone, RevealPhone(resident=one(resident)), cast.actor(cast.staff))


def test_a_day_of_looking_ends_for_whoever_looks_and_not_for_their_colleagues(
    app: Flask, cast: People, client: FlaskClient, clock: Clock, ask: Run
) -> None:
    staff, card = cast.browser(cast.staff), f"/desk/residents/{cast.wang.resident}"
    resident, url = one(cast.wang.resident), f"/api/v1/staff/residents/{cast.wang.resident}/phone"
    with app.app_context():
        for _ in range(LOOKS_A_DAY - 1):
            show_phone(resident, cast.actor(cast.staff))
    assert client.post(url, headers=cast.headers(cast.staff)).status_code == 200

    page = fill(staff, card, f"{card}/phone")
    answer = client.post(url, headers=cast.headers(cast.staff))

    assert page.status_code == answer.status_code == 429
    assert "今天看整号码的次数用完了" in words(page)
    assert cast.wang.phone not in page.get_data(as_text=True)
    assert answer.json is not None
    assert answer.json["code"] == "too_many_numbers"
    assert int(answer.headers["Retry-After"]) == 24 * 3600
    assert len(ask(audit, "reveal_phone")) == LOOKS_A_DAY
    assert client.post(url, headers=cast.headers(cast.lead)).status_code == 200
    clock.advance(days=1)
    assert client.post(url, headers=cast.headers(cast.staff)).status_code == 200


def test_the_desk_and_the_api_show_it(cast: People, client: FlaskClient, ask: Run) -> None:
    staff, card = cast.browser(cast.staff), f"/desk/residents/{cast.wang.resident}"
    assert cast.wang.phone not in staff.get(card).get_data(as_text=True)

    shown = fill(staff, card, f"{card}/phone")

    assert (shown.status_code, shown.headers["Cache-Control"]) == (200, "no-store")
    assert cast.wang.phone in words(shown)
    assert cast.wang.phone not in staff.get(card).get_data(as_text=True)
    url = f"/api/v1/staff/residents/{cast.wang.resident}/phone"
    assert client.post(url, headers=cast.headers(cast.staff)).json == {
        "resident": str(cast.wang.resident),
        "phone": cast.wang.phone,
    }
    assert client.post(url, headers=cast.headers(cast.elsewhere)).status_code == 403
    assert len(ask(audit, "reveal_phone")) == 2
    without = staff.get(f"/desk/residents/{cast.li.resident}").get_data(as_text=True)
    assert "/phone" not in without
