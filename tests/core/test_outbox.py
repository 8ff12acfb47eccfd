"""Messages: written with their cause, delivered after it, at least once and not by two at once."""

from __future__ import annotations

import datetime as dt
import json
import logging
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select

from core import outbox
from core.crypto import encrypt
from core.errors import Rejected
from core.models import OutboxMessage
from core.outbox import ATTEMPTS_MAX, FAILURES_MAX, TEMPLATES, HttpGateway, deliver_due, send
from core.settings import SetSetting, set_setting
from core.work import SHANGHAI, Work
from tests.conftest import Clock
from tests.exchange.threads import all_at_once

Run = Callable[..., Any]
Facts = dict[str, Any]
PHONE = "13800000001"
WANG = UUID(int=5)
CODE: Facts = {"code": "482719", "minutes": 5}
READY: Facts = {"item": "鸡蛋", "code": "482 719", "date": "12月1日", "station": "积分驿站"}
CALM: Facts = {"time": "9:30", "item": "鸡蛋", "points": 5, "phone": "0571-8700"}


class NotSent(Rejected):
    """These tests' own refusal."""

    text = "这一条不发。请换一条再试。"


class Post:
    """The messages of a test: written in use cases of their own, delivered, and read."""

    def __init__(self, app: Flask, run: Run, folder: Path) -> None:
        self.app, self.run, self.file = app, run, folder / "messages.log"

    def write(self, template: str, key: str, params: Facts, to: str | None = PHONE) -> None:
        """Write one message to a number."""

        def use_case(work: Work, _command: None) -> None:
            cipher = encrypt("phone", to) if to else None
            send(work, template, key=key, person=WANG, phone_cipher=cipher, **params)

        self.run(use_case, None)

    def code(self, key: str = "a") -> None:
        """Write a sign-in code."""
        self.write("login.code", key, CODE)

    def overnight(self, clock: Clock, *keys: str) -> None:
        """Write messages that wait for the morning, and wait with them."""
        clock.set(dt.datetime(2026, 11, 24, 22, 0, tzinfo=SHANGHAI))
        for key in keys:
            self.write("order.ready", key, READY)
        clock.set(dt.datetime(2026, 11, 25, 8, 0, tzinfo=SHANGHAI))

    def deliver(self) -> int:
        """Run the scheduler's job once."""
        with self.app.app_context():
            return deliver_due()

    def sent(self) -> list[str]:
        """Return what the terminal gateway has sent."""
        return self.file.read_text(encoding="utf-8").splitlines() if self.file.exists() else []


@pytest.fixture
def post(app: Flask, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Post:
    """Messages in a folder of the test's own."""
    runtime = app.extensions["linli"]
    monkeypatch.setattr(runtime, "config", replace(runtime.config, instance=tmp_path / "instance"))
    return Post(app, run, tmp_path / "instance")


def rows(connection: Connection) -> list[OutboxMessage]:
    columns = OutboxMessage.__table__.columns
    query = select(*columns).order_by(OutboxMessage.created_at, OutboxMessage.key)
    return [OutboxMessage(**row._mapping) for row in connection.execute(query)]


def states(connection: Connection) -> list[tuple[str, int]]:
    return [(row.state, row.attempts) for row in rows(connection)]


# --- written with its cause ------------------------------------------------------------------


def test_a_message_whose_cause_is_refused_was_never_written(post: Post, run: Run, ask: Run) -> None:
    def refused(work: Work, _command: None) -> None:
        send(work, "login.code", key="a", phone_cipher=encrypt("phone", PHONE), **CODE)
        raise NotSent

    with pytest.raises(NotSent):
        run(refused, None)

    assert ask(rows) == []
    assert post.sent() == []


def test_a_message_goes_out_after_the_commit_and_not_before(post: Post, run: Run, ask: Run) -> None:
    def use_case(work: Work, _command: None) -> None:
        send(work, "login.code", key="a", phone_cipher=encrypt("phone", PHONE), **CODE)
        assert post.sent() == []

    run(use_case, None)

    (line,) = post.sent()
    assert line == f"[邻里] {PHONE} {TEMPLATES['login.code'].text.format(**CODE)}"
    (row,) = ask(rows)
    assert (row.state, row.attempts, row.sent_at) == ("sent", 1, row.created_at)


def test_the_same_key_is_one_message(post: Post, ask: Run) -> None:
    for _ in range(2):
        post.code()
    post.code("b")

    assert len(ask(rows)) == len(post.sent()) == 2


def test_what_a_template_lacks_or_nobody_knows_is_a_bug(post: Post, ask: Run) -> None:
    with pytest.raises(ValueError, match="minutes"):
        post.write("login.code", "a", {"code": "482719"})
    with pytest.raises(KeyError):
        post.write("login.nothing", "a", {})

    assert ask(rows) == []


def test_without_a_number_or_a_reason_to_call_it_stays_in_the_application(
    post: Post, ask: Run
) -> None:
    post.write("order.collected", "a", CALM, to=None)
    post.write("signup.waiting", "b", {"activity": "便民集市", "queue": "您排第一位"})

    assert [(row.channel, row.state) for row in ask(rows)] == [("inapp", "sent")] * 2
    assert post.deliver() == 0
    assert post.sent() == []


# --- sign-in codes ---------------------------------------------------------------------------


def test_a_code_is_encrypted_while_it_waits_and_erased_when_it_is_sent(
    post: Post, ask: Run, app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    runtime = app.extensions["linli"]
    working = runtime.config
    nowhere = replace(working, sms_url="http://127.0.0.1:9/", sms_token="t")
    monkeypatch.setattr(runtime, "config", nowhere)
    post.code()

    (waiting,) = ask(rows)
    assert waiting.state == "waiting"
    assert "482719" not in waiting.params
    assert PHONE not in f"{waiting.phone_cipher}{waiting.key}{waiting.params}"

    monkeypatch.setattr(runtime, "config", replace(working, instance=tmp_path))
    app.extensions["linli"].clock.advance(minutes=2)
    with app.app_context():
        assert deliver_due() == 1

    (sent,) = ask(rows)
    assert (sent.state, sent.params) == ("sent", "{}")
    assert "482719" in (tmp_path / "messages.log").read_text(encoding="utf-8")


def test_other_messages_keep_their_words(post: Post, ask: Run) -> None:
    post.write("order.collected", "a", CALM)

    (row,) = ask(rows)
    assert json.loads(row.params) == {name: str(value) for name, value in CALM.items()}
    assert len(post.sent()) == 1


def test_the_terminal_s_file_is_its_owner_s_alone(post: Post, tmp_path: Path) -> None:
    post.code("a")
    post.code("b")

    mode = stat.S_IMODE((tmp_path / "instance" / "messages.log").stat().st_mode)
    assert (oct(mode), len(post.sent())) == ("0o600", 2)


# --- quiet hours -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "goes"),
    [
        ((24, 20, 59), (24, 20, 59)),
        ((24, 21, 0), (25, 8, 0)),
        ((24, 23, 59), (25, 8, 0)),
        ((25, 0, 0), (25, 8, 0)),
        ((25, 7, 59), (25, 8, 0)),
        ((25, 8, 0), (25, 8, 0)),
    ],
)
def test_at_night_what_can_wait_waits_for_the_morning(
    post: Post,
    ask: Run,
    clock: Clock,
    now: tuple[int, int, int],
    goes: tuple[int, int, int],
) -> None:
    clock.set(dt.datetime(2026, 11, *now, tzinfo=SHANGHAI))
    morning = dt.datetime(2026, 11, *goes, tzinfo=SHANGHAI)

    post.write("order.ready", "a", READY)

    (row,) = ask(rows)
    assert row.send_after == morning
    clock.set(morning - dt.timedelta(seconds=1))
    assert post.deliver() == 0
    clock.set(morning)
    assert post.deliver() == 1


def test_what_can_wait_holds_up_no_page_by_day_either(post: Post, ask: Run) -> None:
    post.write("order.ready", "a", READY)
    assert (ask(states), post.sent()) == ([("waiting", 0)], [])

    assert post.deliver() == 1
    assert len(post.sent()) == 1


def test_what_cannot_wait_goes_out_at_night(post: Post, clock: Clock) -> None:
    clock.set(dt.datetime(2026, 11, 24, 23, 0, tzinfo=SHANGHAI))

    post.code()
    post.write("order.collected", "b", CALM)

    assert len(post.sent()) == 2


def test_the_district_says_when_its_night_is(post: Post, run: Run, ask: Run, clock: Clock) -> None:
    for setting, value in (("notify.quiet_from", "20:00"), ("notify.quiet_to", "06:30")):
        run(set_setting, SetSetting(key=setting, setting=setting, place=0, value=value))
    clock.set(dt.datetime(2026, 11, 24, 20, 30, tzinfo=SHANGHAI))

    post.write("order.ready", "a", READY)

    (row,) = ask(rows)
    assert row.send_after == dt.datetime(2026, 11, 25, 6, 30, tzinfo=SHANGHAI)


# --- taking back -----------------------------------------------------------------------------


def test_a_message_is_taken_back_until_it_went_out(
    post: Post, run: Run, ask: Run, clock: Clock
) -> None:
    def later(work: Work, key: str) -> None:
        moment = work.now + dt.timedelta(seconds=10)
        cipher = encrypt("phone", PHONE)
        send(work, "order.ready", key=key, phone_cipher=cipher, not_before=moment, **READY)

    def back(work: Work, key: str) -> bool:
        return outbox.cancel(work, "order.ready", key=key)

    run(later, "a")
    run(later, "b")
    assert run(back, "a") is True
    assert run(back, "nothing") is False
    clock.advance(seconds=10)

    assert post.deliver() == 1
    assert run(back, "b") is False
    assert sorted(ask(states)) == [("cancelled", 0), ("sent", 1)]
    assert len(post.sent()) == 1


# --- gateways that fail ----------------------------------------------------------------------


class Provider(BaseHTTPRequestHandler):
    """A provider that answers as it is told to."""

    answers: ClassVar[list[int]]
    got: ClassVar[list[tuple[str, str, Any]]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "null")
        self.got.append((self.path, self.headers["Authorization"], body))
        status = self.answers.pop(0) if self.answers else 202
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST  # noqa: N815 - the library's names

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def provider(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Provider]]:
    """A provider on this machine that the configuration names."""
    Provider.answers, Provider.got = [], []
    server = HTTPServer(("127.0.0.1", 0), Provider)
    serving = threading.Thread(target=server.serve_forever, args=(0.01,))
    serving.start()
    runtime = app.extensions["linli"]
    url = f"http://127.0.0.1:{server.server_port}/send"
    configured = replace(runtime.config, sms_url=url, sms_token="secret")
    monkeypatch.setattr(runtime, "config", configured)
    yield Provider
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.mark.database("sqlite")
def test_a_provider_gets_the_number_the_words_and_its_token(
    post: Post, ask: Run, provider: type[Provider]
) -> None:
    post.code()

    words = TEMPLATES["login.code"].text.format(**CODE)
    assert provider.got == [("/send", "Bearer secret", {"phone": PHONE, "text": words})]
    assert ask(states) == [("sent", 1)]


@pytest.mark.database("sqlite")
@pytest.mark.parametrize("status", [302, 307, 400, 401, 500, 503])
def test_only_an_answer_of_success_is_a_delivery(
    post: Post, ask: Run, provider: type[Provider], status: int
) -> None:
    provider.answers[:] = [status]
    post.code()

    assert ask(states) == [("waiting", 1)]
    assert [path for path, _token, _body in provider.got] == ["/send"]


@pytest.mark.database("sqlite")
def test_a_provider_that_is_away_raises_in_good_time() -> None:
    with pytest.raises(OSError, match="refused"):
        HttpGateway("http://127.0.0.1:9/", "t").send(PHONE, "words")


def test_what_was_not_delivered_is_tried_again_ever_later_and_then_given_up(
    post: Post,
    ask: Run,
    clock: Clock,
    provider: type[Provider],
) -> None:
    provider.answers[:] = [503] * 10
    post.write("order.collected", "a", CALM)
    waited = []
    while (row := ask(rows)[0]).state == "waiting":
        waited.append((row.send_after - clock.now).total_seconds() / 60)
        clock.set(row.send_after - dt.timedelta(seconds=1))
        assert post.deliver() == 0
        clock.advance(seconds=1)
        assert post.deliver() == 0

    assert waited == [2, 4, 8, 16]
    assert (row.state, row.attempts) == ("failed", ATTEMPTS_MAX)
    clock.advance(days=1)
    assert (post.deliver(), len(provider.got)) == (0, ATTEMPTS_MAX)


def test_a_code_that_could_only_come_too_late_is_given_up_and_erased(
    post: Post, ask: Run, clock: Clock, provider: type[Provider]
) -> None:
    provider.answers[:] = [503] * 3
    post.code()
    clock.advance(minutes=2)
    assert post.deliver() == 0

    (row,) = ask(rows)
    assert (row.state, row.attempts, row.params) == ("failed", 2, "{}")
    clock.advance(minutes=30)
    assert (post.deliver(), len(provider.got)) == (0, 2)


def test_it_is_delivered_once_the_provider_is_back(
    post: Post, ask: Run, clock: Clock, provider: type[Provider]
) -> None:
    provider.answers[:] = [503]
    post.code()
    clock.advance(minutes=2)

    assert post.deliver() == 1
    assert post.deliver() == 0
    assert ask(states) == [("sent", 2)]


def test_one_that_cannot_be_sent_holds_up_no_other(
    post: Post,
    run: Run,
    ask: Run,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def garbled(work: Work, _command: None) -> None:
        send(work, "order.ready", key="x", phone_cipher="1:garbled", **READY)

    clock.set(dt.datetime(2026, 11, 24, 22, 0, tzinfo=SHANGHAI))
    run(garbled, None)
    post.overnight(clock, *"abc")
    with caplog.at_level(logging.WARNING):
        assert post.deliver() == 3

    assert sorted(ask(states)) == [("sent", 1)] * 3 + [("waiting", 1)]
    assert len(post.sent()) == 3
    assert "was not delivered" in caplog.text
    assert PHONE not in caplog.text


def test_a_dead_provider_is_not_asked_for_every_message_that_waits(
    post: Post, clock: Clock, provider: type[Provider]
) -> None:
    provider.answers[:] = [503] * FAILURES_MAX
    post.overnight(clock, *map(str, range(FAILURES_MAX + 3)))

    assert (post.deliver(), len(provider.got)) == (0, FAILURES_MAX)
    assert post.deliver() == 3


# --- many senders ----------------------------------------------------------------------------


def test_many_senders_at_once_deliver_each_message_once(
    app: Flask, post: Post, ask: Run, clock: Clock
) -> None:
    clock.set(dt.datetime(2026, 11, 24, 22, 0, tzinfo=SHANGHAI))
    for number in range(20):
        post.write("order.ready", str(number), READY, to=f"139000000{number:02}")
    clock.set(dt.datetime(2026, 11, 25, 8, 0, tzinfo=SHANGHAI))

    sent = all_at_once(app, [deliver_due] * 4)

    assert sum(map(int, map(str, sent))) == 20
    assert sorted(line.split()[1] for line in post.sent()) == [
        f"139000000{number:02}" for number in range(20)
    ]
    assert ask(states) == [("sent", 1)] * 20


def test_what_a_dead_sender_had_taken_is_sent_by_another(
    post: Post,
    run: Run,
    ask: Run,
    clock: Clock,
) -> None:
    post.overnight(clock, "a")
    assert run(outbox.take, outbox.Deliver()).message is not None

    assert (post.deliver(), len(post.sent())) == (0, 0)
    clock.advance(minutes=2)
    assert (post.deliver(), len(post.sent())) == (1, 1)
    assert ask(states) == [("sent", 2)]


def test_who_fails_after_another_has_sent_it_undoes_nothing(
    post: Post, run: Run, ask: Run, clock: Clock
) -> None:
    post.overnight(clock, "a")
    for _ in range(ATTEMPTS_MAX - 1):
        slow = run(outbox.take, outbox.Deliver()).message
        clock.advance(minutes=2)
    assert slow is not None
    assert post.deliver() == 1

    run(outbox.close, outbox.Close(id=slow[0], sent=False))

    assert ask(states) == [("sent", ATTEMPTS_MAX)]
    assert post.deliver() == 0
