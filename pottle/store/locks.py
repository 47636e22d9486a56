"""flock between processes: the kernel gives a lock back however its holder ends, and containers see each other's."""

try:
    import fcntl
except ImportError:  # Windows, where only the development server runs: one process, which nobody is beside
    fcntl = None  # type: ignore[assignment]


def share(file: int) -> None:
    """Holds the file shared; waits while somebody is alone with it."""
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_SH)


def take(file: int) -> None:
    """Waits until nobody else holds the file."""
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX)


def take_at_once(file: int) -> bool:
    """Takes the file if nobody else holds it; whether it did."""
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def give_back(file: int) -> None:
    """Holds it no longer."""
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_UN)
