"""``flask verify`` on attendance: what the database refuses is found where it was let in."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from activities import verify
from points.proof.verify import broken


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
    queries = [check for check in verify.CHECKS if check.find is None]
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
