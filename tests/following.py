"""Going where the links of pages lead."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urljoin, urlsplit

from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient

HREF = re.compile(r'<a [^>]*href="([^"]+)"')


def follow(app: Flask, browser: FlaskClient, start: str = "/") -> dict[str, int]:
    """Open what links lead to, one address of each kind; return their statuses.

    Of a kind are addresses of one endpoint that ask for the same things.
    """
    adapter = app.url_map.bind("localhost")
    kinds: set[tuple[str, ...]] = set()
    found: dict[str, int] = {}
    waiting = [start]
    while waiting:
        address = waiting.pop()
        parts = urlsplit(address)
        try:
            endpoint, _values = adapter.match(parts.path)
        except RequestRedirect as nearby:
            waiting.append(urlsplit(nearby.new_url).path)
            continue
        except HTTPException:
            found[address] = 404
            continue
        kind = (str(endpoint), *sorted(parse_qs(parts.query)))
        if kind in kinds:
            continue
        kinds.add(kind)
        answer = browser.get(address, buffered=True)  # files that are streamed are closed, too
        found[address] = answer.status_code
        shown = answer.get_data(as_text=True) if answer.mimetype == "text/html" else ""
        led = [answer.location] if answer.location else map(unescape, HREF.findall(shown))
        nearer = (urlsplit(urljoin(address, each)) for each in led)
        waiting += [
            each._replace(scheme="", netloc="", fragment="").geturl()
            for each in nearer
            if each.netloc in {"", "localhost"} and each.scheme in {"", "http"}
        ]
    return found
