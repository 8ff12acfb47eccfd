"""Time-ordered ids: 48 bits of milliseconds first, so that they sort by the time of the event."""

from __future__ import annotations

import datetime as dt
import os
from hashlib import blake2b
from uuid import UUID

NIL = UUID(int=0)
_VARIANT = 0x2 << 62


def milliseconds(moment: dt.datetime) -> int:
    """Milliseconds since the epoch."""
    return int(moment.timestamp() * 1000)


def _shape(moment: dt.datetime, version: int, tail: int) -> UUID:
    head = (milliseconds(moment) & ((1 << 48) - 1)) << 80
    rand_a = (tail >> 62 & 0xFFF) << 64
    return UUID(int=head | version << 76 | rand_a | _VARIANT | tail & ((1 << 62) - 1))


def uuid7(moment: dt.datetime) -> UUID:
    """Return a random id of this moment (RFC 9562, version 7)."""
    return _shape(moment, 7, int.from_bytes(os.urandom(10), "big"))


def uuid8(moment: dt.datetime, *cause: object) -> UUID:
    """Return the one id that this cause has (RFC 9562, version 8): equal causes, equal ids.

    ``moment`` is the cause's own time, never the time of recording, or a late sheet would get
    another id than the scan that it repeats.
    """
    digest = blake2b("\x1f".join(map(str, cause)).encode(), digest_size=10)
    return _shape(moment, 8, int.from_bytes(digest.digest(), "big"))


def uuid8_numbered(moment: dt.datetime, tag: int, number: int) -> UUID:
    """Return the one id of a numbered cause: nothing is hashed, so that SQL can make it as well.

    ``number`` has 62 bits, as accounts' ids have; ``tag`` (12 bits) tells kinds of causes apart.
    """
    return _shape(moment, 8, tag << 62 | number)
