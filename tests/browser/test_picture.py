"""scripts/picture still makes the README's moving picture."""

from pathlib import Path

import pytest
from PIL import Image

from tests.browser import picture
from tests.conftest import needs


@pytest.mark.slow
async def test_the_picture_moves(tmp_path: Path) -> None:
    needs("chromium")
    await picture.main(tmp_path / "live.webp")
    with Image.open(tmp_path / "live.webp") as film:
        assert film.n_frames > 10
