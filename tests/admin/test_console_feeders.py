"""设备和平台: one admin makes a feeder and sees its secret once, the other lets it in."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from flask import Flask

from tests.admin.console import ZIYANG, auditor, post, reader
from tests.admin.forms import Forms, fill
from tests.admin.scene import words
from tests.conftest import Clock
from tests.people import HERE, People
from tests.points.earning import count
from tests.points.feeding import feeder, open_rule, thrown

Run = Callable[..., Any]
PAGE = "/console/feeders"
TYPED: dict[str, Any] = {
    "name": "劳动路 1 号垃圾房",
    "kind": "device",
    "place": str(HERE),
    "rules": "waste.device",
}


def secret_on(page: str) -> str:
    found = re.search(r'name="feeder-secret"[^>]*>([^<]+)</textarea>', page)
    assert found is not None
    return found[1]


def test_a_secret_is_shown_once_and_the_other_admin_lets_it_in(ask: Run, cast: People) -> None:
    lin, wu = cast.browser(cast.lin), cast.browser(cast.wu)
    made = fill(lin, PAGE, PAGE, **TYPED)
    assert made.status_code == 201
    secret = secret_on(made.get_data(as_text=True))
    mine = lin.get(PAGE).get_data(as_text=True)
    assert secret not in mine
    assert "/feeders/confirm" not in mine
    assert "等另一人启用" in mine
    done = fill(wu, PAGE, "/feeders/confirm")
    assert done.status_code == 303
    assert "1个在用" in words(wu.get(PAGE))
    assert ask(count, "feeders", "state = 'active'") == 1


def test_the_same_form_again_says_so_and_makes_no_second(ask: Run, cast: People) -> None:
    lin = cast.browser(cast.lin)
    page = lin.get(PAGE).get_data(as_text=True)
    action, values, _names = next(form for form in Forms(page).forms if form[0] == PAGE)
    sent = dict(values) | TYPED
    assert lin.post(action, data=sent).status_code == 201
    assert lin.post(action, data=sent).status_code == 303
    assert "刚才已经建好了" in words(lin.get(PAGE))
    assert ask(count, "feeders") == 1


def test_a_new_secret_is_shown_and_a_stop_holds(
    app: Flask, run: Run, cast: People, clock: Clock
) -> None:
    feeder(app, run, cast, clock)
    lin = cast.browser(cast.lin)
    turned = fill(lin, PAGE, "/feeders/rotate")
    assert turned.status_code == 201
    assert secret_on(turned.get_data(as_text=True))
    assert fill(lin, PAGE, "/feeders/stop").status_code == 303
    assert "已停用" in words(lin.get(PAGE))


def test_what_is_wrong_stands_beside_its_field(cast: People) -> None:
    lin = cast.browser(cast.lin)
    nowhere = fill(lin, PAGE, PAGE, **(TYPED | {"place": ""}))
    assert (nowhere.status_code, "请选一项" in words(nowhere)) == (422, True)
    unfit = fill(lin, PAGE, PAGE, **(TYPED | {"kind": "platform"}))
    assert (unfit.status_code, "至少选一条" in words(unfit)) == (422, True)
    assert fill(lin, PAGE, PAGE, **TYPED).status_code == 201
    taken = fill(lin, PAGE, PAGE, **TYPED)
    assert (taken.status_code, "已经有同名" in words(taken)) == (409, True)


def test_readers_see_batches_of_their_places_and_change_nothing(
    app: Flask, run: Run, cast: People, clock: Clock
) -> None:
    open_rule(run, cast, clock)
    bins = feeder(app, run, cast, clock)
    bins.send(thrown("a", clock.now), thrown("b", clock.now, "无"))
    looks = auditor(run, cast)
    seen = words(looks.get(PAGE))
    assert "建国南苑1号垃圾房" in seen
    assert "最近的批次" in seen
    assert post(looks, f"{PAGE}/stop", feeder_id=str(bins.id)).status_code == 403
    assert "建国南苑1号垃圾房" not in words(reader(run, cast, ZIYANG).get(PAGE))
