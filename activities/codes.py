"""Venue codes: a MAC of session, epoch, phase and time step. Nothing is stored, any worker checks.

A code is sixteen characters of Crockford's base32: eight name the session, eight are the first 40
bits of HMAC-SHA256. It is accepted in its own step and in the one after.
"""

from __future__ import annotations

import datetime as dt
import re
import secrets
import unicodedata
from dataclasses import dataclass
from typing import Literal

from core.crypto import mac, same

Phase = Literal["entry", "exit"]
PHASES: tuple[Phase, Phase] = ("entry", "exit")
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SHORT = 8
LENGTH = 2 * SHORT
ACCEPTED_STEPS = 2
SHAPE = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")
LOOKALIKES = str.maketrans({"I": "1", "L": "1", "O": "0"})


def new_short_code() -> str:
    """Make the eight characters that name a session."""
    return "".join(secrets.choice(ALPHABET) for _ in range(SHORT))


def normalise(code: str) -> str | None:
    """Return a code in its one spelling, or None where it is no code at all.

    Full-width and lower-case letters, spaces, hyphens and Crockford's look-alikes are forgiven.
    """
    plain = re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", code)).upper()
    plain = plain.translate(LOOKALIKES)
    return plain if SHAPE.fullmatch(plain) else None


def step_of(moment: dt.datetime, step_seconds: int) -> int:
    """Return the number of the time step that a moment lies in."""
    return int(moment.timestamp()) // step_seconds


def step_time(step: int, step_seconds: int) -> dt.datetime:
    """Return the moment at which a step begins."""
    return dt.datetime.fromtimestamp(step * step_seconds, dt.UTC)


def code_of(short_code: str, epoch: int, phase: Phase, step: int) -> str:
    """Return the code of a session at a step."""
    digest = mac("venue-code", short_code, epoch, phase, step)
    number = int.from_bytes(digest[:5], "big")
    tail = "".join(ALPHABET[number >> shift & 31] for shift in range(35, -1, -5))
    return short_code + tail


@dataclass(frozen=True, slots=True)
class Match:
    """What a code proves: the phase, and the step in which it was shown."""

    phase: Phase
    step: int


def match(code: str, epoch: int, now: dt.datetime, step_seconds: int) -> Match | None:
    """Return what a normalised code proves now, or None: expired, forged, or voided."""
    current = step_of(now, step_seconds)
    found = None
    for phase in PHASES:
        for step in range(current, current - ACCEPTED_STEPS, -1):
            if same(code, code_of(code[:SHORT], epoch, phase, step)):
                found = Match(phase, step)
    return found
