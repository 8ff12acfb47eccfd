"""Two connections share the checks of one snapshot: they begin at both ends and meet somewhere."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from points.proof.checks import Broken, Check

if TYPE_CHECKING:
    from sqlalchemy import Connection

Run = Callable[["Connection", Sequence[Check]], Iterator[Broken]]
Placed = tuple[int, Broken]


def by_two(
    one: Connection, other: Connection, checks: Sequence[Check], run: Run
) -> tuple[Broken, ...]:
    """Run all checks; one connection begins with the queries, the other with what has parts."""
    queries = [check for check in checks if check.find is None]
    others = [check for check in checks if check.find is not None]
    pieces = deque(enumerate([*queries, *(part for each in others for part in cut(one, each))]))

    def taken(connection: Connection, take: Callable[[], tuple[int, Check]]) -> list[Placed]:
        found: list[Placed] = []
        while True:
            try:
                place, check = take()
            except IndexError:
                return found
            found += [(place, each) for each in run(connection, [check])]

    with ThreadPoolExecutor(1) as beside:
        later = beside.submit(copy_context().run, taken, other, pieces.pop)
        found = [*taken(one, pieces.popleft), *later.result()]
    return tuple(joined(each for _, each in sorted(found, key=lambda each: each[0])))


def cut(connection: Connection, check: Check) -> list[Check]:
    """Return a check in its parts, where it has some."""
    if check.parts is None:
        return [check]
    return [replace(check, find=part, parts=None) for part in check.parts(connection)]


def joined(found: Iterable[Broken]) -> Iterator[Broken]:
    """Join what parts of one check found next to each other."""
    for _, parts in groupby(found, key=lambda each: each.name):
        first, *others = parts
        yield replace(first, times=first.times + sum(each.times for each in others))
