"""Secrets: one key for each purpose, numbers however they are typed, values nobody can change."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography.exceptions import InvalidTag
from flask import Flask

from core import crypto
from core.crypto import PhoneMalformed
from core.ids import uuid7, uuid8

NOW = dt.datetime(2026, 11, 24, 2, 0, tzinfo=dt.UTC)


@pytest.fixture
def secret(app: Flask) -> Iterator[None]:
    """The application's secret at hand."""
    with app.app_context():
        yield


# --- numbers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        "13800000001",
        " 138 0000 0001 ",
        "138-0000-0001",
        "+86 138 0000 0001",
        "8613800000001",
        "+8613800000001",
        "\uff11\uff13\uff18\uff10\uff10\uff10\uff10\uff10\uff10\uff10\uff11",
        "138\u30000000\u30000001",
    ],
)
def test_a_number_is_the_same_however_it_is_typed(typed: str) -> None:
    assert crypto.normal_phone(typed) == "13800000001"


@pytest.mark.parametrize(
    "typed",
    ["", "1380000000", "138000000011", "12800000001", "0571-87000051", "+1 3800000001", "一"],
)
def test_what_is_no_mobile_number_is_refused(typed: str) -> None:
    with pytest.raises(PhoneMalformed):
        crypto.normal_phone(typed)


@pytest.mark.database("sqlite")
def test_a_number_is_found_by_what_does_not_tell_it(secret: None) -> None:
    index = crypto.phone_index("13800000001")

    assert index == crypto.phone_index("13800000001") != crypto.phone_index("13800000002")
    assert re.fullmatch(r"[0-9a-f]{40}", index)


# --- encryption ------------------------------------------------------------------------------


@pytest.mark.database("sqlite")
def test_what_is_encrypted_twice_looks_different_and_reads_the_same(secret: None) -> None:
    first, second = (crypto.encrypt("phone", "13800000001") for _ in range(2))

    assert first != second
    assert first.startswith("1:"), "the key's id goes in front"
    assert "13800000001" not in first
    assert crypto.decrypt("phone", first) == crypto.decrypt("phone", second) == "13800000001"


@pytest.mark.database("sqlite")
def test_what_was_changed_or_is_for_another_purpose_is_not_read(secret: None) -> None:
    sealed = crypto.encrypt("phone", "13800000001")
    changed = sealed[:10] + ("A" if sealed[10] != "A" else "B") + sealed[11:]

    for purpose, cipher in (("outbox", sealed), ("phone", changed)):
        with pytest.raises(InvalidTag):
            crypto.decrypt(purpose, cipher)


# --- signed values ---------------------------------------------------------------------------


@pytest.mark.database("sqlite")
def test_a_signed_value_is_read_for_its_purpose_alone(secret: None) -> None:
    text = crypto.sign("grant", {"session": "a", "step": 3})

    assert crypto.signed("grant", text) == {"session": "a", "step": 3}
    assert crypto.signed("quote", text) is None
    for forged in ("", "x", text[::-1], text.partition(".")[0], f"e30{text[text.index('.') :]}"):
        assert crypto.signed("grant", forged) is None


@pytest.mark.database("sqlite")
def test_everything_hangs_on_the_secret(
    app: Flask, secret: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (crypto.mac("a", 1), crypto.phone_index("13800000001"), crypto.sign("a", 1))
    runtime = app.extensions["linli"]
    other = replace(runtime.config, secret_key="another secret, another installation, 0123456789")
    monkeypatch.setattr(runtime, "config", other)

    after = (crypto.mac("a", 1), crypto.phone_index("13800000001"), crypto.sign("a", 1))
    assert not set(before) & set(after)
    assert crypto.signed("a", before[2]) is None


@pytest.mark.database("sqlite")
def test_parts_of_a_code_do_not_run_together(secret: None) -> None:
    assert crypto.mac("a", "1", "23") != crypto.mac("a", "12", "3")
    assert crypto.mac("a", "1") != crypto.mac("b", "1")


def test_tokens_and_codes_are_random_and_of_one_shape() -> None:
    tokens = {crypto.new_token() for _ in range(50)}
    codes = {crypto.six_digits() for _ in range(50)}

    assert len(tokens) == 50
    assert {len(token) for token in tokens} == {43}
    assert all(re.fullmatch(r"\d{6}", code) for code in codes)
    assert len(codes) > 40
    assert len({crypto.token_hash(token) for token in tokens}) == 50
    assert not any(token in crypto.token_hash(token) for token in tokens)


# --- ids -------------------------------------------------------------------------------------


def test_an_id_of_a_cause_is_the_same_whenever_it_is_made() -> None:
    first = uuid8(NOW, "attendance", 7, "serve")

    assert first == uuid8(NOW, "attendance", 7, "serve")
    assert first != uuid8(NOW, "attendance", 7, "take_part")
    assert first != uuid8(NOW, "attendance", "7s", "erve")
    assert (first.version, first.variant) == (8, "specified in RFC 4122")


def test_ids_of_both_kinds_sort_by_time() -> None:
    later = NOW + dt.timedelta(milliseconds=1)

    for early in (uuid7(NOW), uuid8(NOW, "a")):
        for late in (uuid7(later), uuid8(later, "a")):
            assert early < late
    assert uuid7(NOW) != uuid7(NOW)
    assert uuid7(NOW).version == 7
