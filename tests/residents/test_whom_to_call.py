"""Every refusal says whom to call; where nobody set a number, those who may are asked for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from residents.modes import ChangeMode, change_mode
from residents.places import SetPhone, set_phone
from tests.people import HERE, People

Run = Callable[..., Any]
DISTRICT, OWN = "0571-8700 0000", "0571-8700 0111"


def number(cast: People, run: Run, place: int, phone: str) -> None:
    who = cast.lead if place == HERE else cast.lin
    run(set_phone, SetPhone(place=place, phone=phone), cast.actor(who))


def read(browser: Any, address: str) -> str:
    page: str = browser.get(address).get_data(as_text=True)
    return page


def test_a_refusal_names_the_communitys_number_to_residents_and_the_districts_to_others(
    cast: People, run: Run
) -> None:
    number(cast, run, cast.actor(cast.lin).place, DISTRICT)
    number(cast, run, HERE, OWN)

    for browser, known in (
        (cast.app.test_client(), DISTRICT),
        (cast.browser(cast.wang), OWN),
        (cast.browser(cast.staff), DISTRICT),
        (cast.browser(cast.lin), DISTRICT),
    ):
        page = read(browser, "/none")
        assert "没有找到这个页面" in page
        assert known in page


def test_staff_read_a_refusal_in_the_frame_of_their_desk(cast: People, run: Run) -> None:
    number(cast, run, cast.actor(cast.lin).place, DISTRICT)

    no_pair = "/console/rates/330102999999/330102999999"
    for who, address in (
        (cast.keeper, "/desk/settings"),
        (cast.staff, "/console/"),
        (cast.staff, "/me"),
        (cast.staff, "/none"),
        (cast.lin, no_pair),
        (cast.lin, "/desk/"),
    ):
        answer = cast.browser(who).get(address)
        page = answer.get_data(as_text=True)
        assert answer.status_code in {403, 404}
        assert "desk.css" in page
        assert "打电话问" in page
        assert DISTRICT in page
    outside = cast.browser(cast.wang).get("/desk/settings")
    assert outside.status_code == 403
    assert "desk.css" not in outside.get_data(as_text=True)


def test_without_a_number_no_button_calls_nobody(cast: People, run: Run) -> None:
    browser = cast.browser(cast.wang)
    for mode in ("standard", "elder"):
        run(change_mode, ChangeMode(mode=mode), cast.actor(cast.wang))
        for address in ("/", "/me", "/activities/", "/none"):
            assert "tel:" not in read(browser, address), address
    assert 'href="/me"' in read(browser, "/")

    number(cast, run, HERE, OWN)
    assert 'href="tel:' in read(browser, "/")
    assert 'href="/me"' in read(browser, "/")


def test_who_may_set_the_number_is_asked_for_it_until_it_is_there(cast: People, run: Run) -> None:
    lead, staff, lin = (cast.browser(who) for who in (cast.lead, cast.staff, cast.lin))

    assert "去填电话" in read(lead, "/desk/")
    assert "去填电话" not in read(staff, "/desk/")
    assert "去填电话" in read(lin, "/console/")
    number(cast, run, HERE, OWN)
    assert "去填电话" not in read(lead, "/desk/")
    assert "去填电话" in read(lin, "/console/")
    number(cast, run, cast.actor(cast.lin).place, DISTRICT)
    assert "去填电话" not in read(lin, "/console/")
