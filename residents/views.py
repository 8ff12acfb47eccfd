"""Pages of signing in and registering, and the home page."""

from __future__ import annotations

import contextlib
import secrets
from typing import Any
from uuid import UUID

from flask import (
    Blueprint,
    Response,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue

from core import identity
from core.acts import Actor
from core.crypto import phone_index
from core.directory import PlaceClosed
from core.errors import AppError
from core.identity import actor_or_none, next_path, public
from core.panels import Viewer, doorway, rendered
from core.work import business_day, may_change, present, reader, transact
from residents import people, queries, revoking, sign_in
from residents.identity import actor_of
from residents.labels import device_label, role_words
from residents.limits import limit_codes, limit_registrations, limit_tries, prove_number
from residents.proofs import prove, proven

bp = Blueprint("residents", __name__)
bp.before_request(public)
PROOF = "proof"
BROWSER = "browser"
PROVEN = "proven"
"""The index of the number that was proven here last."""
SOMEBODY_ELSE = "somebody_else"
"""Whoever was signed in made way for somebody else: a number of theirs asks who it is."""


@bp.app_context_processor
def _viewer() -> dict[str, Any]:
    """Give every page the resident who looks at it, and whom to call where it is refused."""
    return {"viewer": viewer(), "whom_to_call": whom_to_call}


def whom_to_call() -> queries.Place | None:
    """Return whose number helps: one's community; the district's to its staff and to strangers."""
    seen, actor, door = viewer(), actor_or_none(), doorway()
    if seen is not None:
        return seen.place
    here = door.place(reader()) if actor is None and door else None
    if actor is not None and not actor.may("desk.read"):
        here = actor.place
    return (queries.place(reader(), here) if here else None) or queries.district(reader())


def viewer() -> queries.ViewerLine | None:
    """Return the resident who looks, once per request."""
    actor = actor_or_none()
    if actor is None or actor.resident is None:
        return None
    if "viewer" not in g:
        g.viewer = queries.viewer(reader(), actor)
    found: queries.ViewerLine | None = g.viewer
    return found


def for_panels(seen: queries.ViewerLine, actor: Actor) -> Viewer:
    """Return what panels get to know of the viewer."""
    members = queries.members(reader(), seen.household)
    return Viewer(
        person=actor.person,
        resident=seen.resident,
        household=seen.household,
        members=tuple(resident for resident, _name in members),
        community=seen.place.code,
        now=present(),
    )


@bp.after_app_request
def _note_seen(response: Response) -> Response:
    """Move ``last_seen`` after an unsafe request of a device that was quiet for an hour."""
    actor = actor_or_none() if "seen_again" in g and may_change() else None
    if actor is not None and actor.sign_in is not None:
        with contextlib.suppress(AppError):
            transact(revoking.note_seen, revoking.Seen(sign_in=actor.sign_in), actor)
    return response


@bp.get("/")
def home() -> ResponseReturnValue:
    """Show the home of whoever comes: residents, staff, admins, or somebody unknown."""
    actor = actor_or_none()
    if actor is None:
        return redirect(url_for("residents.sign_in"), code=303)
    if actor.is_staff:
        return redirect(_workplace(actor), code=303)
    seen = viewer()
    if seen is None:
        return redirect(url_for("residents.sign_in"), code=303)
    panels = for_panels(seen, actor)
    if seen.mode == "elder":
        return render_template(
            "residents/elder_home.html",
            top_panels=rendered("elder.top", reader(), panels),
            activity_panels=rendered("elder.activities", reader(), panels),
            points_panels=rendered("elder.points", reader(), panels),
        )
    return render_template(
        "residents/home.html",
        top_panels=rendered("home.top", reader(), panels),
        panels=rendered("home", reader(), panels),
        unconfirmed=seen.state == "unconfirmed",
    )


def _workplace(actor: Actor) -> str:
    if actor.may("desk.read"):
        return "/desk"
    return "/field/" if actor.may("act.record") else "/console"


@bp.get("/sign-in", endpoint="sign_in")
def sign_in_page() -> ResponseReturnValue:
    """Show the form: phone and code."""
    return _onward() or _sign_in_form({}, sent=False)


def _onward() -> ResponseReturnValue | None:
    """Lead on who is in already and came back here; staff are asked on the way to other rooms."""
    actor, target = actor_or_none(), next_path()
    if actor is not None and actor.is_staff:
        inside = target == "/" or target.startswith(_workplace(actor))
    else:
        inside = viewer() is not None
    return redirect(target, code=303) if inside else None


def _sign_in_form(errors: dict[str, str], *, sent: bool, status: int = 200) -> ResponseReturnValue:
    door = doorway()
    connection = reader()
    community = door.place(connection) if door else None
    place = queries.place(connection, community) if community else None
    page = render_template(
        "residents/sign_in.html",
        phone=request.form.get("phone", ""),
        sent=sent,
        wait=60 if sent and not errors else 0,
        errors=errors,
        next=next_path(),
        visit=door.visit(connection) if door else None,
        place=place or queries.district(connection),
    )
    return page, status


def _browser() -> str:
    """Return this browser's own secret, which its codes are bound to."""
    if BROWSER not in session:
        session[BROWSER] = secrets.token_urlsafe(24)
        session.permanent = True
    return str(session[BROWSER])


def _begin_anew() -> None:
    """Forget the session, but not whose browser this is: its codes are counted by that."""
    kept = {BROWSER: _browser()} | {name: session[name] for name in (PROVEN,) if name in session}
    session.clear()
    session.update(kept)
    session.permanent = True


@bp.post("/sign-in/code")
def sign_in_code() -> ResponseReturnValue:
    """Send a code; the answer is the same for every number."""
    phone = request.form.get("phone", "")
    try:
        limit_codes(phone, request.remote_addr or "", session.get(PROVEN, ""))
        transact(sign_in.ask_code, sign_in.AskCode(phone=phone, browser=_browser()))
    except AppError as refusal:
        errors = {"phone": refusal.sentence()}
        return _sign_in_form(errors, sent=False, status=int(refusal.status))
    return _sign_in_form({}, sent=True)


@bp.post("/sign-in")
def sign_in_verify() -> ResponseReturnValue:
    """Take the code and go on: straight in, to the choice, or to registering."""
    phone, code = request.form.get("phone", ""), request.form.get("code", "")
    try:
        limit_tries(phone, request.remote_addr or "", _browser())
    except AppError as refusal:
        return _sign_in_form({"phone": refusal.sentence()}, sent=False, status=int(refusal.status))
    try:
        verified = prove_number(phone, code, _browser())
    except AppError as refusal:
        return _sign_in_form({"code": refusal.sentence()}, sent=True, status=int(refusal.status))
    index = phone_index(verified.phone)
    same_number = SOMEBODY_ELSE in session and session.get(PROVEN) == index
    session[PROOF], session[PROVEN] = prove(verified.phone), index
    if not verified.choices:
        return redirect(url_for("residents.join", next=next_path()), code=303)
    if len(verified.choices) == 1 and not same_number and not _at_work(verified.choices[0]):
        return _enter(verified.phone, verified.choices[0].id, next_path())
    return redirect(url_for("residents.choose", next=next_path()), code=303)


def _at_work(choice: sign_in.Choice) -> bool:
    """Tell whether somebody on the way into an activity is known here as staff only."""
    door = doorway()
    return choice.kind == "grant" and door is not None and door.visit(reader()) is not None


def _enter(phone: str, choice: UUID, target: str, part: str = "") -> ResponseReturnValue:
    """Sign in, do what waits behind the door, and go on."""
    label = device_label(request.user_agent.string)
    done = transact(sign_in.choose, sign_in.Choose(phone=phone, id=choice, label=label))
    _begin_anew()
    actor = actor_of(done.token)
    assert actor is not None  # noqa: S101 - the row was made a moment ago
    identity.sign_in(done.token, actor)
    door = doorway()
    waiting = door.enter(actor, part) if door and part and actor.resident else None
    return redirect(waiting or target, code=303)


@bp.get("/sign-in/choose")
def choose() -> ResponseReturnValue:
    """Ask who it is, where one number serves several."""
    if PROOF not in session and (onward := _onward()):
        return onward
    phone = proven(session.get(PROOF, ""))
    connection, door = reader(), doorway()
    found = sign_in.choices_of(connection, phone, business_day(present()))
    codes = {choice.code for choice in found}
    shared = queries.place(connection, codes.pop()) if len(codes) == 1 else None
    return render_template(
        "residents/choose.html",
        choices=[
            {
                "key": str(choice.id),
                "title": choice.name,
                "note": role_words(choice.role, choice.place),
                "staff": choice.kind == "grant",
            }
            for choice in found
        ],
        next=next_path(),
        visit=door.visit(connection) if door else None,
        place=shared or queries.district(connection),
    )


@bp.post("/sign-in/choose")
def choose_who() -> ResponseReturnValue:
    """Sign in as the one chosen."""
    phone = proven(session.get(PROOF, ""))
    try:
        chosen = UUID(request.form.get("choice", ""))
    except ValueError:
        raise sign_in.NobodyChosen from None
    return _enter(phone, chosen, next_path())


@bp.get("/join")
def join() -> ResponseReturnValue:
    """Ask for a name and consent."""
    if PROOF not in session and (onward := _onward()):
        return onward
    proven(session.get(PROOF, ""))
    return _join_form({})


def _join_form(errors: dict[str, str], status: int = 200) -> ResponseReturnValue:
    door, connection = doorway(), reader()
    offered = queries.communities_by_subdistrict(connection, business_day(present()))
    if not offered:
        raise people.CommunityUnknown
    proposed = door.place(connection) if door else None
    community = request.form.get("community", type=int) or proposed
    parts = door.parts(connection) if door else ()
    free = next((each.part for each in parts if not each.full), "")
    page = render_template(
        "residents/join.html",
        name=request.form.get("name", ""),
        community=community or "",
        communities=offered,
        part=request.form.get("part", free),
        parts=parts,
        errors=errors,
        next=next_path(),
        visit=door.visit(connection) if door else None,
        place=queries.place(connection, proposed) if proposed else queries.district(connection),
        privacy=people.PRIVACY,
        privacy_agreement=people.PRIVACY_AGREEMENT,
    )
    return page, status


@bp.post("/join")
def join_now() -> ResponseReturnValue:
    """Register, sign in, and do what waits behind the door."""
    phone = proven(session.get(PROOF, ""))
    command = people.Register(
        phone=phone,
        name=request.form.get("name", ""),
        community=request.form.get("community", default=0, type=int),
        consent=request.form.get("consent") == "1",
        is_fourteen=request.form.get("under_fourteen") != "1",
    )
    try:
        limit_registrations(phone)
        entered = transact(people.register, command)
    except AppError as refusal:
        field = {
            people.ConsentMissing: "consent",
            people.TooYoung: "consent",
            people.CommunityUnknown: "community",
            PlaceClosed: "community",
        }
        where = field.get(type(refusal), "name")
        return _join_form({where: refusal.sentence()}, int(refusal.status))
    return _enter(phone, entered.resident, next_path(), request.form.get("part", ""))


@bp.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End this sign-in, here and in the database, and go where somebody else can begin."""
    actor = actor_or_none()
    if actor is not None and actor.sign_in is not None:
        transact(revoking.revoke, revoking.Revoke(sign_in=actor.sign_in), actor)
    identity.sign_out()
    _begin_anew()
    if "next" not in request.form:
        return redirect(url_for("residents.sign_in"), code=303)
    session[SOMEBODY_ELSE] = True
    return redirect(next_path(), code=303)
