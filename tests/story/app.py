"""What the story's server serves: the product as it is, by the clock of ``tests/story/clock.py``.

``flask --app tests.story.app`` finds it here.
"""

from __future__ import annotations

from app import create_app
from core.config import Config
from tests.story import clock

config = Config.from_environment()
app = create_app(config)
app.extensions["linli"].clock = lambda: clock.read(config.instance)
