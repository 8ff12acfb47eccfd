"""Commands of the ledger: verifying its books."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import with_appcontext

from core.cli import Command
from core.work import reading
from points.proof import verify as books
from points.proof.chain import stands
from points.proof.checks import Check


@click.command("verify", cls=Command)
@click.option("--head", default="", help="A head from a statement or a notice board.")
@with_appcontext
def verify(head: str) -> None:
    """Check every invariant; exit 1 with one line for each that is broken.

    With --head, say too whether a head that was printed or published still stands in its chain.
    """
    with reading() as connection:
        found = books.verify(connection, registered())
        block = stands(connection, head) if head else None
    for broken in found.broken:
        click.echo(f"{broken.name}: {broken.times} {broken.words}, first {broken.example}")
    if head and block is None:
        click.echo(f"head: no block has the head {head}: books were rewritten since it was made")
    if block is not None:
        click.echo(f"head: it stands, {block.community} on {block.day}")
    if found.broken or (head and block is None):
        raise click.exceptions.Exit(1)
    counts = ", ".join(f"{count} {name}" for name, count in found.counts.items())
    click.echo(f"the books hold: {counts}, {found.checks} checks")


def registered() -> tuple[Check, ...]:
    """Return the checks of all packages, as ``app.py`` names them."""
    found: tuple[Check, ...] = current_app.extensions["linli.checks"]
    return found
