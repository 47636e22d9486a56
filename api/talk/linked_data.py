"""What search engines read of a thread: schema.org's DiscussionForumPosting, as JSON-LD."""

from typing import Any

from markupsafe import Markup

from model.talk.post import PostView
from model.talk.thread import Conversation
from pottle.http.answers import encode

SCHEMA = "https://schema.org"
# Nothing of it may end the script that it stands in, or begin a comment there; the last two end lines of JavaScript.
ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
ESCAPED = str.maketrans(ESCAPES)


def described(found: list[Conversation], title: str, page: str, posts_at: str) -> Markup:
    """Conversations of the page at an address; a post's own address is `posts_at` with its id."""
    whole = {"@type": "WebPage", "url": page, "name": title}
    graph = [_posting(one, title, posts_at) | {"isPartOf": whole} for one in found]
    text = encode({"@context": SCHEMA, "@graph": graph}).decode().translate(ESCAPED)
    return Markup(text)  # noqa: S704  # escaped in its own way


def _posting(found: Conversation, title: str, posts_at: str) -> dict[str, Any]:
    count = {"interactionType": f"{SCHEMA}/CommentAction", "userInteractionCount": len(found.replies) + found.earlier}
    more = {
        "@type": "DiscussionForumPosting",
        "headline": title,
        "commentCount": count["userInteractionCount"],
        "comment": [_said(reply, posts_at) | {"@type": "Comment"} for reply in found.replies],
    }
    return _said(found.root, posts_at) | more


def _said(post: PostView, posts_at: str) -> dict[str, Any]:
    """A post; of a removed one, that there was one."""
    said: dict[str, Any] = {"url": f"{posts_at}{post.id}", "datePublished": post.created}
    if post.state == "removed":
        return said | {"creativeWorkStatus": "Deleted"}
    said |= {"author": {"@type": "Person", "name": post.author.shown()}, "text": post.body}
    if post.edited:
        said["dateModified"] = post.edited
    if likes := post.reactions.get("up", 0):
        liked = {"@type": "InteractionCounter", "interactionType": f"{SCHEMA}/LikeAction"}
        said["interactionStatistic"] = liked | {"userInteractionCount": likes}
    return said
