"""Pages of activities: lists, one in detail, signing up, and what a scanned code opens."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from activities import queries
from activities.attendance import check_in as check_in_now
from activities.doorway import (
    COOKIE,
    command_of,
    looker_of,
    pending,
    result_address,
    scanned,
    sealed,
    visit_of,
)
from activities.earning import half_hours
from activities.grants import GRANT, CodeUnreadable, GrantExpired, grant_for, seal
from activities.models import KINDS
from activities.publish import PARTS, Part, SessionUnknown
from activities.signup import ForResident, PartNotOffered, cancel_sign_up
from activities.signup import sign_up as sign_up_now
from activities.visits import Visit, own_visit
from core import settings
from core.acts import Actor
from core.errors import AppError, SignInNeeded
from core.formats import queued
from core.http import answers_untyped
from core.identity import actor_or_none, current_actor, public, residents_only
from core.work import present, reader, transact
from points.cause import award_of
from points.earning.awards import fixed_at_once, next_settlement
from points.words import arrival, state_words
from residents import queries as places

if TYPE_CHECKING:
    from sqlalchemy import Connection

bp = Blueprint("activities", __name__, url_prefix="/activities")
bp.before_request(public)
venue = Blueprint("venue", __name__)
venue.before_request(public)


@bp.get("/")
def index() -> ResponseReturnValue:
    """List what is coming, by day."""
    looker, connection, now = looker_of(actor_or_none()), reader(), present()
    own = looker.community > 0 and request.args.get("scope") != "district"
    scope = "community" if own else "district"
    kind = request.args.get("kind", "")
    kind = kind if kind in KINDS else ""
    after = request.args.get("after", type=UUID)
    found = queries.upcoming(connection, looker, now, scope=scope, kind=kind, after=after)
    return render_template(
        "activities/index.html",
        place=places.place(connection, looker.community) or places.district(connection),
        scope=scope,
        kinds=KINDS,
        kind=kind,
        days=queries.by_day(found),
        later=found[-1].session_id if len(found) == queries.LIST_MAX else None,
        elsewhere=queries.count_elsewhere(connection, now, kind) if not found else 0,
    )


@bp.get("/<uuid:activity_id>")
def detail(activity_id: UUID) -> ResponseReturnValue:
    """Show one activity, and the one act that fits the viewer's state."""
    actor, connection, now = actor_or_none(), reader(), present()
    looker = looker_of(actor)
    line = queries.activity(connection, activity_id)
    sessions = queries.sessions_of(connection, looker, activity_id) if line else []
    if line is None or not sessions:
        raise SessionUnknown
    shown = _shown(sessions, now)
    return render_template(
        "activities/detail.html",
        host=places.place(connection, line.community),
        activity=line,
        session=shown,
        others=[card for card in sessions if card is not shown and card.ends_at > now],
        stage=_stage(actor, shown, now),
        scanning=_doors_open(connection, shown, now),
        part=request.args.get("part", ""),
        cancel_until=shown.starts_at if now < shown.starts_at else None,
        due=_arrival(connection, shown, now),
        grace=_grace(connection, now),
    )


def _grace(connection: Connection, now: dt.datetime) -> int:
    """Return how many minutes a half hour may lack and still counts."""
    return settings.integer(connection, "points.hour_grace_minutes", now)


def _arrival(connection: Connection, card: queries.Card, now: dt.datetime) -> str:
    """Say when the points of a session arrive: of taking part alone perhaps at once."""
    alone = all(each.part == "take_part" for each in card.parts)
    if alone and fixed_at_once(connection, now, card.host):
        return arrival(now, now)
    return arrival(next_settlement(connection, max(card.ends_at, now)), now)


def _shown(sessions: list[queries.Card], now: dt.datetime) -> queries.Card:
    """Return the session asked for, else the next that is not over, else the last."""
    wanted = request.args.get("session", "")
    for card in sessions:
        if str(card.session_id) == wanted:
            return card
    return next((card for card in sessions if card.ends_at > now), sessions[-1])


def _doors_open(connection: Connection, card: queries.Card, now: dt.datetime) -> bool:
    """Tell whether a scan counts already."""
    opens = settings.integer(connection, "checkin.open_before_minutes", now, card.host)
    return card.starts_at - dt.timedelta(minutes=opens) <= now


def _stage(actor: Actor | None, card: queries.Card, now: dt.datetime) -> str:
    """Return where the viewer stands: the state that the page's button says."""
    if card.state == "cancelled":
        return "cancelled"
    if card.mine and card.mine.state in {"arrived", "left"}:
        return "arrived" if card.mine.state == "arrived" and card.mine.part == "serve" else "left"
    if card.state != "open" or card.ends_at <= now:
        return "over"
    if actor is None or actor.resident is None:
        return "guest"
    if card.open_to == "community" and not card.at_home:
        return "not_yours"
    return card.mine.state if card.mine else "sign_up"


def _part() -> Part:
    part = request.form.get("part", "")
    if part not in PARTS:
        raise PartNotOffered
    return "serve" if part == "serve" else "take_part"


@bp.post("/sessions/<uuid:session_id>/sign-up")
def sign_up(session_id: UUID) -> ResponseReturnValue:
    """Sign up for a part; whose sign-in has ended meanwhile finds the choice again behind it."""
    if actor_or_none() is None:
        raise SignInNeeded(back=_detail_of(session_id, part=_part()))
    residents_only()
    actor = current_actor()
    assert actor.resident is not None  # noqa: S101 - guarded above
    command = ForResident(session=session_id, part=_part(), resident=actor.resident)
    done = transact(sign_up_now, command, actor)
    if done.state == "waiting":
        flash(_("已为您排队候补，%(where)s", where=queued(done.ahead)), "done")
    else:
        flash(_("报名成功，到场扫一扫现场码签到"), "done")
    return redirect(_detail_of(session_id), code=303)


@bp.post("/sessions/<uuid:session_id>/cancel")
def cancel(session_id: UUID) -> ResponseReturnValue:
    """Give one's place back."""
    residents_only()
    actor = current_actor()
    assert actor.resident is not None  # noqa: S101 - guarded above
    command = ForResident(session=session_id, part=_part(), resident=actor.resident)
    transact(cancel_sign_up, command, actor)
    flash(_("已取消报名，名额留给别的邻居"), "done")
    return redirect(_detail_of(session_id), code=303)


def _detail_of(session_id: UUID, part: str | None = None) -> str:
    card = queries.one(reader(), queries.Looker(), session_id)
    if card is None:
        raise SessionUnknown
    return url_for("activities.detail", activity_id=card.activity_id, session=session_id, part=part)


@venue.get("/V/<code>")
@answers_untyped
def venue_code(code: str) -> ResponseReturnValue:
    """Decide on a scanned code, writing nothing; what it proves travels on in a cookie."""
    try:
        grant = grant_for(reader(), code, present())
    except AppError as refusal:
        reason = "unreadable" if isinstance(refusal, CodeUnreadable) else "expired"
        return _scan_again(reason, refusal.facts.get("session"), int(refusal.status))
    response = redirect(url_for("activities.presence"), code=303)
    response.set_cookie(
        COOKIE,
        seal(grant),
        max_age=int(GRANT.total_seconds()),
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
    )
    return response


def _scan_again(reason: str, session: object, status: int) -> ResponseReturnValue:
    """Send back to the screen, with the number of whoever runs the session, where it is known."""
    connection = reader()
    card = queries.one(connection, queries.Looker(), session) if isinstance(session, UUID) else None
    host = places.place(connection, card.host) if card else None
    return render_template("activities/expired.html", reason=reason, host=host), status


@bp.get("/presence")
def presence() -> ResponseReturnValue:
    """Show the one tap that checks in; somebody unknown signs in first, the scan is kept."""
    actor = actor_or_none()
    grant = pending()
    if grant is None:
        return _scan_again("expired", None, int(GrantExpired.status))
    if actor is None or actor.resident is None:
        if actor is not None:
            flash(_("您登录的是工作身份。签到请登录成居民，还没登记的，登录时登记。"), "error")
        raise SignInNeeded
    connection = reader()
    card = queries.one(connection, looker_of(actor), grant.session)
    if card is None:
        raise SessionUnknown
    if grant.phase == "entry" and card.mine and card.mine.state in {"arrived", "left"}:
        return redirect(result_address(grant, card.mine.part, "again"), code=303)
    since = None
    if grant.phase == "exit":
        since = own_visit(connection, grant.session, actor.resident, "serve").arrived_at
        if since is None:
            return _not_arrived(card)
    return render_template(
        "activities/presence.html",
        host=places.place(connection, card.host),
        visit=visit_of(card, grant),
        phase=grant.phase,
        parts=card.parts,
        mine=card.mine,
        part=request.args.get("part", ""),
        kept=queries.kept_for(connection, grant.session, actor.resident),
        since=since,
    )


def _not_arrived(card: queries.Card) -> ResponseReturnValue:
    """Say at the exit that no entry is known: staff put it right."""
    result = Result(
        outcome="refused",
        title=card.title,
        place=card.place,
        ends_at=card.ends_at,
        sentence=_(
            "没有找到您来帮忙的签到记录。来参加的，离开时不用再扫；来帮忙的，请找现场的工作人员登记。"
        ),
    )
    host = places.place(reader(), card.host)
    return render_template("activities/result.html", host=host, result=result)


@bp.post("/check-in")
def check_in() -> ResponseReturnValue:
    """Record the scan of whoever is signed in; the choice is kept for who has to sign in anew."""
    if actor_or_none() is None:
        raise SignInNeeded(back=url_for("activities.presence", part=_part()))
    residents_only()
    grant = scanned(sealed(), current_actor())
    done = transact(check_in_now, command_of(grant, _part()), current_actor())
    return redirect(result_address(grant, done.part, done.outcome), code=303)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a check-in came to, as its page says it."""

    outcome: str
    title: str
    place: str
    ends_at: dt.datetime
    part: str = ""
    at: dt.datetime | None = None
    now_at: dt.datetime | None = None
    person: str = ""
    amount: int | None = None
    settled: bool = False
    promise: int | None = None
    most: int | None = None
    half_hours: int = 0
    arrival: str = ""
    sentence: str = ""


@bp.get("/sessions/<uuid:session_id>/result")
def result(session_id: UUID) -> ResponseReturnValue:
    """Say what came of a check-in, from what is recorded."""
    residents_only()
    actor, connection = current_actor(), reader()
    assert actor.resident is not None  # noqa: S101 - guarded above
    part = request.args.get("part", "")
    card = queries.one(connection, looker_of(actor), session_id)
    if card is None or part not in PARTS:
        raise SessionUnknown
    visit = own_visit(connection, session_id, actor.resident, part)
    if visit.arrived_at is None:
        return redirect(url_for("activities.detail", activity_id=card.activity_id), code=303)
    shown = Result(**_result(card, part, visit))
    host = places.place(connection, card.host)
    return render_template("activities/result.html", host=host, result=shown)


def _result(card: queries.Card, part: str, visit: Visit) -> dict[str, Any]:
    """Put together the facts of a result, all of them from what is recorded."""
    connection, now = reader(), present()
    offered = next(each for each in card.parts if each.part == part)
    earned = award_of(connection, f"attendance:{card.session_id}:{visit.resident}:{part}")
    outcome = _outcome(visit)
    viewer = places.viewer(connection, current_actor())
    return {
        "outcome": outcome,
        "title": card.title,
        "place": card.place,
        "ends_at": card.ends_at,
        "part": part,
        "at": visit.left_at if outcome in {"left", "again_left"} else visit.arrived_at,
        "now_at": now,
        "person": viewer.name if viewer else "",
        "amount": earned.amount if earned else None,
        "settled": earned is not None and earned.state == "done",
        "promise": offered.amount,
        "most": offered.most,
        "half_hours": earned.units if earned and part == "serve" else _served(card, visit),
        "arrival": state_words(earned.state, earned.due, now) if earned else "",
    }


def _outcome(visit: Visit) -> str:
    """Return the outcome that the address names, where the records bear it out."""
    asked = request.args.get("outcome", "")
    if visit.left_at is None:
        return "again" if asked == "again" else "arrived"
    return "again_left" if asked in {"again", "again_left"} else "left"


def _served(card: queries.Card, visit: Visit) -> int:
    """Return the half hours of a visit that earned nothing."""
    if visit.arrived_at is None or visit.left_at is None:
        return 0
    grace = _grace(reader(), present())
    return half_hours(visit.arrived_at, visit.left_at, card.starts_at, card.ends_at, grace)
