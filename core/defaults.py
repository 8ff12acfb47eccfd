"""The files of ``data/defaults``: what a district has on day one."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

from core.config import ROOT
from core.errors import N_, Rejected

if TYPE_CHECKING:
    from core.db import Base
    from core.work import Work

CENTIPOINTS = 100
FOLDER = ROOT / "data" / "defaults"


class DefaultsBroken(Rejected):
    """A row of the defaults breaks a rule; the file and the row are named."""

    text = N_("默认数据 {file} 里的“{key}”不对：{reason}。请改好后再导入。")


def rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a file of ``data/defaults``."""
    with (FOLDER / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def number(cell: str) -> int | None:
    """Read a whole number; an empty cell is None."""
    return int(cell) if cell else None


def put(work: Work, model: type[Base], records: list[dict[str, Any]], key: str = "key") -> None:
    """Insert the records, or bring those that are there up to date."""
    insert = sqlite.insert if work.is_sqlite else postgresql.insert
    statement = insert(model)
    changes = {column: statement.excluded[column] for column in records[0] if column != key}
    work.connection.execute(
        statement.on_conflict_do_update(index_elements=[key], set_=changes),
        records,
    )


def refuse_unless(condition: object, file: str, key: str, reason: str) -> None:
    """Raise DefaultsBroken where the condition does not hold."""
    if not condition:
        raise DefaultsBroken(file=file, key=key, reason=reason)
