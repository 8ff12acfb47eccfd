"""Feeders are made by one admin and let in by another; a new secret and a stop hold at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import IntegrityError

from core.db import db
from core.errors import AppError, Forbidden
from core.models import AuditEvent
from points.feeds import feeders, queries
from points.feeds.feeders import DEVICE, PLATFORM, ChangeFeeder, MakeFeeder
from points.feeds.queries import FeederLine, rules_to_feed
from points.models import Feeder
from tests.conftest import Clock
from tests.people import HERE, People, second_self
from tests.points.books import one
from tests.points.earning import count
from tests.points.feeding import Feed, feeder, open_rule, thrown

Run = Callable[..., Any]
SUBDISTRICT = HERE // 1000 * 1000


def asked(**changes: Any) -> MakeFeeder:
    given: dict[str, Any] = {
        "key": "k",
        "name": "1 号垃圾房",
        "kind": "device",
        "scope_kind": "community",
        "place": HERE,
        "rules": ("waste.device",),
    }
    return MakeFeeder(**(given | changes))


def row_of(connection: Connection) -> Any:
    return connection.execute(select(Feeder.__table__)).one()


def test_a_feeder_waits_for_somebody_who_has_not_seen_its_secret(
    ask: Run, run: Run, cast: People, clock: Clock, app: Flask
) -> None:
    made = run(feeders.make_feeder, asked(), cast.actor(cast.lin))
    waiting = Feed(app=app, clock=clock, id=made.id, secret=made.secret)
    assert waiting.send(thrown("a", clock.now)).status_code == 401
    change = ChangeFeeder(feeder=made.id)
    with pytest.raises(feeders.FeederNeedsSecondPerson):
        run(feeders.confirm_feeder, change, cast.actor(cast.lin))
    for _time in range(2):
        done = run(feeders.confirm_feeder, change, cast.actor(cast.wu))
        assert done.state == "active"
    assert waiting.send(thrown("a", clock.now)).status_code == 200
    assert ask(row_of).confirmed_by == cast.actor(cast.wu).person


@pytest.mark.parametrize("second", ["spouse", "twin"])
def test_nor_lets_it_in_who_lives_with_them_or_is_the_same_human(
    ask: Run, run: Run, cast: People, second: str
) -> None:
    other = cast.li if second == "spouse" else second_self(run, cast.wang)
    maker, checker = (
        replace(cast.actor(cast.lin), person=one(each.person)) for each in (cast.wang, other)
    )
    made = run(feeders.make_feeder, asked(), maker)

    with pytest.raises(feeders.FeederNeedsSecondPerson):
        run(feeders.confirm_feeder, ChangeFeeder(feeder=made.id), checker)
    assert ask(row_of).state == "waiting"


def test_the_database_refuses_one_person_alone(
    app: Flask, run: Run, cast: People, clock: Clock
) -> None:
    run(feeders.make_feeder, asked(), cast.actor(cast.lin))
    for change, fence in (
        ("confirmed_by = secret_by, state = 'active'", "ck_feeders_two_people"),
        ("state = 'active'", "ck_feeders_confirmed"),
    ):
        with (
            app.app_context(),
            db.engine.connect().execution_options(writes=True) as connection,
            pytest.raises(IntegrityError, match=fence),
        ):
            connection.execute(text(f"UPDATE feeders SET {change}"))  # noqa: S608


def test_the_same_form_twice_makes_one_feeder_and_shows_no_secret_again(
    ask: Run, run: Run, cast: People
) -> None:
    first = run(feeders.make_feeder, asked(), cast.actor(cast.lin))
    again = run(feeders.make_feeder, asked(), cast.actor(cast.lin))
    assert (again.id, again.secret, again.exists) == (first.id, None, True)
    assert ask(count, "feeders") == 1


def test_what_a_feeder_is_and_who_did_what_with_it_is_kept(
    ask: Run, run: Run, cast: People, clock: Clock
) -> None:
    lin, wu = cast.actor(cast.lin), cast.actor(cast.wu)
    long = "1 号 垃圾房" + "长" * 23
    command = asked(name=f"  {long.replace(' ', '  ')} ", rules=("waste.device",) * 2)
    made = run(feeders.make_feeder, command, lin)

    def kept() -> dict[str, Any]:
        row: dict[str, Any] = ask(row_of)._asdict()
        return {name: value for name, value in row.items() if name != "secret_cipher"}

    assert kept() == (
        waiting := {
            "id": made.id,
            "name": long,
            "kind": "device",
            "scope_kind": "community",
            "place": HERE,
            "rules": "waste.device",
            "secret_by": lin.person,
            "secret_at": clock.now,
            "state": "waiting",
            "made_at": clock.now,
            "confirmed_by": None,
            "confirmed_at": None,
            "stopped_by": None,
            "stopped_at": None,
        }
    )
    change, made_at = ChangeFeeder(feeder=made.id), clock.now
    clock.advance(hours=1)
    run(feeders.confirm_feeder, change, wu)
    confirmed = {"confirmed_by": wu.person, "confirmed_at": clock.now, "state": "active"}
    assert kept() == waiting | confirmed
    clock.advance(hours=1)
    run(feeders.stop_feeder, change, lin)
    stopped = {"stopped_by": lin.person, "stopped_at": clock.now, "state": "stopped"}
    assert kept() == waiting | confirmed | stopped
    clock.advance(hours=1)
    renewed = run(feeders.rotate_secret, change, wu)
    assert (renewed.id, renewed.state, renewed.exists) == (made.id, "waiting", False)
    assert kept() == waiting | {"secret_by": wu.person, "secret_at": clock.now}
    assert ask(queries.feeders, lin) == [
        FeederLine(
            id=made.id,
            name=long,
            kind="device",
            scope_kind="community",
            place=HERE,
            rules=("waste.device",),
            state="waiting",
            secret_by=wu.person,
            made_at=made_at,
            confirmed_by=None,
            last_at=None,
            recorded=0,
        )
    ]


def test_a_secret_is_stored_nowhere_in_plain_words(ask: Run, run: Run, cast: People) -> None:
    made = run(feeders.make_feeder, asked(), cast.actor(cast.lin))
    assert len(made.secret) >= 43
    assert made.secret not in repr(made)
    assert made.secret not in str(ask(row_of))
    audit = ask(lambda c: c.execute(select(AuditEvent.result)).scalars().all())
    assert not any(made.secret in each for each in audit)


def test_a_new_secret_kills_the_old_one_and_waits_again(
    app: Flask, run: Run, cast: People, clock: Clock
) -> None:
    open_rule(run, cast, clock)
    old = feeder(app, run, cast, clock)
    change = ChangeFeeder(feeder=old.id)
    made = run(feeders.rotate_secret, change, cast.actor(cast.wu))
    new = Feed(app=app, clock=clock, id=old.id, secret=made.secret)
    for each in (old, new):
        assert each.send(thrown("a", clock.now)).status_code == 401
    with pytest.raises(feeders.FeederNeedsSecondPerson):
        run(feeders.confirm_feeder, change, cast.actor(cast.wu))
    run(feeders.confirm_feeder, change, cast.actor(cast.lin))
    assert old.send(thrown("a", clock.now)).status_code == 401
    assert new.states(thrown("a", clock.now)) == ["recorded"]


def test_a_stopped_feeder_comes_back_only_by_a_new_secret(
    app: Flask, run: Run, cast: People, clock: Clock
) -> None:
    made = feeder(app, run, cast, clock)
    change = ChangeFeeder(feeder=made.id)
    for _time in range(2):
        assert run(feeders.stop_feeder, change, cast.actor(cast.lin)).state == "stopped"
    with pytest.raises(feeders.FeederStopped):
        run(feeders.confirm_feeder, change, cast.actor(cast.wu))
    assert run(feeders.rotate_secret, change, cast.actor(cast.lin)).state == "waiting"
    assert run(feeders.confirm_feeder, change, cast.actor(cast.wu)).state == "active"


def test_what_waits_stands_first_and_what_was_stopped_last(
    ask: Run, run: Run, cast: People
) -> None:
    for name in ("在用", "停用", "等待", "乙在用"):
        made = run(feeders.make_feeder, asked(key=name, name=name), cast.actor(cast.lin))
        change = ChangeFeeder(feeder=made.id)
        if name != "等待":
            run(feeders.confirm_feeder, change, cast.actor(cast.wu))
        if name == "停用":
            run(feeders.stop_feeder, change, cast.actor(cast.lin))

    listed = ask(queries.feeders, cast.actor(cast.lin))

    assert [(each.name, each.state) for each in listed] == [
        ("等待", "waiting"),
        ("乙在用", "active"),
        ("在用", "active"),
        ("停用", "stopped"),
    ]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"name": " "}, feeders.FeederUnfit),
        ({"name": "长" * 31}, feeders.FeederUnfit),
        ({"rules": ()}, feeders.FeederUnfit),
        ({"rules": ("no.such",)}, feeders.FeederUnfit),
        ({"rules": ("waste.device", "report.idea")}, feeders.FeederUnfit),
        ({"rules": ("deduct.waste",)}, feeders.FeederUnfit),
        ({"kind": "platform"}, feeders.FeederUnfit),
        ({"place": HERE + 500}, feeders.FeederUnfit),
        ({"place": SUBDISTRICT + 1, "scope_kind": "subdistrict"}, feeders.FeederUnfit),
        ({"key": "other"}, feeders.FeederNameTaken),
    ],
)
def test_what_is_no_feeder_is_refused(
    ask: Run, run: Run, cast: People, changes: dict[str, Any], refusal: type[AppError]
) -> None:
    run(feeders.make_feeder, asked(), cast.actor(cast.lin))
    with pytest.raises(refusal):
        run(
            feeders.make_feeder,
            asked(**({"key": "k2", "name": "1 号垃圾房"} | changes)),
            cast.actor(cast.lin),
        )
    assert ask(count, "feeders") == 1


def test_places_of_three_sizes_fit(ask: Run, run: Run, cast: People) -> None:
    for scope, place in (("community", HERE), ("subdistrict", SUBDISTRICT), ("district", 0)):
        command = asked(key=scope, name=scope, scope_kind=scope, place=place)
        run(feeders.make_feeder, command, cast.actor(cast.lin))
    assert ask(count, "feeders") == 3
    assert ask(count, "feeders", "place = 0") == 0


def test_the_rules_to_choose_from_are_those_that_a_device_or_platform_records(ask: Run) -> None:
    devices = ask(rules_to_feed, frozenset({DEVICE}))
    platforms = ask(rules_to_feed, frozenset({PLATFORM}))

    assert "waste.device" in {each.key for each in devices}
    assert "serve.import" in {each.key for each in platforms}
    assert all(DEVICE in each.recorders for each in devices)
    assert not {each.key for each in platforms} & {each.key for each in devices}
    assert ask(rules_to_feed, frozenset({"社工"}))[0].name


def test_only_district_admins_make_and_change_feeders(
    app: Flask, run: Run, cast: People, clock: Clock
) -> None:
    made = feeder(app, run, cast, clock)
    change = ChangeFeeder(feeder=made.id)
    for who in (cast.staff, cast.lead, cast.keeper, cast.wang):
        for use_case in (feeders.confirm_feeder, feeders.rotate_secret, feeders.stop_feeder):
            with pytest.raises(Forbidden):
                run(use_case, change, cast.actor(who))
        with pytest.raises(Forbidden):
            run(feeders.make_feeder, asked(key="z"), cast.actor(who))


def test_the_api_makes_lets_in_renews_and_stops(app: Flask, cast: People, clock: Clock) -> None:
    client, base = app.test_client(), "/api/v1/district/feeders"
    lin, wu = cast.headers(cast.lin), cast.headers(cast.wu)
    body = {
        "name": "1 号垃圾房",
        "kind": "device",
        "scope_kind": "community",
        "place": HERE,
        "rules": ["waste.device"],
    }
    assert client.post(base, json=body, headers=lin).status_code == 400
    made = client.post(base, json=body, headers=lin | {"Idempotency-Key": "k"})
    assert made.status_code == 201
    identity = made.get_json()["id"]
    assert made.get_json()["secret"]
    assert client.post(f"{base}/{identity}/confirm", headers=lin).status_code == 409
    assert client.post(f"{base}/{identity}/confirm", headers=wu).get_json()["state"] == "active"
    assert client.post(f"{base}/{identity}/rotate", headers=wu).get_json()["state"] == "waiting"
    assert client.post(f"{base}/{identity}/stop", headers=lin).get_json()["state"] == "stopped"
    listed = client.get(base, headers=lin)
    assert [each["state"] for each in listed.get_json()] == ["stopped"]
    assert "secret" not in listed.get_data(as_text=True)
    assert client.get("/api/v1/district/feed-batches", headers=lin).get_json() == []
    assert client.get(base, headers=cast.headers(cast.staff)).status_code == 403
    for unknown in ("confirm", "rotate", "stop"):
        path = f"{base}/{cast.wang.resident}/{unknown}"
        assert client.post(path, headers=lin).status_code == 404
