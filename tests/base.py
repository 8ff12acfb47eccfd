"""What every test's database holds: the migrated schema, Shangcheng's places and the defaults."""

from __future__ import annotations

from flask import Flask
from flask_migrate import upgrade

from core.config import ROOT

DISTRICT = "330102"


def load(app: Flask) -> None:
    """Migrate, and import the places as ``flask places import`` does."""
    upgrade()
    answer = app.test_cli_runner().invoke(
        args=[
            "places",
            "import",
            str(ROOT / "data" / "hangzhou_divisions.csv"),
            "--district",
            DISTRICT,
        ],
    )
    if answer.exit_code:
        message = f"the places did not load: {answer.output}"
        raise RuntimeError(message)
