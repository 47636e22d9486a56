"""/posts/{id}: the page that a link to a post leads to."""

import re
from pathlib import Path

import pytest

from model.settings import Settings
from tests.api.conftest import posted, refused
from tests.api.test_pages import HTML, Text
from tests.cases import in_turn
from tests.conftest import PASSWORD, Person, World


@pytest.fixture
def settings(instance: Path) -> Settings:
    return Settings(instance=instance, rate_limits=False)


FILLERS = 30  # so that what came before is on no newest page


def shown(page: str) -> list[int]:
    """The posts on a page, in its order."""
    return [int(id_) for id_ in re.findall(r'<article class="post[^>]* id="p(\d+)"', page)]


async def test_it_works(alice: Person, bob: Person, anyone: Person) -> None:
    """The post stands in its conversation, though that is older than what the channel's page shows."""
    root = (await posted(alice, "The question"))["id"]
    await posted(bob, "Quite another thing")
    answer = (await posted(bob, "An answer", parent=root))["id"]
    deeper = (await posted(alice, "An answer to it", parent=answer))["id"]
    for number in range(FILLERS):
        await posted(bob, f"number {number}.")
    late = (await posted(bob, "A late answer", parent=root))["id"]
    assert root not in shown((await anyone.get("/channels/1", headers=HTML)).text)
    for id_ in (root, answer, deeper, late):
        page = await anyone.get(f"/posts/{id_}", headers=HTML)
        assert page.status_code == 200
        assert shown(page.text) == [root, answer, deeper, late]
        assert re.findall(r'<article class="post named"[^>]* id="p(\d+)"', page.text) == [str(id_)]
        assert "Quite another thing" not in page.text
        assert f"/channels/1?at={id_}#p{id_}" in Text(page.text).links


async def test_every_post_of_a_page_has_its_link(alice: Person, bob: Person, anyone: Person) -> None:
    first = await posted(alice)
    for _ in range(FILLERS):
        await posted(bob)
    late = (await posted(bob, parent=first["id"]))["id"]
    page = Text((await anyone.get(f"/channels/1?at={late}", headers=HTML)).text)
    assert {f"/posts/{late}", f"/posts/{first['id']}"} <= {*page.links}  # its own, and that of what it answers


async def test_a_page_has_what_stands_around_a_post(alice: Person, bob: Person, anyone: Person) -> None:
    """Two conversations above it, then its own, marked, and those below; and both ways on from there, in each order."""
    roots = [(await posted(bob, f"number {number}."))["id"] for number in range(FILLERS + 10)]
    answer = (await posted(alice, "An answer", parent=roots[15]))["id"]
    for order, others in (("newest", roots[17:12:-1]), ("oldest", roots[13:18])):
        path = "/channels/1/thread?limit=5&order=" + order
        page = (await anyone.get(f"{path}&at={answer}", headers=HTML)).text
        assert shown(page) == [id_ for root in others for id_ in ([root, answer] if root == roots[15] else [root])]
        assert re.findall(r'<article class="post named"[^>]* id="p(\d+)"', page) == [str(answer)]
        (above,), (below,) = (re.findall(f'data-{edge}="(\\w+)"', page) for edge in ("prev", "next"))
        before = shown((await anyone.get(f"{path}&after={above}", headers=HTML)).text)
        after = shown((await anyone.get(f"{path}&before={below}", headers=HTML)).text)
        whole = sorted(roots, reverse=order == "newest")
        at = whole.index(others[0])
        assert [*before, *others, *after] == whole[max(0, at - 5) : at + 10]


async def test_where_somebody_has_just_posted_comes_first(alice: Person, bob: Person, anyone: Person) -> None:
    """In each page of that order, to the end, each conversation once."""
    roots = [(await posted(bob, f"number {number}."))["id"] for number in range(6)]
    replies = {root: (await posted(alice, parent=root))["id"] for root in (roots[3], roots[0], roots[3])}
    seen, path = [], "/channels/1/thread?order=active&limit=2"
    before = ""
    for _ in range(3):
        page = (await anyone.get(path + before, headers=HTML)).text
        seen += [id_ for id_ in shown(page) if id_ in roots]
        before = "".join(f"&before={cursor}" for cursor in re.findall(r'data-next="(\w+)"', page))
    assert seen == [roots[3], roots[0], *(root for root in reversed(roots) if root not in replies)]
    assert before == ""


async def test_what_is_not_there_for_you_is_said_to_be_so(
    alice: Person, bob: Person, charlie: Person, anyone: Person, world: World
) -> None:
    """Missing, deleted, of a group one does not belong to: all alike."""
    secret = (await posted(bob, "Only for the class", world.class_channel))["id"]
    deleted = (await posted(alice, "Deleted"))["id"]
    await alice.delete(f"/api/posts/{deleted}")
    for person in (anyone, charlie):
        pages = [await person.get(f"/posts/{id_}", headers=HTML) for id_ in (secret, deleted, 999_999)]
        assert [page.status_code for page in pages] == [404, 404, 404]
        assert pages[0].text == pages[1].text == pages[2].text
        assert "it was deleted, or it is" in str(Text(pages[0].text))
    refused(await anyone.get("/posts/999999"), 404)
    assert "Only for the class" in (await bob.get(f"/posts/{secret}", headers=HTML)).text
    await anyone.post("/api/session", {"uid": "bob", "password": PASSWORD})
    page = await anyone.get(f"/posts/{secret}", headers=HTML)
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"


async def test_a_removed_post_leaves_its_conversation(alice: Person, bob: Person, anyone: Person) -> None:
    root = (await posted(alice, "Soon gone"))["id"]
    answer = (await posted(bob, "An answer", parent=root))["id"]
    await alice.delete(f"/api/posts/{root}")
    for id_ in (root, answer):
        page = (await anyone.get(f"/posts/{id_}", headers=HTML)).text
        assert shown(page) == [root, answer]
        assert "This post was removed." in page
        assert "Soon gone" not in page


async def test_what_waits_is_for_its_author_and_moderators(
    alice: Person, bob: Person, anyone: Person, root: Person
) -> None:
    group = {"slug": "slow", "name": "Slow", "posting": "users", "review": "all"}
    assert (await root.post("/api/groups", group)).status_code == 201
    channel = (await root.post("/api/groups/slow/channels", {"key": "x"})).json()["id"]
    waiting = (await posted(bob, "Is this right?", channel))["id"]
    for person, status in ((bob, 200), (root, 200), (alice, 404), (anyone, 404)):
        assert (await person.get(f"/posts/{waiting}", headers=HTML)).status_code == status
    above = (await posted(root, "Published", channel))["id"]
    hidden = (await posted(bob, "Not yet for all", channel, parent=above))["id"]
    assert shown((await anyone.get(f"/posts/{above}", headers=HTML)).text) == [above]
    assert shown((await bob.get(f"/posts/{hidden}", headers=HTML)).text) == [above, hidden]


async def test_a_long_conversation_is_bounded_around_its_post(alice: Person, bob: Person, anyone: Person) -> None:
    """150 answers to one post, and a chain of 60: the post, what it answers and what answers it are there."""
    root = (await posted(alice))["id"]
    answers = [(await posted(alice if number % 2 else bob, parent=root))["id"] for number in range(150)]
    late = (await posted(bob, parent=answers[-1]))["id"]
    page = shown((await anyone.get(f"/posts/{answers[-1]}", headers=HTML)).text)
    assert {root, answers[-1], late} <= {*page}
    assert len(page) == 100

    chain = [late]
    for number in range(60):
        chain.append((await posted(alice if number % 2 else bob, parent=chain[-1]))["id"])
    for id_ in (chain[0], chain[30], chain[-1]):
        page = shown((await anyone.get(f"/posts/{id_}", headers=HTML)).text)
        near = chain[max(0, chain.index(id_) - 20) : chain.index(id_) + 20]
        assert {*near} <= {*page}
        assert len(page) <= 100


async def test_a_large_conversation_ends_early(alice: Person, bob: Person, anyone: Person) -> None:
    """As every page does: with about 128 KiB of texts."""
    root = (await posted(alice))["id"]
    for number in range(60):
        await posted(alice if number % 2 else bob, f"{number} " + "long " * 1900, parent=root)
    page = await anyone.get(f"/posts/{root}", headers=HTML)
    assert 4 < len(shown(page.text)) < 15
    assert len(page.content) < 256 * 1024


@in_turn("change", ["an answer", "an edit", "a removal", "another name"])
async def test_a_kept_page_is_never_stale(alice: Person, bob: Person, anyone: Person, change: str) -> None:
    root = (await posted(alice, "The question"))["id"]
    answer = (await posted(bob, "An answer", parent=root))["id"]
    before = (await anyone.get(f"/posts/{root}", headers=HTML)).text
    if change == "an answer":
        await posted(alice, "Another", parent=answer)
    elif change == "an edit":
        await bob.patch(f"/api/posts/{answer}", {"body": "A better one"})
    elif change == "a removal":
        await bob.delete(f"/api/posts/{answer}")
    else:
        await bob.patch("/api/me", {"name": "Robert"})
    assert (await anyone.get(f"/posts/{root}", headers=HTML)).text != before
