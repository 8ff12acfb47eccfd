"""How many taps everyday acts may take, and the table of ``docs/taps.md`` that tells the count."""

from __future__ import annotations

import re

from core.config import ROOT

DOCUMENT = ROOT / "docs" / "taps.md"
REGISTER = "Register by oneself"
CHECK_IN_NEW = "Check in, never seen before, with the scan"
CHECK_IN = "Check in, signed in, after the scan"
CHECK_OUT = "Check out, after the scan"
PUBLISH = "Publish an activity and open its screen"
ORDER = "Order at a neighbour's station"
SHOW_CODE = "Show the 领取码"
HAND_OVER = "Hand it over, after the scan"
COUNTER = "Redeem at the counter"
AGREE = "Agree to it on one's own phone"
APPROVE_TEN = "Approve ten orders"
CHANGE_RATE = "Change a rate"
SECOND = "Confirm it as the second person"
AT_MOST: dict[str, int | None] = {
    REGISTER: 7,
    CHECK_IN_NEW: 9,
    CHECK_IN: 1,
    CHECK_OUT: None,
    PUBLISH: None,
    ORDER: 4,
    SHOW_CODE: 1,
    HAND_OVER: 1,
    COUNTER: 3,
    AGREE: 1,
    APPROVE_TEN: 3,
    CHANGE_RATE: 4,
    SECOND: 2,
}
"""The product's promise; None where nothing was promised."""


def told() -> dict[str, tuple[int, int | None]]:
    """Return what the document tells: by act the taps counted, and how many there may be."""
    rows = re.findall(
        r"^\| ([^|]+?) +\| [^|]+ \| +(\d+) +\| +(\d+|–) +\|$",
        DOCUMENT.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    return {act: (int(taps), None if most == "–" else int(most)) for act, taps, most in rows}


def check(counted: dict[str, int], *acts: str) -> None:
    """Compare what a test counted with the promise and with the document."""
    assert set(counted) == set(acts)
    for act, taps in counted.items():
        most = AT_MOST[act]
        assert most is None or taps <= most, f"{act}: {taps} taps, at most {most}"
    written = told()
    assert {act: written[act][0] for act in counted} == counted
