"""Secrets: keys derived from the one in the configuration, phone numbers, tokens, signed values."""

from __future__ import annotations

import base64
import hmac
import os
import re
import secrets as random_source
import unicodedata
from functools import lru_cache
from hashlib import sha256

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from itsdangerous import BadSignature, URLSafeSerializer

from core.errors import N_, Rejected
from core.work import configuration

MOBILE = re.compile(r"1[3-9][0-9]{9}")
KEY_ID = "1"
NONCE_BYTES = 12


class PhoneMalformed(Rejected):
    """It is not a mobile number of mainland China: eleven digits that begin with 13 to 19."""

    text = N_("手机号应是 11 位数字，请检查后再填。")


@lru_cache(maxsize=256)
def _derived(secret: str, purpose: str) -> bytes:
    return hmac.digest(secret.encode(), b"linli:" + purpose.encode(), sha256)


def key_for(purpose: str) -> bytes:
    """Return the 32 bytes that belong to one purpose and to no other."""
    return _derived(configuration().secret_key, purpose)


def mac(purpose: str, *parts: object) -> bytes:
    """Return the HMAC-SHA256 of the parts under the purpose's own key."""
    message = "\x1f".join(map(str, parts)).encode()
    return hmac.digest(key_for(purpose), message, sha256)


def same(left: str, right: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def plain_digits(raw: str) -> str:
    """Return what was typed without spaces and hyphens, in half-width characters."""
    return re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", raw))


def normal_phone(raw: str) -> str:
    """Return eleven digits; spaces, hyphens, full-width digits and +86 are forgiven."""
    digits = re.sub(r"^(\+?86)(?=1[0-9]{10}$)", "", plain_digits(raw))
    if not MOBILE.fullmatch(digits):
        raise PhoneMalformed
    return digits


def phone_index(phone: str) -> str:
    """Return what a number is found by: an HMAC, the same for the same number."""
    return mac("phone-index", phone).hex()[:40]


def encrypt(purpose: str, plain: str) -> str:
    """Encrypt with AES-256-GCM; the key's id goes in front."""
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(key_for("encrypt:" + purpose)).encrypt(nonce, plain.encode(), None)
    return f"{KEY_ID}:{base64.urlsafe_b64encode(nonce + sealed).decode()}"


def decrypt(purpose: str, cipher: str) -> str:
    """Decrypt what ``encrypt`` made for the same purpose."""
    raw = base64.urlsafe_b64decode(cipher.partition(":")[2])
    plain = AESGCM(key_for("encrypt:" + purpose)).decrypt(
        raw[:NONCE_BYTES],
        raw[NONCE_BYTES:],
        None,
    )
    return plain.decode()


def new_token() -> str:
    """Make a token of 256 random bits."""
    return random_source.token_urlsafe(32)


def token_hash(token: str) -> str:
    """Return what is stored of a token."""
    return sha256(token.encode()).hexdigest()


def six_digits() -> str:
    """Make a one-time code."""
    return f"{random_source.randbelow(1_000_000):06d}"


@lru_cache(maxsize=16)
def _signer(key: bytes) -> URLSafeSerializer:
    return URLSafeSerializer(key)


def sign(purpose: str, value: object) -> str:
    """Sign a JSON value for one purpose; it can be read by anybody and changed by nobody."""
    return str(_signer(key_for("sign:" + purpose)).dumps(value))


def signed(purpose: str, text: str) -> object | None:
    """Return the value that was signed for the purpose, or None."""
    try:
        value: object = _signer(key_for("sign:" + purpose)).loads(text)
    except BadSignature:
        return None
    return value
