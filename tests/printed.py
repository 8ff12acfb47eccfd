"""Reading a PDF back without the library that wrote it: its words, its type sizes, its QR codes.

It knows as much of the format as our papers use: deflated streams, two-byte characters with a
ToUnicode map, filled rectangles. Codes are drawn again from their rectangles and decoded.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

import zxingcpp
from PIL import Image, ImageDraw

SCALE = 4
A4 = (596, 842)
TEXT = re.compile(rb"/F\d+ ([\d.]+) Tf|\(((?:[^\\)]|\\.)*)\) Tj", re.DOTALL)
RECTANGLE = re.compile(rb"([\d.]+) ([\d.]+) ([\d.]+) (-?[\d.]+) re f")
ESCAPES = {b"\\r": b"\r", b"\\(": b"(", b"\\)": b")", b"\\\\": b"\\"}


@dataclass(frozen=True)
class Printed:
    """What a reader of the paper sees."""

    #: The strings of each page, in the order in which they were written.
    pages: list[list[str]]
    sizes: set[float]
    #: What the QR codes say.
    codes: list[str]
    #: Bytes of the fonts that the document carries.
    font_bytes: int

    @property
    def words(self) -> str:
        """Everything, without white space."""
        return re.sub(r"\s", "", "".join("".join(page) for page in self.pages))


def read(document: bytes) -> Printed:
    """Read a document of ours."""
    assert document.startswith(b"%PDF")
    streams = [
        _inflated(found) for found in re.findall(rb"stream\n(.*?)\nendstream", document, re.DOTALL)
    ]
    maps = [each for each in streams if b"beginbfchar" in each or b"beginbfrange" in each]
    characters = {
        code: bytes.fromhex(unicode.decode()).decode("utf-16-be")
        for each in maps
        for code, unicode in re.findall(rb"<([0-9A-F]{4})> <([0-9A-F]+)>", each)
    }
    contents = [each for each in streams if b" Tf" in each]
    sizes, pages = set(), []
    for each in contents:
        page = []
        for size, string in TEXT.findall(each):
            if size:
                sizes.add(float(size))
            else:
                page.append(_decoded(string, characters))
        pages.append(page)
    fonts = [each for each in streams if each[:1] == b"\x01" and b"Adobe" in each]
    return Printed(
        pages=pages,
        sizes=sizes,
        codes=[code for each in contents for code in _codes(each)],
        font_bytes=sum(len(each) for each in fonts),
    )


def _inflated(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return stream


def _decoded(string: bytes, characters: dict[bytes, str]) -> str:
    plain = re.sub(rb"\\[r()\\]", lambda found: ESCAPES[found[0]], string)
    codes = [plain[at : at + 2].hex().upper().encode() for at in range(0, len(plain), 2)]
    return "".join(characters.get(code, "?") for code in codes)


def _codes(content: bytes) -> list[str]:
    """Draw the filled rectangles of a page and read the codes among them."""
    page = Image.new("L", (A4[0] * SCALE, A4[1] * SCALE), 255)
    pencil = ImageDraw.Draw(page)
    for found in RECTANGLE.findall(content):
        left, top, width, height = (float(each) * SCALE for each in found)
        top = A4[1] * SCALE - top
        pencil.rectangle((left, top, left + width - 1, top - height - 1), fill=0)
    return [found.text for found in zxingcpp.read_barcodes(page)]
