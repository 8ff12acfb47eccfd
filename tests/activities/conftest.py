"""The scene of the activities' tests."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.activities.scene import Scene
from tests.conftest import Clock
from tests.people import People


@pytest.fixture
def scene(app: Flask, cast: People, clock: Clock) -> Scene:
    """The people of the tests, with an activity to publish and a screen to scan."""
    return Scene(app, cast, clock)
