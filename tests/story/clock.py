"""The story's clock: it runs, and the test moves it for every process through a file."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from core.work import system_clock

FILE = "clock"


def read(instance: Path) -> dt.datetime:
    """Return the moment: the system's clock, off by the seconds in the instance's file."""
    offset = float((instance / FILE).read_text(encoding="ascii"))
    return system_clock() + dt.timedelta(seconds=offset)


def move(instance: Path, moment: dt.datetime) -> None:
    """Make it this moment; the clock goes on from there."""
    new = instance / f"{FILE}.new"
    new.write_text(str((moment - system_clock()).total_seconds()), encoding="ascii")
    # A server reads at any moment: it finds the old file or the new one, never half of one.
    new.replace(instance / FILE)
