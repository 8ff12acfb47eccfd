"""The console's page 数据核验: what holds, since when it was proven, and the first broken row."""

# ruff: noqa: S608 - statements put together from this file's own ids

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from core.db import db
from points.proof import proving
from points.proof.chain import Place
from points.proof.checks import Found
from points.proof.sealing import DISTRICT, head_of
from tests.admin.console import auditor, post, reader
from tests.admin.scene import words
from tests.conftest import Clock, Stage
from tests.people import People
from tests.points.books import WALLET
from tests.points.sealed import kept_week

Run = Callable[..., Any]
PAGE = "/console/proofs"


@pytest.fixture
def lin(stage: Stage, cast: People, run: Run) -> FlaskClient:
    """The district's admin, after a week of books."""
    kept_week(stage, run, each=0)
    return cast.browser(cast.lin)


def damage(app: Flask, statement: str) -> None:
    with app.app_context(), db.engine.connect().execution_options(writes=True) as connection:
        assert connection.execute(text(statement)).rowcount
        connection.commit()


def prove_all(app: Flask) -> None:
    with app.app_context():
        proving.prove_all(app.extensions["linli.checks"])


def line(shown: Any, title: str) -> str:
    """What the table says of one invariant."""
    page: str = shown.get_data(as_text=True)
    row = next(row for row in page.split("<tr") if title in row)
    return re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", row.partition(">")[2]))


def test_before_the_first_look_nothing_is_claimed(cast: People) -> None:
    shown = cast.browser(cast.lin).get(PAGE)

    assert "还没有核过。" in words(shown)
    assert "还没有封存过" in words(shown)
    assert "还没有核过" in line(shown, "谁也不会透支")


def test_proving_now_shows_each_invariant_with_its_rows_and_moment(
    app: Flask, lin: FlaskClient, ask: Run
) -> None:
    sent = post(lin, PAGE)

    assert sent.status_code == 303
    shown = lin.get(PAGE)
    count = len(app.extensions["linli.checks"])
    assert f"核完了：{count}条都成立。" in words(shown)
    assert f"{count}条全部成立" in words(shown)
    transfers = ask(lambda connection: connection.scalar(text("SELECT count(*) FROM transfers")))
    held = line(shown, "每笔都有借有贷，金额大于零")
    assert held.startswith(f"1每笔都有借有贷，金额大于零{transfers}笔全部0")
    assert "12-0210:00" in held
    assert held.endswith("成立")
    head = ask(head_of, DISTRICT)
    assert " ".join(re.findall("....", head.head)) in shown.get_data(as_text=True)


def test_the_next_look_says_that_it_was_at_what_is_new(lin: FlaskClient, clock: Clock) -> None:
    post(lin, PAGE)
    clock.advance(minutes=20)
    post(lin, PAGE)

    shown = line(lin.get(PAGE), "每笔都有借有贷，金额大于零")
    assert "0笔新记的0" in shown
    assert "12-0210:20" in shown


def test_a_broken_invariant_is_red_with_its_first_row_and_stays_in_the_history(
    app: Flask, lin: FlaskClient, clock: Clock
) -> None:
    post(lin, PAGE)
    damage(app, f"UPDATE accounts SET held = held + 1 WHERE id = {WALLET}")
    clock.advance(minutes=15)

    post(lin, PAGE)

    shown = lin.get(PAGE)
    assert "1条不成立，请看标红的" in words(shown)
    assert "条里有1条不成立" in words(shown)
    assert line(shown, "户头的预留等于没办完的预留之和").endswith("不成立")
    # It is the one that is opened, with where it is broken.
    assert f"1处不符，第一处：户头·{WALLET}" in words(shown).replace(" ", "")
    assert '数据核验<span class="count">1</span>' in shown.get_data(as_text=True)

    damage(app, f"UPDATE accounts SET held = held - 1 WHERE id = {WALLET}")
    clock.advance(minutes=15)
    post(lin, PAGE)
    mended = lin.get(f"{PAGE}?check=holds")
    assert "全部成立" in words(mended)
    assert f"户头·{WALLET}" in words(mended).replace(" ", "")


def test_a_touched_row_behind_a_seal_is_named_with_community_and_day(
    app: Flask, lin: FlaskClient
) -> None:
    damage(
        app, "UPDATE transfers SET note = '改过' WHERE day = '2026-11-26' AND act = 'adjustment'"
    )
    prove_all(app)

    shown = words(lin.get(f"{PAGE}?check=seals")).replace(" ", "")
    assert "1处不符，第一处：流水·00000000-0000-0000-0000-" in shown
    assert "·2026-11-26" in shown


def test_the_chain_of_the_district_is_named_as_such(app: Flask, lin: FlaskClient) -> None:
    damage(
        app,
        "UPDATE seals SET head = digest WHERE community = 0 AND day = '2026-11-26'",
    )
    prove_all(app)

    shown = words(lin.get(f"{PAGE}?check=chain")).replace(" ", "")
    assert "第一处：封存块·block·全区·2026-11-26" in shown


def test_each_invariant_shows_the_query_that_proves_it(lin: FlaskClient) -> None:
    asked = lin.get(f"{PAGE}?check=clearing").get_data(as_text=True)
    assert "HAVING sum(parts.standard) &lt;&gt; 0" in asked
    computed = words(lin.get(f"{PAGE}?check=chain"))
    assert "逐块比" in computed
    assert lin.get(f"{PAGE}?check=unknown").status_code == 200


def test_auditors_and_readers_look_and_prove_nothing(cast: People, run: Run) -> None:
    for browser in (auditor(run, cast), reader(run, cast)):
        shown = browser.get(PAGE)
        assert shown.status_code == 200
        assert "现在核一遍" not in words(shown)
        assert post(browser, PAGE).status_code == 403


def test_nobody_of_a_desk_sees_it(cast: People) -> None:
    assert cast.browser(cast.staff).get(PAGE).status_code == 403


def test_a_slow_look_says_seconds_and_a_row_that_is_gone_only_its_id(
    cast: People, run: Run, clock: Clock
) -> None:
    gone = Place(table="orders", id="0193")
    found = Found(times=1, first=gone, rows=5_018_442)
    look = proving.Proven(check="two sides", scope="all", found=found, milliseconds=6_100)
    run(proving.keep_proofs, proving.KeepProofs(at=clock.now, proofs=(look,)))

    shown = cast.browser(cast.lin).get(PAGE)

    assert "5,018,442笔全部16.1秒" in line(shown, "每笔都有借有贷，金额大于零")
    assert "第一处：记录·0193" in words(shown).replace(" ", "")


def test_when_nobody_looks_any_more_nothing_is_claimed_to_hold(
    lin: FlaskClient, clock: Clock
) -> None:
    post(lin, PAGE)
    clock.advance(minutes=45)
    assert "全部成立" in words(lin.get(PAGE))
    assert "自动核验停了" not in words(lin.get("/console/"))

    clock.advance(minutes=1)

    shown = words(lin.get(PAGE))
    assert "全部成立" not in shown
    assert "自动核验停了：今天10:00以后的账没有核过" in shown
    home = lin.get("/console/")
    assert "自动核验停了" in words(home)
    assert '数据核验<span class="count">!</span>' in home.get_data(as_text=True)
    post(lin, PAGE)
    assert "全部成立" in words(lin.get(PAGE))


def test_both_admins_are_told_once_a_day_of_what_does_not_hold(
    app: Flask, lin: FlaskClient, cast: People, clock: Clock
) -> None:
    def told(browser: FlaskClient) -> int:
        return words(browser.get("/console/messages")).count("发现1处不符。请到数据核验页查看")

    damage(app, f"UPDATE accounts SET held = held + 1 WHERE id = {WALLET}")
    post(lin, PAGE)
    clock.advance(minutes=15)
    post(lin, PAGE)

    assert (told(lin), told(cast.browser(cast.wu))) == (1, 1)
    clock.advance(days=1)
    post(cast.browser(cast.lin), PAGE)
    assert told(cast.browser(cast.wu)) == 2


def test_what_has_been_broken_for_long_is_told_by_the_latest_looks(
    app: Flask, lin: FlaskClient, clock: Clock, statements: Any
) -> None:
    damage(app, f"UPDATE accounts SET held = held + 1 WHERE id = {WALLET}")

    def questions(looks: int) -> int:
        for _ in range(looks):
            clock.advance(minutes=15)
            prove_all(app)
        with statements() as seen:
            assert lin.get(PAGE).status_code == 200
        return sum(each.lstrip().startswith("SELECT") for each in seen)

    questions(1)  # The first reads the settings, too.
    assert questions(5) == questions(3)
