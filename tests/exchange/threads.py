"""Many at once, each in a thread with an application context of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from flask import Flask

from core.errors import AppError


def all_at_once(app: Flask, acts: Sequence[Callable[[], object]]) -> list[object]:
    """Run every act after one starting shot; a refusal is a result, anything else is raised."""
    ready = threading.Barrier(len(acts))
    results: list[object] = [None] * len(acts)
    broken: list[BaseException] = []

    def run(index: int, act: Callable[[], object]) -> None:
        with app.app_context():
            ready.wait()
            try:
                results[index] = act()
            except AppError as refusal:
                results[index] = refusal
            except BaseException as error:  # noqa: BLE001 - handed to the test below
                broken.append(error)

    threads = [threading.Thread(target=run, args=(index, act)) for index, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if broken:
        raise broken[0]
    return results
