"""What a newcomer reads is true: pictures and pages that are named exist, targets can be made."""

from __future__ import annotations

import re

import pytest

from core.config import ROOT

PAGES = ("README.md", "README.zh-CN.md", "docs/ARCHITECTURE.md")


def named(page: str) -> list[str]:
    """Return the files of the project that a page links to or shows."""
    words = (ROOT / page).read_text(encoding="utf-8")
    return [link for link in re.findall(r"\]\(([^)#]+)\)", words) if "://" not in link]


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_shows_or_links_to_is_there(page: str) -> None:
    folder = (ROOT / page).parent
    links = named(page)

    assert links
    assert [link for link in links if not (folder / link).exists()] == []


@pytest.mark.parametrize("page", PAGES[:2])
def test_the_readme_shows_six_pictures(page: str) -> None:
    pictures = [link for link in named(page) if link.endswith(".png")]

    assert len(set(pictures)) == 6


@pytest.mark.parametrize("page", PAGES[:2])
def test_what_the_readme_makes_can_be_made(page: str) -> None:
    targets = re.findall(
        r"^make ([a-z-]+)", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE
    )
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert "demo" in targets
    assert [each for each in targets if not re.search(rf"^{each}:", makefile, re.MULTILINE)] == []
