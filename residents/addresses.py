"""Addresses as people say them, in one spelling."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from core.errors import N_, Rejected

PART_MAX = 40
NUMBERED = re.compile(r"(号楼|栋|幢|单元|室|号)$")


class AddressIncomplete(Rejected):
    """An address needs an estate (or village group) and a room (or number)."""

    text = N_("住址要写全：小区、幢、单元、室；村里写组和号。请补上后再保存。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """小区 + 幢 + 单元 + 室, or 组 + 号: what is missing is empty."""

    estate: str
    building: str = ""
    unit: str = ""
    room: str = ""

    def normal(self) -> Address:
        """Return it with full-width digits, spaces and suffixes out of the way."""
        address = Address(
            estate=_plain(self.estate),
            building=NUMBERED.sub("", _plain(self.building)),
            unit=NUMBERED.sub("", _plain(self.unit)),
            room=NUMBERED.sub("", _plain(self.room)),
        )
        if not address.estate or not (address.room or address.building):
            raise AddressIncomplete
        return address

    @property
    def words(self) -> str:
        """The address in one line, as the desk searches and shows it: 建国南苑 3-2-401."""
        numbers = "-".join(part for part in (self.building, self.unit, self.room) if part)
        return f"{self.estate} {numbers}".strip()


def _plain(words: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", words))[:PART_MAX]
