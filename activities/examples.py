"""Examples of the API's document: from the scanned code to the record."""

from __future__ import annotations

from typing import Any

SESSION = "01990e2c-7d10-7a41-9c55-6b0a2f3e8d21"
CODE: dict[str, Any] = {"code": "7KQ2M4XW9T3HB6RC"}
PRESENCE: dict[str, Any] = {
    "grant": "eyJzIjoiMDE5OTBlMmMifQ.aSVz4A.Xk2w",
    "session": SESSION,
    "phase": "entry",
    "at": "2026-11-24T05:58:00+00:00",
    "until": "2026-11-24T06:08:00+00:00",
}
CHECK_IN: dict[str, Any] = {"grant": PRESENCE["grant"], "part": "take_part"}
RECORDED: dict[str, Any] = {
    "session": SESSION,
    "resident": "01990e2c-7d10-7a41-9c55-6b0a2f3e8d11",
    "part": "take_part",
    "outcome": "arrived",
    "at": "2026-11-24T05:58:00+00:00",
    "arrived_at": "2026-11-24T05:58:00+00:00",
    "amount": 1000,
    "half_hours": None,
    "due": "2026-11-24T18:00:00+00:00",
    "elsewhere": 0,
}
