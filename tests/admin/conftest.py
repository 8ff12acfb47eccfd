"""What takes minutes is collected by ``make soak`` only."""

from __future__ import annotations

import os

collect_ignore = [] if os.environ.get("LINLI_SOAK") else ["test_demo_on_any_day.py"]
