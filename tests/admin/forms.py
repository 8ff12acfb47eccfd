"""Forms as a browser sends them: what the page holds, changed where somebody typed."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient

Attributes = dict[str, str | None]


class Forms(HTMLParser):
    """The forms of a page that change something: where each goes, and what it would send."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, list[tuple[str, str]], set[str]]] = []
        self._open = False
        self._select: str | None = None
        self._area: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect what belongs to a form."""
        given: Attributes = dict(attrs)
        if tag == "form" and given.get("method") == "post":
            self.forms.append((given.get("action") or "", [], set()))
            self._open = True
        elif self._open and tag in {"input", "select", "textarea", "button"}:
            self._field(tag, given)
        elif self._open and tag == "option" and self._select is not None:
            self._option(given)

    def _field(self, tag: str, given: Attributes) -> None:
        _action, values, names = self.forms[-1]
        name = given.get("name")
        if not name or "disabled" in given:
            return
        names.add(name)
        if tag == "select":
            self._select = name
        elif tag == "textarea":
            self._area = name
            values.append((name, ""))
        elif tag == "input":
            ticked = given.get("type") not in {"radio", "checkbox"} or "checked" in given
            if ticked:
                values.append((name, given.get("value") or ""))
        elif name == "csrf_token":
            # A form that also asks by GET leaves the token to the button that changes something.
            values.append((name, given.get("value") or ""))

    def _option(self, given: Attributes) -> None:
        _action, values, _names = self.forms[-1]
        first = all(name != self._select for name, _value in values)
        if "selected" in given and not first:
            values[:] = [each for each in values if each[0] != self._select]
        if first or "selected" in given:
            values.append((str(self._select), given.get("value") or ""))

    def handle_data(self, data: str) -> None:
        """Take the words of a textarea."""
        if self._area is not None:
            values = self.forms[-1][1]
            name, value = values.pop()
            values.append((name, value + data))

    def handle_endtag(self, tag: str) -> None:
        """Close what was open."""
        if tag == "form":
            self._open = False
        elif tag == "select":
            self._select = None
        elif tag == "textarea":
            self._area = None


def fill(browser: FlaskClient, page: str, action: str, **typed: Any) -> Any:
    """Open a page, change what somebody typed in the form that goes to ``action``, and send it.

    A list is several fields of one name. What the form does not have cannot be typed.
    """
    shown = browser.get(page).get_data(as_text=True)
    return again(browser, shown, action, **typed)


def again(browser: FlaskClient, shown: str, action: str, **typed: Any) -> Any:
    """Send a form of a page that is open already."""
    found = [form for form in Forms(shown).forms if urlsplit(form[0]).path.endswith(action)]
    assert found, f"no form goes to {action}"
    address, values, names = found[0]
    unknown = set(typed) - names
    assert not unknown, f"the form has no {unknown}"
    sent: dict[str, Any] = {}
    for name, value in values:
        sent.setdefault(name, []).append(value)
    return browser.post(address, data=sent | typed)
