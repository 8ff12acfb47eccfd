"""With keys alone: what has the focus can be seen."""

from __future__ import annotations

import pytest

from tests.people import People
from tests.story.conftest import MakePerson

pytestmark = pytest.mark.database("sqlite")
LOW = (390, 600)
COVERED = """() => {
  const has = document.activeElement, box = has.getBoundingClientRect();
  const shows = y => {
    const at = document.elementFromPoint(box.left + box.width / 2, y);
    return at !== null && (has.contains(at) || at.contains(has));
  };
  const seen = has === document.body || (shows(box.top + 2) && shows(box.bottom - 4));
  return seen ? "" : has.innerText || has.name;
}"""


@pytest.mark.parametrize(
    ("who", "address"),
    [("lead", "/desk/settings"), ("lead", "/desk/rules"), ("wang", "/me")],
)
def test_what_has_the_focus_is_not_under_the_bar_at_the_foot(
    person: MakePerson, cast: People, who: str, address: str
) -> None:
    someone = getattr(cast, who)
    there = person(someone.name, LOW)
    there.sign_in(someone.phone, address)
    there.open(address)

    covered = []
    for _each in range(40):
        there.page.keyboard.press("Tab")
        covered.append(there.page.evaluate(COVERED))

    assert [each for each in covered if each] == []
