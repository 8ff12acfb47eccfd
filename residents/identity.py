"""Finding who a token stands for, in one query."""

from __future__ import annotations

from flask import g
from sqlalchemy import Date, and_, bindparam, or_, select

from core.acts import Actor
from core.crypto import token_hash
from core.ids import NIL
from core.straight import Straight
from core.work import business_day, present, reader
from residents.acting import holds
from residents.models import Grant, Person, Representation, Resident, SignIn
from residents.revoking import SEEN_AGAIN_AFTER

QUERY = Straight(
    select(
        SignIn.id,
        SignIn.person,
        SignIn.expires_at,
        SignIn.last_seen,
        Person.name,
        Resident.id.label("resident"),
        Resident.household,
        Resident.community,
        Resident.valid_to.label("resident_until"),
        Resident.person.label("principal"),
        # Whether the one whose phone it is may act for the resident.
        select(Representation.id)
        .where(
            Representation.principal == Resident.person,
            Representation.agent == SignIn.person,
            holds(bindparam("v_day", type_=Date())),
        )
        .correlate(Resident, SignIn)
        .exists()
        .label("is_represented"),
        Grant.id.label("grant"),
        Grant.role,
        Grant.scope_kind,
        Grant.place,
        Grant.scope_id,
        Grant.valid_from,
        Grant.valid_to,
    )
    .join(Person, Person.id == SignIn.person)
    .outerjoin(Resident, Resident.id == SignIn.resident)
    .outerjoin(
        Grant,
        and_(
            Grant.id == SignIn.grant,
            or_(
                and_(Grant.role != "district_admin", Grant.role != "auditor"),
                Grant.confirmed_by.is_not(None),
            ),
        ),
    )
    .where(SignIn.revoked_at.is_(None), SignIn.token_hash == bindparam("v_token_hash"))
)


def actor_of(token: str) -> Actor | None:
    """Return who the token acts as, or None: unknown, revoked, expired, role lost, moved away."""
    now = present()
    today = business_day(now)
    asked = {"v_token_hash": token_hash(token), "v_day": today}
    row = QUERY.first(reader(), asked)
    if row is None or row.expires_at <= now:
        return None
    if row.last_seen < now - SEEN_AGAIN_AFTER:
        g.seen_again = row.id
    if row.grant is not None:
        if row.valid_from > today or (row.valid_to is not None and row.valid_to < today):
            return None
        return Actor(
            person=row.person,
            role=row.role,
            scope_kind=row.scope_kind,
            place=row.place,
            scope_id=None if row.scope_id == NIL else row.scope_id,
            sign_in=row.id,
            name=row.name,
        )
    if row.resident is None or (row.resident_until is not None and row.resident_until < today):
        return None
    if row.principal != row.person and not row.is_represented:
        return None
    return Actor(
        person=row.person,
        role="resident",
        place=row.community,
        resident=row.resident,
        household=row.household,
        sign_in=row.id,
        name=row.name,
    )
