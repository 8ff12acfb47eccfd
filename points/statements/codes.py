"""Check codes: twelve characters that people can read out and type, two of them check digits.

Ten random ones of an alphabet without lookalikes (49 bits: nobody guesses one), and two digits:
the remainder by 97 of the ten read as one number to the base of the alphabet. Base and modulus are
prime to each other and no two characters differ by 97, so that every single slip and every two
neighbours that changed places are noticed, before anything is looked up.
"""

from __future__ import annotations

import re
import secrets
import unicodedata

from core.errors import N_, Rejected

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
RANDOM = 10
MODULUS = 97
SHAPE = re.compile(rf"[{ALPHABET}]{{{RANDOM}}}[0-9]{{2}}")
LOOKALIKES = str.maketrans("OIL", "011")


class CodeMisspelled(Rejected):
    """The check digits do not fit: a character is missing, added or altered."""

    text = N_("核对码不对，可能看错或被改过。请照单子上的 12 位再输一次。")


def check_digits(body: str) -> str:
    """Return the two digits that make the whole leave a remainder of 1 by 97."""
    number = 0
    for each in body:
        number = number * len(ALPHABET) + ALPHABET.index(each)
    return f"{number % MODULUS:02d}"


def new_code() -> str:
    """Draw a code that nobody can guess."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM))
    return body + check_digits(body)


def read_code(raw: str) -> str:
    """Return a code as it is stored, however it was typed; raises CodeMisspelled."""
    typed = re.sub(r"[\s\-·.]", "", unicodedata.normalize("NFKC", raw)).upper()
    typed = typed.translate(LOOKALIKES)
    if not SHAPE.fullmatch(typed) or check_digits(typed[:RANDOM]) != typed[RANDOM:]:
        raise CodeMisspelled
    return typed


def spaced(code: str) -> str:
    """Write a code in three groups of four: "7KQM 3XPA RT42"."""
    return " ".join(code[at : at + 4] for at in range(0, len(code), 4))
