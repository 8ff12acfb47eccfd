"""Somebody of the story with a browser of their own, whose taps are counted."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Response

from tests.story.server import Server

PHONE = (390, 844)
DESK = (1440, 900)
PATIENCE_MS = 10_000
FIELD = "input:not([type=checkbox], [type=radio]), select, textarea"


class Person:
    """A browser, and ``taps``: how many each act took, by what was being done.

    Counted is all that a finger does: one for a button, a link or a choice, one for a field that
    is filled in, however many keys that takes, and one for scanning a code. Opening the page that
    an act begins at is not part of it.
    """

    def __init__(
        self,
        name: str,
        server: Server,
        chromium: Browser,
        size: tuple[int, int] = PHONE,
        *,
        scripts: bool = True,
    ) -> None:
        self.name, self.server, self.scripts = name, server, scripts
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            device_scale_factor=2 if size == PHONE else 1,
            has_touch=size == PHONE,
            is_mobile=size == PHONE,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            java_script_enabled=scripts,
        )
        context.set_default_timeout(PATIENCE_MS)
        self.page: Page = context.new_page()
        self.taps: dict[str, int] = {}
        self.wrong: list[str] = []
        self._doing: str | None = None
        self.page.on("console", lambda said: self._listen(said.type, said.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("response", self._look)

    def _listen(self, kind: str, words: str) -> None:
        if kind in {"error", "warning"}:
            self.wrong.append(f"{self.page.url}: {words}")

    def _look(self, response: Response) -> None:
        if response.status >= 500:
            self.wrong.append(f"{response.status} {response.url}")

    @contextlib.contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Count the taps of the block under a name."""
        self._doing = what
        self.taps[what] = 0
        yield
        self._doing = None

    def _count(self) -> None:
        if self._doing is not None:
            self.taps[self._doing] += 1

    def open(self, address: str) -> Page:
        """Open a page of the server, or a whole address; this is not a tap."""
        target = address if address.startswith("http") else f"{self.server.url}{address}"
        self.page.goto(target)
        self._arrive()
        return self.page

    def scan(self, address: str) -> Page:
        """Open what a scanned code holds: one tap on the camera's answer."""
        self._count()
        return self.open(address)

    def tap(self, target: Locator | str) -> None:
        """Touch a button, a link or a choice; a string is the words on it."""
        found = self._on(target)
        self._count()
        found.click()
        self._arrive()

    def _arrive(self) -> None:
        """Wait for the page, and see that nobody has to push it sideways."""
        self.page.wait_for_load_state()
        if self.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            self.wrong.append(f"{self.page.url} is wider than its window")

    def _on(self, target: Locator | str) -> Locator:
        if isinstance(target, Locator):
            return target
        button = self.page.get_by_role("button", name=target)
        link = self.page.get_by_role("link", name=target)
        choice = self.page.get_by_role("radio", name=target)
        box = self.page.get_by_role("checkbox", name=target)
        return button.or_(link).or_(choice).or_(box).filter(visible=True)

    def type(self, field: Locator | str, words: str) -> None:
        """Fill in a field; a string is the words on it."""
        self._count()
        found = field if isinstance(field, Locator) else self._field(field)
        found.fill(words)

    def pick(self, label: str, words: str) -> None:
        """Pick from a list, by the words on it: a field filled in."""
        self._count()
        self._field(label).select_option(label=words)

    def _field(self, label: str) -> Locator:
        return self.page.get_by_label(label).and_(self.page.locator(FIELD)).filter(visible=True)

    def look_again(self) -> None:
        """See what is new: a script would have fetched it."""
        if not self.scripts:
            self.page.reload()

    def reads(self, words: str) -> None:
        """See that the page says this."""
        self.page.get_by_text(words).filter(visible=True).first.wait_for()

    def sees_code(self, target: Locator) -> str:
        """Photograph what is shown and read the one QR code in it."""
        target.wait_for()
        picture = Image.open(io.BytesIO(target.screenshot()))
        found = zxingcpp.read_barcodes(picture)
        assert len(found) == 1, f"{len(found)} codes to be read"
        return str(found[0].text)

    def sign_in(self, phone: str, then: str = "/") -> None:
        """Sign in as somebody known, with phone and one-time code."""
        self.open(f"/sign-in?next={then}")
        self.prove(phone)
        self.page.wait_for_url(lambda url: "/sign-in" not in url)

    def prove(self, phone: str) -> None:
        """Fill in the number and the code that comes: a script sends the form off, or a button."""
        self.type("手机号", phone)
        self.tap("发验证码")
        self.page.get_by_text("再发一次").or_(self.page.get_by_text("秒后重发")).wait_for()
        self.type("短信验证码", self.server.code_for(phone))
        if not self.scripts:
            self.tap(self.page.locator("#sign-in button:not([formaction])"))
        self.page.wait_for_load_state()
