"""Real processes: schedulers side by side that end when they are told to, and a guarded start."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from core.config import ROOT
from tests.conftest import START, Stage
from tests.points.raw import Raw

WITHIN = 60.0
FLASK = (sys.executable, "-m", "flask", "--app", "wsgi")


def environment(stage: Stage) -> dict[str, str]:
    config = stage.config()
    return {
        **os.environ,
        "LINLI_ENV": "test",
        "LINLI_DATABASE_URL": config.database_url,
        "LINLI_SECRET_KEY": config.secret_key,
        "LINLI_INSTANCE": str(config.instance),
        "LINLI_CLOCK": START.isoformat(),
    }


@contextlib.contextmanager
def scheduling(stage: Stage, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a scheduler; it is gone after the block, whatever happens in it."""
    with log.open("wb") as out:
        command = (*FLASK, "scheduler")
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(stage), stdout=out, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def started(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + WITHIN
    while "scheduler is running" not in log.read_text(encoding="utf-8"):
        assert process.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
        time.sleep(0.05)


def test_schedulers_share_the_slots_and_end_when_they_are_told_to(
    stage: Stage, app: Flask, tmp_path: Path
) -> None:
    logs = [tmp_path / "first", tmp_path / "second"]
    with scheduling(stage, logs[0]) as first, scheduling(stage, logs[1]) as second:
        for process, log in zip((first, second), logs, strict=True):
            started(process, log)
        for process in (first, second):
            process.send_signal(signal.SIGTERM)
        codes = [process.wait(WITHIN) for process in (first, second)]

    assert codes == [0, 0]
    assert [log.read_text(encoding="utf-8") for log in logs] == ["scheduler is running\n"] * 2
    with Raw(stage) as raw:
        runs = raw.rows("SELECT job, state, attempts FROM job_runs ORDER BY job")
    names = sorted(job.name for job in app.extensions["linli.jobs"])
    assert runs == [(name, "done", 1) for name in names]


@pytest.mark.database("sqlite")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"LINLI_SECRET_KEY": "secret"}, "LINLI_SECRET_KEY must have at least 32 bytes"),
        ({}, "LINLI_CLOCK is for tests and demonstrations"),
    ],
)
def test_no_process_starts_in_production_with_what_is_good_for_tests(
    stage: Stage, change: dict[str, str], said: str
) -> None:
    given = environment(stage) | {"LINLI_ENV": "production", "LINLI_BASE_URL": "https://a.example"}
    if change:
        del given["LINLI_CLOCK"]
    done = subprocess.run(
        (*FLASK, "jobs", "list"),
        cwd=ROOT,
        env=given | change,
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )

    assert done.returncode != 0
    assert said in done.stderr
    assert done.stdout == ""
