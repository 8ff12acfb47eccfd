from collections.abc import Callable
from pathlib import Path
from typing import Any

class WhiteNoise:
    def __init__(
        self,
        application: Callable[..., Any],
        root: str | Path | None = ...,
        prefix: str | None = ...,
        **kwargs: Any,
    ) -> None: ...
    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any: ...
