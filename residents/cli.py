"""Commands: loading places, and the first two district admins."""

from __future__ import annotations

from pathlib import Path

import click

from core.cli import Commands
from core.errors import AppError
from core.work import transact
from residents.grants import Admin, Bootstrap, bootstrap
from residents.places import ImportPlaces, import_places, read_rows

places = Commands("places", help="Load a district's places.")


@places.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--district", required=True, help="Six digits of the district, such as 330102.")
def load_places(file: Path, district: str) -> None:
    """Load the places of a district from FILE, with the defaults of day one; twice is harmless."""
    try:
        done = transact(import_places, ImportPlaces(rows=read_rows(file), district=district))
    except AppError as refusal:
        raise click.ClickException(refusal.sentence()) from None
    click.echo(
        f"{done.subdistricts} subdistricts, {done.communities} communities, {done.changed} changed",
    )


grants = Commands("grants", help="Roles of people.")


@grants.command("bootstrap")
@click.argument("name1")
@click.argument("phone1")
@click.argument("name2")
@click.argument("phone2")
def first_admins(name1: str, phone1: str, name2: str, phone2: str) -> None:
    """Make the first two district admins; refused once anybody holds a role."""
    admins = (Admin(name=name1, phone=phone1), Admin(name=name2, phone=phone2))
    try:
        transact(bootstrap, Bootstrap(admins=admins))
    except AppError as refusal:
        raise click.ClickException(refusal.sentence()) from None
    click.echo("two district admins may sign in now")
