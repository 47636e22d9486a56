"""The rules of a group for what is held back, as its moderators chose them; without a row they are the usual ones."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType
from sqlalchemy import JSON, ForeignKey, String, bindparam, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from model import audit
from model.accounts.session import Identity
from model.groups import group
from model.groups.group import Group
from model.talk.judging import challenge, words
from model.talk.judging.judge import USUAL_RULES, Rules, Service
from model.webhooks.hook import Address, check_address
from pottle.errors import Invalid, Versions, check_version
from pottle.store import Base, Snapshot, Tx, db, reads, writes
from pottle.translation import _
from pottle.values import line

MOST_WORDS = 1_000  # of a list
MOST_HOSTS = 200
MOST_KNOWN = 1_000  # groups whose rules a worker keeps ready
Word = Annotated[str, line(60)]
WordList = Annotated[list[Word], Meta(max_length=MOST_WORDS)]
Host = Annotated[
    str,
    line(
        100,
        pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$(?!\n)",
        says=_("must be a site in small letters, such as school.example"),
    ),
]
Hosts = Annotated[list[Host], Meta(max_length=MOST_HOSTS)]
Key = Annotated[str, line(200)]


class GroupRules(Base):
    """What a group's moderators changed. `groups.rules_version` is its version too, by which workers know it."""

    __tablename__ = "group_rules"

    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True)
    rules: Mapped[dict[str, Any]] = mapped_column(JSON)
    secret: Mapped[str | None] = mapped_column(String(200))  # for the service that is asked
    version: Mapped[int]


class RulesView(msgspec.Struct):
    """The rules of a group. `slow` is in seconds, `removed_share` per cent; of the key only whether it is set."""

    judging: bool
    hold_first: int
    trusted_after: int
    removed_share: int
    links: int
    hosts: list[str]
    hold_words: list[str]
    refuse_words: list[str]
    slow: int
    hide_after: int
    proof: bool
    service: Service
    service_url: str | None
    service_holds: bool
    service_key: bool
    version: int


class RulesEdit(msgspec.Struct):
    """What to change. `service_key` is the key of Akismet, or what signs what is sent to a service of your own."""

    judging: bool | UnsetType = UNSET
    hold_first: Annotated[int, Meta(ge=0, le=20)] | UnsetType = UNSET
    trusted_after: Annotated[int, Meta(ge=1, le=100)] | UnsetType = UNSET
    removed_share: Annotated[int, Meta(ge=5, le=100)] | UnsetType = UNSET
    links: Annotated[int, Meta(ge=0, le=50)] | UnsetType = UNSET
    hosts: Hosts | UnsetType = UNSET
    hold_words: WordList | UnsetType = UNSET
    refuse_words: WordList | UnsetType = UNSET
    slow: Annotated[int, Meta(ge=0, le=86_400)] | UnsetType = UNSET
    hide_after: Annotated[int, Meta(ge=0, le=50)] | UnsetType = UNSET
    proof: bool | UnsetType = UNSET
    service: Service | UnsetType = UNSET
    service_url: Address | UnsetType | None = UNSET
    service_holds: bool | UnsetType = UNSET
    service_key: Key | UnsetType | None = UNSET


OF = select(*GroupRules.__table__.c).where(GroupRules.group_id == bindparam("group_id"))
ANY = select(GroupRules.group_id).limit(1)
DROP = delete(GroupRules).where(GroupRules.group_id == bindparam("group_id"))
ADD = insert(GroupRules)
SET_VERSION = update(Group).where(Group.id == bindparam("id"))

_known: dict[tuple[Path, str, int], tuple[int, Rules]] = {}  # by instance, epoch and group


def of(read: Snapshot, group_id: int, version: int) -> Rules:
    """The rules of a group; `version` is its `rules_version` as it was read in the same snapshot."""
    if version == 0:
        return USUAL_RULES
    key = db.settings.instance, db.instance.epoch, group_id
    known = _known.get(key)
    if known is None or known[0] != version:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        known = _known[key] = version, _rules(read.one(OF, group_id=group_id))
    return known[1]


def _rules(row: Any) -> Rules:
    return msgspec.convert(row.rules, Rules) if row else USUAL_RULES


def secret_of(read: Snapshot, group_id: int) -> str | None:
    """What is told to the service that is asked, or signs what it is sent."""
    row = read.one(OF, group_id=group_id)
    return row.secret if row else None


@reads
def shown(read: Snapshot, identity: Identity, slug: str) -> RulesView:
    """The rules of a group that one moderates. Raises NotFound, Forbidden."""
    found = group.moderated.within(read, identity, slug)
    return _view(read.one(OF, group_id=found.id))


def _view(row: Any) -> RulesView:
    what = msgspec.to_builtins(_rules(row))
    more = {"service_key": bool(row and row.secret), "version": row.version if row else 1}
    return msgspec.convert(what | more, RulesView)


@writes
def edit(tx: Tx, identity: Identity, slug: str, versions: Versions, fields: dict[str, Any]) -> RulesView:
    """Changes the rules of a group. Its moderators may. Raises NotFound, Forbidden, Stale, Invalid."""
    found = group.moderated.within(tx, identity, slug)
    row = tx.one(OF, group_id=found.id)
    check_version(row.version if row else 1, versions)
    secret = fields.pop("service_key", row.secret if row else None)
    for name in {"hosts", "hold_words", "refuse_words"} & fields.keys():
        fields[name] = tuple(dict.fromkeys(fields[name]))
    rules = msgspec.structs.replace(_rules(row), **fields)
    _check(rules, secret)
    if rules.proof:
        challenge.make_key(tx)
    version = (row.version if row else 1) + 1
    tx.run(DROP, group_id=found.id)
    tx.run(ADD, group_id=found.id, rules=msgspec.to_builtins(rules), secret=secret, version=version)
    tx.run(SET_VERSION, id=found.id, rules_version=version)
    tx.changed("group.edited", subject=found.id, tags=["groups", f"group:{found.id}"])
    audit.note(tx, identity, "rules.edited", slug, group=slug, detail=", ".join(fields) or "service_key")
    return _view(tx.one(OF, group_id=found.id))


def _check(rules: Rules, secret: str | None) -> None:
    for name, entries in {"hold_words": rules.hold_words, "refuse_words": rules.refuse_words}.items():
        if short := _too_short(entries):
            raise Invalid({name: _("has an entry with less than two letters: %(entry)s", entry=short)})
    if rules.hide_after == 1:
        raise Invalid({"hide_after": _("must be 0, or at least 2: nobody hides a post alone")})
    if rules.service == "akismet" and not secret:
        raise Invalid({"service_key": _("is needed: the key of your account at Akismet")})
    if rules.service == "url" and not rules.service_url:
        raise Invalid({"service_url": _("is needed: the address of your service")})
    if rules.service_url:
        try:
            check_address(rules.service_url)
        except Invalid:
            raise Invalid({"service_url": _("must be an address that begins with https://")}) from None


def _too_short(entries: Iterable[str]) -> str | None:
    return next((entry for entry in entries if words.letters(entry) < words.SHORTEST), None)


def _have_a_key(tx: Tx) -> None:
    """Sweep: an import brings rules, and no key for proof of work."""
    if tx.one(ANY):
        challenge.make_key(tx)


db.on_sweep(_have_a_key)
