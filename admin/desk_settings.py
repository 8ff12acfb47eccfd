"""The desk's page of settings: what the community does otherwise than the district."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import desk
from admin.place_phone import phone_form, save_phone
from admin.setting_rows import groups
from core import settings
from core.http_keys import form_key
from core.identity import current_actor
from core.work import transact


@desk.get("/settings", endpoint="settings")
def settings_page() -> ResponseReturnValue:
    """Show the settings that a community may set itself."""
    current_actor().require("setting.community")
    return _settings(request.args.get("key"))


def _settings(
    open_key: str | None,
    *,
    typed: str | None = None,
    errors: dict[str, list[str]] | None = None,
    phone: dict[str, Any] | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    shown = render_template(
        "admin/settings_own.html",
        groups=groups(current_actor().place),
        phone=phone or phone_form(current_actor().place),
        open_key=open_key,
        typed=typed,
        errors=errors or {},
        may_change=True,
    )
    return shown, status


@desk.post("/settings")
def set_setting() -> ResponseReturnValue:
    """Give the community a value of its own from now on, or the district's again."""
    actor, form = current_actor(), request.form
    actor.require("setting.community")
    key, typed = form.get("key", ""), form.get("value", "")
    back = form.get("back") == "1"
    command = settings.SetSetting(
        key=form_key(), setting=key, place=actor.place, value=None if back else typed
    )
    try:
        transact(settings.set_setting, command, actor)
    except settings.SettingOutOfRange as refusal:
        errors = {"value": [refusal.sentence()]}
        return _settings(key, typed=typed, errors=errors, status=int(refusal.status))
    flash(_("已改回区里的，马上生效") if back else _("已保存，马上生效"), "done")
    return redirect(url_for("desk.settings", _anchor=key), code=303)


@desk.post("/settings/phone")
def set_phone() -> ResponseReturnValue:
    """Set the number that the community's residents call; empty: the district's."""
    actor = current_actor()
    actor.require("setting.community")
    form = phone_form(actor.place)
    refusal = save_phone(form, request.form.get("phone", ""))
    if refusal is not None:
        return _settings(None, phone=form, status=int(refusal.status))
    flash(_("已保存，居民端每页下面都是这个号码"), "done")
    return redirect(url_for("desk.settings"), code=303)
