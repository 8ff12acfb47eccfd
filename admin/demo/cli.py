"""``flask demo``: build a lively district once, keep it, serve it, and name its sign-ins."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import multiprocessing
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext
from flask_migrate import upgrade
from sqlalchemy import event

from admin.demo.correcting import correct_some
from admin.demo.examples import EXAMPLES, example_residents
from admin.demo.history import DAYS, begin, tell
from admin.demo.neighbours import BUILDING_LEAD, GRID_WORKER
from admin.demo.settling import ADMINS, STAFF, settle_in
from admin.demo.today import plan_today
from admin.demo.town import Builder
from core.config import INSTANCE, Config
from core.db import db
from core.server import Server
from core.work import business_day, configuration, end_reading, present, reading, transact
from points.cli import registered
from points.proof.proving import prove_all
from residents import sign_in
from residents.identity import actor_of
from residents.labels import ROLES
from residents.limits import prove_number

demo = AppGroup("demo", help="A lively district to look at.")
MARK = "built.json"
BEGUN = "building"
"""Says of an unfinished database that it is a demonstration's."""

HOME_FOLDER = "demo"
ACCOUNTS = "accounts.json"


def _folder() -> Path:
    return configuration().instance


def _is_built() -> bool:
    return (_folder() / MARK).exists()


def _at_home() -> None:
    """Go on in the demonstration's own folder, where nobody named one by LINLI_INSTANCE."""
    config = configuration()
    if config.is_production:
        sys.exit("There is no demonstration in production.")
    if config.instance == INSTANCE:
        os.environ["LINLI_INSTANCE"] = str(config.instance / HOME_FOLDER)
        os.execv(sys.executable, [sys.executable, "-m", "flask", *sys.argv[1:]])  # noqa: S606 - itself


def _clear(config: Config) -> None:
    """Throw away a demonstration, whole or half built; anything else is left alone."""
    path = config.database_url.removeprefix("sqlite:///")
    if not config.is_sqlite or Path(path).parent != config.instance:
        sys.exit("The demonstration makes a database of its own: unset LINLI_DATABASE_URL.")
    marks = [config.instance / name for name in (MARK, BEGUN)]
    if Path(path).exists() and not any(mark.exists() for mark in marks):
        sys.exit(f"{path} is not a demonstration. Name a folder of its own by LINLI_INSTANCE.")
    db.engine.dispose()
    (config.instance / BEGUN).touch()
    for name in (path, f"{path}-wal", f"{path}-shm"):
        Path(name).unlink(missing_ok=True)
    for name in (MARK, ACCOUNTS, "messages.log"):
        (config.instance / name).unlink(missing_ok=True)


@contextlib.contextmanager
def _in_haste() -> Iterator[None]:
    """Let no commit wait for the disk: what a power cut leaves half built is built anew."""

    def hasten(raw: Any, _record: object) -> None:
        raw.execute("PRAGMA synchronous=NORMAL")

    event.listen(db.engine, "connect", hasten)
    try:
        yield
    finally:
        event.remove(db.engine, "connect", hasten)
        db.engine.dispose()


def build() -> dict[str, Any]:
    """Build the district through the use cases, showing how far it is."""
    config = configuration()
    _clear(config)
    started = time.monotonic()
    now = present()
    today = business_day(now)
    builder = Builder(today - dt.timedelta(days=DAYS + 1), until=now)
    # Messages of three months go to the log, not to the terminal.
    with _in_haste(), builder.clock(), contextlib.redirect_stderr(io.StringIO()):
        upgrade()
        settle_in(builder)
        story = begin(builder, now)
        plan_today(builder, story)
        with click.progressbar(length=DAYS + 1, label="building", file=sys.stdout) as bar:
            for _day in tell(builder, story):
                bar.update(1)
        correct_some(builder, now)
    prove_all(registered())
    facts = {
        "day": today.isoformat(),
        "calls": builder.calls,
        "seconds": round(time.monotonic() - started, 1),
    }
    (_folder() / MARK).write_text(json.dumps(facts), encoding="utf-8")
    (_folder() / BEGUN).unlink()
    return facts


def _build_apart() -> None:
    """Build in a process of its own: what it filled is not the server's to keep in memory."""

    def work() -> None:
        facts = build()
        click.echo(f"built by {facts['calls']} calls in {facts['seconds']} s")

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join()
    if process.exitcode:
        sys.exit("The demonstration was not built: what went wrong stands above.")


def accounts() -> list[dict[str, str]]:
    """Return one sign-in per role, with tokens made through the sign-in use cases."""
    file = _folder() / ACCOUNTS
    rows = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    if not rows or not _hold(rows):
        with contextlib.redirect_stderr(io.StringIO()):
            rows = [_account(*who) for who in _everybody()]
        file.touch(mode=0o600)
        file.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return list(rows)


def _everybody() -> list[tuple[str, str, str]]:
    """Name, number and role of those whose sign-ins are printed."""
    with reading() as connection:
        residents = example_residents(connection)
    found = [(name, phone, "resident") for name, phone in residents]
    found += [(name, phone, role) for name, phone, role in STAFF]
    found += [(*BUILDING_LEAD, "building_lead"), (*GRID_WORKER, "grid_worker")]
    found += [(admin.name, admin.phone, "district_admin") for admin in ADMINS]
    found += [("钱伟民", "19200009006", "subdistrict_reader"), ("郑毅", "19200009007", "auditor")]
    return found


def _hold(rows: list[dict[str, str]]) -> bool:
    """Whether all kept tokens still sign in: staff tokens last a working day."""
    found = [actor_of(row["token"]) for row in rows]
    end_reading()
    return None not in found


def _account(name: str, phone: str, role: str) -> dict[str, str]:
    """Sign in as somebody by phone and one-time code, as the pages do."""
    browser = f"demo-accounts-{phone}"
    transact(sign_in.ask_code, sign_in.AskCode(phone=phone, browser=browser))
    verified = prove_number(phone, _code(phone), browser)
    chosen = next(
        choice for choice in verified.choices if (choice.role, choice.name) == (role, name)
    )
    choose = sign_in.Choose(phone=phone, id=chosen.id, label="演示用的程序")
    done = transact(sign_in.choose, choose)
    return {
        "role": role,
        "place": chosen.place,
        "name": name,
        "phone": phone,
        "token": done.token,
    }


def _code(phone: str) -> str:
    """Read the code that the terminal gateway has just written down."""
    lines = (_folder() / "messages.log").read_text(encoding="utf-8").splitlines()
    line = next(line for line in reversed(lines) if phone in line)
    found = re.search(r"验证码 (\d{6})", line)
    assert found is not None  # noqa: S101 - sent a moment ago
    return found[1]


@demo.command("build")
@with_appcontext
def build_command() -> None:
    """Build the demonstration anew."""
    _at_home()
    click.echo(json.dumps(build(), ensure_ascii=False))


@demo.command("accounts")
@click.option("--json", "as_json", is_flag=True, help="Rows for programs, with tokens.")
@with_appcontext
def accounts_command(*, as_json: bool) -> None:
    """Print one sign-in per role."""
    _at_home()
    if not _is_built():
        sys.exit("There is no demonstration yet: make demo builds one.")
    rows = accounts()
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        click.echo(f"  {ROLES[row['role']]}\t{row['name']}\t{row['phone']}\t{row['place']}")


@demo.command("serve")
@click.option("--bind", default="127.0.0.1:8000", show_default=True)
@click.option("--reset", is_flag=True, help="Build anew, whatever is there.")
@with_appcontext
def serve_command(bind: str, *, reset: bool) -> None:
    """Build the demonstration if it is not there, then serve it."""
    _at_home()
    if reset or not _is_built():
        click.echo("Building Shangcheng: 203 communities, three months (once, about a minute)")
        _build_apart()
    else:
        # It may have been kept since an older version.
        with contextlib.redirect_stderr(io.StringIO()):
            upgrade()
        built = json.loads((_folder() / MARK).read_text(encoding="utf-8"))["day"]
        if built != business_day(present()).isoformat():
            # What people did in it is theirs to keep, so it is not built anew unasked.
            click.echo(f"Its life ends on {built}: make demo-reset builds one that ends today.")
    rows = accounts()
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - documented
    server = Server(app, configuration(), bind, quiet=True)
    click.echo(f"\nLinli 邻里 is at {configuration().base_url}\n")
    click.echo("Sign in with a number below; the one-time code appears in this terminal.\n")
    notes = {each.phone: each.note for each in EXAMPLES}
    for row in rows:
        who = f"{row['phone']}  {ROLES[row['role']]:　<8} {row['name']}  {row['place']}"
        click.echo(f"  {who}  {notes.get(row['phone'], '')}".rstrip())
    click.echo(
        "\nAPI: /api/v1/openapi.json    Stop: Ctrl-C"
        "\nTokens for programs: .venv/bin/flask demo accounts --json\n"
    )
    db.engine.dispose()
    server.run()
