"""Logs as lines of JSON, without what is nobody's business."""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
import traceback
from collections.abc import Iterator
from typing import TextIO, cast

from flask import has_request_context, request
from flask.logging import wsgi_errors_stream

REDACTIONS = (
    (re.compile(r"(?<!\d)((?:86)?1[3-9]\d)\d{4}(\d{4})(?!\d)"), r"\1****\2"),
    (re.compile(r"(?i)\b(bearer\s+)\S+"), r"\1***"),
    (re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)"), "***"),
)
"""Mobile numbers, tokens, numbers of identity cards."""


def redacted(words: str) -> str:
    """Return the words without what identifies or lets in somebody."""
    for pattern, instead in REDACTIONS:
        words = pattern.sub(instead, words)
    return words


def _told(error: BaseException) -> Iterator[str]:
    """Tell an error and its causes: frames, class, and the first line of what it says.

    Further lines are where databases quote the row that they refuse.
    """
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _told(cause)
    yield from traceback.format_tb(error.__traceback__)
    said = str(error).partition("\n")[0]
    yield f"{type(error).__module__}.{type(error).__qualname__}: {said}\n"


class JsonLines(logging.Formatter):
    """One line for each record; within a request with its rule, never with its address."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        at = dt.datetime.fromtimestamp(record.created, dt.UTC)
        line = {
            "at": at.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if has_request_context() and request.url_rule is not None:
            # Addresses carry codes and tokens; the rule says which page it was.
            line["request"] = f"{request.method} {request.url_rule.rule}"
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = "".join(_told(record.exc_info[1]))
        return json.dumps({name: redacted(value) for name, value in line.items()})


def start() -> None:
    """Send what is logged in this process to the terminal, once."""
    root = logging.getLogger()
    if not any(isinstance(handler.formatter, JsonLines) for handler in root.handlers):
        handler = logging.StreamHandler(cast("TextIO", wsgi_errors_stream))
        handler.setFormatter(JsonLines())
        root.addHandler(handler)
