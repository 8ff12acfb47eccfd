"""What the API's document says beyond shapes: who may call, keys, and the refusals of each call."""

from __future__ import annotations

import dis
import inspect
import re
from collections.abc import Iterator
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

from flask import Flask

from core import identity
from core.acts import Actor
from core.errors import AppError, Busy, SignInNeeded, all_refusals
from core.http_keys import KEY_MAX, idempotency_key

Codes = dict[str, tuple[int, str]]
PACKAGES = ("core.", "residents.", "points.", "activities.", "exchange.", "admin.")
CONVERTED = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
"""A part of a Flask address; the document writes it in braces."""

RAISES = re.compile(r"\b[Rr]aises ([^.]*)")

SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token that `POST /api/v1/sign-ins` gives to anybody with a role here.",
    },
    "feeder": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Linli-Signature",
        "description": "Of devices: `v1=` and an HMAC-SHA256 in hex, as the operation says.",
    },
}
INTRODUCTION = """\
Everything that Linli's own pages do. Sign in with `POST /api/v1/login-codes`, `…/verify` and
`POST /api/v1/sign-ins`; send the token as `Authorization: Bearer`. Amounts are integers,
hundredths of a point (centipoints). Moments are UTC, ISO 8601. Acts without an identity of their
own need an `Idempotency-Key`; an equal repeat is answered from the effect, another body under the
same key is 409. Long lists are read on with `after`, `before` or `page`, as
each says.

A refusal answers `{"code", "message"}`, the message in Chinese, for people to read. `errors` holds
what was not understood, by place (`json`, `query`) and field, in Chinese, too; `reference` is the
number under which an error of ours was written down. The refusals under each operation (also in
`x-codes`) are found by following its code: some may never come, one or the other may be missing,
and in an operation on a list they may stand in a row of the answer instead. All there are:

| code | status | message |
|---|---|---|"""
KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_MAX},
}
KEY_NEEDED = "Required: one key for this act, the same one when it is tried again."
KEY_SPARED = "Not needed: the act is known by what it says, so that a repeat is no second act."
KEY_ANEW = "Not needed: each time a new one is made, which is what asking again is for."
KEY_USED_UP = "Not needed: a code holds once; after an answer that was lost, ask for another one."
KEYLESS = {
    "points_feeders_api.rotate": KEY_ANEW,
    "residents_public_api.ask_code": KEY_ANEW,
    "residents_public_api.choose": KEY_ANEW,
    "residents_public_api.verify_code": KEY_USED_UP,
}
"""Calls of which a repeat is no mere repeat."""


def finished(document: dict[str, Any], app: Flask, own: Codes) -> Any:
    """Return the document with security, keys, operation ids and refusals in every operation.

    ``own`` are the codes that the edge answers by itself, with status and sentence.
    """
    document["info"]["description"] = _introduction(own)
    document["servers"] = [{"url": "/", "description": "where this document was read"}]
    document["components"]["securitySchemes"] = SCHEMES
    for rule in app.url_map.iter_rules():
        path = document["paths"].get(CONVERTED.sub(r"{\1}", rule.rule), {})
        for method, operation in path.items():
            if method.upper() in (rule.methods or ()):
                _finish(operation, method, rule.endpoint, app, own)
    return document


def _introduction(own: Codes) -> str:
    rows = {refusal.code(): (int(refusal.status), refusal.text) for refusal in all_refusals()}
    lines = [
        f"| `{code}` | {status} | {text} |" for code, (status, text) in sorted((own | rows).items())
    ]
    return "\n".join((INTRODUCTION, *lines))


def _finish(operation: dict[str, Any], method: str, endpoint: str, app: Flask, own: Codes) -> None:
    found = reached(inspect.unwrap(app.view_functions[endpoint]))
    blueprint, _, name = endpoint.rpartition(".")
    operation["operationId"] = f"{blueprint.removesuffix('_api')}_{name}"
    is_public = identity.public in app.before_request_funcs[blueprint]
    refusals = {each for each in found if isinstance(each, type) and issubclass(each, AppError)}
    if "security" not in operation:
        knows = bool(found & {identity.actor_or_none, identity.current_actor})
        nobody: list[dict[str, list[str]]] = [{}] if is_public else []
        operation["security"] = [*nobody, {"bearer": []}] if knows or not is_public else []
        refusals |= set() if is_public else {SignInNeeded}
    if method == "post":
        needed = idempotency_key in found
        said = KEY_NEEDED if needed else KEYLESS.get(endpoint, KEY_SPARED)
        key = KEY | {"required": needed, "description": said}
        operation["parameters"] = [*operation.get("parameters", ()), key]
    codes = {each.code(): (int(each.status), each.text) for each in refusals - {Busy}}
    if "422" in operation["responses"]:
        codes["invalid"] = own["invalid"]
    if "requestBody" in operation:
        codes["bad_request"] = own["bad_request"]
    operation["responses"] = _answers(operation["responses"], codes)


def _answers(described: dict[str, Any], codes: Codes) -> dict[str, Any]:
    """Return what is answered when all is well, then the refusals by their status."""
    by_status: dict[int, dict[str, str]] = {}
    for code, (number, text) in codes.items():
        by_status.setdefault(number, {})[code] = text
    well = {status: answer for status, answer in described.items() if status < "300"}
    refused = {str(status): _refused(by_status[status]) for status in sorted(by_status)}
    return well | refused | {"default": described["default"]}


def _refused(codes: dict[str, str]) -> dict[str, Any]:
    return {
        "description": "\n".join(f"- `{code}`: {text}" for code, text in sorted(codes.items())),
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}},
        "x-codes": sorted(codes),
    }


@cache
def reached(function: FunctionType) -> frozenset[Any]:
    """Return the functions and refusals of the product that a function's code can come to.

    What is merely caught does not count. Calls through a table filled elsewhere (subscribers,
    panels) and methods of values are not followed; refusals that docstrings name are taken.
    """
    found: set[Any] = set()
    waiting: list[Any] = [function]
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        found.add(one)
        waiting += _named(one)
    return frozenset(found)


@cache
def _named(one: Any) -> tuple[Any, ...]:
    """Return what a function or class of the product names."""
    if isinstance(one, type):
        if issubclass(one, AppError):
            return ()
        return tuple(each for each in vars(one).values() if isinstance(each, FunctionType))
    loaded = (each for each in _loads(one.__code__, one.__globals__) if _is_ours(each))
    return (*loaded, *_said(one))


def _said(one: FunctionType) -> Iterator[type[AppError]]:
    """Yield the refusals that a docstring names: a method of a value raises what no code shows."""
    words = " ".join(RAISES.findall(inspect.getdoc(one) or ""))
    known = {refusal.__name__: refusal for refusal in all_refusals()} if words else {}
    yield from (known[name] for name in re.findall(r"\w+", words) if name in known)


def _is_ours(thing: Any) -> bool:
    return isinstance(thing, FunctionType | type) and thing.__module__.startswith(PACKAGES)


def _loads(code: CodeType, names: dict[str, Any]) -> Iterator[Any]:
    """Yield the globals that code loads, through modules and tables, but for what it catches."""
    loaded: list[Any] = []
    for step in dis.get_instructions(code):
        if step.opname == "LOAD_GLOBAL":
            loaded.append(names.get(step.argval))
        elif step.opname in {"LOAD_ATTR", "LOAD_METHOD"}:
            if loaded and isinstance(loaded[-1], ModuleType):
                loaded[-1] = getattr(loaded[-1], step.argval, None)
            elif step.argval == "require":
                loaded.append(Actor.require)
        elif step.opname == "CHECK_EXC_MATCH":
            loaded = []
        elif step.opname not in {"BUILD_TUPLE", "PUSH_NULL"}:
            yield from _flat(loaded)
            loaded = []
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _loads(inner, names)


def _flat(things: list[Any]) -> Iterator[Any]:
    for thing in things:
        if isinstance(thing, dict):
            yield from thing.values()
        elif isinstance(thing, tuple):
            yield from thing
        else:
            yield thing
