"""``make demo`` in a folder of its own: served, signed in to, looked at, and weighed."""

from __future__ import annotations

import re
import urllib.request
from itertools import cycle, islice
from pathlib import Path

from flask import Flask
from flask.sessions import SecureCookieSessionInterface

from app import create_app
from core.config import Config
from tests.serving import Serving

BUILDS_WITHIN = 600.0
PAGES = {
    "resident": ("/", "/points/", "/activities/", "/exchange/", "/exchange/orders", "/me"),
    "staff": ("/desk/", "/desk/approvals", "/desk/residents", "/desk/corrections", "/desk/rules"),
    "building_lead": ("/field/",),
    "district_admin": ("/console/", "/console/rates", "/console/orders", "/console/people"),
}


class Demonstration(Serving):
    """The demonstration while the block lasts; it is built where it is not there yet."""

    words = ("demo", "serve")
    starts_within = BUILDS_WITHIN

    def __init__(self, instance: Path) -> None:
        environment = {"LINLI_INSTANCE": str(instance), "LINLI_SCHEDULER": "inside"}
        super().__init__("wsgi", instance / "server.log", environment)
        self.instance = instance

    def said(self) -> str:
        """Return what the server has said since it was started."""
        return self.log.read_text(encoding="utf-8")

    def look_around(self, accounts: list[dict[str, str]], times: int) -> None:
        """Open pages as those who have accounts, one after the other."""
        cookies = session_cookies(self.instance, accounts)
        pages = [(role, page) for role, found in PAGES.items() for page in found]
        for role, page in islice(cycle(pages), times):
            self.get(page, {"Cookie": f"linli={cookies[role]}"})

    def get(self, address: str, headers: dict[str, str]) -> bytes:
        """Ask the server; raises where it does not answer 200."""
        request = urllib.request.Request(f"{self.url}{address}", headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own server
            assert answer.url.endswith(address), f"{address} led to {answer.url}"
            found: bytes = answer.read()
        return found

    def megabytes(self) -> float:
        """Return what the server and its workers hold in memory, what they share counted once."""
        assert self.process is not None
        pids = [self.process.pid, *_children(self.process.pid)]
        return sum(_proportional(pid) for pid in pids)


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in listed.split()]


def _proportional(pid: int) -> float:
    told = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    found = re.search(r"^Pss: +(\d+) kB$", told, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


def application(instance: Path) -> Flask:
    """Make the application of a demonstration's folder."""
    secret = (instance / "secret.key").read_text(encoding="ascii").strip()
    return create_app(
        Config(
            database_url=f"sqlite:///{instance}/linli.sqlite", secret_key=secret, instance=instance
        )
    )


def session_cookies(instance: Path, accounts: list[dict[str, str]]) -> dict[str, str]:
    """Make the session cookie of the first account of each role, as signing in would."""
    signer = SecureCookieSessionInterface().get_signing_serializer(application(instance))
    assert signer is not None
    made: dict[str, str] = {}
    for account in accounts:
        value = {"_user_id": account["token"], "_fresh": True, "_permanent": True}
        made.setdefault(account["role"], str(signer.dumps(value)))
    return made
