"""Commands of the ledger: verifying its books."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from core.work import reading
from points import verify as books


@click.command("verify")
@with_appcontext
def verify() -> None:
    """Check the ledger's invariants; exit 1 with one line for each that is broken."""
    with reading() as connection:
        found = books.verify(connection)
    for broken in found.broken:
        click.echo(f"{broken.name}: {broken.times} {broken.words}, such as {broken.example}")
    if found.broken:
        raise click.exceptions.Exit(1)
    counts = ", ".join(f"{count} {name}" for name, count in found.counts.items())
    click.echo(f"the books hold: {counts}, {found.checks} checks")
