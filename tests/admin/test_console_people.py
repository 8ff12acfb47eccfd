"""The console's page of people: roles given, confirmed by a second person, and ended."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, text

from residents.grants import (
    ConfirmGrant,
    GrantedByYourself,
    GrantRole,
    confirm_grant,
    grant_role,
)
from tests.admin.console import DISTRICT, XIAOYING, auditor, granted, post, reader
from tests.admin.forms import Forms, again, fill
from tests.admin.scene import words
from tests.conftest import Clock
from tests.people import HERE, People, Someone, second_self
from tests.points.books import one

Run = Callable[..., Any]
PAGE = "/console/people"
HUANG = Someone("黄志强", "13700000021", "staff", HERE)


def roles_of(connection: Connection, name: str) -> list[tuple[str, bool, bool]]:
    """Return role, whether confirmed and whether it has an end, of each grant of somebody."""
    rows = connection.execute(
        text(
            "SELECT role, confirmed_by IS NOT NULL, valid_to IS NOT NULL FROM grants"
            " JOIN people ON people.id = grants.person WHERE people.name = :name ORDER BY role"
        ),
        {"name": name},
    )
    return [(row[0], bool(row[1]), bool(row[2])) for row in rows]


def signed_in(connection: Connection, name: str) -> tuple[int, int]:
    """Return how often somebody has signed in, and how many of that still stand."""
    row = connection.execute(
        text(
            "SELECT count(*), count(*) FILTER (WHERE revoked_at IS NULL) FROM sign_ins"
            " JOIN people ON people.id = sign_ins.person WHERE people.name = :name"
        ),
        {"name": name},
    ).one()
    return row[0], row[1]


def grant_id(page: str, name: str) -> str:
    """Return the id of somebody's grant by the button that ends or confirms it."""
    row = next(row for row in page.split("<tr")[1:] if name in row)
    found = re.search(r'name="grant_id" value="([^"]+)"', row)
    assert found is not None
    return found[1]


def give(who: Someone, **more: str) -> dict[str, str]:
    """What is typed to give somebody a role."""
    place = str(who.community)
    return {"name": who.name, "phone": who.phone, "role": who.role, "place": place, **more}


def test_a_role_given_signs_in_and_its_end_signs_out(cast: People, ask: Run) -> None:
    lin = cast.browser(cast.lin)

    sent = fill(lin, PAGE, "/people", **give(HUANG))

    assert sent.status_code == 303
    assert "已授权，登录时就能选这个身份" in words(lin.get(PAGE))
    desk, phone = cast.browser(HUANG), cast.headers(HUANG)
    assert desk.get("/desk/").status_code == 200
    page = lin.get(f"{PAGE}?q={HUANG.name}").get_data(as_text=True)
    for _ in range(2):
        ended = again(lin, page, "/people/end")
        assert ended.status_code == 303
    assert "授权已结束" in words(lin.get(PAGE))
    assert "/sign-in" in desk.get("/desk/").headers["Location"]
    assert desk.get("/api/v1/me", headers=phone).status_code == 401
    assert ask(roles_of, HUANG.name) == [("staff", False, True)]
    assert ask(signed_in, HUANG.name) == (2, 0)
    assert "已结束" in words(lin.get(f"{PAGE}?q={HUANG.name}"))


def test_the_same_role_twice_is_one_grant(cast: People, ask: Run) -> None:
    lin = cast.browser(cast.lin)
    for _ in range(2):
        assert fill(lin, PAGE, "/people", **give(HUANG)).status_code == 303

    assert "已经有这项授权" in words(lin.get(PAGE))
    assert ask(roles_of, HUANG.name) == [("staff", False, False)]


def test_a_powerful_role_waits_for_the_second_person(cast: People, ask: Run) -> None:
    lin, wu = cast.browser(cast.lin), cast.browser(cast.wu)
    zheng = Someone("郑毅", "13700000022", "auditor", DISTRICT)

    fill(lin, PAGE, "/people", **give(zheng))

    shown = lin.get(PAGE)
    assert "已提出，等另一位管理员复核后生效" in words(shown)
    assert "等另一人复核" in words(shown)
    page = shown.get_data(as_text=True)
    assert not [form for form in Forms(page).forms if form[0].endswith("/confirm")]
    with pytest.raises(StopIteration):
        cast.token(zheng)
    alone = post(lin, f"{PAGE}/confirm", grant_id=grant_id(page, zheng.name))
    assert alone.status_code == 409
    assert "要两个人办" in words(alone)
    assert ask(roles_of, zheng.name) == [("auditor", False, False)]

    page = wu.get(PAGE).get_data(as_text=True)
    for _ in range(2):
        assert again(wu, page, "/people/confirm").status_code == 303

    assert "已复核，这项授权生效了" in words(wu.get(PAGE))
    assert ask(roles_of, zheng.name) == [("auditor", True, False)]
    assert cast.browser(zheng).get("/console/").status_code == 200


def test_what_was_ended_before_it_was_confirmed_stays_ended(cast: People, ask: Run) -> None:
    lin, wu = cast.browser(cast.lin), cast.browser(cast.wu)
    zheng = Someone("郑毅", "13700000022", "auditor", DISTRICT)
    fill(lin, PAGE, "/people", **give(zheng))
    page = wu.get(PAGE).get_data(as_text=True)
    post(lin, f"{PAGE}/end", grant_id=grant_id(page, zheng.name))

    late = again(wu, page, "/people/confirm")

    assert late.status_code == 404
    assert "可能已经收回了" in words(late)
    assert ask(roles_of, zheng.name) == [("auditor", False, True)]


def test_nobody_gives_ends_or_confirms_their_own(cast: People, ask: Run) -> None:
    lin = cast.browser(cast.lin)
    mine = Someone(cast.lin.name, cast.lin.phone, "auditor", DISTRICT)
    own = fill(lin, PAGE, "/people", **give(mine))
    assert own.status_code == 409
    assert "不能给自己授权" in words(own)

    page = lin.get(f"{PAGE}?q=林海").get_data(as_text=True)
    assert "您自己的" in page
    assert "结束授权" not in page
    found = ask(
        lambda c: c.scalar(
            text("SELECT grants.id FROM grants JOIN people ON people.id = person WHERE name = :n"),
            {"n": cast.lin.name},
        )
    )
    wanted = str(UUID(bytes=found) if isinstance(found, bytes) else found)
    assert post(lin, f"{PAGE}/end", grant_id=wanted).status_code == 409
    assert lin.get(PAGE).status_code == 200
    assert ask(roles_of, cast.lin.name) == [("district_admin", True, False)]


@pytest.mark.parametrize("second", ["spouse", "twin"])
def test_who_lives_with_the_one_or_is_the_same_human_does_not_confirm(
    cast: People, run: Run, ask: Run, second: str
) -> None:
    other = cast.li if second == "spouse" else second_self(run, cast.wang)
    maker, checker = (
        replace(cast.actor(cast.lin), person=one(each.person)) for each in (cast.wang, other)
    )
    command = GrantRole(name="郑毅", phone="13700000011", role="auditor", place=DISTRICT)
    made = run(grant_role, command, maker)

    with pytest.raises(GrantedByYourself):
        run(confirm_grant, ConfirmGrant(grant=made.id), checker)
    assert ask(roles_of, "郑毅") == [("auditor", False, False)]
    run(confirm_grant, ConfirmGrant(grant=made.id), cast.actor(cast.wu))


def test_the_last_two_admins_stay_until_a_third_is_confirmed(cast: People, ask: Run) -> None:
    lin, wu = cast.browser(cast.lin), cast.browser(cast.wu)
    third = Someone("郑毅", "13700000066", "district_admin", DISTRICT)

    def end_wu() -> tuple[int, str]:
        page = lin.get(f"{PAGE}?q=吴敏").get_data(as_text=True)
        done = post(lin, f"{PAGE}/end", grant_id=grant_id(page, "吴敏"))
        return done.status_code, words(done)

    refused = end_wu()
    assert refused[0] == 409
    assert "至少要有两位区级管理员" in refused[1]
    fill(lin, PAGE, "/people", **give(third))
    assert end_wu()[0] == 409, "a third who is not confirmed is none"
    page = wu.get(PAGE).get_data(as_text=True)
    assert again(wu, page, "/people/confirm").status_code == 303

    assert end_wu()[0] == 303
    assert ask(roles_of, "吴敏") == [("district_admin", True, True)]


WRONG: list[tuple[str, dict[str, str], str]] = [
    ("name", {"name": " "}, "姓名"),
    ("phone", {"phone": "12345"}, "手机号"),
    ("phone", {"phone": "幺三八"}, "手机号"),
    ("place", {"place": ""}, "请重新选择"),
    ("place", {"place": str(DISTRICT)}, "请重新选择"),
    ("place", {"place": "99999999999999999999"}, "请重新选择"),
    ("place", {"role": "auditor"}, "请重新选择"),
    ("place", {"role": "system"}, "请重新选择"),
    ("valid_from", {"valid_from": ""}, "请选好日期"),
    ("valid_from", {"valid_from": "昨天"}, "请选好日期"),
    ("valid_to", {"valid_to": "2026-13-01"}, "请选好日期"),
    ("valid_to", {"valid_to": "2026-11-23"}, "结束日期早于开始日期"),
]


def test_what_is_wrong_stands_beside_its_field(cast: People, ask: Run) -> None:
    lin = cast.browser(cast.lin)
    shown = lin.get(PAGE).get_data(as_text=True)
    for field, typed, says in WRONG:
        refused = again(lin, shown, "/people", **give(HUANG, **typed))

        page = refused.get_data(as_text=True)
        assert refused.status_code == 422, typed
        beside = re.search(rf'id="wrong-{field}".*?</p>', page, re.DOTALL)
        assert beside is not None, typed
        assert says in beside[0], typed
        assert re.search(rf'name="{field}"[^>]*aria-invalid="true"', page), typed
        if field != "name":
            assert f'value="{HUANG.name}"' in page
    assert ask(roles_of, HUANG.name) == []


def test_a_role_that_begins_later_is_not_offered_before(cast: People, clock: Clock) -> None:
    fill(cast.browser(cast.lin), PAGE, "/people", **give(HUANG, valid_from="2026-11-26"))

    with pytest.raises(StopIteration):
        cast.token(HUANG)
    clock.advance(days=2)
    assert cast.browser(HUANG).get("/desk/").status_code == 200


def test_the_list_is_searched_paged_and_shows_no_phone_number(cast: People, run: Run) -> None:
    lin = cast.browser(cast.lin)
    found = words(lin.get(f"{PAGE}?q=陈晓琳"))
    assert "陈晓琳" in found
    assert "赵建平" not in found
    assert "没有找到「没有人」" in words(lin.get(f"{PAGE}?q=没有人"))
    assert "没有找到「%」" in words(lin.get(f"{PAGE}?q=%25"))
    for number in range(40):
        who = GrantRole(name="许多", phone=f"136{number:08d}", role="staff", place=330102008051)
        run(grant_role, who, cast.actor(cast.lin))

    first, second = lin.get(PAGE), lin.get(f"{PAGE}?page=2")

    assert "47项授权在用" in words(first)
    assert "下一页" in words(first)
    assert "上一页" in words(second)
    rows = [page.get_data(as_text=True).count("<tr class") for page in (first, second)]
    assert rows == [40, 7]
    assert cast.staff.phone not in first.get_data(as_text=True)
    for page in ("0", "-1", "x", "99999999999999999999"):
        assert lin.get(f"{PAGE}?page={page}").status_code == 200


def test_readers_see_whom_they_may_and_change_nothing(cast: People, run: Run, ask: Run) -> None:
    here = Someone("马晓", "13700000023", "staff", XIAOYING + 51)
    granted(run, cast, here)
    everywhere, inside = auditor(run, cast), reader(run, cast)

    assert cast.staff.name in words(everywhere.get(PAGE))
    found = words(inside.get(PAGE))
    assert here.name in found
    assert "2项授权在用" in found
    assert cast.staff.name not in found
    assert "没有找到" in words(inside.get(f"{PAGE}?q={cast.staff.name}"))

    page = cast.browser(cast.lin).get(f"{PAGE}?q={here.name}").get_data(as_text=True)
    wanted = grant_id(page, here.name)
    for browser in (everywhere, inside):
        page = browser.get(PAGE).get_data(as_text=True)
        assert [form[0] for form in Forms(page).forms] == ["/sign-out"]
        typed = give(HUANG, valid_from="2026-11-24")
        assert post(browser, PAGE, **typed).status_code == 403
        for act in ("confirm", "end"):
            assert post(browser, f"{PAGE}/{act}", grant_id=wanted).status_code == 403
    assert ask(roles_of, here.name) == [("staff", False, False)]


def test_the_api_grants_confirms_lists_and_ends(cast: People, client: FlaskClient) -> None:
    lin, wu = cast.headers(cast.lin), cast.headers(cast.wu)
    url = "/api/v1/district/grants"
    wanted = {
        "name": "钱程",
        "phone": "13700000077",
        "role": "auditor",
        "place": DISTRICT,
    }
    assert client.post(url, json=wanted, headers=cast.headers(cast.lead)).status_code == 403
    made: Any = client.post(url, json=wanted, headers=lin)
    assert (made.status_code, made.json["exists"]) == (201, False)
    assert client.post(url, json=wanted, headers=lin).json == made.json | {"exists": True}
    one = f"{url}/{made.json['id']}"

    def line() -> Any:
        (row,) = client.get(url, query_string={"q": "钱程"}, headers=lin).json  # type: ignore[misc]
        return row

    assert line()["is_waiting"]
    own = client.post(f"{one}/confirm", headers=lin)
    assert (own.status_code, own.get_json()["code"]) == (409, "granted_by_yourself")
    assert client.post(f"{one}/confirm", headers=wu).status_code == 200
    assert not line()["is_waiting"]
    assert client.post(f"{one}/end", headers=wu).status_code == 200
    assert line()["is_ended"]
    assert client.post(url, json=wanted | {"place": HERE}, headers=lin).status_code == 422
