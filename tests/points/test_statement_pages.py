"""Statements on screen, as files and on paper: residents, desk, console and API."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from python_calamine import CalamineWorkbook
from sqlalchemy import text

from core.db import db
from points.accounts import account_id, household_account
from points.closing import close_days
from points.proof.sealing import head_of, seal_days
from points.statements import answers_views, paper
from points.statements import paper as statement_paper
from points.statements.check import Issued, check
from points.statements.codes import spaced
from points.statements.paper import Heading
from points.statements.periods import Period, Subject, month_of
from points.statements.sums import Line, Sums
from residents.addresses import Address
from residents.people import EnterHousehold, EnterResident, enter_household, enter_resident
from tests import printed
from tests.conftest import Clock
from tests.people import HERE, THERE, People, Someone
from tests.points.books import one
from tests.points.calendar import close
from tests.points.correcting import Desk
from tests.points.statements_scene import hers, issue, moved, post, wallet
from tests.points.test_points_pages import text_of
from tests.residents.forms import send

Run = Callable[..., Any]
NOVEMBER = "first=2026-11-01&last=2026-11-24"


@pytest.fixture(autouse=True)
def _earned(run: Run, cast: People) -> None:
    """王秀英 got twenty points and spent twelve; a neighbour's reason is a formula."""
    run(post, moved(11, wallet(cast), 2000, '=HYPERLINK("http://evil.example")'))
    run(post, moved(12, wallet(cast), -1200))


def get(browser: FlaskClient, address: str, status: int = 200) -> Any:
    answer = browser.get(address, buffered=True)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer


def test_a_resident_sees_a_period_between_its_opening_and_its_closing(cast: People) -> None:
    browser = cast.browser(cast.wang)
    said = text_of(get(browser, f"/points/statements/?{NOVEMBER}").get_data(as_text=True))
    before = text_of(
        get(browser, "/points/statements/?first=2026-10-01&last=2026-10-31").get_data(as_text=True)
    )

    assert "期初0分增加+20分减少−12分期末8分" in said
    assert "共2笔" in said
    assert "余8分" in said
    assert "这段时间没有进出" in before


def test_where_nothing_came_nothing_is_added_to(cast: People) -> None:
    october = "first=2026-10-01&last=2026-10-31"
    resident = get(cast.browser(cast.wang), f"/points/statements/?{october}")
    wang = one(cast.wang.resident)
    desk = get(cast.browser(cast.staff), f"/desk/statements/resident/{wang}?{october}")

    for page in (resident, desk):
        assert "期初0分增加0分减少0分期末0分" in text_of(page.get_data(as_text=True))


def test_a_period_upside_down_is_refused_beside_its_dates(cast: People) -> None:
    browser = cast.browser(cast.wang)
    answer = get(browser, "/points/statements/?first=2026-11-20&last=2026-11-01", 422)
    late = get(browser, "/points/statements/?first=2026-11-20&last=2026-12-01", 422)

    assert "截止日早于起始日" in answer.get_data(as_text=True)
    assert "截止日还没有到" in late.get_data(as_text=True)


def test_a_resident_takes_the_paper_home(cast: People) -> None:
    browser = cast.browser(cast.wang)
    answer = send(
        browser,
        f"/points/statements/?{NOVEMBER}",
        "/points/statements/",
        kind="service",
        first="2026-11-01",
        last="2026-11-24",
    )
    address = answer.headers["Location"]
    code = address.rpartition("/")[2]
    page = get(browser, address).get_data(as_text=True)
    document = get(browser, f"{address}/pdf")
    found = printed.read(document.data)

    assert answer.status_code == 303
    assert spaced(code) in page
    assert document.mimetype == "application/pdf"
    assert "积分明细单" in found.words
    assert "王秀英" in found.words
    assert "建国南苑3-2-401" in found.words
    assert "2026年11月1日–2026年11月24日" in found.words
    assert "共2笔。期初0加20减12，等于期末8。" in found.words
    assert "洗洁精一瓶" in found.words
    assert "（盖章）2026年11月24日" in found.words
    assert "第1页，共1页" in found.words
    assert "电话" not in found.words, "nobody has set a number"
    assert spaced(code) in "".join(found.pages[0])
    assert found.codes == [f"http://127.0.0.1:8000/check/{code}"]
    assert min(found.sizes) >= 14
    assert found.font_bytes < 60_000


def test_the_paper_carries_the_head_of_the_sealed_days(
    app: Flask, run: Run, cast: People, clock: Clock, ask: Callable[..., Any]
) -> None:
    clock.advance(days=1)
    with app.app_context():
        close_days()
        seal_days()
    head = ask(head_of, HERE)
    code = issue(run, cast.actor(cast.wang), hers(cast)).code
    found = printed.read(get(cast.browser(cast.wang), f"/points/statements/{code}/pdf").data)

    assert f"账本封到2026-11-24，封印{head.head}" in found.words


def test_nobody_opens_the_paper_of_somebody_else(run: Run, cast: People) -> None:
    code = issue(run, cast.actor(cast.wang), hers(cast)).code

    for who, prefix in (
        (cast.chen, "/points"),
        (cast.there, "/points"),
        (cast.elsewhere, "/desk"),
        (cast.keeper, "/desk"),
        (cast.lin, "/console"),
    ):
        browser = cast.browser(who)
        get(browser, f"{prefix}/statements/{code}", 403)
        get(browser, f"{prefix}/statements/{code}/pdf", 403)


def test_the_files_have_every_line_and_nobodys_formula(cast: People) -> None:
    browser = cast.browser(cast.wang)
    table = get(browser, f"/points/statements/?{NOVEMBER}&as=csv").data
    book = get(browser, f"/points/statements/?{NOVEMBER}&as=xlsx").data
    rows = list(csv.reader(io.StringIO(table.decode("utf-8-sig"), newline="")))
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(book)).get_sheet_by_index(0).to_python()

    assert table.startswith(b"\xef\xbb\xbf")
    assert rows[0] == ["日期", "时间", "事由", "地点", "增减", "结余"]
    assert [row[2] for row in rows] == [
        "事由",
        "期初",
        '\'=HYPERLINK("http://evil.example")',
        "洗洁精一瓶",
        "期末",
    ]
    assert [row[4] for row in rows[2:4]] == ["20", "-12"]
    assert [row[5] for row in rows[1:]] == ["0", "20", "8", "8"]
    assert [row[5] for row in sheet[1:]] == [0.0, 20.0, 8.0, 8.0]
    assert sheet[2][2] == rows[2][2]


def test_the_desk_prints_for_somebody_without_a_phone(cast: People) -> None:
    li, browser = one(cast.li.resident), cast.browser(cast.staff)
    address = f"/desk/statements/resident/{li}"
    page = get(browser, f"/desk/residents/{li}").get_data(as_text=True)
    answer = send(browser, f"{address}?{NOVEMBER}", address, kind="service", first="2026-11-01")
    document = get(browser, f"{answer.headers['Location']}/pdf")

    assert address in page
    assert answer.status_code == 303
    assert "李国强" in printed.read(document.data).words
    assert "这段时间没有积分进出" in printed.read(document.data).words


def test_the_desk_says_nothing_of_an_address_that_is_not_known(
    run: Callable[..., Any], cast: People
) -> None:
    alone = run(enter_resident, EnterResident(community=HERE, name="陈静"), cast.actor(cast.staff))
    page = get(cast.browser(cast.staff), f"/desk/statements/resident/{alone.resident}")

    assert "陈静。开出的单子上有核对码" in text_of(page.get_data(as_text=True))


def test_the_desk_prints_for_a_household(cast: People) -> None:
    home, browser = one(cast.wang.household), cast.browser(cast.staff)
    address = f"/desk/statements/household/{home}"
    answer = send(browser, address, address, first="2026-11-01", last="2026-11-24")
    found = printed.read(get(browser, f"{answer.headers['Location']}/pdf").data)

    assert any(names in found.words for names in ("王秀英、李国强", "李国强、王秀英"))
    assert "本户基本积分" in found.words


def test_the_statement_of_a_household_with_nobody_known_is_named_by_its_address(
    run: Callable[..., Any], cast: People
) -> None:
    home = EnterHousehold(
        community=HERE, address=Address(estate="建国南苑", building="7", unit="1", room="201")
    )
    household = run(enter_household, home, cast.actor(cast.staff)).household
    browser, address = cast.browser(cast.staff), f"/desk/statements/household/{household}"
    shown = text_of(get(browser, f"{address}?{NOVEMBER}").get_data(as_text=True))
    sent = send(browser, address, address, first="2026-11-01", last="2026-11-24")
    handed_out = get(browser, sent.headers["Location"]).get_data(as_text=True)

    assert shown.count("建国南苑7-1-201") == 1
    assert "建国南苑7-1-201，本户基本积分" in text_of(handed_out)
    assert f'{address}?kind=basic&amp;first=2026-11-01&amp;last=2026-11-24"' in handed_out
    found = printed.read(get(browser, f"{sent.headers['Location']}/pdf").data)
    assert found.words.count("建国南苑7-1-201") == 1


def test_the_desk_of_another_community_sees_nobody_here(cast: People) -> None:
    browser = cast.browser(cast.elsewhere)
    get(browser, f"/desk/statements/resident/{one(cast.wang.resident)}", 403)
    get(cast.browser(cast.keeper), "/desk/book", 403)


@pytest.mark.parametrize("who", ["staff", "lin"])
def test_the_book_of_a_community_is_shown_filed_and_printed(
    app: Flask, cast: People, clock: Clock, who: str
) -> None:
    clock.advance(days=1)
    with app.app_context():
        close_days()
    someone: Someone = getattr(cast, who)
    browser = cast.browser(someone)
    base = f"/console/book?community={HERE}&" if who == "lin" else "/desk/book?"
    page = text_of(get(browser, base + NOVEMBER).get_data(as_text=True))
    table = get(browser, f"{base}{NOVEMBER}&as=csv").data.decode("utf-8-sig")
    answer = send(
        browser,
        base + NOVEMBER,
        base.partition("?")[0],
        community=str(HERE),
        kind="service",
        first="2026-11-01",
        last="2026-11-24",
    )
    found = printed.read(get(browser, f"{answer.headers['Location']}/pdf").data)

    assert "期末8分" in page
    assert "逐笔相加，和总账一致" in page
    assert "发放20" in page
    assert table.count("\n") == 5
    assert "王秀英" not in table
    assert "社区积分总账" in found.words
    assert "等于期末8。" in found.words
    assert len(found.codes) == 1
    assert "发放" in found.words


def test_a_book_of_no_community_leads_to_one_that_there_is(cast: People) -> None:
    browser = cast.browser(cast.lin)

    for asked in ("", "?community=7", f"?community={'9' * 40}", "?community=x"):
        answer = get(browser, f"/console/book{asked}", 303)
        assert answer.headers["Location"].startswith("/console/book?community=330102")


def test_a_book_of_today_says_until_when_it_is_closed(cast: People) -> None:
    answer = get(cast.browser(cast.staff), f"/desk/book?{NOVEMBER}", 422)

    assert "社区总账只出到已经结账的日子" in answer.get_data(as_text=True)


def test_a_paper_whose_books_were_altered_is_not_printed_again(
    app: Flask, run: Run, cast: People
) -> None:
    code = issue(run, cast.actor(cast.wang), hers(cast)).code
    with app.app_context(), db.engine.connect().execution_options(writes=True) as connection:
        connection.execute(text("UPDATE transfers SET amount = 1900 WHERE act = 'award'"))
        connection.commit()

    answer = get(cast.browser(cast.wang), f"/points/statements/{code}/pdf", 409)
    assert "账目核对不上" in answer.get_data(as_text=True)


def test_a_reason_that_cannot_be_printed_is_refused_by_its_character(
    run: Run, cast: People
) -> None:
    run(post, moved(13, wallet(cast), 100, "帮𠮷奶奶搬花"))
    code = issue(run, cast.actor(cast.wang), hers(cast)).code

    answer = get(cast.browser(cast.wang), f"/points/statements/{code}/pdf", 422)
    assert "𠮷" in answer.get_data(as_text=True)


def test_more_lines_than_anybody_carries_home_are_refused(
    run: Run, cast: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paper, "LINES_MAX", 1)
    monkeypatch.setattr(answers_views, "SCREEN_MAX", 1)
    code = issue(run, cast.actor(cast.wang), hers(cast)).code
    browser = cast.browser(cast.wang)

    answer = get(browser, f"/points/statements/{code}/pdf", 422)
    assert "有2笔，一次最多打印1笔" in text_of(answer.get_data(as_text=True))
    shown = text_of(get(browser, f"/points/statements/?{NOVEMBER}").get_data(as_text=True))
    assert "还有1笔没有列出" in shown


def test_programs_read_issue_and_print(client: FlaskClient, cast: People) -> None:
    headers = cast.headers(cast.wang)
    found = client.get(f"/api/v1/statement?{NOVEMBER}", headers=headers).get_json()
    body = {"of": "resident", "kind": "service", "first": "2026-11-01", "last": "2026-11-24"}
    made = client.post("/api/v1/statements", json=body, headers=headers)
    again = client.post("/api/v1/statements", json=body, headers=headers)
    code = made.get_json()["code"]
    document = client.get(f"/api/v1/statements/{code}/pdf", headers=headers)

    assert found["sums"]["closing"] == 800
    assert [line["balance"] for line in found["lines"]] == [2000, 800]
    assert made.status_code == 201
    assert again.get_json() == made.get_json() | {"exists": True}
    assert printed.read(document.data).codes == [f"http://127.0.0.1:8000/check/{code}"]


@pytest.mark.parametrize(("kind", "closing"), [("basic", 0), ("service", 800)])
def test_a_program_asks_for_either_kind_of_points(
    client: FlaskClient, cast: People, kind: str, closing: int
) -> None:
    address = f"/api/v1/statement?first=2026-11-01&last=2026-11-24&kind={kind}"
    found = client.get(address, headers=cast.headers(cast.wang)).get_json()

    assert found["sums"]["closing"] == closing


def test_a_households_statement_is_of_its_basic_points_whatever_a_program_says(
    client: FlaskClient, cast: People, run: Run
) -> None:
    home = one(cast.wang.household)
    gift = moved(13, household_account(home, HERE), 500)
    run(post, replace(gift, points_kind="basic", debit=account_id("issued", HERE, "basic")))
    asked = {"of": "household", "holder": str(home), "first": "2026-11-01", "last": "2026-11-24"}
    headers = cast.headers(cast.wang)
    basic, service = (
        client.post("/api/v1/statements", json=asked | {"kind": kind}, headers=headers).get_json()
        for kind in ("basic", "service")
    )

    assert basic["closing"] == 500
    assert service == basic | {"exists": True}


def test_programs_of_staff_name_whom_they_mean(client: FlaskClient, cast: People) -> None:
    headers = cast.headers(cast.staff)
    wang, nobody = one(cast.wang.resident), "00000000-0000-0000-0000-000000000404"
    address = f"/api/v1/statement?{NOVEMBER}&of=resident&holder="
    book = f"/api/v1/statement?first=2026-11-01&last=2026-11-23&of=community&community={HERE}"

    assert client.get(f"{address}{wang}", headers=headers).get_json()["sums"]["closing"] == 800
    unknown = client.get(f"{address}{nobody}", headers=headers)
    assert unknown.get_json()["code"] == "holder_unknown"
    district = cast.headers(cast.lin)
    assert client.get(f"{address}{wang}", headers=district).status_code == 403
    assert client.get(book, headers=district).get_json()["accounts"] == []
    nowhere = book.replace(str(HERE), "999999999999")
    assert client.get(nowhere, headers=district).get_json()["code"] == "account_unknown"
    endless = book.replace(str(HERE), "9" * 40)
    assert client.get(endless, headers=district).status_code == 422
    other = book.replace(str(HERE), str(THERE))
    assert client.get(other, headers=headers).get_json()["code"] == "not_in_your_scope"


def test_a_paper_of_any_length_keeps_its_end_together(desk: Desk, app: Flask) -> None:
    day = dt.date(2026, 11, 24)
    of = Subject(of="resident", community=HERE, points_kind="service")
    heading = Heading(
        name="王秀英", address="", place="清波门社区", phone="", check_url="https://x/", seal=None
    )
    pages = []
    with app.test_request_context():
        for count_of in range(8, 26):
            sums = Sums(
                opening=0,
                added=count_of,
                taken=0,
                closing=count_of,
                entries=count_of,
                digest="",
                through=1,
                agrees=True,
            )
            line = Line(
                id=one(desk.cast.wang.resident),
                day=day,
                at=desk.clock.now,
                act="award",
                reason="便民集市",
                place=THERE,
                amount=1,
                balance=1,
            )
            issued = Issued(
                code="ABCDEFGHJK23",
                subject=of,
                period=Period(first=day, last=day),
                sums=sums,
                issued_at=desk.clock.now,
            )
            made = statement_paper.statement(issued, heading, [line] * count_of, lambda _: "涌金门")
            pages.append(printed.read(made))

    assert {len(each.pages) for each in pages} == {1, 2}
    assert all("便民集市（涌金门）" in each.words and each.codes for each in pages)


def test_a_book_opens_with_the_last_month_whose_days_are_all_closed(
    app: Flask, clock: Clock
) -> None:
    def shown() -> Period:
        with app.test_request_context():
            return answers_views.closed_month()

    before_the_first = shown()
    close(app, clock, dt.date(2026, 11, 29))
    almost = shown()
    close(app, clock, dt.date(2026, 11, 30))

    october = month_of(dt.date(2026, 10, 1))
    assert (before_the_first, almost) == (october, october)
    assert shown() == month_of(dt.date(2026, 11, 1))


def test_a_day_that_is_none_in_the_address_is_the_one_of_the_period_before(app: Flask) -> None:
    default = Period(first=dt.date(2026, 11, 1), last=dt.date(2026, 11, 24))

    def asked(address: str) -> tuple[str, str]:
        with app.test_request_context(f"/?{address}"):
            found = answers_views.asked_period(default)
        return f"{found.first}", f"{found.last}"

    assert asked("") == ("2026-11-01", "2026-11-24")
    assert asked("first=2026-10-05&last=x") == ("2026-10-05", "2026-11-24")
    assert asked("first=x&last=2026-11-05") == ("2026-11-01", "2026-11-05")
    with app.test_request_context():
        assert answers_views.this_month() == default


def test_files_are_called_by_what_they_are_and_their_days(cast: People) -> None:
    browser = cast.browser(cast.wang)
    kinds = {
        "csv": "text/csv; charset=utf-8",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }
    for form, kind in kinds.items():
        answer = get(browser, f"/points/statements/?{NOVEMBER}&as={form}")
        name = unquote(answer.headers["Content-Disposition"].rpartition("UTF-8''")[2])
        assert answer.headers["Content-Type"] == kind
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        assert name == f"积分明细单 2026-11-01–2026-11-24.{form}"


def test_a_paper_opens_in_the_browser_under_its_code(run: Run, cast: People) -> None:
    code = issue(run, cast.actor(cast.wang), hers(cast)).code
    answer = get(cast.browser(cast.wang), f"/points/statements/{code}/pdf")

    assert answer.headers["Content-Disposition"] == f'inline; filename="{code}.pdf"'


def test_a_paper_is_headed_by_whose_it_is_and_who_gives_it_out(
    app: Flask, run: Run, cast: People, clock: Clock, ask: Callable[..., Any]
) -> None:
    clock.advance(days=1)
    with app.app_context():
        close_days()
    home = one(cast.wang.household)
    subjects = {
        "resident": hers(cast),
        "household": Subject(of="household", community=HERE, points_kind="basic", holder=home),
        "community": Subject(of="community", community=HERE, points_kind="service"),
    }
    found, masked = {}, {}
    for of, subject in subjects.items():
        code = issue(run, cast.actor(cast.staff), subject).code
        issued = ask(check, code).issued
        with app.test_request_context():
            found[of] = ask(answers_views.heading, issued)
            masked[of] = answers_views.masked(issued)

    place, url = "清波门社区", "http://127.0.0.1:8000/check/"
    common: dict[str, Any] = {"place": place, "phone": "", "check_url": url, "seal": None}
    address = "建国南苑 3-2-401"
    assert found["resident"] == Heading(name="王秀英", address=address, **common)
    assert found["household"] == Heading(name=found["household"].name, address=address, **common)
    assert sorted(found["household"].name.split("、")) == ["李国强", "王秀英"]
    assert found["community"] == Heading(name=place, address="", **common)
    assert (masked["resident"], masked["community"]) == ("王*英", place)
    assert sorted(masked["household"].split("、")) == ["李*强", "王*英"]
