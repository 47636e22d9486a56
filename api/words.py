"""What the names in requests and answers mean: in refusals for people, in the OpenAPI document for programmers.

Each name is explained once: `"uid"`. A field that needs words of its own is `"Struct.field"`, which counts first, or
brings them by `Meta(description=…, examples=[…])`.
"""

from pottle.http.openapi import Term, Words


def _time(description: str) -> Term:
    return Term(f"{description} RFC 3339, in UTC.", "2026-11-26T08:30:00.000000Z", "date-time")


ABOUT = {
    "title": "Pottle",
    "version": "1",
    "description": "Accounts, groups, what is written in them, and live updates. "
    "The websocket at `/api/live` is described in docs/live.md.",
    "license": {"name": "MIT", "identifier": "MIT"},
    "contact": {"name": "Whoever runs this server"},
}
# What forms call their fields; other fields are called by their names.
CALLED = {
    "uid": "The user name",
    "name": "The name",
    "guest": "The name",
    "email": "The e-mail address",
    "password": "The password",
    "current_password": "The password that you have now",
    "slug": "The short name",
    "origin": "The site",
    "origins": "The list of sites",
    "title": "The title",
    "key": "The key",
    "url": "The address",
    "body": "The text",
    "comment": "The text",
    "code": "The code",
    "invitation": "The code",
    "csv": "The class list",
    "names": "The class list",
    "image": "The picture",
    "pfp": "The picture",
    "uses": "The number of uses",
    "days": "The number of days",
    "q": "What you look for",
}
# Structs that have either these fields or those.
EITHER = {"Author": {"UserAuthor": ("uid", "name", "avatar", "badge"), "GuestAuthor": ("guest",)}}
TERMS = {
    "accounts": Term("The account of each name, in the roster's order."),
    "action": Term("What was done; docs/administration.md lists all actions.", "member.put"),
    "actor": Term("User name of who did it; empty for a command of the operator.", "ada"),
    "after": Term(
        "Only what is newer than this cursor: the `prev` of another answer. Not together with `before`.", "YzE3"
    ),
    "at": _time("When it was done."),
    "avatar": Term(
        "Path of the picture, which changes with the picture; null without one.", "/api/users/ada/avatar?v=3"
    ),
    "badge": Term("That the author looks after the group, as moderator or admin; absent otherwise.", "moderator"),
    "before": Term(
        "Only what is older than this cursor: the `next` of another answer. Not together with `after`.", "YzE3"
    ),
    "body": Term("The text, in Markdown.", "Does *anybody* have the slides?"),
    "by": Term("User name of who made it; null when that account is gone.", "ada"),
    "ChannelView.by": Term("User name of who began it; null for a guest. Only with `state=pending`.", "ada"),
    "channel": Term("Id of the channel.", 7),
    "OwnPostsQuery.channel": Term("Only the posts of this channel.", 7),
    "channel_id": Term("Id of the channel.", 7),
    "channels": Term("The channels of this page of the list."),
    "code": Term("The code. Case, hyphens and blanks do not count.", "K7QM-9XWT-2HPD"),
    "counts": Term("Number of published posts by key, as in the request.", {"/2026/hello/": 12}),
    "created": _time("When it was made."),
    "csv": Term(
        "The roster as CSV text: a name in each row, and maybe a user name. Either this or `names`.", "Ada Lovelace,ada"
    ),
    "current_password": Term("The present password.", "correct horse battery staple"),
    "current": Term("Whether it is this session.", True),
    "days": Term("For how many days the code is good.", 7),
    "detail": Term("What happened, in a sentence for people.", "Only a moderator may do that."),
    "EntryView.detail": Term("More about it, such as the new role.", "moderator"),
    "device": Term("What kind of browser signed in; empty if that is not known.", "Firefox on Windows"),
    "disabled": Term("Whether the account is disabled: then nobody can sign in to it.", True),
    "AccountView.disabled": _time("Since when the account is disabled; null while it is not."),
    "edited": _time("When the text was last changed; null if never."),
    "email": Term("Mail address; null without one.", "ada@school.example"),
    "entries": Term("The entries of this page of the list."),
    "epoch": Term("Which history of the database `seq` counts in. After a restore it is another.", "f3b0c44298fc1c14"),
    "errors": Term("The fields that are invalid."),
    "expires": _time("When it expires."),
    "field": Term("Name of the field; empty for the request as a whole.", "body"),
    "group": Term("Short name of the group.", "blog"),
    "MeaningView.group": Term("The group that one joins by the code; null where it sets a password."),
    "groups": Term("The groups of this page of the list."),
    "guest": Term("The name that somebody without an account writes under.", "Grace"),
    "html": Term("The text as sanitised HTML.", "<p>Does <em>anybody</em> have the slides?</p>"),
    "id": Term("Its id.", 17),
    "invitation": Term("Code of an invitation: one joins its group at once.", "K7QM-9XWT-2HPD"),
    "invitation_id": Term("Id of the invitation.", 4),
    "invitations": Term("The invitations that are still good."),
    "key": Term(
        "What the channel is found by in its group: a room's name, or the path of a page, whichever way it is written.",
        "/2026/hello",
    ),
    "CountsQuery.key": Term("Key of a channel. May be given many times.", ["/2026/hello/"]),
    "kind": Term("Which reaction. `up` and `down` exclude each other.", "heart"),
    "MeaningView.kind": Term("What the code does: lets one join a group, or set a password.", "group"),
    "limit": Term("The most items to return; fewer if they are large.", 20),
    "locked": Term("Whether only moderators may post there.", False),
    "members": Term("The members of this page of the list."),
    "message": Term("What is wrong with it.", "The text must have at most 10000 characters."),
    "name": Term("The name that others see.", "Ada Lovelace"),
    "names": Term("The names of those who get accounts. Either this or `csv`.", ["Ada Lovelace", "Alan Turing"]),
    "next": Term("Cursor of the next, older page, for `before`; null on the last one.", "YzE3"),
    "origins": Term(
        "Origins of the pages that may show what is in the group, and where guests may write from.",
        ["https://blog.example"],
    ),
    "origin": Term("For pages of which origin alone it is good; null for any.", "https://blog.example"),
    "NewSiteSession.origin": Term("Origin of the page, one of the group's.", "https://blog.example"),
    "parent": Term("Id of the post that it replies to; null if it replies to none.", 12),
    "password": Term("The password.", "correct horse battery staple"),
    "post": Term("Id of the post.", 17),
    "post_id": Term("Id of the post.", 17),
    "posting": Term("Who may write: guests without an account too, every user, or members only.", "users"),
    "posts": Term("The posts of this page of the list."),
    "ChannelView.posts": Term("Number of published posts.", 12),
    "prev": Term("Cursor of the previous, newer page, for `after`; null on the first one.", "YzE3"),
    "q": Term("Part of a user name, a name or a mail address.", "ada"),
    "reactions": Term("How many reactions of each kind.", {"up": 3, "heart": 1}),
    "OwnReactions.reactions": Term("One's own reactions."),
    "reading": Term("Who may read: everybody, or members only.", "public"),
    "replies": Term("Number of published replies.", 2),
    "review": Term("Whose texts a moderator has to approve before others see them.", "none"),
    "role": Term("What somebody is: `member` or `moderator` in a group.", "member"),
    "Account.role": Term("`user` or `admin`.", "user"),
    "AccountChange.role": Term("`user` or `admin`.", "user"),
    "AccountView.role": Term("`user` or `admin`.", "user"),
    "secret": Term("The secret itself, only in the answer that made it.", "sso_9QxwX0rP"),
    "secret_id": Term("Id of the secret.", 2),
    "secrets": Term("The secrets of single sign-on."),
    "seq": Term("Position in that history: subscribe `after` it to miss nothing.", 138),
    "site": Term("Short name of the group in which alone it is good; null for all.", "blog"),
    "session_id": Term("Id of the session.", 5),
    "sessions": Term("One's sessions that have not ended."),
    "slug": Term("Short name of the group, as it stands in addresses.", "blog"),
    "state": Term("`pending` while it waits for a moderator, `published`, or `removed`.", "published"),
    "ChannelView.state": Term("`pending` while its title, url and key wait for a moderator.", "published"),
    "ChannelEdit.state": Term("`published` approves a channel that waits.", "published"),
    "ChannelQuery.state": Term("`pending` lists, for moderators, the channels that wait for them.", "pending"),
    "EditView.state": Term("`pending` while it waits for a moderator, `removed` after one declined it.", "pending"),
    "EditDecision.state": Term("`published` approves the edit, `removed` declines it.", "published"),
    "EditView.created": _time("When it was sent."),
    "EditView.version": Term("Another for each text; `If-Match` compares it.", 17),
    "PostEdit.state": Term("`published` approves or restores the post, `removed` removes it.", "removed"),
    "PostQuery.state": Term("`pending` lists, for moderators, what waits for them.", "pending"),
    "ModerationQuery.state": Term("Which list: what waits, or what was removed.", "pending"),
    "status": Term("The HTTP status.", 404),
    "Health.status": Term("Always `ok`; trouble is a problem instead.", "ok"),
    "Alive.status": Term("Always `ok`.", "ok"),
    "Alive.version": Term("Which version of the code runs.", "1.0.0"),
    "subject": Term("What it was done to: a user name, a group, or such as `invitation 7`.", "ada"),
    "title": Term("Title of the channel.", "Hello, world"),
    "Problem.title": Term("The kind of problem, in a few words.", "Not Found"),
    "token": Term("The secret, for `Authorization: Bearer …`.", "tok_4f1c9a7e"),
    "SsoToken.token": Term("The token that the site's server has signed.", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"),
    "TokenView.token": Term("The secret, only in the answer that made it.", "tok_4f1c9a7e"),
    "token_id": Term("Id of the token.", 3),
    "tokens": Term("One's named tokens."),
    "type": Term("The kind of problem. It stays the same for as long as the API does.", "urn:pottle:not-found"),
    "uid": Term("User name: what one signs in with. Its case does not count.", "ada"),
    "FeedAddress.atom": Term("The address of the feed as Atom.", "https://pottle.example/feeds/Zm9v/feed.atom"),
    "FeedAddress.json": Term("The address of the feed as JSON Feed.", "https://pottle.example/feeds/Zm9v/feed.json"),
    "url": Term(
        "Address of the page that the channel is about; null if there is none.", "https://blog.example/2026/hello/"
    ),
    "AccountCode.url": Term("Address where the code is used.", "https://pottle.example/join?code=K7QM-9XWT-2HPD"),
    "MadeView.url": Term("Address where the code is used.", "https://pottle.example/join?code=K7QM-9XWT-2HPD"),
    "used": Term("The day it was last used; null if that is not known.", "2026-11-26", "date"),
    "user": Term("The account."),
    "users": Term("The accounts of this page of the list."),
    "uses": Term("How many people may still use it; null for any number.", 35),
    "version": Term("Counts up with each change; `If-Match` compares it.", 1),
}

WORDS = Words(ABOUT, CALLED, TERMS, EITHER, sometimes=("badge",))
