"""Moving to another community: the points come along, with their value and their age."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text

from core.acts import SYSTEM, NotInYourScope
from core.errors import Forbidden, KeyReused
from core.ids import uuid8
from core.models import OutboxMessage
from core.work import Work
from exchange.models import FaceValue
from exchange.moving import MoveHousehold, OrderOpen, follow_residents, move_household
from exchange.reserve import HouseholdLimit
from points.accounts import account_id, clearing, household_account, resident_account
from points.books import books
from points.carrying import PointsHeld, YearNotClosed
from points.ledger import Posting, post
from points.models import Account, RuleUsage
from residents.addresses import Address
from residents.endings import AlreadyHere, NobodyNamed
from residents.models import Household, Resident, ResidentEnd
from residents.people import HouseholdUnknown, OwnResident, ResidentUnknown
from tests.admin.forms import fill
from tests.conftest import Clock
from tests.exchange.scene import POINT, Scene
from tests.exchange.scene import Someone as Payer
from tests.people import HERE, NEAR, THERE, People, Someone
from tests.points.books import Nothing, one
from tests.points.calendar import close, ends, give_back, hangzhou, holds_true, night, set_aside

Run = Callable[..., Any]


def payer(who: Someone) -> Payer:
    return Payer(
        resident=one(who.resident),
        person=one(who.person),
        household=one(who.household),
        community=who.community,
    )


def honour(work: Work, account: int, community: int = THERE) -> Nothing:
    """Give ten basic points to an account."""
    identity = uuid8(work.now, "honour", account)
    post(
        work,
        Posting(
            id=identity,
            act="award",
            points_kind="basic",
            community=community,
            debit=account_id("issued", community, "basic"),
            credit=account,
            amount=10 * POINT,
            event_at=work.now,
            source_kind="award",
            source_id=identity,
        ),
    )
    return Nothing()


def honour_here(work: Work, account: int) -> Nothing:
    """Give ten basic points to an account here."""
    return honour(work, account, HERE)


def move(cast: People, run: Run, *who: Someone, **more: Any) -> Any:
    """Let people of elsewhere move here, by the staff here."""
    given: dict[str, Any] = {
        "key": "move",
        "community": HERE,
        "residents": tuple(one(each.resident) for each in who),
        "address": Address(estate="建国南苑", building="7", unit="1", room="501"),
    }
    return run(move_household, MoveHousehold(**(given | more)), cast.actor(cast.staff))


def totals(connection: Connection, account: int) -> tuple[int, int, int]:
    row = connection.execute(select(Account.__table__).where(Account.id == account)).one()
    return row.credited, row.debited, row.held


@pytest.fixture
def wu(app: Flask, clock: Clock, cast: People, run: Run) -> Someone:
    """吴阿毛 of elsewhere: 20 points of last year, 30 of this, 5 spent; basic ones, too."""
    scene, who = Scene(app), cast.there
    scene.give(payer(who), 20 * POINT)
    night(app, clock, 2026)
    clock.set(hangzhou(2027, 5, 5))
    scene.give(payer(who), 30 * POINT)
    run(honour, resident_account(one(who.resident), THERE, "basic"))
    run(honour, household_account(one(who.household), THERE))
    return who


def test_all_points_come_along_with_the_age_they_have(
    app: Flask, clock: Clock, cast: People, run: Run, ask: Run, wu: Someone
) -> None:
    moved = move(cast, run, wu)

    assert (moved.service, moved.basic, moved.exists) == (50 * POINT, 20 * POINT, False)
    new = moved.residents[0]
    wallet = resident_account(new, HERE, "service")
    found = ask(ends, clock.now, wallet)
    assert (found.this_year, found.next_year) == (20 * POINT, 30 * POINT)
    assert ask(totals, resident_account(new, HERE, "basic")) == (10 * POINT, 0, 0)
    assert ask(totals, household_account(moved.household, HERE)) == (10 * POINT, 0, 0)
    for kind in ("service", "basic"):
        credited, debited, _ = ask(totals, resident_account(one(wu.resident), THERE, kind))
        assert credited == debited
    both = {(book.community, book.counterpart): book.standard for book in ask(books, "clearing")}
    assert both == {(THERE, HERE): 50 * POINT, (HERE, THERE): -50 * POINT}
    night(app, clock, 2027)
    assert ask(totals, wallet) == (50 * POINT, 20 * POINT, 0)
    # The scene gives points without awards.
    holds_true(app, "awarded transfers")


def test_the_old_place_ends_and_the_new_one_begins(
    clock: Clock, cast: People, run: Run, ask: Run, wu: Someone
) -> None:
    moved = move(cast, run, wu)

    old = ask(lambda c: c.execute(select(Resident).where(Resident.id == wu.resident)).one())
    assert old.valid_to == dt.date(2027, 5, 5)
    new = ask(lambda c: c.execute(select(Resident).where(Resident.id == moved.residents[0])).one())
    assert (new.person, new.community, new.state) == (wu.person, HERE, "confirmed")
    end = ask(lambda c: c.execute(select(ResidentEnd)).one())
    assert (end.resident, end.reason, end.successor) == (wu.resident, "moved", new.id)


def test_somebody_who_moved_stays_signed_in_as_who_they_are_now(
    app: Flask, clock: Clock, cast: People, run: Run, wu: Someone
) -> None:
    headers = cast.headers(wu)
    move(cast, run, wu)
    clock.advance(days=2)

    found = app.test_client().get("/api/v1/balance", headers=headers).get_json()
    assert found["balance"] == 50 * POINT


def test_they_are_told(cast: People, run: Run, ask: Run, wu: Someone) -> None:
    move(cast, run, wu)

    rows = ask(
        lambda c: c.execute(
            select(OutboxMessage.__table__).where(OutboxMessage.template == "move.done")
        ).all()
    )
    assert [row.person for row in rows] == [wu.person]
    assert '"50"' in rows[0].params


def test_points_convert_by_the_communities_face_values(
    clock: Clock, cast: People, run: Run, ask: Run, wu: Someone
) -> None:
    def worth(work: Work, _command: object) -> Nothing:
        value = FaceValue(
            community=THERE, valid_from=dt.date(2026, 1, 1), value=7_500, set_by=SYSTEM.person
        )
        work.session.add(value)
        return Nothing()

    run(worth, None)
    moved = move(cast, run, wu)

    assert (moved.service, moved.basic) == (3750, 20 * POINT)
    wallet = resident_account(moved.residents[0], HERE, "service")
    assert ask(ends, clock.now, wallet).this_year == 1500
    standards = {book.standard for book in ask(books, "clearing")}
    assert standards == {3750, -3750}
    assert ask(books, "clearing", communities=[THERE])[0].balance == 50 * POINT
    assert clearing(HERE, THERE) != clearing(THERE, HERE)


def test_moving_again_with_the_same_or_another_key_changes_nothing(
    cast: People, run: Run, ask: Run, wu: Someone
) -> None:
    first = move(cast, run, wu)

    for key in ("move", "another"):
        again = move(cast, run, wu, key=key)
        assert again.exists
        assert again.residents == first.residents
    with pytest.raises(KeyReused):
        move(cast, run, wu, address=None)
    count = "SELECT count(*) FROM transfers WHERE act = 'moving'"
    assert ask(lambda c: c.scalar(text(count))) == 6


def test_an_open_order_holds_the_move_back(
    app: Flask, clock: Clock, cast: People, run: Run, ask: Run, wu: Someone
) -> None:
    scene = Scene(app)
    clerk = cast.actor(cast.elsewhere)
    scene.station(THERE, clerk)
    item = scene.item(THERE, clerk, stock=5, price=10 * POINT)
    scene.order(payer(wu), item)

    with pytest.raises(OrderOpen):
        move(cast, run, wu)

    current = select(Resident.valid_to).where(Resident.id == wu.resident)
    assert ask(lambda c: c.scalar(current)) is None
    assert ask(lambda c: c.scalar(text("SELECT count(*) FROM resident_ends"))) == 0


def test_points_that_are_held_for_something_else_hold_it_back_too(
    cast: People, run: Run, wu: Someone
) -> None:
    set_aside(run, 77, 300, resident_account(one(wu.resident), THERE, "service"))

    with pytest.raises(PointsHeld):
        move(cast, run, wu)


def test_between_midnight_and_the_closing_of_the_year_nobody_moves(
    app: Flask, clock: Clock, cast: People, run: Run, wu: Someone
) -> None:
    close(app, clock, dt.date(2027, 12, 30))
    clock.set(hangzhou(2028, 1, 1, 0, 10))

    with pytest.raises(YearNotClosed):
        move(cast, run, wu)


def test_what_arrives_in_the_old_account_follows_at_night(
    app: Flask, cast: People, run: Run, ask: Run, wu: Someone
) -> None:
    new = move(cast, run, wu).residents[0]
    Scene(app).give(payer(wu), 7 * POINT)

    with app.app_context():
        assert follow_residents() == "followed 1"
        assert follow_residents() == "followed 0"

    assert ask(totals, resident_account(new, HERE, "service"))[0] == 57 * POINT


def test_all_that_arrived_follows_but_what_is_held(
    app: Flask, cast: People, run: Run, ask: Run, clock: Clock
) -> None:
    scene, old = Scene(app), []
    for number in range(5):
        who = scene.resident(THERE, name=f"邻居{number}")
        command = MoveHousehold(key=f"m{number}", community=NEAR, residents=(who.resident,))
        run(move_household, command, cast.actor(cast.near))
        scene.give(who, POINT)
        old.append(who)
    accounts = [
        resident_account(who.resident, THERE, "service")
        for who in sorted(old, key=lambda who: who.resident)
    ]
    set_aside(run, 77, POINT, accounts[2])

    with app.app_context():
        assert follow_residents(chunk=2) == "followed 4"
        assert [ask(totals, each)[1] for each in accounts] == [POINT, POINT, 0, POINT, POINT]
        give_back(run, 77)
        assert follow_residents(chunk=1) == "followed 1"
    assert ask(totals, accounts[2]) == (POINT, POINT, 0)


def test_what_arrives_follows_over_several_moves(
    app: Flask, clock: Clock, cast: People, run: Run, ask: Run, wu: Someone
) -> None:
    new = move(cast, run, wu).residents[0]
    command = MoveHousehold(key="on", community=NEAR, residents=(new,))
    last = run(move_household, command, cast.actor(cast.near)).residents[0]
    Scene(app).give(payer(wu), 7 * POINT)
    with app.app_context():
        follow_residents()

    assert ask(totals, resident_account(last, NEAR, "service"))[0] == 57 * POINT


def test_caps_count_on_after_a_move(cast: People, run: Run, ask: Run, wu: Someone) -> None:
    def used(work: Work, _command: object) -> Nothing:
        for holder, units in ((one(wu.resident), 33), (one(wu.household), 4)):
            row = RuleUsage(holder_id=holder, rule="serve.hour", period="2027", used=units)
            work.session.add(row)
        return Nothing()

    run(used, None)
    moved = move(cast, run, wu)

    for holder, units in ((moved.residents[0], 33), (moved.household, 4)):
        query = select(RuleUsage.used).where(RuleUsage.holder_id == holder)
        assert ask(lambda c, query=query: c.scalar(query)) == units


def test_quotas_count_on_after_a_move_and_come_back_with_the_goods(
    app: Flask, cast: People, run: Run, wu: Someone
) -> None:
    scene = Scene(app)
    clerk = scene.staff(NEAR, name="社工")
    scene.station(NEAR, clerk)
    rice = scene.item(NEAR, clerk, stock=9, price=4 * POINT)
    order = scene.redeem(payer(wu), rice, clerk, quantity=2)

    moved = move(cast, run, wu)

    assert scene.used("resident_month", moved.residents[0]) == order.cost > 0
    assert scene.used("household_item_month", f"{moved.household}:{rice}") == 2
    scene.take_back(order.id, clerk.place)
    assert scene.used("resident_month", moved.residents[0]) == 0
    for household in (one(wu.household), moved.household):
        assert scene.used("household_item_month", f"{household}:{rice}") == 0


def back_again(clock: Clock, cast: People, run: Run, wu: Someone, gone: Any) -> Payer:
    """Let them live where they had lived a while before."""
    clock.advance(hours=1)
    command = MoveHousehold(
        key="back", community=THERE, residents=gone.residents, household=one(wu.household)
    )
    done = run(move_household, command, cast.actor(cast.elsewhere))
    return Payer(
        resident=done.residents[0],
        person=one(wu.person),
        household=one(wu.household),
        community=THERE,
    )


def test_quotas_count_once_for_who_moves_away_and_back(
    app: Flask, clock: Clock, cast: People, run: Run, wu: Someone
) -> None:
    scene = Scene(app)
    clerk = scene.staff(NEAR, name="社工")
    scene.station(NEAR, clerk)
    rice = scene.item(NEAR, clerk, stock=9, price=4 * POINT, limit_per_household_month=3)
    order = scene.redeem(payer(wu), rice, clerk, quantity=2)
    gone = move(cast, run, wu)
    newcomer = scene.resident(THERE, points=30, name="周晓燕", household=one(wu.household))
    scene.redeem(newcomer, rice, clerk)

    now = back_again(clock, cast, run, wu, gone)

    used = f"{wu.household}:{rice}"
    assert scene.used("resident_month", now.resident) == order.cost
    assert scene.used("household_item_month", used) == 3
    with pytest.raises(HouseholdLimit):
        scene.redeem(now, rice, clerk)
    scene.take_back(order.id, clerk.place)
    assert scene.used("resident_month", now.resident) == 0
    assert scene.used("household_item_month", used) == 1


def test_caps_count_once_for_who_moves_away_and_back(
    clock: Clock, cast: People, run: Run, ask: Run, wu: Someone
) -> None:
    def given(holder: UUID, day: str, units: int) -> None:
        def add(work: Work, _command: object) -> Nothing:
            for period in (day[:4], day[:7], day):
                known = {"holder_id": holder, "rule": "waste.month", "period": period}
                row = work.session.get(RuleUsage, known)
                if row is None:
                    work.session.add(RuleUsage(**known, used=units))
                else:
                    row.used += units
            return Nothing()

        run(add, None)

    def used() -> dict[str, int]:
        query = select(RuleUsage.period, RuleUsage.used)
        query = query.where(RuleUsage.holder_id == one(wu.household))
        return {row.period: row.used for row in ask(lambda c: c.execute(query).all())}

    given(one(wu.household), "2027-04-30", 2)
    given(one(wu.household), "2027-05-05", 1)
    gone = move(cast, run, wu)
    given(gone.household, "2027-05-05", 1)
    given(gone.household, "2027-05-06", 4)
    given(one(wu.household), "2027-05-04", 3)

    back_again(clock, cast, run, wu, gone)

    assert used() == {
        "2027": 11,
        "2027-04": 2,
        "2027-04-30": 2,
        "2027-05": 9,
        "2027-05-04": 3,
        "2027-05-05": 2,
        "2027-05-06": 4,
    }


def test_goods_of_a_household_that_stayed_free_nothing_where_a_member_moved(
    app: Flask, cast: People, run: Run, wu: Someone
) -> None:
    scene = Scene(app)
    clerk = scene.staff(NEAR, name="社工")
    scene.station(NEAR, clerk)
    rice = scene.item(NEAR, clerk, stock=9, price=4 * POINT)
    scene.resident(THERE, name="吴小毛", household=one(wu.household))
    before = scene.redeem(payer(wu), rice, clerk, quantity=2)
    moved = move(cast, run, wu)
    now = Payer(
        resident=moved.residents[0],
        person=one(wu.person),
        household=moved.household,
        community=HERE,
    )
    scene.redeem(now, rice, clerk, quantity=3)

    scene.take_back(before.id, clerk.place)

    assert scene.used("household_item_month", f"{one(wu.household)}:{rice}") == 0
    assert scene.used("household_item_month", f"{moved.household}:{rice}") == 3


def test_goods_of_last_month_free_nothing_where_the_household_went_since(
    app: Flask, clock: Clock, cast: People, run: Run, wu: Someone
) -> None:
    scene = Scene(app)
    clerk = scene.staff(NEAR, name="社工")
    scene.station(NEAR, clerk)
    rice = scene.item(NEAR, clerk, stock=9, price=4 * POINT)
    chen = scene.resident(HERE, points=50, name="陈建国")
    before = scene.redeem(payer(wu), rice, clerk, quantity=2)
    scene.redeem(chen, rice, clerk, quantity=3)
    clock.set(hangzhou(2027, 6, 1))
    move(cast, run, wu, household=chen.household, address=None)

    scene.take_back(before.id, clerk.place)

    assert scene.used("household_item_month", f"{one(wu.household)}:{rice}") == 0
    assert scene.used("household_item_month", f"{chen.household}:{rice}") == 3


def test_one_member_moves_and_the_household_keeps_what_it_has(
    cast: People, run: Run, ask: Run, wu: Someone
) -> None:
    def more(work: Work, _command: object) -> Nothing:
        identity = work.new_id()
        work.connection.execute(
            text(
                "INSERT INTO residents (id, person, household, community, state, valid_from,"
                " created_at) SELECT :id, :person, household, community, state, valid_from,"
                " created_at FROM residents WHERE id = :of"
            ),
            work.bind(id=identity, person=one(cast.near.person), of=one(wu.resident)),
        )
        return Nothing()

    run(more, None)
    moved = move(cast, run, wu)

    assert moved.basic == 10 * POINT
    assert ask(totals, household_account(one(wu.household), THERE)) == (10 * POINT, 0, 0)


def test_somebody_moves_in_with_a_household_that_lives_here(
    cast: People, run: Run, ask: Run, wu: Someone
) -> None:
    moved = move(cast, run, wu, household=cast.wang.household, address=None)

    assert moved.household == cast.wang.household
    home = select(Household.community).where(Household.id == moved.household)
    assert ask(lambda c: c.scalar(home)) == HERE


def test_whom_and_where_has_to_be_right(cast: People, run: Run, wu: Someone) -> None:
    refused: dict[type[Exception], dict[str, Any]] = {
        NobodyNamed: {"residents": ()},
        ResidentUnknown: {"residents": (UUID(int=4711),)},
        AlreadyHere: {"residents": (cast.wang.resident,)},
        HouseholdUnknown: {"household": UUID(int=4711)},
        NotInYourScope: {"community": NEAR},
    }
    for number, (refusal, change) in enumerate(refused.items()):
        with pytest.raises(refusal):
            move(cast, run, wu, key=f"wrong {number}", **change)
    with pytest.raises(NobodyNamed):
        move(cast, run, wu, key="two", residents=(wu.resident, cast.chen.resident))


def test_residents_move_nobody_and_staff_not_their_own(cast: People, run: Run, wu: Someone) -> None:
    command = MoveHousehold(key="x", community=HERE, residents=(one(wu.resident),))
    with pytest.raises(Forbidden):
        run(move_household, command, cast.actor(cast.wang))

    def same(work: Work, _command: object) -> Nothing:
        work.connection.execute(
            text("UPDATE residents SET person = :person WHERE id = :id"),
            work.bind(person=one(cast.staff.person), id=one(wu.resident)),
        )
        return Nothing()

    run(same, None)
    with pytest.raises(OwnResident):
        run(move_household, command, cast.actor(cast.staff))


def test_the_desk_finds_them_and_moves_them(cast: People, wu: Someone) -> None:
    desk = cast.browser(cast.staff)
    assert "没有找到" in desk.get("/desk/residents/arrive?q=吴阿毛 0000").get_data(as_text=True)
    for q in ("吴阿毛 0005", "吴阿毛 青年里 1-1-301"):
        page = desk.get("/desk/residents/arrive", query_string={"q": q}).get_data(as_text=True)
        assert str(wu.resident) in page

    arrive = "/desk/residents/arrive?q=吴阿毛 0005"
    wrong = fill(desk, arrive, "/arrive", address="7-1")
    assert wrong.status_code == 422
    assert "住址要写全" in wrong.get_data(as_text=True)
    answer = fill(desk, arrive, "/arrive", address="建国南苑 7-1-501")
    assert answer.status_code == 303
    shown = desk.get(answer.headers["Location"]).get_data(as_text=True)
    assert "转来 50 服务积分、20 基本积分" in shown
    assert "没有找到" in desk.get(arrive).get_data(as_text=True)


def test_the_api_moves_them(app: Flask, cast: People, wu: Someone) -> None:
    client = app.test_client()
    headers = cast.headers(cast.staff)
    body = {"residents": [str(wu.resident)]}
    assert client.post("/api/v1/staff/moves", json=body, headers=headers).status_code == 400

    headers |= {"Idempotency-Key": "one"}
    answer = client.post("/api/v1/staff/moves", json=body, headers=headers)
    assert answer.status_code == 201, answer.get_json()
    assert answer.get_json()["service"] == 50 * POINT
    assert client.post("/api/v1/staff/moves", json=body, headers=headers).get_json()["exists"]
