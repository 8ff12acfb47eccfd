"""Refusals: one class per thing that can be the case, each with its sentence and its status."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.work import Work


def N_(sentence: str) -> str:  # noqa: N802 - the name gettext's extractors look for
    """Mark a sentence for translation; it is translated where it is shown."""
    return sentence


class AppError(Exception):
    """The base of all refusals.

    ``text`` says in Chinese what is the case and what to do next; placeholders in braces are
    filled from the keyword arguments given to the constructor. ``code`` is stable in the API.
    """

    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST
    text: ClassVar[str] = N_("这一步没有办成，请返回重试。")
    none_text: ClassVar[str] = ""
    """What is said in place of ``text`` where the fact ``left`` is nothing: fewer is no help."""

    leaves_trace: ClassVar[bool] = False
    """Whether ``transact`` calls ``leave_trace`` in a second transaction after the rollback."""

    retried: ClassVar[bool] = False
    """Whether a repeat at a later moment can succeed, so that ``transact`` tries again."""

    def __init__(self, **facts: object) -> None:
        super().__init__(type(self).__name__, facts)
        self.facts = facts

    @classmethod
    def code(cls) -> str:
        """Snake-cased class name: the API's stable name of this refusal."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def leave_trace(self, work: Work) -> None:
        """Write what must survive the refusal (details.md 24), in a transaction of its own."""

    def sentence(self, translate: Callable[[str], str] = str) -> str:
        """Return the sentence with its facts filled in: Chinese, or as ``translate`` says it."""
        nothing = self.none_text and not self.facts.get("left", True)
        facts = {key: str(value) for key, value in self.facts.items()}
        return translate(self.none_text if nothing else self.text).format_map(facts)


class NotFound(AppError):
    """There is no such thing, or it is not for the one who asks."""

    status = HTTPStatus.NOT_FOUND
    text = N_("没有找到这一项，可能已经取消或移走了。请返回上一页看看。")


class Forbidden(AppError):
    """The actor may not do this."""

    status = HTTPStatus.FORBIDDEN
    text = N_("您现在的身份没有办这件事的授权。社区里的事请找社区负责人，全区的事请找区级管理员。")


class SignInNeeded(AppError):
    """Nobody is signed in, and this needs somebody; a page may say where to go on (``back``)."""

    status = HTTPStatus.UNAUTHORIZED
    text = N_("请先登录，再继续刚才的事。")


class Conflict(AppError):
    """The state of things does not allow it (any more)."""

    status = HTTPStatus.CONFLICT
    text = N_("情况刚刚变了，请刷新页面再看看。")


class Rejected(AppError):
    """What was asked breaks a rule of the domain."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    text = N_("这样办不符合规则，请检查后再提交。")


class TooMany(AppError):
    """Too many attempts in too short a time."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    text = N_("操作太频繁了，请过 {minutes} 分钟再试。")

    def __init__(self, *, seconds: int) -> None:
        super().__init__(minutes=-(-seconds // 60))
        self.seconds = seconds


class TooManyToday(TooMany):
    """As many as a day allows; minutes do not help."""

    text = N_("一天里能试的次数用完了，请明天再来。急着办，请打电话给社区。")


class KeyReused(Conflict):
    """The same key came with another content before."""

    text = N_("这张表单已经提交过，内容和这次不一样。请刷新页面后重新填写。")


class Busy(AppError):
    """The database could not be reached or stayed contended through every retry."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    text = N_("现在人有点多，请过半分钟再试一次，没有多记也没有漏记。")


def all_refusals(start: type[AppError] = AppError) -> list[type[AppError]]:
    """Return every refusal that has been defined, sorted by code."""
    found = {child for below in start.__subclasses__() for child in (below, *all_refusals(below))}
    return sorted(found, key=lambda refusal: refusal.code())
