"""A community that ends, as the district's file of places says it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from core.config import ROOT
from residents import places

FILE = ROOT / "data" / "hangzhou_divisions.csv"
YESTERDAY, TODAY = dt.date(2026, 11, 23), dt.date(2026, 11, 24)
"""Of the day on which the clock of the tests begins."""


def end(
    run: Callable[..., Any], community: int, last: dt.date | None, successor: int | None = None
) -> places.PlacesImported:
    """Load the places again, with the last day of a community (None: it goes on)."""
    rows = tuple(
        replace(
            row,
            valid_to=last.isoformat() if last else "",
            successor=str(successor) if successor else "",
        )
        if row.code == str(community)
        else row
        for row in places.read_rows(FILE)
    )
    made: places.PlacesImported = run(
        places.import_places, places.ImportPlaces(rows=rows, district="330102")
    )
    return made
