"""The desk's page of one session: who came, entry by hand, a paper sheet, the venue's screen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from flask import flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from activities import roster, screen, staff_queries, visits
from activities.entries import (
    ELSEWHERE,
    EnterByHand,
    EnterSheet,
    SheetRow,
    TimesWrong,
    enter_by_hand,
    enter_sheet,
)
from activities.publish import (
    Part,
    SessionUnknown,
    SteerSession,
    VoidCodes,
    close_session,
    turn_to_exit,
    void_codes,
)
from admin.blueprints import desk
from admin.desk_acts import coming
from admin.desk_counter import where_of
from admin.forms import identity, moment
from core import settings
from core.directory import directory
from core.errors import AppError
from core.formats import hours
from core.http_keys import form_key
from core.identity import current_actor
from core.qr import svg
from core.work import business_day, present, reader, transact
from points.earning.awards import ConfirmAwards, confirm_awards
from residents import queries as people

SHEET_ROWS = 12


def session_here(session_id: UUID) -> staff_queries.SessionPage:
    """Return a session of this community, for those who enter its people."""
    page = staff_queries.session_page(reader(), session_id, present())
    if page is None:
        raise SessionUnknown
    current_actor().require("attendance.enter", page.community)
    return page


@desk.get("/sessions/<uuid:session_id>")
def session(session_id: UUID) -> ResponseReturnValue:
    """Show who came to a session."""
    page = session_here(session_id)
    sheet = _blank(page) if request.args.get("sheet") else None
    return _session(page, sheet=sheet)


def _session(
    page: staff_queries.SessionPage,
    *,
    sheet: tuple[dict[str, Any], ...] | None = None,
    errors: dict[str, list[str]] | None = None,
    refusal: str | None = None,
    typed: dict[str, str] | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    rows = staff_queries.attendance_rows(reader(), page) if sheet is None else ()
    wanted = identity((typed or {}).get("resident_id"))
    cancelled = page.state == "cancelled"
    coming = roster.sign_ups(reader(), page.id, page.community) if cancelled else ()
    second, mine = _second(rows)
    shown = render_template(
        "admin/session.html",
        session=page,
        rows=rows,
        in_person=roster.without_phone(coming),
        second=len(second),
        mine=len(mine),
        q=request.values.get("q", "").strip(),
        found=found_for(page, wanted),
        chosen=wanted,
        typed=typed or {},
        sheet=sheet,
        errors=errors or {},
        refusal=refusal,
        key=form_key(),
    )
    return shown, status


def _second(
    rows: Iterable[staff_queries.AttendanceRow],
) -> tuple[list[UUID], list[UUID]]:
    """Return the awards that wait for a second person: those the actor may confirm, her own."""
    waiting = [row for row in rows if row.state == "second"]
    own = directory().own(reader(), current_actor().person) if waiting else frozenset()
    split: tuple[list[UUID], list[UUID]] = ([], [])
    for row in waiting:
        if row.award is not None:
            split[not own.isdisjoint({row.award_by, row.resident_id})].append(row.award)
    return split


def found_for(page: staff_queries.SessionPage, wanted: UUID | None) -> tuple[dict[str, Any], ...]:
    """Return the resident who was chosen, else those whom ?q= means, here first."""
    q = request.values.get("q", "").strip()
    chosen = people.ever(reader(), [wanted]).get(wanted) if wanted else None
    lines = [chosen] if chosen else _meant(page, q) if q else []
    if q and not lines:
        lines = people.anywhere(reader(), q)
    return tuple(
        {
            "resident_id": line.resident,
            "name": line.name,
            "where": where_of(line, page.community),
            "part": "serve" if page.take_part is None else "take_part",
        }
        for line in lines
    )


def _meant(page: staff_queries.SessionPage, who: str) -> list[people.ResidentLine]:
    """Return whom words mean: residents here, and who came before their record ended."""
    found = people.search(reader(), page.community, who)
    gone = visits.gone_since(reader(), page.id, who)
    if not gone:
        return found
    known = directory().kin(reader(), [line.resident for line in found]).values()
    return found + [line for line in gone if not any(line.resident in each for each in known)]


def _blank(page: staff_queries.SessionPage) -> tuple[dict[str, Any], ...]:
    part = "take_part" if page.take_part else "serve"
    line = {"who": "", "part": part, "entry": "", "exit": "", "error": "", "candidates": ()}
    return tuple({**line, "resident_id": None} for _row in range(SHEET_ROWS))


def part_of(raw: str | None) -> Part:
    """Return the part that a form names."""
    return "serve" if raw == "serve" else "take_part"


@desk.post("/sessions/<uuid:session_id>/by-hand")
def record_by_hand(session_id: UUID) -> ResponseReturnValue:
    """Enter one resident's arrival, leaving or both."""
    page, form, now = session_here(session_id), request.form, present()
    typed = form.to_dict()
    resident = identity(form.get("resident_id"))
    if resident is None:
        errors = {"resident_id": [_("请先选一位居民。")]}
        return _session(page, errors=errors, typed=typed, status=422)
    phase, day = form.get("phase", "entry"), business_day(page.starts_at)
    if _garbled(day, form.get("entry"), form.get("exit")):
        return _session(page, refusal=TimesWrong.text, typed=typed, status=422)
    entry = moment(day, form.get("entry")) or _default(now, page.starts_at, page.ends_at)
    left = moment(day, form.get("exit")) or min(now, page.ends_at)
    command = EnterByHand(
        session=session_id,
        resident=resident,
        part=part_of(form.get("part")),
        entry=entry if phase in {"entry", "both"} else None,
        exit=left if phase in {"exit", "both"} else None,
        reason=form.get("reason", ""),
    )
    try:
        done = transact(enter_by_hand, command, current_actor())
    except AppError as refusal:
        sentence = refusal.sentence()
        return _session(page, refusal=sentence, typed=typed, status=int(refusal.status))
    flash(_("已登记到场"), "done")
    if done.elsewhere:
        flash(_(ELSEWHERE).format(hours=hours(done.elsewhere)), "note")
    return redirect(url_for("desk.session", session_id=session_id), code=303)


def _garbled(day: dt.date, *typed: str | None) -> bool:
    """Whether something was typed that is no time of day: it is not taken for nothing."""
    return any(each and each.strip() and moment(day, each) is None for each in typed)


def _default(now: dt.datetime, start: dt.datetime, end: dt.datetime) -> dt.datetime:
    """Return now while the session goes on, else its start."""
    return now if now <= end else start


@desk.post("/sessions/<uuid:session_id>/sheet")
def record_sheet(session_id: UUID) -> ResponseReturnValue:
    """Enter the lines of a paper sheet; those that are unclear stay behind."""
    page, form = session_here(session_id), request.form
    columns = [form.getlist(name) for name in ("who", "part", "entry", "exit", "resident_id")]
    lines = [_line(page, *each) for each in zip(*columns, strict=False) if each[0].strip()]
    rows = [(line, _row(page, line)) for line in lines]
    ready = [row for _line_, row in rows if row is not None]
    entered = 0
    if ready:
        command = EnterSheet(session=session_id, rows=tuple(ready))
        done = transact(enter_sheet, command, current_actor())
        entered = done.entered
        fine = [line for line, row in rows if row is not None]
        for line, answer in zip(fine, done.lines, strict=True):
            if answer.outcome == "refused":
                line["error"] = answer.message
            elif answer.message:
                flash(_("%(who)s：", who=line["who"]) + answer.message, "note")
    left = [line for line, row in rows if row is None or line["error"]]
    if entered:
        flash(_("已录入 %(count)s 行", count=entered), "done")
    if left or not entered:
        return _session(page, sheet=tuple(left) or _blank(page), status=422)
    return redirect(url_for("desk.session", session_id=session_id), code=303)


def _line(
    page: staff_queries.SessionPage,
    who: str,
    part: str,
    entry: str,
    left: str,
    resident: str,
) -> dict[str, Any]:
    """Find out who is meant; several of the same name are offered to choose from."""
    chosen = identity(resident)
    found = _meant(page, who)
    exact = [line for line in found if line.name == who.strip()] or found
    candidates = tuple(
        {
            "resident_id": line.resident,
            "words": f"{line.name} {where_of(line, page.community)}",
        }
        for line in exact
    )
    # Chosen counts among those who are meant now: the name may have been typed anew since.
    meant = [line.resident for line in exact if len(exact) == 1 or line.resident == chosen]
    only = meant[0] if meant else None
    error = ""
    if only is None:
        error = (
            _("有几位同名，请选一位。") if candidates else _("没有找到这位居民，请核对，或先登记。")
        )
    elif _garbled(business_day(page.starts_at), entry, left):
        error = TimesWrong.text
    return {
        "who": who,
        "part": part,
        "entry": entry,
        "exit": left,
        "resident_id": only,
        "candidates": () if only else candidates,
        "error": error,
    }


def _row(page: staff_queries.SessionPage, line: dict[str, Any]) -> SheetRow | None:
    """Return the line as the use case takes it: nobody writes when they stopped taking part."""
    if line["error"]:
        return None
    day, part = business_day(page.starts_at), part_of(line["part"])
    return SheetRow(
        resident=line["resident_id"],
        part=part,
        entry=moment(day, line["entry"]),
        exit=moment(day, line["exit"]) if part == "serve" else None,
    )


@desk.post("/sessions/<uuid:session_id>/confirm")
def confirm_hours(session_id: UUID) -> ResponseReturnValue:
    """Confirm as the second person the hours that somebody else entered, and leave one's own."""
    page = session_here(session_id)
    others, mine = _second(staff_queries.attendance_rows(reader(), page))
    command = ConfirmAwards(awards=tuple(others or mine))
    try:
        done = transact(confirm_awards, command, current_actor())
    except AppError as refusal:
        return _session(page, refusal=refusal.sentence(), status=int(refusal.status))
    flash(_("已确认 %(count)s 条，%(arrival)s", count=done.confirmed, arrival=coming()), "done")
    return redirect(url_for("desk.session", session_id=session_id), code=303)


@desk.post("/sessions/<uuid:session_id>/void")
def void_code(session_id: UUID) -> ResponseReturnValue:
    """Make every code shown so far dead at once."""
    page = session_here(session_id)
    transact(void_codes, VoidCodes(session=session_id, epoch=page.epoch), current_actor())
    flash(_("码已换新，外传的不能用了"), "done")
    return redirect(_back(session_id), code=303)


@desk.post("/sessions/<uuid:session_id>/turn")
def turn(session_id: UUID) -> ResponseReturnValue:
    """Turn the screen to the exit."""
    session_here(session_id)
    transact(turn_to_exit, SteerSession(session=session_id), current_actor())
    return redirect(_back(session_id), code=303)


@desk.post("/sessions/<uuid:session_id>/close")
def close(session_id: UUID) -> ResponseReturnValue:
    """End the session before its time."""
    session_here(session_id)
    transact(close_session, SteerSession(session=session_id), current_actor())
    flash(_("这一场已结束，仍能补录"), "note")
    return redirect(_back(session_id), code=303)


def _back(session_id: UUID) -> str:
    """Return to the screen that the key was pressed on, else to the session."""
    to = "desk.venue" if request.form.get("from") == "venue" else "desk.session"
    return url_for(to, session_id=session_id)


def _screen(session_id: UUID) -> screen.ScreenSession:
    shown = screen.session(reader(), session_id)
    current_actor().require("attendance.enter", shown.community)
    return shown


@desk.get("/sessions/<uuid:session_id>/venue")
def venue(session_id: UUID) -> ResponseReturnValue:
    """Show the venue's screen."""
    shown, connection, now = _screen(session_id), reader(), present()
    place = people.place(connection, shown.community)
    codes = screen.codes(connection, shown, now)
    seconds = settings.integer(connection, "checkin.step_seconds", now)
    closed, phase = shown.state != "open", shown.phase(now)
    counts = screen.counts(connection, shown, now)
    return render_template(
        "activities/venue.html",
        screen={
            "title": shown.title,
            "place": shown.place,
            "community": place.short_name if place else "",
            "subdistrict": place.subdistrict if place else "",
            "phone": place.phone if place else "",
            "starts_at": shown.starts_at,
            "ends_at": shown.ends_at,
            "phase": phase,
            "closed": closed or not codes,
            "step_seconds": seconds,
            "void_url": url_for("desk.void_code", session_id=session_id),
            # There is no way back to the entry, so at the exit there is no key.
            "turn_url": url_for("desk.turn", session_id=session_id) if phase == "entry" else "",
            "close_url": url_for("desk.close", session_id=session_id),
            "back_url": url_for("desk.session", session_id=session_id),
        },
        first_svg=svg(codes[0]["url"], _("现场码")) if codes else "",
        data={
            "step_seconds": seconds,
            "server_now_ms": int(now.timestamp() * 1000),
            "edition": shown.edition,
            "codes": codes,
            "codes_url": url_for("desk.venue_codes", session_id=session_id),
            "counts_url": url_for("desk.venue_counts", session_id=session_id),
            "counts": counts,
        },
    )


@desk.get("/sessions/<uuid:session_id>/venue/codes")
def venue_codes(session_id: UUID) -> ResponseReturnValue:
    """Return the next codes of the screen."""
    shown, now = _screen(session_id), present()
    codes = screen.codes(reader(), shown, now, request.args.get("from", type=int))
    return jsonify(server_now_ms=int(now.timestamp() * 1000), edition=shown.edition, codes=codes)


@desk.get("/sessions/<uuid:session_id>/venue/counts")
def venue_counts(session_id: UUID) -> ResponseReturnValue:
    """Return who has come."""
    shown, now = _screen(session_id), present()
    counts = screen.counts(reader(), shown, now)
    return jsonify(server_now_ms=int(now.timestamp() * 1000), edition=shown.edition, counts=counts)
