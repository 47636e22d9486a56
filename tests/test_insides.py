"""Where we reach inside a library, its next release can break us: such places are counted, and only become fewer."""

from collections import Counter

import pytest

from tests.insides import Inside, insides

# Methods that we write anew though their library does not document them for it, and why.
OVERRIDDEN = {
    "pottle/http/application.py": {"Application.register_blueprint", "Application.handle_request"},
    "pottle/http/openapi.py": {
        *("Provider.build_paths", "Provider.build_path_parameter", "Provider.build_querystring_parameters"),
        *("Provider.build_request_body", "Provider.build_response_object"),
    },
    "pottle/live/socket.py": {"BoundedConnection.__call__", "BoundedConnection.handle_messages"},
    "pottle/server/development.py": {"Reloader.startup", "Reloader.restart", "Reloader.should_restart"},
    "pottle/server/websocket.py": {"WebSocketProtocol.handle_cont"},
    "pottle/server/worker.py": {
        *("Server.handle_exit", "Server.on_tick", "Server.startup"),
    },
}
# What is assigned to a library's objects; and names with an underscore that are none of ours.
ASSIGNED = {"pottle/http/openapi.py"}
UNDERSCORED = {
    "pottle/http/openapi.py": {"_app"},
    "pottle/live/socket.py": {"_create_websocket_from_scope"},
}

pytestmark = pytest.mark.check


@pytest.fixture(scope="module")
def places() -> list[Inside]:
    return insides("pottle", "api", "model")


def of(places: list[Inside], *kinds: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for place in places:
        if place.kind in kinds:
            found.setdefault(place.where, set()).add(place.what)
    return found


def test_methods_of_libraries_that_we_write_anew_are_few_and_known(places: list[Inside]) -> None:
    """Below 25, where there were 55 in November 2026. Take out of the list what is gone."""
    assert of(places, "overridden") == OVERRIDDEN
    assert sum(map(len, OVERRIDDEN.values())) <= 16


def test_nothing_is_put_in_the_place_of_a_librarys_own(places: list[Inside]) -> None:
    assert of(places, "assigned").keys() == ASSIGNED


def test_names_with_an_underscore_are_left_to_their_library(places: list[Inside]) -> None:
    assert of(places, "attribute", "import") == UNDERSCORED


def test_the_count_sees_what_it_should() -> None:
    """Fails when the counter finds nothing any more, and so everything is well."""
    assert Counter(place.kind for place in insides("pottle/http", "pottle/live"))["overridden"] >= 5
