"""Browsers that fill in forms as people do: the token comes from the page that is shown."""

from __future__ import annotations

import html
import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, text

from core.config import Config
from tests.people import last_code


def field(page: str, name: str) -> str:
    """Return the value of a hidden or typed field of a page."""
    tag = re.search(rf'<input[^>]*name="{name}"[^>]*>', page)
    assert tag is not None, f"no field {name}"
    value = re.search(r'value="([^"]*)"', tag[0])
    return html.unescape(value[1]) if value else ""


def send(browser: FlaskClient, page: str, address: str, **data: str) -> Any:
    """Open a page, and post its form somewhere."""
    shown = browser.get(page).get_data(as_text=True)
    return browser.post(address, data={"csrf_token": field(shown, "csrf_token"), **data})


def ask(browser: FlaskClient, phone: str) -> Any:
    """Ask for a code on the sign-in page."""
    return send(browser, "/sign-in", "/sign-in/code", phone=phone)


def type_code(browser: FlaskClient, phone: str, code: str, target: str = "/") -> Any:
    """Type the code on the sign-in page."""
    return send(browser, "/sign-in", "/sign-in", phone=phone, code=code, next=target)


def code_for(app: Flask, phone: str) -> str:
    """Return the newest code that was sent to a number."""
    config: Config = app.extensions["linli"].config
    return last_code(config.instance, phone)


def wrong(code: str) -> str:
    """Return another code."""
    return f"{(int(code) + 1) % 1_000_000:06d}"


def prove(app: Flask, browser: FlaskClient, phone: str, target: str = "/") -> Any:
    """Ask for a code and type it."""
    ask(browser, phone)
    return type_code(browser, phone, code_for(app, phone), target)


def who(browser: FlaskClient) -> str | None:
    """Return the token in the browser's cookie."""
    with browser.session_transaction() as cookie:
        found: str | None = cookie.get("_user_id")
    return found


def count(connection: Connection, table: str) -> int:
    """Return how many rows a table has."""
    return int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608 - named by tests
