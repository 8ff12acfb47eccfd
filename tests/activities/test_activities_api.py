"""The API of check-in: the twins of the pages, for whoever writes another front end."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

import pytest

from tests.activities.conftest import Call
from tests.activities.scene import END, JOIN, SERVE, START, Scene, at
from tests.everything import everything
from tests.people import HERE, Someone


def by_hand(someone: Someone, **changes: Any) -> dict[str, Any]:
    return line(someone) | {"reason": "没带手机"} | changes


def line(someone: Someone) -> dict[str, Any]:
    """Return a line of a sheet."""
    return {
        "resident": str(someone.resident),
        "part": "take_part",
        "entry": START.isoformat(),
    }


def fair(**changes: Any) -> dict[str, Any]:
    given = {
        "community": HERE,
        "title": "便民集市",
        "kind": "公益集市",
        "place": "小营公园东门",
        "open_to": "district",
        "sessions": [{"starts_at": START.isoformat(), "ends_at": END.isoformat()}],
        "parts": [{"part": "take_part", "rule": JOIN}, {"part": "serve", "rule": SERVE}],
    }
    return given | changes


def but(rows: dict[str, list[str]], *tables: str) -> dict[str, list[str]]:
    """Return what stands in all tables but these."""
    return {table: found for table, found in rows.items() if table not in tables}


def test_a_code_becomes_a_grant_and_writes_nothing_but_its_count(scene: Scene, call: Call) -> None:
    wang, session = scene.cast.wang, scene.session()
    scene.clock.set(at(10, 31, 7))
    call(wang, "/balance", method="GET")
    before = scene.ask(everything)

    for code in (scene.code(session), f"https://linli.example/V/{scene.code(session).lower()}"):
        status, body = call(wang, "/presence", {"code": code})
        assert status == 200
        assert (body["session"], body["phase"]) == (str(session), "entry")
        assert dt.datetime.fromisoformat(body["at"]) == at(10, 31)
        assert dt.datetime.fromisoformat(body["until"]) == at(10, 41)

    assert but(scene.ask(everything), "rate_limits") == but(before, "rate_limits")


def test_a_grant_checks_in_and_out_and_again_is_answered_calmly(scene: Scene, call: Call) -> None:
    wang, session = scene.cast.wang, scene.session()
    answers = []
    for phase, moment in (("entry", START), ("exit", at(12, 25))):
        scene.clock.set(moment)
        code = {"code": scene.code(session, "exit" if phase == "exit" else "entry")}
        grant = call(wang, "/presence", code)[1]["grant"]
        answers += [call(wang, "/attendances", {"grant": grant, "part": "serve"}) for _ in "12"]

    assert [status for status, _body in answers] == [200] * 4
    bodies = [body for _status, body in answers]
    assert [each["outcome"] for each in bodies] == ["arrived", "again", "left", "again_left"]
    assert (bodies[0]["amount"], bodies[0]["half_hours"], bodies[0]["due"]) == (None, None, None)
    assert (bodies[2]["amount"], bodies[2]["half_hours"]) == (2000, 4)
    assert dt.datetime.fromisoformat(bodies[2]["due"]) == at(2, day=25)
    assert dt.datetime.fromisoformat(bodies[3]["arrived_at"]) == START
    assert len(scene.attendances(session)) == 2


def test_taking_part_is_pending_in_the_balance_at_once(scene: Scene, call: Call) -> None:
    wang, session = scene.cast.wang, scene.session()
    grant = call(wang, "/presence", {"code": scene.code(session)})[1]["grant"]

    status, body = call(wang, "/attendances", {"grant": grant, "part": "take_part"})

    assert (status, body["outcome"], body["amount"]) == (200, "arrived", 100)
    seen = call(wang, f"/activities/{scene.row(session).activity}", method="GET")[1]
    assert seen["sessions"][0]["mine"] == {"part": "take_part", "state": "arrived", "ahead": 0}


def test_staff_enter_by_hand_and_twice_it_stands_once(scene: Scene, call: Call) -> None:
    cast, session = scene.cast, scene.session()
    scene.clock.set(at(12))
    path = f"/staff/sessions/{session}/attendances"
    served = by_hand(cast.li, part="serve", exit=at(11, 30).isoformat())

    first, again = call(cast.staff, path, served), call(cast.staff, path, served)

    assert (first[0], first[1]["outcome"], first[1]["half_hours"]) == (200, "left", 2)
    assert first[1]["due"] is None
    assert (again[0], again[1]["outcome"]) == (200, "again_left")
    assert len(scene.attendances(session)) == 2


def test_a_sheet_answers_for_each_line(scene: Scene, call: Call) -> None:
    cast, session = scene.cast, scene.session()
    scene.clock.set(at(12))
    lines = [line(cast.wang), line(Someone("无名", "", resident=UUID(int=7)))]

    status, body = call(cast.staff, f"/staff/sessions/{session}/sheet", {"rows": lines})

    assert (status, body["entered"], body["refused"]) == (200, 1, 1)
    assert [each["outcome"] for each in body["lines"]] == ["arrived", "refused"]
    assert body["lines"][1]["message"] == "没有找到这位居民。请先登记。"
    assert len(scene.attendances(session)) == 1


def test_staff_publish_once_per_key_and_steer_the_session(scene: Scene, call: Call) -> None:
    staff = scene.cast.staff
    first, again = (call(staff, "/staff/activities", fair(), key="one") for _ in "12")
    assert (first[0], first[1]) == (201, again[1])
    other = call(staff, "/staff/activities", fair(title="义诊"), key="one")
    assert (other[0], other[1]["code"]) == (409, "key_reused")
    assert call(staff, "/staff/activities", fair())[1]["code"] == "idempotency_key_missing"
    [session] = first[1]["sessions"]

    voided = [call(staff, f"/staff/sessions/{session}/void-codes", {"epoch": 0}) for _ in "12"]
    closed = [call(staff, f"/staff/sessions/{session}/close") for _ in "12"]

    assert [body["epoch"] for _status, body in voided] == [1, 1]
    assert [body["state"] for _status, body in closed] == ["closed", "closed"]
    over = call(staff, f"/staff/sessions/{session}/cancel-session", {"reason": "有暴雨"})
    assert (over[0], over[1]["code"]) == (409, "session_over")


def paths(session: UUID, someone: Someone) -> dict[str, tuple[str, Any]]:
    """Return the calls that change something, by name."""
    here = f"/staff/sessions/{session}"
    return {
        "by hand": (f"{here}/attendances", by_hand(someone)),
        "sheet": (f"{here}/sheet", {"rows": [line(someone)]}),
        "void": (f"{here}/void-codes", {"epoch": 0}),
        "turn": (f"{here}/turn-to-exit", None),
        "close": (f"{here}/close", None),
        "cancel": (f"{here}/cancel-session", {"reason": "有暴雨"}),
        "publish": ("/staff/activities", fair()),
    }


@pytest.mark.parametrize("who", ["wang", "keeper", "elsewhere", "lin"])
def test_the_wrong_role_or_place_is_refused(scene: Scene, call: Call, who: str) -> None:
    cast, session = scene.cast, scene.session()
    someone: Someone = getattr(cast, who)
    scene.clock.set(at(12))
    call(someone, "/me", method="GET")
    before = scene.ask(everything)

    for name, (path, body) in paths(session, cast.wang).items():
        status, answer = call(someone, path, body, key="key")
        known = "not_in_your_scope" if who == "elsewhere" else "forbidden"
        assert (status, answer["code"]) == (403, known), name

    # Which access was refused is kept, and counted; nothing else.
    traces = ("audit_events", "rate_limits")
    assert but(scene.ask(everything), *traces) == but(before, *traces)


def test_staff_do_not_check_in(scene: Scene, call: Call) -> None:
    cast, session = scene.cast, scene.session()
    grant = call(cast.staff, "/presence", {"code": scene.code(session)})[1]["grant"]

    status, body = call(cast.staff, "/attendances", {"grant": grant, "part": "serve"})

    assert (status, body["code"]) == (403, "forbidden")
    assert scene.attendances(session) == []


def test_without_a_token_nothing_is_open(scene: Scene, call: Call) -> None:
    session = scene.session()
    asked = [*paths(session, scene.cast.wang).values()]
    asked += [("/attendances", {"grant": "x", "part": "serve"})]
    before = scene.ask(everything)

    for path, body in asked:
        status, answer = call(None, path, body, key="key")
        assert (status, answer["code"]) == (401, "sign_in_needed"), path

    assert scene.ask(everything) == before


WRONG: list[tuple[str, Any]] = [
    ("/presence", {}),
    ("/presence", {"code": 7}),
    ("/presence", {"code": None}),
    ("/presence", {"code": "x", "session": "y"}),
    ("/presence", []),
    ("/attendances", {"grant": "x"}),
    ("/attendances", {"grant": "x", "part": "spend"}),
    ("/attendances", {"grant": ["x"], "part": "serve"}),
    ("/attendances", {"grant": "x", "part": "serve", "at": START.isoformat()}),
    ("/attendances", {"grant": "x", "part": "serve", "resident": str(UUID(int=7))}),
    ("/staff/sessions/{}/attendances", {"part": "serve", "reason": "x"}),
    ("/staff/sessions/{}/attendances", {"resident": "x", "part": "serve", "reason": "x"}),
    ("/staff/sessions/{}/attendances", {"entry": "2026-11-24T11:00:00"}),
    ("/staff/sessions/{}/attendances", {"entry": "yesterday"}),
    ("/staff/sessions/{}/attendances", {"provenance": "verified"}),
    ("/staff/sessions/{}/attendances", {"method": "venue"}),
    ("/staff/sessions/{}/attendances", {"half_hours": 8}),
    ("/staff/sessions/{}/sheet", {"rows": []}),
    ("/staff/sessions/{}/sheet", {"rows": [{"part": "serve"}]}),
    ("/staff/sessions/{}/cancel-session", {}),
    ("/staff/sessions/{}/void-codes", {}),
    ("/staff/sessions/{}/void-codes", {"epoch": "many"}),
]


def test_what_is_missing_unknown_or_of_another_kind_is_refused(scene: Scene, call: Call) -> None:
    cast, session = scene.cast, scene.session()
    scene.clock.set(at(12))
    call(cast.staff, "/me", method="GET")
    call(cast.wang, "/me", method="GET")
    before = scene.ask(everything)

    for path, body in WRONG:
        staff = path.startswith("/staff")
        whole = by_hand(cast.wang) | body if "entry" in body or len(body) == 1 else body
        sent = whole if path.endswith("/attendances") and staff else body
        status, answer = call(cast.staff if staff else cast.wang, path.format(session), sent)
        assert (status, answer["code"]) == (422, "invalid"), (path, body)

    assert scene.ask(everything) == before


def test_what_does_not_exist_is_not_found(scene: Scene, call: Call) -> None:
    cast = scene.cast
    scene.clock.set(at(12))
    for name, (path, body) in paths(UUID(int=7), cast.wang).items():
        if name != "publish":
            status, answer = call(cast.staff, path, body)
            assert (status, answer["code"]) == (404, "session_unknown"), name
    assert call(cast.wang, f"/activities/{UUID(int=7)}", method="GET")[0] == 404


def test_activities_are_open_to_everybody_as_on_the_pages(scene: Scene, call: Call) -> None:
    cast = scene.cast
    ours = scene.session(open_to="community")
    open_ = scene.session(sessions=((at(14), at(16)),))
    scene.sign_up(cast.wang, open_)

    def listed(who: Someone | None, query: str = "") -> list[str]:
        return [row["session_id"] for row in call(who, f"/activities{query}", method="GET")[1]]

    assert listed(None) == listed(cast.staff) == [str(open_)]
    assert listed(cast.wang) == [str(ours), str(open_)]
    assert listed(cast.wang, "?scope=mine") == [str(open_)]
    assert listed(cast.chen, "?scope=mine") == []
    assert listed(cast.wang, f"?after={ours}") == [str(open_)]
    assert listed(cast.wang, f"?after={open_}") == listed(None, f"?after={UUID(int=7)}") == []
    card = call(None, f"/sessions/{open_}", method="GET")[1]
    assert (card["title"], card["mine"]) == ("便民集市", None)
    mine = call(cast.wang, f"/sessions/{open_}", method="GET")[1]["mine"]
    assert mine["state"] == "signed_up"
    assert call(None, f"/sessions/{UUID(int=7)}", method="GET")[0] == 404
