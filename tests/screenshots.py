"""Photographs the demonstration into ``docs/screenshots``: ``python -m tests.screenshots``.

The demonstration is built once into a folder of its own, at a moment that never changes, so that
the same product gives the same pictures.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from core.config import ROOT
from tests import browser
from tests.demonstration import BUILDS_WITHIN, session_cookies
from tests.serving import Serving

FOLDER = ROOT / "docs" / "screenshots"
INSTANCE = ROOT / "instance" / "screenshots"
MOMENT = "2026-11-24T10:05:00+08:00"
PAGES_MAX = 20
PHONE, DESK = (390, 844), (1440, 900)


@dataclass(frozen=True, slots=True)
class Camera:
    """A browser, the server, and how somebody of a role signs in."""

    chromium: Browser
    url: str
    cookies: dict[str, str]

    @contextlib.contextmanager
    def looks(self, role: str, size: tuple[int, int], name: str) -> Iterator[Page]:
        """Give a page in which a role is signed in; photograph what it shows in the end."""
        phone = size == PHONE
        context = self.chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            device_scale_factor=2 if phone else 1,
            is_mobile=phone,
            base_url=self.url,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
        )
        context.add_cookies([{"name": "linli", "value": self.cookies[role], "url": self.url}])
        page = context.new_page()
        yield page
        page.wait_for_load_state("networkidle")
        page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")
        context.close()
        sys.stdout.write(f"docs/screenshots/{name}.png\n")


def residents(camera: Camera) -> None:
    """Photograph the phone of somebody who lives here."""
    with camera.looks("resident", PHONE, "resident-home") as page:
        page.goto("/")
    with camera.looks("resident", PHONE, "resident-activity") as page:
        page.goto("/activities/")
        open_ = page.locator("a[href*='/activities/']").filter(has_text="来帮忙")
        page.goto(str(open_.last.get_attribute("href")))
    with camera.looks("resident", PHONE, "resident-item") as page:
        # The nearest stations take points at par: a page of the list further on shows a rate.
        for number in range(1, PAGES_MAX):
            page.goto(f"/exchange/?page={number}")
            dearer = page.get_by_role("link", name=re.compile("标价.*您付"))
            if dearer.count():
                dearer.first.click()
                break


def staff(camera: Camera) -> None:
    """Photograph the venue's screen and the desk."""
    with camera.looks("staff", DESK, "venue") as page:
        page.goto("/desk/")
        page.locator(".today-sessions .now").get_by_role("link", name="打开大屏").first.click()
    with camera.looks("staff", DESK, "desk-approvals") as page:
        page.goto("/desk/approvals")
        page.get_by_role("link", name="全选无异常").click()
        page.locator("[data-row] .main a").first.click()
        page.locator("#drawer h2").wait_for()


def district(camera: Camera) -> None:
    """Photograph the console."""
    with camera.looks("district_admin", DESK, "console-rates") as page:
        page.goto("/console/rates")


def main() -> None:
    """Build the demonstration if it is not there, serve it, and photograph it."""
    browser.ensure()
    instance = Path(os.environ.get("LINLI_INSTANCE", str(INSTANCE))).resolve()
    instance.mkdir(parents=True, exist_ok=True)
    FOLDER.mkdir(exist_ok=True)
    environment = {"LINLI_INSTANCE": str(instance), "LINLI_CLOCK": MOMENT}
    serving = Serving("wsgi", instance / "server.log", environment)
    if not (instance / "built.json").exists():
        sys.stdout.write("building the demonstration (once, about a minute) ...\n")
        serving.flask("demo", "build", seconds=BUILDS_WITHIN)
    accounts = json.loads(serving.flask("demo", "accounts", "--json"))
    with serving, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=browser.executable(), args=list(browser.FLAGS)
        )
        camera = Camera(chromium, serving.url, session_cookies(instance, accounts))
        residents(camera)
        staff(camera)
        district(camera)
        chromium.close()


if __name__ == "__main__":
    main()
