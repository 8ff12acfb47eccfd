"""Messages: rows written with their cause, delivered after the commit, at least once."""

from __future__ import annotations

import csv
import datetime as dt
import json
import logging
import os
import re
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from sqlalchemy import and_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from core import settings
from core.config import ROOT, Config
from core.crypto import decrypt, encrypt
from core.errors import N_
from core.models import OutboxMessage
from core.work import SHANGHAI, configuration, transact

if TYPE_CHECKING:
    from core.work import Work

log = logging.getLogger(__name__)
PLACEHOLDER = re.compile(r"\{([a-z]+)\}")
CALL = re.compile(r"(?:电话|拨打?) \{phone\} ?")
"""What a message says where it names a number: without one it says 联系社区."""
SECRET_TEMPLATES = frozenset({"login.code"})
SECRET_FOR = dt.timedelta(minutes=5)
"""How long a sign-in code is of use."""

SIGNATURE = N_("[邻里]")
ATTEMPTS_MAX = 5
LEASE = dt.timedelta(minutes=2)
FAILURES_MAX = 5
GATEWAY_SECONDS = 5.0
NOTHING = "{}"


@dataclass(frozen=True, slots=True)
class Template:
    """A message of ``data/defaults/messages.csv``."""

    key: str
    audience: str
    channels: tuple[str, ...]
    text: str
    waits_for_morning: bool
    #: Endpoint of the page where the receiver reads on; empty: the words say all.
    opens: str

    @property
    def placeholders(self) -> frozenset[str]:
        """Names that the text needs."""
        return frozenset(PLACEHOLDER.findall(self.text))


def _load() -> dict[str, Template]:
    file = ROOT / "data" / "defaults" / "messages.csv"
    with file.open(encoding="utf-8", newline="") as lines:
        return {
            row["key"]: Template(
                row["key"],
                row["audience"],
                tuple(row["channel"].split("|")),
                row["text"],
                row["quiet_hours_ok"] == "0",
                row["opens"],
            )
            for row in csv.DictReader(lines)
        }


TEMPLATES = _load()


class SmsGateway(Protocol):
    """Sends one short message; raises OSError where it could not."""

    def send(self, phone: str, words: str) -> None:
        """Deliver the words to the number."""


@dataclass(frozen=True, slots=True)
class TerminalGateway:
    """The embedded default: prints, and keeps a file that only its owner reads."""

    folder: Path

    def send(self, phone: str, words: str) -> None:
        """Print, and append to ``messages.log`` (mode 0600)."""
        line = f"{SIGNATURE} {phone} {words}\n"
        sys.stderr.write(line)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        handle = os.open(self.folder / "messages.log", flags, 0o600)
        with os.fdopen(handle, "a", encoding="utf-8") as file:
            file.write(line)


class _NoDetour(urllib.request.HTTPRedirectHandler):
    """A message that is sent elsewhere is not delivered, and the token is nobody else's."""

    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        """Follow nothing: the answer is then an error."""


@dataclass(frozen=True, slots=True)
class HttpGateway:
    """A provider that takes ``{"phone", "text"}`` as JSON with a bearer token."""

    url: str
    token: str

    def send(self, phone: str, words: str) -> None:
        """Post to the provider; an answer other than 2xx raises."""
        body = json.dumps({"phone": phone, "text": words}).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(self.url, body, headers)  # noqa: S310 - from the configuration
        with urllib.request.build_opener(_NoDetour).open(request, timeout=GATEWAY_SECONDS):
            return


def gateway(config: Config) -> SmsGateway:
    """Return the provider that the configuration names."""
    if config.sms_url:
        return HttpGateway(config.sms_url, config.sms_token or "")
    config.instance.mkdir(parents=True, exist_ok=True)
    return TerminalGateway(config.instance)


WRITE = {
    is_sqlite: insert(OutboxMessage).on_conflict_do_nothing(index_elements=["key"])
    for is_sqlite, insert in ((True, sqlite.insert), (False, postgresql.insert))
}
"""By whether the database is embedded."""


def send(
    work: Work,
    template: str,
    *,
    key: str,
    person: UUID | None = None,
    phone_cipher: str | None = None,
    not_before: dt.datetime | None = None,
    **params: object,
) -> None:
    """Write a message; the same key writes it once. Unknown templates or names are bugs.

    ``phone_cipher`` is the number as ``encrypt("phone", …)`` made it; without one the message
    stays in the application (通知, ``core.messages``). A message that waits for no quiet hours is
    also tried by this process right after the commit (details.md 26); the others are the
    scheduler's.
    """
    found = TEMPLATES[template]
    if found.placeholders - params.keys():
        message = f"{template} needs {sorted(found.placeholders - params.keys())}"
        raise ValueError(message)
    words = json.dumps({name: str(params[name]) for name in found.placeholders})
    identity = work.new_id()
    sms = phone_cipher is not None and "sms" in found.channels
    due = max(work.now, not_before or work.now)
    if found.waits_for_morning:
        due = _after_quiet(work, due)
    row = {
        "id": identity,
        "key": f"{template}:{key}",
        "template": template,
        "person": person,
        "phone_cipher": phone_cipher,
        "channel": "sms" if sms else "inapp",
        "params": encrypt("outbox", words) if template in SECRET_TEMPLATES else words,
        "created_at": work.now,
        "send_after": due,
        # What stays in the application is delivered by being there.
        "state": "waiting" if sms else "sent",
    }
    writing = WRITE[work.is_sqlite].returning(OutboxMessage.id)
    made = work.connection.execute(writing, row).first()
    if sms and made is not None and due <= work.now and not found.waits_for_morning:
        work.after_commit.append(lambda: deliver_one(identity))


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One of many messages of a template: its key, its receiver, its parameters."""

    key: str
    person: UUID
    phone_cipher: str | None
    params: dict[str, str]


def send_many(work: Work, template: str, letters: Sequence[Letter]) -> None:
    """Write many messages of one template in one statement; the scheduler sends them."""
    found = TEMPLATES[template]
    due = _after_quiet(work, work.now) if found.waits_for_morning else work.now
    rows = []
    for letter in letters:
        sms = letter.phone_cipher is not None and "sms" in found.channels
        rows.append(
            {
                "id": work.new_id(),
                "key": f"{template}:{letter.key}",
                "template": template,
                "person": letter.person,
                "phone_cipher": letter.phone_cipher,
                "channel": "sms" if sms else "inapp",
                "params": json.dumps({name: letter.params[name] for name in found.placeholders}),
                "created_at": work.now,
                "send_after": due,
                "state": "waiting" if sms else "sent",
            },
        )
    if rows:
        work.connection.execute(WRITE[work.is_sqlite], rows)


def cancel(work: Work, template: str, *, key: str) -> bool:
    """Take back a message that is not due yet; False if it went out or never was."""
    unread = and_(OutboxMessage.channel == "inapp", OutboxMessage.send_after > work.now)
    taken = work.connection.execute(
        update(OutboxMessage)
        .where(
            OutboxMessage.key == f"{template}:{key}",
            or_(OutboxMessage.state == "waiting", and_(OutboxMessage.state == "sent", unread)),
        )
        .values(state="cancelled")
        .returning(OutboxMessage.id),
    ).first()
    return taken is not None


def _after_quiet(work: Work, moment: dt.datetime) -> dt.datetime:
    """Return the moment, or the end of the quiet hours that it falls into."""
    local = moment.astimezone(SHANGHAI)
    start = settings.time_of(work.connection, "notify.quiet_from", work.now)
    end = settings.time_of(work.connection, "notify.quiet_to", work.now)
    clock = local.time()
    is_quiet = start <= clock < end if start < end else clock >= start or clock < end
    if not is_quiet:
        return moment
    day = local.date() if clock < end else local.date() + dt.timedelta(days=1)
    return dt.datetime.combine(day, end, SHANGHAI).astimezone(dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    """Take a message for delivery; None: the one that has been due for longest."""

    id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The message leased to this process: id, receiver's cipher, template, parameters."""

    message: tuple[UUID, str, str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """What became of a delivery."""

    id: UUID
    sent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """How many messages were closed as sent."""

    sent: int


def take(work: Work, command: Deliver) -> Taken:
    """Lease one due message to this process, so that two of them do not send the same one.

    One at a time: a lease has to outlast the gateway's patience once, not for a whole batch.
    """
    due = (
        select(OutboxMessage.id)
        .where(
            OutboxMessage.state == "waiting",
            OutboxMessage.send_after <= work.now,
            or_(OutboxMessage.lease_until.is_(None), OutboxMessage.lease_until <= work.now),
        )
        .order_by(OutboxMessage.send_after)
        .limit(1)
    )
    if command.id is not None:
        due = due.where(OutboxMessage.id == command.id)
    if not work.is_sqlite:
        due = due.with_for_update(skip_locked=True)
    row = work.connection.execute(
        update(OutboxMessage)
        .where(OutboxMessage.id == due.scalar_subquery())
        .values(lease_until=work.now + LEASE, attempts=OutboxMessage.attempts + 1)
        .returning(
            OutboxMessage.id,
            OutboxMessage.phone_cipher,
            OutboxMessage.template,
            OutboxMessage.params,
        ),
    ).first()
    work.replayed()
    return Taken(message=None if row is None else (row[0], str(row[1]), row[2], row[3]))


def close(work: Work, command: Close) -> Closed:
    """Note what became of it; a sign-in code is erased once it is sent or given up.

    What was sent is sent, whatever became of the row meanwhile; what failed is only tried again
    while it still waits: somebody else may have sent it, or taken it back.
    """
    row = work.connection.execute(
        select(OutboxMessage.template, OutboxMessage.attempts, OutboxMessage.created_at).where(
            OutboxMessage.id == command.id,
        ),
    ).one()
    is_secret = row.template in SECRET_TEMPLATES
    again = work.now + dt.timedelta(minutes=2**row.attempts)
    changes: dict[str, object] = {"lease_until": None}
    if command.sent:
        changes |= {"state": "sent", "sent_at": work.now}
    elif row.attempts >= ATTEMPTS_MAX or (is_secret and again >= row.created_at + SECRET_FOR):
        changes["state"] = "failed"
    else:
        changes["send_after"] = again
    if "state" in changes and is_secret:
        changes["params"] = NOTHING
    change = update(OutboxMessage).where(OutboxMessage.id == command.id)
    if not command.sent:
        change = change.where(OutboxMessage.state == "waiting")
    work.connection.execute(change.values(**changes))
    work.replayed()
    return Closed(sent=int(command.sent))


def words_of(template: str, params: str) -> str:
    """Return the message's words with its parameters filled in."""
    plain = decrypt("outbox", params) if template in SECRET_TEMPLATES else params
    facts: dict[str, str] = json.loads(plain)
    text = TEMPLATES[template].text
    if not facts.get("phone"):
        text = CALL.sub(N_("联系社区"), text)
    return PLACEHOLDER.sub(lambda found: facts.get(found[1], ""), text)


def deliver_one(identity: UUID) -> None:
    """Deliver this message now, if it is still waiting."""
    _deliver(Deliver(id=identity))


def deliver_due() -> int:
    """Deliver everything that is due; returns how many were sent. The scheduler's job.

    A gateway that is down is asked again by the next run, not for every message that waits.
    """
    sent = failed = 0
    while failed < FAILURES_MAX:
        done = _deliver(Deliver())
        if done is None:
            break
        sent, failed = sent + done, failed + (not done)
    return sent


def _deliver(command: Deliver) -> bool | None:
    """Deliver one message; whether it was sent, or None where nothing is due."""
    message = transact(take, command).message
    if message is None:
        return None
    identity, cipher, template, params = message
    try:
        gateway(configuration()).send(decrypt("phone", cipher), words_of(template, params))
    except Exception as error:  # noqa: BLE001 - one that cannot be sent holds up no other
        log.warning("message %s was not delivered: %s", identity, error.__class__.__name__)
        transact(close, Close(id=identity, sent=False))
        return False
    transact(close, Close(id=identity, sent=True))
    return True
