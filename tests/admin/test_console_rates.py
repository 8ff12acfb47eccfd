"""The console's pages of rates: four taps, a second person, and what each cell says."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, insert, text

from core.ids import NIL
from core.work import Work
from exchange import rates
from exchange.models import DiscountRate
from residents.models import Community, Group, GroupMember
from tests.admin.console import XIAOYING, ZIYANG, auditor, post, reader
from tests.admin.forms import Forms, again, fill
from tests.admin.scene import words
from tests.conftest import Clock
from tests.exchange.scene import FAR_AWAY, HERE, NEXT_DOOR, THERE
from tests.people import People

Run = Callable[..., Any]
CELL = f"/console/rates?home={XIAOYING}&host={ZIYANG}"
PAIR = f"/console/rates/{XIAOYING}/{ZIYANG}?a={NEXT_DOOR}&b={THERE}"
PAPER = "通兑公告 2026 年第 5 号"
MIDNIGHT = dt.datetime(2026, 11, 30, 16, tzinfo=dt.UTC)


def proposed(connection: Connection) -> list[tuple[str, int | None, str]]:
    """Return scope, rate and state of each proposal."""
    rows = connection.execute(text("SELECT scope, rate, state FROM rate_proposals"))
    return sorted(((row[0], row[1], row[2]) for row in rows), key=str)


def the_proposal(ask: Run) -> str:
    """Return the id of the one proposal."""
    found = ask(lambda c: c.scalar(text("SELECT id FROM rate_proposals")))
    return str(UUID(bytes=found) if isinstance(found, bytes) else UUID(str(found)))


def cell_of(page: str, home: int, host: int) -> str:
    """Return the matrix's link of a cell, with its classes and its words."""
    found = re.search(rf'<a href="[^"]*home={home}&amp;host={host}"[^>]*data-cell.*?</a>', page)
    assert found is not None
    return found[0]


def put(work: Work, rows: list[tuple[str, int, int, int | None]]) -> None:
    """Write rates that have held since January, as the district's history has them."""
    work.connection.execute(
        insert(DiscountRate),
        [
            {
                "id": work.new_id(),
                "scope": scope,
                "home": home,
                "host": host,
                "rate": rate,
                "valid_from": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
                "document": "第 1 号",
                "proposed_by": NIL,
                "created_at": work.now,
            }
            for scope, home, host, rate in rows
        ],
    )


def test_one_proposes_in_four_taps_and_another_confirms(
    cast: People, ask: Run, clock: Clock
) -> None:
    """Cell, rate, document, button: the scope and the day are there already."""
    lin, wu = cast.browser(cast.lin), cast.browser(cast.wu)

    sent = fill(lin, CELL, "/rates/propose", rate="0.9", document=PAPER)

    assert sent.status_code == 303
    shown = lin.get(sent.headers["Location"])
    page = shown.get_data(as_text=True)
    assert "已提出，等另一位管理员复核" in words(shown)
    assert "等另一人复核：小营街道→紫阳街道" in words(shown)
    assert "0.80→0.90，12月1日起" in words(shown)
    assert "waits" in cell_of(page, XIAOYING, ZIYANG)
    assert "/rates/confirm" not in {form[0].removeprefix("/console") for form in Forms(page).forms}
    refused = post(lin, "/console/rates/confirm", proposal_id=the_proposal(ask))
    assert refused.status_code == 403
    assert "要由另一位区级管理员确认" in words(refused)
    assert ask(proposed) == [("subdistricts", 9000, "proposed")]

    assert "等您复核：小营街道→紫阳街道" in words(wu.get("/console/rates"))
    done = fill(wu, "/console/rates", "/rates/confirm")

    assert done.status_code == 303
    shown = wu.get(CELL)
    assert "已复核，公告期满就生效" in words(shown)
    assert "12月1日起0.90公告中街道对街道，通兑公告2026年第5号" in words(shown)
    assert "最初0.80全区默认" in words(shown)
    assert "ahead" in cell_of(shown.get_data(as_text=True), XIAOYING, ZIYANG)
    assert ">0.80<" in cell_of(shown.get_data(as_text=True), XIAOYING, ZIYANG)
    clock.set(MIDNIGHT)
    page = cast.browser(cast.wu).get(CELL).get_data(as_text=True)
    assert ">0.90<" in cell_of(page, XIAOYING, ZIYANG)
    assert ">0.80<" in cell_of(page, ZIYANG, XIAOYING)
    assert "1 格另定" in page


def test_the_same_form_twice_is_one_proposal_and_one_confirmation(cast: People, ask: Run) -> None:
    lin, wu = cast.browser(cast.lin), cast.browser(cast.wu)
    page = lin.get(CELL).get_data(as_text=True)
    for _ in range(2):
        sent = again(lin, page, "/rates/propose", rate="0.9", document=PAPER)
        assert sent.status_code == 303
    assert ask(proposed) == [("subdistricts", 9000, "proposed")]

    page = wu.get("/console/rates").get_data(as_text=True)
    for _ in range(2):
        assert again(wu, page, "/rates/confirm").status_code == 303

    assert ask(proposed) == [("subdistricts", 9000, "confirmed")]
    other = post(cast.browser(cast.lin), "/console/rates/confirm", proposal_id=the_proposal(ask))
    assert other.status_code == 403


def test_a_proposal_and_a_published_rate_can_be_taken_back(cast: People, ask: Run) -> None:
    lin, wu = cast.browser(cast.lin), cast.browser(cast.wu)
    fill(lin, CELL, "/rates/propose", rate="0.9", document=PAPER)
    page = lin.get(CELL).get_data(as_text=True)
    for _ in range(2):
        assert again(lin, page, "/rates/withdraw").status_code == 303
    assert "已撤回，折算率没有变" in words(lin.get(CELL))
    assert "等您复核" not in words(wu.get(CELL))

    fill(lin, CELL, "/rates/propose", rate="0.95", document=PAPER)
    fill(wu, CELL, "/rates/confirm")
    assert fill(lin, CELL, "/rates/withdraw").status_code == 303
    assert "已提出撤回，等另一位管理员复核" in words(lin.get(CELL))
    assert "撤回公告中的0.95（12月1日起）" in words(wu.get(CELL))
    assert fill(wu, CELL, "/rates/confirm").status_code == 303
    assert "已复核，那条折算率撤回了" in words(wu.get(CELL))

    assert ask(proposed) == [
        ("subdistricts", 9000, "withdrawn"),
        ("subdistricts", 9500, "confirmed"),
        ("subdistricts", 9500, "withdrawn"),
    ]
    assert "公告中街道" not in words(lin.get(CELL))


def test_a_rate_has_four_decimals_on_the_page_as_in_the_books(cast: People, ask: Run) -> None:
    lin = cast.browser(cast.lin)
    assert 'name="rate" min="0.0001" max="1" step="0.0001"' in lin.get(CELL).get_data(as_text=True)

    for rate, day in (("0.555", "2026-12-01"), ("0.8255", "2026-12-02")):
        typed = {"rate": rate, "valid_from": day, "document": PAPER}
        assert fill(lin, CELL, "/rates/propose", **typed).status_code == 303

    assert {row[1] for row in ask(proposed)} == {5550, 8255}
    assert "0.80→0.555" in words(lin.get(CELL))


WRONG = [
    ("rate", {"rate": "0"}, "最高为1，最多四位小数"),
    ("rate", {"rate": "1.01"}, "最高为1，最多四位小数"),
    ("rate", {"rate": "-0.5"}, "最高为1，最多四位小数"),
    ("rate", {"rate": "八折"}, "最高为1，最多四位小数"),
    ("rate", {"rate": "NaN"}, "最高为1，最多四位小数"),
    ("rate", {"rate": "9e999999"}, "最高为1，最多四位小数"),
    ("rate", {"rate": "0.88888"}, "最高为1，最多四位小数"),
    ("valid_from", {"valid_from": ""}, "请选好日期"),
    ("valid_from", {"valid_from": "2026-02-30"}, "请选好日期"),
    ("valid_from", {"valid_from": "2020-01-01"}, "最早从12月1日起"),
    ("valid_from", {"valid_from": "2026-11-30"}, "最早从12月1日起"),
    ("document", {"document": " "}, "请写明依据的文件"),
    ("scope", {"scope": "planet:0:0"}, "没有看懂"),
    ("scope", {"scope": f"subdistricts:{XIAOYING}:1"}, "没有看懂"),
    ("scope", {"scope": f"pair:{HERE}:{HERE}"}, "没有看懂"),
    ("scope", {"scope": "home:99999999999999999999999:0"}, "没有看懂"),
    ("scope", {"scope": "district:0:0", "rate": ""}, "全区默认折算率不能取消"),
]


def test_what_is_wrong_stands_beside_its_field(cast: People, ask: Run) -> None:
    lin = cast.browser(cast.lin)
    shown = lin.get(CELL).get_data(as_text=True)
    for field, typed, says in WRONG:
        sent = {"rate": "0.9", "document": PAPER, **typed}

        refused = again(lin, shown, "/rates/propose", **sent)

        page = refused.get_data(as_text=True)
        assert refused.status_code == 422, typed
        beside = re.search(rf'id="wrong-{field}".*?</p>', page, re.DOTALL)
        assert beside is not None, typed
        assert says in re.sub(r"\s+", "", beside[0]), typed
        assert re.search(rf'name="{field}"[^>]*aria-invalid="true"', page), typed
        assert "小营街道 → 紫阳街道" in page
        assert f'value="{sent["document"]}"' in page
    assert ask(proposed) == []


def test_full_width_digits_and_an_empty_rate_are_understood(cast: People, ask: Run) -> None:
    lin = cast.browser(cast.lin)

    fill(lin, CELL, "/rates/propose", rate="\uff10\uff0e\uff18\uff15", document=PAPER)
    fill(lin, CELL, "/rates/propose", rate="", document=PAPER, valid_from="2026-12-20")

    assert ask(proposed) == [
        ("subdistricts", 8500, "proposed"),
        ("subdistricts", None, "proposed"),
    ]
    assert "0.80→不另设" in words(lin.get(CELL))


def test_a_refused_pair_comes_back_as_the_pair_that_it_was(cast: People, ask: Run) -> None:
    """Were it to come back as its subdistricts, the second try would change everybody's rate."""
    lin = cast.browser(cast.lin)
    wide = f"home:{NEXT_DOOR}:0"

    refused = fill(lin, PAIR, "/rates/propose", scope=wide, rate="2", document=PAPER)

    page = refused.get_data(as_text=True)
    assert refused.status_code == 422
    assert "马市街社区 → 十五奎巷社区" in page
    assert f'value="{wide}" selected' in page
    sent = again(lin, page, "/rates/propose", rate="0.7")
    assert sent.status_code == 303
    assert "已提出" in words(lin.get(sent.headers["Location"]))
    assert f"a={NEXT_DOOR}" in sent.headers["Location"]
    assert ask(proposed) == [("home", 7000, "proposed")]


def test_a_cells_page_shows_only_what_waits_for_it(cast: People) -> None:
    lin = cast.browser(cast.lin)
    fill(lin, PAIR, "/rates/propose", rate="0.7", document=PAPER)

    assert "马市街社区→十五奎巷社区" in words(lin.get(PAIR)).partition("居民来自")[0]
    back = lin.get(f"/console/rates/{ZIYANG}/{XIAOYING}")
    assert "等另一人复核" not in words(back)
    other = lin.get(f"/console/rates/{XIAOYING}/{FAR_AWAY // 1000 * 1000}")
    assert "等另一人复核" not in words(other)


def test_readers_see_the_rates_and_change_none(cast: People, run: Run, ask: Run) -> None:
    fill(cast.browser(cast.lin), CELL, "/rates/propose", rate="0.9", document=PAPER)
    for browser in (auditor(run, cast), reader(run, cast)):
        for path in (CELL, PAIR):
            shown = browser.get(path)
            assert shown.status_code == 200
            assert "只有区级管理员能提出调整" in words(shown)
            assert "等另一人复核：小营街道→紫阳街道" in words(shown)
            page = shown.get_data(as_text=True)
            assert [form[0] for form in Forms(page).forms] == ["/sign-out"]
        for act in ("propose", "confirm", "withdraw"):
            sent = post(
                browser,
                f"/console/rates/{act}",
                scope=f"subdistricts:{XIAOYING}:{ZIYANG}",
                rate="1",
                valid_from="2026-12-24",
                document=PAPER,
                key="forged",
                proposal_id=the_proposal(ask),
            )
            assert sent.status_code == 403
    assert ask(proposed) == [("subdistricts", 9000, "proposed")]


@pytest.mark.parametrize(
    "path",
    [
        f"/console/rates/{XIAOYING}/330102999000",
        f"/console/rates/{HERE}/{THERE}",
        "/console/rates/1/2",
        "/console/rates/99999999999999999999/1",
    ],
)
@pytest.mark.database("sqlite")
def test_an_unknown_cell_is_not_found(cast: People, path: str) -> None:
    assert cast.browser(cast.lin).get(path).status_code == 404


def test_strange_choices_fall_back_to_a_cell(cast: People, ask: Run) -> None:
    lin = cast.browser(cast.lin)
    for query in ("home=x&host=", "home=99999999999999999999", "home=1&host=2"):
        assert lin.get(f"/console/rates?{query}").status_code == 200
    assert lin.get(f"/console/rates/{XIAOYING}/{XIAOYING}?a=1&b=x").status_code == 200
    for wanted in ("", "x", str(NIL)):
        assert post(lin, "/console/rates/confirm", proposal_id=wanted).status_code == 404
    assert ask(proposed) == []


ROWS: list[tuple[str, int, int, int | None]] = [
    ("subdistricts", XIAOYING, ZIYANG, 9000),
    ("subdistricts", ZIYANG, XIAOYING, 7000),
    ("subdistricts", ZIYANG, ZIYANG, 9500),
    ("subdistricts", XIAOYING, 330102001000, None),
    ("pair", HERE, THERE, 9900),
    ("home", FAR_AWAY, 0, 8600),
    ("host", 0, NEXT_DOOR, 8700),
    ("group", 0, 0, 8300),
]


def prepare(work: Work, _command: object) -> None:
    """Write a rate of each scope, and one group over three subdistricts."""
    put(work, ROWS)
    group = work.new_id()
    work.connection.execute(insert(Group).values(id=group, name="湖滨片区"))
    members = (330102001051, 330102003050, HERE, THERE)
    work.connection.execute(
        insert(GroupMember), [{"community": code, "group": group} for code in members]
    )


def test_each_of_the_196_cells_is_what_its_residents_pay(
    app: Flask, run: Run, ask: Run, clock: Clock
) -> None:
    """Every pair of communities follows its cell, unless the cell says that some differ."""
    run(prepare, None)
    codes = ask(
        lambda c: list(c.scalars(Community.__table__.select().with_only_columns(Community.code)))
    )
    real: dict[tuple[int, int], set[int]] = {}
    for home in codes:
        for host, found in ask(rates.rates_from, home, codes, clock.now).items():
            if home != host:
                key = (home // 1000 * 1000, host // 1000 * 1000)
                real.setdefault(key, set()).add(found.rate)

    matrix = ask(rates.matrix, clock.now)

    cells = [cell for line in matrix.rows for cell in line]
    assert len(cells) == 196
    for cell in cells:
        inside = real[cell.home, cell.host]
        assert cell.rate in inside
        assert (inside != {cell.rate}) == (cell.exceptions > 0), (cell, inside)
    rate = {(cell.home, cell.host): cell.rate for cell in cells}
    assert rate[XIAOYING, ZIYANG] == 9000
    assert rate[ZIYANG, ZIYANG] == 9500
    assert rate[XIAOYING, 330102001000] == 8000
    assert (matrix.own, matrix.default, matrix.same_subdistrict) == (3, 8000, 10_000)


def test_each_pair_inside_a_cell_is_what_its_residents_pay(
    app: Flask, run: Run, ask: Run, clock: Clock
) -> None:
    run(prepare, None)
    for home, host in ((XIAOYING, ZIYANG), (ZIYANG, XIAOYING), (330102001000, 330102003000)):
        inside = ask(rates.inside, home, host, clock.now)
        hosts = [each.code for each in inside.host_communities]
        real = {
            each.code: ask(rates.rates_from, each.code, hosts, clock.now)
            for each in inside.home_communities
        }
        for line in inside.rows:
            for cell in line:
                found = real[cell.home][cell.host]
                assert (cell.rate, cell.scope) == (found.rate, found.scope)


def test_the_ladder_names_the_first_scope_that_holds(cast: People, run: Run) -> None:
    run(prepare, None)
    lin = cast.browser(cast.lin)

    def ladder(path: str) -> str:
        found = words(lin.get(path)).partition("先找到的算")[2].partition("影响谁")[0]
        return found.removeprefix("展开12×12个社区")

    assert ladder(CELL).startswith("1两个社区之间1条")
    assert "4街道对街道0.905同街道不适用6片区0.83" in ladder(CELL)
    pair = ladder(f"/console/rates/{XIAOYING}/{ZIYANG}?a={HERE}&b={THERE}")
    assert pair.startswith("1两个社区之间0.99")
    own = ladder(f"/console/rates/{XIAOYING}/{XIAOYING}?a={HERE}&b={HERE}")
    assert own.count("不适用") == 7


def test_the_matrix_takes_the_same_few_statements_whatever_it_shows(
    cast: People, run: Run, statements: Any
) -> None:
    lin = cast.browser(cast.lin)

    def count(path: str) -> int:
        with statements() as seen:
            assert lin.get(path).status_code == 200
        return len([each for each in seen if each.lstrip().startswith("SELECT")])

    paths = (CELL, f"/console/rates/{XIAOYING}/{ZIYANG}")
    for path in paths:
        count(path)  # The first reads the settings, too.
    few = [count(path) for path in paths]
    run(prepare, None)
    for rate in ("0.81", "0.82", "0.83"):
        fill(lin, CELL, "/rates/propose", rate=rate, document=PAPER)

    many = [count(path) for path in paths]

    assert max(few) <= 25
    # Groups with a rate, and the names of what waits: a handful, not one for each cell.
    assert all(after - before <= 10 for before, after in zip(few, many, strict=True))
    for rate in ("0.84", "0.85", "0.86"):
        fill(lin, CELL, "/rates/propose", rate=rate, document=PAPER)
    assert [count(path) for path in paths] == many
