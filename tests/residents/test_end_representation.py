"""Acting for somebody: they are told, and who may end it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, text

from core.acts import SYSTEM, NotInYourScope
from core.errors import Forbidden
from core.work import Work
from residents.representations import (
    AgentTooYoung,
    EndRepresentation,
    GuardianStays,
    Represent,
    RepresentationEnded,
    RepresentationUnknown,
    end_representation,
    represent,
)
from tests.admin.scene import words
from tests.people import People, Someone
from tests.points.books import one
from tests.residents.forms import count, send

Run = Callable[..., Any]
Born = tuple[UUID, int]


def born(work: Work, command: Born) -> None:
    work.connection.execute(
        text("UPDATE people SET birth_year = :year WHERE id = :person"),
        work.bind(person=command[0], year=command[1]),
    )


def acts(
    cast: People, run: Run, agent: Someone, principal: Someone, kind: str = "family"
) -> EndRepresentation:
    """Let somebody act for somebody; return the command that ends it."""
    command = Represent(principal=one(principal.person), agent=one(agent.person), kind=kind)
    return EndRepresentation(id=run(represent, command, cast.actor(cast.staff)).id)


def told(connection: Connection) -> list[tuple[UUID, str]]:
    rows = connection.execute(
        text("SELECT person, params FROM outbox WHERE template = 'proxy.added'")
    )
    return [(UUID(str(row[0])), row[1]) for row in rows]


def as_agent(cast: People, agent: Someone, principal: Someone) -> FlaskClient:
    """Return a browser in which somebody is signed in as the one whom they act for."""
    name, principal.phone = principal.phone, agent.phone
    try:
        return cast.browser(principal)
    finally:
        principal.phone = name


def test_whoever_is_acted_for_is_told_once(cast: People, run: Run, ask: Run) -> None:
    for _ in range(2):
        acts(cast, run, cast.chen, cast.wang, "carer")

    ((person, params),) = ask(told)
    assert person == cast.wang.person
    said = params.encode().decode("unicode_escape")
    assert "陈建国" in said
    assert "护理人" in said


def test_they_end_it_on_their_own_page_and_the_agent_is_out_at_once(
    cast: People, run: Run, ask: Run
) -> None:
    acts(cast, run, cast.chen, cast.wang)
    agent, wang = as_agent(cast, cast.chen, cast.wang), cast.browser(cast.wang)
    assert agent.get("/me").status_code == 200
    page = wang.get("/me").get_data(as_text=True)
    assert "陈建国是我的代办家人" in page
    action = page.partition('action="/me/representations/')[2].partition('"')[0]

    done = send(wang, "/me", f"/me/representations/{action}")

    assert done.status_code == 303
    after = words(wang.get("/me"))
    assert "代办已经取消" in after
    assert "陈建国" not in after
    assert agent.get("/me").status_code == 303
    assert ask(count, "consents WHERE withdrawn_at IS NULL AND purpose = 'representation'") == 0


def test_the_agent_and_the_communitys_staff_end_it_too_and_nobody_else(
    cast: People, run: Run
) -> None:
    end = acts(cast, run, cast.chen, cast.wang)
    for stranger in (cast.new, cast.there):
        with pytest.raises(RepresentationUnknown):
            run(end_representation, end, cast.actor(stranger))
    with pytest.raises(NotInYourScope):
        run(end_representation, end, cast.actor(cast.elsewhere))
    with pytest.raises(Forbidden):
        run(end_representation, end, cast.actor(cast.keeper))
    with pytest.raises(RepresentationUnknown):
        run(end_representation, EndRepresentation(id=UUID(int=5)), cast.actor(cast.wang))

    ended = RepresentationEnded(id=end.id, exists=False)
    assert run(end_representation, end, cast.actor(cast.chen)) == ended
    again = RepresentationEnded(id=end.id, exists=True)
    assert run(end_representation, end, cast.actor(cast.staff)) == again


def test_it_begins_again_on_the_same_day_or_as_another_kind(
    cast: People, run: Run, ask: Run
) -> None:
    end = acts(cast, run, cast.chen, cast.wang)
    run(end_representation, end, cast.actor(cast.wang))

    for kind in ("family", "guardian"):
        assert acts(cast, run, cast.chen, cast.wang, kind) == end

    assert ask(count, "representations WHERE kind = 'guardian' AND valid_to IS NULL") == 1
    assert len(ask(told)) == 3


def test_a_childs_guardian_is_ended_by_staff_only_and_ends_the_carers(
    cast: People, run: Run
) -> None:
    run(born, (one(cast.new.person), 2016), SYSTEM)
    guardian = acts(cast, run, cast.chen, cast.new, "guardian")
    carer = acts(cast, run, cast.wang, cast.new, "carer")

    for actor in (cast.new, cast.wang):
        with pytest.raises(RepresentationUnknown):
            run(end_representation, guardian, cast.actor(actor))
    with pytest.raises(GuardianStays):
        run(end_representation, guardian, cast.actor(cast.chen))
    assert not run(end_representation, carer, cast.actor(cast.chen)).exists
    assert not run(end_representation, guardian, cast.actor(cast.staff)).exists


def test_a_child_acts_for_nobody(cast: People, run: Run) -> None:
    run(born, (one(cast.chen.person), 2016), SYSTEM)

    with pytest.raises(AgentTooYoung):
        acts(cast, run, cast.chen, cast.wang)


def test_the_api_lists_and_ends_it(cast: People, run: Run, client: FlaskClient) -> None:
    end = acts(cast, run, cast.chen, cast.li)
    staff, chen = cast.headers(cast.staff), cast.headers(cast.chen)
    listed = f"/api/v1/staff/residents/{cast.li.resident}/representations"

    answered: Any = client.get(listed, headers=staff).json
    (row,) = answered
    assert (row["agent_name"], row["principal_name"], row["kind"]) == ("陈建国", "李国强", "family")
    assert row["agent_resident"] == str(cast.chen.resident)
    assert client.get("/api/v1/me/representations", headers=chen).json == [row]
    for other in (cast.elsewhere, cast.keeper, cast.wang):
        assert client.get(listed, headers=cast.headers(other)).status_code == 403

    ended = client.post(f"/api/v1/representations/{end.id}/end", headers=chen)

    assert ended.json == {"id": str(end.id), "exists": False}
    assert client.get(listed, headers=staff).json == []
