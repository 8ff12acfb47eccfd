"""Tables of the ledger and of earning; the constraints refuse by themselves what must never be."""

from points.models.correcting import Correction
from points.models.earning import Award, CatalogueRule, CommunityRule, RuleUsage
from points.models.ledger import (
    Account,
    AccountDelta,
    AccountFold,
    ExpiryMark,
    Hold,
    Reversal,
    Transfer,
)

__all__ = [
    "Account",
    "AccountDelta",
    "AccountFold",
    "Award",
    "CatalogueRule",
    "CommunityRule",
    "Correction",
    "ExpiryMark",
    "Hold",
    "Reversal",
    "RuleUsage",
    "Transfer",
]
