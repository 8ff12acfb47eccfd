"""Pages of the public list: residents read and object, the desk answers and prints."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from exchange.moving import MergeRecords, MoveHousehold, merge_records, move_household
from points.bulletins import lists, paper
from points.closing import close_days
from points.proof.sealing import head_of, seal_days
from tests import printed
from tests.conftest import Clock
from tests.people import HERE, THERE, People
from tests.points.books import one
from tests.points.bulletins_scene import NOVEMBER, november, post
from tests.points.test_points_pages import text_of
from tests.residents.forms import send

Run = Callable[..., Any]
MONTH = "/points/bulletins/2026-11"


@pytest.fixture(autouse=True)
def _posted(app: Flask, run: Run, cast: People, clock: Clock) -> None:
    """November's list is out since this morning."""
    november(app, run, cast, clock)
    post(run)


def said(browser: FlaskClient, address: str, status: int = 200) -> str:
    answer = browser.get(address)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return text_of(answer.get_data(as_text=True))


def first(ask: Callable[..., Any]) -> lists.ListLine:
    found: lists.ListLine = ask(lists.lines, ask(lists.list_of, HERE, NOVEMBER))[0]
    return found


def test_the_home_page_says_that_the_list_is_out_as_long_as_it_may_be_objected_to(
    cast: People, clock: Clock
) -> None:
    browser = cast.browser(cast.chen)
    during = said(browser, "/")
    clock.advance(days=8)

    assert "11月积分公示" in during
    assert "到12月12日" in during
    assert "积分公示" not in said(browser, "/")


def test_a_resident_reads_the_month_her_own_lines_first(cast: People) -> None:
    browser = cast.browser(cast.wang)
    index, page = said(browser, "/points/bulletins/"), said(browser, MONTH)
    html = browser.get(MONTH).get_data(as_text=True)

    assert "11月" in index
    assert "公示到12月12日" in index
    assert page.index("我家的") < page.index("大家的")
    assert "王*英建国南苑3幢志愿服务" in page
    assert "一户居民建国南苑3幢楼道不堆物" in page
    assert "王秀英" not in html
    assert "李国强" not in html
    assert "401" not in page


def test_a_resident_says_that_a_line_is_wrong(
    cast: People, clock: Clock, ask: Callable[..., Any]
) -> None:
    browser = cast.browser(cast.chen)
    address = f"/points/bulletins/lines/{first(ask).id}"
    empty = send(browser, address, address, words="")
    answer = send(browser, address, address, words="那天他没有来")
    after = said(browser, address)
    clock.advance(days=9)

    assert "请写一写" in empty.get_data(as_text=True)
    assert answer.status_code == 303
    assert "社区收到了" in after
    assert "有人说不对，社区正在核对" in after
    assert "公示期已经过了" in said(browser, address)


def test_a_resident_agrees_to_be_named_and_takes_it_back(cast: People) -> None:
    browser = cast.browser(cast.wang)
    answer = send(browser, MONTH, "/me/naming", agreed="1", next=MONTH)
    named = said(browser, MONTH)
    send(browser, MONTH, "/me/naming", agreed="0", next=MONTH)

    assert answer.headers["Location"] == MONTH
    assert "王秀英" in named
    assert "李国强" not in named
    assert "王秀英" not in said(browser, MONTH)


def test_the_desk_answers_and_the_resident_reads_it(cast: People, ask: Callable[..., Any]) -> None:
    line, neighbour, desk = first(ask), cast.browser(cast.chen), cast.browser(cast.staff)
    address = f"/points/bulletins/lines/{line.id}"
    send(neighbour, address, address, words="那天他没有来")
    listed, page = said(desk, "/desk/bulletins"), said(desk, "/desk/bulletins/2026-11")
    objection = ask(lists.objections, ask(lists.list_of, HERE, NOVEMBER))[0]
    html = desk.get("/desk/bulletins/2026-11").get_data(as_text=True)
    assert f'href="/desk/correct?correction={objection.id}"' in html
    answer = send(
        desk,
        "/desk/bulletins/2026-11",
        "/desk/bulletins/2026-11/answer",
        correction=str(objection.id),
        answer="查过签到，到了两次",
    )

    correcting = said(desk, f"/desk/correct?correction={objection.id}")
    assert "那天他没有来" in correcting
    assert "1件等答复" in listed
    assert "王秀英" in page
    assert "陈建国" in page
    assert answer.status_code == 303
    assert "查过签到，到了两次" in said(desk, "/desk/bulletins/2026-11")
    assert "有人问过，社区已说明" in said(neighbour, address)


def test_the_desk_writes_down_what_somebody_says_at_the_counter(
    cast: People, ask: Callable[..., Any]
) -> None:
    line, desk = first(ask), cast.browser(cast.staff)
    address = f"/desk/bulletins/2026-11?line={line.id}&q=李国强"
    page = desk.get(address).get_data(as_text=True)
    answer = send(
        desk,
        address,
        "/desk/bulletins/2026-11/object",
        line=str(line.id),
        resident=str(one(cast.li.resident)),
        words="少了一次",
    )

    assert f'value="{cast.li.resident}"' in page
    assert answer.status_code == 303
    after = said(desk, "/desk/bulletins/2026-11")
    assert "少了一次" in after
    assert "已写下，等社区核对" in after


def test_the_form_at_the_counter_says_which_line_and_keeps_what_is_refused(
    cast: People, ask: Callable[..., Any]
) -> None:
    line, desk = first(ask), cast.browser(cast.staff)
    address = f"/desk/bulletins/2026-11?line={line.id}&q=国"
    typed = {"line": str(line.id), "resident": str(one(cast.li.resident)), "words": " "}
    refused = send(desk, address, "/desk/bulletins/2026-11/object", q="国", **typed)
    page = refused.get_data(as_text=True)

    about = "替来窗口的人记一条异议王*英，志愿服务，+20分"
    assert about in said(desk, address)
    assert about in text_of(page)
    assert refused.status_code == 422
    assert f'<option value="{cast.li.resident}" selected>' in page
    long = typed | {"words": "少" * 201}
    again = send(desk, address, "/desk/bulletins/2026-11/object", q="国", **long)
    assert "少" * 201 in text_of(again.get_data(as_text=True))


def test_an_answer_that_is_refused_stays_as_it_was_written(
    cast: People, ask: Callable[..., Any]
) -> None:
    address = f"/points/bulletins/lines/{first(ask).id}"
    send(cast.browser(cast.chen), address, address, words="那天他没有来")
    objection = ask(lists.objections, ask(lists.list_of, HERE, NOVEMBER))[0]
    page = "/desk/bulletins/2026-11"
    typed = {"correction": str(objection.id), "answer": "查" * 201}

    refused = send(cast.browser(cast.staff), page, f"{page}/answer", **typed)

    assert refused.status_code == 422
    assert "查" * 201 in text_of(refused.get_data(as_text=True))


def test_who_only_hands_goods_over_is_not_told_to_answer(cast: People) -> None:
    for who, told in ((cast.staff, True), (cast.keeper, False)):
        listed = said(cast.browser(who), "/desk/bulletins")
        page = said(cast.browser(who), "/desk/bulletins/2026-11")

        assert ("在这里答复" in listed) is told
        assert ("由社区工作人员答复" in listed) is not told
        assert ("答复里说明怎么更正" in page) is told


def test_a_refused_answer_is_said_on_the_page(cast: People) -> None:
    desk = cast.browser(cast.staff)
    address = "/desk/bulletins/2026-11"
    answer = send(
        desk,
        address,
        f"{address}/answer",
        correction="00000000-0000-0000-0000-000000000404",
        answer="好",
    )

    assert answer.status_code == 404
    assert "没有找到这条分数反映" in text_of(answer.get_data(as_text=True))


def test_the_paper_for_the_notice_board_masks_names_and_says_until_when(cast: People) -> None:
    document = cast.browser(cast.staff).get("/desk/bulletins/2026-11/pdf")
    found = printed.read(document.data)

    assert document.mimetype == "application/pdf"
    assert "2026年11月积分公示" in found.words
    assert "公示期到2026年12月12日" in found.words
    assert "志愿服务（服务积分）" in found.words
    assert "王*英" in found.words
    assert "一户居民" in found.words
    assert "秀" not in found.words
    assert min(found.sizes) >= 14
    assert "（盖章）2026年12月5日" in found.words
    of_api = cast.app.test_client().get(
        "/api/v1/staff/bulletins/2026-11/pdf", headers=cast.headers(cast.staff)
    )
    assert printed.read(of_api.data).words == found.words


def test_the_list_carries_the_head_of_the_sealed_days_on_paper_and_on_its_pages(
    app: Flask, cast: People, ask: Callable[..., Any]
) -> None:
    resident, desk = cast.browser(cast.wang), cast.browser(cast.staff)
    assert "封印" not in said(resident, MONTH), "nothing is sealed yet"
    with app.app_context():
        close_days()
        seal_days()
    sealed = f"账本封到2026-12-04，封印{ask(head_of, HERE).head}"

    assert sealed in printed.read(desk.get("/desk/bulletins/2026-11/pdf").data).words
    assert sealed in said(resident, MONTH)
    assert sealed in said(desk, "/desk/bulletins/2026-11")


def test_a_list_that_fills_no_board_is_refused(
    cast: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paper, "LINES_MAX", 3)
    answer = cast.browser(cast.staff).get("/desk/bulletins/2026-11/pdf")

    assert answer.status_code == 422
    assert "有4行，一次最多打印3行" in text_of(answer.get_data(as_text=True))


def test_long_lists_come_page_by_page(cast: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "PAGE", 3)
    monkeypatch.setattr(lists, "lines", partial(lists.lines, limit=3))
    browser = cast.browser(cast.chen)
    page = browser.get(MONTH).get_data(as_text=True)

    assert f"{MONTH}?after=3" in page
    assert "参加活动" in said(browser, f"{MONTH}?after=3")
    assert "志愿服务" not in said(browser, f"{MONTH}?after=3")
    for odd in ("-1", "x", "9" * 40, "²"):
        assert "我家的" not in said(browser, f"{MONTH}?after={odd}")


@pytest.mark.parametrize("who", ["chen", "staff"])
def test_a_list_that_just_fills_its_pages_has_no_empty_one_after_them(
    cast: People, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    monkeypatch.setattr(lists, "lines", partial(lists.lines, limit=4))
    browser = cast.browser(getattr(cast, who))
    month = MONTH if who == "chen" else "/desk/bulletins/2026-11"

    assert "共4行" in said(browser, month)
    assert "after=" not in browser.get(month).get_data(as_text=True)
    assert "没有发放积分" not in said(browser, f"{month}?after=4")


def test_a_month_without_a_list_says_when_it_comes(cast: People) -> None:
    assert "没有这个月的积分公示" in said(cast.browser(cast.wang), "/points/bulletins/2026-12", 404)
    assert "没有这个月" in said(cast.browser(cast.staff), "/desk/bulletins/nonsense", 404)
    assert "还没有公示" in said(cast.browser(cast.there), "/points/bulletins/")


def test_programs_read_and_object(client: FlaskClient, cast: People) -> None:
    headers = cast.headers(cast.chen)
    months = client.get("/api/v1/bulletins", headers=headers).get_json()
    found = client.get("/api/v1/bulletins/2026-11/lines", headers=headers).get_json()
    address = f"/api/v1/bulletin-lines/{found[0]['id']}/objections"
    made = client.post(address, json={"words": "那天他没有来"}, headers=headers)
    again = client.post(address, json={"words": "那天他没有来"}, headers=headers)

    assert [month["month"] for month in months] == ["2026-11-01"]
    assert [line["name"] for line in found] == ["王*英", "李*强", "一户居民", "王*英"]
    assert made.status_code == 201
    assert again.get_json() == made.get_json() | {"exists": True}
    naming = client.post("/api/v1/me/naming", json={"agreed": True}, headers=headers)
    assert naming.get_json() == {"agreed": True}


def test_the_desk_saves_a_list_of_any_length_as_it_is_posted(
    cast: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "FETCHED", 3)
    desk = cast.browser(cast.staff)

    listed = desk.get("/desk/bulletins/2026-11?as=csv", buffered=True).get_data(as_text=True)
    book = desk.get("/desk/bulletins/2026-11?as=xlsx", buffered=True)

    rows = listed.split("\r\n")
    assert rows[1] == "王*英,建国南苑 3 幢,服务积分,志愿服务,2,20"
    assert rows[3] == "一户居民,建国南苑 3 幢,基本积分,楼道不堆物,1,5"
    assert len(rows) == 6
    assert book.get_data().startswith(b"PK")
    assert "as=csv" in desk.get("/desk/bulletins/2026-11").get_data(as_text=True)


def test_ones_own_lines_are_those_of_a_record_that_was_merged_too(run: Run, cast: People) -> None:
    command = MergeRecords(key="one", keep=one(cast.chen.resident), drop=one(cast.wang.resident))
    run(merge_records, command, cast.actor(cast.staff))

    page = said(cast.browser(cast.chen), MONTH)

    assert page.index("王*英") < page.index("李*强")
    assert page.count("王*英") == 4


def test_whoever_moved_finds_their_lines_on_the_list_of_before_and_objects(
    run: Run, cast: People, ask: Callable[..., Any]
) -> None:
    members = (one(cast.wang.resident), one(cast.li.resident))
    command = MoveHousehold(key="m", community=THERE, residents=members)
    run(move_household, command, cast.actor(cast.elsewhere))
    browser, line = cast.browser(cast.wang), first(ask)

    listed = browser.get("/points/bulletins/").get_data(as_text=True)
    page = said(browser, f"{MONTH}?place={HERE}")
    address = f"/points/bulletins/lines/{line.id}"
    answer = send(browser, address, address, words="少了一次")

    assert f'href="/points/bulletins/?place={HERE}"' in listed
    before = browser.get(f"/points/bulletins/?place={HERE}").get_data(as_text=True)
    assert f'href="{MONTH}?place={HERE}"' in before
    own = page[page.index("我家的") : page.index("大家的")]
    assert "王*英" in own
    assert "一户居民" in own
    assert answer.status_code == 303
    assert f'href="{MONTH}?place={HERE}"' in browser.get(address).get_data(as_text=True)
    # Nobody else reads it from elsewhere, nor objects.
    stranger = cast.browser(cast.there)
    said(stranger, f"{MONTH}?place={HERE}", 404)
    assert send(stranger, address, address, words="不对").status_code == 403
