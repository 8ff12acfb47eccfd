"""The edge: answers to refusals, security headers, pages against JSON, static addresses."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import flask_babel
import flask_smorest
from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    g,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_compress import Compress
from flask_smorest import Api
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError
from marshmallow import ValidationError, fields
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from whitenoise import WhiteNoise

from core import formats
from core.acts import Act
from core.api_document import finished
from core.config import ROOT, Config
from core.db import is_our_mistake
from core.errors import N_, AppError, Busy, SignInNeeded, TooMany
from core.http_keys import KEY_MAX
from core.identity import API_PREFIX, actor_or_none
from core.messages import BADGE_MAX, new_count
from core.schema import Schema
from core.work import end_reading, present, reader

log = logging.getLogger(__name__)
csrf = CSRFProtect()
View = TypeVar("View", bound=Callable[..., Any])
ENTRY_BYTES_MAX = 2 * 1024 * 1024
STATIC_SECONDS = 365 * 24 * 3600
VALUES_MAX = 20_000
"""What a form may send at once; a statement takes so many parameters and no more."""

HTTP_SENTENCES = {
    400: N_("这次提交没有看懂，请返回上一页重新填写。"),
    404: N_("没有找到这个页面。请检查网址，或回到首页。"),
    405: N_("这个地址不能这样打开。请回到首页，从那里进入。"),
    413: N_("提交的内容太大了，请减少后再试。"),
    422: N_("有几处没有填对，请按提示改好再提交。"),
    429: N_("操作太频繁了，请过几分钟再试。"),
}
NOT_JSON = N_("请求体不是合法的 JSON，请检查后再提交。")
STALE = N_("这个页面放得太久了，或者中间换过登录。请刷新页面，再提交一次。")
"""A form without the token of this browser's session."""

RETRY_SECONDS = 30
ROOMS: tuple[tuple[Act, str], ...] = (("desk.read", "desk"), ("console.read", "console"))
"""Those who may read one of these meet refusals in its frame."""

UNEXPECTED = N_("系统出了点问题，我们已经记下。请过一会儿再试；急事请打电话给社区。")

OWN_CODES = {
    "bad_request": (400, HTTP_SENTENCES[400]),
    "method_not_allowed": (405, HTTP_SENTENCES[405]),
    "request_entity_too_large": (413, HTTP_SENTENCES[413]),
    "invalid": (422, HTTP_SENTENCES[422]),
    "unexpected": (500, UNEXPECTED),
}
"""What the API's edge answers without a refusal of ours."""


class RefusalSchema(Schema):
    """What every refusal answers; ``errors`` names the fields that were not understood."""

    code = fields.String(required=True)
    message = fields.String(required=True)
    errors = fields.Dict()
    reference = fields.String()


class SafeApi(Api):
    """flask-smorest, kept out of the HTML pages; Allow and Retry-After survive."""

    ERROR_SCHEMA = RefusalSchema
    _finished: dict[str, Any] | None = None

    def _openapi_json(self) -> Response:
        """Serve the document with what only the whole application knows, made when first read."""
        if self._finished is None:
            self._finished = finished(self.spec.to_dict(), current_app, OWN_CODES)
        return jsonify(self._finished)

    def handle_http_exception(self, error: HTTPException) -> Any:
        """Answer JSON under /api/ and the page elsewhere."""
        return _http_error(error)


def init_app(app: Flask, config: Config) -> SafeApi:
    """Wire everything that stands between a request and a view."""
    app.config.update(
        SECRET_KEY=config.secret_key,
        MAX_CONTENT_LENGTH=ENTRY_BYTES_MAX,
        MAX_FORM_MEMORY_SIZE=ENTRY_BYTES_MAX,
        SESSION_COOKIE_NAME="linli",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=config.is_production,
        PERMANENT_SESSION_LIFETIME=STATIC_SECONDS,
        WTF_CSRF_TIME_LIMIT=None,
        API_TITLE="Linli",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api/v1",
        OPENAPI_JSON_PATH="openapi.json",
        BABEL_DEFAULT_LOCALE="zh_Hans_CN",
        BABEL_DEFAULT_TIMEZONE="Asia/Shanghai",
    )
    flask_babel.Babel(app)
    app.before_request(_let_in)  # Before the form's token is looked for.
    csrf.init_app(app)
    Compress(app)
    formats.register(app)
    app.jinja_env.globals["static_url"] = static_url
    app.jinja_env.globals["csp_nonce"] = _nonce
    app.jinja_env.globals["actor"] = actor_or_none
    app.jinja_env.globals["now"] = present
    app.jinja_env.globals["new_messages"] = new_messages
    app.before_request(_refuse_untyped)
    app.after_request(_harden)
    app.teardown_request(_release)
    app.teardown_appcontext(_release)
    app.register_error_handler(AppError, _refusal)
    app.register_error_handler(ValidationError, _invalid)
    app.register_error_handler(OperationalError, _unreachable)
    app.register_error_handler(Exception, _unexpected)
    wsgi: Any = WhiteNoise(
        app.wsgi_app,
        root=ROOT / "static",
        prefix="static/",
        max_age=STATIC_SECONDS,
        add_headers_function=_harden_static,
    )
    wrapped = ProxyFix(wsgi, config.proxies, config.proxies) if config.proxies else wsgi
    app.wsgi_app = wrapped  # type: ignore[method-assign]  # Flask documents this way
    return SafeApi(app)


def takes_up_to(size: int, act: Act) -> Callable[[View], View]:
    """Let a page take a body beyond what an entry may have, from those who may do this."""

    def mark(view: View) -> View:
        view.takes_up_to = (size, act)  # type: ignore[attr-defined]
        return view

    return mark


def answers_untyped(view: View) -> View:
    """Let a page answer by itself what no person types: it looks nothing up by its address."""
    view.answers_untyped = True  # type: ignore[attr-defined]
    return view


def _let_in() -> None:
    """Raise the bound before the form is read to look for its token."""
    view = current_app.view_functions.get(request.endpoint or "")
    size, act = getattr(view, "takes_up_to", (0, None))
    if act is not None and (actor := actor_or_none()) is not None and actor.may(act):
        request.max_content_length = size


def api_blueprint(blueprint: Blueprint) -> Blueprint:
    """Take a blueprint out of CSRF: it knows bearer tokens only, and no cookie."""
    csrf.exempt(blueprint)
    return blueprint


def wants_json() -> bool:
    """Whether the request came through the API edge."""
    return request.path.startswith(API_PREFIX)


_HASHES: dict[tuple[str, float], str] = {}


def static_url(name: str) -> str:
    """Return the address of a static file, with its hash, so that it may be kept for a year."""
    file: Path = ROOT / "static" / name
    mark = (name, file.stat().st_mtime)
    if mark not in _HASHES:
        _HASHES[mark] = sha256(file.read_bytes()).hexdigest()[:10]
    return f"/static/{name}?{urlencode({'v': _HASHES[mark]})}"


def new_messages() -> str:
    """Return how many messages are new to whoever looks, as a badge says it; empty: none.

    A page says it in more than one place, and asks once.
    """
    if "new_messages" not in g:
        actor = actor_or_none()
        g.new_messages = new_count(reader(), actor, present()) if actor is not None else 0
    count: int = g.new_messages
    return f"{BADGE_MAX}+" if count > BADGE_MAX else str(count or "")


def _nonce() -> str:
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return str(g.nonce)


@flask_smorest.Blueprint.ARGUMENTS_PARSER.location_loader("json")
def _json_of(asked: Any, schema: Any) -> Any:
    """Read a body; nested without end, or with a number of thousands of digits, it is none."""
    try:
        return flask_smorest.Blueprint.ARGUMENTS_PARSER.load_json(asked, schema)
    except (RecursionError, ValueError):
        flask_smorest.abort(400, messages={})


def _refuse_untyped() -> None:
    """Refuse what no person types and no database takes; the API's schemas do so too."""
    view = current_app.view_functions.get(request.endpoint or "")
    if "\x00" in request.path and not hasattr(view, "answers_untyped"):
        abort(400)
    if wants_json():
        return
    if len(request.form.get("key", "")) > KEY_MAX:
        abort(400)
    for given in (request.args, request.form):
        values = [value for _name, value in given.items(multi=True)]
        if len(values) > VALUES_MAX or any("\x00" in value for value in values):
            abort(400)


def _harden(response: Response) -> Response:
    """Add the headers that quality.md asks of every answer."""
    nonce = f" 'nonce-{g.nonce}'" if "nonce" in g else ""
    policy = (
        f"default-src 'self'; script-src 'self'{nonce}; style-src 'self'{nonce};"
        " img-src 'self' data: blob:; worker-src 'self'; object-src 'none'; base-uri 'none';"
        " form-action 'self'; frame-ancestors 'none'"
    )
    response.headers.setdefault("Content-Security-Policy", policy)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Permissions-Policy"] = "camera=(self), geolocation=(), microphone=()"
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _harden_static(headers: Any, _path: str, _url: str) -> None:
    """Static files are answered before the application is asked."""
    headers["X-Content-Type-Options"] = "nosniff"


def _release(_error: BaseException | None = None) -> None:
    end_reading()


def answer(
    code: str,
    sentence: str,
    status: int,
    *,
    wait: int = RETRY_SECONDS,
    **more: object,
) -> ResponseReturnValue:
    """Return a refusal as a page or as JSON."""
    end_reading()
    headers = {"Retry-After": str(wait)} if status in {429, 503} else {}
    if wants_json():
        return {"code": code, "message": sentence, **more}, status, headers
    return _page(sentence, status), status, headers


def _page(sentence: str, status: int, reference: str = "") -> str:
    """Render the page in the frame of who reads it; in none where the database cannot say."""
    facts: dict[str, Any] = {"sentence": sentence, "status": status, "reference": reference}
    try:
        actor = actor_or_none()
        rooms = [room for act, room in ROOMS if actor is not None and actor.may(act)]
        return render_template([*(f"errors/{room}.html" for room in rooms), "error.html"], **facts)
    except SQLAlchemyError:
        return current_app.jinja_env.get_template("error.html").render(facts)


def _refusal(error: AppError) -> ResponseReturnValue:
    if isinstance(error, SignInNeeded) and not wants_json():
        # Without a query, ``full_path`` still ends in its question mark.
        here = request.full_path.rstrip("?") if request.method == "GET" else "/"
        back = error.facts.get("back", here)
        return redirect(url_for("residents.sign_in", next=back), code=303)
    sentence = error.sentence(flask_babel.gettext)
    wait = error.seconds if isinstance(error, TooMany) else RETRY_SECONDS
    return answer(error.code(), sentence, int(error.status), wait=wait)


def _invalid(error: ValidationError) -> ResponseReturnValue:
    sentence = flask_babel.gettext(HTTP_SENTENCES[422])
    return answer("invalid", sentence, 422, errors=error.messages)


def _unreachable(error: OperationalError) -> ResponseReturnValue:
    if is_our_mistake(error):
        return _unexpected(error)
    log.warning("database: %s", error.__class__.__name__, exc_info=error)
    return answer(Busy.code(), flask_babel.gettext(Busy.text), 503)


def _http_error(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if status < 400:  # noqa: PLR2004 - redirects are exceptions too
        return error.get_response()
    words = HTTP_SENTENCES.get(status, HTTP_SENTENCES[400] if status < 500 else UNEXPECTED)  # noqa: PLR2004 - as above
    sentence = flask_babel.gettext(STALE if isinstance(error, CSRFError) else words)
    kept = {key: value for key, value in error.get_headers() if key.lower() != "content-type"}
    if not wants_json():
        return _page(sentence, status), status, kept
    data: dict[str, Any] = getattr(error, "data", None) or {}
    if "messages" in data and status == 400:  # noqa: PLR2004 - webargs says in English that it is no JSON
        errors = {"json": [flask_babel.gettext(NOT_JSON)]}
        return {"code": "bad_request", "message": sentence, "errors": errors}, status, kept
    if "messages" in data:
        return {"code": "invalid", "message": sentence, "errors": data["messages"]}, status, kept
    code = "unexpected" if status >= 500 else error.name.lower().replace(" ", "_")  # noqa: PLR2004 - as above
    return {"code": code, "message": sentence}, status, kept


def _unexpected(error: Exception) -> ResponseReturnValue:
    """Our own errors: a reference number for the person, everything for the log."""
    reference = secrets.token_hex(4)
    log.error("unexpected error %s", reference, exc_info=error)
    end_reading()
    sentence = flask_babel.gettext(UNEXPECTED)
    if wants_json():
        return {"code": "unexpected", "message": sentence, "reference": reference}, 500
    return _page(sentence, 500, reference), 500
