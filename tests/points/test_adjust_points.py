"""更正: one staff member proposes to give or to take points, another decides; neither gains."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from core.acts import Actor, NotInYourScope, Role
from core.errors import Forbidden, KeyReused
from core.models import OutboxMessage
from core.work import Work
from points.accounts import account_id, household_account, resident_account
from points.correcting import adjustments, corrected
from points.correcting.adjustments import (
    CorrectionUnrelated,
    ProposeAdjustment,
    WithdrawAdjustment,
    propose_adjustment,
    withdraw_adjustment,
)
from points.correcting.corrections import (
    CorrectionClosed,
    CorrectionUnknown,
    OpenCorrection,
    corrections_about,
    open_correction,
)
from points.correcting.deciding import to_decide
from points.correcting.queries import adjustments_waiting
from points.earning.recorders import HolderUnknown, KindUnfit
from tests.exchange.test_merging import merged
from tests.people import HERE, Someone, second_self
from tests.points.books import Nothing, appointed, one, there_is
from tests.points.correcting import Desk
from tests.points.test_correcting_pages import said


def working(someone: Someone, role: Role = "staff") -> Actor:
    """A resident who also works at the desk here."""
    return Actor(
        person=one(someone.person), role=role, scope_kind="community", place=HERE, name="社工"
    )


def test_what_was_missing_is_given_by_two_people(desk: Desk) -> None:
    proposal = desk.propose(1500)
    assert desk.totals() == (0, 0, 0)

    done = desk.decide(proposal)

    assert (done.state, done.posted, done.shortage) == ("posted", 1500, 0)
    assert desk.totals() == (1500, 0, 1500)
    [made] = desk.made(proposal)
    assert (made.act, made.debit) == ("adjustment", account_id("adjusted", HERE, "service"))
    assert made.actor == desk.cast.lead.person
    assert desk.broken() == []


def test_what_was_too_much_is_taken(desk: Desk) -> None:
    desk.earn()
    done = desk.decide(desk.propose(-400))

    assert done.posted == 400
    assert desk.totals() == (1000, 400, 600)
    assert desk.broken() == []


def test_basic_points_of_a_household_are_adjusted_too(desk: Desk) -> None:
    household = one(desk.cast.wang.household)
    proposal = desk.propose(500, holder_kind="household", holder_id=household, points_kind="basic")
    desk.decide(proposal)

    [made] = desk.made(proposal)
    assert (made.points_kind, made.credit) == ("basic", household_account(household, HERE))
    assert desk.broken() == []


def test_a_household_has_no_service_points(desk: Desk) -> None:
    with pytest.raises(KindUnfit):
        desk.propose(500, holder_kind="household", holder_id=one(desk.cast.wang.household))
    with pytest.raises(HolderUnknown):
        desk.propose(500, holder_id=UUID(int=404))


def test_nobody_without_an_account_is_adjusted(desk: Desk) -> None:
    def lose(work: Work, _command: None) -> Nothing:
        mine = {"mine": resident_account(one(desk.cast.wang.resident), HERE, "service")}
        work.connection.execute(text("DELETE FROM accounts WHERE id = :mine"), mine)
        return Nothing()

    desk.run(lose, None)

    with pytest.raises(HolderUnknown):
        desk.propose(500)


def test_the_same_key_is_the_same_proposal(desk: Desk) -> None:
    first = desk.propose(500, key="once")

    assert desk.propose(500, key="once") == first
    with pytest.raises(KeyReused):
        desk.propose(600, key="once")
    with pytest.raises(KeyReused):
        desk.propose_back(desk.earn(), key="once")


def test_many_at_once_with_one_key_are_one_proposal(desk: Desk) -> None:
    actor = desk.cast.actor(desk.cast.staff)

    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: desk.propose(500, actor, key="once"), range(6)))

    assert len(set(made)) == 1


def test_whoever_proposes_does_not_decide(desk: Desk) -> None:
    proposal = desk.propose(500, desk.cast.actor(desk.cast.lead))

    with pytest.raises(adjustments.AdjustmentNeedsSecondPerson):
        desk.decide(proposal)
    assert desk.decide(proposal, desk.cast.actor(desk.cast.staff)).state == "posted"


@pytest.mark.parametrize("second", ["spouse", "twin", "twin of the spouse"])
def test_whoever_lives_with_the_maker_or_is_the_same_human_does_not_decide(
    desk: Desk, second: str
) -> None:
    cast = desk.cast
    other = cast.li if second == "spouse" else second_self(desk.run, cast.wang)
    maker = cast.li if second == "twin of the spouse" else cast.wang
    proposal = desk.propose(500, working(maker), holder_id=one(cast.chen.resident))

    with pytest.raises(adjustments.AdjustmentNeedsSecondPerson):
        desk.decide(proposal, working(other, "lead"))
    with pytest.raises(adjustments.AdjustmentNeedsSecondPerson):
        desk.decide(proposal, working(other, "lead"), refusal="不对")
    assert desk.row(proposal).state == "proposed"
    assert desk.decide(proposal).state == "posted"


def test_neither_of_them_gains_nor_their_household(desk: Desk) -> None:
    for someone in (desk.cast.wang, desk.cast.li):
        with pytest.raises(adjustments.OwnAdjustment):
            desk.propose(500, working(someone))
    proposal = desk.propose(500)
    for someone in (desk.cast.wang, desk.cast.li):
        with pytest.raises(adjustments.OwnAdjustment):
            desk.decide(proposal, working(someone, "lead"))


@pytest.mark.parametrize(
    ("cheat", "fence"),
    [
        ("checker = maker", "two_people"),
        ("checker = :person", "not_own"),
        ("maker = :person", "not_own"),
        ("checker_household = :household", "not_own_household"),
        ("maker_household = :household", "not_own_household"),
        ("amount = 100001, together = 100001, posted = 100001", "amount"),
        ("together = 499", "together"),
        ("together = 501", "together"),
        ("posted = posted + 1", "whole"),
        ("checker = NULL", "checker"),
    ],
)
def test_the_database_refuses_it_by_itself(desk: Desk, cheat: str, fence: str) -> None:
    desk.decide(desk.propose(500))
    known = {"person": desk.cast.wang.person, "household": desk.cast.wang.household}

    def write(work: Work, _command: None) -> Nothing:
        named = {name: value for name, value in known.items() if f":{name}" in cheat}
        query = text(f"UPDATE adjustments SET {cheat}")  # noqa: S608
        work.connection.execute(query, work.bind(**named))
        return Nothing()

    with pytest.raises(IntegrityError, match=rf"ck_adjustments_{fence}\b"):
        desk.run(write, None)


def test_from_fifty_points_on_only_the_lead_decides(desk: Desk) -> None:
    small = desk.propose(4999, desk.cast.actor(desk.cast.lead))
    large = desk.propose(5000)
    other = working(desk.cast.chen)

    assert desk.decide(small, other).state == "posted"
    with pytest.raises(adjustments.LeadDecides):
        desk.decide(large, other)
    with pytest.raises(adjustments.LeadDecides):
        desk.decide(large, other, refusal="不对")
    assert desk.decide(large).state == "posted"


def test_what_waits_for_the_lead_is_not_offered_to_others(desk: Desk) -> None:
    small = desk.propose(4999)
    large = desk.propose(5000)

    offered = [
        {row.id for row in desk.ask(to_decide, actor, desk.clock.now)}
        for actor in (working(desk.cast.chen), desk.cast.actor(desk.cast.lead))
    ]

    assert offered == [{small}, {small, large}]


@pytest.mark.parametrize("amount", [0, 100_001, -100_001])
def test_an_adjustment_is_bounded(desk: Desk, amount: int) -> None:
    with pytest.raises(adjustments.AmountOutOfRange) as refused:
        desk.propose(amount)

    with desk.app.test_request_context():
        assert "0.01 到 1000 分之间" in refused.value.sentence()


@pytest.mark.parametrize("words", [{"reason": " "}, {"evidence": ""}, {"reason": "字" * 101}])
def test_it_says_why_and_on_what_evidence(desk: Desk, words: dict[str, str]) -> None:
    with pytest.raises(adjustments.AdjustmentWordsMissing):
        desk.propose(500, None, **words)


@pytest.mark.parametrize("words", ["否", "字" * 100])
def test_a_refusal_is_a_word_or_a_hundred(desk: Desk, words: str) -> None:
    assert desk.decide(desk.propose(500), refusal=words).state == "refused"


def test_a_refusal_says_why_and_posts_nothing(desk: Desk) -> None:
    proposal = desk.propose(500)

    with pytest.raises(adjustments.AdjustmentWordsMissing):
        desk.decide(proposal, refusal=" ")
    for _ in range(2):
        assert desk.decide(proposal, refusal="签到表上没有").state == "refused"
    assert desk.row(proposal).refusal == "签到表上没有"
    assert desk.totals() == (0, 0, 0)
    with pytest.raises(adjustments.AdjustmentMoved):
        desk.decide(proposal)


def test_deciding_twice_posts_once(desk: Desk) -> None:
    proposal = desk.propose(500)

    assert desk.decide(proposal) == desk.decide(proposal)
    assert desk.totals() == (500, 0, 500)
    with pytest.raises(adjustments.AdjustmentMoved):
        desk.decide(proposal, working(desk.cast.chen))


def test_many_who_decide_at_once_post_once(desk: Desk) -> None:
    proposal = desk.propose(500)
    chen = working(desk.cast.chen)
    desk.run(there_is, lambda work: appointed(work, chen.person, chen.role, chen.place))
    actors = [chen, desk.cast.actor(desk.cast.lead)] * 4

    def decide(actor: Actor) -> bool:
        try:
            desk.decide(proposal, actor)
        except adjustments.AdjustmentMoved:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decide, actors))

    assert desk.totals() == (500, 0, 500)
    assert desk.broken() == []


def test_the_maker_takes_it_back(desk: Desk) -> None:
    proposal = desk.propose(500)
    command = WithdrawAdjustment(adjustment=proposal)

    with pytest.raises(adjustments.AdjustmentUnknown):
        desk.run(withdraw_adjustment, command, desk.cast.actor(desk.cast.lead))
    for _ in range(2):
        done = desk.run(withdraw_adjustment, command, desk.cast.actor(desk.cast.staff))
        assert done.state == "withdrawn"
    with pytest.raises(adjustments.AdjustmentMoved):
        desk.decide(proposal)
    with pytest.raises(adjustments.AdjustmentUnknown):
        desk.decide(UUID(int=404))


def test_what_was_decided_cannot_be_taken_back(desk: Desk) -> None:
    proposal = desk.propose(500)
    desk.decide(proposal)

    with pytest.raises(adjustments.AdjustmentMoved):
        desk.run(
            withdraw_adjustment,
            WithdrawAdjustment(adjustment=proposal),
            desk.cast.actor(desk.cast.staff),
        )


def test_only_the_communitys_own_staff_propose_and_decide(desk: Desk) -> None:
    proposal = desk.propose(500)

    with pytest.raises(NotInYourScope):
        desk.propose(500, desk.cast.actor(desk.cast.elsewhere))
    with pytest.raises(NotInYourScope):
        desk.decide(proposal, desk.cast.actor(desk.cast.elsewhere))
    for someone in (desk.cast.keeper, desk.cast.chen, desk.cast.lin):
        with pytest.raises(Forbidden):
            desk.propose(500, desk.cast.actor(someone))


def test_the_holder_is_told(desk: Desk) -> None:
    desk.decide(desk.propose(500))

    [(person, params)] = desk.ask(
        lambda c: c.execute(
            select(OutboxMessage.person, OutboxMessage.params).where(
                OutboxMessage.template == "points.adjusted"
            )
        ).all()
    )
    assert person == desk.cast.wang.person
    assert json.loads(params)["points"] == "+5"


def test_the_record_that_stays_of_two_is_told(desk: Desk) -> None:
    proposal = desk.propose(500)
    kept = merged(desk.cast, desk.run, desk.cast.wang)
    desk.decide(proposal)

    query = select(OutboxMessage.person).where(OutboxMessage.template == "points.adjusted")
    assert desk.ask(lambda c: c.scalars(query).all()) == [kept.person]


def test_each_of_a_household_reads_that_its_points_were_changed(desk: Desk) -> None:
    household = one(desk.cast.wang.household)
    proposal = desk.propose(300, holder_kind="household", holder_id=household, points_kind="basic")
    desk.decide(proposal)

    told = "改了您家的基本积分：+3分"
    assert told in said(desk.cast.browser(desk.cast.wang).get("/me/messages"))
    assert told not in said(desk.cast.browser(desk.cast.chen).get("/me/messages"))


def test_it_answers_the_request_that_led_to_it(desk: Desk) -> None:
    line = desk.earn()
    asked = desk.run(
        open_correction,
        OpenCorrection(subject=line, words="少记了"),
        desk.cast.actor(desk.cast.wang),
    )
    proposal = desk.propose(500, correction=asked.id)
    [open_one] = desk.ask(corrections_about, line)
    desk.decide(proposal)
    [answered] = desk.ask(corrections_about, line)

    assert open_one.state == "open"
    assert (answered.outcome, answered.effect) == ("adjusted", proposal)
    assert answered.answer == "签到表上是两小时"
    with pytest.raises(CorrectionClosed):
        desk.propose(500, correction=asked.id)


def test_a_refused_proposal_leaves_the_request_open(desk: Desk) -> None:
    line = desk.earn()
    asked = desk.run(
        open_correction,
        OpenCorrection(subject=line, words="少记了"),
        desk.cast.actor(desk.cast.wang),
    )
    desk.decide(desk.propose(500, correction=asked.id), refusal="依据不够")

    [open_one] = desk.ask(corrections_about, line)
    assert open_one.state == "open"


def test_a_request_that_never_was_cannot_be_answered(desk: Desk) -> None:
    with pytest.raises(CorrectionUnknown):
        desk.propose(500, correction=UUID(int=404))


def test_basic_and_service_points_are_told_apart(desk: Desk) -> None:
    desk.decide(desk.propose(500, points_kind="basic"))

    assert desk.totals() == (0, 0, 0)
    basic = resident_account(one(desk.cast.wang.resident), HERE, "basic")
    assert (
        desk.ask(
            lambda c: c.scalar(text("SELECT credited FROM accounts WHERE id = :id"), {"id": basic})
        )
        == 500
    )


def test_the_proposal_names_the_roles_of_both(desk: Desk) -> None:
    proposal = desk.propose(500)
    desk.decide(proposal)
    row = desk.row(proposal)

    assert (row.maker, row.maker_role) == (desk.cast.staff.person, "staff")
    assert (row.checker, row.checker_role) == (desk.cast.lead.person, "lead")


def test_the_command_says_all_that_is_asked(desk: Desk) -> None:
    command = ProposeAdjustment(
        key="k",
        holder_kind="resident",
        holder_id=one(desk.cast.li.resident),
        points_kind="service",
        amount=100,
        reason="补记",
        evidence="电话核对",
    )

    done = desk.run(propose_adjustment, command, desk.cast.actor(desk.cast.staff))
    assert (done.amount, done.exists) == (100, False)


def test_a_request_is_answered_by_what_it_is_about(desk: Desk) -> None:
    line, other = desk.earn(), desk.earn(who=desk.cast.chen)
    asked = desk.run(
        open_correction,
        OpenCorrection(subject=line, words="少记了"),
        desk.cast.actor(desk.cast.wang),
    )

    with pytest.raises(CorrectionUnrelated):
        desk.propose(500, holder_id=one(desk.cast.chen.resident), correction=asked.id)
    with pytest.raises(CorrectionUnrelated):
        desk.propose_back(other, correction=asked.id)
    desk.decide(desk.propose_back(line, correction=asked.id))
    assert [each.outcome for each in desk.ask(corrections_about, line)] == ["reversed"]


def test_of_what_waits_only_who_proposed_it_is_named(desk: Desk, app: Flask) -> None:
    desk.propose(500)
    [waiting] = desk.ask(adjustments_waiting, HERE)

    with app.test_request_context():
        said = corrected.both(waiting)

    assert [(label, person) for label, person, _role in said] == [
        ("谁提出", desk.cast.staff.person)
    ]
