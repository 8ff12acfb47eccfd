"""What a public list has, row by row: which awards, in which order, and what is said against it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select

from core.models import OutboxMessage
from points.bulletins import lists
from points.bulletins.objecting import Object, object_to_line
from points.bulletins.publish import BulletinPosted, post_due
from points.correcting.corrections import (
    AnswerCorrection,
    WithdrawCorrection,
    answer_correction,
    withdraw_correction,
)
from points.models import Bulletin, BulletinLine
from tests.conftest import Clock
from tests.people import HERE, THERE, People
from tests.points.books import one
from tests.points.bulletins_scene import NOVEMBER, give, november, post, settle, shown
from tests.points.calendar import hangzhou
from tests.points.earning import HOUR

Run = Callable[..., Any]
Ask = Callable[..., Any]
OCTOBER = dt.date(2026, 10, 1)
DECEMBER = dt.date(2026, 12, 1)
WINDOW = dt.date(2026, 12, 12)


def rows(connection: Connection, table: Any) -> list[dict[str, Any]]:
    query = select(table.__table__).order_by(*table.__table__.primary_key)
    return [dict(row._mapping) for row in connection.execute(query)]


@pytest.fixture
def posted(app: Flask, run: Run, cast: People, clock: Clock) -> BulletinPosted:
    """November's list, posted on the fifth of December at ten."""
    november(app, run, cast, clock)
    return post(run, dt.date(2026, 11, 17))


def test_a_list_keeps_its_sums_and_until_when_awards_had_arrived(
    posted: BulletinPosted, run: Run, cast: People, ask: Ask
) -> None:
    assert posted == BulletinPosted(lines=4, objections_until=WINDOW, exists=False)
    assert post(run) == replace(posted, exists=True)
    assert ask(rows, Bulletin) == [
        {
            "community": HERE,
            "month": NOVEMBER,
            "cut_at": hangzhou(2026, 12, 5, 0),
            "posted_at": hangzhou(2026, 12, 5),
            "posted_on": dt.date(2026, 12, 5),
            "objections_until": WINDOW,
            "lines": 4,
            "service": 2500,
            "basic": 600,
            "corrected_up": 0,
            "corrected_down": 0,
        }
    ]
    wang, li = one(cast.wang.resident), one(cast.li.resident)
    found = sorted(ask(rows, BulletinLine), key=lambda row: row["position"])
    assert [
        (row["position"], row["holder_id"], row["points_kind"], row["what"]) for row in found
    ] == [
        (1, wang, "service", "志愿服务"),
        (2, li, "service", "志愿服务"),
        (3, one(cast.wang.household), "basic", "楼道不堆物"),
        (4, wang, "basic", "参加活动"),
    ]
    assert [(row["times"], row["amount"]) for row in found] == [
        (2, 2000),
        (1, 500),
        (1, 500),
        (1, 100),
    ]
    assert {(row["community"], row["month"]) for row in found} == {(HERE, NOVEMBER)}


def test_a_month_begins_and_ends_at_midnight_and_what_arrived_before_lists_is_on_none(
    app: Flask, run: Run, cast: People, clock: Clock, ask: Ask
) -> None:
    moments = {
        "before": hangzhou(2026, 10, 31, 12),
        "first": hangzhou(2026, 11, 1, 0),
        "last": hangzhou(2026, 11, 30, 23, 59, 59),
        "after": hangzhou(2026, 12, 1, 0),
    }
    clock.set(hangzhou(2026, 10, 20))
    give(run, cast, "arrived in october", event_at=clock.now, units=1)
    settle(app, clock)
    clock.set(moments["before"])
    give(run, cast, "before", event_at=moments["before"])
    clock.set(hangzhou(2026, 12, 1, 12))
    for number, cause in enumerate(("first", "last", "after"), start=3):
        give(run, cast, cause, event_at=moments[cause], units=number)
    settle(app, clock)
    clock.set(hangzhou(2026, 12, 5))
    post(run)

    # What was of October and arrived in November comes with the first list that there is.
    assert ask(shown) == [("王*英", "志愿服务", 3, 1000 + 1500 + 2000)]


def test_what_arrived_before_the_last_list_was_cut_is_on_the_list_of_its_own_month(
    app: Flask, run: Run, cast: People, clock: Clock, ask: Ask
) -> None:
    clock.set(hangzhou(2026, 10, 20))
    give(run, cast, "october", event_at=clock.now, units=1)
    settle(app, clock)
    clock.set(hangzhou(2026, 11, 2))
    give(run, cast, "early", event_at=clock.now)
    give(run, cast, "elsewhere", event_at=clock.now, bearing=THERE, units=3)
    settle(app, clock)
    clock.set(hangzhou(2026, 11, 5))
    post(run, OCTOBER)
    post(run, OCTOBER, THERE)
    clock.set(hangzhou(2026, 12, 5))
    post(run)
    post(run, community=THERE)

    assert ask(shown, OCTOBER) == [("王*英", "志愿服务", 1, 500)]
    assert ask(shown, OCTOBER, THERE) == []
    assert ask(shown) == [("王*英", "志愿服务", 1, 1000)]
    assert ask(shown, NOVEMBER, THERE) == [("王*英", "志愿服务", 1, 1500)]


def test_what_arrived_in_a_month_that_got_no_list_of_its_own_is_on_the_next_one(
    app: Flask, run: Run, cast: People, clock: Clock, ask: Ask
) -> None:
    clock.set(hangzhou(2026, 11, 2))
    give(run, cast, "before October's list", event_at=clock.now)
    give(run, cast, "elsewhere", event_at=clock.now, bearing=THERE, units=3)
    settle(app, clock)
    clock.set(hangzhou(2026, 11, 5))
    post(run, OCTOBER)
    post(run, OCTOBER, THERE)
    clock.set(hangzhou(2026, 11, 20))
    give(run, cast, "after it", event_at=clock.now, units=1)
    settle(app, clock)
    clock.set(hangzhou(2027, 1, 5))
    with app.app_context():
        assert post_due() > 0

    with pytest.raises(lists.BulletinUnknown):
        ask(shown)
    assert ask(shown, DECEMBER) == [("王*英", "志愿服务", 2, 1500)]
    assert ask(shown, DECEMBER, THERE) == [("王*英", "志愿服务", 1, 1500)]


def test_rules_stand_apart_and_under_each_whoever_got_most_stands_first(
    app: Flask, run: Run, cast: People, clock: Clock, ask: Ask
) -> None:
    clock.set(hangzhou(2026, 11, 24))
    skilled = replace(HOUR, key="serve.hour.skilled")
    for who, rule, units in (
        (cast.wang, HOUR, 1),
        (cast.li, HOUR, 2),
        (cast.wang, skilled, 4),
        (cast.chen, skilled, 3),
        (cast.li, skilled, 5),
    ):
        cause = f"{who.name} {rule.key}"
        given = {"holder_id": one(who.resident), "rule": rule, "units": units}
        give(run, cast, cause, event_at=clock.now, **given)
    settle(app, clock)
    clock.set(hangzhou(2026, 12, 5))
    post(run)

    assert ask(shown) == [
        ("李*强", "志愿服务", 1, 1000),
        ("王*英", "志愿服务", 1, 500),
        ("李*强", "技能服务", 1, 2500),
        ("王*英", "技能服务", 1, 2000),
        ("陈*国", "技能服务", 1, 1500),
    ]


def test_rules_that_left_the_catalogue_stand_apart_by_their_keys(
    app: Flask, run: Run, cast: People, clock: Clock, ask: Ask
) -> None:
    clock.set(hangzhou(2026, 11, 24))
    for number, key in enumerate(("old.b", "old.a", "old.a"), start=1):
        rule = replace(HOUR, key=key)
        give(run, cast, f"{number}", event_at=clock.now, rule=rule, units=number)
    settle(app, clock)
    clock.set(hangzhou(2026, 12, 5))
    post(run)

    assert ask(shown) == [("王*英", "old.a", 2, 2500), ("王*英", "old.b", 1, 500)]


def told(connection: Connection) -> list[tuple[UUID | None, dict[str, str]]]:
    query = select(OutboxMessage.person, OutboxMessage.params).where(
        OutboxMessage.template == "staff.bulletin_due"
    )
    return [(row[0], json.loads(row[1])) for row in connection.execute(query)]


def test_the_desk_is_told_on_the_day_before_and_on_no_other(
    app: Flask, cast: People, clock: Clock, ask: Ask
) -> None:
    at_the_desk = [cast.actor(each).person for each in (cast.staff, cast.lead, cast.elsewhere)]
    found = []
    for day in (3, 4, 5):
        clock.set(hangzhou(2026, 12, day))
        with app.app_context():
            made = post_due()
        found.append((made > 0, len(ask(told))))

    assert found[0] == (False, 0)
    assert found[1][0] is False
    assert found[2] == (True, found[1][1])
    mine = [each for each in ask(told) if each[0] in at_the_desk]
    assert sorted(each[0] for each in mine) == sorted(at_the_desk)
    assert all(each[1] == {"month": "11"} for each in mine)


def of(ask: Ask, month: dt.date = NOVEMBER) -> list[lists.ListLine]:
    found: list[lists.ListLine] = ask(lists.lines, ask(lists.list_of, HERE, month))
    return found


def test_a_line_is_read_with_its_place_on_the_list_and_a_building_instead_of_a_name(
    posted: BulletinPosted, cast: People, ask: Ask
) -> None:
    found = of(ask)

    assert found[0] == lists.ListLine(
        id=found[0].id,
        position=1,
        holder=one(cast.wang.resident),
        name="王*英",
        building="建国南苑 3 幢",
        points_kind="service",
        what="志愿服务",
        times=2,
        amount=2000,
        objection="",
    )
    november_list = ask(lists.list_of, HERE, dt.date(2026, 11, 30))
    assert ask(lists.line, found[2].id) == (november_list, found[2])
    assert [each.position for each in ask(lists.lines, november_list, after=2)] == [3, 4]
    assert [each.position for each in ask(lists.lines, november_list, after=1, limit=2)] == [2, 3]
    holders = [one(cast.wang.resident), one(cast.wang.household)]
    assert [each.position for each in ask(lists.lines_of, november_list, holders)] == [1, 3, 4]


def test_lists_stand_the_newest_first_each_with_its_own_lines(
    posted: BulletinPosted, app: Flask, run: Run, cast: People, clock: Clock, ask: Ask
) -> None:
    give(run, cast, "of december", event_at=clock.now)
    give(run, cast, "there", event_at=clock.now, bearing=THERE)
    settle(app, clock)
    clock.set(hangzhou(2027, 1, 5))
    post(run, DECEMBER)
    post(run, DECEMBER, THERE)

    assert [each.month for each in ask(lists.lists, HERE)] == [DECEMBER, NOVEMBER]
    assert [each.month for each in ask(lists.lists, HERE, 1)] == [DECEMBER]
    assert [(each.name, each.amount) for each in of(ask, DECEMBER)] == [("王*英", 1000)]
    assert len(of(ask)) == 4


def objects(run: Run, cast: People, who: Any, line: UUID, words: str) -> UUID:
    made = run(object_to_line, Object(line=line, words=words), cast.actor(who))
    return one(made.id)


def test_the_desk_reads_objections_those_that_wait_first_and_the_oldest_of_them(
    posted: BulletinPosted, run: Run, cast: People, clock: Clock, ask: Ask
) -> None:
    first, second, *_ = of(ask)
    answered = objects(run, cast, cast.chen, first.id, "那天他没有来")
    command = AnswerCorrection(correction=answered, answer="查过签到")
    run(answer_correction, command, cast.actor(cast.staff))
    clock.advance(minutes=2)
    later = objects(run, cast, cast.chen, second.id, "多了一次")
    clock.advance(minutes=-1)
    earlier = objects(run, cast, cast.wang, second.id, "少了一次")
    withdrawn = objects(run, cast, cast.wang, first.id, "看错了")
    run(withdraw_correction, WithdrawCorrection(correction=withdrawn), cast.actor(cast.wang))
    november_list = ask(lists.list_of, HERE, NOVEMBER)

    found = ask(lists.objections, november_list)
    assert [each.id for each in found] == [earlier, later, answered, withdrawn]
    assert found[0] == lists.Objection(
        id=earlier,
        line=second.id,
        month=NOVEMBER,
        what="志愿服务",
        holder=one(cast.li.resident),
        amount=500,
        asked_by=one(cast.wang.person),
        words="少了一次",
        state="open",
        opened_at=clock.now,
        answer_by=dt.date(2026, 12, 12),
        answer="",
    )
    assert (found[2].state, found[2].answer) == ("answered", "查过签到")
    assert ask(lists.open_objections, HERE) == {NOVEMBER: 2}
    assert ask(lists.open_objections, THERE) == {}


def test_what_waits_outweighs_what_was_answered_and_what_was_taken_back_is_forgotten(
    posted: BulletinPosted, run: Run, cast: People, clock: Clock, ask: Ask
) -> None:
    line = of(ask)[0].id

    def state() -> str:
        found: str = ask(lists.line, line)[1].objection
        return found

    taken_back = objects(run, cast, cast.wang, line, "少了一次")
    run(withdraw_correction, WithdrawCorrection(correction=taken_back), cast.actor(cast.wang))
    assert state() == ""
    answered = objects(run, cast, cast.chen, line, "那天他没有来")
    assert state() == "open"
    command = AnswerCorrection(correction=answered, answer="查过签到")
    run(answer_correction, command, cast.actor(cast.staff))
    assert state() == "explained"
    clock.advance(minutes=1)
    objects(run, cast, cast.wang, line, "少了一次")
    assert state() == "open"
    assert [each.objection for each in of(ask)] == ["open", "", "", ""]
