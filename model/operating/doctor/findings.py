"""What a look of the doctor is given, and what it finds."""

import os
from pathlib import Path
from typing import Literal, NamedTuple

from pottle.settings import Settings

Level = Literal["ok", "warn", "FAIL"]
MIB = 1024 * 1024


class Finding(NamedTuple):
    """What one look found, and where it is not ok what to do."""

    level: Level
    about: str
    says: str


class Patient(NamedTuple):
    """What is looked at."""

    settings: Settings
    environ: dict[str, str]

    @property
    def database(self) -> Path:
        """The file, which may not be there."""
        return self.settings.instance / "app.db"

    @property
    def closed(self) -> Path | None:
        """What of the instance folder whoever runs this may not read and write; None where it may all that is there."""
        folder = self.settings.instance.absolute()
        if os.path.isdir(folder) and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            return folder
        files = sorted(folder.glob("app.db*")) if os.path.isdir(folder) else []
        return next((file for file in files if not os.access(file, os.R_OK | os.W_OK)), None)
