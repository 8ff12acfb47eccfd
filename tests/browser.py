"""A real Chromium and a Chinese font for the tests: the system's, else installed, else explained.

Run as a module it makes sure that both are there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=zh-CN",
)
NAMES = ("chromium", "chromium-browser", "google-chrome")
INSTALL_SECONDS = 900


def executable() -> str | None:
    """Return the browser's path: the system's, else the one that Playwright fetched."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    cache = Path.home() / ".cache" / "ms-playwright"
    return next((str(path) for path in sorted(cache.glob("chromium-*/chrome-linux*/chrome"))), None)


def has_chinese_font() -> bool:
    """Whether the machine can draw Chinese."""
    if not shutil.which("fc-list"):
        return False
    answer = subprocess.run(["fc-list", ":lang=zh"], capture_output=True, text=True, check=False)
    return bool(answer.stdout.strip())


def _apt(*packages: str) -> None:
    """Install as root, quietly; what apt says is shown only when it fails."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", "-qq", *command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
        if done.returncode:
            sys.stderr.write(done.stdout + done.stderr)


def ensure() -> None:
    """Leave with one sentence when there is no browser or no font and none can be had."""
    missing = []
    if not executable():
        missing.append("chromium")
    if not has_chinese_font():
        missing += ["fonts-noto-cjk", "fontconfig"]
    if missing:
        sys.stderr.write(f"installing {' '.join(missing)} for the browser tests ...\n")
        _apt(*missing)
    if not executable():
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    if not executable():
        sys.exit("The browser tests need the package chromium: install it, then run this again.")
    if not has_chinese_font():
        sys.exit("The browser tests need the package fonts-noto-cjk: install it, then run again.")


if __name__ == "__main__":
    ensure()
