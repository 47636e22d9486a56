"""Commands for whoever operates Pottle: `quart --app main user create …`. They may run beside a live server."""

from quart import Quart

from api.commands import backups, doctor, groups, invitations, migrating, users
from pottle.settings import Settings

# Each is a file here with a `register`; in this order, for one may add to the commands of another.
SUBJECTS = (users, groups, invitations, backups, migrating, doctor)


def register(app: Quart, settings: Settings) -> None:
    """Adds the commands to `app`."""
    for subject in SUBJECTS:
        subject.register(app, settings)
