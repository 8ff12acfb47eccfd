"""Tables of the ledger and of earning; the constraints refuse by themselves what must never be."""

from points.models.bulletins import Bulletin, BulletinLine
from points.models.correcting import Adjustment, Correction
from points.models.earning import Award, CatalogueRule, CommunityRule, RuleUsage
from points.models.expiry import AccountEnd, ExpiryRun
from points.models.feeding import FeedBatch, Feeder, FeedItem, FeedRow, ImportedHours
from points.models.ledger import (
    Account,
    AccountDelta,
    AccountFold,
    ExpiryMark,
    Hold,
    Reversal,
    Transfer,
)
from points.models.proving import Proof, Seal
from points.models.recording import (
    ActSheet,
    ActSheetRow,
    Deduction,
    NeighbourHelp,
    Reminder,
    RuleTopic,
)
from points.models.statements import Statement

__all__ = [
    "Account",
    "AccountDelta",
    "AccountEnd",
    "AccountFold",
    "ActSheet",
    "ActSheetRow",
    "Adjustment",
    "Award",
    "Bulletin",
    "BulletinLine",
    "CatalogueRule",
    "CommunityRule",
    "Correction",
    "Deduction",
    "ExpiryMark",
    "ExpiryRun",
    "FeedBatch",
    "FeedItem",
    "FeedRow",
    "Feeder",
    "Hold",
    "ImportedHours",
    "NeighbourHelp",
    "Proof",
    "Reminder",
    "Reversal",
    "RuleTopic",
    "RuleUsage",
    "Seal",
    "Statement",
    "Transfer",
]
