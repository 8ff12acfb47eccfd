"""领取码: six digits, and a short address in a QR code that any phone opens."""

from __future__ import annotations

from uuid import UUID

import qrcode
from markupsafe import Markup
from qrcode.constants import ERROR_CORRECT_M

from core.work import configuration

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
LENGTH = 25
"""36 ** 25 is more than 2 ** 128."""

CODE_LENGTH = 6
QUIET = 4


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


def svg(text: str, title: str) -> Markup:
    """Draw a QR code as inline SVG: one path of dark modules, four modules of quiet around."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=QUIET)
    code.add_data(text)
    code.make(fit=True)
    rows = code.get_matrix()
    path = "".join(
        f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark
    )
    return Markup(
        '<svg role="img" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}"'
        ' shape-rendering="crispEdges"><title>{title}</title>'
        '<path fill="#fff" d="M0 0h{size}v{size}h-{size}z"/><path fill="#000" d="{path}"/></svg>',
    ).format(size=len(rows), title=title, path=path)
