"""The desk's pages of households: one with nobody known in it is entered, and has a card."""

from __future__ import annotations

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import desk
from admin.desk_people import SHOWN, account_lines, family_of
from admin.desk_register import address_hint, read_address
from core.errors import AppError
from core.identity import current_actor
from core.work import reader, transact
from points.accounts import household_account
from residents import homes, people


@desk.get("/households/add")
def household_add() -> ResponseReturnValue:
    """Ask for the address of a household whose people nobody knows yet."""
    current_actor().require("resident.enter")
    return _form("", {})


def _form(typed: str, errors: dict[str, list[str]], status: int = 200) -> ResponseReturnValue:
    page = render_template(
        "admin/household_add.html",
        typed=typed,
        address_hint=address_hint(current_actor().place),
        errors=errors,
    )
    return page, status


@desk.post("/households/add")
def household_enter() -> ResponseReturnValue:
    """Enter the household; an address that has one keeps it."""
    actor, raw = current_actor(), request.form.get("address", "").strip()
    address = read_address(raw)
    if address is None:
        error = _("住址要写全，像建国南苑 3-2-401；村里写 3 组 12 号。")
        return _form(raw, {"address": [error]}, 422)
    command = people.EnterHousehold(community=actor.place, address=address)
    try:
        done = transact(people.enter_household, command, actor)
    except AppError as refusal:
        return _form(raw, {"address": [refusal.sentence()]}, int(refusal.status))
    flash(_("这一户登记过了") if done.exists else _("登记好了，可以给这一户记分"), "done")
    return redirect(url_for("desk.household", household_id=done.household), code=303)


@desk.get("/households/<uuid:household_id>")
def household(household_id: UUID) -> ResponseReturnValue:
    """Show a household: its address, who is known in it, its own basic points."""
    actor, connection = current_actor(), reader()
    found = homes.home(connection, household_id)
    if found is None:
        raise people.HouseholdUnknown
    actor.require("resident.enter", found.community)
    family = family_of(household_id, found.community)
    account = household_account(household_id, found.community)
    return render_template(
        "admin/household.html",
        home=found,
        members=[line for line, _has in family.members],
        basic=family.basic,
        rows=account_lines([("basic", account)])[:SHOWN],
    )
