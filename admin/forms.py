"""Reading what people type into forms: ids, whole numbers, points, times of day."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable, Mapping
from uuid import UUID

from core.defaults import CENTIPOINTS
from core.work import SHANGHAI

DIGITS = 15
PAGES = 10_000
HUNDREDTHS = re.compile(r"([0-9]{1,13})(?:[.。]([0-9]{1,2}))?")
TIME = re.compile(r"([01]?[0-9]|2[0-3])[:.]([0-5][0-9])(?::[0-5][0-9])?")


def identity(raw: str | None) -> UUID | None:
    """Return an id, or None where it is none."""
    try:
        return UUID(raw) if raw else None
    except ValueError:
        return None


def identities(raw: Iterable[str]) -> tuple[UUID, ...]:
    """Return the ids among these, each once, in their order."""
    found = (identity(each) for each in raw)
    return tuple(dict.fromkeys(each for each in found if each is not None))


def number(raw: str | None) -> int | None:
    """Return a whole number that is not negative, full-width digits forgiven.

    One that no column holds is none.
    """
    plain = unicodedata.normalize("NFKC", raw or "").strip()
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) <= DIGITS else None


def page_number(raw: str | None) -> int:
    """Return which page of a list is asked for: the first unless a sensible one is named."""
    return min(max(number(raw) or 1, 1), PAGES)


def readable(form: Mapping[str, str], name: str) -> bool:
    """Return whether a field of a whole number is empty, or holds one above zero."""
    return not form.get(name, "").strip() or bool(number(form[name]))


def centipoints(raw: str | None) -> int | None:
    """Return whole points as centipoints."""
    points = number(raw)
    return None if points is None else points * CENTIPOINTS


def exact_centipoints(raw: str | None) -> int | None:
    """Return points with two decimals at most as centipoints, full-width digits forgiven.

    A Chinese keyboard's full stop is a decimal point. None where it is something else.
    """
    found = HUNDREDTHS.fullmatch(unicodedata.normalize("NFKC", raw or "").strip())
    if found is None:
        return None
    return int(found[1]) * CENTIPOINTS + int((found[2] or "").ljust(2, "0"))


def instant(raw: str | None) -> dt.datetime | None:
    """Return a moment that a page was made at, as it was written there, or None."""
    try:
        found = dt.datetime.fromisoformat(raw or "")
    except ValueError:
        return None
    return found if found.tzinfo else None


def moment(day: dt.date, raw: str | None) -> dt.datetime | None:
    """Return a time of day in Hangzhou (14:05, 9.30) on a day, or None where it is none."""
    found = TIME.fullmatch(unicodedata.normalize("NFKC", raw or "").strip())
    if found is None:
        return None
    at = dt.time(int(found[1]), int(found[2]))
    return dt.datetime.combine(day, at, SHANGHAI).astimezone(dt.UTC)


def date(raw: str | None) -> dt.date | None:
    """Return a day (2026-11-28), or None where it is none."""
    try:
        return dt.date.fromisoformat((raw or "").strip())
    except ValueError:
        return None
