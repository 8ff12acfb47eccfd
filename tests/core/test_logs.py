"""Logs: lines that programs read, and no line that tells who somebody is or lets anybody in."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.typing import ResponseReturnValue
from sqlalchemy import text

from core import logs
from core.work import Work, transact

Serve = Callable[[Callable[[], ResponseReturnValue]], Flask]
log = logging.getLogger("core.a_test")


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the lines of the terminal that are logs."""
    lines = capsys.readouterr().err.splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("sent to 13800000001.", "sent to 138****0001."),
        ("+8613800000001", "+86138****0001"),
        ("order 1380000000112 stays", "order 1380000000112 stays"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer ***"),
        ("id 33010219500101123X", "id ***"),
        ("community 330102001051", "community 330102001051"),
    ],
)
def test_numbers_and_tokens_of_people_are_covered(words: str, kept: str) -> None:
    assert logs.redacted(words) == kept


@pytest.mark.database("sqlite")
def test_a_record_is_one_line_of_json(app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    log.warning("two\nlines to %s", "13800000001")

    (line,) = written(capsys)
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "warning",
        "logger": "core.a_test",
        "message": "two\nlines to 138****0001",
    }


@pytest.mark.database("sqlite")
def test_many_applications_in_a_process_write_a_line_once(
    serve: Serve, app: Flask, capsys: pytest.CaptureFixture[str]
) -> None:
    serve(lambda: "")
    log.warning("once")

    assert [line["message"] for line in written(capsys)] == ["once"]


STATEMENTS = {
    "check": "UPDATE outbox SET state = 'lost' WHERE params = :words",
    "unique": "UPDATE outbox SET key = 'the same' WHERE params = :words",
    "null": "UPDATE outbox SET template = NULL WHERE params = :words",
}
INSERT = text(
    "INSERT INTO outbox (id, key, template, channel, params, created_at, send_after) VALUES"
    " (:id, :key, 'login.code', 'sms', :words, '2026-11-24 00:00:00', '2026-11-24 00:00:00')"
)


@pytest.mark.parametrize("statement", list(STATEMENTS))
def test_a_row_that_the_database_refuses_is_not_quoted(
    serve: Serve, capsys: pytest.CaptureFixture[str], statement: str
) -> None:
    words = "王秀英 13800000001\n\n家住 3 幢"

    def use_case(work: Work, _command: None) -> None:
        for number in ("1", "2"):
            row = {"id": number * 32, "key": number, "words": words}
            work.connection.execute(INSERT, row)
        work.connection.execute(text(STATEMENTS[statement]), {"words": words})

    def view() -> ResponseReturnValue:
        transact(use_case, None)
        return ""

    client = serve(view).test_client()
    assert client.get("/probe?phone=13800000001&code=482719").status_code in {500, 503}

    line = written(capsys)[-1]
    kept = json.dumps(line, ensure_ascii=False)
    assert line["request"] == "GET /probe"
    assert "IntegrityError" in line["error"]
    assert "test_logs.py" in line["error"]
    for secret in ("王秀英", "家住", "13800000001", "482719"):
        assert secret not in kept


@pytest.mark.database("sqlite")
def test_a_cause_is_told_before_what_it_led_to(
    app: Flask, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "outer", "and 13800000001"
    try:
        try:
            raise KeyError("inner")  # noqa: TRY301 - the cause
        except KeyError as cause:
            raise ValueError("\n".join(said)) from cause
    except ValueError:
        log.exception("failed")

    told = written(capsys)[0]["error"]
    assert told.index("builtins.KeyError: 'inner'") < told.index("builtins.ValueError: outer")
    assert "and 138" not in told
