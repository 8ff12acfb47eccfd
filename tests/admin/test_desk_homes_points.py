"""What the desk corrects of a household: deducted, wrong on the list, and nobody known in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from exchange.moving import (
    MergeRecords,
    MoveHousehold,
    follow_residents,
    merge_records,
    move_household,
)
from points.bulletins import lists
from points.bulletins.objecting import Object, object_to_line
from points.correcting.corrections import corrections_about
from points.queries import available
from residents import people
from residents.addresses import Address
from tests.admin.forms import Forms, fill
from tests.admin.scene import words
from tests.conftest import Clock
from tests.people import HERE, THERE, People
from tests.points.books import one
from tests.points.bulletins_scene import NOVEMBER, november, post
from tests.points.correcting import Desk, Run, deductions_on
from tests.points.earning import CORRIDOR

PROPOSAL = {"reason": "扣错了楼道", "evidence": "现场照片"}


@pytest.fixture
def desk(app: Flask, run: Run, ask: Run, cast: People, clock: Clock) -> Desk:
    return Desk(app=app, run=run, ask=ask, cast=cast, clock=clock)


def page(browser: FlaskClient, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return words(answer)


def earn_at_home(desk: Desk, household: UUID) -> UUID:
    """Give a household five basic points, and let the night pass."""
    return desk.earn(rule=CORRIDOR, units=1, holder_kind="household", holder_id=household)


def deducted(desk: Desk) -> tuple[FlaskClient, str]:
    """Take two points from 王秀英's household as staff do; return the line's address."""
    cast, household = desk.cast, one(desk.cast.wang.household)
    deductions_on(desk.run, desk.cast, desk.clock)
    earn_at_home(desk, household)
    desk.night()
    staff = cast.browser(cast.staff)
    card = staff.get(f"/desk/households/{household}").get_data(as_text=True)
    address = f"/desk/households/{household}/deductions"
    assert f'href="{address}"' in card
    for days in (3, 1):
        day = desk.clock.now.date() - dt.timedelta(days=days)
        assert fill(staff, address, "/reminders", day=day.isoformat()).status_code == 303
    assert fill(staff, address, "/deductions", reason="堆纸箱").status_code == 303
    shown = staff.get(address).get_data(as_text=True)
    return staff, "/desk/correct?line=" + shown.partition("/desk/correct?line=")[2].partition('"')[
        0
    ]


def test_whoever_has_no_phone_says_at_the_desk_that_a_deduction_is_wrong(desk: Desk) -> None:
    staff, address = deducted(desk)
    line = UUID(address.partition("=")[2])

    shown = page(staff, address)
    assert "谁来说的" in shown
    said = fill(
        staff, address, "/correct/say", resident=str(desk.cast.li.resident), words="纸箱不是我家的"
    )

    assert said.status_code == 303
    [asked] = desk.ask(corrections_about, line)
    assert (asked.asked_by, asked.entered_by) == (
        desk.cast.li.person,
        desk.cast.staff.person,
    )
    assert "纸箱不是我家的" in page(staff, "/desk/corrections")
    lead = desk.cast.browser(desk.cast.lead)
    fill(staff, f"/desk/correct?correction={asked.id}", "/correct/reverse", **PROPOSAL)
    fill(lead, "/desk/corrections?show=waiting", "/decide", approve="1")
    [answered] = desk.ask(corrections_about, line)
    assert (answered.outcome, answered.answer) == ("reversed", "扣错了楼道")
    assert desk.broken() == []


def test_a_refused_reminder_or_deduction_keeps_what_was_typed(desk: Desk) -> None:
    staff, _line = deducted(desk)
    address = f"/desk/households/{one(desk.cast.wang.household)}/deductions"
    day = (desk.clock.now.date() + dt.timedelta(days=1)).isoformat()

    early = fill(staff, address, "/reminders", day=day, note="上门说了")
    for days in (2, 0):
        noted = desk.clock.now.date() - dt.timedelta(days=days)
        fill(staff, address, "/reminders", day=noted.isoformat())
    more = fill(staff, address, "/deductions", reason="还堆着纸箱")

    assert early.status_code == 422
    assert "提醒的日期最晚是今天，最早是 31 天前" in early.get_data(as_text=True)
    for typed in (f'value="{day}"', 'value="上门说了"'):
        assert typed in early.get_data(as_text=True)
    assert more.status_code == 409
    assert 'value="还堆着纸箱"' in more.get_data(as_text=True)


def test_reminders_that_were_used_are_not_said_never_to_have_been(desk: Desk) -> None:
    household = one(desk.cast.wang.household)
    staff, _line = deducted(desk)
    shown = page(staff, f"/desk/households/{household}/deductions")

    assert "上次扣分用掉了以前的提醒，再扣要重新提醒两次。" in shown
    assert "还没有提醒过" not in shown


def test_somebody_of_another_household_does_not_speak_for_it(desk: Desk) -> None:
    line = earn_at_home(desk, one(desk.cast.wang.household))
    staff = desk.cast.browser(desk.cast.staff)
    address = f"/desk/correct?line={line}"

    refused = fill(
        staff, address, "/correct/say", resident=str(desk.cast.chen.resident), words="不对"
    )

    assert refused.status_code == 404
    assert desk.ask(corrections_about, line) == []


def test_points_of_a_household_with_nobody_known_are_given_and_taken(desk: Desk) -> None:
    home = people.EnterHousehold(
        community=HERE, address=Address(estate="建国南苑", building="7", unit="1", room="201")
    )
    household = desk.run(people.enter_household, home, desk.cast.actor(desk.cast.staff)).household
    line = earn_at_home(desk, household)
    staff, lead = desk.cast.browser(desk.cast.staff), desk.cast.browser(desk.cast.lead)
    card = staff.get(f"/desk/households/{household}").get_data(as_text=True)
    address = f"/desk/correct?household={household}"
    assert f'href="{address}"' in card

    shown = page(staff, address)
    assert "建国南苑7-1-201" in shown
    refused = fill(staff, address, "/correct/adjust", points="0", **PROPOSAL)
    assert refused.status_code == 422
    assert "加分或减分" in words(refused)
    fill(staff, address, "/correct/adjust", sign="less", points="2", **PROPOSAL)
    waiting = lead.get("/desk/corrections?show=waiting")
    assert f'href="/desk/households/{household}"' in waiting.get_data(as_text=True)
    assert "建国南苑7-1-201" in words(waiting)
    fill(lead, "/desk/corrections?show=waiting", "/decide", approve="1")

    assert "3" in page(staff, f"/desk/households/{household}").partition("全户基本积分")[2][:4]
    shown = page(staff, f"/desk/correct?line={line}")
    assert "这一户还没有登记的人" in shown
    assert "写下，等核对" not in shown
    assert desk.broken() == []


def test_an_objection_to_a_households_line_leads_to_its_points(
    app: Flask, desk: Desk, ask: Callable[..., Any]
) -> None:
    november(app, desk.run, desk.cast, desk.clock)
    post(desk.run)
    listed = ask(lists.lines, ask(lists.list_of, HERE, NOVEMBER))
    line = next(each for each in listed if each.what == "楼道不堆物")
    objection = Object(line=line.id, words="我家也没堆")
    asked = desk.run(object_to_line, objection, desk.cast.actor(desk.cast.wang)).id
    staff = desk.cast.browser(desk.cast.staff)
    address = f"/desk/correct?correction={asked}"

    assert address in staff.get("/desk/bulletins/2026-11").get_data(as_text=True)
    sent = Forms(staff.get(address).get_data(as_text=True)).forms
    [values] = [dict(form[1]) for form in sent if form[0] == "/desk/correct/adjust"]
    assert (values["holder_kind"], values["holder_id"]) == (
        "household",
        str(desk.cast.wang.household),
    )
    assert "加分或减分" in words(fill(staff, address, "/correct/answer", answer=" "))
    fill(staff, address, "/correct/adjust", points="1", **PROPOSAL)
    lead = desk.cast.browser(desk.cast.lead)
    fill(lead, "/desk/corrections?show=waiting", "/decide", approve="1")
    [answered] = desk.ask(corrections_about, line.id)
    assert answered.outcome == "adjusted"


@pytest.mark.parametrize("how", ["moved", "merged"])
def test_an_objection_to_a_line_of_who_has_gone_on_leads_to_their_points(
    app: Flask, desk: Desk, ask: Callable[..., Any], how: str
) -> None:
    cast, run = desk.cast, desk.run
    november(app, run, cast, desk.clock)
    post(run)
    wang, chen = one(cast.wang.resident), one(cast.chen.resident)
    line = ask(lists.lines, ask(lists.list_of, HERE, NOVEMBER))[0]
    asked = run(object_to_line, Object(line=line.id, words="少了一次"), cast.actor(cast.wang)).id
    if how == "moved":
        move = MoveHousehold(key="m", community=THERE, residents=(wang,))
        now = run(move_household, move, cast.actor(cast.elsewhere)).residents[0], THERE
    else:
        run(merge_records, MergeRecords(key="m", keep=chen, drop=wang), cast.actor(cast.staff))
        now = chen, HERE
    before = desk.ask(available, *now)
    staff, lead = cast.browser(cast.staff), cast.browser(cast.lead)
    address = f"/desk/correct?correction={asked}"

    assert "王秀英" in page(staff, address)
    fill(staff, address, "/correct/adjust", points="1", **PROPOSAL)
    fill(lead, "/desk/corrections?show=waiting", "/decide", approve="1")

    with app.app_context():
        assert follow_residents() == "followed 1"
    assert desk.ask(available, *now) == before + 100
    [answered] = desk.ask(corrections_about, line.id)
    assert answered.outcome == "adjusted"
    assert desk.broken() == []


@pytest.mark.parametrize("what", ["correct?household=", "households/"])
def test_a_household_that_is_not_there_or_elsewhere_is_not_opened(desk: Desk, what: str) -> None:
    staff = desk.cast.browser(desk.cast.staff)
    end = "/deductions" if what == "households/" else ""

    assert staff.get(f"/desk/{what}{UUID(int=404)}{end}").status_code == 404
    assert staff.get(f"/desk/{what}{desk.cast.there.household}{end}").status_code == 403
