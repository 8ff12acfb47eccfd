"""The desk's 记一笔: an act by a rule, the helped neighbours' words, what waits for a second."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin import rule_words
from admin.blueprints import desk
from admin.forms import date, identities, identity, number
from core.directory import directory
from core.errors import AppError
from core.formats import points
from core.http_keys import form_key
from core.identity import current_actor
from core.work import business_day, present, reader, transact
from points.accounts import HolderKind
from points.earning import helping
from points.earning.acts import RecordAct, Recorded, Word, record_act
from points.earning.awards import AwardUnknown, ConfirmAwards, confirm_awards, next_settlement
from points.earning.caps import full_words
from points.earning.recorders import WORDS_OF, DayOutOfRange, HelpedMissing, HelpWithinHousehold
from points.earning.rules import NEIGHBOUR, SCAN, Rule, rules_in_force
from points.queries import awards_to_confirm
from points.words import arrival
from residents import homes, queries

FOUND_MAX = 12
FIELDS: dict[type[AppError], str] = {
    DayOutOfRange: "day",
    HelpedMissing: "helped_q",
    HelpWithinHousehold: "helped_q",
}
SOURCES = ("act", "help", "feed", "import")


def recordable(community: int, role: str) -> list[Rule]:
    """Return the rules that somebody of this role may record today."""
    word = WORDS_OF.get(role, "")
    found = rules_in_force(reader(), community, business_day(present()))
    return [rule for rule in found if word in rule.recorders and rule.amount > 0]


def rule_choices(rules: list[Rule]) -> tuple[dict[str, Any], ...]:
    """Return rules as a form offers them."""
    return tuple(
        {
            "key": rule.key,
            "name": rule.name,
            "holder": rule.holder,
            "kind": rule.points_kind,
            "words": f"{rule_words.unit_words(rule.unit)} {points(rule.amount)} {_('分')}",
            "asks": rule.topic == NEIGHBOUR,
            "note": rule.note,
            "waits": SCAN in rule.recorders,
        }
        for rule in rules
    )


@desk.get("/acts")
def acts() -> ResponseReturnValue:
    """Choose somebody, then what they did."""
    current_actor().require("act.record")
    return _acts({"day": business_day(present()).isoformat(), "units": "1"})


def _acts(
    typed: dict[str, str],
    errors: dict[str, list[str]] | None = None,
    refusal: str | None = None,
    status: int = 200,
    helped: tuple[queries.ResidentLine, ...] = (),
) -> ResponseReturnValue:
    actor, connection = current_actor(), reader()
    q = request.values.get("q", "").strip()
    wanted = identity(request.values.get("resident"))
    chosen = queries.lines(connection, [wanted]).get(wanted) if wanted else None
    if chosen is not None and chosen.community != actor.place:
        chosen = None
    home = _home_here()
    found = queries.search(connection, actor.place, q) if q and chosen is None else []
    rules = [
        rule
        for rule in recordable(actor.place, actor.role)
        if home is None or rule.holder == "household"
    ]
    page = render_template(
        "admin/acts.html",
        q=q,
        found=tuple(found[:FOUND_MAX]),
        chosen=chosen,
        home=home,
        rules=rule_choices(rules),
        typed=typed,
        helped=helped,
        asked=_asked(actor.place),
        second=_second(actor.place),
        errors=errors or {},
        refusal=refusal,
        key=typed.get("key") or form_key(),
    )
    return page, status


def _home_here() -> homes.Home | None:
    """Return the household that is recorded for without anybody known in it."""
    wanted = identity(request.values.get("household"))
    found = homes.home(reader(), wanted) if wanted else None
    return found if found and found.community == current_actor().place else None


def _asked(community: int) -> tuple[dict[str, Any], ...]:
    """Return the helps that wait for somebody's word, with names."""
    rows = helping.asked_at(reader(), community, present())
    names = directory().standings(
        reader(), {one for row in rows for one in (row.helper, row.helped)}
    )
    return tuple(
        {
            "id": row.id,
            "helper": names[row.helper].name if row.helper in names else _("已迁出"),
            "helped": names[row.helped].name if row.helped in names else _("已迁出"),
            "note": row.note,
            "since": row.created_at,
        }
        for row in rows
    )


def _second(community: int) -> tuple[dict[str, Any], ...]:
    """Return the acts that wait for a second person, with names and who recorded them."""
    actor = current_actor()
    if not actor.may("attendance.confirm"):
        return ()
    rows = awards_to_confirm(reader(), community, SOURCES)
    names = directory().standings(reader(), {row.holder_id for row in rows})
    people = queries.names(reader(), {row.recorded_by for row in rows})
    own = directory().own(reader(), actor.person)
    return tuple(
        {
            "id": row.id,
            "name": names[row.holder_id].name if row.holder_id in names else _("已迁出"),
            "reason": row.reason,
            "amount": row.amount,
            "at": row.event_at,
            "by": people.get(row.recorded_by, ""),
            "may": own.isdisjoint({row.recorded_by, row.holder_id}),
        }
        for row in rows
    )


@desk.post("/acts")
def act_record() -> ResponseReturnValue:
    """Record the act; where something is wrong, the form comes back as it was typed."""
    form, actor = request.form, current_actor()
    typed = form.to_dict()
    wanted = identity(form.get("resident"))
    chosen = queries.lines(reader(), [wanted]).get(wanted) if wanted else None
    rule = next(
        (one for one in recordable(actor.place, actor.role) if one.key == form.get("rule")), None
    )
    home = _home_here()
    household = chosen.household if chosen else home.household if home else None
    if rule is None or household is None or (chosen is None and rule.holder != "household"):
        return _acts(typed, refusal=_("请先选好人和规则。"), status=422)
    day, units = date(form.get("day")), number(form.get("units"))
    if day is None or not units:
        field = "day" if day is None else "units"
        sentence = _("请选好日期。") if day is None else _("次数要是正整数。")
        return _acts(typed, {field: [sentence]}, status=422)
    helped: tuple[queries.ResidentLine, ...] = ()
    if rule.topic == NEIGHBOUR:
        helped = _helped(form.get("helped"), form.get("helped_q", ""))
        if len(helped) != 1:
            said = _("有几位，请选一位。") if helped else _("请写被帮的人的姓名或室号。")
            return _acts(typed, {"helped_q": [said]}, status=422, helped=helped[:FOUND_MAX])
    word: Word = "device" if form.get("word") == "device" else "told"
    command = RecordAct(
        key=form.get("key", ""),
        community=actor.place,
        rule=rule.key,
        holder_kind="household" if rule.holder == "household" else "resident",
        holder_id=chosen.resident if chosen and rule.holder != "household" else household,
        units=units,
        day=day,
        note=form.get("note", ""),
        helped=helped[0].resident if helped else None,
        word=word,
    )
    try:
        done = transact(record_act, command, actor)
    except AppError as refusal:
        field_of, sentence = FIELDS.get(type(refusal)), refusal.sentence()
        errors = {field_of: [sentence]} if field_of else {}
        return _acts(typed, errors, None if field_of else sentence, int(refusal.status))
    words = outcome_words(done, command.holder_kind)
    flash(words, "done" if done.amount or done.asked else "note")
    return redirect(url_for("desk.acts"), code=303)


def _helped(raw: str | None, words: str) -> tuple[queries.ResidentLine, ...]:
    """Return who is meant: the one that was chosen, or those whom the words find."""
    wanted = identity(raw)
    if wanted is not None and (line := queries.lines(reader(), [wanted]).get(wanted)):
        return (line,)
    return tuple(queries.search(reader(), current_actor().place, words))


def outcome_words(done: Recorded, holder: HolderKind = "resident") -> str:
    """Say what recording came to, whose cap is full, and what happens next."""
    if done.exists:
        return _("这一笔刚才已经记过了")
    if done.asked:
        return _("已请对方在手机上说一声，说「是」才计分")
    full = full_words(done.cap, holder, done.units) if done.cap else ""
    if done.id is None:
        return full or _("已到上限，这次不再计分")
    if done.due is None:
        words = _("记上了 %(points)s 分，等另一位工作人员确认", points=points(done.amount))
    else:
        when = arrival(done.due, present())
        words = _("记上了 %(points)s 分，%(arrival)s", points=points(done.amount), arrival=when)
    return _("%(full)s，%(words)s", full=full, words=words) if full else words


def coming() -> str:
    """Say when what is confirmed now arrives."""
    return arrival(next_settlement(reader(), present()), present())


@desk.post("/acts/helps/<uuid:help_id>")
def help_answer(help_id: UUID) -> ResponseReturnValue:
    """Note what the helped one told staff who asked them."""
    command = helping.AnswerHelp(help=help_id, helped=request.form.get("helped") == "1")
    try:
        done = transact(helping.answer_help, command, current_actor())
    except AppError as refusal:
        flash(refusal.sentence(), "refused")
        return redirect(url_for("desk.acts"), code=303)
    if done.state == "declined":
        said = _("已记下，不计分")
    elif not done.amount:
        said = _("已记下，已到上限，这次不计分")
    elif done.due is None:
        said = _("已记下，等另一位工作人员确认")
    else:
        said = _("已记下，%(arrival)s", arrival=coming())
    flash(said, "done")
    return redirect(url_for("desk.acts"), code=303)


@desk.post("/acts/confirm")
def acts_confirm() -> ResponseReturnValue:
    """Confirm acts that somebody else recorded."""
    actor = current_actor()
    wanted = identities(request.form.getlist("award"))
    command = ConfirmAwards(awards=wanted)
    try:
        if not wanted:
            raise AwardUnknown
        done = transact(confirm_awards, command, actor)
    except AppError as refusal:
        flash(refusal.sentence(), "refused")
        return redirect(url_for("desk.acts"), code=303)
    flash(_("确认了 %(count)s 笔，%(arrival)s", count=done.confirmed, arrival=coming()), "done")
    return redirect(url_for("desk.acts"), code=303)
