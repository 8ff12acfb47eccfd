"""Items of a feed: checked one by one, recorded once per key, chunk by chunk.

A key belongs to its feeder for good: what was recorded or capped under it is answered from what
was kept, with the same figures; what was refused left nothing behind and may come again, mended.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from core import settings
from core.crypto import mac
from core.directory import Standing, directory
from core.errors import N_, AppError, Conflict, Forbidden, Rejected
from core.many import among, insert_many
from core.served import Span
from core.work import business_day
from points.accounts import household_account, resident_account
from points.earning.acts import NOTE_MAX, award_of
from points.earning.awards import Award, AwardDiffers, Awarded
from points.earning.caps import full_words
from points.earning.many import award_many
from points.earning.recorders import Act, Checked, DayOutOfRange, HolderUnknown, Recorder
from points.earning.rules import HALF_HOUR
from points.feeds.feeders import WORDS_OF, acting
from points.feeds.hours import (
    HoursUnfit,
    Known,
    checked_span,
    half_hours_left,
    keep_hours,
    known_spans,
)
from points.feeds.meant import Meant, community_of, find
from points.ledger import lock_accounts
from points.models import Feeder, FeedItem

if TYPE_CHECKING:
    from sqlalchemy import Row

    from core.acts import Actor
    from core.work import Work

CHUNK = 500
"""The most items of one transaction: a tenth of a second, so that others do not wait for long."""

UNITS_MAX = 100
OLDEST = dt.timedelta(days=31)
SKEW = dt.timedelta(minutes=5)


class FeederGone(Forbidden):
    """The feeder was stopped while its batch was being recorded."""

    text = N_("这个接入方刚刚停用了，没有再记。需要的话请联系区里。")


class RuleNotFed(Rejected):
    """The rule is not among those the feeder may record."""

    text = N_("这个接入方不能记这条规则。需要的话请联系区里。")


class ItemKeyReused(Conflict):
    """The key came with another content before."""

    text = N_("这个编号以前记过别的内容，没有再记。每件事请用自己的编号。")


class ItemTooOld(Rejected):
    """A feed takes what happened in the last 31 days."""

    text = N_("只收最近 31 天的记录。更早的请由社区补录。")


class ItemUnreadable(Rejected):
    """The item lacks a field, or has one that is not known, or of another kind."""

    text = N_("这一条没有看懂，没有记。请核对字段后再传。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something a feeder saw; hours say until when, everything else how many."""

    key: str
    rule: str
    holder: Meant
    at: dt.datetime
    units: int | None = None
    until: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordItems:
    """A batch, or a chunk of a file."""

    feeder: UUID
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemResult:
    """What became of an item: recorded, exists, capped (nothing was left of it) or refused."""

    key: str | None
    state: str
    code: str = ""
    message: str = ""
    award: UUID | None = None
    units: int = 0
    amount: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemsRecorded:
    """What became of each, in their order."""

    items: tuple[ItemResult, ...]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An item that is to be awarded: its place among the others, and what it means."""

    place: int
    digest: str
    award: Award
    span: Span | None


@dataclass(slots=True)
class _Batch:
    """What recording a chunk has to know, asked once for all of its items."""

    feeder: Row[Any]
    #: Where and as whom the feeder acts, whoever brings what it saw.
    acting: Actor
    #: Those of whoever brought a file; None: the feeder has signed.
    own: frozenset[UUID] | None
    #: By community.
    recorders: dict[int, Recorder]
    rules: frozenset[str]
    kept: dict[str, Mapping[Any, Any]]
    holders: Mapping[Meant, UUID | AppError]
    standings: Mapping[UUID, Standing]
    hours: Known
    grace: int
    #: By key, in their order.
    waiting: dict[str, _Waiting] = field(default_factory=dict)
    #: By place.
    results: dict[int, ItemResult] = field(default_factory=dict)


def refused(key: str | None, refusal: AppError) -> ItemResult:
    """Return a refusal as an item's answer."""
    return ItemResult(key=key, state="refused", code=refusal.code(), message=refusal.sentence())


def record_items(work: Work, command: RecordItems) -> ItemsRecorded:
    """Record a chunk of a feeder's items; one that does not fit is refused by itself.

    Raises FeederGone.
    """
    work.actor.require("feed.record")
    feeder = kept_from_stopping(work, command.feeder)
    if feeder is None or feeder.state != "active":
        raise FeederGone
    results = recorded(work, feeder, command.items, None)
    if all(each.state in {"exists", "refused"} for each in results):
        work.replayed()
    return ItemsRecorded(items=tuple(results))


def kept_from_stopping(work: Work, feeder: UUID) -> Row[Any] | None:
    """Return a feeder: whoever stops it waits for this chunk, and no other begins."""
    return work.connection.execute(
        select(Feeder.__table__).where(Feeder.id == feeder).with_for_update(read=True),
    ).first()


def recorded(
    work: Work, feeder: Row[Any], items: Sequence[Item], own: frozenset[UUID] | None
) -> list[ItemResult]:
    """Record items of a feeder in use; say of each what became of it.

    ``own``: those of whoever brought them in a file; None where the feeder has signed them.
    """
    batch = _prepare(work, feeder, items, own)
    for item in items:
        _take(work, batch, item)
    _award(work, batch)
    return [batch.results[each] for each in range(len(items))]


def _prepare(
    work: Work, feeder: Row[Any], items: Sequence[Item], own: frozenset[UUID] | None
) -> _Batch:
    as_feeder = acting(feeder)
    holders = find(work.connection, as_feeder, {item.holder for item in items})
    found = {each for each in holders.values() if isinstance(each, UUID)}
    standings = directory().standings(work.connection, found)
    _lock(work, standings)
    kept = work.connection.execute(
        select(FeedItem.__table__).where(
            FeedItem.feeder == feeder.id,
            among(work.connection, FeedItem.key, [item.key for item in items]),
        ),
    ).mappings()
    # What is too old is refused without a look at what was known of it.
    oldest = work.now - OLDEST
    spans = [Span(item.at, item.until) for item in items if item.until and item.at >= oldest]
    return _Batch(
        feeder=feeder,
        acting=as_feeder,
        own=own,
        recorders={},
        rules=frozenset(feeder.rules.split("|")),
        kept={row["key"]: row for row in kept},
        holders=holders,
        standings=standings,
        hours=known_spans(work.connection, found, spans),
        grace=settings.integer(work.connection, "points.hour_grace_minutes", work.now),
    )


def _lock(work: Work, standings: Mapping[UUID, Standing]) -> None:
    """Let batches and imports about the same people wait for each other, before they read."""
    accounts = [
        household_account(identity, each.community)
        if each.kind == "household"
        else resident_account(identity, each.community, "service")
        for identity, each in standings.items()
    ]
    if accounts:
        lock_accounts(work, *accounts)


def _take(work: Work, batch: _Batch, item: Item) -> None:
    """Answer an item, or let it wait for those after it and be awarded together with them."""
    if item.until is not None or item.key in batch.waiting:
        # What it comes to depends on what becomes of those before it.
        _award(work, batch)
    place = len(batch.results) + len(batch.waiting)
    digest = _digest(batch, item)
    kept = batch.kept.get(item.key)
    if kept is not None:
        batch.results[place] = _again(kept, digest, item)
        return
    try:
        act, checked, span = _checked(work, batch, item)
    except AppError as refusal:
        batch.results[place] = refused(item.key, refusal)
        return
    feeder = batch.feeder.id
    given = award_of(
        act, checked, f"feed:{feeder}:{item.key}", "feed", feeder, is_signed=batch.own is None
    )
    batch.waiting[item.key] = _Waiting(place, digest, given, span)
    if span is not None:
        _award(work, batch)


def _digest(batch: _Batch, item: Item) -> str:
    """Return the MAC of what an item says: what goes without saying makes no difference."""
    said, where = item, item.holder.community
    if where is not None and where == community_of(batch.acting, Meant()):
        said = replace(said, holder=replace(item.holder, community=None))
    if item.units == 1:
        said = replace(said, units=None)
    return mac("feed-item", said).hex()[:40]


def _award(work: Work, batch: _Batch) -> None:
    """Award what waits, and keep what became of it under the keys."""
    done = award_many(work, [each.award for each in batch.waiting.values()])
    rows = []
    for (key, each), found in zip(batch.waiting.items(), done, strict=True):
        if isinstance(found, AwardDiffers) or found.exists:
            # What was kept of it is forgotten, and it would be too old itself: it is another act.
            batch.results[each.place] = refused(key, ItemKeyReused())
            continue
        if found.id is not None and each.span is not None:
            keep_hours(work, batch.hours, found.id, each.award.holder_id, each.span)
        row = _kept(work, batch, key, each.digest, found)
        rows.append(row)
        batch.kept[key] = row
        batch.results[each.place] = ItemResult(
            key=key,
            state=row["state"],
            message=_left_out(each, found),
            award=found.id,
            units=found.units,
            amount=found.amount,
        )
    insert_many(work, FeedItem.__table__, rows)  # type: ignore[arg-type]
    batch.waiting.clear()


def _left_out(item: _Waiting, done: Awarded) -> str:
    """Say which cap left units out, or that no hours are left; nothing where all of it counted."""
    if done.cap:
        return full_words(done.cap, item.award.holder_kind, done.units)
    return "" if done.id is not None else N_("没有满半小时的新时长，不计分")


def _again(kept: Mapping[Any, Any], digest: str, item: Item) -> ItemResult:
    if kept["digest"] != digest:
        return refused(item.key, ItemKeyReused())
    is_capped = kept["state"] == "capped"
    return ItemResult(
        key=item.key,
        state="capped" if is_capped else "exists",
        message=N_("以前送过，那次没有计分") if is_capped else "",
        award=kept["award"],
        units=kept["units"],
        amount=kept["amount"],
    )


def _checked(work: Work, batch: _Batch, item: Item) -> tuple[Act, Checked, Span | None]:
    """Return the act that an item means; raises what is wrong with it."""
    if item.rule not in batch.rules:
        raise RuleNotFed
    if item.at > work.now + SKEW:
        raise DayOutOfRange
    if item.at < work.now - OLDEST:
        raise ItemTooOld
    holder = batch.holders[item.holder]
    if isinstance(holder, AppError):
        raise holder
    standing = batch.standings.get(holder)
    if standing is None or not batch.acting.covers(standing.community):
        raise HolderUnknown
    if item.holder.community not in {None, standing.community}:
        raise HolderUnknown
    act = Act(
        rule=item.rule,
        holder_kind=standing.kind,
        holder_id=holder,
        units=item.units or 1,
        day=min(business_day(item.at), work.day),
        note=batch.feeder.name[:NOTE_MAX],
    )
    checked = _recorder(work, batch, standing.community).check(act)
    if (checked.rule.unit == HALF_HOUR) != (item.until is not None):
        raise HoursUnfit
    if item.until is None:
        return act, checked, None
    span = checked_span(item.at, item.until, work.now + SKEW)
    units = half_hours_left(batch.hours, holder, span, batch.grace)
    return replace(act, units=units), checked, span


def _recorder(work: Work, batch: _Batch, community: int) -> Recorder:
    """Return the checker for a community, which asks for each rule once."""
    if community not in batch.recorders:
        batch.recorders[community] = Recorder(
            asking=work,
            community=community,
            standings=batch.standings,
            own=batch.own or frozenset(),
            words=WORDS_OF[batch.feeder.kind],
        )
    return batch.recorders[community]


def _kept(work: Work, batch: _Batch, key: str, digest: str, done: Awarded) -> dict[str, Any]:
    return {
        "feeder": batch.feeder.id,
        "key": key,
        "digest": digest,
        "state": "capped" if done.id is None else "recorded",
        "award": done.id,
        "units": done.units,
        "amount": done.amount,
        "recorded_at": work.now,
    }
