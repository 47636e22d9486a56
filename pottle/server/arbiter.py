"""What gunicorn's first process, the arbiter, needs of ours. Only gunicorn may import it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from pottle.server import logs


class Log(Logger):  # type: ignore[misc]  # it has no types
    """gunicorn's log in our format, wherever --error-logfile sends it; as it is where it has a configuration."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        if not (cfg.logconfig or cfg.logconfig_dict or cfg.logconfig_json):
            # Looked at and not loaded: at a reload the workers are to find what the file says then.
            settings = {**dotenv_values(Path(__file__).parents[2] / ".env"), **os.environ}
            for handler in self.error_log.handlers:
                stream = getattr(handler, "stream", None)
                handler.setFormatter(logs.formatter(settings.get("POTTLE_LOG") or "auto", stream))
                handler.addFilter(logs.bounded)
