"""How often codes may be asked for and tried: by number, by address, and in all."""

from __future__ import annotations

from core.crypto import normal_phone, phone_index
from core.limits import Hit, hit
from core.work import transact

DAY = 24 * 3600
CODES_PER_NUMBER = 10
CODES_PER_ADDRESS = 300
CODES_IN_ALL = 100_000
TRIES_PER_ADDRESS = 1_000
TRIES_PER_NUMBER = 60
"""Ten codes of five tries, and some: a code that is tried from many sides at once holds, too."""

REGISTRATIONS_PER_NUMBER = 10


def limit_codes(phone: str, address: str) -> None:
    """Count a code that is asked for; raises TooMany or PhoneMalformed."""
    index = phone_index(normal_phone(phone))
    transact(hit, Hit(name=f"code:{index}", limit=CODES_PER_NUMBER, seconds=DAY))
    transact(hit, Hit(name=f"code-from:{address}", limit=CODES_PER_ADDRESS, seconds=DAY))
    transact(hit, Hit(name="codes", limit=CODES_IN_ALL, seconds=DAY))


def limit_tries(phone: str, address: str) -> None:
    """Count a code that is tried; raises TooMany or PhoneMalformed."""
    index = phone_index(normal_phone(phone))
    transact(hit, Hit(name=f"try:{index}", limit=TRIES_PER_NUMBER, seconds=DAY))
    transact(hit, Hit(name=f"try-from:{address}", limit=TRIES_PER_ADDRESS, seconds=DAY))


def limit_registrations(phone: str) -> None:
    """Count somebody who registers with a number that was proven; raises TooMany."""
    index = phone_index(phone)
    transact(hit, Hit(name=f"join:{index}", limit=REGISTRATIONS_PER_NUMBER, seconds=DAY))
