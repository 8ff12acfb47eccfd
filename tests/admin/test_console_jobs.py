"""The console's page of jobs: what ran, what is late, and a run by hand."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

from flask import Flask
from sqlalchemy import Connection, text

from core import jobs
from core.work import SHANGHAI
from residents.people import ConfirmResident, confirm_resident
from tests.admin.console import auditor, post, reader
from tests.admin.forms import Forms
from tests.admin.scene import resident_of, words
from tests.conftest import Clock
from tests.people import People

Run = Callable[..., Any]
PAGE = "/console/jobs"
SETTLED_AT = dt.datetime(2026, 11, 25, 2, 0, tzinfo=SHANGHAI)


def runs(connection: Connection, job: str) -> list[tuple[str, int]]:
    """Return state and attempts of each claimed slot of a job."""
    rows = connection.execute(
        text("SELECT state, attempts FROM job_runs WHERE job = :job"), {"job": job}
    )
    return [(row[0], row[1]) for row in rows]


def line(shown: Any, name: str) -> str:
    """Return what the page says of one job."""
    page: str = shown.get_data(as_text=True)
    row = next(row for row in page.split("<tr") if f">{name}<" in row)
    return re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", row.partition(">")[2]))


def test_a_run_by_hand_does_what_is_due_and_the_page_says_so(
    cast: People, run: Run, ask: Run, clock: Clock
) -> None:
    """周晓燕's award for registering waits for the night; nobody's scheduler runs."""
    confirm = ConfirmResident(resident=resident_of(cast.new))
    run(confirm_resident, confirm, cast.actor(cast.staff))
    clock.set(SETTLED_AT + dt.timedelta(minutes=6))
    lin = cast.browser(cast.lin)
    assert "每天02:00还没有运行过" in line(lin.get(PAGE), "settle-awards")
    assert "到点没运行" in line(lin.get(PAGE), "settle-awards")

    sent = post(lin, "/console/jobs/run", job="settle-awards")

    assert sent.status_code == 303
    shown = lin.get(PAGE)
    assert "办完了：到账1笔" in words(shown)
    done = line(shown, "settle-awards")
    assert "11-2502:00" in done
    assert "办完到账1笔" in done
    assert "到点没运行" not in done
    assert ask(runs, "settle-awards") == [("done", 1)]
    # The scheduler finds the slot done; by hand there is nothing left to do.
    with cast.app.app_context():
        assert jobs.tick([jobs.find("settle-awards")]) == 0
    post(lin, "/console/jobs/run", job="settle-awards")
    assert "办完了：没有要办的" in words(lin.get(PAGE))
    assert ask(runs, "settle-awards") == [("done", 1)]


def test_every_job_runs_by_hand_and_says_in_chinese_what_it_did(cast: People) -> None:
    lin = cast.browser(cast.lin)
    with cast.app.app_context():
        names = [job.name for job in jobs.registered()]
    for name in names:
        assert post(lin, "/console/jobs/run", job=name).status_code == 303
        said = re.search(r"办完了：([^<]*)", lin.get(PAGE).get_data(as_text=True))
        assert said is not None, name
        assert not re.search(r"[A-Za-z]", said[1]), name
    shown = lin.get(PAGE)
    assert "都按时办完了" in words(shown)
    assert not re.search(r"settled|folded|lapsed \d", shown.get_data(as_text=True))


def test_a_job_that_breaks_off_is_shown_as_failed_and_tried_again(
    app: Flask, cast: People, ask: Run
) -> None:
    def breaks() -> str:
        raise RuntimeError

    real = app.extensions["linli.jobs"]
    first = real[0]
    broken = jobs.Job(first.name, first.title, first.schedule, breaks)
    app.extensions["linli.jobs"] = (broken, *real[1:])
    lin = cast.browser(cast.lin)
    try:
        assert post(lin, "/console/jobs/run", job=first.name).status_code == 303
        shown = lin.get(PAGE)
    finally:
        app.extensions["linli.jobs"] = real

    assert "这一次没有办成，原因已经记下" in words(shown)
    assert "1个任务上次没有办成" in words(shown)
    assert "没有办成" in line(shown, first.name)
    assert '任务<span class="count">1</span>' in shown.get_data(as_text=True)
    post(lin, "/console/jobs/run", job=first.name)
    assert ask(runs, first.name) == [("done", 2)]


def test_a_job_that_is_not_there_is_refused(cast: People) -> None:
    lin = cast.browser(cast.lin)
    for name in ("drop-everything", ""):
        assert post(lin, "/console/jobs/run", job=name).status_code == 303
        assert "没有这个任务" in words(lin.get(PAGE))


def test_readers_see_the_jobs_and_run_none(cast: People, run: Run, ask: Run) -> None:
    for browser in (auditor(run, cast), reader(run, cast)):
        shown = browser.get(PAGE)
        assert "夜里到账" in words(shown)
        assert [form[0] for form in Forms(shown.get_data(as_text=True)).forms] == ["/sign-out"]
        assert post(browser, "/console/jobs/run", job="settle-awards").status_code == 403
    assert ask(runs, "settle-awards") == []
