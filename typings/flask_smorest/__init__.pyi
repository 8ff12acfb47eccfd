from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeVar

import flask
from marshmallow import Schema

_P = ParamSpec("_P")
_R = TypeVar("_R")

class _Same(Protocol):
    def __call__(self, view: Callable[_P, _R], /) -> Callable[_P, _R]: ...

class Blueprint(flask.Blueprint):
    def __init__(
        self, name: str, import_name: str, *, description: str = ..., url_prefix: str | None = ...
    ) -> None: ...
    def arguments(
        self, schema: Schema | type[Schema], *, location: str = ..., **kwargs: Any
    ) -> _Same: ...
    def response(
        self,
        status_code: int,
        schema: Schema | type[Schema] | dict[str, str] | None = ...,
        **kwargs: Any,
    ) -> _Same: ...
    def alt_response(self, status_code: int, **kwargs: Any) -> _Same: ...
    def doc(self, **kwargs: Any) -> _Same: ...
    def get(self, rule: str, **options: Any) -> _Same: ...  # type: ignore[override]
    def post(self, rule: str, **options: Any) -> _Same: ...  # type: ignore[override]

class Api:
    spec: Any
    def __init__(self, app: flask.Flask | None = ..., **kwargs: Any) -> None: ...
    def register_blueprint(self, blp: flask.Blueprint, **options: Any) -> None: ...
    def handle_http_exception(self, error: Any) -> Any: ...
