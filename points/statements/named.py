"""Whose name and address a paper carries, and whether those read off it are the ones printed."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.crypto import mac, same
from core.directory import directory
from points.statements.periods import Subject

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from points.statements.check import Issued

SEPARATORS = re.compile(r"[\s·•・、,]")
DASHES = re.compile(r"[\u2010-\u2015\u2212]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """What stands at the head of a holder's paper."""

    #: Everybody's of a household; "" where nobody of it is known.
    names: tuple[str, ...]
    address: str

    @property
    def name(self) -> str:
        """Return the names as they are printed."""
        return "、".join(self.names)


def whose(connection: Connection, subject: Subject, at: dt.datetime) -> Whose | None:
    """Return whose names are on a paper: of a household those of the day it was given out.

    None of a community's book, and where the holder is unknown: there the place is printed.
    """
    if subject.of == "community":
        return None
    who = directory().shown(connection, [subject.holder], at).get(subject.holder)
    return Whose(names=who.names, address=who.address) if who else None


def fingerprint(subject: Subject, name: str, address: str) -> str:
    """Return what is kept of a name and an address: whoever reads the row learns neither.

    The holder goes in, so that two people of one name cannot be told by it.
    """
    return mac("statement-heading", subject.holder, _plain(name), _plain(address)).hex()


def _plain(raw: str) -> str:
    """Leave out what people type in another way than it is printed: width, spaces, dots."""
    text = DASHES.sub("-", unicodedata.normalize("NFKC", raw))
    return SEPARATORS.sub("", text).casefold()


def heading_mark(connection: Connection, subject: Subject, at: dt.datetime) -> str | None:
    """Return the fingerprint of what a paper given out now has at its head."""
    found = whose(connection, subject, at)
    return fingerprint(subject, found.name, found.address) if found else None


def agrees(connection: Connection, issued: Issued, name: str, address: str) -> bool | None:
    """Tell whether a paper says this name and this address; None where it names a place only.

    Both have one answer, so that nobody guesses the one without the other. A record that was
    amended since is right in both ways: as first given out, and as it is printed once more.
    """
    now = heading_mark(connection, issued.subject, issued.issued_at)
    if now is None:
        return None
    typed = fingerprint(issued.subject, name, address)
    return same(typed, now) or same(typed, issued.heading or now)
