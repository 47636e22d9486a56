"""Staticman: the folder of its entries, packed as a zip file; each is YAML or JSON, in a folder for each page."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import yaml  # type: ignore[import-untyped]

from model.arriving.opened import Opened, decoded
from model.arriving.plan import Part, Report, Thread, Unreadable
from model.arriving.values import comment, moment, person, said

NAME, SAYS = "staticman", "Staticman"
ENDINGS = (".yml", ".yaml", ".json")
TEXTS = ("message", "comment", "body", "content", "text")  # what sites call the field; the first that is there counts
PARENTS = ("_parent", "replyTo", "reply_to", "replying_to", "parent")
MOST_BYTES = 256 * 1024  # of an entry


def looks_like(head: bytes, name: str) -> bool:
    """Whether it is an entry; a zip file of them is not known by its beginning."""
    return name.endswith(ENDINGS) and b"_id" in head and any(f"{text}".encode() in head for text in TEXTS)


def read(file: Opened, report: Report) -> Iterator[Part]:
    """Entries. The page is that of their folder, or the one that they say themselves."""
    known = set[str]()
    for path, data in file.files():
        if not path.endswith(ENDINGS):
            continue
        entry = _entry(path, data)
        if "_id" not in entry:
            report.left_out("file", path, "is no entry of Staticman")
            continue
        address = _page(path, entry)
        if address not in known:
            known.add(address)
            yield Thread(address)
        yield from _comment(entry, address, report)


def _entry(path: str, data: bytes) -> dict[str, Any]:
    if len(data) > MOST_BYTES:
        raise Unreadable(f"{path} is larger than {MOST_BYTES // 1024} KiB: too much for a comment.")
    if path.endswith(".json"):
        found = decoded(data, where=path)
    else:
        try:
            found = yaml.safe_load(data)
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise Unreadable(f"{path} is not YAML as it should be: {str(error).splitlines()[0]}.") from error
    return found if isinstance(found, dict) else {}


def _page(path: str, entry: dict[str, Any]) -> str:
    options = entry.get("options")
    slug = said(entry.get("slug")) or (said(options.get("slug")) if isinstance(options, dict) else "")
    folder = PurePosixPath(path).parent.name
    return said(entry.get("page")) or f"/{(slug or folder).strip('/')}/"


def _comment(entry: dict[str, Any], address: str, report: Report) -> Iterator[Part]:
    id_ = said(entry.get("_id"))
    name, website = said(entry.get("name") or entry.get("author")), said(entry.get("url") or entry.get("website"))
    who = person(id_, name, website=website)  # its addresses are digests, which prove nothing
    if who:
        yield who
    date: Any = entry.get("date") or entry.get("_date") or entry.get("timestamp")
    yield from comment(
        report,
        id_,
        moment(date.isoformat() if hasattr(date, "isoformat") else date),
        thread=address,
        person=who.key if who else None,
        parent=next((said(entry.get(name)) for name in PARENTS if said(entry.get(name))), None),
        text=next((said(entry.get(name)) for name in TEXTS if said(entry.get(name))), ""),
        form="markdown",
    )
