"""What a client does with openapi-python-client's functions: python with_openapi_python_client.py URL."""

import sys

from generated import AuthenticatedClient, Client
from generated.api.channels import channels_create
from generated.api.posts import posts_create, posts_delete, posts_edit, posts_index, posts_show
from generated.api.session import session_create
from generated.api.users import users_create
from generated.models.channel_view import ChannelView
from generated.models.credentials import Credentials
from generated.models.new_channel import NewChannel
from generated.models.new_post import NewPost
from generated.models.new_user import NewUser
from generated.models.post_edit import PostEdit
from generated.models.post_view import PostView
from generated.models.posts_view import PostsView
from generated.models.session_view import SessionView
from generated.models.user_author import UserAuthor


def go(url: str) -> None:
    """Signs up, posts, reads page by page, edits and deletes."""
    anyone = Client(base_url=url)
    users_create.sync(client=anyone, body=NewUser(uid="opc", name="Ada", password="correct horse battery"))
    session = session_create.sync(client=anyone, body=Credentials(uid="opc", password="correct horse battery"))
    assert isinstance(session, SessionView)
    client = AuthenticatedClient(base_url=url, token=session.token)

    channel = channels_create.sync("home", client=client, body=NewChannel(key="opc", title="By a client"))
    assert isinstance(channel, ChannelView)
    first = posts_create.sync(channel.id, client=client, body=NewPost(body="First"))
    second = posts_create.sync(channel.id, client=client, body=NewPost(body="Second"), idempotency_key="second")
    assert isinstance(first, PostView)
    assert isinstance(second, PostView)
    assert isinstance(first.author, UserAuthor)
    assert first.author.uid == "opc"
    assert second.created >= first.created

    page = posts_index.sync(channel.id, client=anyone, limit=1)
    assert isinstance(page, PostsView)
    assert page.next_
    older = posts_index.sync(channel.id, client=anyone, limit=1, before=page.next_)
    assert isinstance(older, PostsView)
    assert [post.id for post in (*page.posts, *older.posts)] == [second.id, first.id]

    etag = posts_show.sync_detailed(first.id, client=anyone).headers["ETag"]
    edited = posts_edit.sync_detailed(first.id, client=client, body=PostEdit(body="Edited"), if_match=etag)
    assert isinstance(edited.parsed, PostView)
    assert edited.parsed.body == "Edited"
    late = posts_edit.sync_detailed(first.id, client=client, body=PostEdit(body="Late"), if_match=etag)
    assert late.status_code == 412

    assert posts_delete.sync_detailed(first.id, client=client).status_code == 204
    gone = posts_show.sync_detailed(first.id, client=anyone)
    assert gone.status_code == 404, gone


go(sys.argv[1])
print("All went well.")
