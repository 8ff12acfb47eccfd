"""The desk corrects points: answers, proposals and decisions on two pages."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from points.correcting.corrections import OpenCorrection, corrections_about, open_correction
from tests.admin.forms import fill
from tests.admin.scene import words
from tests.conftest import Clock
from tests.people import People
from tests.points.correcting import GREAT, Desk, Run
from tests.points.test_reverse_spending import together

PROPOSAL = {"reason": "签到表上是两小时", "evidence": "签到表第 3 行"}


@pytest.fixture
def desk(app: Flask, run: Run, ask: Run, cast: People, clock: Clock) -> Desk:
    return Desk(app=app, run=run, ask=ask, cast=cast, clock=clock)


def browsers(desk: Desk) -> tuple[FlaskClient, FlaskClient]:
    """Browsers of 社工 and 社区负责人."""
    return desk.cast.browser(desk.cast.staff), desk.cast.browser(desk.cast.lead)


def ask_about(desk: Desk, line: UUID) -> UUID:
    command = OpenCorrection(subject=line, words="我帮了两个小时")
    made = desk.run(open_correction, command, desk.cast.actor(desk.cast.wang))
    return UUID(str(made.id))


def page(browser: FlaskClient, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return words(answer)


def test_a_request_stands_on_the_desk_with_its_days(desk: Desk) -> None:
    line = desk.earn()
    asked = ask_about(desk, line)
    staff, _lead = browsers(desk)

    shown = page(staff, "/desk/corrections")
    assert "王秀英" in shown
    assert "我帮了两个小时" in shown
    assert "还有7天" in shown
    assert "1条等答复" in page(staff, "/desk/")
    one = page(staff, f"/desk/correct?correction={asked}")
    assert "我帮了两个小时" in one
    assert "冲回这一笔" in one


def test_a_request_about_an_award_that_was_cancelled_is_no_objection_and_is_answered(
    desk: Desk,
) -> None:
    line = desk.earn(settled=False)
    asked = ask_about(desk, line)
    desk.decide(desk.propose_back(line))
    staff, _lead = browsers(desk)

    assert "已取消的一笔" in page(staff, "/desk/corrections")
    address = f"/desk/correct?correction={asked}"
    fill(staff, address, "/correct/answer", answer="已经取消，没有到账。")
    assert "我帮了两个小时" not in page(staff, "/desk/corrections")


def test_what_is_late_says_so(desk: Desk) -> None:
    line = desk.earn()
    asked = ask_about(desk, line)
    desk.clock.advance(days=9)
    staff, _lead = browsers(desk)

    assert "过期2天" in page(staff, "/desk/corrections")
    assert "过期2天，请先答复" in page(staff, f"/desk/correct?correction={asked}")


def test_an_explanation_answers_it(desk: Desk) -> None:
    line = desk.earn()
    asked = ask_about(desk, line)
    staff, _lead = browsers(desk)
    address = f"/desk/correct?correction={asked}"

    refused = fill(staff, address, "/correct/answer", answer=" ")
    assert refused.status_code == 422
    assert "请写一写" in words(refused)
    done = fill(staff, address, "/correct/answer", answer="按签到表是一小时")
    assert done.status_code == 303
    assert "没有等答复的反映" in page(staff, "/desk/corrections")
    [told] = desk.ask(corrections_about, line)
    assert told.answer == "按签到表是一小时"


def test_points_are_given_by_two_and_answer_the_request(desk: Desk) -> None:
    line = desk.earn()
    asked = ask_about(desk, line)
    staff, lead = browsers(desk)
    made = fill(
        staff,
        f"/desk/correct?correction={asked}",
        "/correct/adjust",
        points="\uff11\uff10",
        **PROPOSAL,
    )
    assert made.location == "/desk/corrections?show=waiting"
    assert "您提出的，等另一位来定" in page(staff, made.location)
    assert "1笔等另一位来定" in page(lead, "/desk/")

    done = fill(lead, made.location, "/decide", approve="1")
    assert done.status_code == 303
    assert desk.totals() == (2000, 0, 2000)
    [told] = desk.ask(corrections_about, line)
    assert (told.outcome, told.answer) == ("adjusted", "签到表上是两小时")
    shown = page(lead, "/desk/corrections?show=done")
    assert "陈晓琳社工" in shown
    assert "赵建平社区负责人" in shown
    assert desk.broken() == []


def test_a_line_is_undone_from_the_residents_card(desk: Desk) -> None:
    line = desk.earn(units=4)
    staff, lead = browsers(desk)
    card = staff.get(f"/desk/residents/{desk.cast.wang.resident}").get_data(as_text=True)
    assert f"/desk/correct?line={line}" in card

    address = f"/desk/correct?line={line}"
    refused = fill(staff, address, "/correct/reverse", points="21", **PROPOSAL)
    assert refused.status_code == 422
    assert "这一笔最多还能冲回20分" in words(refused)
    fill(staff, address, "/correct/reverse", points="5", **PROPOSAL)
    fill(lead, "/desk/corrections?show=waiting", "/decide", approve="1")

    assert desk.totals() == (2000, 500, 1500)
    assert "冲回这一笔" not in page(staff, address)


def test_two_thousand_points_that_wait_are_cancelled_on_the_page(desk: Desk) -> None:
    address = f"/desk/correct?line={desk.earn(settled=False, **GREAT)}"
    staff, lead = browsers(desk)
    assert "取消这一笔" in page(staff, address)
    made = fill(staff, address, "/correct/reverse", **PROPOSAL)
    assert made.location == "/desk/corrections?show=waiting"
    fill(lead, made.location, "/decide", approve="1")

    desk.night()
    assert desk.totals() == (0, 0, 0)


@pytest.mark.parametrize(("typed", "left"), [("", 0), ("1999.5", 50), ("2000", 0)])
def test_two_thousand_points_are_taken_back_on_the_page_whole_or_in_part(
    desk: Desk, typed: str, left: int
) -> None:
    address = f"/desk/correct?line={desk.earn(**GREAT)}"
    staff, lead = browsers(desk)
    refused = fill(staff, address, "/correct/reverse", points="2001", **PROPOSAL)
    assert "这一笔最多还能冲回2000分" in words(refused)
    fill(staff, address, "/correct/reverse", points=typed, **PROPOSAL)
    fill(lead, "/desk/corrections?show=waiting", "/decide", approve="1")

    assert desk.totals() == (200_000, 200_000 - left, left)


def test_what_is_given_or_taken_freely_is_a_thousand_points_at_most(desk: Desk) -> None:
    staff, _lead = browsers(desk)
    address = f"/desk/correct?resident={desk.cast.wang.resident}"
    for number in ("0", "1001"):
        refused = fill(staff, address, "/correct/adjust", points=number, **PROPOSAL)
        assert refused.status_code == 422
        assert "一次更正的分要在0.01到1000分之间，可加可减" in words(refused)

    done = fill(staff, address, "/correct/adjust", points="1000", **PROPOSAL)
    assert done.status_code == 303


@pytest.mark.parametrize("typed", ["0.25", "\uff10\uff0e\uff12\uff15", "0\u300225", " 0.25 "])
def test_points_are_typed_to_a_hundredth_on_any_keyboard(desk: Desk, typed: str) -> None:
    address = f"/desk/correct?line={desk.earn()}"
    staff, lead = browsers(desk)
    fill(staff, address, "/correct/adjust", points=typed, **PROPOSAL)
    fill(lead, "/desk/corrections?show=waiting", "/decide", approve="1")
    assert desk.totals() == (1025, 0, 1025)

    fill(staff, address, "/correct/reverse", points=typed, **PROPOSAL)
    fill(lead, "/desk/corrections?show=waiting", "/decide", approve="1")
    assert desk.totals() == (1025, 25, 1000)


@pytest.mark.parametrize("typed", ["0.255", "1,000", "-5", "5.", "\u4e94"])
@pytest.mark.parametrize("form", ["/correct/adjust", "/correct/reverse"])
def test_points_that_are_no_number_to_a_hundredth_are_said_and_stay(
    desk: Desk, form: str, typed: str
) -> None:
    address = f"/desk/correct?line={desk.earn()}"
    staff, _lead = browsers(desk)
    refused = fill(staff, address, form, points=typed, **PROPOSAL)

    assert refused.status_code == 422
    assert "请只写数字，最多两位小数，比如12或4.5" in words(refused)
    assert f'value="{typed}"' in refused.get_data(as_text=True)
    assert "没有等第二人的更正" in page(staff, "/desk/corrections?show=waiting")


def test_a_part_of_nothing_is_not_undone(desk: Desk) -> None:
    address = f"/desk/correct?line={desk.earn()}"
    staff, _lead = browsers(desk)
    refused = fill(staff, address, "/correct/reverse", points="0", **PROPOSAL)

    assert refused.status_code == 422
    assert "冲回的分要大于0" in words(refused)


def test_what_was_spent_is_undone_in_parts_and_the_page_says_what_is_left(desk: Desk) -> None:
    desk.earn()
    address = f"/desk/correct?line={desk.spend(600)}"
    staff, lead = browsers(desk)
    assert "空着就是没退的6分；可以分几次退" in page(staff, address)
    fill(staff, address, "/correct/reverse", points="2", **PROPOSAL)
    fill(lead, "/desk/corrections?show=waiting", "/decide", approve="1")

    assert "空着就是没退的4分；可以分几次退" in page(staff, address)
    fill(staff, address, "/correct/reverse", **PROPOSAL)
    fill(lead, "/desk/corrections?show=waiting", "/decide", approve="1")

    assert desk.totals() == (1000, 0, 1000)
    assert "冲回这一笔" not in page(staff, address)


def test_what_several_paid_says_what_all_of_them_get(desk: Desk) -> None:
    address = f"/desk/correct?line={together(desk)}"
    staff, lead = browsers(desk)
    assert "几位家人一共付了10分，还有10分没退" in page(staff, address)
    fill(staff, address, "/correct/reverse", points="5", **PROPOSAL)
    waiting = page(lead, "/desk/corrections?show=waiting")
    assert "+3" in waiting
    assert "冲回，几位一共5" in waiting
    fill(lead, "/desk/corrections?show=waiting", "/decide", approve="1")

    assert "几位家人一共付了10分，还有5分没退" in page(staff, address)
    assert desk.totals(desk.cast.chen) == (1000, 200, 800)


def test_points_are_taken_and_what_is_missing_is_collected_or_let_go(desk: Desk) -> None:
    desk.earn()
    address = f"/desk/correct?resident={desk.cast.wang.resident}"
    staff, lead = browsers(desk)
    waiting = "/desk/corrections?show=waiting"
    for number in ("12", "3"):
        fill(staff, address, "/correct/adjust", sign="less", points=number, **PROPOSAL)
        fill(lead, waiting, "/decide", approve="1")
        desk.app.extensions["linli"].clock.advance(minutes=1)
    assert desk.totals() == (1000, 1000, 0)
    assert "还差2分" in page(lead, "/desk/corrections?show=short")

    short = "/desk/corrections?show=short"
    refused = fill(lead, short, "/collect")
    assert "现在没有可收的积分" in words(refused)
    desk.decide(desk.propose(200))
    fill(lead, short, "/collect")
    assert desk.totals()[2] == 0
    fill(lead, short, "/waive", reason="登记员的错")
    assert "没有还差的分" in page(lead, short)
    assert "登记员的错" in page(lead, "/desk/corrections?show=done")
    assert desk.broken() == []


def test_a_proposal_is_refused_or_withdrawn(desk: Desk) -> None:
    staff, lead = browsers(desk)
    address = f"/desk/correct?resident={desk.cast.wang.resident}"
    waiting = "/desk/corrections?show=waiting"
    for _ in range(2):
        fill(staff, address, "/correct/adjust", points="5", **PROPOSAL)
    shown = lead.get(waiting).get_data(as_text=True)
    assert shown.count('name="refusal"') == 2
    token = _token(shown)
    path = shown.partition('action="/desk/adjustments/')[2].partition('"')[0]
    refused = lead.post(
        f"/desk/adjustments/{path}",
        data={"csrf_token": token, "approve": "0", "refusal": "依据不够"},
    )
    assert refused.status_code == 303
    fill(staff, waiting, "/withdraw")

    done = page(staff, "/desk/corrections?show=done")
    assert "依据不够" in done
    assert "撤回了" in done
    assert desk.totals() == (0, 0, 0)


def _token(shown: str) -> str:
    return shown.partition('name="csrf_token" value="')[2].partition('"')[0]


def test_large_ones_wait_for_the_lead(desk: Desk) -> None:
    desk.propose(5000, desk.cast.actor(desk.cast.lead))
    staff, _lead = browsers(desk)

    assert "50分起由社区负责人来定" in page(staff, "/desk/corrections?show=waiting")
    assert "笔等另一位来定" not in page(staff, "/desk/")


def test_the_badge_counts_what_the_page_of_today_counts(desk: Desk) -> None:
    staff, lead = browsers(desk)
    desk.propose(1000)
    desk.propose(2000, desk.cast.actor(desk.cast.lead))
    desk.propose(3000, desk.cast.actor(desk.cast.lead))

    for browser, count in ((staff, 2), (lead, 1)):
        today = browser.get("/desk/")
        assert f"{count}笔等另一位来定" in words(today)
        badge = re.search(r"更正<b>(\d+)</b>", today.get_data(as_text=True))
        assert badge is not None
        assert int(badge[1]) == count
        shown = browser.get("/desk/corrections?show=waiting").get_data(as_text=True)
        assert shown.count('name="refusal"') == count


def test_staff_write_down_what_somebody_without_a_phone_says(desk: Desk) -> None:
    line = desk.earn(who=desk.cast.li)
    staff, _lead = browsers(desk)
    done = fill(staff, f"/desk/correct?line={line}", "/correct/say", words="少记了")

    assert done.status_code == 303
    shown = page(staff, "/desk/corrections")
    assert "李国强" in shown
    assert "少记了" in shown


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/desk/correct?line=00000000-0000-0000-0000-000000000404", 404),
        ("/desk/correct?correction=00000000-0000-0000-0000-000000000404", 404),
        ("/desk/correct?resident=00000000-0000-0000-0000-000000000404", 404),
        ("/desk/correct", 200),
        ("/desk/corrections?show=everything", 200),
    ],
)
def test_what_is_not_there_is_said(desk: Desk, address: str, status: int) -> None:
    staff, _lead = browsers(desk)

    assert staff.get(address).status_code == status


def test_another_communitys_lines_are_not_opened(desk: Desk) -> None:
    line = desk.earn()
    elsewhere = desk.cast.browser(desk.cast.elsewhere)
    keeper: Any = desk.cast.browser(desk.cast.keeper)

    assert elsewhere.get(f"/desk/correct?line={line}").status_code == 403
    assert elsewhere.get(f"/desk/correct?resident={desk.cast.wang.resident}").status_code == 403
    assert keeper.get("/desk/corrections").status_code == 403


def test_without_a_line_the_page_says_where_to_find_one(desk: Desk) -> None:
    line = desk.earn()
    staff, _lead = browsers(desk)

    assert "先找到要改的那一笔" in page(staff, "/desk/correct")
    assert "先找到要改的那一笔" not in page(staff, f"/desk/correct?line={line}")


def test_who_is_ones_own_is_asked_once_for_all_that_waits(desk: Desk, statements: Any) -> None:
    staff, _lead = browsers(desk)

    def count() -> int:
        with statements() as seen:
            page(staff, "/desk/corrections?show=waiting")
        return sum(each.lstrip().startswith("SELECT") for each in seen)

    desk.propose(100)
    count()  # The first reads the settings, too.
    one = count()
    for _ in range(3):
        desk.propose(100)

    # Of each more: whose points they are.
    assert count() == one + 3
