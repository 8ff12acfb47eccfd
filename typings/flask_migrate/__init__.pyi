from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy

class Migrate:
    def __init__(self, app: Flask, db: SQLAlchemy, directory: str = ..., **kwargs: Any) -> None: ...

def upgrade(directory: str | None = ..., revision: str = ...) -> None: ...
def downgrade(directory: str | None = ..., revision: str = ...) -> None: ...
