"""How an endpoint of `/flask` is declared, and what all of them share: fields, answers, safe texts, cached lists.

@endpoint("POST /vote", signed_in, REACTING)
async def vote(post_id: Number, vote_type: Literal["upvote", "downvote"]) -> FlaskVote: ...
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from html import escape, unescape
from inspect import signature
from typing import Annotated, Any, TypeVar, get_type_hints

import msgspec
from msgspec import Meta
from quart import Blueprint

from api.flask.front_ends import FlaskRefusal, look
from model.flask import overview
from model.talk.channel import ChannelRow
from pottle.http.answers import asks, encode, gives, takes
from pottle.http.bodies import Tolerant
from pottle.http.caching import audience, shown
from pottle.http.limits import limited
from pottle.rates import Rate
from pottle.store.paging import Filling
from pottle.values import as_it_is, line

Handler = Callable[..., Awaitable[Any]]
View = TypeVar("View")

DEEPEST = 30  # levels of lists and objects in a post's content
# Quotes end an attribute, but pages that use `textContent` would show `&quot;`: typographic ones do neither.
QUOTES = str.maketrans("'\"", "\u2019\u201d")
PLAIN_QUOTES = str.maketrans("\u2019\u201d", "'\"")

# An id. Some pages send the value of an <option>, which is a text.
Number = (
    Annotated[int, Meta(ge=1, le=10**18 - 1)]
    | Annotated[str, line(18, pattern=r"^[1-9][0-9]{0,17}$(?!\n)", says="must be the number of what is meant")]
)
Sent = Annotated[str, as_it_is("it may be what was sent to the page; the handler looks at what is new")]
PartOfText = Annotated[str, as_it_is("it becomes part of a post's Markdown")]
Wanted = Annotated[str, as_it_is("a name to look for, maybe as it was sent to the page")]

blueprint = Blueprint("Flask", __name__, url_prefix="/flask/api")  # its name is the tag in the OpenAPI document
blueprint.before_request(look)


class FlaskMessage(msgspec.Struct):
    """What was done."""

    message: str


class FlaskSaid(msgspec.Struct):
    """What was done. One page looks for `success`."""

    success: bool
    message: str


def endpoint(
    rule: str,
    may: Callable[[Handler], Handler],
    limit: Rate | None = None,
    *more: Callable[[Handler], Handler],
    query: bool = False,
    answer: Any = None,
    status: int = 200,
    rename: Any = None,
    **options: Any,
) -> Callable[[Handler], Handler]:
    """Registers a handler for `rule`, for whom `may` says, `limit` times.

    Its parameters are the fields of the JSON that is sent, or of a GET's query (or where `query` says so); a name that
    Python has taken ends in `_`, and `rename` says what pages call them (as of msgspec.Struct). It answers with what it
    returns, or with an `answer` where that is a Response.
    """
    method, path = rule.split()

    def decorate(handler: Handler) -> Handler:
        kinds = get_type_hints(handler, include_extras=True)
        taken = [(name, given) for name, given in signature(handler).parameters.items() if f":{name}>" not in path]
        made = handler
        if taken:

            @wraps(handler)
            async def made(data: Any = None, query: Any = None, **found: Any) -> Any:
                values = msgspec.structs.astuple(data or query)
                return await handler(**found, **{name: value for (name, _), value in zip(taken, values, strict=True)})

        made = gives(answer or kinds["return"], status)(made)
        if taken:
            named = "".join(map(str.title, handler.__name__.split("_")))
            fields: list[Any] = [
                (name.rstrip("_"), kinds[name], *([] if given.default is given.empty else [given.default]))
                for name, given in taken
            ]
            about = {"__doc__": handler.__doc__}
            shape = msgspec.defstruct(f"Flask{named}Request", fields, bases=(Tolerant,), namespace=about, rename=rename)
            made = (asks if query or method == "GET" else takes)(shape)(made)
        for decorator in reversed([may, *more]):
            made = decorator(made)
        if limit:
            made = limited(limit)(made)
        vars(made).update(scheme="flask", refusal=FlaskRefusal)
        blueprint.add_url_rule(path, handler.__name__, made, methods=[method], **options)
        return made

    return decorate


def safe(text: str) -> str:
    """A text that shows as it is in an element or a quoted attribute of `innerHTML`, and can be sent."""
    plain = escape(text, quote=False).translate(QUOTES)
    return plain.encode(errors="replace").decode()  # half a character: JSON can spell it, UTF-8 cannot


def safe_content(value: Any) -> Any:
    """A JSON value in which every text is safe, keys too."""
    if isinstance(value, str):
        return safe(value)
    if isinstance(value, list):
        return [safe_content(part) for part in value]
    if isinstance(value, dict):
        return {safe(name): safe_content(part) for name, part in value.items()}
    return value


def is_too_deep(value: Any, levels: int = DEEPEST) -> bool:
    """Whether a value has more than so many levels of lists and objects."""
    if not isinstance(value, list | dict):
        return False
    inside = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(is_too_deep(part, levels - 1) for part in inside)


def meant(text: str) -> str:
    """What a page means by a text that it may have got from here."""
    return unescape(text).translate(PLAIN_QUOTES)


def sent_back(text: str, kept: str) -> str:
    """The text to keep: the one that is kept already, if the page sends back what it got."""
    return kept if text == safe(kept) else text


def kept_for(whose: str, *tags: str) -> None:
    """Keeps this answer in the response cache for an audience, if it is still the one that the middleware named."""
    if whose == audience():
        shown("flask", *tags)


def kept_in(channel: ChannelRow, *tags: str) -> None:
    """Keeps this answer, which is the same for everybody who may see the channel."""
    whose = audience()
    if whose is not None and (channel.reading == "public" or overview.sees(whose, channel.group_id)):
        shown("flask", f"group:{channel.group_id}", f"channel:{channel.id}", *tags)


def that_fit(views: list[View]) -> list[View]:
    """The newest of them, in the same order, that make a list small enough for the response cache."""
    filling = Filling[View](overview.MOST, lambda view: len(encode(view)), overview.MOST_BYTES)
    all(map(filling.takes, reversed(views)))
    return filling.items[::-1]
