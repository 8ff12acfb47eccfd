"""Public lists and corrections: somebody says a line is wrong, staff answer and put it right."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from sqlalchemy import select

from admin.demo.town import HOME, Builder, Citizen, Town, citizen_actor
from core.work import reading
from points.accounts import resident_account
from points.bulletins.objecting import Object, object_to_line
from points.bulletins.publish import post_due
from points.correcting.adjustments import (
    ProposeAdjustment,
    ProposeReversal,
    propose_adjustment,
    propose_reversal,
)
from points.correcting.corrections import (
    AnswerCorrection,
    OpenCorrection,
    answer_correction,
    open_correction,
)
from points.correcting.deciding import DecideAdjustment, decide_adjustment
from points.models import Account, BulletinLine, Transfer
from residents.models import Resident

MINUTES = 4
POSTED_ON, ANSWERED_ON = 5, 8
"""Days of the month: the lists of the month before are posted, the one objection is answered."""

SAID = (
    "我那天从头帮到尾，少记了半小时。",
    "这天我带着孙子去的，怎么没有参加的分？",
    "这一笔不是我，我那天在医院。",
)


def post_lists(builder: Builder, day: dt.date) -> None:
    """Post the lists of the month before on their day; somebody on one objects, and is answered."""
    if day.day == POSTED_ON:
        builder.calls += post_due()
    if day.day == ANSWERED_ON:
        _object(builder)


def _object(builder: Builder) -> None:
    town = builder.towns[HOME]
    staff, _lead = town.working()
    phones = {each.resident: each for each in town.citizens if each.phone}
    with reading() as connection:
        line = connection.execute(
            select(BulletinLine.id, BulletinLine.holder_id, Resident.person)
            .join(Resident, Resident.id == BulletinLine.holder_id)
            .where(BulletinLine.community == HOME, BulletinLine.holder_id.in_(list(phones)))
            .order_by(BulletinLine.month.desc(), BulletinLine.position)
            .limit(1)
        ).first()
    if line is None:
        # The months of the demonstration may begin with the last days of one.
        return
    asker = citizen_actor(town, phones[line.holder_id], line.person)
    said = Object(line=line.id, words="我这个月来了两回，名单上好像只算了一回？")
    asked = builder.do(object_to_line, said, asker)
    answer = "两回都在：同一条规则的合成一行，写着几次。明细里每一笔都能看到。"
    builder.do(answer_correction, AnswerCorrection(correction=asked.id, answer=answer), staff)


def correct_some(builder: Builder, now: dt.datetime) -> None:
    """Leave one request open, one written down by staff, one answered; one proposal waits."""
    town = builder.towns[HOME]
    staff, lead = town.working()
    builder.go(now - dt.timedelta(minutes=MINUTES))
    lines = _latest(town)
    phones = [each for each in town.citizens if each.phone and each.resident in lines]
    without = [each for each in town.citizens if not each.phone and each.resident in lines]
    with reading() as connection:
        query = select(Resident.id, Resident.person)
        persons = {row.id: row.person for row in connection.execute(query)}
    asked = []
    for citizen, words in zip(phones, SAID, strict=False):
        command = OpenCorrection(subject=lines[citizen.resident], words=words)
        actor = citizen_actor(town, citizen, persons[citizen.resident])
        asked.append(builder.do(open_correction, command, actor).id)
    answer = AnswerCorrection(correction=asked[1], answer="孙子未满 14 周岁，没有登记，请来补登。")
    builder.do(answer_correction, answer, staff)
    for citizen in without[:1]:
        command = OpenCorrection(
            subject=lines[citizen.resident],
            words="打电话来说：那天还留下来收拾了桌椅。",
            resident=citizen.resident,
        )
        builder.do(open_correction, command, staff)
    undo = ProposeReversal(
        key="demo:undo",
        line=lines[phones[2].resident],
        reason="签到表上是同名的另一位",
        evidence="签到表第 5 行，值班本 11 月 20 日",
        correction=asked[2],
    )
    done = builder.do(propose_reversal, undo, staff)
    builder.do(decide_adjustment, DecideAdjustment(adjustment=done.id), lead)
    builder.do(propose_adjustment, _missing(phones[0], asked[0]), staff)


def _missing(citizen: Citizen, correction: UUID) -> ProposeAdjustment:
    return ProposeAdjustment(
        key="demo:missing",
        holder_kind="resident",
        holder_id=citizen.resident,
        points_kind="service",
        amount=500,
        reason="收摊时多帮了半小时，补记 5 分",
        evidence="现场照片，楼道长可以证明",
        correction=correction,
    )


def _latest(town: Town) -> dict[UUID, UUID]:
    """Return the latest award at home of each citizen, those with a balance only."""
    accounts = {
        resident_account(citizen.resident, town.code, "service"): citizen.resident
        for citizen in town.citizens
    }
    with reading() as connection:
        rows = connection.execute(
            select(Transfer.credit, Transfer.id)
            .join(Account, Account.id == Transfer.credit)
            .where(
                Transfer.credit.in_(list(accounts)),
                Transfer.act == "award",
                Transfer.journal.is_(None),
                Account.credited - Account.debited - Account.held >= Transfer.amount,
            )
            .order_by(Transfer.credit_version),
        )
        return {accounts[row.credit]: row.id for row in rows}
