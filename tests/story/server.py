"""The story's server: the real one, on a database that the test has prepared, by its clock."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from core.work import SHANGHAI
from tests.conftest import Stage
from tests.people import last_code
from tests.serving import Serving
from tests.story import clock


class Server(Serving):
    """The server of one test, whose clock the test moves."""

    def __init__(self, stage: Stage, log: Path) -> None:
        config = stage.config()
        environment = {
            "LINLI_ENV": "test",
            "LINLI_DATABASE_URL": config.database_url,
            "LINLI_SECRET_KEY": config.secret_key,
            "LINLI_INSTANCE": str(config.instance),
        }
        super().__init__("tests.story.app", log, environment)
        self.stage, self.instance = stage, config.instance
        self.go_to(stage.clock.now)

    @property
    def now(self) -> dt.datetime:
        """The server's moment."""
        return clock.read(self.instance)

    def go_to(self, moment: dt.datetime) -> None:
        """Move the clock of every process of the story; it goes on from there."""
        clock.move(self.instance, moment)
        self.stage.clock.set(moment)

    def at(self, day: dt.date, hour: int, minute: int = 0) -> None:
        """Go to a time of day in Hangzhou."""
        moment = dt.datetime.combine(day, dt.time(hour, minute), SHANGHAI)
        self.go_to(moment.astimezone(dt.UTC))

    def pass_by(self, **span: float) -> None:
        """Let a span of time go by."""
        self.go_to(self.now + dt.timedelta(**span))

    def code_for(self, phone: str) -> str:
        """Read the newest one-time code that was sent to a number."""
        return last_code(self.instance, phone)
