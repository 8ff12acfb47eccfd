"""Prove the checkers: switch each seeded bug on in turn, and write down what caught it.

``make proof`` writes bench/proof.json; ``caught_by`` is null where nothing did.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.config import ROOT
from tests import postgres
from tests.conftest import Stage
from tests.points.checkers import CHECKERS
from tests.points.seeded import BUGS, Bug

EACH, TOGETHER = 60.0, 180.0
"""Seconds: what nobody waits for is not run."""

RESULTS = ROOT / "bench" / "proof.json"


@dataclass(frozen=True)
class Caught:
    """Which checker caught a bug (None: none of them), by what, and after how long."""

    by: str | None
    words: str
    seconds: float


def caught(bug: Bug, stage: Stage) -> Caught:
    """Switch a bug on and let its checker look, then the others."""
    started = time.monotonic()
    for name in sorted(CHECKERS, key=lambda each: each != bug.checker):
        with stage.app.app_context():
            stage.reset()
            with bug.on():
                bug.loosen()
                found = CHECKERS[name](stage, bug.loosen)
        if found is not None:
            return Caught(name, found, time.monotonic() - started)
    return Caught(None, "", time.monotonic() - started)


def main() -> int:
    """Run all, write the rows; the exit code counts what nothing caught."""
    rows: list[dict[str, Any]] = []
    with postgres.temporary() as address, tempfile.TemporaryDirectory() as folder:
        stage = Stage("postgresql", Path(folder), address, "proof")
        for bug in BUGS:
            found = caught(bug, stage)
            seconds = round(found.seconds, 1)
            rows.append({"bug": bug.name, "caught_by": found.by, "seconds": seconds})
            by = found.by or "NOTHING"
            sys.stdout.write(f"{bug.name:35} {by:15} {seconds:6.1f} s  {found.words[:80]}\n")
            sys.stdout.flush()
    RESULTS.write_text(f"{json.dumps(rows, indent=2)}\n", encoding="utf-8")
    return int(not in_time(rows)) + sum(row["caught_by"] is None for row in rows)


def in_time(rows: list[dict[str, Any]]) -> bool:
    """Whether each was caught within a minute, and all of them within three."""
    seconds = [float(row["seconds"]) for row in rows]
    return max(seconds) <= EACH and sum(seconds) <= TOGETHER


if __name__ == "__main__":
    sys.exit(main())
