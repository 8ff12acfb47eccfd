"""分数不对: anybody of the community objects to a line of its list, inside the window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from core.errors import N_, Conflict, Forbidden
from points.bulletins.lists import BulletinUnknown
from points.correcting.corrections import CorrectionOpened, asker_of, keep_request
from points.models import Bulletin, BulletinLine

if TYPE_CHECKING:
    from core.work import Work


class ObjectionsOver(Conflict):
    """The window has closed: the month stays as it is, corrections count in the new one."""

    text = N_("公示期已经过了，这个月不再改。分数不对，请从积分明细里告诉社区，更正记在新的月份。")


class NotYourCommunity(Forbidden):
    """The line is neither of the asker's community nor the asker's own."""

    text = N_("这是别的社区的公示。请向那个社区的工作人员反映。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """A line of a list is wrong; ``resident``: whom staff write it down for."""

    line: UUID
    words: str
    resident: UUID | None = None


def object_to_line(work: Work, command: Object) -> CorrectionOpened:
    """Keep an objection as a request for correction, which the community answers in time.

    Raises BulletinUnknown, ObjectionsOver, NotYourCommunity, CorrectionWordsMissing,
    CorrectionOpen, LineUnknown, Forbidden or NotInYourScope.
    """
    row = work.connection.execute(
        select(BulletinLine.community, BulletinLine.holder_id, Bulletin.objections_until)
        .join(
            Bulletin,
            (Bulletin.community == BulletinLine.community) & (Bulletin.month == BulletinLine.month),
        )
        .where(BulletinLine.id == command.line)
    ).first()
    if row is None:
        raise BulletinUnknown
    asker = asker_of(work, command.resident)
    if asker.community != row.community and row.holder_id not in asker.own:
        raise NotYourCommunity
    if work.day > row.objections_until:
        raise ObjectionsOver
    return keep_request(
        work,
        asker,
        kind="objection",
        subject=command.line,
        community=row.community,
        words=command.words,
    )
