"""Staff enter somebody: with or without a phone, into the household at the address."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, text

from core.acts import NotInYourScope
from core.crypto import PhoneMalformed, decrypt
from core.errors import Forbidden, KeyReused
from residents import people, queries
from residents.addresses import Address, AddressIncomplete
from tests.people import HERE, NEAR, THERE, People
from tests.residents.forms import count

Run = Callable[..., Any]
HOME = Address(estate="建国南苑", building="9", unit="2", room="401")


def somebody(**changed: Any) -> people.EnterResident:
    given: dict[str, Any] = {"community": HERE, "name": "沈玉兰", "address": HOME, **changed}
    return people.EnterResident(**given)


def test_somebody_without_a_phone_is_entered_confirmed(
    cast: People,
    run: Run,
    ask: Run,
) -> None:
    entered = run(people.enter_resident, somebody(), cast.actor(cast.staff))

    (line,) = ask(queries.search, HERE, "沈玉兰")
    assert not entered.exists
    assert (line.resident, line.state, line.phone_masked) == (entered.resident, "confirmed", "")
    assert line.address == "建国南苑 9-2-401"


def stored_phone(connection: Connection, name: str) -> Any:
    query = text("SELECT phone_cipher, phone_index, phone_tail FROM people WHERE name = :name")
    return connection.execute(query, {"name": name}).one()


def test_a_number_is_stored_encrypted_and_shown_masked(
    cast: People,
    run: Run,
    ask: Run,
) -> None:
    run(people.enter_resident, somebody(phone="139 5700-5678"), cast.actor(cast.staff))

    stored = ask(stored_phone, "沈玉兰")
    with cast.app.app_context():
        assert decrypt("phone", stored.phone_cipher) == "13957005678"
    assert "13957005678" not in f"{stored.phone_cipher}{stored.phone_index}"
    assert ask(queries.search, HERE, "5678")[0].phone_masked.endswith("****5678")


def test_people_at_one_address_share_its_household_and_accounts_are_opened(
    cast: People,
    run: Run,
    ask: Run,
) -> None:
    staff, before = cast.actor(cast.staff), ask(count, "accounts")
    spelled = Address(estate="建国南苑 ", building="９幢", unit="2单元", room="401室")

    first = run(people.enter_resident, somebody(), staff)
    second = run(people.enter_resident, somebody(name="沈小宝", address=spelled), staff)

    assert second.household == first.household
    assert {name for _, name in ask(queries.members, first.household)} == {"沈玉兰", "沈小宝"}
    # Two for each resident, one for the household.
    assert ask(count, "accounts") == before + 5


def test_a_named_household_takes_somebody_in(cast: People, run: Run) -> None:
    assert cast.wang.household is not None
    command = somebody(address=None, household=cast.wang.household, name="王小明")

    assert run(people.enter_resident, command, cast.actor(cast.staff)).household == (
        cast.wang.household
    )


def test_without_an_address_somebody_has_a_household_alone(cast: People, run: Run) -> None:
    staff = cast.actor(cast.staff)

    one = run(people.enter_resident, somebody(address=None, phone="13957005678"), staff)
    other = run(people.enter_resident, somebody(address=None, name="沈二", phone=None), staff)

    assert one.household != other.household


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ({}, {}),
        ({"phone": "13957005678"}, {"phone": "+86 139-5700-5678"}),
        ({"phone": "13957005678"}, {"phone": "13957005678", "address": None}),
        ({"phone": "13957005678"}, {}),
        ({}, {"name": " 沈　玉兰 "}),
    ],
)
def test_the_same_person_again_is_who_they_were(
    cast: People,
    run: Run,
    ask: Run,
    first: dict[str, Any],
    again: dict[str, Any],
) -> None:
    staff = cast.actor(cast.staff)
    entered = run(people.enter_resident, somebody(**first), staff)
    before = (ask(count, "residents"), ask(count, "people"), ask(count, "audit_events"))

    repeat = run(people.enter_resident, somebody(**again), staff)

    assert repeat.exists
    assert repeat.resident == entered.resident
    assert (ask(count, "residents"), ask(count, "people"), ask(count, "audit_events")) == before


def test_two_of_one_name_at_one_address_with_numbers_of_their_own_are_two(
    cast: People,
    run: Run,
) -> None:
    staff = cast.actor(cast.staff)

    one = run(people.enter_resident, somebody(phone="13957005678"), staff)
    other = run(people.enter_resident, somebody(phone="13957005679"), staff)

    assert not other.exists
    assert one.person != other.person
    assert one.household == other.household


def test_a_double_click_enters_one_person(cast: People, run: Run, ask: Run) -> None:
    staff, before = cast.actor(cast.staff), ask(count, "residents")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: run(people.enter_resident, somebody(), staff), range(8)))

    assert ask(count, "residents") == before + 1


def test_a_double_click_enters_one_person_of_whom_only_the_name_is_known(
    cast: People, run: Run, ask: Run
) -> None:
    staff, before = cast.actor(cast.staff), ask(count, "residents")
    command = people.EnterResident(community=HERE, name="租客", key="one form")

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: run(people.enter_resident, command, staff), range(8)))

    assert ask(count, "residents") == before + 1
    assert len({each.resident for each in done}) == 1
    assert sorted(each.exists for each in done) == [False, *[True] * 7]


def test_two_colleagues_who_enter_one_name_at_one_moment_make_one_person(
    cast: People, run: Run, ask: Run
) -> None:
    colleagues = [cast.actor(cast.staff), cast.actor(cast.lead)]
    before = ask(count, "residents")

    def enter(number: int) -> Any:
        command = people.EnterResident(community=HERE, name="租客", key=f"form {number}")
        try:
            return run(people.enter_resident, command, colleagues[number % 2])
        except people.NamesakeHere as refusal:
            return refusal

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(enter, range(8)))

    refused = [each for each in done if isinstance(each, people.NamesakeHere)]
    made = next(each for each in done if each not in refused)
    assert (len(refused), ask(count, "residents")) == (7, before + 1)
    assert [[row.id for row in each.same] for each in refused] == [[made.resident]] * 7


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ({}, True),
        ({"address": HOME}, True),
        ({"phone": "13957005678"}, True),
        ({"name": " 王　秀英 "}, True),
        ({"another_person": True}, False),
        ({"community": NEAR}, False),
        # At one address and with two numbers they are known to be two.
        ({"address": Address(estate="建国南苑", building="3", unit="2", room="401")}, False),
        ({"household": "theirs", "phone": "13957005678"}, False),
    ],
)
def test_a_namesake_is_asked_about_unless_staff_say_that_it_is_another(
    cast: People, run: Run, ask: Run, typed: dict[str, Any], *, asked: bool
) -> None:
    who, before = cast.actor(cast.staff), ask(count, "residents")
    given: dict[str, Any] = {
        "community": HERE,
        "name": cast.wang.name,
        "phone": "13957005679",
        "key": "a",
    } | typed
    if "household" in given:
        given["household"] = cast.wang.household
    command = people.EnterResident(**given)
    if command.community == NEAR:
        who = cast.actor(cast.near)

    if asked:
        with pytest.raises(people.NamesakeHere) as refusal:
            run(people.enter_resident, command, who)
        assert "王秀英（建国南苑 3-2-401）" in refusal.value.sentence()
    else:
        first, again = (run(people.enter_resident, command, who) for _ in range(2))
        assert (first.exists, again.exists) == (False, True)
    assert ask(count, "residents") == before + (not asked)


def test_another_form_of_the_same_name_is_somebody_else_and_another_name_is_refused(
    cast: People, run: Run, ask: Run
) -> None:
    staff, before = cast.actor(cast.staff), ask(count, "residents")
    first = people.EnterResident(community=HERE, name="租客", key="one form")
    run(people.enter_resident, first, staff)
    another = replace(first, key="another", another_person=True)

    assert not run(people.enter_resident, another, staff).exists
    with pytest.raises(KeyReused):
        run(people.enter_resident, replace(first, name="房客"), staff)
    assert ask(count, "residents") == before + 2


def test_the_api_enters_whoever_has_only_a_name_once_for_a_key(cast: People, ask: Run) -> None:
    browser, before = cast.browser(cast.staff), ask(count, "residents")
    headers = cast.headers(cast.staff)
    body = {"community": HERE, "name": "租客"}

    def send(path: str, sent: object, key: str) -> Any:
        named = headers | ({"Idempotency-Key": key} if key else {})
        return browser.post(f"/api/v1/staff/residents{path}", json=sent, headers=named)

    assert send("", body, "").json["code"] == "idempotency_key_missing"
    first, second = (send("", body, "a") for _ in range(2))
    assert (first.status_code, first.json["resident"]) == (201, second.json["resident"])
    asked = send("", body, "c")
    assert (asked.status_code, asked.json["code"]) == (409, "namesake_here")
    assert "租客（住址待补）" in asked.json["message"]
    assert send("", body | {"another_person": True}, "c").status_code == 201

    listed: dict[str, Any] = {"community": HERE, "rows": [{"name": "甲"}, {"name": "乙"}]}
    done, again = (send("/list", listed, "b").json for _ in range(2))
    assert (done["added"], again["added"], again["existed"]) == (2, 0, 2)
    assert [row["resident"] for row in done["rows"]] == [row["resident"] for row in again["rows"]]
    listed["rows"][0] = {"name": "丙"}
    assert send("/list", listed, "b").json["code"] == "key_reused"
    assert ask(count, "residents") == before + 4


def test_staff_who_live_here_are_one_person_with_their_role(cast: People, run: Run) -> None:
    command = somebody(name=cast.staff.name, phone=cast.staff.phone)

    entered = run(people.enter_resident, command, cast.actor(cast.lead))

    assert entered.person == cast.staff.person
    with pytest.raises(people.OwnResident):
        run(
            people.confirm_resident,
            people.ConfirmResident(resident=entered.resident),
            cast.actor(cast.staff),
        )


def test_somebody_who_lives_elsewhere_is_not_entered_a_second_time(
    cast: People,
    run: Run,
    ask: Run,
) -> None:
    before = ask(count, "residents")
    command = somebody(name=cast.there.name, phone=cast.there.phone)

    with pytest.raises(people.LivesElsewhere) as refusal:
        run(people.enter_resident, command, cast.actor(cast.staff))

    assert ask(queries.place, THERE).display_name in refusal.value.sentence()
    assert ask(count, "residents") == before


def test_staff_of_another_community_may_not(cast: People, run: Run, ask: Run) -> None:
    before = ask(count, "people")

    for who in (cast.elsewhere, cast.near):
        with pytest.raises(NotInYourScope):
            run(people.enter_resident, somebody(), cast.actor(who))
    for who in (cast.wang, cast.keeper, cast.lin):
        with pytest.raises(Forbidden):
            run(people.enter_resident, somebody(), cast.actor(who))

    assert ask(count, "people") == before


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"name": "  "}, people.NameMissing),
        ({"name": "长" * 21}, people.NameMissing),
        ({"phone": "1395700567"}, PhoneMalformed),
        ({"phone": "12957005678"}, PhoneMalformed),
        ({"birth_year": 1905}, people.BirthYearWrong),
        ({"birth_year": 2027}, people.BirthYearWrong),
        ({"address": Address(estate="建国南苑")}, AddressIncomplete),
        ({"address": Address(estate="", building="3", room="401")}, AddressIncomplete),
        ({"address": None, "household": UUID(int=5)}, people.HouseholdUnknown),
    ],
)
def test_what_is_not_right_is_refused_and_nothing_is_kept(
    cast: People,
    run: Run,
    ask: Run,
    changed: dict[str, Any],
    refusal: type[Exception],
) -> None:
    staff = cast.actor(cast.staff)
    before = [ask(count, table) for table in ("people", "households", "dwellings", "estates")]

    with pytest.raises(refusal):
        run(people.enter_resident, somebody(**changed), staff)

    after = [ask(count, table) for table in ("people", "households", "dwellings", "estates")]
    assert after == before


def test_a_household_of_another_community_is_unknown_here(cast: People, run: Run) -> None:
    command = somebody(address=None, household=cast.there.household)

    with pytest.raises(people.HouseholdUnknown):
        run(people.enter_resident, command, cast.actor(cast.staff))


def test_a_community_that_is_not_there_is_unknown(run: Run) -> None:
    with pytest.raises(people.CommunityUnknown):
        run(people.enter_resident, somebody(community=330102001999))


def test_a_village_has_groups_and_numbers(cast: People, run: Run, ask: Run) -> None:
    village = next(place.code for place in ask(queries.places) if place.kind == "village")
    address = Address(estate="3 组", room="12号")

    first = run(people.enter_resident, somebody(community=village, address=address))
    again = run(
        people.enter_resident,
        somebody(community=village, address=Address(estate="３组", room="12"), name="沈二"),
    )

    assert ask(queries.me, first.resident).address == "3组 12"
    assert again.household == first.household


def test_the_same_address_in_another_community_is_another_dwelling(
    cast: People,
    run: Run,
) -> None:
    here = run(people.enter_resident, somebody(), cast.actor(cast.staff))
    near = run(
        people.enter_resident,
        somebody(community=NEAR, name="沈二"),
        cast.actor(cast.near),
    )

    assert here.household != near.household


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" 王秀英 ", "王秀英"),
        ("王　秀英", "王秀英"),
        ("\uff2dary  Ann", "Mary Ann"),
        ("阿不都•热合曼", "阿不都·热合曼"),
        ("阿不都・热合曼", "阿不都·热合曼"),
        ("王\u200b秀英\n", "王秀英"),
    ],
)
def test_a_name_has_one_spelling(typed: str, kept: str) -> None:
    assert people.checked_name(typed) == kept


def test_the_desk_finds_people_by_name_room_and_last_digits(cast: People, ask: Run) -> None:
    assert [line.name for line in ask(queries.search, HERE, "王秀")] == ["王秀英"]
    assert {line.name for line in ask(queries.search, HERE, "3-2-401")} == {"王秀英", "李国强"}
    assert [line.name for line in ask(queries.search, HERE, "0003")] == ["陈建国"]
    assert ask(queries.search, THERE, "王秀英") == []
    assert ask(queries.search, HERE, " % ") == []


def test_the_api_finds_people_of_ones_own_community_alone(
    cast: People, client: FlaskClient
) -> None:
    headers = cast.headers(cast.staff)

    def found(community: int) -> Any:
        address = f"/api/v1/staff/residents?community={community}&q=李"
        return client.get(address, headers=headers)

    assert [line["name"] for line in found(HERE).get_json()] == ["李国强"]
    elsewhere = found(NEAR)
    assert (elsewhere.status_code, elsewhere.get_json()["code"]) == (403, "not_in_your_scope")
