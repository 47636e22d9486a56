"""Languages: who is answered in which, and templates in each of them.

Somebody who is signed in has what they chose (Access.language_of), everybody else what their browser asks for; there is
no cookie. An answer that depends on it says so (`Vary`), and is kept by the response cache for each language.

In templates `_("…")`, `{% trans %}` and `ngettext` are Jinja's own (jinja2.ext.i18n). A template is compiled for each
language, so that a text without a number costs no more than one that is written there.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, nodes
from jinja2.compiler import CodeGenerator
from jinja2.visitor import NodeTransformer
from quart import Quart, g, has_request_context, has_websocket_context

from pottle import translation
from pottle.access import access
from pottle.http import asgi
from pottle.http.asgi import CHOSEN, SPOKEN
from pottle.http.asking import served
from pottle.translation import SOURCE, direction, found, languages, negotiated, supported

COMPILED = "pottle.jinja_by_language"
TRANSLATED = ("_", "gettext", "pgettext")  # what is called in templates, and depends on no number


def register(app: Quart) -> None:
    """Has templates of `app` speak. Its catalogues are looked for beside it, in `translations/`."""
    translation.find(Path(app.root_path) / "translations")
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.add_extension("jinja2.ext.i18n")
    _speaks(app.jinja_env, None)


def language() -> str:
    """The language of whoever is answered: what they chose, else what their browser asks for; else English."""
    if len(languages()) == 1 or not (has_request_context() or has_websocket_context()):
        return SOURCE
    who = g.get("asker")
    chosen = access().language_of(who) if who is not None else None
    scope: Any = served().scope
    if chosen and (ours := supported(chosen)):
        scope[CHOSEN] = ours
        return ours
    spoken = negotiated(asgi.header(scope, b"accept-language") or "")
    scope[SPOKEN] = spoken
    return spoken


def environment(app: Quart, spoken: str) -> Environment:
    """Jinja as `app` has it, for templates in one language, in which nothing is awaited."""
    compiled: dict[str, Environment] = app.extensions.setdefault(COMPILED, {})
    if spoken not in compiled:
        made = app.jinja_env.overlay(enable_async=False)
        made.globals = {**app.jinja_env.globals}
        del made.install_gettext_callables  # type: ignore[attr-defined]  # bound to app.jinja_env; this adds another
        made.add_extension("jinja2.ext.i18n")
        made.code_generator_class = partial(_InOneLanguage, spoken)  # type: ignore[assignment]
        _speaks(made, spoken)
        compiled[spoken] = made
    return compiled[spoken]


class _WhenShown:
    """In a template for every language: what is only known once somebody is answered."""

    def __init__(self, find: Callable[[], str]) -> None:
        self._find = find

    def __str__(self) -> str:
        return self._find()


def _speaks(jinja: Environment, spoken: str | None) -> None:
    """Has `_` and its like translate; into the language of whoever is answered, if none is given."""

    def gettext(message: str) -> str:
        return found(spoken or language(), message)

    def ngettext(message: str, plural: str, num: int) -> str:
        return found(spoken or language(), message, plural, num=num)

    def pgettext(context: str, message: str) -> str:
        return found(spoken or language(), message, context=context)

    made: Any = jinja
    made.install_gettext_callables(gettext, ngettext, newstyle=True, pgettext=pgettext)
    of_reader = {"language": _WhenShown(language), "direction": _WhenShown(lambda: direction(language()))}
    jinja.globals.update(of_reader if spoken is None else {"language": spoken, "direction": direction(spoken)})


class _InOneLanguage:
    """Jinja's compiler, for templates in one language."""

    def __init__(self, spoken: str, jinja: Environment, *args: Any) -> None:
        self._translator, self._code = _Translator(jinja, spoken), CodeGenerator(jinja, *args)
        self.stream = self._code.stream

    def visit(self, template: nodes.Template) -> None:
        """Compiles it."""
        self._code.visit(self._translator.visit(template))


class _Translator(NodeTransformer):
    """Puts the translation where `_("…")` is."""

    def __init__(self, jinja: Environment, spoken: str) -> None:
        self._jinja, self._spoken = jinja, spoken

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802  # Jinja's name
        self.generic_visit(node)
        if (
            not isinstance(node.node, nodes.Name)
            or node.node.name not in TRANSLATED
            or node.dyn_args
            or node.dyn_kwargs
        ):
            return node
        said = [argument.value for argument in node.args if isinstance(argument, nodes.Const)]
        if len(said) != len(node.args):
            return node
        message = found(self._spoken, said[-1], context=said[0] if len(said) == 2 else "")
        values = nodes.Dict([nodes.Pair(nodes.Const(one.key), one.value) for one in node.kwargs])
        made: nodes.Node = nodes.MarkSafeIfAutoescape(nodes.Const(message if node.kwargs else message % {}))
        if node.kwargs:
            made = nodes.Mod(made, values)
        return made.set_lineno(node.lineno).set_environment(self._jinja)
