"""Pages of a resident: saying that a line is wrong, its answer on the receipt, what is held."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient

from points import holds
from points.correcting.corrections import (
    AnswerCorrection,
    Asked,
    answer_correction,
    corrections_of,
)
from tests.admin.forms import fill
from tests.people import Someone
from tests.points.books import one
from tests.points.correcting import Desk


def said(answer: Any) -> str:
    """What a page says, without its marks."""
    page: str = answer.get_data(as_text=True)
    return re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", page.partition("<main")[2]))


def asked_by(desk: Desk, someone: Someone) -> list[Asked]:
    return desk.ask(corrections_of, someone.person)  # type: ignore[no-any-return]


def tell(browser: FlaskClient, line: UUID, words: str) -> Any:
    page = f"/points/{line}/correction"
    return fill(browser, page, "/correction", words=words)


def test_a_resident_says_it_and_reads_by_when_the_answer_comes(desk: Desk) -> None:
    line = desk.earn()
    browser = desk.cast.browser(desk.cast.wang)
    receipt = browser.get(f"/points/{line}")
    assert "分数不对？告诉社区" in said(receipt)
    assert f"/points/{line}/correction" in receipt.get_data(as_text=True)

    answer = tell(browser, line, "我帮了两个小时")
    assert (answer.status_code, answer.location) == (303, f"/points/{line}")

    after = said(browser.get(f"/points/{line}"))
    assert "您说：我帮了两个小时" in after
    assert "核对，12月2日前答复您" in after
    assert "告诉社区。答复在这一页" in after
    assert "分数不对？告诉社区" not in after


def test_the_answer_stands_on_the_receipt(desk: Desk) -> None:
    line = desk.earn()
    browser = desk.cast.browser(desk.cast.wang)
    tell(browser, line, "我帮了两个小时")
    [asked] = asked_by(desk, desk.cast.wang)
    command = AnswerCorrection(correction=asked.id, answer="签到表上是一小时")
    desk.run(answer_correction, command, desk.cast.actor(desk.cast.staff))

    after = said(browser.get(f"/points/{line}"))
    assert "答复：签到表上是一小时" in after
    assert "陈晓琳" in after
    assert "分数不对？告诉社区" in after


def test_what_two_people_changed_names_both_with_their_roles(desk: Desk) -> None:
    proposal = desk.propose(500)
    desk.decide(proposal)
    [made] = desk.made(proposal)
    browser = desk.cast.browser(desk.cast.wang)

    receipt = said(browser.get(f"/points/{made.id}"))
    assert "谁提出陈晓琳社工" in receipt
    assert "谁核对赵建平社区负责人" in receipt
    assert "签到表上是两小时" in receipt
    assert "谁记的" not in receipt


def test_a_line_that_was_undone_says_so(desk: Desk) -> None:
    line = desk.earn(units=4)
    desk.back(line, amount=500)

    receipt = said(desk.cast.browser(desk.cast.wang).get(f"/points/{line}"))
    assert "收回5分记错了人" in receipt


def test_nothing_said_is_refused_and_the_form_stays(desk: Desk) -> None:
    line = desk.earn()
    browser = desk.cast.browser(desk.cast.wang)
    answer = tell(browser, line, " ")

    assert answer.status_code == 422
    assert "请写一写，1到200个字就行。" in said(answer)
    assert asked_by(desk, desk.cast.wang) == []


def test_a_request_is_taken_back(desk: Desk) -> None:
    line = desk.earn()
    browser = desk.cast.browser(desk.cast.wang)
    tell(browser, line, "不对")
    answer = fill(browser, f"/points/{line}", "/withdraw")

    assert answer.status_code == 303
    [asked] = asked_by(desk, desk.cast.wang)
    assert asked.state == "withdrawn"
    assert "已完成您撤回了今天10:00" in said(browser.get(f"/points/{line}"))


def test_somebody_elses_line_is_not_found(desk: Desk) -> None:
    line = desk.earn()
    browser = desk.cast.browser(desk.cast.chen)

    assert browser.get(f"/points/{line}/correction").status_code == 404


def test_what_is_held_says_for_what_and_since_when(desk: Desk) -> None:
    desk.earn()
    browser = desk.cast.browser(desk.cast.wang)
    assert "没有预留的积分" in said(browser.get("/points/holds"))
    for number, until in ((50, None), (52, desk.clock.now.replace(hour=9, day=28))):
        command = holds.OpenHold(
            id=UUID(int=number),
            account=desk.account(),
            amount=300,
            reason=f"洗洁精{number}号",
            source_kind="test",
            source_id=one(desk.cast.wang.person),
            lapse_at=until,
        )
        desk.run(holds.hold, command)

    shown = said(browser.get("/points/holds"))
    assert "一共预留6分" in shown
    assert "洗洁精50号今天" in shown
    assert "洗洁精52号今天" in shown
    assert "退回" in shown
    assert "另有预留6分" in said(browser.get("/points/"))
