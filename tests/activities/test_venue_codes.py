"""The rotating code of the venue's screen: what is accepted, what is refused, and what is said."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from activities import screen
from activities.cancelling import cancel_session
from activities.codes import ALPHABET, code_of, normalise, step_of
from activities.doorway import COOKIE
from activities.publish import SteerSession, VoidCodes, turn_to_exit, void_codes
from core.crypto import mac, sign
from tests.activities.scene import END, START, STEP, Scene, at
from tests.admin.scene import words
from tests.conftest import Clock
from tests.everything import everything
from tests.people import NEAR

OLD = "码已更新，请对着屏幕再扫一次"
NO_CODE = "没有看懂这个码，请对着现场的屏幕再扫一次"
GOOD = ""


def changed(code: str, place: int) -> str:
    """Return the code with one character replaced by another of the alphabet."""
    other = ALPHABET[(ALPHABET.index(code[place]) + 1) % len(ALPHABET)]
    return code[:place] + other + code[place + 1 :]


def changed_first(text: str) -> str:
    """Return a signed value with another first character."""
    return ("V" if text[0] == "W" else "W") + text[1:]


def tail_of(scene: Scene, purpose: str, *parts: object) -> str:
    """Return eight characters made as a venue code's are, for another purpose."""
    with scene.app.app_context():
        number = int.from_bytes(mac(purpose, *parts)[:5], "big")
    return "".join(ALPHABET[number >> shift & 31] for shift in range(35, -1, -5))


def of_another_session(scene: Scene, session: UUID) -> str:
    other = scene.code(scene.session(community=NEAR))
    return scene.code(session)[:8] + other[8:]


def of_another_purpose(scene: Scene, session: UUID) -> str:
    row, step = scene.row(session), step_of(scene.clock.now, STEP)
    return str(row.short_code) + tail_of(
        scene, "pickup-code", row.short_code, row.epoch, "entry", step
    )


def of_another_phase(scene: Scene, session: UUID) -> str:
    row, step = scene.row(session), step_of(scene.clock.now, STEP)
    return str(row.short_code) + tail_of(
        scene, "venue-code", row.short_code, row.epoch, "spend", step
    )


def of_a_voided_epoch(scene: Scene, session: UUID) -> str:
    shown = scene.code(session)
    staff = scene.cast.actor(scene.cast.staff)
    scene.run(void_codes, VoidCodes(session=session, epoch=0), staff)
    return shown


def with_another_secret(scene: Scene, session: UUID) -> str:
    row, step = scene.row(session), step_of(scene.clock.now, STEP)
    return str(row.short_code) + tail_of(scene, "guessed", row.short_code, 0, "entry", step)


Maker = Callable[[Scene, UUID], str]
CODES: dict[str, tuple[Maker, int, str]] = {
    "fresh": (lambda scene, it: scene.code(it), 303, GOOD),
    "of the step before": (lambda scene, it: scene.code(it, steps_ago=1), 303, GOOD),
    "two steps old": (lambda scene, it: scene.code(it, steps_ago=2), 422, OLD),
    "a photo of five minutes ago": (lambda scene, it: scene.code(it, steps_ago=30), 422, OLD),
    "of a step to come": (lambda scene, it: scene.code(it, steps_ago=-1), 422, OLD),
    "forged at the end": (lambda scene, it: changed(scene.code(it), 15), 422, OLD),
    "forged in the middle": (lambda scene, it: changed(scene.code(it), 8), 422, OLD),
    "made with a guessed key": (with_another_secret, 422, OLD),
    "of another session": (of_another_session, 422, OLD),
    "of another purpose": (of_another_purpose, 422, OLD),
    "of another phase": (of_another_phase, 422, OLD),
    "of a voided epoch": (of_a_voided_epoch, 422, OLD),
    "of an epoch to come": (lambda scene, it: scene.code(it, epoch=1), 422, OLD),
    "of no session here": (lambda _scene, _it: "0" * 16, 422, NO_CODE),
    "too short": (lambda scene, it: scene.code(it)[:15], 422, NO_CODE),
    "too long": (lambda scene, it: scene.code(it) + "0", 422, NO_CODE),
    "a letter that is none": (lambda scene, it: "U" + scene.code(it)[1:], 422, NO_CODE),
    "garbled": (lambda _scene, _it: "%F0%9F%8D%8E邻里'--", 422, NO_CODE),
    "a null character": (lambda scene, it: scene.code(it)[:15] + "%00", 422, NO_CODE),
}
SPELLINGS: dict[str, Callable[[str], str]] = {
    "lower case": str.lower,
    "full width": lambda code: "".join(chr(ord(each) + 0xFEE0) for each in code),
    "in groups": lambda code: " ".join(code[at : at + 4] for at in range(0, 16, 4)),
    "with hyphens": lambda code: "-".join((code[:8], code[8:])),
    "with a look-alike": lambda code: code.replace("0", "O").replace("1", "l"),
}


@pytest.mark.parametrize("name", CODES)
def test_a_code_is_answered_by_its_own_sentence_and_the_answer_writes_nothing(
    scene: Scene, client: FlaskClient, name: str
) -> None:
    make, status, sentence = CODES[name]
    code = make(scene, scene.session())
    before = scene.ask(everything)

    answer = client.get(f"/V/{code}")

    assert scene.ask(everything) == before
    assert answer.status_code == status
    assert (client.get_cookie(COOKIE) is not None) == (status == 303)
    if status == 303:
        assert answer.headers["Location"] == "/activities/presence"
    else:
        assert sentence in words(answer)


@pytest.mark.parametrize("name", CODES)
def test_the_api_answers_a_code_alike_and_keeps_what_it_refuses(
    scene: Scene, client: FlaskClient, name: str
) -> None:
    make, status, sentence = CODES[name]
    code = make(scene, scene.session())
    headers = scene.cast.headers(scene.cast.wang)
    before = scene.ask(everything)

    answer = client.post("/api/v1/presence", json={"code": code}, headers=headers)

    after = scene.ask(everything)
    changed = {table for table in after if after[table] != before[table]}
    if status == 303:
        assert changed == {"rate_limits"}
        assert answer.status_code == 200
        assert answer.get_json()["phase"] == "entry"
        return
    assert answer.status_code == 422
    known = {OLD: "venue_code_expired", NO_CODE: "code_unreadable"}
    assert answer.get_json()["code"] == known[sentence]
    assert changed == {"rate_limits", "refused_scans"}
    assert scene.refused() == [known[sentence]]


def test_one_phone_asks_the_api_ten_times_a_minute_and_one_address_sixty(
    scene: Scene, client: FlaskClient, clock: Clock
) -> None:
    body = {"code": scene.code(scene.session())}
    headers = scene.cast.headers(scene.cast.wang)

    def asked(times: int, headers: dict[str, str]) -> list[int]:
        made = [client.post("/api/v1/presence", json=body, headers=headers) for _ in range(times)]
        return [answer.status_code for answer in made]

    assert asked(12, headers) == [200] * 10 + [429] * 2
    assert asked(62, {}) == [200] * 60 + [429] * 2
    clock.advance(seconds=61)
    assert asked(1, headers) == [422], "an old code, and no limit any more"


@pytest.mark.parametrize("name", SPELLINGS)
def test_spellings_are_forgiven(scene: Scene, client: FlaskClient, name: str) -> None:
    code = scene.code(scene.session())

    assert normalise(SPELLINGS[name](code)) == code
    assert client.get(f"/V/{SPELLINGS[name](code)}").status_code == 303


def test_a_code_dies_in_the_second_step_after_its_own(scene: Scene, client: FlaskClient) -> None:
    session = scene.session()
    scene.clock.set(at(10, 31, 7))
    code = scene.code(session)
    answers = {}
    for second in (7, 10, 19, 20, 21, 40):
        scene.clock.set(at(10, 31, second))
        answers[second] = client.get(f"/V/{code}").status_code

    assert answers == {7: 303, 10: 303, 19: 303, 20: 422, 21: 422, 40: 422}


def test_the_step_is_the_districts_setting(scene: Scene, client: FlaskClient) -> None:
    session = scene.session()
    scene.set_to("checkin.step_seconds", "15")
    scene.clock.set(at(10, 31, 0))
    code = scene.code(session, seconds=15)
    scene.clock.advance(seconds=29)
    assert client.get(f"/V/{code}").status_code == 303

    scene.clock.advance(seconds=1)
    assert client.get(f"/V/{code}").status_code == 422


def test_a_grant_of_another_purpose_or_of_another_hand_is_none(
    scene: Scene, client: FlaskClient
) -> None:
    session = scene.session()
    value = [str(session), "entry", int(scene.clock.now.timestamp()), "nonce"]
    with scene.app.app_context():
        good = sign("presence", value)
        made = [sign("quote", value), changed_first(good), good[:-2], "", "garbled", "a.b.c"]
    browser = scene.cast.browser(scene.cast.wang)
    for text in made:
        browser.set_cookie(COOKIE, text)
        assert browser.get("/activities/presence").status_code == 422, text

    browser.set_cookie(COOKIE, good)
    assert browser.get("/activities/presence").status_code == 200


@pytest.mark.parametrize(
    "value",
    [
        ["not-a-session", "entry", 1, "nonce"],
        [],
        {"session": 1},
        ["016f5e66-e800-8d88-b3b0-0a2f8e6d1b11", "spend", 1, "n"],
        ["016f5e66-e800-8d88-b3b0-0a2f8e6d1b11", "entry", 10**30, "n"],
    ],
)
def test_a_signed_value_of_another_shape_is_no_grant(
    scene: Scene, client: FlaskClient, value: Any
) -> None:
    with scene.app.app_context():
        text = sign("presence", value)
    headers = scene.cast.headers(scene.cast.wang)

    answer = client.post(
        "/api/v1/attendances", json={"grant": text, "part": "serve"}, headers=headers
    )

    assert (answer.status_code, answer.get_json()["code"]) == (422, "grant_unreadable")


def shown(scene: Scene, session: UUID, from_step: int | None = None) -> list[dict[str, Any]]:
    """Return what the screen is given now."""
    return scene.ask(
        lambda c: screen.codes(c, screen.session(c, session), scene.clock.now, from_step),
    )


def test_the_screen_shows_what_a_phone_may_scan(scene: Scene, client: FlaskClient) -> None:
    session = scene.session()
    scene.clock.set(at(11))
    codes = shown(scene, session)

    assert len(codes) == 60
    for each in (codes[0], codes[1], codes[-1]):
        scene.clock.set(at(11) + (each["step"] - codes[0]["step"]) * (END - START) / 720)
        code = re.fullmatch(r"http.*/V/([0-9A-Z]{16})", each["url"])
        assert code is not None
        assert client.get(f"/V/{code[1]}").status_code == 303


def test_the_screen_turns_to_the_exit_ten_minutes_before_the_end(scene: Scene) -> None:
    session = scene.session()
    scene.clock.set(at(12, 19))

    phases = [each["phase"] for each in shown(scene, session)]

    assert phases == ["entry"] * 6 + ["exit"] * 54


def test_the_screen_turns_at_once_when_its_key_is_pressed(scene: Scene) -> None:
    session = scene.session()
    scene.clock.set(at(11, 0, 5))
    assert shown(scene, session)[0]["phase"] == "entry"

    scene.run(turn_to_exit, SteerSession(session=session), scene.cast.actor(scene.cast.staff))

    assert {each["phase"] for each in shown(scene, session)} == {"exit"}


def test_a_screen_gets_no_more_than_half_an_hour_in_advance(scene: Scene) -> None:
    session = scene.session()
    now = step_of(scene.clock.now, STEP)

    assert shown(scene, session, now + 60)[0]["step"] == now + 60
    for far in (now + 10_000, 10**30):
        assert shown(scene, session, far)[0]["step"] == now + 180
    assert shown(scene, session, -5)[0]["step"] == now


def test_a_session_that_is_over_or_cancelled_has_no_codes(scene: Scene) -> None:
    over, cancelled = scene.session(), scene.session()
    scene.end(cancel_session, cancelled)
    assert shown(scene, cancelled) == []

    scene.clock.set(at(13, 0))
    assert shown(scene, over) != []
    scene.clock.set(at(13, 0, 1))
    assert shown(scene, over) == []


def test_no_two_steps_phases_or_epochs_share_a_code(scene: Scene) -> None:
    with scene.app.app_context():
        codes = {
            code_of("ABCDEFGH", epoch, phase, step)
            for epoch in range(3)
            for phase in ("entry", "exit")
            for step in range(50)
        }

    assert len(codes) == 300
    assert all(normalise(code) == code for code in codes)
