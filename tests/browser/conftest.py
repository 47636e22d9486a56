"""What is looked at in browsers is served by one worker, which starts in half the time of three."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import Server

ON_THREE = {"test_home.py"}  # where a page is to follow what other workers did


@pytest.fixture
def server(request: pytest.FixtureRequest, instance: Path, tmp_path: Path) -> Iterator[Server]:
    """As that of tests/conftest.py."""
    workers = "3" if request.path.name in ON_THREE else "1"
    with Server(instance, tmp_path, WEB_CONCURRENCY=workers) as running:
        yield running
