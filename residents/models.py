"""Tables of places and people."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, BigKey, UuidKey

RESIDENT_STATES = ("unconfirmed", "confirmed")


class District(Base):
    """The district that this installation serves."""

    __tablename__ = "districts"

    code: Mapped[BigKey]
    name: Mapped[str]
    phone: Mapped[str | None]


class Subdistrict(Base):
    """A street-level unit (街道, 镇, 乡) of the district."""

    __tablename__ = "subdistricts"

    code: Mapped[BigKey]
    district: Mapped[int] = mapped_column(BigInteger(), ForeignKey("districts.code"))
    name: Mapped[str]


class Community(Base):
    """A community or village, keyed by its 12-digit statistical code, never by its name."""

    __tablename__ = "communities"
    __table_args__ = (
        CheckConstraint("kind IN ('neighbourhood', 'village')", name="kind"),
        Index(None, "subdistrict"),
    )

    code: Mapped[BigKey]
    subdistrict: Mapped[int] = mapped_column(BigInteger(), ForeignKey("subdistricts.code"))
    #: As the source has it; ``short_name`` is what people read (details.md 4).
    name: Mapped[str]
    short_name: Mapped[str]
    #: ``short_name``, with the subdistrict before it where the name occurs twice.
    display_name: Mapped[str]
    kind: Mapped[str]
    phone: Mapped[str | None]
    valid_from: Mapped[dt.date]
    #: The last day of a community that was merged into another one, or abolished.
    valid_to: Mapped[dt.date | None]
    #: The community that goes on with its people, where one is known.
    successor: Mapped[int | None] = mapped_column(BigInteger())


class Group(Base):
    """A group of communities (片区) that the district lets share a rate.

    Rates are resolved by it; no page or act fills it yet.
    """

    __tablename__ = "groups"

    id: Mapped[UuidKey]
    name: Mapped[str]


class GroupMember(Base):
    """A community in a group; in one group at most."""

    __tablename__ = "group_members"

    community: Mapped[int] = mapped_column(
        BigInteger(),
        ForeignKey("communities.code"),
        primary_key=True,
        autoincrement=False,
    )
    group: Mapped[UUID] = mapped_column(ForeignKey("groups.id"))


class Estate(Base):
    """A housing estate (小区), street (路, 弄) or village group (组)."""

    __tablename__ = "estates"
    __table_args__ = (UniqueConstraint("community", "name"),)

    id: Mapped[UuidKey]
    community: Mapped[int] = mapped_column(BigInteger(), ForeignKey("communities.code"))
    name: Mapped[str]


class Grid(Base):
    """An optional grouping of buildings (网格)."""

    __tablename__ = "grids"
    __table_args__ = (UniqueConstraint("community", "name"),)

    id: Mapped[UuidKey]
    community: Mapped[int] = mapped_column(BigInteger(), ForeignKey("communities.code"))
    name: Mapped[str]


class Building(Base):
    """A building of an estate."""

    __tablename__ = "buildings"
    __table_args__ = (UniqueConstraint("estate", "name"),)

    id: Mapped[UuidKey]
    community: Mapped[int] = mapped_column(BigInteger(), ForeignKey("communities.code"))
    estate: Mapped[UUID] = mapped_column(ForeignKey("estates.id"))
    grid: Mapped[UUID | None] = mapped_column(ForeignKey("grids.id"))
    name: Mapped[str]


class Dwelling(Base):
    """An address; several households may live in it."""

    __tablename__ = "dwellings"
    __table_args__ = (UniqueConstraint("community", "address"),)

    id: Mapped[UuidKey]
    community: Mapped[int] = mapped_column(BigInteger(), ForeignKey("communities.code"))
    building: Mapped[UUID | None] = mapped_column(ForeignKey("buildings.id"))
    unit: Mapped[str]
    room: Mapped[str]
    #: Normalised address as people say it: 建国南苑 3-2-401.
    address: Mapped[str]


class Household(Base):
    """People who live together; may have no known person and no known dwelling."""

    __tablename__ = "households"
    __table_args__ = (Index(None, "community"), Index(None, "dwelling"))

    id: Mapped[UuidKey]
    community: Mapped[int] = mapped_column(BigInteger(), ForeignKey("communities.code"))
    dwelling: Mapped[UUID | None] = mapped_column(ForeignKey("dwellings.id"))
    created_at: Mapped[dt.datetime]


class Person(Base):
    """A human being: owns sign-ins, grants and representations; one phone may serve several."""

    __tablename__ = "people"
    __table_args__ = (
        # One human being has one row, however often they are entered, registered or granted.
        UniqueConstraint("phone_index", "name"),
        Index(None, "phone_tail"),
        Index(None, "name"),
    )

    id: Mapped[UuidKey]
    name: Mapped[str]
    #: AES-256-GCM, key id inside; null for somebody without a phone.
    phone_cipher: Mapped[str | None]
    #: HMAC of the number, to find it by.
    phone_index: Mapped[str | None]
    #: Last four digits, as the desk searches and as pages show.
    phone_tail: Mapped[str | None]
    birth_year: Mapped[int | None]
    #: ``standard`` or ``elder``: how pages look for this person.
    mode: Mapped[str] = mapped_column(server_default="standard")
    created_at: Mapped[dt.datetime]


class Resident(Base):
    """A person's dated place in a household and a home community."""

    __tablename__ = "residents"
    __table_args__ = (
        CheckConstraint("state IN ('unconfirmed', 'confirmed')", name="state"),
        # A person lives in one place at a time.
        Index(
            "ix_residents_current",
            "person",
            unique=True,
            sqlite_where=text("valid_to IS NULL"),
            postgresql_where=text("valid_to IS NULL"),
        ),
        Index(None, "household"),
        Index(None, "community", "state"),
    )

    id: Mapped[UuidKey]
    person: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    household: Mapped[UUID] = mapped_column(ForeignKey("households.id"))
    community: Mapped[int] = mapped_column(BigInteger(), ForeignKey("communities.code"))
    state: Mapped[str]
    confirmed_by: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    confirmed_at: Mapped[dt.datetime | None]
    valid_from: Mapped[dt.date]
    valid_to: Mapped[dt.date | None]
    created_at: Mapped[dt.datetime]


class ResidentEnd(Base):
    """Why a resident's place ended, and who goes on in their stead."""

    __tablename__ = "resident_ends"
    __table_args__ = (
        CheckConstraint("reason IN ('moved', 'merged', 'deceased')", name="reason"),
        CheckConstraint("(reason = 'deceased') = (successor IS NULL)", name="successor"),
        CheckConstraint("(reason = 'deceased') = (keeps_until IS NOT NULL)", name="keeps_until"),
        CheckConstraint("successor <> resident", name="another"),
        Index(None, "successor"),
    )

    resident: Mapped[UUID] = mapped_column(ForeignKey("residents.id"), primary_key=True)
    reason: Mapped[str]
    #: The place that the person has now; what still arrives for the old one follows there.
    successor: Mapped[UUID | None] = mapped_column(ForeignKey("residents.id"))
    #: Whether nobody was left behind, so that what the household had and used went along.
    household_follows: Mapped[bool] = mapped_column(server_default=false())
    #: Until when the household may spend what somebody who died left.
    keeps_until: Mapped[dt.date | None]
    recorded_by: Mapped[UUID]
    recorded_at: Mapped[dt.datetime]


class Grant(Base):
    """A role of a person at a scope, with dates."""

    __tablename__ = "grants"
    __table_args__ = (
        CheckConstraint("confirmed_by IS NULL OR confirmed_by <> granted_by", name="two_people"),
        UniqueConstraint("person", "role", "scope_kind", "place", "scope_id", "valid_from"),
        Index(None, "place", "role"),
    )

    id: Mapped[UuidKey]
    person: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    role: Mapped[str]
    scope_kind: Mapped[str]
    #: Code of the district, subdistrict or community in which the scope lies.
    place: Mapped[int] = mapped_column(BigInteger())
    #: Station, session, grid or building; the nil UUID where the place is the scope.
    scope_id: Mapped[UUID]
    valid_from: Mapped[dt.date]
    valid_to: Mapped[dt.date | None]
    granted_by: Mapped[UUID]
    confirmed_by: Mapped[UUID | None]
    created_at: Mapped[dt.datetime]


class Representation(Base):
    """Somebody may act for somebody: family, carer, guardian."""

    __tablename__ = "representations"
    __table_args__ = (
        CheckConstraint("kind IN ('family', 'carer', 'guardian')", name="kind"),
        CheckConstraint("principal <> agent", name="two_people"),
        UniqueConstraint("principal", "agent", "valid_from"),
        Index(None, "agent"),
    )

    id: Mapped[UuidKey]
    principal: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    agent: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    kind: Mapped[str]
    consent: Mapped[UUID | None] = mapped_column(ForeignKey("consents.id"))
    valid_from: Mapped[dt.date]
    valid_to: Mapped[dt.date | None]


class Consent(Base):
    """What a person agreed to, in which words, by which channel."""

    __tablename__ = "consents"
    __table_args__ = (Index(None, "person"),)

    id: Mapped[UuidKey]
    person: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    purpose: Mapped[str]
    version: Mapped[str]
    channel: Mapped[str]
    given_at: Mapped[dt.datetime]
    withdrawn_at: Mapped[dt.datetime | None]


class LoginCode(Base):
    """A one-time code, HMAC'd, for one number and one browser."""

    __tablename__ = "login_codes"
    __table_args__ = (
        CheckConstraint("tries >= 0", name="tries"),
        Index(None, "phone_index", "created_at"),
    )

    id: Mapped[UuidKey]
    phone_index: Mapped[str]
    phone_cipher: Mapped[str]
    code_hash: Mapped[str]
    #: Hash of the asking browser's cookie (or the API client's own nonce).
    browser_hash: Mapped[str]
    created_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime]
    tries: Mapped[int]
    used_at: Mapped[dt.datetime | None]


class SignIn(Base):
    """One signed-in device or program; revoked at once by a date in its row."""

    __tablename__ = "sign_ins"
    __table_args__ = (UniqueConstraint("token_hash"), Index(None, "person"))

    id: Mapped[UuidKey]
    token_hash: Mapped[str]
    person: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    #: The grant acted in; null for a resident.
    grant: Mapped[UUID | None] = mapped_column(ForeignKey("grants.id"))
    #: The resident acted as; null for staff.
    resident: Mapped[UUID | None] = mapped_column(ForeignKey("residents.id"))
    label: Mapped[str]
    created_at: Mapped[dt.datetime]
    last_seen: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime]
    revoked_at: Mapped[dt.datetime | None]
