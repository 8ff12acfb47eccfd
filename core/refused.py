"""A refused access leaves its trace (details.md 24): one audit row, a few a minute."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Flask, Response, request

from core.errors import AppError
from core.identity import actor_or_none
from core.limits import Hit, hit
from core.work import may_change, transact

if TYPE_CHECKING:
    from core.work import Work

KEPT_A_MINUTE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseAccess:
    """The endpoint that was asked for something its asker may not do there."""

    endpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRefused:
    """What the audit row says beside who and in which role."""

    outcome: str


def refuse_access(_work: Work, command: RefuseAccess) -> AccessRefused:
    """Write nothing but the audit row that every use case leaves."""
    return AccessRefused(outcome=command.endpoint)


def init_app(app: Flask) -> None:
    """Keep what is refused at the edge, whether a page caught the refusal or not."""
    app.after_request(_keep)


def _keep(response: Response) -> Response:
    if response.status_code != HTTPStatus.FORBIDDEN or not may_change():
        return response
    actor = actor_or_none()
    if actor is not None:
        with contextlib.suppress(AppError):
            transact(hit, Hit(name=f"refused:{actor.person}", limit=KEPT_A_MINUTE, seconds=60))
            transact(refuse_access, RefuseAccess(endpoint=request.endpoint or ""), actor)
    return response
