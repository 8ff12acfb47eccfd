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


def guards(app: Flask) -> dict[str, object]:
    """Return what autogenerate does not compare: every CHECK, and what an index is limited to."""
    found: dict[str, object] = {}
    with app.app_context():
        database = inspect(db.engine)
        for table in sorted(set(database.get_table_names()) - {"alembic_version"}):
            for check in database.get_check_constraints(table):
                found[f"{table}: {check['name']}"] = check["sqltext"]
            for index in database.get_indexes(table):
                limits = index.get("dialect_options", {}).items()
                found[f"{table}: {index['name']}"] = {name: str(words) for name, words in limits}
    return found


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


def test_every_check_and_partial_index_of_the_models_is_in_the_migrated_schema(app: Flask) -> None:
    migrated = guards(app)
    with app.app_context():
        downgrade(revision="base")
        with db.engine.connect().execution_options(writes=True) as connection, connection.begin():
            Base.metadata.create_all(connection)

    assert guards(app) == migrated
    assert any("balance" in str(each) or "debited" in str(each) for each in migrated.values())


def test_every_step_goes_back_and_forth(app: Flask) -> None:
    with app.app_context():
        downgrade(revision="base")
        left = set(inspect(db.engine).get_table_names()) - {"alembic_version"}
        upgrade()

    assert left == set()
    assert differences(app) == []
