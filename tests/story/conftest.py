"""``server``: the real server on the cast's database. ``person``: makes somebody with a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests import browser
from tests.conftest import Stage
from tests.people import People
from tests.story.person import DESK, PHONE, Person
from tests.story.server import Server

MakePerson = Callable[..., Person]
__all__ = ["DESK", "PHONE", "MakePerson"]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for all tests of the run."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=browser.executable(),
            args=list(browser.FLAGS),
        )
        yield running
        running.close()


@pytest.fixture
def server(stage: Stage, cast: People, tmp_path: Path) -> Iterator[Server]:
    """Serve the cast's database; what a test still prepares, it prepares through use cases."""
    with Server(stage, tmp_path / "server.log") as running:
        yield running


@pytest.fixture
def person(server: Server, chromium: Browser) -> Iterator[MakePerson]:
    """Make somebody with a browser of their own; nothing may go wrong in any of them."""
    made: list[Person] = []

    def make(name: str, size: tuple[int, int] = PHONE, *, scripts: bool = True) -> Person:
        made.append(Person(name, server, chromium, size, scripts=scripts))
        return made[-1]

    yield make
    wrong = [f"{each.name}: {words}" for each in made for words in each.wrong]
    for each in made:
        each.page.context.close()
    assert not wrong, "\n".join(wrong)
