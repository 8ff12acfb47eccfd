"""A number that was proven a moment ago: a signed value that travels between two requests."""

from __future__ import annotations

import datetime as dt

from core.crypto import sign, signed
from core.errors import N_, Rejected
from core.work import present

MINUTES = 10


class ProofExpired(Rejected):
    """The number was proven too long ago, or never."""

    text = N_("验证过去太久了，请重新获取验证码。")


def prove(phone: str) -> str:
    """Return the proof that this number has just been verified."""
    until = present() + dt.timedelta(minutes=MINUTES)
    return sign("phone-proof", [phone, int(until.timestamp())])


def proven(proof: str) -> str:
    """Return the number of a proof; raises ProofExpired."""
    value = signed("phone-proof", proof)
    match value:
        case [str(phone), int(until)] if until > present().timestamp():
            return phone
    raise ProofExpired
