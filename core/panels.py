"""Panels: packages put pieces onto pages of packages below them, registered in ``app.py``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from flask import current_app
from markupsafe import Markup

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.acts import Actor


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


class Doorway(Protocol):
    """Something that waits behind the sign-in: a check-in whose code was scanned already.

    ``residents`` owns the pages of signing in and registering and knows no activities; whoever
    sent somebody there is asked through this.
    """

    def visit(self, connection: Connection) -> Any:
        """Return what stands on top of the page (``_macros/visit.html``), or None."""

    def parts(self, connection: Connection) -> Sequence[Any]:
        """Return the parts to choose from, empty without a visit."""

    def place(self, connection: Connection) -> int | None:
        """Return the community to propose as home."""

    def enter(self, actor: Actor, part: str) -> str | None:
        """Do what waits, as the one who has just signed in, and return the address of its page."""


def doorway() -> Doorway | None:
    """Return the doorway of ``app.py``."""
    found: Doorway | None = current_app.extensions.get("linli.doorway")
    return found
