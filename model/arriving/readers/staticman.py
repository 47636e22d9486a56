"""Staticman: the folder of its entries, or a zip file of it; each is YAML or JSON, in a folder for each page."""

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import PurePosixPath
from typing import Any

import yaml  # type: ignore[import-untyped]

from model.arriving.opened import Opened, decoded
from model.arriving.plan import Part, Report, Thread, Unreadable
from model.arriving.values import comment, moment, person, said

NAME, SAYS, MANY = "staticman", "Staticman", True
ENDINGS = (".yml", ".yaml", ".json")
MOST_BYTES = 256 * 1024  # of an entry
# Sites choose the names of most fields; the first that is there counts.
TEXTS = ("message", "comment", "body", "content", "text")
PARENTS = ("replying_to_uid", "replying_to", "reply_to", "replyTo", "_parent", "parent", "parent_id")
PAGES = ("page", "_parent", "post_id")  # `_parent` is what `options[parent]` was: a comment, or the page itself
PAGE = re.compile(r"/|https?://")
ENTRY = re.compile(rb"^_id: |\"_id\": ?\"", re.MULTILINE)


def looks_like(head: bytes, _: str) -> bool:
    """Whether there are entries with ids and texts, and none of Valine or Twikoo."""
    return (
        ENTRY.search(head) is not None and b'"nick"' not in head and any(f"{text}".encode() in head for text in TEXTS)
    )


def read(file: Opened, report: Report) -> Iterator[Part]:
    """Entries. The page is that of their folder, or the one that they say themselves."""
    known = set[str]()
    for folder, some in groupby(_entries(file, report), lambda found: PurePosixPath(found[0]).parent):
        entries = [entry for _, entry in some]
        roots = [said(entry["_id"]) for entry in entries if not _parent(entry)]
        for entry in entries:
            address = _page(folder.name, entry)
            if address not in known:
                known.add(address)
                yield Thread(address)
            yield from _comment(entry, address, _answered(_parent(entry), roots), report)


def _entries(file: Opened, report: Report) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is an entry, with its path, which stands for the id that the first version did not give."""
    for path, data in file.files():
        if path.endswith(ENDINGS):
            entry = _entry(path, data)
            if _text(entry) and ("_id" in entry or "date" in entry):
                yield path, {"_id": path, **entry}
            else:
                report.left_out("file", path, "is no entry of Staticman")


def _entry(path: str, data: bytes) -> dict[str, Any]:
    if len(data) > MOST_BYTES:
        raise Unreadable(f"{path} is larger than {MOST_BYTES // 1024} KiB: too much for a comment.")
    if path.endswith(".json"):
        found = decoded(data, where=path)
    else:
        try:
            found = yaml.load(data, yaml.BaseLoader)  # noqa: S506  # it makes nothing but texts
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise Unreadable(f"{path} is not YAML as it should be: {str(error).splitlines()[0]}.") from error
    return found if isinstance(found, dict) else {}


def _text(entry: dict[str, Any]) -> str:
    return next((said(entry.get(name)) for name in TEXTS if said(entry.get(name))), "")


def _page(folder: str, entry: dict[str, Any]) -> str:
    for name in PAGES:
        if PAGE.match(found := said(entry.get(name))):
            return found
    options = entry.get("options")
    slug = said(entry.get("slug")) or (said(options.get("slug")) if isinstance(options, dict) else "")
    return f"/{(slug or folder).strip('/')}/"


def _parent(entry: dict[str, Any]) -> str:
    for name in PARENTS:
        found = said(entry.get(name))
        if found not in ("", "null", "~") and not PAGE.match(found):
            return found
    return ""


def _answered(parent: str, roots: list[str]) -> str | None:
    """The id that is answered: a number is the place of a conversation on its page, as some themes count them."""
    if parent.isdecimal() and parent not in roots and 0 < int(parent[:6]) <= len(roots):
        return roots[int(parent[:6]) - 1]
    return parent or None


def _comment(entry: dict[str, Any], address: str, parent: str | None, report: Report) -> Iterator[Part]:
    id_ = said(entry.get("_id"))
    name, website = said(entry.get("name") or entry.get("author")), said(entry.get("url") or entry.get("website"))
    who = person(id_, name, website=website)  # its addresses are digests, which prove nothing
    if who:
        yield who
    yield from comment(
        report,
        id_,
        moment(entry.get("date") or entry.get("_date") or entry.get("timestamp")),
        thread=address,
        person=who.key if who else None,
        parent=parent,
        text=_text(entry),
        form="markdown",
    )
