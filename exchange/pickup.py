"""领取码: six digits, and a short address in a QR code that any phone opens."""

from __future__ import annotations

from uuid import UUID

from core.work import configuration

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
LENGTH = 25
"""36 ** 25 is more than 2 ** 128."""

CODE_LENGTH = 6


def token_of(order: UUID, code: str) -> str:
    """Return what stands after /P/: the order, and its six digits, which prove the rest."""
    rest, digits = order.int, ""
    while rest:
        rest, digit = divmod(rest, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return f"{code}{digits.rjust(LENGTH, '0')}"


def parse(token: str) -> tuple[UUID, str] | None:
    """Return the order and the six digits of a token; None where it is garbled."""
    code, digits = token[:CODE_LENGTH], token[CODE_LENGTH:].lower()
    if len(digits) != LENGTH or not code.isdigit() or not code.isascii():
        return None
    if any(digit not in ALPHABET for digit in digits):
        return None
    number = int(digits, len(ALPHABET))
    return (UUID(int=number), code) if number < 1 << 128 else None


def address(order: UUID, code: str) -> str:
    """Return the short address that the QR code holds."""
    return f"{configuration().base_url}/P/{token_of(order, code)}"
