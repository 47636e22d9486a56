"""Where we reach inside a library, its next release can break us: such places are counted, and only become fewer.

In November 2026 there were 55 methods, 3 assignments, and 10 names with an underscore. `python -m tests.insides` lists
what there is.
"""

import pytest

from tests.insides import Inside, insides

# Methods that we write anew though their library does not document them for it.
OVERRIDDEN = {
    "Application.create_url_adapter",  # this and the next: docs/decisions/short-ways.md
    "Application.handle_request",  # the route of a request, for metrics
    "Application.register_blueprint",
    "BoundedRequest.blueprints",
    "Reloader.restart",
    "Reloader.should_restart",
    "Reloader.startup",
    "Server.handle_exit",  # at a reload the old workers serve until the new ones do
    "Server.on_tick",
    "Server.startup",
    "WebSocketProtocol.handle_cont",  # empty fragments without end
}
# Onto what we write though it is not ours: Quart documents `app.asgi_app = Middleware(app.asgi_app)`, and a Table's
# column may have another type.
ASSIGNED = {"pottle/engine.py", "model/operating/exporting.py"}
UNDERSCORED = {"pottle/http/openapi.py": {"_converters"}}

pytestmark = pytest.mark.check


@pytest.fixture(scope="module")
def places() -> list[Inside]:
    return insides("pottle", "api", "model")


def test_methods_of_libraries_that_we_write_anew_are_few_and_known(places: list[Inside]) -> None:
    found = {place.what for place in places if place.kind == "overridden"}
    assert found <= OVERRIDDEN
    assert len(found) >= 5, "the count sees none any more"


def test_nothing_is_put_in_the_place_of_a_librarys_own(places: list[Inside]) -> None:
    assert {place.where for place in places if place.kind == "assigned"} <= ASSIGNED


def test_names_with_an_underscore_are_left_to_their_library(places: list[Inside]) -> None:
    for place in places:
        if place.kind in ("attribute", "import"):
            assert place.what in UNDERSCORED.get(place.where, ()), place
