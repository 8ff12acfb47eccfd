"""An activity that another community did is copied, and remembers whose it was."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, select

from activities.entries import EnterByHand, enter_by_hand
from activities.models import Activity, Session
from activities.publish import (
    PartOffered,
    PublishActivity,
    TemplateUnknown,
    publish_activity,
)
from tests.admin.forms import fill
from tests.admin.scene import NINE, resident_of, words
from tests.conftest import Clock
from tests.people import HERE, THERE, People

Run = Callable[..., Any]
NEW = "/desk/activities/new"


@pytest.fixture
def theirs(run: Run, cast: People, clock: Clock) -> UUID:
    """A fair elsewhere that took place the day before yesterday, and one person came."""
    start = NINE - dt.timedelta(days=2)
    command = PublishActivity(
        key="fair",
        community=THERE,
        template="service_fair",
        title="弄堂集市",
        kind="公益集市",
        scene="自治",
        summary="街坊师傅摆摊，老少都来。",
        bring="要修的东西",
        place="弄堂口",
        open_to="district",
        sessions=((start, start + dt.timedelta(hours=2)),),
        parts=(PartOffered(part="take_part", rule="join.activity"),),
    )
    now = clock.now
    clock.set(start)
    made = run(publish_activity, command, cast.actor(cast.elsewhere))
    clock.set(now)
    entry = EnterByHand(
        session=made.sessions[0],
        resident=resident_of(cast.there),
        part="take_part",
        entry=start,
        exit=None,
        reason="没带手机",
    )
    run(enter_by_hand, entry, cast.actor(cast.elsewhere))
    identity: UUID = made.activity
    return identity


def copies(connection: Connection) -> list[Any]:
    query = select(Activity.title, Activity.template, Activity.copied_from)
    return list(connection.execute(query.where(Activity.community == HERE)))


def test_what_others_did_is_offered_and_copied_with_its_origin(
    ask: Run, cast: People, theirs: UUID
) -> None:
    browser = cast.browser(cast.staff)
    offered = words(browser.get(NEW))
    assert "别的社区办过的" in offered
    assert "弄堂集市" in offered

    page = f"{NEW}?template=service_fair&like={theirs}"
    assert "会记着是从那里学的" in words(browser.get(page))
    done = fill(browser, page, NEW, place="小营公园")

    assert done.status_code == 303
    assert [tuple(row) for row in ask(copies)] == [("弄堂集市", "service_fair", theirs)]


def test_without_a_like_nothing_is_remembered(ask: Run, cast: People, theirs: UUID) -> None:
    browser = cast.browser(cast.staff)
    fill(browser, f"{NEW}?template=service_fair", NEW, place="小营公园")

    assert ask(copies)[0].copied_from is None
    nobody = f"{NEW}?template=service_fair&like={UUID(int=3)}"
    assert "会记着是从那里学的" not in words(browser.get(nobody))


def test_an_activity_that_never_was_cannot_be_the_origin(run: Run, cast: People) -> None:
    command = PublishActivity(
        key="x",
        community=HERE,
        template=None,
        title="集市",
        kind="公益集市",
        scene="",
        summary="",
        bring="",
        place="门口",
        open_to="community",
        sessions=((NINE, NINE + dt.timedelta(hours=2)),),
        parts=(PartOffered(part="take_part"),),
        copied_from=UUID(int=3),
    )
    with pytest.raises(TemplateUnknown):
        run(publish_activity, command, cast.actor(cast.staff))


def test_a_template_is_saved_taken_over_and_retired_at_the_desks(
    ask: Run, run: Run, cast: People, theirs: UUID
) -> None:
    session = ask(lambda c: c.scalar(select(Session.id).where(Session.activity == theirs)))
    there, here = cast.browser(cast.elsewhere), cast.browser(cast.staff)

    saved = fill(there, f"/desk/sessions/{session}", "/save-template")
    assert saved.status_code == 303
    own = words(there.get(NEW))
    assert "本社区的模板弄堂集市" in own
    assert "从区里的「便民集市」改的" in own

    taken = fill(here, NEW, "/templates/take-over")
    assert (taken.status_code, taken.headers["Location"]) == (303, NEW)
    shown = here.get(NEW)
    assert "已照搬成本社区的模板，记着从哪里来" in words(shown)
    assert "从涌金门社区的「弄堂集市」学来的" in words(shown)
    assert "别的社区的模板" not in words(shown)
    editor = here.get(re.findall(r"/desk/activities/new\?template=own[^\"]+", shown.text)[0])
    assert 'value="弄堂集市"' in editor.text

    retired = fill(here, NEW, "/templates/retire")
    assert retired.status_code == 303
    assert "本社区的模板" not in words(here.get(NEW)).partition("区里备好了")[2]
