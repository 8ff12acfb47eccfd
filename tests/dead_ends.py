"""What on a page does nothing where no script runs."""

from __future__ import annotations

from html.parser import HTMLParser

SENDS = {"submit", "image"}
TYPED = {"text", "search", "tel", "number"}
"""The keyboard sends a form of one such field."""


class DeadEnds(HTMLParser):
    """Forms that nothing sends, buttons and fields of no form, and links that lead nowhere."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._forms: dict[str, str] = {}
        self._controls: dict[str, list[str]] = {}
        self._inside = ""
        self.feed(page)
        for form, kinds in self._controls.items():
            by_keyboard = len(kinds) == 1 and kinds[0] in TYPED
            if form in self._forms and not by_keyboard and not SENDS & set(kinds):
                self.found.append(f"nothing sends {self._forms[form]}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at what somebody could touch."""
        given = {name: value or "" for name, value in attrs}
        says = self.get_starttag_text() or tag
        if tag == "form":
            self._inside = given.get("id", f"number {len(self._forms)}")
            self._forms[self._inside] = says
        elif tag == "a" and (given.get("href", "#") == "#" or "script:" in given["href"]):
            self.found.append(f"{says} leads nowhere")
        elif tag in {"button", "input", "select", "textarea"} and "hidden" not in given:
            kind = given.get("type", "text" if tag == "input" else tag)
            self._control("submit" if kind == "button" and "type" not in given else kind, given)

    def _control(self, kind: str, given: dict[str, str]) -> None:
        form = given.get("form", self._inside)
        if not form or kind in {"button", "reset"}:
            self.found.append(f"{self.get_starttag_text()} is of no use by itself")
        elif kind != "hidden":
            self._controls.setdefault(form, []).append(kind)

    def handle_endtag(self, tag: str) -> None:
        """Leave a form."""
        if tag == "form":
            self._inside = ""
