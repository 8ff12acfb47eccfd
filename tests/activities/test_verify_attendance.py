"""``flask verify`` on attendance: what the database refuses is found where it was let in."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from activities import verify
from activities.jobs import close_sessions
from points.proof.verify import broken
from tests.activities.scene import END, START, Scene, at
from tests.points.verified import damaged, flask_verify

Leave = Callable[[Scene, UUID], object]


def by_themselves(scene: Scene, session: UUID) -> object:
    return scene.scan(scene.cast.wang, session, "serve", "exit", END)


def by_nobody(scene: Scene, session: UUID) -> object:
    scene.clock.set(at(13, 10))
    with scene.app.app_context():
        return close_sessions()


@pytest.fixture(params=[by_themselves, by_nobody])
def left(request: pytest.FixtureRequest, scene: Scene) -> UUID:
    """A session to which staff entered 王秀英, and that she left by her own scan, or by the job."""
    leave: Leave = request.param
    session = scene.session()
    scene.clock.set(START)
    scene.enter(scene.cast.wang, session, part="serve")
    leave(scene, session)
    (award,) = scene.awards(session)
    assert award.recorded_by == scene.cast.staff.person
    return session


def test_whoever_recorded_the_exit_of_an_arrival_by_hand_is_known(app: Flask, left: UUID) -> None:
    code, said = flask_verify(app)

    assert code == 0, said


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE awards SET recorded_by = '0123456789abcdef0123456789abcdef'",
        "DELETE FROM audit_events WHERE at = (SELECT max(created_at) FROM awards)",
        (
            "UPDATE attendances SET recorded_by = '0123456789abcdef0123456789abcdef'"
            " WHERE phase = 'exit'"
        ),
    ],
)
def test_hours_in_the_name_of_who_did_nothing_are_named(
    app: Flask, left: UUID, damage: str
) -> None:
    assert damaged(app, damage, checks=verify.CHECKS) == {"audited attendance"}


def test_attendance_without_trouble_holds(app: Flask) -> None:
    names = {check.name for check in verify.CHECKS}
    assert names <= {check.name for check in app.extensions["linli.checks"]}
    assert "the books hold" in app.test_cli_runner().invoke(args=["verify"]).output


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("INSERT INTO attendances VALUES ('a', 's', 'r', 'serve', 'entry', 2)", "attendance"),
        ("UPDATE session_parts SET taken = 3", "places"),
        ("UPDATE session_parts SET taken = -1", "places"),
    ],
)
def test_tables_without_guards_are_found_out(statement: str, name: str) -> None:
    """The same tables without a constraint: the checks do not lean on the guards."""
    loose = create_engine("sqlite://")
    queries = [check for check in verify.CHECKS if check.name in {"attendance", "places"}]
    with loose.connect() as connection:
        for made in (
            "CREATE TABLE attendances (id, session, resident, part, phase, recorded_at)",
            "CREATE TABLE session_parts (session, part, places, taken)",
            "CREATE TABLE sessions (id, community, starts_at)",
            "INSERT INTO attendances VALUES ('b', 's', 'r', 'serve', 'entry', 1)",
            "INSERT INTO session_parts VALUES ('s', 'serve', 2, 2)",
        ):
            connection.execute(text(made))
        assert list(broken(connection, queries)) == []
        connection.execute(text(statement))

        (found,) = broken(connection, queries)

        assert found.name == name
    loose.dispose()
