"""The signature of a feed: HMAC-SHA256 over method, path, timestamp and body.

There is no token to steal from a log: what crosses the wire is good for this body, for five
minutes, and for nothing new (its items are known by their keys).
"""

from __future__ import annotations

import datetime as dt
import hmac
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from core.crypto import decrypt, same
from core.errors import N_, AppError
from points.feeds.feeders import SECRET, acting
from points.models import Feeder

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.acts import Actor

SCHEME = "v1="
SKEW_SECONDS = 300
TIMESTAMP_DIGITS = 12
NOBODY = "nobody has this secret"
"""What an unknown feeder's signature is compared with, so that it takes as long as a known one."""


class FeedNotSigned(AppError):
    """The feeder is unknown or not in use, or the signature is not that of its secret."""

    status = HTTPStatus.UNAUTHORIZED
    text = N_("签名不对，或这个接入方没有启用。请核对编号、密钥和签名的写法。")


class FeedStale(AppError):
    """The timestamp is more than five minutes off."""

    status = HTTPStatus.UNAUTHORIZED
    text = N_("时间戳和服务器相差超过 5 分钟。请校准设备的时钟，再重新签名。")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """What was signed, and the headers that say so."""

    feeder: UUID
    method: str
    path: str
    body: bytes
    timestamp: str
    signature: str


def signature_of(secret: str, method: str, path: str, timestamp: str, body: bytes) -> str:
    """Return what the signature header says."""
    message = b"\n".join((method.encode(), path.encode(), timestamp.encode(), body))
    return SCHEME + hmac.new(secret.encode(), message, sha256).hexdigest()


def who_signed(connection: Connection, asked: SignedRequest, now: dt.datetime) -> Actor:
    """Return the feeder as an actor; raises FeedNotSigned or FeedStale."""
    row = connection.execute(
        select(Feeder.__table__).where(Feeder.id == asked.feeder),
    ).first()
    secret = decrypt(SECRET, row.secret_cipher) if row else NOBODY
    expected = signature_of(secret, asked.method, asked.path, asked.timestamp, asked.body)
    if not same(expected, asked.signature) or row is None or row.state != "active":
        raise FeedNotSigned
    digits = asked.timestamp
    if not (digits.isascii() and digits.isdigit() and len(digits) <= TIMESTAMP_DIGITS):
        raise FeedStale
    if abs(now.timestamp() - int(digits)) > SKEW_SECONDS:
        raise FeedStale
    return acting(row)
