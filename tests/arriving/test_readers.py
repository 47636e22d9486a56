"""What each reader makes of an export of its shape, and of one that is damaged or hostile."""

import hashlib
import io
import json
import sqlite3
import zipfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from model.arriving import importing
from model.arriving.opened import Opened
from model.arriving.plan import Comment, Person, Report, Thread, Unreadable
from model.arriving.values import entries, moment, written
from tests.cases import in_turn

DAY = "2021-10-26T13:00:41.284Z"
AT = datetime(2021, 10, 26, 13, 0, 41, 284000, UTC)

REMARK = [
    {"version": 1, "users": [], "posts": [{"url": "https://blog.example/first/", "read_only": True}]},
    {
        "id": "a1",
        "pid": "",
        "text": "<p>One</p>",
        "orig": "One",
        "user": {"id": "github_ada", "name": "Ada"},
        "locator": {"site": "s", "url": "https://blog.example/first/"},
        "votes": {"x": True, "y": True, "z": False},
        "time": DAY,
        "edit": {"time": DAY, "summary": ""},
        "pin": True,
        "title": "First",
        "score": 1,
    },
    {
        "id": "a2",
        "pid": "a1",
        "text": "<p>Two</p>",
        "user": {"name": "Bob", "id": ""},
        "score": -2,
        "time": DAY,
        "locator": {"url": "https://blog.example/first/"},
    },
    {
        "id": "a3",
        "pid": "a2",
        "text": "",
        "user": {},
        "delete": True,
        "time": DAY,
        "locator": {"url": "https://blog.example/first/"},
    },
]
COMMENTO = {
    "version": 1,
    "comments": [
        {
            "commentHex": "c1",
            "domain": "blog.example",
            "url": "/first",
            "commenterHex": "u1",
            "markdown": "One",
            "html": "",
            "parentHex": "root",
            "score": 3,
            "state": "approved",
            "creationDate": DAY,
            "deleted": False,
        },
        {
            "commentHex": "c2",
            "domain": "blog.example",
            "url": "/first",
            "commenterHex": "anonymous",
            "markdown": "Two",
            "html": "",
            "parentHex": "c1",
            "score": -1,
            "state": "unapproved",
            "creationDate": DAY,
        },
        {
            "commentHex": "c3",
            "domain": "blog.example",
            "url": "/first",
            "commenterHex": "u1",
            "markdown": "[deleted]",
            "html": "",
            "parentHex": "c2",
            "score": 0,
            "state": "approved",
            "creationDate": DAY,
        },
    ],
    "commenters": [{"commenterHex": "u1", "email": "Ada@mail.example", "name": "Ada", "link": "undefined"}],
}
COMENTARIO = {
    "version": 3,
    "pages": [{"id": "p1", "path": "/first", "title": "First", "isReadonly": True}],
    "comments": [
        {
            "id": "c1",
            "parentId": None,
            "pageId": "p1",
            "markdown": "One",
            "score": 2,
            "isApproved": True,
            "isSticky": True,
            "userCreated": "u1",
            "createdTime": DAY,
            "editedTime": "0001-01-01T00:00:00Z",
        },
        {
            "id": "c2",
            "parentId": "c1",
            "pageId": "p1",
            "markdown": "Two",
            "score": 0,
            "isPending": True,
            "authorName": "Bob",
            "createdTime": DAY,
        },
        {
            "id": "c3",
            "parentId": "c2",
            "pageId": "p1",
            "markdown": "x",
            "isDeleted": True,
            "userCreated": "u1",
            "createdTime": DAY,
        },
        {"id": "c4", "pageId": "elsewhere", "markdown": "x", "createdTime": DAY, "isApproved": True},
        {
            "id": "c5",
            "pageId": "p1",
            "markdown": "Rejected",
            "createdTime": DAY,
            "isApproved": False,
            "isPending": False,
        },
    ],
    "commenters": [{"id": "u1", "email": "ada@mail.example", "name": "Ada"}],
}
WALINE = {
    "type": "waline",
    "version": 1,
    "tables": ["Comment", "Users"],
    "data": {
        "Comment": [
            {
                "objectId": 1,
                "user_id": 7,
                "comment": "One",
                "insertedAt": {"__type": "Date", "iso": DAY},
                "nick": "old",
                "url": "/first",
                "status": "approved",
                "like": 2,
                "sticky": 1,
            },
            {
                "objectId": 2,
                "comment": "Two",
                "insertedAt": DAY,
                "nick": "Bob",
                "mail": "bob@mail.example",
                "url": "/first",
                "pid": 1,
                "rid": 1,
                "status": "waiting",
            },
            {"objectId": 3, "comment": "buy", "insertedAt": DAY, "nick": "x", "url": "/first", "status": "spam"},
        ],
        "Users": [{"objectId": 7, "display_name": "Ada", "password": "$2a$..."}],
    },
}
ARTALK = [
    {
        "id": "1",
        "rid": "",
        "content": "<p>One</p>",
        "is_pending": "false",
        "is_pinned": True,
        "vote_up": "4",
        "created_at": "2021-10-26 21:00:41 +08:00",
        "nick": "Ada",
        "email": "ada@mail.example",
        "page_key": "https://blog.example/first/",
        "page_title": "First",
    },
    {
        "id": "2",
        "rid": "1",
        "content": "Two *here*",
        "is_pending": "true",
        "created_at": DAY,
        "nick": "Bob",
        "email": "",
        "page_key": "https://blog.example/first/",
    },
]
VALINE = [
    {
        "objectId": "1",
        "comment": "<p>One</p>",
        "insertedAt": DAY,
        "nick": "Ada",
        "mail": "",
        "url": "/first",
        "status": "approved",
    },
    {
        "objectId": "2",
        "pid": "1",
        "rid": "1",
        "comment": "<p>Two</p>",
        "insertedAt": DAY,
        "nick": "Bob",
        "url": "/first",
        "status": "waiting",
    },
]
TWIKOO = [
    {
        "_id": "1",
        "comment": "<p>One</p>",
        "created": 1635253241284,
        "nick": "Ada",
        "mail": "a@b.example",
        "url": "/first",
        "isSpam": False,
        "ups": ["x", "y"],
        "top": True,
    },
    {
        "_id": "2",
        "rid": "1",
        "comment": "<p>Two</p>",
        "created": 1635253241284,
        "nick": "Bob",
        "url": "/first",
        "isSpam": True,
    },
]
DISCOURSE = {
    "id": 12,
    "slug": "hello",
    "title": "Hello",
    "closed": True,
    "post_stream": {
        "stream": [1, 2, 3, 4],
        "posts": [
            {
                "post_number": 1,
                "username": "ada",
                "name": "Ada",
                "raw": "One",
                "cooked": "<p>One</p>",
                "created_at": DAY,
                "post_type": 1,
                "actions_summary": [{"id": 2, "count": 3}],
            },
            {
                "post_number": 2,
                "username": "bob",
                "cooked": "<p>Two</p>",
                "created_at": DAY,
                "post_type": 1,
                "reply_to_post_number": 1,
            },
            {
                "post_number": 3,
                "username": "system",
                "raw": "closed",
                "created_at": DAY,
                "post_type": 3,
                "action_code": "closed.enabled",
            },
        ],
    },
}
ANSWERED = {"id": "D2", "author": None, "body": "Two", "createdAt": DAY}
REACTED = [{"content": "THUMBS_UP", "users": {"totalCount": 2}}, {"content": "ROCKET", "users": {"totalCount": 1}}]
ASKED = {
    "id": "D1",
    "author": {"login": "ada"},
    "body": "One",
    "createdAt": DAY,
    "reactionGroups": REACTED,
    "replies": {"nodes": [ANSWERED]},
}
BODY = "# first\n\nA https://other.example/ blog\n\n[https://blog.example/first.html](https://blog.example/first.html)"
DISCUSSED = {"number": 4, "title": "first", "body": BODY, "closed": False, "comments": {"nodes": [ASKED]}}
GITHUB = {"data": {"repository": {"discussions": {"nodes": [DISCUSSED]}}}}
ENTRY = """_id: 6d0e5a40-1
name: Ada
email: 0bc83cb571cd1c50ba6f3e8a78ef1346
url: 'https://ada.example'
message: "One\\nmore"
date: 1635253241
"""


def lines(*objects: Any) -> bytes:
    return b"\n".join(json.dumps(one).encode() for one in objects)


def zipped(**files: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/") + ".yml", text)
    return packed.getvalue()


STATICMAN = zipped(
    comments__first__entry1=ENTRY,
    comments__first__entry2=f"_id: b\nname: Bob\nreplying_to: 6d0e5a40-1\nmessage: Two\ndate: {DAY}\n",
    readme="hello: 1",
)


PAGE = "_parent: https://blog.example/first\n"  # as Staticman's own documentation has it
NUMBERED = zipped(
    comments__first__1=ENTRY + PAGE,
    comments__first__2=f"{PAGE}name: Bob\nreplying_to: '1'\nmessage: Two\ndate: {DAY}\n",
)


def cusdis(path: Path) -> bytes:
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript(TABLES_OF_CUSDIS.replace("DAY", DAY).replace("WIDE", "wide " * 5_000))
    return path.read_bytes()


TABLES_OF_CUSDIS = """CREATE TABLE accounts (id TEXT /* WIDE */);
            CREATE TABLE pages (id TEXT, slug TEXT, url TEXT, title TEXT);
            CREATE TABLE comments (id TEXT, pageId TEXT, parentId TEXT, by_nickname TEXT, by_email TEXT, content TEXT,
                approved BOOLEAN, deletedAt DATETIME, created_at DATETIME);
            INSERT INTO pages VALUES ('p', '1', 'https://blog.example/first', 'First');
            INSERT INTO comments VALUES ('1', 'p', NULL, 'Ada', 'a@b.example', 'One', 1, NULL, 'DAY');
            INSERT INTO comments VALUES ('2', 'p', '1', 'Bob', NULL, 'Two', 0, NULL, 'DAY');"""


# By reader: an export, the address of its page, and how many comments are left out.
EXPORTS: dict[str, tuple[bytes, str, int]] = {
    "remark42": (lines(*REMARK), "https://blog.example/first/", 0),
    "commento": (json.dumps(COMMENTO, indent=1).encode(), "https://blog.example/first", 0),
    "comentario": (json.dumps(COMENTARIO).encode(), "/first", 2),
    "waline": (json.dumps(WALINE).encode(), "/first", 1),
    "artalk": (json.dumps(ARTALK).encode(), "https://blog.example/first/", 0),
    "valine": (json.dumps(VALINE).encode(), "/first", 0),
    "valine (Twikoo)": (lines(*TWIKOO), "/first", 1),
    "valine (MongoDB)": (lines(*({**one, "_id": {"$oid": one["_id"]}} for one in TWIKOO)), "/first", 1),
    "valine (Twikoo's API)": (json.dumps({"code": 0, "data": TWIKOO}).encode(), "/first", 1),
    "valine (LeanCloud)": (b'#filetype:JSON-streaming {"type":"Class"}\n' + lines(*VALINE), "/first", 0),
    "discourse": (json.dumps(DISCOURSE).encode(), "/t/hello/12", 2),
    "github": (json.dumps(GITHUB).encode(), "https://blog.example/first.html", 0),
    "github (slurped)": (json.dumps([GITHUB]).encode(), "https://blog.example/first.html", 0),
    "staticman": (STATICMAN, "/first/", 1),
    "staticman (numbers)": (NUMBERED, "https://blog.example/first", 0),
    "cusdis": (b"", "https://blog.example/first", 0),
}


def opened(folder: Path, data: bytes, name: str = "export") -> Opened:
    (folder / name).write_bytes(data)
    return Opened(folder / name, 10_000_000)


@in_turn("name", EXPORTS)
def test_what_an_export_says_comes(tmp_path: Path, name: str) -> None:
    data, address, left_out = EXPORTS[name]
    source = name.split()[0]
    file = opened(tmp_path, data if source != "cusdis" else cusdis(tmp_path / "cusdis.db"))
    reader = importing._reader(file, None)
    assert source == reader.NAME
    report = Report()
    parts = [*reader.read(file, report)]
    comments = {part.id: part for part in parts if isinstance(part, Comment)}
    people = {part.key: part for part in parts if isinstance(part, Person)}
    assert [part.key for part in parts if isinstance(part, Thread)] == [address]
    assert len(report) == left_out
    first, *others = comments.values()
    assert (first.text.replace("\n", " "), first.thread) in (
        (text, address) for text in ("One", "<p>One</p>", "One more")
    )
    assert people[first.person or ""].name.lower() == "ada"
    assert first.created.replace(microsecond=0) == AT.replace(microsecond=0)
    assert first.parent is None
    for answer in others[:1]:
        assert answer.parent == first.id
        assert (answer.form, answer.text) in (("html", "<p>Two</p>"), ("markdown", "Two"), ("markdown", "Two *here*"))
    assert all(found.person in people for found in comments.values() if found.person)
    for found in others[1:]:
        assert found.state == "removed"


@in_turn("name", EXPORTS)
def test_what_is_damaged_is_said(tmp_path: Path, name: str) -> None:
    """Cut off anywhere, or with other things in it: Unreadable, or a report; never another error."""
    data, _, _ = EXPORTS[name]
    source = name.split()[0]
    reader = importing.known()[source]
    whole = data or cusdis(tmp_path / "cusdis.db")
    damaged = [whole[: len(whole) * part // 7] for part in range(1, 7)]
    damaged += [
        whole.replace(b'"', b"'", 40),
        whole.replace(b"2021", b"9999999"),
        whole.replace(b"One", b"\xff\xfe\x00"),
    ]
    damaged += [b"[" * 5_000, b"{}", b"[]", b"[1]", b'{"data": 1}', b"null", b"\x00" * 100, b"- &a [*a, *a]"]
    said: list[str] = []
    for number, one in enumerate(damaged):
        report = Report()
        try:
            found = [*reader.read(opened(tmp_path, one, f"damaged{number}.yml"), report)]
        except Unreadable as why:
            found = []
            said.append(str(why))
        assert all(isinstance(part, Comment | Person | Thread) for part in found)
    assert all(said)


@pytest.mark.parametrize(
    ("said", "means"),
    [
        (DAY, AT),
        ("2021-10-26 21:00:41.284+08:00", AT),
        ("2021-10-26 21:00:41.284 +0800 CST", AT),
        ({"$date": {"$numberLong": "1635253241284"}}, AT),
        (AT.timestamp(), AT),
        (1635253241284, AT),
        ({"__type": "Date", "iso": DAY}, AT),
        ("0001-01-01T00:00:00Z", None),
        ("9" * 19, None),
        ("soon", None),
        (None, None),
        (True, None),
    ],
)
def test_times(said: Any, means: datetime | None) -> None:
    found = moment(said)
    assert found is means or (found is not None and means is not None and abs((found - means).total_seconds()) < 0.001)


def test_entries_are_named_where_they_are_wrong(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="Entry 2 is no JSON object"):
        [*entries(opened(tmp_path, b'[{}, "x"]'))]
    with pytest.raises(Unreadable, match="Line 2"):
        [*entries(opened(tmp_path, b'{"a": 1}\n[1]'))]


def test_ids_that_are_but_digests_of_names_make_nobody_one(tmp_path: Path) -> None:
    """Remark42's own imports made such ids: a claim of one comment would be one of all namesakes'."""
    imported = {"name": "Ada", "id": "wordpress_" + hashlib.sha1(b"Ada", usedforsecurity=False).hexdigest()}
    both = lines(REMARK[0], *({**REMARK[1], "id": id_, "user": imported} for id_ in "ab"))
    parts = [*importing.known()["remark42"].read(opened(tmp_path, both), Report())]
    assert {part.key for part in parts if isinstance(part, Person)} == {"comment a", "comment b"}
    assert [part.closed for part in parts if isinstance(part, Thread)] == [True]


def test_a_long_topic_is_of_several_files(tmp_path: Path) -> None:
    embedding = '<hr>\n<small>The original is at <a href="https://blog.example/x">it</a></small>'
    first, second, notice = DISCOURSE["post_stream"]["posts"]
    begun = {**DISCOURSE, "post_stream": {"stream": [1, 2, 3], "posts": [{**first, "raw": embedding}]}}
    more = {"id": 12, "post_stream": {"posts": [second, notice]}}
    report = Report()
    parts = [*importing.known()["discourse"].read(opened(tmp_path, lines(more, begun)), report)]
    assert [(part.key, part.title) for part in parts if isinstance(part, Thread)] == [
        ("https://blog.example/x", "Hello")
    ]
    assert [(part.id, part.thread) for part in parts if isinstance(part, Comment)] == [
        ("12.2", "https://blog.example/x")
    ]
    assert report.lines == [
        "Left out: post 12.3: is a notice, and no post",
        "Left out: post 12.1: is what the page itself says",
    ]


def test_a_zip_file_of_one_is_that(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._x", "")
        archive.writestr("export/artalk.json", json.dumps(ARTALK))
    file = opened(tmp_path, packed.getvalue())
    assert importing._reader(file, None).NAME == "artalk"
    assert len([*importing.known()["artalk"].read(file, Report())]) == 5
    damaged = packed.getvalue().replace(b"artalk.json", b"artalk.jsox", 1)
    with pytest.raises(Unreadable, match="cannot be unpacked"):
        opened(tmp_path, damaged, "damaged.zip")


def test_html_among_markdown_is_html() -> None:
    assert written("a\n<b>b</b>") == {"text": "<p>a<br><b>b</b></p>", "form": "html"}
    assert written("<p>a`</p>")["form"] == "html"
    assert written("`</b>` and *b*")["form"] == written("1 < 2")["form"] == "markdown"
