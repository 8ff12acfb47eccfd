"""The elder version belongs to the person, and so to every device of theirs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from residents import queries
from residents.modes import ChangeMode, change_mode
from residents.representations import Represent, represent
from tests.people import People
from tests.residents.forms import count, prove, send

Run = Callable[..., Any]


def mode(cast: People, ask: Run, who: Any) -> str:
    found: str = ask(queries.viewer, cast.actor(who)).mode
    return found


def test_it_is_turned_on_and_off_with_one_button(cast: People, ask: Run) -> None:
    browser = cast.browser(cast.wang)

    done = send(browser, "/me", "/me/elder", mode="elder")
    assert (done.status_code, done.headers["Location"]) == (303, "/")
    assert mode(cast, ask, cast.wang) == "elder"
    assert mode(cast, ask, cast.chen) == "standard"
    assert 'data-mode="elder"' in browser.get("/me").get_data(as_text=True)

    send(browser, "/me", "/me/elder", mode="standard")
    assert mode(cast, ask, cast.wang) == "standard"


def test_every_page_leads_home_and_the_home_to_ones_own_page(cast: People, run: Run) -> None:
    run(change_mode, ChangeMode(mode="elder"), cast.actor(cast.wang))
    browser = cast.browser(cast.wang)

    def read(address: str) -> str:
        return browser.get(address).get_data(as_text=True)

    for address in ("/activities/", "/exchange/", "/exchange/orders", "/points/", "/me", "/none"):
        assert re.search(r'class="homeward" href="/"', read(address)), address
    home = read("/")
    assert 'class="homeward"' not in home
    assert 'href="/me"' in home
    run(change_mode, ChangeMode(mode="standard"), cast.actor(cast.wang))
    assert 'class="homeward"' not in read("/me")


def test_anything_else_is_the_standard_version(cast: People, run: Run, ask: Run) -> None:
    actor = cast.actor(cast.wang)
    run(change_mode, ChangeMode(mode="elder"), actor)

    assert run(change_mode, ChangeMode(mode="huge"), actor).state == "standard"
    assert mode(cast, ask, cast.wang) == "standard"


def test_the_same_again_changes_nothing(cast: People, run: Run, ask: Run) -> None:
    actor = cast.actor(cast.wang)
    run(change_mode, ChangeMode(mode="elder"), actor)
    before = ask(count, "audit_events")

    run(change_mode, ChangeMode(mode="elder"), actor)

    assert ask(count, "audit_events") == before


def test_a_daughter_changes_her_fathers_pages_and_not_her_own(
    cast: People,
    run: Run,
    ask: Run,
) -> None:
    assert cast.li.person is not None
    assert cast.chen.person is not None
    command = Represent(principal=cast.li.person, agent=cast.chen.person, kind="family")
    run(represent, command, cast.actor(cast.staff))
    browser = cast.app.test_client()
    prove(cast.app, browser, cast.chen.phone)
    send(browser, "/sign-in/choose", "/sign-in/choose", choice=str(cast.li.resident))

    send(browser, "/me", "/me/elder", mode="elder")

    assert 'data-mode="elder"' in browser.get("/me").get_data(as_text=True)
    assert mode(cast, ask, cast.chen) == "standard"


def test_only_residents_have_it(cast: People) -> None:
    assert send(cast.browser(cast.staff), "/desk/", "/me/elder", mode="elder").status_code == 403
    nobody = send(cast.app.test_client(), "/sign-in", "/me/elder", mode="elder")
    assert (nobody.status_code, nobody.headers["Location"]) == (303, "/sign-in?next=/")
