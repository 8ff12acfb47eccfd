"""Holds values against the API's own document: the part of JSON Schema that it uses."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from flask import Flask, Response, request

from core.api_document import CONVERTED

KINDS: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}
FORMATS: dict[str, Any] = {
    "uuid": UUID,
    "date": dt.date.fromisoformat,
    "date-time": dt.datetime.fromisoformat,
}


def resolve(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Follow ``$ref`` to what it names; a dangling one is a KeyError."""
    while "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def broken(document: dict[str, Any], schema: Any, value: Any, at: str = "") -> Iterator[str]:
    """Yield where a value is not what the schema says."""
    schema = resolve(document, schema)
    for part in schema.get("allOf", ()):
        yield from broken(document, part, value, at)
    if "anyOf" in schema and all(any(broken(document, one, value)) for one in schema["anyOf"]):
        yield f"{at}: none of what it may be"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is not in {schema['enum']}"
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        yield f"{at}: {value!r} is no {kinds}"
        return
    yield from _inside(document, schema, value, at)


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool) and kind != "boolean":
        return False
    return isinstance(value, KINDS[kind])


def _inside(document: dict[str, Any], schema: Any, value: Any, at: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield from _members(document, schema, value, at)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from broken(document, schema.get("items", {}), inner, f"{at}[{place}]")
    elif isinstance(value, str):
        try:
            FORMATS.get(schema.get("format", ""), str)(value)
        except ValueError:
            yield f"{at}: {value!r} is no {schema['format']}"
    elif value is not None and not (
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
    ):
        yield f"{at}: {value} is out of range"


def _members(document: dict[str, Any], schema: Any, value: Any, at: str) -> Iterator[str]:
    known, more = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name in set(schema.get("required", ())) - set(value):
        yield f"{at}: {name} is missing"
    for name, inner in value.items():
        if name in known:
            yield from broken(document, known[name], inner, f"{at}.{name}")
        elif more is False:
            yield f"{at}: {name} is not described"
        elif isinstance(more, dict):
            yield from broken(document, more, inner, f"{at}.{name}")


def answered(document: dict[str, Any], operation: dict[str, Any], answer: Any) -> list[str]:
    """Return what is wrong with an answer, by the document's word on this status."""
    said = operation["responses"].get(str(answer.status_code), operation["responses"]["default"])
    schema = resolve(document, said)["content"]["application/json"]["schema"]
    return list(broken(document, schema, answer.get_json()))


def keep(app: Flask) -> None:
    """Turn every answer of the API that its document does not describe into a 500, in all tests."""
    document: dict[str, Any] = {}
    shown: Any = app.view_functions["api-docs.openapi_json"]

    def hold(answer: Response) -> Response:
        if request.url_rule is None or not answer.is_json:
            return answer
        if not document:
            document.update(shown().get_json())
        path = document["paths"].get(CONVERTED.sub(r"{\1}", request.url_rule.rule), {})
        if operation := path.get(request.method.lower()):
            wrong = answered(document, operation, answer)
            assert not wrong, f"{request.path}: {wrong}"
        return answer

    app.after_request(hold)
