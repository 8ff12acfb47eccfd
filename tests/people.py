"""The people of the tests, made through the use cases, and how they sign in.

``cast.wang``   王秀英, retired, confirmed, with a phone, lives here
``cast.li``     李国强, no phone, her husband, same household
``cast.chen``   陈建国, confirmed, another household here
``cast.new``    周晓燕, registered by herself, 待核实
``cast.there``  吴阿毛, confirmed, lives in another community (another subdistrict)
``cast.staff``  小陈, 社工 here; ``cast.lead`` 赵主任, 社区负责人 here; ``cast.keeper`` here
``cast.elsewhere``  老周, 社工 there; ``cast.lin`` and ``cast.wu``: the two district admins

``cast.actor(someone)`` gives the Actor, ``cast.browser(someone)`` a signed-in test client,
``cast.token(someone)`` a token for the API.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Flask, g
from flask.testing import FlaskClient
from sqlalchemy import bindparam, select

from core.acts import SYSTEM, Actor
from core.work import configuration, reader, transact
from residents import grants, people, revoking, sign_in
from residents.addresses import Address
from residents.identity import actor_of
from residents.limits import prove_number
from residents.models import Resident

HERE = 330102001051
THERE = 330102003050
NEAR = 330102001052
"""Another community of the same subdistrict as HERE."""

OPEN = select(Resident.id).where(Resident.id == bindparam("resident"), Resident.valid_to.is_(None))


@dataclass
class Someone:
    """A person of the story: how they sign in."""

    name: str
    phone: str
    role: str = "resident"
    community: int = HERE
    resident: UUID | None = None
    person: UUID | None = None
    household: UUID | None = None


@dataclass
class People:
    """Everybody, and their sign-ins."""

    app: Flask
    lin: Someone = field(default_factory=lambda: Someone("林海", "13700000001", "district_admin"))
    wu: Someone = field(default_factory=lambda: Someone("吴敏", "13700000002", "district_admin"))
    staff: Someone = field(default_factory=lambda: Someone("陈晓琳", "13700000003", "staff"))
    lead: Someone = field(default_factory=lambda: Someone("赵建平", "13700000004", "lead"))
    keeper: Someone = field(default_factory=lambda: Someone("孙莉莉", "13700000005", "keeper"))
    elsewhere: Someone = field(
        default_factory=lambda: Someone("周国栋", "13700000006", "staff", THERE),
    )
    near: Someone = field(default_factory=lambda: Someone("何静怡", "13700000007", "staff", NEAR))
    wang: Someone = field(default_factory=lambda: Someone("王秀英", "13800000001"))
    li: Someone = field(default_factory=lambda: Someone("李国强", ""))
    chen: Someone = field(default_factory=lambda: Someone("陈建国", "13800000003"))
    new: Someone = field(default_factory=lambda: Someone("周晓燕", "13800000004"))
    there: Someone = field(
        default_factory=lambda: Someone("吴阿毛", "13800000005", community=THERE),
    )
    _actors: dict[str, Actor] = field(default_factory=dict)
    #: Tokens of the sign-ins that are in the database from the beginning.
    _kept: dict[str, str] = field(default_factory=dict)

    def again(self) -> People:
        """Return the same people for another test, which may change what it knows of them."""
        known = {
            item.name: copy.copy(getattr(self, item.name))
            for item in fields(self)
            if item.name != "app"
        }
        return People(app=self.app, **known)

    def actor(self, someone: Someone) -> Actor:
        """Return the actor of somebody's token."""
        key = _key(someone)
        if key not in self._actors:
            with self.app.app_context():
                found = actor_of(self.token(someone))
            assert found is not None, someone.name
            self._actors[key] = found
        return self._actors[key]

    def keep_signed_in(self) -> None:
        """Sign everybody in who has a phone: once for all tests, it takes a while."""
        for item in fields(self):
            someone = getattr(self, item.name)
            if isinstance(someone, Someone) and someone.phone:
                self._kept[_key(someone)] = self.token(someone)

    def token(self, someone: Someone, *, anew: bool = False) -> str:
        """Return the token of somebody's sign-in: of another device if anew."""
        kept = None if anew else self._kept.get(_key(someone))
        return kept if kept and self._acts_as_a_new_one(kept) else self._sign_in(someone)

    def _acts_as_a_new_one(self, token: str) -> bool:
        with self.app.app_context():
            actor = actor_of(token)
            if actor is None or actor.sign_in is None:
                return False
            if "seen_again" in g:
                transact(revoking.note_seen, revoking.Seen(sign_in=actor.sign_in), actor)
            # Whoever has moved may look back for a day; signed in anew they are where they live.
            asked = {"resident": actor.resident}
            return actor.resident is None or reader().scalar(OPEN, asked) is not None

    def _sign_in(self, someone: Someone) -> str:
        """Sign somebody in through the use cases, as the API does; return the token."""
        assert someone.phone, f"{someone.name} has no phone"
        with self.app.app_context():
            transact(sign_in.ask_code, sign_in.AskCode(phone=someone.phone, browser="test"))
            code = last_code(configuration().instance, someone.phone)
            verified = prove_number(someone.phone, code, "test")
            chosen = next(
                choice
                for choice in verified.choices
                if choice.role == someone.role and choice.name == someone.name
            )
            command = sign_in.Choose(phone=someone.phone, id=chosen.id, label="test")
            return transact(sign_in.choose, command).token

    def browser(self, someone: Someone, *, anew: bool = False) -> FlaskClient:
        """Return a browser in which somebody is signed in, as another of their devices if anew."""
        client = self.app.test_client()
        token = self.token(someone, anew=anew)
        with client.session_transaction() as cookie:
            cookie["_user_id"] = token
            cookie["_fresh"] = True
        return client

    def headers(self, someone: Someone, *, anew: bool = False) -> dict[str, str]:
        """Return the API's header of a signed-in person."""
        return {"Authorization": f"Bearer {self.token(someone, anew=anew)}"}


def _key(someone: Someone) -> str:
    # Who has moved is another resident; an agent has the phone of their own.
    return f"{someone.name}{someone.role}{someone.resident}{someone.phone}"


def second_self(run: Callable[..., Any], someone: Someone) -> Someone:
    """Register somebody's number a second time, in another community under another name."""
    twin = Someone("王秀瑛", someone.phone, community=THERE)
    made = run(
        people.register,
        people.Register(
            phone=twin.phone, name=twin.name, community=THERE, consent=True, is_fourteen=True
        ),
    )
    twin.resident, twin.person, twin.household = made.resident, made.person, made.household
    return twin


def last_code(instance: Path, phone: str) -> str:
    """Read the newest code that the terminal gateway sent to a number."""
    lines = (instance / "messages.log").read_text(encoding="utf-8").splitlines()
    line = next(line for line in reversed(lines) if phone in line and "验证码" in line)
    found = re.search(r"验证码 (\d{6})", line)
    assert found is not None
    return found[1]


def _enter(run: Callable[..., Any], actor: Actor, someone: Someone, address: Address) -> None:
    entered = run(
        people.enter_resident,
        people.EnterResident(
            community=someone.community,
            name=someone.name,
            phone=someone.phone or None,
            address=address,
        ),
        actor,
    )
    someone.resident, someone.person = entered.resident, entered.person
    someone.household = entered.household


def make(app: Flask) -> People:
    """Make everybody through the use cases."""

    def run(use_case: Callable[..., Any], command: object, actor: Actor = SYSTEM) -> Any:
        with app.app_context():
            return transact(use_case, command, actor)

    everybody = People(app)
    admins = tuple(
        grants.Admin(name=who.name, phone=who.phone) for who in (everybody.lin, everybody.wu)
    )
    run(grants.bootstrap, grants.Bootstrap(admins=(admins[0], admins[1])))
    admin = everybody.actor(everybody.lin)
    for someone in (
        everybody.staff,
        everybody.lead,
        everybody.keeper,
        everybody.elsewhere,
        everybody.near,
    ):
        command = grants.GrantRole(
            name=someone.name,
            phone=someone.phone,
            role=someone.role,
            place=someone.community,
        )
        someone.person = run(grants.grant_role, command, admin).person
    home = Address(estate="建国南苑", building="3", unit="2", room="401")
    here = everybody.actor(everybody.staff)
    _enter(run, here, everybody.wang, home)
    _enter(run, here, everybody.li, home)
    _enter(
        run, here, everybody.chen, Address(estate="建国南苑", building="5", unit="1", room="102")
    )
    elsewhere = everybody.actor(everybody.elsewhere)
    _enter(
        run,
        elsewhere,
        everybody.there,
        Address(estate="青年里", building="1", unit="1", room="301"),
    )
    command_2 = people.Register(
        phone=everybody.new.phone,
        name=everybody.new.name,
        community=HERE,
        consent=True,
        is_fourteen=True,
    )
    registered = run(people.register, command_2)
    everybody.new.resident, everybody.new.person = registered.resident, registered.person
    everybody.new.household = registered.household
    everybody.keep_signed_in()
    return everybody
