"""How `/flask` becomes part of the application, where POTTLE_FLASK_ORIGINS names pages that may use it."""

from quart import Blueprint, Quart

from api.flask import accounts, authentication, chats, pictures, places, posts, sections, votes
from api.flask.asking import look
from api.flask.front_ends import COOKIE
from api.flask.refusals import FlaskRefusal, refusal
from pottle.http import openapi, problems

# Their tag in the OpenAPI document is its name.
blueprint = Blueprint("Flask", __name__, url_prefix="/flask")
blueprint.before_request(look)
for resource in (authentication, accounts, pictures, sections, places, posts, votes, chats):
    blueprint.register_blueprint(resource.blueprint)


def register(app: Quart) -> None:
    """Adds the routes, the shape of their errors, and what OpenAPI says of both."""
    app.register_blueprint(blueprint)
    problems.shaped(app, "/flask/", refusal)
    openapi.by_cookie(app, "flask", COOKIE)
    for endpoint, handler in app.view_functions.items():
        if endpoint.startswith(f"{blueprint.name}."):
            vars(handler).update(scheme="flask", refusal=FlaskRefusal)
