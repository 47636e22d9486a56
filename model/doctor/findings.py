"""What a look of the doctor is given, and what it finds."""

from pathlib import Path
from typing import Literal, NamedTuple

from model.settings import Settings

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
