"""What the page of a check-in's result says: what is recorded, to whoever looks."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient

from activities.jobs import close_sessions
from activities.publish import PartOffered
from core.work import Work
from points.earning.awards import void_award
from points.settlement import settle_due
from tests.activities.scene import BOTH, END, START, Scene, at, sure
from tests.admin.scene import words


def address(session: UUID, part: str, outcome: str) -> str:
    return f"/activities/sessions/{session}/result?part={part}&outcome={outcome}"


OUTCOMES = ("", "arrived", "left", "again", "again_left", "refused", "<b>")


def test_a_result_says_what_is_recorded_whatever_its_address_says(scene: Scene) -> None:
    session, browser = scene.session(), scene.cast.browser(scene.cast.wang)
    scene.scan(scene.cast.wang, session, "serve", "entry", START)
    for outcome in OUTCOMES:
        said = words(browser.get(address(session, "serve", outcome)))
        assert ("已签到，离开时再扫" if outcome == "again" else "签到成功10:30") in said, outcome
        assert "记下了，谢谢您" not in said

    scene.scan(scene.cast.wang, session, "serve", "exit", at(12, 25))
    expected = {"again": "已经记下离开", "again_left": "已经记下离开"}
    for outcome in OUTCOMES:
        said = words(browser.get(address(session, "serve", outcome)))
        assert expected.get(outcome, "记下了，谢谢您") in said, outcome


def test_the_result_of_yesterday_says_that_the_points_have_arrived(
    scene: Scene, app: Flask
) -> None:
    session, browser = scene.session(), scene.cast.browser(scene.cast.wang)
    scene.serve(scene.cast.wang, session, START, at(12, 25))
    scene.enter(scene.cast.wang, session)
    scene.clock.set(at(2, 1, day=25))
    with app.app_context():
        settle_due()

    served = words(browser.get(address(session, "serve", "left")))
    taken_part = words(browser.get(address(session, "take_part", "arrived")))

    assert "2小时，+20分，已到账" in served
    assert "+1基本积分，已到账" in taken_part
    assert "待到账" not in served + taken_part


def test_hours_without_points_are_not_called_too_short(scene: Scene) -> None:
    cast = scene.cast
    long, late = (
        scene.session(sessions=((at(10), at(15)),)),
        scene.session(sessions=((at(16), at(18)),)),
    )
    plain = scene.session(parts=(PartOffered(part="serve"),))
    scene.serve(cast.wang, long, at(10), at(15))
    scene.serve(cast.wang, late, at(16), at(18))
    scene.serve(cast.chen, plain, START, END)

    capped = words(cast.browser(cast.wang).get(address(late, "serve", "left")))
    unpaid = words(cast.browser(cast.chen).get(address(plain, "serve", "left")))

    assert "2小时，这次只记时长" in capped
    assert "2小时，这次只记时长" in unpaid
    assert "时间太短" not in capped + unpaid


def test_an_automatic_exit_shows_the_hours_that_count(scene: Scene, app: Flask) -> None:
    session, browser = scene.session(), scene.cast.browser(scene.cast.wang)
    scene.scan(scene.cast.wang, session, "serve", "entry", START)
    scene.clock.set(at(13, 10))
    with app.app_context():
        close_sessions()

    assert "1小时，+10分，待到账" in words(browser.get(address(session, "serve", "left")))


@dataclass(frozen=True)
class Voided:
    """Whether an award was taken back."""

    was: bool


def take_back(work: Work, award: UUID) -> Voided:
    return Voided(void_award(work, award))


def test_points_that_were_taken_back_are_not_promised(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    done = scene.serve(cast.wang, session, START, END)
    assert scene.run(take_back, sure(done.award)).was

    said = words(cast.browser(cast.wang).get(address(session, "serve", "left")))
    desk = words(cast.browser(cast.staff).get(f"/desk/sessions/{session}"))

    assert "+20分" not in said
    assert "待到账" not in said
    assert "不计分" in desk
    assert "+20" not in desk


def test_a_result_belongs_to_whoever_looks(scene: Scene, client: FlaskClient) -> None:
    cast, session = scene.cast, scene.session(parts=BOTH)
    scene.scan(cast.wang, session)
    other = cast.browser(cast.chen)

    own = other.get(address(session, "take_part", "arrived"))
    assert own.status_code == 303
    assert "/activities/" in own.headers["Location"]
    assert (
        client.get(address(session, "take_part", "arrived"))
        .headers["Location"]
        .startswith("/sign-in")
    )
    assert other.get(address(session, "spend", "arrived")).status_code == 404
    assert other.get(address(UUID(int=7), "serve", "arrived")).status_code == 404
