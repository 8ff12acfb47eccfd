"""Migrations: one head, the same schema as the models, both ways, on both databases."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect

from core.config import ROOT
from core.db import Base, db

FOLDER = ROOT / "migrations"


def script() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    return ScriptDirectory.from_config(config)


def differences(app: Flask) -> list[object]:
    with app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))


def test_there_is_one_head_and_the_head_file_names_it() -> None:
    assert script().get_heads() == [(FOLDER / "HEAD").read_text(encoding="ascii").strip()]


def test_no_migration_imports_our_code() -> None:
    ours = ("core", "residents", "points", "activities", "exchange", "admin")
    for file in Path(FOLDER / "versions").glob("*.py"):
        for line in file.read_text(encoding="utf-8").splitlines():
            assert not line.startswith(
                tuple(f"{word} {name}" for name in ours for word in ("from", "import"))
            )


def test_the_migrated_schema_is_that_of_the_models(app: Flask) -> None:
    assert differences(app) == []


def test_every_step_goes_back_and_forth(app: Flask) -> None:
    with app.app_context():
        downgrade(revision="base")
        left = set(inspect(db.engine).get_table_names()) - {"alembic_version"}
        upgrade()

    assert left == set()
    assert differences(app) == []
