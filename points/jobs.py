"""What runs by itself in the ledger; each body commits in chunks, and a second run does nothing."""

from __future__ import annotations

from collections.abc import Sequence

from points.bulletins.publish import post_due
from points.closing import close_days, fold_deltas, lapse_due
from points.correcting.corrections import remind_due
from points.expiring.expiry import expire_points as expire_due
from points.expiring.warning import warn_residents
from points.feeds.batches import forget_due
from points.proof import proving, sealing
from points.proof.checks import Check
from points.settlement import settle_due


def settle_awards() -> str:
    """Settle what is due."""
    return f"settled {settle_due()}"


def lapse_holds() -> str:
    """Release holds past their time."""
    return f"lapsed {lapse_due()}"


def fold() -> str:
    """Move deltas into folds."""
    return f"folded {fold_deltas()}"


def close_day() -> str:
    """Close the days that are over."""
    return f"closed {close_days()}"


def remind_corrections() -> str:
    """Tell the desks what has to be answered soon."""
    return f"told {remind_due()}"


def seal_days() -> str:
    """Seal the days that are closed."""
    return f"sealed {sealing.seal_days()}"


def expire_points() -> str:
    """Lapse what is due since the last month that was closed."""
    return f"expired {expire_due()}"


def warn_expiry() -> str:
    """Warn those whose points lapse at this year's end."""
    return f"warned {warn_residents()}"


def prove_changes(checks: Sequence[Check]) -> str:
    """Prove the invariants on what changed."""
    return _told(proving.prove_changes(checks))


def prove_all(checks: Sequence[Check]) -> str:
    """Prove the invariants on all there is."""
    return _told(proving.prove_all(checks))


def _told(kept: proving.Kept) -> str:
    held = f"held {kept.proven - kept.broken}"
    return f"{held}, failed {kept.broken}" if kept.broken else held


def post_bulletins() -> str:
    """Post the public lists that are due, and tell who posts tomorrow."""
    return f"posted {post_due()}"


def forget_feeds() -> str:
    """Forget what feeders were answered half a year ago."""
    return f"forgot {forget_due()}"
