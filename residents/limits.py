"""How often codes may be asked for and tried: from an address, for a number, and in all.

Somebody else must not be able to shut a number's owner out. So what strangers do is counted by
their address and browser first; the number as a whole is only slowed; and a browser in which the
number was proven before has a share of its own.
"""

from __future__ import annotations

from core.crypto import normal_phone, phone_index, token_hash
from core.limits import DAY, Hit, hit
from core.work import transact
from residents.sign_in import TakeTry, Verified, VerifyCode, take_try, verify_code

CODES_FROM_ONE_ADDRESS = 6
"""For one number: fewer than the number gets freely, so that one address cannot slow it."""

CODES_FREELY = 12
SLOW_SECONDS = 600
"""What a number waits between codes above that, which bounds guessing from many addresses."""

CODES_PROVEN = 10
CODES_PER_ADDRESS = 300
CODES_IN_ALL = 100_000
TRIES_PER_ADDRESS = 1_000
TRIES_PER_BROWSER = 60
"""At one number: a code that is tried from many sides at once holds, too."""

REGISTRATIONS_PER_NUMBER = 10


def limit_codes(phone: str, address: str, proven: str = "") -> None:
    """Count a code that is asked for; raises TooMany, TooManyToday or PhoneMalformed.

    ``proven`` is the index of the number that the asking browser proved before.
    """
    index = phone_index(normal_phone(phone))
    if proven == index:
        transact(hit, Hit(name=f"code-proven:{index}", limit=CODES_PROVEN, seconds=DAY))
    else:
        here = Hit(name=f"code:{index}:{address}", limit=CODES_FROM_ONE_ADDRESS, seconds=DAY)
        transact(hit, here)
        asked = transact(hit, Hit(name=f"code:{index}", limit=CODES_IN_ALL, seconds=DAY)).used
        if asked > CODES_FREELY:
            transact(hit, Hit(name=f"code-slow:{index}", limit=1, seconds=SLOW_SECONDS))
    transact(hit, Hit(name=f"code-from:{address}", limit=CODES_PER_ADDRESS, seconds=DAY))
    transact(hit, Hit(name="codes", limit=CODES_IN_ALL, seconds=DAY))


def limit_tries(phone: str, address: str, browser: str) -> None:
    """Count a code that is tried; raises TooManyToday or PhoneMalformed.

    A code is of use in the browser that asked for it, so that browsers are counted apart.
    """
    name = f"try:{phone_index(normal_phone(phone))}:{token_hash(browser)}"
    transact(hit, Hit(name=name, limit=TRIES_PER_BROWSER, seconds=DAY))
    transact(hit, Hit(name=f"try-from:{address}", limit=TRIES_PER_ADDRESS, seconds=DAY))


def prove_number(phone: str, code: str, browser: str) -> Verified:
    """Take one of the code's five tries for good, then compare; raises CodeWrong, CodeExpired."""
    taken = transact(take_try, TakeTry(phone=phone, browser=browser))
    command = VerifyCode(phone=phone, code=code, login_code=taken.login_code)
    return transact(verify_code, command)


def limit_registrations(phone: str) -> None:
    """Count somebody who registers with a number that was proven; raises TooManyToday."""
    index = phone_index(phone)
    transact(hit, Hit(name=f"join:{index}", limit=REGISTRATIONS_PER_NUMBER, seconds=DAY))
