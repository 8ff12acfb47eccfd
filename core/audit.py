"""The audit row of a transaction: who ran which use case, with what key, to what end."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from core.errors import KeyReused
from core.straight import plain

if TYPE_CHECKING:
    from core.work import Work

AUDIT = text(
    "INSERT INTO audit_events (id, at, use_case, actor, scope, key, digest, result)"
    " VALUES (:id, :at, :use_case, :actor, :scope, :key, :digest, :result)"
    " ON CONFLICT (use_case, actor, key) DO NOTHING RETURNING id",
)
STORED = text(
    "SELECT digest FROM audit_events WHERE use_case = :use_case AND actor = :actor AND key = :key",
)
PLAIN = plain(AUDIT)
"""The same as psycopg takes it, to be sent together with COMMIT."""


def given_key(command: object) -> object | None:
    """Return the explicit key of a command, None where it has a natural identity."""
    found: object | None = getattr(command, "key", None)
    return found


def entry(
    work: Work, name: str, command: object, result: object, secret: bytes
) -> dict[str, object]:
    """Return the audit row; the digest of a command that came with a key is keyed by the secret."""
    identity, given = work.new_id(), given_key(command)
    digest = ""
    if given is not None:
        digest = blake2b(repr(command).encode(), key=secret[:64], digest_size=16).hexdigest()
    return work.bind(
        id=identity,
        at=work.now,
        use_case=name,
        actor=work.actor.person,
        scope=work.actor.scope,
        key=str(given) if given is not None else identity.hex,
        digest=digest,
        result=summary(result),
    )


def write(work: Work, row: dict[str, object]) -> None:
    """Write the row; raises KeyReused where its key came with another body before."""
    if work.changed and work.connection.execute(AUDIT, row).first() is not None:
        return
    stored = work.connection.execute(STORED, row).scalar()
    if stored is not None and stored != row["digest"]:
        raise KeyReused


def came_before(work: Work, use_case: str, key: str) -> bool:
    """Whether the actor's key was used before, where what it did cannot tell by itself."""
    asked = work.bind(use_case=use_case, actor=work.actor.person, key=key)
    return work.connection.execute(STORED, asked).first() is not None


def summary(result: object) -> str:
    """Describe a result for the audit row: ids, states and amounts, never a person's words."""
    if not is_dataclass(result):
        return ""
    kept: dict[str, object] = {}
    for item in fields(result):
        value = getattr(result, item.name)
        if isinstance(value, UUID):
            kept[item.name] = str(value)
        elif isinstance(value, bool | int) or (
            isinstance(value, str) and item.name in {"state", "status", "phase", "outcome"}
        ):
            kept[item.name] = value
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
