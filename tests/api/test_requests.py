"""What our requests do otherwise than Quart's."""

from quart import Quart, url_for

from tests.conftest import Person


async def test_nobody_says_their_own_address(app: Quart, anyone: Person) -> None:
    async with app.test_request_context("/", headers={"Remote-Addr": "10.0.0.1"}):
        assert url_for("pages.home", _external=True) == "http://localhost/"
    refused = await anyone.get("/metrics", headers={"Remote-Addr": "10.0.0.1"})
    assert refused.status_code == 200, "asked from here"
