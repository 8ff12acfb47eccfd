"""What templates are held to in tests: that they say only what they were given, and are shown."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from jinja2 import StrictUndefined, Undefined, UndefinedError
from jinja2.utils import missing

from core.config import ROOT

FOLDER = ROOT / "templates"


def unsaid(
    hint: str | None = None,
    obj: Any = missing,
    name: str | None = None,
    exc: type[Exception] = UndefinedError,
) -> Undefined:
    """Stand for what a template was not given: a mistake, but for a field that no form sent."""
    is_form = isinstance(obj, dict) and all(isinstance(each, str | list) for each in obj.values())
    kind = Undefined if is_form else StrictUndefined
    return kind(hint, obj, name, exc)  # type: ignore[arg-type]


def be_strict(app: Flask) -> None:
    """Turn whatever a template asks for and was not given into a 500."""
    app.jinja_env.undefined = unsaid  # type: ignore[assignment]


def written() -> set[str]:
    """Return the names of all templates."""
    return {str(file.relative_to(FOLDER)) for file in FOLDER.rglob("*.html")}


def record(app: Flask, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return a set that collects what is shown, with what it extends, includes and imports."""
    shown: set[str] = set()
    real = app.jinja_env.get_template

    def get(name: Any, *rest: Any, **named: Any) -> Any:
        shown.add(str(getattr(name, "name", name)))
        return real(name, *rest, **named)

    choose = app.jinja_env.select_template

    def select(names: Any, *rest: Any, **named: Any) -> Any:
        found = choose(names, *rest, **named)
        shown.add(str(found.name))
        return found

    monkeypatch.setattr(app.jinja_env, "get_template", get)
    monkeypatch.setattr(app.jinja_env, "select_template", select)
    return shown
