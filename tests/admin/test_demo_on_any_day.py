"""Whatever the day and the hour, ``make demo`` builds a lively district; ``make soak`` asks."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.config import ROOT
from core.db import db
from core.work import SHANGHAI, reading, runtime
from tests.admin import test_demo
from tests.demonstration import application

pytestmark = pytest.mark.timeout(900)
MOMENTS = (
    # Its first month has three days, and nobody with a phone on its list.
    dt.datetime(2026, 11, 28, 10, tzinfo=SHANGHAI),
    # The last minutes of a month, and the first ones, when Greenwich is a day behind.
    dt.datetime(2026, 11, 30, 23, 50, tzinfo=SHANGHAI),
    dt.datetime(2026, 12, 1, 0, 20, tzinfo=SHANGHAI),
    dt.datetime(2027, 1, 1, 7, 30, tzinfo=SHANGHAI),
    # A Sunday, the day on which lists are posted, and one after the shortest month.
    dt.datetime(2027, 2, 7, 18, tzinfo=SHANGHAI),
    dt.datetime(2027, 3, 5, 9, tzinfo=SHANGHAI),
)


@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_a_demonstration_shows_each_use_case(tmp_path: Path, moment: dt.datetime) -> None:
    told = built(tmp_path, moment)

    app = application(tmp_path)
    with app.app_context(), reading() as connection:
        runtime().clock = lambda: moment.astimezone(dt.UTC)
        test_demo.is_lively(connection, told["calls"])
        test_demo.the_first_resident_has_something_waiting(connection)
        test_demo.the_elder_has_points_on_the_way(connection)
        test_demo.somebody_new_can_walk_in(connection)
    with app.app_context():
        db.engine.dispose()


def built(instance: Path, moment: dt.datetime) -> dict[str, int]:
    """Build one as if it were this moment; return how many calls it took."""
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "demo", "build"],
        cwd=ROOT,
        env={**os.environ, "LINLI_INSTANCE": str(instance), "LINLI_CLOCK": moment.isoformat()},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, int] = json.loads((instance / "built.json").read_text(encoding="utf-8"))
    return found
