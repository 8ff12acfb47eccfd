"""The desk's page of a session: entries by hand, the paper sheet, the second person, the screen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, select, text

from activities.entries import EnterByHand, enter_by_hand
from activities.models import Attendance
from exchange.moving import MergeRecords, MoveHousehold, merge_records, move_household
from points.models import Award
from residents.addresses import Address
from residents.endings import RecordDeath, record_death
from residents.people import EnterResident, enter_resident
from tests.admin.forms import Forms, again, fill
from tests.admin.scene import NINE, publish, resident_of, serve, words
from tests.conftest import Clock
from tests.people import HERE, THERE, People, Someone

Run = Callable[..., Any]


def attended(connection: Connection) -> list[tuple[str, str, str]]:
    """Return name, part and phase of each record."""
    rows = connection.execute(
        text(
            "SELECT people.name, attendances.part, attendances.phase FROM attendances"
            " JOIN residents ON residents.id = attendances.resident"
            " JOIN people ON people.id = residents.person ORDER BY 1, 2, 3",
        ),
    )
    return [(row[0], row[1], row[2]) for row in rows]


def who_came(connection: Connection) -> list[UUID]:
    return list(connection.scalars(select(Attendance.resident)))


def test_staff_enter_somebody_without_a_phone(cast: People, run: Run, ask: Run) -> None:
    session = publish(run, cast)
    browser, page = cast.browser(cast.staff), f"/desk/sessions/{session}"
    found = browser.get(f"{page}?q=李国强").get_data(as_text=True)

    done = again(
        browser, found, "/by-hand", part="serve", phase="entry", reason="没有手机，本人到场"
    )

    assert done.status_code == 303
    assert ask(attended) == [("李国强", "serve", "entry")]
    shown = words(browser.get(page))
    assert "已登记到场" in shown
    assert "没有手机，本人到场" in shown
    assert "陈晓琳" in shown


def test_an_entry_without_a_reason_comes_back_as_it_was_typed(
    cast: People, run: Run, ask: Run
) -> None:
    session = publish(run, cast)
    browser = cast.browser(cast.staff)
    found = browser.get(f"/desk/sessions/{session}?q=李国强").get_data(as_text=True)

    refused = again(browser, found, "/by-hand", part="take_part", phase="entry", reason=" ")

    assert refused.status_code == 422
    assert "请写一句原因" in words(refused)
    assert "李国强" in words(refused)
    assert ask(attended) == []


def test_times_outside_the_session_are_refused(cast: People, run: Run, ask: Run) -> None:
    session = publish(run, cast)
    browser = cast.browser(cast.staff)
    found = browser.get(f"/desk/sessions/{session}?q=李国强").get_data(as_text=True)

    refused = again(
        browser, found, "/by-hand", part="serve", phase="entry", entry="06:00", reason="没带手机"
    )

    assert refused.status_code == 422
    assert "时间要在这一场的前后半小时里" in words(refused)
    assert ask(attended) == []


def test_a_sheet_enters_what_is_clear_and_keeps_what_is_not(
    cast: People, run: Run, ask: Run
) -> None:
    session = publish(run, cast)
    browser, page = cast.browser(cast.staff), f"/desk/sessions/{session}"
    blank = [""] * 10

    left = fill(
        browser,
        f"{page}?sheet=1",
        "/sheet",
        who=["王秀英", "没有这个人", *blank],
        part=["serve", *["take_part"] * 11],
        entry=["09:00", *[""] * 11],
        exit=["9：30", *[""] * 11],
    )

    assert left.status_code == 422
    assert "没有找到这位居民" in words(left)
    assert "没有这个人" in left.get_data(as_text=True)
    assert ask(attended) == [("王秀英", "serve", "entry"), ("王秀英", "serve", "exit")]

    shown = left.get_data(as_text=True)
    right = again(browser, shown, "/sheet", who=["陈建国"])
    assert right.status_code == 303
    assert ("陈建国", "take_part", "entry") in ask(attended)


@pytest.mark.parametrize(
    ("entry", "left"), [("930", ""), ("25:00", ""), ("09:00", "九点半"), ("09:30", "09:00")]
)
def test_a_time_that_is_garbled_or_out_of_order_is_not_taken_for_none(
    cast: People, run: Run, ask: Run, entry: str, left: str
) -> None:
    session = publish(run, cast)
    browser, page = cast.browser(cast.staff), f"/desk/sessions/{session}"
    found = browser.get(f"{page}?q=李国强").get_data(as_text=True)
    typed = {"part": "serve", "phase": "both", "entry": entry, "exit": left, "reason": "没带手机"}
    rest = [""] * 11

    by_hand = again(browser, found, "/by-hand", **typed)
    sheet = fill(
        browser,
        f"{page}?sheet=1",
        "/sheet",
        who=["李国强", *rest],
        part=["serve"] * 12,
        entry=[entry, *rest],
        exit=[left, *rest],
    )

    for answer in (by_hand, sheet):
        assert answer.status_code == 422
        assert "时间要在这一场的前后半小时里，离开要晚于签到" in words(answer)
        assert f'value="{left}"' in answer.get_data(as_text=True)
    assert ask(attended) == []


def test_a_line_that_stays_behind_follows_the_name_that_is_typed_now(
    cast: People, run: Run, ask: Run
) -> None:
    session = publish(run, cast)
    browser, page = cast.browser(cast.staff), f"/desk/sessions/{session}?sheet=1"
    rest = [""] * 11
    left = fill(browser, page, "/sheet", who=["王秀英", *rest], entry=["06:00", *rest])
    assert left.status_code == 422

    shown = left.get_data(as_text=True)
    right = again(browser, shown, "/sheet", who=["陈建国"], entry=["09:00"])

    assert right.status_code == 303
    assert ask(attended) == [("陈建国", "take_part", "entry")]


def test_of_two_with_one_name_the_one_chosen_is_entered(cast: People, run: Run, ask: Run) -> None:
    session = publish(run, cast)
    address = Address(estate="建国南苑", building="9", unit="1", room="101")
    second = run(
        enter_resident,
        EnterResident(community=HERE, name="王秀英", address=address, another_person=True),
        cast.actor(cast.staff),
    )
    browser, page = cast.browser(cast.staff), f"/desk/sessions/{session}?sheet=1"
    left = fill(browser, page, "/sheet", who=["王秀英", *[""] * 11])
    assert "有几位同名，请选一位" in words(left)

    shown = left.get_data(as_text=True)
    right = again(browser, shown, "/sheet", resident_id=[str(second.resident)])

    assert right.status_code == 303
    assert ask(who_came) == [second.resident]


def test_the_same_sheet_twice_changes_nothing(cast: People, run: Run, ask: Run) -> None:
    session = publish(run, cast)
    browser, page = cast.browser(cast.staff), f"/desk/sessions/{session}?sheet=1"
    sheet = {"who": ["王秀英", *[""] * 11], "part": ["serve"] * 12}

    first = fill(browser, page, "/sheet", **sheet)
    once = ask(attended)
    second = fill(browser, page, "/sheet", **sheet)

    assert (first.status_code, second.status_code) == (303, 303)
    assert ask(attended) == once


def test_hours_entered_by_hand_wait_for_the_second_person(
    cast: People, run: Run, clock: Clock
) -> None:
    session = publish(run, cast, hours=1)
    serve(run, cast, session, cast.wang)
    page = f"/desk/sessions/{session}"

    staff = cast.browser(cast.staff)
    shown = staff.get(page)
    assert "1条工时等另一位工作人员确认" in words(shown)
    assert "确认工时" not in words(shown)
    assert "第二人确认" not in words(staff.get("/desk/"))
    token = dict(Forms(shown.get_data(as_text=True)).forms[0][1])["csrf_token"]
    own = staff.post(f"{page}/confirm", data={"csrf_token": token})
    assert own.status_code == 409
    assert "要另一位工作人员来确认" in words(own)
    assert "1条登记的工时等另一位确认" in words(cast.browser(cast.lead).get("/desk/"))

    lead = cast.browser(cast.lead)
    assert "1条工时等第二人确认" in words(lead.get(page))
    done = fill(lead, page, "/confirm")
    assert done.status_code == 303
    after = words(lead.get(page))
    assert "已确认1条，明早8点前到账" in after
    assert "待结算" in after
    clock.advance(days=1)
    assert "等第二人确认" not in words(lead.get(page))


def test_two_who_entered_hours_confirm_each_others(cast: People, run: Run, ask: Run) -> None:
    session = publish(run, cast, hours=1)
    serve(run, cast, session, cast.wang)
    by_lead = EnterByHand(
        session=session,
        resident=resident_of(cast.li),
        part="serve",
        entry=NINE,
        exit=NINE + dt.timedelta(hours=1),
        reason="没有手机",
    )
    run(enter_by_hand, by_lead, cast.actor(cast.lead))
    page = f"/desk/sessions/{session}"

    for who, left in ((cast.staff, [cast.wang.resident]), (cast.lead, [])):
        browser = cast.browser(who)
        assert "1条登记的工时等另一位确认" in words(browser.get("/desk/"))
        assert fill(browser, page, "/confirm").status_code == 303
        assert "已确认1条" in words(browser.get(page))
        assert ask(waiting) == left


def test_hours_of_ones_own_household_are_nobodys_task_who_lives_in_it(
    cast: People, run: Run
) -> None:
    home = Address(estate="建国南苑", building="7", unit="1", room="201")
    made = [
        run(
            enter_resident,
            EnterResident(community=HERE, name=name, phone=phone or None, address=home),
            cast.actor(cast.staff),
        )
        for name, phone in ((cast.lead.name, cast.lead.phone), ("钱志明", ""))
    ]
    session = publish(run, cast, hours=1)
    serve(run, cast, session, Someone("钱志明", "", resident=made[1].resident))
    lead, page = cast.browser(cast.lead), f"/desk/sessions/{session}"

    assert "第二人确认" not in words(lead.get("/desk/"))
    assert "1条工时等另一位工作人员确认" in words(lead.get(page))
    assert "确认工时" not in words(lead.get(page))

    serve(run, cast, session, cast.wang)
    assert "1条登记的工时等另一位确认" in words(lead.get("/desk/"))
    assert "1条工时等第二人确认" in words(lead.get(page))
    assert fill(lead, page, "/confirm").status_code == 303


def test_somebody_who_has_died_since_still_stands_in_the_session(cast: People, run: Run) -> None:
    session = publish(run, cast, hours=1)
    serve(run, cast, session, cast.wang)
    page, browser = f"/desk/sessions/{session}", cast.browser(cast.staff)
    assert f"/desk/residents/{cast.wang.resident}" in browser.get(page).get_data(as_text=True)
    run(record_death, RecordDeath(resident=resident_of(cast.wang)), cast.actor(cast.staff))

    shown = browser.get(page)

    assert "王秀英" in words(shown)
    assert f"/desk/residents/{cast.wang.resident}" not in shown.get_data(as_text=True)


@pytest.mark.parametrize("how", ["sheet", "by hand"])
def test_who_came_and_moved_before_the_exit_was_typed_is_found_by_name(
    cast: People, run: Run, ask: Run, clock: Clock, how: str
) -> None:
    session = publish(run, cast)
    browser, page = cast.browser(cast.staff), f"/desk/sessions/{session}"
    found = browser.get(f"{page}?q=李国强").get_data(as_text=True)
    again(browser, found, "/by-hand", part="serve", phase="entry", reason="没有手机")
    old = resident_of(cast.li)
    move = MoveHousehold(key="move", community=THERE, residents=(old,))
    run(move_household, move, cast.actor(cast.elsewhere))
    clock.advance(hours=1)

    if how == "sheet":
        typed = {"who": ["李国强", *[""] * 11], "part": ["serve"] * 12, "exit": ["11:00"] * 12}
        done = fill(browser, f"{page}?sheet=1", "/sheet", **typed)
    else:
        found = browser.get(f"{page}?q=李国强").get_data(as_text=True)
        done = again(
            browser, found, "/by-hand", part="serve", phase="exit", exit="11:00", reason="没有手机"
        )

    assert done.status_code == 303, words(done)
    assert ask(attended) == [("李国强", "serve", "entry"), ("李国强", "serve", "exit")]
    assert set(ask(who_came)) == {old}


def test_who_was_merged_since_is_one_and_not_two_of_the_same_name(
    cast: People, run: Run, ask: Run
) -> None:
    session = publish(run, cast, hours=1)
    serve(run, cast, session, cast.wang)
    address = Address(estate="建国南苑", building="9", unit="1", room="101")
    twin = EnterResident(community=HERE, name="王秀英", address=address, another_person=True)
    kept = run(enter_resident, twin, cast.actor(cast.staff)).resident
    merged = MergeRecords(key="merge", keep=kept, drop=resident_of(cast.wang))
    run(merge_records, merged, cast.actor(cast.staff))
    browser, page = cast.browser(cast.staff), f"/desk/sessions/{session}?sheet=1"

    done = fill(browser, page, "/sheet", who=["王秀英", *[""] * 11], part=["serve"] * 12)

    assert done.status_code == 303, words(done)
    assert set(ask(who_came)) == {cast.wang.resident}


def waiting(connection: Connection) -> list[UUID]:
    """Return whose hours wait for a second person."""
    return list(connection.scalars(select(Award.holder_id).where(Award.due.is_(None))))


def test_the_screens_keys_void_turn_and_close(cast: People, run: Run) -> None:
    session = publish(run, cast)
    browser, screen = cast.browser(cast.staff), f"/desk/sessions/{session}/venue"
    before = browser.get(f"{screen}/codes").get_json()
    assert before["codes"][0]["phase"] == "entry"

    assert fill(browser, screen, "/void").headers["Location"].endswith("/venue")
    voided = browser.get(f"{screen}/codes").get_json()
    assert voided["codes"][0]["url"] != before["codes"][0]["url"]

    fill(browser, screen, "/turn")
    turned = browser.get(f"{screen}/codes").get_json()
    assert turned["codes"][0]["phase"] == "exit"
    assert len({before["edition"], voided["edition"], turned["edition"]}) == 3

    fill(browser, screen, "/close")
    assert browser.get(f"{screen}/codes").get_json()["codes"] == []
    assert "已结束" in words(browser.get(f"/desk/sessions/{session}"))


def test_the_screen_counts_and_masks_names(cast: People, run: Run) -> None:
    session = publish(run, cast)
    serve(run, cast, session, cast.wang)

    counts = cast.browser(cast.staff).get(f"/desk/sessions/{session}/venue/counts").get_json()

    assert counts["counts"]["arrived"] == 1
    assert counts["counts"]["left"] == 1
    assert counts["counts"]["arrivals"][0]["name"] == "王*英"
