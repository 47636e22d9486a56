"""Refusals: what the rules say no with. `api/http/problems.py` says each in HTTP's words."""


class Refusal(Exception):
    """A request that the rules refuse. A unit may raise it only before it has written anything."""

    def __init__(self, detail: str = "", **extra: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class NotFound(Refusal):
    """Not there, or not visible to whoever asks: the two must look the same."""


class Forbidden(Refusal):
    """Visible, but not yours to do."""


class Unauthenticated(Refusal):
    """No credentials, or bad ones."""


class Conflict(Refusal):
    """It contradicts what is there already."""


class Stale(Refusal):
    """The version named in If-Match is no longer the current one."""


class Invalid(Refusal):
    """A value breaks a rule that only the model knows. `field` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}", errors=[{"field": field, "message": message}])


class TooMany(Refusal):
    """A limit is used up for another `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Too many requests. Try again in {retry_after} s.")
        self.retry_after = retry_after


class Overloaded(Refusal):
    """More is waiting than can be done soon, or the database is locked by another program: try again."""


class StorageFull(Refusal):
    """The disk is full. Nothing was changed."""


def check_version(current: int, wanted: int | None) -> None:
    """Raises Stale when a client names a version (If-Match) that is not the current one."""
    if wanted is not None and wanted != current:
        raise Stale(f"It has been changed meanwhile: its version is now {current}.")
