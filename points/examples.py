"""Examples of the API's document: what a resident has."""

from __future__ import annotations

from typing import Any

BALANCE: dict[str, Any] = {
    "balance": 4500,
    "pending": 1000,
    "held": 0,
    "lapsing": 500,
    "lapsing_on": "2026-12-31",
    "later": 4000,
    "later_on": "2027-12-31",
    "overdue": 0,
    "overdue_on": "2026-11-30",
    "new_on": "2027-12-31",
    "basic": 12000,
    "title": "热心人",
    "next_title": "巷口灯",
    "missing": 3000,
}
