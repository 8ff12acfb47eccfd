"""API of feeds: signed batches of devices and platforms, and the district's list of feeders."""

from __future__ import annotations

from hashlib import sha256
from typing import Any
from uuid import UUID

from flask import g, request
from flask_smorest import Blueprint

from core.acts import Actor
from core.http_keys import idempotency_key
from core.identity import current_actor, signed_in_only
from core.limits import Hit, hit
from core.work import present, reader, transact
from points.feeds import feeders, items, queries, schemas
from points.feeds.batches import note_batch, note_of
from points.feeds.signing import SignedRequest, who_signed

BODY_BYTES_MAX = 512 * 1024
BATCHES_A_MINUTE = 60
SIGNED_AT = {
    "in": "header",
    "name": "X-Linli-Timestamp",
    "required": True,
    "schema": {"type": "string"},
    "description": "Seconds since 1970, at most five minutes off.",
}

feed_bp = Blueprint("points_feed_api", __name__, description="signed batches of devices")
bp = Blueprint("points_feeders_api", __name__, description="devices and platforms that record")
bp.before_request(signed_in_only)


@feed_bp.before_request
def signed_by_feeder() -> None:
    """Guard: a feeder in use has signed this request, and not too many of them."""
    request.max_content_length = BODY_BYTES_MAX
    feeder: UUID = (request.view_args or {})["feeder_id"]
    asked = SignedRequest(
        feeder=feeder,
        method=request.method,
        path=request.path,
        body=request.get_data(),
        timestamp=request.headers.get("X-Linli-Timestamp", ""),
        signature=request.headers.get("X-Linli-Signature", ""),
    )
    g.feeder = who_signed(reader(), asked, present())
    # Counted behind the signature: nobody else can use a feeder's share up.
    transact(hit, Hit(name=f"feed:{feeder}", limit=BATCHES_A_MINUTE, seconds=60))


@feed_bp.post("/feeds/<uuid:feeder_id>/batches")
@feed_bp.doc(
    security=[{"feeder": []}],
    parameters=[SIGNED_AT],
)
@feed_bp.arguments(schemas.BatchSchema)
@feed_bp.response(200, schemas.BatchResultSchema)
def batch(data: dict[str, Any], feeder_id: UUID) -> items.ItemsRecorded:
    """Record a batch. Headers: X-Linli-Timestamp, and X-Linli-Signature: v1=HMAC-SHA256 in hex.

    The HMAC is made with the secret over method, path, timestamp and body, joined by newlines.
    Send a batch again as often as you like: an item is known by its key.
    """
    actor: Actor = g.feeder
    given: list[items.Item | items.ItemResult] = data["items"]
    readable = tuple(each for each in given if isinstance(each, items.Item))
    command = items.RecordItems(feeder=feeder_id, items=readable)
    of_readable = iter(transact(items.record_items, command, actor).items)
    done = tuple(next(of_readable) if isinstance(each, items.Item) else each for each in given)
    _note(actor, done)
    return items.ItemsRecorded(items=done)


def _note(actor: Actor, done: tuple[items.ItemResult, ...]) -> None:
    digest = sha256(request.get_data()).hexdigest()
    transact(note_batch, note_of(actor.person, digest, [each.state for each in done]), actor)


@bp.get("/district/feeders")
@bp.response(200, schemas.FeederSchema(many=True))
def list_feeders() -> list[queries.FeederLine]:
    """List the feeders of the district."""
    actor = current_actor()
    actor.require("console.read")
    return queries.feeders(reader(), actor)


@bp.get("/district/feed-batches")
@bp.response(200, schemas.FeedBatchSchema(many=True))
def list_batches() -> list[queries.BatchLine]:
    """List the latest batches."""
    actor = current_actor()
    actor.require("console.read")
    return queries.batches(reader(), queries.feeders(reader(), actor))


@bp.post("/district/feeders")
@bp.arguments(schemas.MakeFeederSchema)
@bp.response(201, schemas.FeederSecretSchema)
def make(data: dict[str, Any]) -> feeders.FeederSecret:
    """Make a feeder; needs an Idempotency-Key. The secret is shown this once."""
    rules = tuple(data.pop("rules"))
    command = feeders.MakeFeeder(**data, rules=rules, key=idempotency_key())
    return transact(feeders.make_feeder, command, current_actor())


@bp.post("/district/feeders/<uuid:feeder_id>/confirm")
@bp.response(200, schemas.FeederChangedSchema)
def confirm(feeder_id: UUID) -> feeders.FeederChanged:
    """Let a feeder in, as somebody who has not seen its secret."""
    command = feeders.ChangeFeeder(feeder=feeder_id)
    return transact(feeders.confirm_feeder, command, current_actor())


@bp.post("/district/feeders/<uuid:feeder_id>/rotate")
@bp.response(200, schemas.FeederSecretSchema)
def rotate(feeder_id: UUID) -> feeders.FeederSecret:
    """Make a new secret; the old one is dead at once, the new one waits for a second person."""
    command = feeders.ChangeFeeder(feeder=feeder_id)
    return transact(feeders.rotate_secret, command, current_actor())


@bp.post("/district/feeders/<uuid:feeder_id>/stop")
@bp.response(200, schemas.FeederChangedSchema)
def stop(feeder_id: UUID) -> feeders.FeederChanged:
    """Stop a feeder at once."""
    command = feeders.ChangeFeeder(feeder=feeder_id)
    return transact(feeders.stop_feeder, command, current_actor())
