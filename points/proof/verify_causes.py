"""What ``flask verify`` asks of the cause of every transfer: SQL written apart from what posts.

What each act may come of is told here in one scan. The rows that caused it are held against it by
the checks of their own tables: those of orders by ``exchange.verify``.
"""

from __future__ import annotations

from core.errors import N_
from points.proof.checks import Check

TRANSFER_WITHOUT_AWARD = """
    SELECT transfers.id AS what FROM transfers
        LEFT JOIN awards ON awards.id = transfers.source_id
            AND transfers.id IN (awards.id, awards.host_transfer)
    WHERE transfers.act = 'award' AND awards.id IS NULL"""

# Who moves, or is brought back for a while, went on from a place or follows one; so do households.
CAUSELESS = """
    SELECT id AS what FROM transfers WHERE CASE act
        WHEN 'award' THEN source_kind <> 'award'
        WHEN 'redemption' THEN source_kind <> 'order'
        WHEN 'discount' THEN source_kind <> 'order'
        WHEN 'rounding' THEN source_kind <> 'order'
        WHEN 'reversal' THEN source_kind NOT IN ('order', 'adjustment')
        WHEN 'adjustment' THEN source_kind NOT IN ('adjustment', 'deduction')
        WHEN 'expiry' THEN source_kind NOT IN ('expiry', 'account_end')
        WHEN 'moving' THEN source_kind <> 'moving'
            OR NOT EXISTS (SELECT 1 FROM resident_ends
                WHERE transfers.source_id IN (resident_ends.resident, resident_ends.successor))
            AND NOT EXISTS (SELECT 1 FROM residents JOIN resident_ends
                ON residents.id IN (resident_ends.resident, resident_ends.successor)
                WHERE residents.household = transfers.source_id
                    AND resident_ends.household_follows)
            OR debit > 0 AND NOT EXISTS (SELECT 1 FROM accounts
                WHERE accounts.id = transfers.debit
                    AND accounts.holder_id = transfers.source_id)
        ELSE TRUE END"""

CAUSES: tuple[Check, ...] = (
    Check(
        "causes",
        "transfers come of nothing that they can come of",
        CAUSELESS,
        title=N_("每笔流水都有来由"),
        changed="rows",
    ),
    Check(
        "awarded transfers",
        "transfers award points without an award",
        TRANSFER_WITHOUT_AWARD,
        title=N_("没有无缘无故的发放"),
        changed="rows",
    ),
)
