"""Mail: how letters look, what admins see of it, and what links in letters lead to."""

from typing import Any

from quart.blueprints import BlueprintSetupState

from api.mail import addresses, bounces, forgotten, invitations, overview
from model.mail import letters, sender
from pottle.http import measures
from pottle.http.languages import environment

blueprint = overview.blueprint
PARTS = (addresses.blueprint, bounces.blueprint, forgotten.blueprint, invitations.blueprint)

sent = measures.counter("mails_total", "Letters, by what became of an attempt to send them.", "outcome")
waiting = measures.gauge("livesum", "mails_waiting", "Letters that wait to be sent.")


@blueprint.record_once
def _begin(state: BlueprintSetupState) -> None:
    """Letters are made of a template, in their reader's language."""
    app: Any = state.app

    def html(language: str, context: dict[str, Any]) -> str:
        return environment(app, language).get_template("mail/letter.html").render(context)

    letters.rendered_by(html)
    app.jinja_env.globals.update(mail=app.config["POTTLE"].mail is not None)
    for part in PARTS:
        app.register_blueprint(part)


def _count(outcome: str, still_waiting: int) -> None:
    sent.labels(outcome).inc()
    waiting.set(still_waiting)


sender.on_outcome(_count)
