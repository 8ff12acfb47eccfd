"""Who is signed in: the only reader of Flask-Login's current user, and the guards of blueprints."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Flask, Request, request
from flask_login import LoginManager, current_user, login_user, logout_user

from core.errors import Forbidden, SignInNeeded

if TYPE_CHECKING:
    from core.acts import Actor

API_PREFIX = "/api/"
Loader = Callable[[str], "Actor | None"]

OWN_PATH = re.compile(r"/(?![/\\])[^\x00-\x1f\x7f\\]*")
"""A path of this site: browsers read // and backslashes as another host, and drop controls."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What Flask-Login keeps: the token (never the person) and the actor it stands for."""

    token: str
    actor: Actor

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """Return the token: a server-side row that can be revoked."""
        return self.token


def init_app(app: Flask, load: Loader) -> None:
    """Wire Flask-Login; ``load`` finds the actor of a token or returns None."""
    manager = LoginManager()
    manager.session_protection = None
    manager.init_app(app)

    def from_cookie(token: str) -> SignedIn | None:
        # The API knows bearer tokens only, so that no cookie can be used against it.
        if request.path.startswith(API_PREFIX):
            return None
        actor = load(token)
        return SignedIn(token, actor) if actor else None

    def from_header(incoming: Request) -> SignedIn | None:
        scheme, _, token = incoming.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not incoming.path.startswith(API_PREFIX):
            return None
        actor = load(token.strip())
        return SignedIn(token.strip(), actor) if actor else None

    manager.user_loader(from_cookie)
    manager.request_loader(from_header)


def sign_in(token: str, actor: Actor) -> None:
    """Put the token into this browser's session cookie."""
    login_user(SignedIn(token, actor))


def sign_out() -> None:
    """Forget the token in this browser."""
    logout_user()


def actor_or_none() -> Actor | None:
    """Return who acts, or None for somebody unknown."""
    return current_user.actor if current_user.is_authenticated else None


def current_actor() -> Actor:
    """Return who acts; raises SignInNeeded."""
    actor = actor_or_none()
    if actor is None:
        raise SignInNeeded
    return actor


def current_token() -> str | None:
    """Return the token of this request, for signing out."""
    return str(current_user.get_id()) if current_user.is_authenticated else None


def residents_only() -> None:
    """Guard: somebody who acts as a resident."""
    if current_actor().role != "resident":
        raise Forbidden


def signed_in_only() -> None:
    """Guard: anybody who is signed in."""
    current_actor()


def desk_only() -> None:
    """Guard: somebody who works at a community."""
    current_actor().require("desk.read")


def field_only() -> None:
    """Guard: a grid worker or building lead."""
    if current_actor().role not in {"grid_worker", "building_lead"}:
        raise Forbidden


def console_only() -> None:
    """Guard: somebody who works for or reads the district."""
    current_actor().require("console.read")


def public() -> None:
    """Guard of what is open to everybody; says so on purpose."""


def next_path() -> str:
    """Return where to go afterwards: a path of our own, never another site."""
    target = request.values.get("next", "/")
    return target if OWN_PATH.fullmatch(target) else "/"
