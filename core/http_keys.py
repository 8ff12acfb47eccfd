"""The Idempotency-Key of the API, and its twin in the forms of pages."""

from __future__ import annotations

import secrets

from flask import request

from core.errors import N_, AppError

KEY_MAX = 200


class IdempotencyKeyMissing(AppError):
    """An act without an identity of its own needs a key, so that a repeat is not a second act."""

    text = N_("请求缺少 Idempotency-Key。请为这一次操作生成一个，重试时用同一个。")


def idempotency_key() -> str:
    """Return the request's key; raises IdempotencyKeyMissing."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key or len(key) > KEY_MAX:
        raise IdempotencyKeyMissing
    return key


def form_key() -> str:
    """Make the hidden key of a form that is being shown."""
    return secrets.token_urlsafe(18)
