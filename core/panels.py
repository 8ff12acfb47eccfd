"""Panels: packages put pieces onto pages of packages below them, registered in ``app.py``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from flask import current_app
from markupsafe import Markup

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who looks at the page: all that a panel gets to know (details.md 29)."""

    person: UUID
    resident: UUID
    household: UUID
    members: tuple[UUID, ...]
    community: int
    now: dt.datetime


Panel = Callable[["Connection", Viewer], Markup | str]


def rendered(page: str, connection: Connection, viewer: Viewer) -> list[Markup]:
    """Return the panels of a page in the order of ``app.py``; a panel with nothing to say is ""."""
    registered: dict[str, tuple[Panel, ...]] = current_app.extensions["linli.panels"]
    made = (panel(connection, viewer) for panel in registered.get(page, ()))
    return [Markup(html) for html in made if html]  # noqa: S704 - panels render templates
