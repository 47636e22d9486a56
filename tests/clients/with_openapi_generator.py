"""What a client does with openapi-generator's Python classes: python with_openapi_generator.py URL."""

import sys
from collections.abc import Callable

from openapi_client import ApiClient, ChannelsApi, Configuration, PostsApi, SessionApi, UsersApi
from openapi_client.exceptions import ApiException
from openapi_client.models.credentials import Credentials
from openapi_client.models.new_channel import NewChannel
from openapi_client.models.new_post import NewPost
from openapi_client.models.new_user import NewUser
from openapi_client.models.post_edit import PostEdit
from openapi_client.models.user_author import UserAuthor


def go(url: str) -> None:
    """Signs up, posts, reads page by page, edits and deletes."""
    anyone = ApiClient(Configuration(host=url))
    UsersApi(anyone).users_create(NewUser(uid="ogpy", name="Ada", password="correct horse battery"))
    session = SessionApi(anyone).session_create(Credentials(uid="ogpy", password="correct horse battery"))
    client = ApiClient(Configuration(host=url, access_token=session.token))
    posts = PostsApi(client)

    channel = ChannelsApi(client).channels_create("home", NewChannel(key="ogpy", title="By a client"))
    first = posts.posts_create(channel.id, NewPost(body="First"))
    second = posts.posts_create(channel.id, NewPost(body="Second"), idempotency_key="second")
    assert isinstance(first.author.actual_instance, UserAuthor)
    assert first.author.actual_instance.uid == "ogpy"
    assert second.created >= first.created

    page = PostsApi(anyone).posts_index(channel.id, limit=1)
    older = PostsApi(anyone).posts_index(channel.id, limit=1, before=page.next)
    assert [post.id for post in (*page.posts, *older.posts)] == [second.id, first.id]

    etag = (posts.posts_show_with_http_info(first.id).headers or {})["etag"]
    assert posts.posts_edit(first.id, PostEdit(body="Edited"), if_match=etag).body == "Edited"
    assert refused(lambda: posts.posts_edit(first.id, PostEdit(body="Late"), if_match=etag)) == 412

    posts.posts_delete(first.id)
    assert refused(lambda: posts.posts_show(first.id)) == 404


def refused(request: Callable[[], object]) -> int:
    """The status that a request is refused with; 0 where it is not."""
    try:
        request()
    except ApiException as error:
        return int(error.status or 0)
    return 0


go(sys.argv[1])
print("All went well.")
