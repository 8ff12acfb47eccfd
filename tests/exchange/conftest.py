"""Fixtures of the exchange's tests."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.exchange.scene import Scene


@pytest.fixture
def scene(app: Flask) -> Scene:
    return Scene(app)
