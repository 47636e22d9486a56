"""The texts of scripts in each language, as modules that browsers load: `/static/~HASH/texts/de.js`."""

import json
import re
import time
from functools import lru_cache

from quart import Blueprint, Response, abort, request
from quart_schema import hide

from pottle import translation
from pottle.http import assets

PLURAL = re.compile(r"[n0-9\s()!=<>&|?:%+*/-]+")  # gettext's rule is C, which is JavaScript too

blueprint = Blueprint("texts", __name__)


def texts_at(language: object) -> str:
    """The URL of the texts of a language; empty where there are none, as of English."""
    language = str(language)
    known = language in translation.languages() and language != translation.SOURCE
    return f"{request.root_path}/static/~{assets.release()}/texts/{language}.js" if known else ""


@blueprint.get("/static/~<release_hash>/texts/<language>.js")
@hide
async def texts(language: str, release_hash: str) -> Response:
    """The texts of a language."""
    if language not in translation.languages() or language == translation.SOURCE:
        abort(404)
    return assets.answer(_ready(_module(language)), assets.YEAR if release_hash == assets.release() else "no-cache")


def _module(language: str) -> str:
    """`{messages: {message: text or forms}, plural: (n) => which form}` as a module's default."""
    messages, rule = translation.of_scripts(language)
    if not PLURAL.fullmatch(rule):
        raise ValueError(f"The rule for plurals of {language} is none: {rule}")
    return f"export default {{messages:{json.dumps(messages, ensure_ascii=False)},plural:(n)=>{rule}}};\n"


@lru_cache(maxsize=20)
def _ready(code: str) -> assets.Ready:
    return assets.ready(code.encode(), "text/javascript", time.time())
