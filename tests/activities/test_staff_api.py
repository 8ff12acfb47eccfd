"""What staff read and steer over the API: the twins of the desk's pages and of the screen."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from activities.cancelling import cancel_session
from activities.screen import counts
from activities.screen import session as screen_session
from tests.activities.conftest import Call
from tests.activities.scene import Scene, at
from tests.people import Someone


def read(call: Call, who: Someone | None, path: str) -> Any:
    status, body = call(who, path, method="GET")
    assert status == 200, body
    return body


def test_staff_publish_from_a_template_that_the_api_lists(scene: Scene, call: Call) -> None:
    staff = scene.cast.staff
    listed = read(call, staff, "/staff/activity-templates")

    fair = next(each for each in listed if each["key"] == "service_fair")
    copied = ("title", "kind", "scene", "summary", "bring", "open_to")
    body = {name: fair.get(name, fair["name"]) for name in copied} | {
        "community": staff.community,
        "template": fair["key"],
        "place": "小营公园东门",
        "sessions": [{"starts_at": at(14).isoformat(), "ends_at": at(16).isoformat()}],
        "parts": [
            {"part": part, "places": fair[f"{part}_places"], "rule": fair[f"{part}_rule"]}
            for part in ("take_part", "serve")
            if fair[f"{part}_places"] != 0
        ],
    }

    assert len(listed) == 22
    assert call(staff, "/staff/activities", body, key="fair")[0] == 201


def test_what_others_did_lately_is_listed_to_be_copied(scene: Scene, call: Call) -> None:
    cast = scene.cast
    made = scene.publish(scene.from_template("service_fair"))
    scene.scan(cast.wang, made.sessions[0], when=at(10, 30))
    scene.clock.set(at(18))

    [idea] = read(call, cast.elsewhere, "/staff/activity-ideas")

    assert (idea["id"], idea["template"], idea["came"]) == (str(made.activity), "service_fair", 1)
    assert read(call, cast.staff, "/staff/activity-ideas") == []


def test_staff_list_their_own_sessions_coming_and_past_with_what_was_cancelled(
    scene: Scene, call: Call
) -> None:
    cast, over = scene.cast, scene.session()
    scene.scan(cast.wang, over)
    coming = scene.session(sessions=((at(9, day=25), at(11, day=25)),))
    cancelled = scene.session(sessions=((at(9, day=26), at(11, day=26)),))
    scene.end(cancel_session, cancelled)
    scene.session(community=cast.there.community)
    scene.clock.set(at(14))

    body = read(call, cast.staff, "/staff/sessions")
    past = read(call, cast.staff, "/staff/sessions?show=past")

    assert (body["coming"], body["past"], body["has_more"]) == (2, 1, False)
    assert [(each["id"], each["state"]) for each in body["sessions"]] == [
        (str(coming), "open"),
        (str(cancelled), "cancelled"),
    ]
    assert [(each["id"], each["arrived"]) for each in past["sessions"]] == [(str(over), 1)]
    assert read(call, cast.staff, "/staff/sessions?page=2")["sessions"] == []


def test_a_session_says_who_is_coming_who_waits_and_who_came(scene: Scene, call: Call) -> None:
    cast = scene.cast
    session = scene.session(parts=scene.places("serve", 1))
    staff = cast.actor(cast.staff)
    for someone in (cast.wang, cast.li, cast.there):
        scene.sign_up(someone, session, "serve", staff)
        scene.clock.advance(seconds=1)
    scene.scan(cast.wang, session, "serve", when=at(10, 30))
    scene.clock.set(at(11, 30))
    scene.enter(cast.chen, session)

    page = read(call, cast.staff, f"/staff/sessions/{session}")
    assert (page["state"], page["people"], page["missing"], page["epoch"]) == ("open", 2, 0, 0)
    assert page["serve"]["waiting"] == 2
    assert page["take_part"] == {
        "taken": 1,
        "places": None,
        "waiting": 0,
        "arrived": 1,
        "words": "1 基本积分",
    }
    coming = read(call, cast.staff, f"/staff/sessions/{session}/sign-ups")
    assert [
        (each["name"], each["state"], each["turn"], each["phone"])
        for each in coming
        if each["part"] == "serve"
    ] == [
        ("王秀英", "arrived", 0, "****0001"),
        ("李国强", "waiting", 1, ""),
        ("吴阿毛", "waiting", 2, "****0005"),
    ]
    came = read(call, cast.staff, f"/staff/sessions/{session}/attendances")
    assert [(each["name"], each["state"], each["by"], each["reason"]) for each in came] == [
        ("陈建国", "pending", "陈晓琳", "没带手机"),
        ("王秀英", "inside", "本人扫码", None),
    ]


def test_a_screen_can_be_written_against_the_api_alone(scene: Scene, call: Call) -> None:
    cast, session = scene.cast, scene.session()
    scene.scan(cast.wang, session, "serve", when=at(10, 30))
    path = f"/staff/sessions/{session}/turn-to-exit"

    turned = [call(cast.staff, path) for _ in "12"]
    shown = read(call, cast.staff, f"/sessions/{session}/venue-counts")

    assert [(status, body["state"]) for status, body in turned] == [(200, "open")] * 2
    codes = read(call, cast.staff, f"/sessions/{session}/venue-code")
    assert {each["phase"] for each in codes["codes"]} == {"exit"}
    assert shown["edition"] == codes["edition"]
    with scene.app.app_context():
        known = scene.ask(lambda c: counts(c, screen_session(c, session), scene.clock.now))
    assert shown["counts"] == known
    assert shown["counts"]["arrivals"] == [{"name": "王*英", "words": "10:30"}]


def test_nobody_else_reads_them(scene: Scene, call: Call) -> None:
    cast, session = scene.cast, scene.session()
    page = f"/staff/sessions/{session}"
    paths = [page, f"{page}/sign-ups", f"{page}/attendances", f"/sessions/{session}/venue-counts"]

    for path in paths:
        assert call(cast.elsewhere, path, method="GET")[1]["code"] == "not_in_your_scope"
        assert call(cast.wang, path, method="GET")[1]["code"] == "forbidden"
        assert call(None, path, method="GET")[1]["code"] == "sign_in_needed"
        unknown = path.replace(str(session), str(UUID(int=7)))
        assert call(cast.staff, unknown, method="GET")[1]["code"] == "session_unknown"
    for path in ("/staff/sessions", "/staff/activity-templates", "/staff/activity-ideas"):
        assert call(cast.wang, path, method="GET")[1]["code"] == "forbidden"
