"""What others wrote and we ship: listed with version and licence, and unchanged."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest

from core.config import ROOT

VENDOR = pytest.mark.parametrize("vendor", [ROOT / "static" / "vendor", ROOT / "data" / "fonts"])
OURS = {"MANIFEST.json", "make.py"}


@VENDOR
def test_every_vendored_file_is_the_one_that_the_manifest_names(vendor: Path) -> None:
    listed = json.loads((vendor / "MANIFEST.json").read_text(encoding="utf-8"))
    assert listed
    for row in listed:
        digest = hashlib.sha384((vendor / row["file"]).read_bytes()).digest()
        assert row["integrity"] == f"sha384-{base64.b64encode(digest).decode()}", row["file"]
        assert row["version"] in row["file"]
        assert (vendor / f"{row['name']}-LICENSE.txt").read_text(encoding="utf-8").strip()


@VENDOR
def test_nothing_is_vendored_that_the_manifest_does_not_name(vendor: Path) -> None:
    listed = json.loads((vendor / "MANIFEST.json").read_text(encoding="utf-8"))
    known = set(OURS)
    for row in listed:
        known |= {row["file"], f"{row['name']}-LICENSE.txt"}
    # Ready-made compressed copies are made by make, beside what they compress.
    files = {file.name for file in vendor.iterdir() if file.is_file()}
    shipped = {name for name in files if not name.endswith((".gz", ".br"))}
    assert shipped - OURS == known - OURS
