"""A group's export as WordPress's own format (WXR 1.2): discussions are posts, and what was said there is comments.

It holds no reactions, pins, times of edits, or Markdown. What is pending stays pending, what was removed is in the
trash.
"""

import re
import zlib
from collections.abc import Callable
from datetime import datetime
from html import escape
from urllib.parse import quote

from model.leaving.group import ExportedChannel, ExportedPost, Leaving, Pieces

DAY = "%Y-%m-%d %H:%M:%S"
NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # https://www.w3.org/TR/xml/#charsets
PREFORMATTED = re.compile("(<pre.*?</pre>)", re.DOTALL)
APPROVED = {"published": "1", "pending": "0", "removed": "trash"}
STATUS = {"published": "publish", "pending": "pending"}
REMOVED = "<p>(removed)</p>"
ANONYMOUS = "Anonymous"
HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:excerpt="http://wordpress.org/export/1.2/excerpt/"
  xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:wfw="http://wellformedweb.org/CommentAPI/"
  xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:wp="http://wordpress.org/export/1.2/">
<channel>
<title>{title}</title>
<link>{link}</link>
<description></description>
<wp:wxr_version>1.2</wp:wxr_version>
<wp:base_site_url>{link}</wp:base_site_url>
<wp:base_blog_url>{link}</wp:base_blog_url>
"""
TAIL = "</channel>\n</rss>\n"


def written(at: str) -> Callable[[Leaving], Pieces]:
    """Writes WXR. `at` is our own address, for discussions whose page is on no other site."""

    async def pieces(leaving: Leaving) -> Pieces:
        site = leaving.row.origins[0] if leaving.row.origins else at
        yield HEAD.format(title=_text(leaving.row.name), link=_text(site)).encode()
        async for channel in leaving.channels():
            yield _item(channel, _address(channel, site, at))
            async for post in leaving.posts(channel.id):
                yield _comment(post)
            yield b"</item>\n"
        yield TAIL.encode()

    return pieces


def _address(channel: ExportedChannel, site: str, at: str) -> str:
    """Where the discussion's page is: what other programs know it by."""
    if channel.url:
        return channel.url
    return site + quote(channel.key) if channel.key.startswith("/") else f"{at}/channels/{channel.id}"


def _item(channel: ExportedChannel, address: str) -> bytes:
    created = datetime.fromisoformat(channel.created)
    fields = {
        "title": channel.title,
        "link": address,
        "pubDate": created.strftime("%a, %d %b %Y %H:%M:%S +0000"),
        "content:encoded": "",
        "excerpt:encoded": "",
        "wp:post_id": str(channel.id),
        "wp:post_date": created.strftime(DAY),
        "wp:post_date_gmt": created.strftime(DAY),
        "wp:comment_status": "closed" if channel.locked else "open",
        "wp:ping_status": "closed",
        "wp:post_name": channel.key,
        "wp:status": STATUS[channel.state],
        "wp:post_parent": "0",
        "wp:menu_order": "0",
        "wp:post_type": "post",
        "wp:post_password": "",
        "wp:is_sticky": str(int(channel.pinned)),
    }
    return ("<item>\n" + _lines(fields)).encode()


def _comment(post: ExportedPost) -> bytes:
    created, author = datetime.fromisoformat(post.created), post.author
    fields = {
        "wp:comment_id": str(post.id),
        "wp:comment_author": author.name or author.guest or ANONYMOUS,
        "wp:comment_author_email": "",
        "wp:comment_author_url": "",
        "wp:comment_author_IP": "",
        "wp:comment_date": created.strftime(DAY),
        "wp:comment_date_gmt": created.strftime(DAY),
        "wp:comment_content": _one_line(post.html) or REMOVED,
        "wp:comment_approved": APPROVED[post.state],
        "wp:comment_type": "comment",
        "wp:comment_parent": str(post.parent or 0),
        "wp:comment_user_id": str(_number(author.uid)) if author.uid else "0",
    }
    return ("<wp:comment>\n" + _lines(fields) + "</wp:comment>\n").encode()


def _number(uid: str) -> int:
    """What tells namesakes apart: WordPress knows people by a number."""
    return zlib.crc32(uid.lower().encode()) + 1


def _lines(fields: dict[str, str]) -> str:
    return "".join(f"<{name}>{_data(value)}</{name}>\n" for name, value in fields.items())


def _one_line(html: str) -> str:
    """HTML without line breaks outside of preformatted text: WordPress shows each as one."""
    parts = PREFORMATTED.split(html)
    return "".join(part if part.startswith("<pre") else part.strip("\n").replace("\n", " ") for part in parts)


def _data(text: str) -> str:
    return "<![CDATA[" + NO_XML.sub("", text).replace("]]>", "]]]]><![CDATA[>") + "]]>" if text else ""


def _text(text: str) -> str:
    return escape(NO_XML.sub("", text))
