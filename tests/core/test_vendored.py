"""What others wrote and we ship: listed with version and licence, and unchanged."""

from __future__ import annotations

import base64
import hashlib
import json

from core.config import ROOT

VENDOR = ROOT / "static" / "vendor"


def test_every_vendored_file_is_the_one_that_the_manifest_names() -> None:
    listed = json.loads((VENDOR / "MANIFEST.json").read_text(encoding="utf-8"))
    for row in listed:
        digest = hashlib.sha384((VENDOR / row["file"]).read_bytes()).digest()
        assert row["integrity"] == f"sha384-{base64.b64encode(digest).decode()}", row["file"]
        assert row["version"] in row["file"]
        assert (VENDOR / f"{row['name']}-LICENSE.txt").read_text(encoding="utf-8").strip()


def test_nothing_is_vendored_that_the_manifest_does_not_name() -> None:
    listed = json.loads((VENDOR / "MANIFEST.json").read_text(encoding="utf-8"))
    known = {"MANIFEST.json"}
    for row in listed:
        known |= {row["file"], f"{row['name']}-LICENSE.txt"}
    # Ready-made compressed copies are made by make, beside what they compress.
    shipped = {file.name for file in VENDOR.iterdir() if file.suffix not in {".gz", ".br"}}
    assert shipped == known
