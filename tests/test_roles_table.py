"""The table of acts and roles that people read is the one that the code keeps."""

from __future__ import annotations

from core.acts import ACTS
from core.config import ROOT
from residents.labels import ROLES

FEEDER = "设备和平台"
"""A role that nobody signs in to, so that it has no label."""


def table() -> list[list[str]]:
    """Return the cells of each row of the page's table."""
    lines = (ROOT / "docs" / "roles.md").read_text(encoding="utf-8").splitlines()
    rows = [line.strip().strip("|").split("|") for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows]


def test_the_page_says_of_each_act_which_roles_may_do_it() -> None:
    head, _line, *rows = table()
    keys = {label: role for role, label in ROLES.items()} | {FEEDER: "feeder"}
    roles = [keys[label] for label in head[2:]]

    read = {
        row[0].strip("`"): {role for role, cell in zip(roles, row[2:], strict=True) if cell == "●"}
        for row in rows
    }

    assert read == {act: {*may} for act, may in ACTS.items()}
    assert len(read) == len(rows)


def test_each_act_of_the_page_is_told_in_words_and_each_cell_is_a_yes_or_empty() -> None:
    rows = table()[2:]

    assert [row[0] for row in rows if not row[1]] == []
    assert {cell for row in rows for cell in row[2:]} == {"●", ""}
