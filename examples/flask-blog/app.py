"""A blog as a plain Flask project: `flask --app app blog init`, then `flask --app app run`."""

from pathlib import Path

import blog
from flask import Flask


def create_app(instance: Path | None = None) -> Flask:
    """The application; `instance` is the folder for its database."""
    app = Flask(__name__, instance_path=str(instance.resolve()) if instance else None)
    app.secret_key = "change me"
    Path(app.instance_path).mkdir(exist_ok=True)
    app.register_blueprint(blog.blueprint)
    return app
