"""Commands for whoever operates Pottle: `quart --app main user create …`. They may run beside a live server."""

from quart import Blueprint, Quart
from quart.blueprints import BlueprintSetupState

from api.commands import people, upkeep

blueprint = Blueprint("commands", __name__)


@blueprint.record_once
def _register(state: BlueprintSetupState) -> None:
    app: Quart = state.app  # type: ignore[assignment]  # flask's
    people.register(app, app.config["POTTLE"])
    upkeep.register(app, app.config["POTTLE"])
