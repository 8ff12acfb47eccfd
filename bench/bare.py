"""The floor of check-in: a bare Flask route with one insert, on the database of the application."""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

import psycopg
from flask import Flask, request
from sqlalchemy import make_url

from core.db import init_app

TABLE = "bare_check_ins"


def bare_app(url: str) -> Flask:
    """Make an application of one route, with one prepared insert and a connection per thread."""
    app = Flask(__name__)
    init_app(app, url)
    where = make_url(url)
    mine = threading.local()

    def connection() -> psycopg.Connection[tuple[Any, ...]]:
        found: psycopg.Connection[tuple[Any, ...]] | None = getattr(mine, "connection", None)
        if found is None:
            found = psycopg.connect(
                host=str(where.query["host"]), user=where.username, dbname=where.database
            )
            mine.connection = found
        return found

    @app.post("/")
    def check_in() -> dict[str, str]:
        """Insert one row and commit."""
        identity = uuid4()
        line = connection()
        line.execute(
            f"INSERT INTO {TABLE} (id, resident) VALUES (%s, %s)".encode(),
            (identity, request.form["resident"]),
        )
        line.commit()
        return {"id": str(identity)}

    return app
