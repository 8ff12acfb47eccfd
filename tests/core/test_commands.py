"""Commands on a database that nobody has upgraded say so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app import create_app
from core.config import ROOT
from core.db import db
from tests import postgres
from tests.conftest import Stage

PLACES = ROOT / "data" / "hangzhou_divisions.csv"


def empty(stage: Stage, folder: Path) -> str:
    """Return the URL of a database without tables."""
    if stage.address is None:
        return f"sqlite:///{folder}/empty.sqlite"
    postgres.recreate(stage.address, f"{stage.name}_empty")
    return postgres.url_of(stage.address, f"{stage.name}_empty")


@pytest.mark.parametrize(
    "words",
    [
        ("verify",),
        ("jobs", "run", "settle-awards"),
        ("grants", "bootstrap", "林", "13800000001", "钱", "13800000002"),
        ("places", "import", str(PLACES), "--district", "330102"),
    ],
    ids=" ".join,
)
def test_a_command_names_the_upgrade_that_comes_first(
    stage: Stage, tmp_path: Path, words: tuple[str, ...]
) -> None:
    app = create_app(replace(stage.config(), database_url=empty(stage, tmp_path)))
    done = app.test_cli_runner().invoke(args=words)
    with app.app_context():
        db.engine.dispose()

    assert done.exit_code == 1
    assert "flask db upgrade" in done.output
