"""A feeder records in batches: each item by itself, once for its key, whoever else does what."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text

from core.work import Work
from points.earning.community_rules import Caps, SetRule, set_rule
from points.feeds import queries
from points.feeds.batches import forget_due
from points.feeds.feeders import ChangeFeeder, stop_feeder
from points.feeds.queries import batches, feeders
from points.models import Award, FeedItem
from points.proof.verify import verify
from residents.addresses import Address
from residents.people import EnterResident, enter_resident
from tests.conftest import Clock
from tests.ended import end
from tests.exchange.threads import all_at_once
from tests.people import HERE, THERE, People
from tests.points.books import Nothing, one
from tests.points.earning import count
from tests.points.feeding import BIN, HOME, HOURS, Feed, feeder, open_rule, platform, served, thrown
from tests.points.meanwhile import meanwhile

Run = Callable[..., Any]
DAY = dt.timedelta(days=1)


@pytest.fixture
def bins(app: Flask, run: Run, cast: People, clock: Clock) -> Feed:
    """The bin of 建国南苑, in use, on a day on which the community counts bins."""
    open_rule(run, cast, clock)
    return feeder(app, run, cast, clock)


def awards(connection: Connection) -> list[Any]:
    return list(connection.execute(select(Award.__table__).order_by(Award.event_at, Award.cause)))


def marks_kept(connection: Connection) -> list[str]:
    return list(connection.scalars(select(FeedItem.digest)))


def test_a_bin_records_for_the_household_at_an_address(
    ask: Run, cast: People, clock: Clock, bins: Feed
) -> None:
    answer = bins.send(thrown("a1", clock.now)).get_json()["items"]

    row = ask(awards)[0]
    assert answer == [
        {
            "key": "a1",
            "state": "recorded",
            "code": "",
            "message": "",
            "award": str(row.id),
            "units": 1,
            "amount": 100,
        }
    ]
    assert (row.holder_id, row.community, row.points_kind) == (
        one(cast.wang.household),
        HERE,
        "basic",
    )
    assert row.cause == f"feed:{bins.id}:a1"
    assert (row.provenance, row.source_kind, row.source_id) == ("verified", "feed", bins.id)
    assert row.recorded_by == bins.id
    assert row.reason == "智能投放合格，建国南苑 1 号垃圾房"
    assert row.due is not None


def test_a_feeder_of_several_rules_records_by_each(
    app: Flask, run: Run, cast: People, clock: Clock
) -> None:
    open_rule(run, cast, clock)
    city = {"kind": "city", "scope_kind": "district", "place": 0}
    both = feeder(app, run, cast, clock, name="城市大脑", rules=(BIN, HOURS), **city)
    bag = thrown("a1", clock.now, holder={"address": HOME, "community": HERE})

    assert both.codes(bag, served("a2", clock.now - DAY)) == ["", ""]


def test_a_batch_sent_again_gives_the_same_figures_and_nothing_new(
    ask: Run, clock: Clock, bins: Feed
) -> None:
    items = (thrown("a1", clock.now), thrown("a2", clock.now), thrown("a3", clock.now, "无 1"))
    first = bins.send(*items).get_json()["items"]
    again = bins.send(*items).get_json()["items"]
    third = bins.send(*items).get_json()["items"]

    assert [each["state"] for each in first] == ["recorded", "capped", "refused"]
    assert [each["state"] for each in again] == ["exists", "capped", "refused"]
    assert [each["message"] for each in (first[1], again[1])] == [
        "本户每天的上限已满，不计分",
        "以前送过，那次没有计分",
    ]
    assert again == third
    figures = ("key", "award", "units", "amount")
    assert [[each[name] for name in figures] for each in first] == [
        [each[name] for name in figures] for each in again
    ]
    assert ask(count, "awards") == 1


def test_items_are_told_apart_by_the_same_mark_after_an_upgrade(
    ask: Run, clock: Clock, bins: Feed
) -> None:
    bins.send(thrown("a1", clock.now, units=1))

    # The mark of an item that was kept: were it another, a batch sent again would be refused.
    assert ask(marks_kept) == ["02d56f474d162609827017f943d591d9bcd2355a"]


def test_one_bad_item_harms_no_other(ask: Run, clock: Clock, bins: Feed) -> None:
    yesterday = clock.now - dt.timedelta(hours=1)
    answer = bins.send(
        {"key": "no rule"},
        thrown("unknown field", yesterday, colour="green"),
        thrown("bad time", yesterday, at="yesterday"),
        None,
        thrown("good", yesterday),
        thrown("nul\0", yesterday),
        thrown("two ways", yesterday, holder={"address": "建国南苑 3-2-401", "id": str(bins.id)}),
        thrown("inside", yesterday, holder={"address": "建国南苑 3-2-401", "door": 1}),
        thrown("x" * 101, yesterday),
        served("two measures", yesterday, units=2),
    ).get_json()["items"]

    assert [each["state"] for each in answer] == ["refused"] * 4 + ["recorded"] + ["refused"] * 5
    assert {each["code"] for each in answer} == {"item_unreadable", ""}
    assert [answer[0]["key"], answer[3]["key"], answer[8]["key"]] == ["no rule", None, None]
    assert ask(count, "awards") == 1


def test_hours_at_the_beginning_of_all_calendars_harm_no_other(
    app: Flask, run: Run, cast: People, clock: Clock
) -> None:
    hours = platform(app, run, cast, clock)
    first = {"at": "0001-01-01T00:00:00Z", "until": "0001-01-01T02:00:00Z"}
    good = served("good", clock.now - dt.timedelta(hours=3))

    answer = hours.send(served("first", clock.now) | first, good)

    assert answer.status_code == 200
    found = [(each["state"], each["code"]) for each in answer.get_json()["items"]]
    assert found == [("refused", "item_too_old"), ("recorded", "")]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"holder": {"address": "建国南苑 9-9-999"}}, "holder_unknown"),
        ({"holder": {"address": "3-2-401"}}, "holder_unknown"),
        ({"holder": {"name": "王秀英", "phone": "13800000001"}}, "holder_unfit"),
        ({"holder": {"address": "青年里 1-1-301", "community": THERE}}, "not_in_your_scope"),
        ({"rule": "report.idea"}, "rule_not_fed"),
        ({"rule": "no.such"}, "rule_not_fed"),
        ({"at": "2026-10-20T10:00:00+08:00"}, "item_too_old"),
        ({"at": "2026-11-26T10:00:00+08:00"}, "day_out_of_range"),
        ({"until": "2026-11-25T10:00:00+08:00"}, "hours_unfit"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_own_name(
    ask: Run, clock: Clock, bins: Feed, changes: dict[str, Any], code: str
) -> None:
    assert bins.codes(thrown("a1", clock.now - dt.timedelta(hours=1)) | changes) == [code]
    assert ask(count, "awards") == 0


def test_a_key_is_its_own_content_for_good(ask: Run, clock: Clock, bins: Feed) -> None:
    earlier = clock.now - dt.timedelta(days=1)
    assert bins.states(thrown("a1", clock.now)) == ["recorded"]
    assert bins.codes(thrown("a1", earlier)) == ["item_key_reused"]
    assert bins.codes(thrown("a1", clock.now, units=2)) == ["item_key_reused"]
    assert bins.codes(thrown("b", clock.now), thrown("b", earlier)) == ["", "item_key_reused"]
    assert ask(count, "awards") == 1


def test_the_same_moment_in_another_zone_is_the_same_item(clock: Clock, bins: Feed) -> None:
    assert bins.states(thrown("a1", clock.now)) == ["recorded"]
    zone = dt.timezone(dt.timedelta(hours=8))
    assert bins.states(thrown("a1", clock.now.astimezone(zone))) == ["exists"]


def test_what_goes_without_saying_makes_no_other_item(ask: Run, clock: Clock, bins: Feed) -> None:
    assert bins.states(thrown("a1", clock.now)) == ["recorded"]
    where = {"address": HOME, "community": HERE}
    assert bins.states(thrown("a1", clock.now, units=1)) == ["exists"]
    assert bins.states(thrown("a1", clock.now, holder=where)) == ["exists"]
    assert ask(count, "awards") == 1


def test_what_was_refused_may_come_again_when_it_is_mended(
    ask: Run, run: Run, cast: People, clock: Clock, bins: Feed
) -> None:
    item = thrown("a1", clock.now, "建国南苑 7-1-101")
    assert bins.codes(item) == ["holder_unknown"]
    command = EnterResident(
        community=HERE,
        name="沈阿姨",
        address=Address(estate="建国南苑", building="7", unit="1", room="101"),
    )
    run(enter_resident, command, cast.actor(cast.staff))
    assert bins.states(item) == ["recorded"]


def test_two_households_at_one_address_are_told_apart_by_their_id(
    ask: Run, run: Run, cast: People, clock: Clock, bins: Feed
) -> None:
    """The household's id is what staff give a device for such a door."""
    staff = cast.actor(cast.staff)
    found = run(enter_resident, EnterResident(community=HERE, name="租客"), staff)

    def moves_in(work: Work, _command: None) -> Nothing:
        """The lodger's household comes to live where 陈建国's does."""
        same = "(SELECT dwelling FROM households WHERE id = :chen)"
        work.connection.execute(
            text(f"UPDATE households SET dwelling = {same} WHERE id = :other"),  # noqa: S608
            work.bind(chen=one(cast.chen.household), other=found.household),
        )
        return Nothing()

    run(moves_in, None)
    item = thrown("a1", clock.now, "建国南苑 5-1-102")
    assert bins.codes(item) == ["holder_ambiguous"]
    by_id = {"holder": {"id": str(one(cast.chen.household))}}
    assert bins.states(item | by_id) == ["recorded"]
    assert ask(awards)[0].holder_id == one(cast.chen.household)


def test_a_feeder_of_one_community_records_nowhere_else(
    app: Flask, ask: Run, run: Run, cast: People, clock: Clock, bins: Feed
) -> None:
    elsewhere = one(cast.there.household)
    assert bins.codes(
        thrown("a1", clock.now, "青年里 1-1-301"),
        thrown("a2", clock.now, "青年里 1-1-301", holder={"id": str(elsewhere)}),
        thrown("a3", clock.now, holder={"id": str(elsewhere), "community": THERE}),
        thrown("a4", clock.now, holder={"id": str(elsewhere), "community": HERE}),
    ) == ["holder_unknown", "holder_unknown", "not_in_your_scope", "holder_unknown"]
    hours = feeder(app, run, cast, clock, name="社区志愿", kind="platform", rules=("serve.import",))
    stranger = {"holder": {"name": "吴阿毛", "phone": "13800000005"}}
    at = clock.now - dt.timedelta(hours=3)
    assert hours.codes(served("b1", at) | stranger) == ["holder_unknown"]
    assert ask(count, "awards") == 0


def test_a_feeder_of_the_district_says_in_which_community_an_address_is(
    app: Flask, ask: Run, run: Run, cast: People, clock: Clock
) -> None:
    open_rule(run, cast, clock)
    bins = feeder(app, run, cast, clock, scope_kind="district", place=0)
    home = {"address": "建国南苑 3-2-401", "community": HERE}
    at_another = {"id": str(one(cast.wang.household)), "community": THERE}
    assert bins.codes(
        thrown("a1", clock.now),
        thrown("a2", clock.now, holder=at_another),
        thrown("a3", clock.now, holder=home),
    ) == ["holder_unknown", "holder_unknown", ""]
    assert [row.holder_id for row in ask(awards)] == [one(cast.wang.household)]


def test_a_rule_that_the_community_has_not_opened_is_not_recorded(
    app: Flask, ask: Run, run: Run, cast: People, clock: Clock
) -> None:
    early = feeder(app, run, cast, clock)
    assert early.codes(thrown("a1", clock.now)) == ["rule_unknown"]


def test_what_comes_a_week_late_waits_for_a_second_person(
    ask: Run, run: Run, cast: People, clock: Clock, bins: Feed
) -> None:
    at = clock.now
    clock.advance(days=9)
    assert bins.states(thrown("a1", at)) == ["recorded"]
    row = ask(awards)[0]
    assert (row.provenance, row.due) == ("back_filled", None)
    browser = cast.browser(cast.staff)
    assert "智能投放合格" in browser.get("/desk/acts").get_data(as_text=True)


def test_people_are_named_by_their_whole_number(
    app: Flask, ask: Run, run: Run, cast: People, clock: Clock
) -> None:
    hours = platform(app, run, cast, clock)
    at = clock.now - dt.timedelta(hours=5)
    tail = served("a1", at, holder={"name": "王秀英", "phone": "0001"})
    other = served("a2", at, holder={"name": "王秀芬", "phone": "13800000001"})
    alone = served("a3", at, holder={"phone": "13800000001"})
    assert hours.codes(tail, other, alone) == [
        "holder_unknown",
        "holder_unknown",
        "item_unreadable",
    ]
    typed = served("a4", at, holder={"name": "王 秀英", "phone": "+86 138-0000-0001"})
    assert hours.states(typed) == ["recorded"]
    row = ask(awards)[0]
    assert (row.holder_id, row.units, row.amount) == (one(cast.wang.resident), 4, 2000)


def test_five_hundred_items_go_in_chunks_and_more_are_refused(
    ask: Run, clock: Clock, bins: Feed
) -> None:
    many = [
        thrown(f"k{index}", clock.now - dt.timedelta(hours=1, days=0), units=1)
        for index in range(501)
    ]
    answer = bins.send(*many)
    assert answer.status_code == 422
    states = Counter(bins.states(*many[:500]))
    assert states == {"recorded": 1, "capped": 499}
    assert ask(count, "feed_items") == 500


def test_the_same_batch_eight_times_at_once_awards_each_item_once(
    app: Flask, ask: Run, run: Run, cast: People, clock: Clock, bins: Feed
) -> None:
    command = SetRule(
        community=HERE,
        rule=BIN,
        valid_from=dt.date(2026, 11, 26),
        points=100,
        caps=Caps(per_day=8, per_month=100, per_year=120),
        recorded_by=("设备",),
    )
    run(set_rule, command, cast.actor(cast.lead))
    clock.advance(days=1)
    doors = ("建国南苑 3-2-401", "建国南苑 5-1-102")
    items = [
        thrown(f"k{index}", clock.now - dt.timedelta(minutes=index), doors[index % 2])
        for index in range(20)
    ]

    answers = all_at_once(app, [partial(bins.send, *items) for _ in range(8)])

    states = Counter(each["state"] for answer in answers for each in _json(answer)["items"])
    assert states == {"recorded": 16, "exists": 16 * 7, "capped": 4 * 8}
    assert ask(count, "awards") == 16
    assert ask(verify).broken == ()


def _json(answer: Any) -> Any:
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()


def test_a_key_means_one_community_and_is_refused_for_another(
    app: Flask, run: Run, cast: People, clock: Clock
) -> None:
    open_rule(run, cast, clock)
    bins = feeder(app, run, cast, clock, scope_kind="district", place=0)

    def at(community: int) -> dict[str, Any]:
        return thrown("a1", clock.now, holder={"address": HOME, "community": community})

    assert bins.states(at(HERE)) == ["recorded"]
    assert bins.codes(at(THERE)) == ["item_key_reused"]
    assert bins.states(at(HERE)) == ["exists"]


def test_the_district_sees_batches_with_their_counts(
    ask: Run, run: Run, cast: People, clock: Clock, bins: Feed
) -> None:
    for _time in range(2):
        bins.send(thrown("a1", clock.now), thrown("a2", clock.now), thrown("a3", clock.now, "无"))
    seen = ask(feeders, cast.actor(cast.lin))
    row = ask(batches, seen)[0]
    assert (seen[0].name, seen[0].recorded, seen[0].state) == ("建国南苑 1 号垃圾房", 1, "active")
    assert (row.times, row.recorded, row.existed, row.capped, row.refused) == (2, 1, 1, 1, 1)


def test_batches_are_listed_whole_the_latest_first(
    ask: Run,
    run: Run,
    cast: People,
    clock: Clock,
    bins: Feed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hours, began = platform(bins.app, run, cast, clock), clock.now
    first = [thrown("a1", clock.now), thrown("a2", clock.now)]
    bins.send(*first)
    clock.advance(minutes=1)
    hours.send(served("b1", clock.now - DAY))
    clock.advance(minutes=1)
    bins.send(*first)
    clock.advance(minutes=1)
    bins.send(thrown("a3", clock.now, "建国南苑 5-1-102"))

    seen = ask(feeders, cast.actor(cast.lin))
    found = ask(batches, seen)

    counts = {"times": 1, "existed": 0, "capped": 0, "refused": 0, "recorded": 1}
    bin_ = {"feeder": bins.id, "name": "建国南苑 1 号垃圾房", "file": None, "by": ""}
    later, again = clock.now, clock.now - dt.timedelta(minutes=1)
    between = again - dt.timedelta(minutes=1)
    assert [dataclasses.asdict(line) | {"id": None} for line in found] == [
        {"id": None} | bin_ | counts | {"first_at": later, "last_at": later},
        {"id": None}
        | bin_
        | counts
        | {"first_at": began, "last_at": again, "times": 2, "existed": 1, "capped": 1},
        {"id": None}
        | bin_
        | {"feeder": hours.id, "name": "志愿浙江"}
        | counts
        | {"first_at": between, "last_at": between},
    ]
    assert {line.name: (line.recorded, line.last_at) for line in seen} == {
        "建国南苑 1 号垃圾房": (2, later),
        "志愿浙江": (1, between),
    }
    monkeypatch.setattr(queries, "BATCHES", 1)
    assert ask(batches, seen) == found[:1]
    assert ask(batches, []) == []


def test_a_stopped_feeder_records_nothing_more(
    ask: Run, run: Run, cast: People, clock: Clock, bins: Feed
) -> None:
    assert bins.states(thrown("a1", clock.now)) == ["recorded"]
    run(stop_feeder, ChangeFeeder(feeder=bins.id), cast.actor(cast.wu))
    answer = bins.send(thrown("a2", clock.now - dt.timedelta(days=1)))
    assert (answer.status_code, answer.get_json()["code"]) == (401, "feed_not_signed")
    assert ask(count, "awards") == 1


def test_a_feeder_that_is_stopped_while_its_batch_comes_in_records_nothing(
    ask: Run, run: Run, cast: People, clock: Clock, bins: Feed
) -> None:
    admin = cast.actor(cast.wu)

    def stop() -> None:
        run(stop_feeder, ChangeFeeder(feeder=bins.id), admin)

    with meanwhile("feeders.secret_cipher", stop):
        answer = bins.send(thrown("a1", clock.now))

    assert (answer.status_code, answer.get_json()["code"]) == (403, "feeder_gone")
    assert ask(count, "awards") == 0


def test_a_key_whose_answer_is_forgotten_is_still_its_own_content(
    app: Flask, ask: Run, run: Run, cast: People, clock: Clock, bins: Feed
) -> None:
    hours, other = platform(app, run, cast, clock), "建国南苑 5-1-102"
    assert bins.states(thrown("a1", clock.now), thrown("a2", clock.now, other)) == ["recorded"] * 2
    assert hours.states(served("b1", clock.now - DAY)) == ["recorded"]
    clock.advance(days=185)
    with app.app_context():
        assert forget_due() == 3

    assert bins.codes(thrown("a1", clock.now), thrown("a2", clock.now)) == [
        "item_key_reused",
        "item_key_reused",
    ]
    assert hours.codes(served("b1", clock.now - DAY)) == ["item_key_reused"]
    assert ask(count, "awards") == 3
    assert ask(count, "feed_items") == 0


def test_answers_are_forgotten_after_half_a_year_and_nothing_is_recorded_twice(
    app: Flask, ask: Run, clock: Clock, bins: Feed
) -> None:
    old = [thrown(f"old-{number}", clock.now) for number in range(3)]
    assert bins.states(*old) == ["recorded", "capped", "capped"]
    clock.advance(days=180)
    assert bins.states(thrown("new", clock.now)) == ["recorded"]
    clock.advance(days=4)
    with app.app_context():
        assert forget_due(chunk=2) == 0
    clock.advance(seconds=1)
    with app.app_context():
        assert forget_due(chunk=2) == 3
        assert forget_due(chunk=2) == 0

    assert (ask(count, "feed_items"), ask(count, "feed_batches")) == (1, 1)
    assert bins.states(old[0]) == ["refused"]
    assert ask(count, "awards") == 2
    assert ask(lambda c: [each.name for each in verify(c).broken]) == []


def test_a_bin_of_a_community_that_is_over_records_nothing(
    run: Run, ask: Run, clock: Clock, bins: Feed
) -> None:
    end(run, HERE, clock.now.date() - DAY)

    assert bins.codes(thrown("a1", clock.now)) == ["place_closed"]
    assert ask(count, "awards") == 0
