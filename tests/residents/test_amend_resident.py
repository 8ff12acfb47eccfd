"""Amending what is kept of a resident: name, number, year of birth, address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from core.acts import NotInYourScope
from core.errors import Forbidden
from residents import queries
from residents.addresses import Address
from residents.amending import (
    AmendResident,
    PersonThere,
    ResidentAmended,
    WorksWithThisNumber,
    amend_resident,
)
from residents.people import BirthYearWrong, EnterResident, OwnResident, enter_resident
from tests.admin.forms import fill
from tests.admin.scene import words
from tests.people import HERE, People
from tests.points.books import one

Run = Callable[..., Any]
NEW = "13957003344"


def amend(cast: People, **changes: Any) -> AmendResident:
    given: dict[str, Any] = {"resident": one(cast.li.resident), "name": "李国强"}
    return AmendResident(**(given | changes))


def test_somebody_without_a_phone_gets_one_and_signs_in(cast: People, run: Run) -> None:
    done = run(amend_resident, amend(cast, phone=NEW, birth_year=1950), cast.actor(cast.staff))

    assert done == ResidentAmended(resident=one(cast.li.resident), exists=False)
    cast.li.phone = NEW
    assert cast.actor(cast.li).resident == cast.li.resident
    again = run(amend_resident, amend(cast, birth_year=1950), cast.actor(cast.staff))
    assert again.exists


def test_another_number_ends_the_sign_ins_by_the_old_one(cast: People, run: Run) -> None:
    wang = cast.browser(cast.wang)
    change = amend(cast, resident=one(cast.wang.resident), name="王秀瑛", phone=NEW)

    run(amend_resident, change, cast.actor(cast.staff))

    assert wang.get("/me").status_code == 303
    cast.wang.name, cast.wang.phone = "王秀瑛", NEW
    assert cast.browser(cast.wang).get("/me").status_code == 200
    none = amend(cast, resident=one(cast.wang.resident), name="王秀瑛", no_phone=True)
    run(amend_resident, none, cast.actor(cast.staff))
    with pytest.raises(StopIteration):
        cast.token(cast.wang)


def test_an_address_is_filled_in_for_whoever_registered_themselves(
    cast: People, run: Run, ask: Run
) -> None:
    home = Address(estate="建国南苑", building="8", unit="1", room="501")
    change = amend(cast, resident=one(cast.new.resident), name="周晓燕", address=home)

    run(amend_resident, change, cast.actor(cast.staff))

    line = ask(queries.lines, [cast.new.resident])[cast.new.resident]
    assert line.address == "建国南苑 8-1-501"
    assert line.phone_masked == "****0004"
    assert (line.household, line.state) == (cast.new.household, "unconfirmed")
    assert run(amend_resident, change, cast.actor(cast.staff)).exists


def test_nobody_takes_over_a_role_a_twin_or_their_own(cast: People, run: Run) -> None:
    staff = cast.actor(cast.staff)
    twin = EnterResident(community=HERE, name="李国强", phone=NEW, another_person=True)
    run(enter_resident, twin, staff)
    with pytest.raises(PersonThere):
        run(amend_resident, amend(cast, phone=NEW), staff)

    lead = EnterResident(community=HERE, name=cast.lead.name, phone=cast.lead.phone)
    lives = run(enter_resident, lead, staff).resident
    for changes in ({"phone": NEW}, {"name": "赵健平"}, {"no_phone": True}):
        given: dict[str, Any] = {"resident": lives, "name": cast.lead.name}
        with pytest.raises(WorksWithThisNumber):
            run(amend_resident, AmendResident(**(given | changes)), staff)

    own = AmendResident(resident=lives, name=cast.lead.name)
    with pytest.raises(OwnResident):
        run(amend_resident, own, cast.actor(cast.lead))
    with pytest.raises(BirthYearWrong):
        run(amend_resident, amend(cast, birth_year=1742), staff)
    with pytest.raises(NotInYourScope):
        run(amend_resident, amend(cast), cast.actor(cast.elsewhere))
    for other in (cast.keeper, cast.wang):
        with pytest.raises(Forbidden):
            run(amend_resident, amend(cast), cast.actor(other))


def test_the_desk_and_the_api_amend_it(cast: People, client: FlaskClient) -> None:
    staff, card = cast.browser(cast.staff), f"/desk/residents/{cast.li.resident}"
    page = f"{card}/amend"
    for typed, says in (
        ({"phone": "123"}, "手机号应是"),
        ({"address": "建国南苑"}, "住址要写全"),
        ({"birth_year": "四二"}, "出生年份不对"),
        ({"name": ""}, "请填写姓名"),
    ):
        refused = fill(staff, page, page, **typed)
        assert refused.status_code == 422
        assert says in words(refused)
    assert "没有改动" in words(staff.get(fill(staff, page, page).headers["Location"]))
    done = fill(staff, page, page, phone=NEW, birth_year="1951", address="建国南苑 3-2-402")
    assert done.status_code == 303
    said = words(staff.get(card))
    for each in ("改好了", "****3344", "1951", "建国南苑3-2-402"):
        assert each in said

    url, headers = f"/api/v1/staff/residents/{cast.li.resident}/amend", cast.headers(cast.staff)
    body = {"name": "李国强", "birth_year": 1951}
    assert client.post(url, json=body, headers=headers).json == {
        "resident": str(cast.li.resident),
        "exists": True,
    }
    assert client.post(url, json={"name": "李国强"}, headers=headers).status_code == 422
