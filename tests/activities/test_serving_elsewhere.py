"""Who serves in another community earns home points that the host bears, in both books."""

from __future__ import annotations

from activities.jobs import close_sessions
from points.settlement import settle_due
from tests.activities.scene import END, SERVE, START, Scene, at
from tests.people import HERE, THERE
from tests.story.books import service

EARNED = 2000


def settle(scene: Scene) -> int:
    """Settle the coming night."""
    scene.clock.set(at(2, 1, day=25))
    with scene.app.app_context():
        return settle_due()


def test_before_the_night_no_book_has_moved(scene: Scene) -> None:
    session = scene.session(community=THERE)

    scene.serve(scene.cast.wang, session, START, END)

    [award] = scene.awards(session)
    assert (award.community, award.bearing) == (HERE, THERE)
    assert (award.amount, award.host_amount, award.standard) == (EARNED, EARNED, EARNED)
    assert scene.ask(service) == {}


def test_settlement_posts_both_communities_books(scene: Scene) -> None:
    session = scene.session(community=THERE)
    scene.serve(scene.cast.wang, session, START, END)

    assert settle(scene) == 1

    books = scene.ask(service)
    assert books == {
        ("issued", THERE, 0): (-EARNED, -EARNED),
        ("clearing", THERE, HERE): (EARNED, EARNED),
        ("clearing", HERE, THERE): (-EARNED, -EARNED),
        ("holder", HERE, 0): (EARNED, 0),
    }
    assert settle(scene) == 0
    assert scene.ask(service) == books


def test_hours_at_home_never_meet_clearing(scene: Scene) -> None:
    scene.serve(scene.cast.wang, scene.session(), START, END)

    settle(scene)

    assert scene.ask(service) == {
        ("issued", HERE, 0): (-EARNED, 0),
        ("holder", HERE, 0): (EARNED, 0),
    }


def test_an_automatic_exit_elsewhere_is_borne_by_the_host_as_well(scene: Scene) -> None:
    session = scene.session(community=THERE)
    scene.scan(scene.cast.wang, session, "serve", "entry", START)
    scene.clock.set(at(13, 10))
    with scene.app.app_context():
        close_sessions()

    settle(scene)

    assert scene.ask(service)["issued", THERE, 0] == (-EARNED // 2, -EARNED // 2)
    assert scene.ask(service)["holder", HERE, 0] == (EARNED // 2, 0)


def test_taking_part_elsewhere_is_the_home_communitys(scene: Scene) -> None:
    session = scene.session(community=THERE)
    scene.scan(scene.cast.wang, session)

    settle(scene)

    [award] = scene.awards(session)
    assert (award.community, award.bearing, award.state) == (HERE, HERE, "done")
    assert scene.ask(service) == {}


def test_the_cap_of_the_day_counts_over_the_district(scene: Scene) -> None:
    wang = scene.cast.wang
    home = scene.session(sessions=((at(10), at(13)),))
    away = scene.session(sessions=((at(14), at(17)),), community=THERE)

    first = scene.serve(wang, home, at(10), at(13))
    second = scene.serve(wang, away, at(14), at(17))

    assert (first.half_hours, first.amount) == (6, 3000)
    assert (second.half_hours, second.amount) == (6, 1000)
    assert scene.used(SERVE) == 8
