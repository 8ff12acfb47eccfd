"""Every scan that is refused has its own sentence, and leaves nothing but its trace."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from activities.attendance import (
    KEPT_AN_HOUR,
    GrantUsed,
    NotArrived,
    NotOpenYet,
    OnlyItsResidents,
    PartFull,
    ScanRefused,
    SessionEnded,
    TooLate,
)
from activities.cancelling import cancel_session
from activities.codes import Phase
from activities.doorway import COOKIE
from activities.grants import Grant, GrantExpired, GrantUnreadable, seal
from activities.models import RefusedScan
from activities.publish import (
    Part,
    PartOffered,
    SessionUnknown,
    close_session,
)
from activities.signup import PartNotOffered
from core.crypto import sign
from core.errors import AppError
from tests.activities.scene import END, SERVE, Scene, at
from tests.admin.scene import words
from tests.everything import everything
from tests.people import THERE
from tests.residents.forms import send

NOW = at(11)


@dataclass(frozen=True)
class Scan:
    """What a phone sends: the sealed grant, and the part chosen."""

    grant: str
    part: Part = "take_part"


def scan(
    scene: Scene,
    session: UUID,
    phase: Phase = "entry",
    part: Part = "take_part",
    *,
    when: dt.datetime = NOW,
    nonce: str = "nonce",
) -> Scan:
    """Return a good grant of a scan at a moment, which is now."""
    scene.clock.set(when)
    with scene.app.app_context():
        return Scan(seal(Grant(session, phase, when, nonce)), part)


def too_old(scene: Scene) -> Scan:
    made = scan(scene, scene.session())
    scene.clock.advance(minutes=10, seconds=1)
    return made


def forged(scene: Scene) -> Scan:
    good = scan(scene, scene.session()).grant
    return Scan(("B" if good[0] == "A" else "A") + good[1:])


def cut_off(scene: Scene) -> Scan:
    return Scan(scan(scene, scene.session()).grant[:-4])


def of_another_purpose(scene: Scene) -> Scan:
    session = scene.session()
    scene.clock.set(NOW)
    with scene.app.app_context():
        return Scan(sign("proof", [str(session), "entry", int(NOW.timestamp()), "nonce"]))


def ended(scene: Scene, end: Callable[..., object]) -> Scan:
    session = scene.session()
    scene.end(end, session)
    return scan(scene, session)


def into_a_full_part(scene: Scene) -> Scan:
    session = scene.session(parts=scene.places("take_part", 1))
    scene.sign_up(scene.cast.wang, session)
    return scan(scene, session)


def of_somebody_else(scene: Scene) -> Scan:
    session = scene.session()
    scene.scan(scene.cast.wang, session, when=NOW)
    nonce = scene.attendances(session)[0].nonce
    return scan(scene, session, nonce=nonce)


def tomorrow(scene: Scene) -> UUID:
    return scene.session(sessions=((at(10, day=25), at(12, day=25)),))


CASES: dict[str, tuple[Callable[[Scene], Scan], type[AppError], str]] = {
    "no grant at all": (lambda _scene: Scan(""), GrantExpired, "扫码过去十分钟了"),
    "garbled": (lambda _scene: Scan("garbled"), GrantUnreadable, "没有认出这次扫码"),
    "too old": (too_old, GrantExpired, "请对着屏幕再扫一次"),
    "forged": (forged, GrantUnreadable, "没有认出这次扫码"),
    "cut off": (cut_off, GrantUnreadable, "没有认出这次扫码"),
    "of another purpose": (of_another_purpose, GrantUnreadable, "没有认出这次扫码"),
    "of a session that is none": (
        lambda scene: scan(scene, UUID(int=7)),
        SessionUnknown,
        "没有找到这一场",
    ),
    "of a part that is none here": (
        lambda scene: scan(scene, scene.session(parts=(PartOffered(part="serve", rule=SERVE),))),
        PartNotOffered,
        "这一场没有这一项",
    ),
    "too early": (lambda scene: scan(scene, tomorrow(scene)), NotOpenYet, "9:30 开始签到"),
    "after the end": (
        lambda scene: scan(scene, scene.session(), when=END + dt.timedelta(seconds=10)),
        TooLate,
        "签到时间已经过了",
    ),
    "closed": (lambda scene: ended(scene, close_session), SessionEnded, "已经结束或取消"),
    "cancelled": (lambda scene: ended(scene, cancel_session), SessionEnded, "已经结束或取消"),
    "full": (into_a_full_part, PartFull, "来参加的名额满了，来帮忙还有名额"),
    "somebody else's": (of_somebody_else, GrantUsed, "这次扫码已经用过了"),
    "for its own residents": (
        lambda scene: scan(scene, scene.session(community=THERE, open_to="community")),
        OnlyItsResidents,
        "这场活动只面向涌金门社区的居民",
    ),
    "an exit without an entry": (
        lambda scene: scan(scene, scene.session(), "exit", "serve"),
        NotArrived,
        "没有找到您的签到记录",
    ),
}


def left_behind(scene: Scene, before: dict[str, list[str]]) -> set[str]:
    """Return the tables that have changed."""
    after = scene.ask(everything)
    return {table for table, rows in after.items() if rows != before[table]}


def trace_of(refusal: type[AppError]) -> tuple[set[str], list[str]]:
    """Return what a refusal leaves behind: the tables, and the reasons kept."""
    if issubclass(refusal, ScanRefused):
        return {"refused_scans"}, [refusal.code()]
    return set(), []


@pytest.mark.parametrize("name", CASES)
def test_the_page_refuses_in_a_sentence_and_keeps_the_trace(scene: Scene, name: str) -> None:
    make, refusal, sentence = CASES[name]
    made = make(scene)
    browser = scene.cast.browser(scene.cast.chen)
    browser.set_cookie(COOKIE, made.grant)
    before = scene.ask(everything)

    answer = send(browser, "/me", "/activities/check-in", part=made.part)

    assert answer.status_code == int(refusal.status)
    assert sentence.replace(" ", "") in words(answer)
    assert (left_behind(scene, before), scene.refused()) == trace_of(refusal)


@pytest.mark.parametrize("name", CASES)
def test_the_api_refuses_by_its_code_and_keeps_the_trace(
    scene: Scene, client: FlaskClient, name: str
) -> None:
    make, refusal, sentence = CASES[name]
    made = make(scene)
    headers = scene.cast.headers(scene.cast.chen)
    before = scene.ask(everything)

    answer = client.post(
        "/api/v1/attendances", json={"grant": made.grant, "part": made.part}, headers=headers
    )

    body = answer.get_json()
    assert (answer.status_code, body["code"]) == (int(refusal.status), refusal.code())
    assert sentence in body["message"]
    assert (left_behind(scene, before), scene.refused()) == trace_of(refusal)


def test_who_is_refused_over_and_over_fills_no_table(scene: Scene) -> None:
    session = scene.session()
    for _ in range(KEPT_AN_HOUR + 5):
        with pytest.raises(NotArrived):
            scene.scan(scene.cast.wang, session, "serve", "exit", when=NOW)
    with pytest.raises(NotArrived):
        scene.scan(scene.cast.chen, session, "serve", "exit", when=NOW)

    assert len(scene.refused()) == KEPT_AN_HOUR + 1


def test_a_scan_that_was_too_old_is_kept_with_who_and_where_a_forged_one_with_who(
    scene: Scene, client: FlaskClient
) -> None:
    chen, none, old = scene.cast.chen, forged(scene), too_old(scene)
    for made in (old, none):
        body = {"grant": made.grant, "part": made.part}
        client.post("/api/v1/attendances", json=body, headers=scene.cast.headers(chen))

    rows = scene.ask(lambda c: c.execute(select(RefusedScan.__table__)).all())
    kept = {row.session for row in rows}
    assert len(kept) == 2
    assert None in kept
    assert {(row.resident, row.actor) for row in rows} == {(chen.resident, chen.person)}
