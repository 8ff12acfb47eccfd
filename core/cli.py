"""Commands that belong to no subject: the scheduler, and jobs by hand."""

from __future__ import annotations

import signal
import threading
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext
from psycopg import errors
from sqlalchemy.exc import DBAPIError

from core.errors import AppError
from core.jobs import registered, run_by_hand, start_scheduler, tick
from core.server import Server
from core.work import configuration

MISSING = (errors.UndefinedTable, errors.UndefinedColumn)
MISSING_EMBEDDED = ("no such table", "no such column", "has no column")


def lacks_tables(error: BaseException | None) -> bool:
    """Whether a table or column is missing that this release has."""
    return isinstance(error, MISSING) or any(words in str(error) for words in MISSING_EMBEDDED)


class Command(click.Command):
    """A command that says which one comes first, where the database lacks tables or columns."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; raises ClickException."""
        try:
            return super().invoke(ctx)
        except DBAPIError as error:
            if not lacks_tables(error.orig):
                raise
        message = "the database is empty, or of an earlier release: run flask db upgrade first"
        raise click.ClickException(message)


class Commands(Command, AppGroup):
    """Commands under one name that do so."""


@click.command("scheduler")
@with_appcontext
def scheduler() -> None:
    """Claim and run due jobs until stopped; any number of these may run."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - documented
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    tick()
    running = start_scheduler(app)
    click.echo("scheduler is running")
    stop.wait()
    running.shutdown(wait=True)


@click.command("serve")
@click.option("--bind", default="127.0.0.1:8000", show_default=True, help="Address to listen at.")
@with_appcontext
def serve(bind: str) -> None:
    """Serve with gunicorn; LINLI_SCHEDULER=inside runs the jobs in the serving process."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - documented
    Server(app, configuration(), bind).run()


jobs = Commands("jobs", help="Run jobs by hand.")


@jobs.command("list")
def list_jobs() -> None:
    """Print each job's name and schedule."""
    for job in registered():
        click.echo(f"{job.name:20} {job.schedule.words}  {job.title}")


@jobs.command("run")
@click.argument("name")
def run_job(name: str) -> None:
    """Run the job NAME now; what was done before is not done again."""
    try:
        report = run_by_hand(name)
    except AppError as refusal:
        raise click.ClickException(refusal.sentence()) from None
    click.echo(f"{name}: {report}")
