"""Somebody else's transaction in the middle of another one, at a moment that a test names."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Engine, event


@contextlib.contextmanager
def meanwhile(words: str, act: Callable[[], object]) -> Iterator[None]:
    """Once a statement with these words has been answered, let another thread act to its end."""
    acted: list[object] = []

    def note(*told: Any) -> None:
        if words in str(told[2]) and not acted:
            acted.append(words)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(act).result()

    event.listen(Engine, "after_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(Engine, "after_cursor_execute", note)
    assert acted, f"nothing was asked with {words}"
