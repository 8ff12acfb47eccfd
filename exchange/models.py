"""Tables of stations, items, rates, quotas and orders."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Centipoints, UuidKey

RATE_MAX = 10_000

ORDER_STATES = (
    "asked",
    "submitted",
    "ready",
    "refused",
    "cancelled",
    "lapsed",
    "collected",
    "returned",
)


SOURCES = ("社区基金", "赞助", "让利")
"""Who pays for an item."""


class ItemTemplate(Base):
    """The district's ready-made item; a community's item is a copy that remembers it."""

    __tablename__ = "item_templates"

    key: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    category: Mapped[str]
    price: Mapped[Centipoints]
    stock_default: Mapped[int | None]
    shelf_life_days: Mapped[int | None]
    source: Mapped[str]
    limit_per_household_month: Mapped[int | None]
    home_first_days: Mapped[int]
    foreign_share_percent: Mapped[int]
    note: Mapped[str]
    position: Mapped[int]


class Station(Base):
    """A community's redemption station (积分驿站)."""

    __tablename__ = "stations"
    __table_args__ = (UniqueConstraint("community"),)

    id: Mapped[UuidKey]
    community: Mapped[int] = mapped_column(BigInteger(), ForeignKey("communities.code"))
    name: Mapped[str]
    address: Mapped[str]
    hours: Mapped[str]
    opened_on: Mapped[dt.date]


class Item(Base):
    """Something that a station gives for service points."""

    __tablename__ = "items"
    __table_args__ = (
        CheckConstraint("price > 0", name="price"),
        CheckConstraint("state IN ('listed', 'unlisted')", name="state"),
        UniqueConstraint("station", "name"),
        Index(None, "community"),
    )

    id: Mapped[UuidKey]
    station: Mapped[UUID] = mapped_column(ForeignKey("stations.id"))
    community: Mapped[int] = mapped_column(BigInteger(), ForeignKey("communities.code"))
    template: Mapped[str | None] = mapped_column(ForeignKey("item_templates.key"))
    name: Mapped[str]
    category: Mapped[str]
    price: Mapped[Centipoints]
    source: Mapped[str]
    #: Pieces per household and month; null is no limit.
    limit_per_household_month: Mapped[int | None]
    home_first_days: Mapped[int]
    #: Of each receipt; 0 with 0 home-first days means home residents only.
    foreign_share_percent: Mapped[int]
    note: Mapped[str]
    state: Mapped[str]


class Stock(Base):
    """Guarded counters of an item: what lies there, and what of it is promised."""

    __tablename__ = "stock"
    __table_args__ = (
        CheckConstraint("reserved >= 0 AND on_hand >= reserved", name="not_oversold"),
        CheckConstraint("foreign_left >= 0", name="foreign_share"),
    )

    item: Mapped[UUID] = mapped_column(ForeignKey("items.id"), primary_key=True)
    on_hand: Mapped[int] = mapped_column(server_default=text("0"))
    reserved: Mapped[int] = mapped_column(server_default=text("0"))
    #: Pieces of the last receipt that residents of other communities may still take.
    foreign_left: Mapped[int] = mapped_column(server_default=text("0"))
    #: Pieces on hand right after the last receipt: what the bar on the desk is drawn against.
    full: Mapped[int] = mapped_column(server_default=text("0"))
    received_on: Mapped[dt.date | None]


class StockMove(Base):
    """Why ``on_hand`` changed; received = given + on hand, item by item."""

    __tablename__ = "stock_moves"
    __table_args__ = (
        CheckConstraint("kind IN ('receipt', 'given', 'returned', 'count')", name="kind"),
        CheckConstraint("quantity <> 0", name="quantity"),
        UniqueConstraint("key"),
        Index(None, "item", "at"),
    )

    id: Mapped[UuidKey]
    key: Mapped[str]
    item: Mapped[UUID] = mapped_column(ForeignKey("items.id"))
    kind: Mapped[str]
    #: Signed change of ``on_hand``.
    quantity: Mapped[int]
    at: Mapped[dt.datetime]
    by: Mapped[UUID]
    order: Mapped[UUID | None]


class DiscountRate(Base):
    """A directed rate in basis points at a scope from a moment on; the past is never edited.

    A row without a rate ends the one before it, so that the next scope of the ladder holds.
    """

    __tablename__ = "discount_rates"
    __table_args__ = (
        CheckConstraint(f"rate IS NULL OR rate BETWEEN 1 AND {RATE_MAX}", name="rate"),
        CheckConstraint(
            "scope IN ('pair', 'home', 'host', 'subdistricts', 'same_subdistrict', 'group',"
            " 'district')",
            name="scope",
        ),
        CheckConstraint("confirmed_by IS NULL OR confirmed_by <> proposed_by", name="two_people"),
        UniqueConstraint("scope", "home", "host", "valid_from"),
    )

    id: Mapped[UuidKey]
    scope: Mapped[str]
    #: Codes of communities or subdistricts by the scope; 0 where the scope names none.
    home: Mapped[int] = mapped_column(BigInteger())
    host: Mapped[int] = mapped_column(BigInteger())
    rate: Mapped[int | None]
    valid_from: Mapped[dt.datetime]
    document: Mapped[str]
    proposed_by: Mapped[UUID]
    #: Null only for the rows that the district's defaults seeded.
    confirmed_by: Mapped[UUID | None]
    created_at: Mapped[dt.datetime]


class RateProposal(Base):
    """A change of rate that waits for the second person."""

    __tablename__ = "rate_proposals"
    __table_args__ = (
        CheckConstraint(f"rate IS NULL OR rate BETWEEN 1 AND {RATE_MAX}", name="rate"),
        CheckConstraint("state IN ('proposed', 'confirmed', 'withdrawn')", name="state"),
        CheckConstraint(
            "decided_by IS NULL OR state = 'withdrawn' OR decided_by <> proposed_by",
            name="two_people",
        ),
        UniqueConstraint("key"),
        Index(None, "state"),
    )

    id: Mapped[UuidKey]
    key: Mapped[str]
    scope: Mapped[str]
    home: Mapped[int] = mapped_column(BigInteger())
    host: Mapped[int] = mapped_column(BigInteger())
    rate: Mapped[int | None]
    valid_from: Mapped[dt.datetime]
    document: Mapped[str]
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    proposed_at: Mapped[dt.datetime]
    state: Mapped[str]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    decided_at: Mapped[dt.datetime | None]
    #: The confirmed proposal whose rate is to be taken back before its day.
    withdraws: Mapped[UUID | None] = mapped_column(ForeignKey("rate_proposals.id"))


class FaceValue(Base):
    """A community's face value in ten-thousandths of a district standard point; absent means 1.

    Costs and moves are reckoned by it; no page or act sets it yet.
    """

    __tablename__ = "face_values"
    __table_args__ = (CheckConstraint("value > 0", name="value"),)

    community: Mapped[int] = mapped_column(
        BigInteger(), ForeignKey("communities.code"), primary_key=True, autoincrement=False
    )
    valid_from: Mapped[dt.date] = mapped_column(primary_key=True)
    value: Mapped[int]
    set_by: Mapped[UUID]


class QuotaUsage(Base):
    """A guarded counter: what a subject used of a quota in a period."""

    __tablename__ = "quota_usage"
    __table_args__ = (CheckConstraint("used >= 0", name="used"),)

    #: ``resident_month``, ``household_item_month`` …
    quota: Mapped[str] = mapped_column(primary_key=True)
    #: Ids joined by a colon: a resident, or a household and an item.
    subject: Mapped[str] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(primary_key=True)
    used: Mapped[int] = mapped_column(BigInteger())


class Order(Base):
    """A redemption: at home or at a neighbour's station, on the phone or at the counter."""

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint("channel IN ('phone', 'counter')", name="channel"),
        CheckConstraint(
            f"state IN ({', '.join(map(repr, ORDER_STATES))})",
            name="state",
        ),
        CheckConstraint(f"rate BETWEEN 1 AND {RATE_MAX}", name="rate"),
        CheckConstraint("cost >= par AND par > 0 AND price > 0", name="amounts"),
        CheckConstraint(
            "confirmation IS NULL OR confirmation IN ('device', 'pin', 'known')",
            name="confirmation",
        ),
        UniqueConstraint("key"),
        Index(
            "uq_orders_pickup_code",
            "station",
            "pickup_code",
            unique=True,
            sqlite_where=text("state = 'ready'"),
            postgresql_where=text("state = 'ready'"),
        ),
        Index(None, "host", "state", "submitted_at"),
        Index(None, "resident", "submitted_at"),
        Index(None, "home", "submitted_at"),
    )

    id: Mapped[UuidKey]
    #: Client's idempotency key.
    key: Mapped[str]
    station: Mapped[UUID] = mapped_column(ForeignKey("stations.id"))
    host: Mapped[int] = mapped_column(BigInteger(), ForeignKey("communities.code"))
    home: Mapped[int] = mapped_column(BigInteger(), ForeignKey("communities.code"))
    #: For whom; who ordered; who entered it for them; who handed it out are four columns.
    resident: Mapped[UUID] = mapped_column(ForeignKey("residents.id"))
    ordered_by: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    entered_by: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    handed_by: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    channel: Mapped[str]
    #: How the resident agreed at the counter.
    confirmation: Mapped[str | None]
    state: Mapped[str]
    #: Host's centipoints.
    price: Mapped[Centipoints]
    #: P, E and C of details.md 6, in the resident's centipoints.
    par: Mapped[Centipoints]
    exact: Mapped[Centipoints]
    cost: Mapped[Centipoints]
    #: Snapshot: the rate, its row, both face values, the policy of the difference.
    rate: Mapped[int]
    rate_row: Mapped[UUID | None] = mapped_column(ForeignKey("discount_rates.id"))
    face_home: Mapped[int]
    face_host: Mapped[int]
    difference: Mapped[str]
    #: Hundredths of a standard point, on both legs to and from clearing.
    standard: Mapped[int] = mapped_column(BigInteger())
    submitted_at: Mapped[dt.datetime]
    decided_at: Mapped[dt.datetime | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    refusal: Mapped[str | None]
    pickup_code: Mapped[str | None]
    pickup_until: Mapped[dt.datetime | None]
    closed_at: Mapped[dt.datetime | None]


class OrderLine(Base):
    """An item and its quantity in an order, at the price of that moment."""

    __tablename__ = "order_lines"
    __table_args__ = (CheckConstraint("quantity > 0 AND price > 0", name="amounts"),)

    order: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    item: Mapped[UUID] = mapped_column(ForeignKey("items.id"), primary_key=True)
    name: Mapped[str]
    quantity: Mapped[int]
    #: Centipoints of the host per piece.
    price: Mapped[Centipoints]


class OrderPayment(Base):
    """Who pays what of an order; the constraint keeps approver and payer apart."""

    __tablename__ = "order_payments"
    __table_args__ = (
        CheckConstraint("points_kind = 'service'", name="service_only"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("approver IS NULL OR approver <> payer", name="not_own"),
        CheckConstraint(
            "approver_household IS NULL OR approver_household <> payer_household",
            name="not_own_household",
        ),
        ForeignKeyConstraint(
            ["account", "points_kind"],
            ["accounts.id", "accounts.points_kind"],
            name="fk_order_payments_account",
        ),
        CheckConstraint(
            "confirmation IS NULL OR confirmation IN ('device', 'known')",
            name="confirmation",
        ),
        CheckConstraint("hold IS NULL OR taken_at IS NOT NULL", name="taken"),
        Index(None, "hold"),
        Index(
            "ix_order_payments_asked",
            "payer",
            sqlite_where=text("taken_at IS NULL"),
            postgresql_where=text("taken_at IS NULL"),
        ),
    )

    order: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    account: Mapped[int] = mapped_column(BigInteger(), primary_key=True, autoincrement=False)
    points_kind: Mapped[str] = mapped_column(server_default="service")
    hold: Mapped[UUID | None] = mapped_column(ForeignKey("holds.id"))
    amount: Mapped[Centipoints]
    payer: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    payer_household: Mapped[UUID] = mapped_column(ForeignKey("households.id"))
    #: When the share was set aside or spent; null while its payer is asked.
    taken_at: Mapped[dt.datetime | None]
    #: Who agreed for a share of somebody else's order, and how; null for who ordered.
    agreed_by: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    confirmation: Mapped[str | None]
    approver: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    approver_household: Mapped[UUID | None] = mapped_column(ForeignKey("households.id"))
