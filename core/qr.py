"""Drawing QR codes."""

from __future__ import annotations

import qrcode
from markupsafe import Markup
from qrcode.constants import ERROR_CORRECT_M

QUIET = 4
"""Modules of white around the code, as the standard asks."""


def modules(text: str) -> list[list[bool]]:
    """Return the rows of a code, dark modules true, with the quiet around."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=QUIET)
    code.add_data(text)
    code.make(fit=True)
    return code.get_matrix()


def svg(text: str, title: str) -> Markup:
    """Draw a QR code as inline SVG: one path of dark modules, four modules of quiet around."""
    rows = modules(text)
    path = "".join(
        f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark
    )
    return Markup(
        '<svg role="img" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}"'
        ' shape-rendering="crispEdges"><title>{title}</title>'
        '<path fill="#fff" d="M0 0h{size}v{size}h-{size}z"/><path fill="#000" d="{path}"/></svg>',
    ).format(size=len(rows), title=title, path=path)
