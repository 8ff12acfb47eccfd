"""What a scanned code opens: sign-in or registering on the way, the one tap, and its result."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from activities.cancelling import cancel_session
from activities.doorway import COOKIE
from activities.publish import close_session
from residents import queries
from residents.models import SignIn
from residents.people import EnterResident, enter_resident
from residents.places import SetPhone, set_phone
from residents.revoking import Revoke, revoke
from tests.activities.scene import BOTH, START, Scene, at
from tests.admin.forms import again, fill
from tests.admin.scene import words
from tests.everything import everything
from tests.people import HERE, THERE, Someone
from tests.residents.forms import field, prove, send

PRESENCE = "/activities/presence"
NUMBER = "13957001234"
FULL = tuple(replace(part, places=1) for part in BOTH)


def scan(
    scene: Scene,
    browser: FlaskClient,
    session: UUID,
    phase: Any = "entry",
    when: dt.datetime | None = None,
) -> Any:
    """Open what the screen's code holds, and follow it to its page."""
    if when is not None:
        scene.clock.set(when)
    answer = browser.get(f"/V/{scene.code(session, phase)}")
    assert (answer.status_code, answer.headers["Location"]) == (303, PRESENCE)
    return browser.get(PRESENCE)


def tap(browser: FlaskClient, part: str = "take_part") -> Any:
    """Tap the one button of the page that the scan opened."""
    return fill(browser, PRESENCE, "/check-in", part=part)


def result(browser: FlaskClient, answer: Any) -> str:
    """Follow the tap to the page that says what came of it."""
    assert answer.status_code == 303, words(answer)
    page = browser.get(answer.headers["Location"])
    assert page.status_code == 200
    return words(page)


def test_a_scan_and_one_tap_check_in_and_only_the_tap_writes(scene: Scene) -> None:
    session, browser = scene.session(), scene.cast.browser(scene.cast.wang)
    before = scene.ask(everything)

    page = scan(scene, browser, session, when=at(10, 31, 7))

    assert scene.ask(everything) == before
    assert "扫码成功10:31" in page.get_data(as_text=True).replace("</span><span>", "")
    assert "王秀英，今天您来" in words(page)
    assert "10:41前点一下，都算您10:31到场" in words(page)
    said = result(browser, tap(browser))
    assert "签到成功10:31" in said
    assert "+1基本积分，待到账" in said
    assert "明早8点前到账" in said
    [row] = scene.attendances(session)
    assert (row.resident, row.method) == (scene.cast.wang.resident, "venue")


def test_the_scan_travels_in_a_cookie_that_no_script_reads(scene: Scene) -> None:
    session, browser = scene.session(), scene.app.test_client()

    answer = browser.get(f"/V/{scene.code(session)}")

    [cookie] = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "SameSite=Lax", "Max-Age=600"} <= set(cookie.split("; "))


def test_serving_promises_no_points_before_the_exit(scene: Scene) -> None:
    session, browser = scene.session(), scene.cast.browser(scene.cast.wang)
    scan(scene, browser, session, when=START)

    said = result(browser, tap(browser, "serve"))

    assert "签到成功10:30离开时再扫一次，按时长计分" in said
    assert "待到账" not in said
    assert "+" not in said


def test_at_the_exit_the_hours_are_counted(scene: Scene) -> None:
    session, browser = scene.session(), scene.cast.browser(scene.cast.wang)
    scan(scene, browser, session, when=START)
    tap(browser, "serve")

    page = scan(scene, browser, session, "exit", at(12, 28))

    assert "王秀英，您10:30签到来帮忙。点一下，按时长计分。" in words(page)
    said = result(browser, tap(browser, "serve"))
    assert "记下了，谢谢您12:282小时，+20分，待到账" in said
    assert "计2小时" in said


CALM = {"take_part": "您10:31已经签过到，不用再扫", "serve": "您10:31已签到，离开时再扫"}


@pytest.mark.parametrize("part", ["take_part", "serve"])
def test_a_duplicate_is_calm_and_blue_and_offers_no_part(scene: Scene, part: str) -> None:
    session, browser = scene.session(), scene.cast.browser(scene.cast.wang)
    shown = scan(scene, browser, session, when=at(10, 31)).get_data(as_text=True)
    first = again(browser, shown, "/check-in", part=part)
    before = scene.ask(everything)

    taps = [again(browser, shown, "/check-in", part=each) for each in CALM]
    fresh = scan(scene, browser, session, when=at(10, 40))

    for answer in (*taps, fresh):
        assert answer.headers["Location"] != first.headers["Location"]
        assert CALM[part] in result(browser, answer)
    page = browser.get(fresh.headers["Location"]).get_data(as_text=True)
    assert 'content="#1d5b91"' in page
    assert 'class="verdict again"' in page
    assert 'name="part"' not in page
    assert scene.ask(everything) == before


def test_who_left_and_scans_in_again_reads_that_they_left(scene: Scene) -> None:
    session, browser = scene.session(), scene.cast.browser(scene.cast.wang)
    scene.serve(scene.cast.wang, session, START, at(11, 40))

    said = result(browser, scan(scene, browser, session, when=at(11, 45)))

    assert "您11:40已经记下离开，不用再扫" in said


def test_from_the_calm_page_the_next_of_the_family_checks_in(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    browser = cast.browser(cast.wang)
    scene.scan(cast.wang, session, "serve", when=at(10, 31))
    calm = scan(scene, browser, session, when=at(10, 40))

    shown = browser.get(calm.headers["Location"])
    assert "不是王秀英？换个人登录" in words(shown)
    out = again(browser, shown.get_data(as_text=True), "/sign-out")
    assert out.headers["Location"] == PRESENCE
    prove(scene.app, browser, cast.chen.phone, PRESENCE)

    assert "签到成功10:40" in result(browser, tap(browser))
    assert len(scene.attendances(session)) == 2


def test_a_second_exit_is_calm_and_blue(scene: Scene) -> None:
    session, browser = scene.session(), scene.cast.browser(scene.cast.wang)
    scene.serve(scene.cast.wang, session, START, at(11, 40))

    scan(scene, browser, session, "exit", at(12, 25))
    said = result(browser, tap(browser, "serve"))

    assert "您11:40已经记下离开，不用再扫" in said


def test_an_exit_without_an_entry_sends_to_staff(scene: Scene) -> None:
    session, browser = scene.session(), scene.cast.browser(scene.cast.wang)

    page = scan(scene, browser, session, "exit", at(12, 25))

    assert "请找现场的工作人员登记" in words(page)
    assert 'action="/activities/check-in"' not in page.get_data(as_text=True)


def test_an_old_scan_is_told_to_scan_again(scene: Scene) -> None:
    session, browser = scene.session(), scene.cast.browser(scene.cast.wang)
    page = scan(scene, browser, session, when=at(10, 31)).get_data(as_text=True)
    before = scene.ask(everything)

    scene.clock.set(at(10, 41, 1))

    shown = browser.get(PRESENCE)
    assert shown.status_code == 422
    assert "码已更新，请对着屏幕再扫一次" in words(shown)
    late = again(browser, page, "/check-in", part="take_part")
    assert late.status_code == 422
    assert "扫码过去十分钟了，请对着屏幕再扫一次" in words(late)
    assert scene.refused() == ["grant_expired"]
    assert scene.ask(everything) | {"refused_scans": []} == before


def test_an_old_code_says_whom_to_call(scene: Scene, client: FlaskClient) -> None:
    lin = scene.cast.actor(scene.cast.lin)
    scene.run(set_phone, SetPhone(place=lin.place, phone="0571-87654321"), lin)
    scene.clock.set(at(10, 31))
    code = scene.code(scene.session(community=THERE), "entry")
    scene.clock.set(at(10, 45))

    page = client.get(f"/V/{code}")

    assert page.status_code == 422
    assert "打电话问涌金门社区0571-87654321" in words(page)


def test_at_the_last_moment_the_scan_still_counts(scene: Scene) -> None:
    session, browser = scene.session(), scene.cast.browser(scene.cast.wang)
    scan(scene, browser, session, when=at(10, 31))
    scene.clock.set(at(10, 41))

    assert "签到成功10:31" in result(browser, tap(browser))


def test_without_a_scan_nobody_checks_in(scene: Scene) -> None:
    session, browser = scene.session(), scene.cast.browser(scene.cast.wang)

    assert browser.get(PRESENCE).status_code == 422
    tapped = send(browser, "/me", "/activities/check-in", part="take_part")

    assert tapped.status_code == 422
    assert "扫码过去十分钟了，请对着屏幕再扫一次" in words(tapped)
    assert scene.attendances(session) == []


def test_the_tap_needs_the_pages_own_token(scene: Scene) -> None:
    session, browser = scene.session(), scene.cast.browser(scene.cast.wang)
    scan(scene, browser, session)

    assert browser.post("/activities/check-in", data={"part": "take_part"}).status_code == 400
    assert scene.attendances(session) == []


def test_somebody_signed_out_signs_in_on_the_way_and_keeps_the_moment(
    scene: Scene, client: FlaskClient
) -> None:
    session, wang = scene.session(), scene.cast.wang
    way = scan(scene, client, session, when=at(10, 31))
    assert way.headers["Location"] == f"/sign-in?next={PRESENCE}"
    page = words(client.get(way.headers["Location"]))
    assert "10:41前登录，都算您10:31到场" in page

    scene.clock.set(at(10, 38))
    signed_in = prove(scene.app, client, wang.phone, PRESENCE)

    assert signed_in.headers["Location"] == PRESENCE
    assert "签到成功10:31" in result(client, tap(client))
    [row] = scene.attendances(session)
    assert (row.event_at, row.recorded_at) == (at(10, 31), at(10, 38))


def test_whose_sign_in_ended_on_the_way_finds_the_choice_again(scene: Scene) -> None:
    session, wang = scene.session(), scene.cast.wang
    browser = scene.cast.browser(wang)
    shown = scan(scene, browser, session, when=at(10, 31)).get_data(as_text=True)
    actor = scene.cast.actor(wang)
    own = select(SignIn.id).where(SignIn.person == actor.person)
    for each in scene.ask(lambda c: c.scalars(own).all()):
        scene.run(revoke, Revoke(sign_in=each), actor)

    asked = again(browser, shown, "/check-in", part="serve")
    page = browser.get(asked.headers["Location"]).get_data(as_text=True)
    back = prove(scene.app, browser, wang.phone, field(page, "next"))

    page = browser.get(back.headers["Location"]).get_data(as_text=True)
    assert re.findall(r'class="card tap chosen" name="part" value="(\w+)"', page) == ["serve"]
    assert "您刚才选的就是这个" in page


def test_a_family_on_one_number_chooses_who_came(scene: Scene, client: FlaskClient) -> None:
    cast, session = scene.cast, scene.session()
    mother = EnterResident(community=HERE, name="王桂芝", phone=cast.wang.phone)
    entered = scene.run(enter_resident, mother, cast.actor(cast.staff))
    scan(scene, client, session, when=at(10, 31))

    asked = prove(scene.app, client, cast.wang.phone, PRESENCE)
    page = client.get(asked.headers["Location"])
    assert "便民集市" in page.get_data(as_text=True)
    chosen = again(
        client, page.get_data(as_text=True), "/sign-in/choose", choice=str(entered.resident)
    )

    assert chosen.headers["Location"] == PRESENCE
    result(client, tap(client))
    assert [row.resident for row in scene.attendances(session)] == [entered.resident]


def register(scene: Scene, browser: FlaskClient, **typed: str) -> Any:
    """Prove a number that nobody has, and register as the page proposes."""
    prove(scene.app, browser, NUMBER, PRESENCE)
    given = {"name": "何静怡", "consent": "1", "community": str(THERE), **typed}
    return send(browser, f"/join?next={PRESENCE}", "/join", **given)


@pytest.mark.parametrize("part", ["take_part", "serve"])
def test_somebody_unknown_registers_on_the_way_and_is_checked_in(
    scene: Scene, client: FlaskClient, part: str
) -> None:
    session = scene.session(community=THERE)
    scan(scene, client, session, when=at(10, 31))
    prove(scene.app, client, NUMBER, PRESENCE)
    page = client.get("/join").get_data(as_text=True)
    assert f'value="{THERE}" selected' in page
    assert "便民集市" in page

    scene.clock.set(at(10, 39))
    done = register(scene, client, part=part)

    assert "签到成功10:31" in result(client, done)
    [row] = scene.attendances(session)
    assert (row.part, row.event_at, row.provenance) == (part, at(10, 31), "verified")
    [line] = scene.ask(lambda c: queries.waiting(c, THERE))
    assert (line.name, line.state, line.resident) == ("何静怡", "unconfirmed", row.resident)


def chosen(page: Any) -> dict[str, str]:
    """Return each part of the page of registering, with "checked", "disabled" or ""."""
    found = r'name="part" value="(\w+)" required ?(\w*)>'
    return dict(re.findall(found, page.get_data(as_text=True)))


def test_where_a_part_is_full_the_other_is_chosen_beforehand(
    scene: Scene, client: FlaskClient
) -> None:
    cast, session = scene.cast, scene.session(community=THERE, parts=FULL)
    scan(scene, client, session, when=at(10, 31))
    prove(scene.app, client, NUMBER, PRESENCE)
    open_both = client.get("/join")

    scene.scan(cast.there, session)
    one_full = client.get("/join")
    scene.scan(cast.chen, session, "serve")
    both_full = client.get("/join")

    assert chosen(open_both) == {"take_part": "checked", "serve": ""}
    assert chosen(one_full) == {"take_part": "disabled", "serve": "checked"}
    assert "参加名额满了" in words(one_full)
    assert chosen(both_full) == {"take_part": "disabled", "serve": "disabled"}
    done = register(scene, client, next=PRESENCE)
    assert "名额满了" in words(client.get(done.headers["Location"]))


def test_back_from_having_registered_is_no_error(scene: Scene, client: FlaskClient) -> None:
    session = scene.session(community=THERE)
    scan(scene, client, session, when=at(10, 31))
    register(scene, client, part="take_part")

    for page in ("/join", "/sign-in"):
        back = client.get(f"{page}?next={PRESENCE}", follow_redirects=True)

        assert back.status_code == 200, page
        assert "何静怡" in words(back)


def test_who_registers_too_slowly_is_in_and_scans_again(scene: Scene, client: FlaskClient) -> None:
    session = scene.session(community=THERE)
    scan(scene, client, session, when=at(10, 31))
    prove(scene.app, client, NUMBER, PRESENCE)
    scene.clock.set(at(10, 41, 1))

    done = register(scene, client, part="serve")

    assert done.headers["Location"] == PRESENCE
    assert "请对着屏幕再扫一次" in words(client.get(PRESENCE))
    assert (scene.attendances(session), scene.refused()) == ([], ["grant_expired"])
    assert "签到成功10:41" in result(client, _scan_and_tap(scene, client, session))


def _scan_and_tap(scene: Scene, browser: FlaskClient, session: UUID) -> Any:
    scan(scene, browser, session)
    return tap(browser)


def test_who_registers_into_a_full_part_is_told_and_offered_the_other(
    scene: Scene, client: FlaskClient
) -> None:
    session = scene.session(community=THERE, parts=scene.places("take_part", 1))
    scene.scan(scene.cast.there, session)
    scan(scene, client, session, when=at(10, 31))

    done = register(scene, client, part="take_part")

    assert done.headers["Location"] == PRESENCE
    assert "来参加的名额满了，来帮忙还有名额" in words(client.get(PRESENCE))
    assert "签到成功10:31" in result(client, tap(client, "serve"))


def test_a_full_part_cannot_be_tapped_but_by_whom_it_is_kept_for(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 1))
    scene.sign_up(cast.wang, session)
    scene.sign_up(cast.new, session)
    signed, stranger, waits = (cast.browser(who) for who in (cast.wang, cast.chen, cast.new))

    for browser in (stranger, waits):
        page = scan(scene, browser, session, when=START)
        assert "名额满了，请选另一种，或问工作人员" in words(page)
        assert _disabled(page, "take_part")
        assert not _disabled(page, "serve")
    page = scan(scene, signed, session)
    assert not _disabled(page, "take_part")
    assert "您报名的就是这个" in words(page)
    assert "签到成功" in result(signed, tap(signed))
    assert "不用再扫" in result(signed, signed.get(PRESENCE))


def test_where_nothing_else_has_places_a_full_part_sends_to_staff(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 1)[:1])
    scene.scan(cast.chen, session)

    page = scan(scene, cast.browser(cast.wang), session, when=START)

    assert "名额满了，请问现场的工作人员" in words(page)
    assert "请选另一种" not in words(page)
    # A card that cannot be tapped does not look chosen.
    assert "tap chosen" not in page.get_data(as_text=True)


@pytest.mark.parametrize("part", ["take_part", "serve"])
def test_who_has_a_place_in_both_full_parts_may_tap_either(scene: Scene, part: str) -> None:
    wang, session = scene.cast.wang, scene.session(parts=FULL)
    scene.sign_up(wang, session)
    scene.sign_up(wang, session, "serve")
    browser = scene.cast.browser(wang)

    scan(scene, browser, session)

    assert "签到成功" in result(browser, tap(browser, part))


def _disabled(page: Any, part: str) -> bool:
    [button] = [
        tag for tag in page.get_data(as_text=True).split("<button")[1:] if f'value="{part}"' in tag
    ]
    return " disabled" in button.partition(">")[0]


def refusals(scene: Scene) -> dict[str, tuple[UUID, Someone, str]]:
    cast = scene.cast
    closed, cancelled = scene.session(), scene.session()
    for session, end in ((closed, close_session), (cancelled, cancel_session)):
        scene.end(end, session)
    return {
        "closed": (closed, cast.chen, "这一场已经结束或取消，不能再签到"),
        "cancelled": (cancelled, cast.chen, "这一场已经结束或取消，不能再签到"),
        "elsewhere": (
            scene.session(open_to="community"),
            cast.there,
            "社区的居民，不能签到。可以看看全区开放的活动",
        ),
        "early": (
            scene.session(sessions=((at(14), at(16)),)),
            cast.chen,
            "13:30开始签到",
        ),
    }


def test_what_is_refused_is_said_on_a_page_with_what_to_do_next(scene: Scene) -> None:
    scene.clock.set(at(11))
    for session, someone, sentence in refusals(scene).values():
        browser = scene.cast.browser(someone)
        scan(scene, browser, session)

        answer = tap(browser)

        assert answer.status_code == 422
        assert sentence in words(answer)
        assert scene.attendances(session) == []
    assert scene.refused() == ["session_ended"] * 2 + ["only_its_residents", "not_open_yet"]


def test_another_person_on_the_same_phone_scans_for_themselves(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    browser = cast.browser(cast.wang)
    scan(scene, browser, session, when=at(10, 31))
    tap(browser)

    page = browser.get(PRESENCE, follow_redirects=True).get_data(as_text=True)
    out = again(browser, page, "/sign-out")
    assert out.headers["Location"] == PRESENCE
    assert browser.get(PRESENCE).headers["Location"].startswith("/sign-in")
    prove(scene.app, browser, cast.chen.phone, PRESENCE)
    used = tap(browser)

    assert used.status_code == 422
    assert "这次扫码已经用过了。请每个人自己扫一次屏幕上的码" in words(used)
    assert "签到成功" in result(browser, _scan_and_tap(scene, browser, session))
    assert len(scene.attendances(session)) == 2


def test_staff_who_scan_are_asked_who_they_are_as_residents(scene: Scene) -> None:
    session, browser = scene.session(), scene.cast.browser(scene.cast.staff)

    way = scan(scene, browser, session)

    assert (way.status_code, way.headers["Location"]) == (303, f"/sign-in?next={PRESENCE}")
    assert "您登录的是工作身份" in words(browser.get(way.headers["Location"]))


def test_staff_who_are_no_residents_yet_register_on_the_way(
    scene: Scene, client: FlaskClient
) -> None:
    cast, session = scene.cast, scene.session(community=THERE)
    scan(scene, client, session, when=at(10, 31))

    asked = prove(scene.app, client, cast.staff.phone, PRESENCE)
    page = client.get(asked.headers["Location"])
    assert "都不是，我第一次来" in words(page)
    given = {"name": cast.staff.name, "consent": "1", "community": str(HERE), "part": "take_part"}
    done = send(client, f"/join?next={PRESENCE}", "/join", **given)

    assert "签到成功10:31" in result(client, done)
    # Where no scan waits, their number leads straight to work as before.
    assert prove(scene.app, scene.app.test_client(), cast.lin.phone).headers["Location"] == "/"


def test_a_daughter_on_her_mothers_number_registers_for_herself(
    scene: Scene, client: FlaskClient
) -> None:
    cast, session = scene.cast, scene.session()
    scan(scene, client, session, when=at(10, 31))
    assert prove(scene.app, client, cast.wang.phone, PRESENCE).headers["Location"] == PRESENCE
    mothers = client.get(PRESENCE).get_data(as_text=True)
    again(client, mothers, "/sign-out")

    asked = prove(scene.app, client, cast.wang.phone, PRESENCE)
    assert "都不是，我第一次来" in words(client.get(asked.headers["Location"]))
    given = {"name": "王晓梅", "consent": "1", "community": str(HERE), "part": "take_part"}
    done = send(client, f"/join?next={PRESENCE}", "/join", **given)

    assert "签到成功10:31" in result(client, done)
