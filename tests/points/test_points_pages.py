"""Pages of a resident's points: wallet, every line of every month, the evidence of each."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from core.ids import uuid8
from core.work import Work
from exchange.moving import MoveHousehold, follow_residents, move_household
from points import holds, ledger
from points.accounts import account_id, clearing, open_clearing, resident_account
from points.earning.awards import award
from points.reversal import Reverse, reverse
from points.settlement import settle_due
from points.words import number
from tests.conftest import Clock
from tests.people import HERE, THERE, People, Someone
from tests.points.books import MORNING, Nothing, one
from tests.points.calendar import set_aside
from tests.points.correcting import Desk
from tests.points.earning import CORRIDOR, JOIN, days_later, serving
from tests.points.statements_scene import moved
from tests.points.statements_scene import post as transfer
from tests.residents.forms import send

Run = Callable[..., Any]


def text_of(page: str) -> str:
    """What a page says, without its marks."""
    return re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", page.partition("<main")[2]))


def page(cast: People, path: str, someone: Someone | None = None, status: int = 200) -> str:
    answer = cast.browser(someone or cast.wang).get(path)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return text_of(answer.get_data(as_text=True))


@pytest.fixture
def earn(app: Flask, run: Run, cast: People, clock: Clock) -> Callable[..., None]:
    """Give 王秀英 an award; ``settled`` lets the night pass."""

    def give(cause: str, *, settled: bool = False, **changes: Any) -> None:
        given = {"holder_id": one(cast.wang.resident)} | changes
        run(award, serving(cause, **given), cast.actor(cast.staff))
        if settled:
            clock.advance(days=1)
            with app.app_context():
                settle_due()

    return give


def wallet_of(cast: People) -> int:
    return resident_account(one(cast.wang.resident), HERE, "service")


def spent(work: Work, account: int) -> Nothing:
    """A crossing of three legs, 12 points in all."""
    open_clearing(work, HERE, THERE)
    spending = ledger.Spending(
        account=account,
        community=HERE,
        event_at=work.now,
        source_kind="order",
        source_id=UUID(int=55),
        journal=UUID(int=55),
        note="洗洁精一瓶",
    )
    retired = account_id("retired", HERE, "service")
    rounding = account_id("rounding", HERE, "service")
    legs = [
        ledger.Leg(
            id=UUID(int=551),
            act="redemption",
            credit=clearing(HERE, THERE),
            amount=960,
            standard=960,
        ),
        ledger.Leg(id=UUID(int=552), act="discount", credit=retired, amount=190),
        ledger.Leg(id=UUID(int=553), act="rounding", credit=rounding, amount=50),
    ]
    ledger.spend(work, spending, legs)
    return Nothing()


def test_nothing_yet_says_how_to_earn(cast: People) -> None:
    said = page(cast, "/points/")

    assert "还没有积分" in said
    assert "可用0分" in said


def test_what_was_earned_waits_until_the_night_has_passed(cast: People, earn: Run) -> None:
    earn("a")
    before = page(cast, "/points/")
    earn("b", settled=True)
    after = page(cast, "/points/")

    assert "便民集市，来帮忙1小时" in before
    assert "明早8点前到账" in before
    assert "可用0分" in before
    assert "可用20分" in after
    assert "已到账" in after
    assert "得到20分" in after
    assert "明早" not in after


def test_what_waits_where_somebody_lived_before_is_shown_until_it_follows(
    app: Flask, run: Run, cast: People, clock: Clock, earn: Run
) -> None:
    earn("a")
    earn("b", rule=JOIN, reason="参加文艺汇演")
    cast.actor(cast.chen)
    away = MoveHousehold(key="away", community=THERE, residents=(one(cast.wang.resident),))
    run(move_household, away, cast.actor(cast.elsewhere))
    client, headers = app.test_client(), cast.headers(cast.wang)

    assert "便民集市，来帮忙1小时" in page(cast, "/points/")
    assert "参加文艺汇演" in page(cast, "/points/?kind=basic")
    assert client.get("/api/v1/balance", headers=headers).get_json()["pending"] == 1000
    waiting = client.get("/api/v1/awards", headers=headers).get_json()
    assert {line["reason"] for line in waiting} == {"便民集市，来帮忙1 小时", "参加文艺汇演"}
    clock.advance(days=1)
    with app.app_context():
        settle_due()
        follow_residents()
    assert "可用10分" in page(cast, "/points/")
    assert client.get("/api/v1/balance", headers=headers).get_json()["pending"] == 0


def test_what_waits_for_a_second_person_says_so(cast: People, earn: Run) -> None:
    earn("a", needs_second=True)

    assert "等另一位工作人员核对" in page(cast, "/points/")


def test_what_was_earned_elsewhere_names_the_place(cast: People, earn: Run) -> None:
    earn("a", bearing=THERE, settled=True)

    here, there = page(cast, "/points/"), page(cast, "/points/?kind=basic")

    assert "社区" in here.partition("便民集市")[2].partition("分")[0]
    assert "便民集市" not in there


def test_the_legs_of_one_spending_are_one_line_and_one_receipt(
    cast: People, earn: Run, run: Run
) -> None:
    earn("a", units=4, settled=True)
    run(spent, wallet_of(cast))

    said = page(cast, "/points/")
    assert said.count("洗洁精一瓶") == 1
    assert "−12分" in said
    assert "得到20分，用去12分" in said
    assert "−12分" in page(cast, f"/points/{UUID(int=551)}")


def test_what_comes_back_lowers_what_was_spent(cast: People, earn: Run, run: Run) -> None:
    earn("a", units=4, settled=True)
    run(spent, wallet_of(cast))
    for leg in (551, 552, 553):
        command = Reverse(
            original=UUID(int=leg),
            id=UUID(int=leg + 100),
            note="洗洁精一瓶，退回",
            source_kind="order",
            source_id=UUID(int=55),
            journal=UUID(int=56),
        )
        run(reverse, command)

    said = page(cast, "/points/")
    assert "得到20分" in said
    assert "用去" not in said
    assert "+12分" in said
    assert "已退回" in said


def test_what_is_held_leads_to_its_order(cast: People, earn: Run, run: Run) -> None:
    earn("a", settled=True)
    command = holds.OpenHold(
        id=UUID(int=66),
        account=wallet_of(cast),
        amount=400,
        reason="抽纸一包",
        source_kind="order",
        source_id=UUID(int=67),
    )
    run(holds.hold, command)

    html = cast.browser(cast.wang).get("/points/").get_data(as_text=True)
    assert f'href="/exchange/orders/{UUID(int=67)}"' in html
    assert "可用6分" in text_of(html)
    assert "预留中，领取时才扣" in text_of(html)


def test_basic_points_say_whose_they_are(cast: People, earn: Run) -> None:
    earn("mine", rule=JOIN, units=2)
    earn("husband", rule=JOIN, units=1, holder_id=one(cast.li.resident))
    earn(
        "household",
        rule=CORRIDOR,
        units=1,
        holder_kind="household",
        holder_id=one(cast.wang.household),
        reason="楼道不堆物",
        settled=True,
    )

    said = page(cast, "/points/?kind=basic")
    assert "全家合计8分" in said
    assert "我2分家人1分本户5分" in said
    assert "楼道不堆物" in said
    assert "新邻居" in said
    assert "全家再得42分" in said


def test_older_months_are_behind_a_link(cast: People, earn: Run, clock: Clock) -> None:
    for month in range(5):
        clock.set(days_later(31 * month))
        earn(f"m{month}", event_at=days_later(31 * month), settled=True)

    html = cast.browser(cast.wang).get("/points/").get_data(as_text=True)
    found = re.search(r'href="(/points/\?[^"]*until=[^"]*)"', html)
    assert found is not None
    older = cast.browser(cast.wang).get(found[1].replace("&amp;", "&")).get_data(as_text=True)

    assert html.count("便民集市") + older.count("便民集市") == 5
    assert "until=" not in older


def test_a_receipt_names_rule_recorder_and_arrival(cast: People, earn: Run) -> None:
    earn("a", provenance="recorded")
    identity = uuid8(MORNING, "award", "a", 0, 0)
    waiting = page(cast, f"/points/{identity}")
    earn("b", settled=True)
    said = page(cast, f"/points/{identity}")

    assert "明早8点前到账" in waiting
    assert "志愿服务每半小时5分，共2个" in said
    assert "陈晓琳工作人员登记" in said
    assert "+10分" in said
    assert identity.hex[-10:].upper() in said


def test_nobody_sees_the_receipt_of_another(cast: People, earn: Run) -> None:
    earn("a", settled=True)
    identity = uuid8(MORNING, "award", "a", 0, 0)

    assert "没有找到这一笔" in page(cast, f"/points/{identity}", cast.chen, status=404)


def test_the_household_sees_what_the_household_got(cast: People, earn: Run) -> None:
    earn(
        "h",
        rule=CORRIDOR,
        units=1,
        holder_kind="household",
        holder_id=one(cast.wang.household),
        reason="楼道不堆物",
    )

    assert "楼道不堆物" in page(cast, f"/points/{uuid8(MORNING, 'award', 'h', 0, 0)}")


def test_the_home_page_shows_the_wallet(cast: People, earn: Run) -> None:
    earn("a", settled=True)
    earn("b", event_at=days_later(1))

    said = page(cast, "/")
    assert "10分待到账10分预留0分年底到期0分" in said


def test_points_of_last_year_lapse_this_year(cast: People, earn: Run, clock: Clock) -> None:
    earn("a", settled=True)

    said = page(cast, "/points/")

    assert "明年12月31日到期10分" in said
    assert "今年12月31日到期" not in said


def test_staff_have_no_points_page(cast: People) -> None:
    assert cast.browser(cast.staff).get("/points/").status_code == 403


@pytest.mark.parametrize("path", ["/points/?kind=gold", "/points/?until=never"])
def test_what_is_not_understood_in_the_address_is_left_aside(cast: People, path: str) -> None:
    assert "可用0分" in page(cast, path)


def test_the_elder_page_says_what_can_be_spent(cast: People, earn: Run) -> None:
    earn("a", settled=True)
    browser = cast.browser(cast.wang)
    send(browser, "/me", "/me/elder", mode="elder")

    assert "可用10分" in text_of(browser.get("/").get_data(as_text=True))


def test_pages_of_the_household_and_of_what_one_did_oneself(desk: Desk) -> None:
    desk.run(ledger.post, moved(11, desk.account(), 500), desk.cast.actor(desk.cast.wang))
    browser = desk.cast.browser(desk.cast.wang)

    own = browser.get("/points/statements/?kind=household")
    receipt = browser.get(f"/points/{UUID(int=11)}")

    assert (own.status_code, receipt.status_code) == (200, 200)
    assert "我自己" in receipt.get_data(as_text=True)


def receipt(desk: Desk, line: UUID) -> str:
    """What a receipt of 王秀英 says, up to what can be done about it."""
    return page(desk.cast, f"/points/{line}").partition(">")[2].partition("分数不对？")[0]


def test_a_receipt_says_all_that_is_known_from_the_first_word_to_the_last(desk: Desk) -> None:
    line = desk.earn(bearing=THERE, provenance="recorded")
    waits = desk.earn(settled=False, event_at=desk.clock.now, rule=JOIN, units=2)
    desk.run(transfer, moved(11, desk.account(), -300))
    given = desk.propose(500)
    desk.decide(given)
    [made] = desk.made(given)

    assert receipt(desk, line) == (
        "便民集市，来帮忙1小时+10分服务积分，已到账时间昨天9:00涌金门社区"
        "规则志愿服务每半小时5分，共2个谁记的陈晓琳工作人员登记"
        f"到账今天10:00单号{number(str(line))}"
    )
    assert receipt(desk, waits) == (
        "便民集市，来帮忙1小时+2分基本积分，明早8点前到账时间今天10:00清波门社区"
        "规则参加活动每次1分，共2次谁记的陈晓琳现场核验"
        f"到账明早8点前到账单号{number(str(waits))}"
    )
    assert receipt(desk, UUID(int=11)) == (
        "洗洁精一瓶−3分服务积分，已领取时间11月20日周五8:00清波门社区"
        "谁记的系统自动记账今天10:00单号000000000B"
    )
    assert receipt(desk, made.id) == (
        "签到表上是两小时+5分服务积分，已到账时间今天10:00清波门社区"
        "谁提出陈晓琳社工谁核对赵建平社区负责人"
        f"到账今天10:00单号{number(str(made.id))}"
    )


def test_a_receipt_says_what_undid_its_line(desk: Desk) -> None:
    line = desk.earn()
    desk.back(line)

    assert receipt(desk, line) == (
        "便民集市，来帮忙1小时+10分服务积分，已到账时间昨天9:00清波门社区"
        "规则志愿服务每半小时5分，共2个谁记的陈晓琳现场核验"
        f"更正今天10:00，收回10分记错了人到账今天10:00单号{number(str(line))}"
    )


def test_the_list_says_of_each_line_what_when_where_and_what_became_of_it(desk: Desk) -> None:
    desk.earn(bearing=THERE)
    desk.earn(settled=False, event_at=desk.clock.now, rule=JOIN, units=2, reason="文艺汇演")
    desk.run(transfer, moved(11, desk.account(), -300))
    desk.earn(settled=False, event_at=desk.clock.now, needs_second=True, reason="送报")
    desk.clock.advance(minutes=1)
    set_aside(desk.run, 41, 100, desk.account())

    assert (
        "11月得到10分，用去3分"
        "抽纸今天−1分预留中，领取时才扣"
        "送报今天+10分等另一位工作人员核对"
        "洗洁精一瓶今天−3分已领取"
        "便民集市，来帮忙1小时今天涌金门社区+10分已到账"
    ) in page(desk.cast, "/points/")
    shared = page(desk.cast, "/points/?kind=basic")
    assert "11月得到0分文艺汇演今天+2分明早8点前到账" in shared
    assert "一共预留1分" in page(desk.cast, "/points/holds")
    assert "抽纸今天10:01起1分" in page(desk.cast, "/points/holds")
