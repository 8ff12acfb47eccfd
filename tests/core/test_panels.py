"""Panels: pieces of other packages on a page, in the order of the table of ``app.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from markupsafe import Markup
from sqlalchemy import Connection

from core.panels import Panel, Viewer, rendered
from tests.conftest import START
from tests.people import HERE

Run = Callable[..., Any]
VIEWER = Viewer(
    person=UUID(int=1),
    resident=UUID(int=2),
    household=UUID(int=3),
    members=(UUID(int=2),),
    community=HERE,
    now=START,
)


@pytest.mark.database("sqlite")
def test_pieces_stand_in_the_order_of_the_table_and_an_empty_one_leaves_no_gap(
    app: Flask, ask: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Viewer] = []

    def piece(words: str) -> Panel:
        def panel(_connection: Connection, viewer: Viewer) -> Markup:
            seen.append(viewer)
            return Markup(words)  # noqa: S704 - the words of this test

        return panel

    table = {"home": (piece("<b>one</b>"), piece(""), piece("two")), "me": (piece("three"),)}
    monkeypatch.setitem(app.extensions, "linli.panels", table)

    def of(connection: Connection, page: str) -> list[Markup]:
        return rendered(page, connection, VIEWER)

    assert ask(of, "home") == [Markup("<b>one</b>"), Markup("two")]
    assert ask(of, "nowhere") == []
    assert seen == [VIEWER] * 3
