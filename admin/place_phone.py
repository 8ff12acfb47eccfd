"""The number that residents call: a form on both pages of settings."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from core.errors import AppError
from core.identity import current_actor
from core.work import reader, transact
from residents.models import Community, District
from residents.places import NumberOdd, SetPhone, set_phone


def phone_form(place: int | None = None) -> dict[str, Any]:
    """Return the number of a community (None: the district), and the district's behind it."""
    connection = reader()
    district = connection.execute(select(District.code, District.phone).limit(1)).one()
    own = district.phone
    if place is not None:
        own = connection.scalar(select(Community.phone).where(Community.code == place))
    return {
        "place": place or district.code,
        "number": own or "",
        "behind": district.phone or "" if place is not None else "",
        "error": "",
    }


def save_phone(form: dict[str, Any], typed: str) -> AppError | None:
    """Set the number; return the refusal that stands beside the field."""
    try:
        transact(set_phone, SetPhone(place=form["place"], phone=typed), current_actor())
    except NumberOdd as refusal:
        form["number"], form["error"] = typed, refusal.sentence()
        return refusal
    return None
