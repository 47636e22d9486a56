"""The pages of one's own account, which forms on them show again."""

from quart import Response

from api.access import me
from api.arriving import private
from model.accounts import second, user
from model.mail import address
from pottle.http.forms import Trouble
from pottle.translation import called, languages


async def own(tab: str = "profile", trouble: Trouble | None = None) -> Response:
    """A page of one's own account."""
    shown = await user.account(me().user)
    choices = [(tag, called(tag)) for tag in languages()]
    more = {
        "second": await second.show(me()),
        "proofs": await second.proofs(me()),
        "address": await address.own(me().user),
    }
    said = {"tab": tab, "account": shown, "trouble": trouble, "languages": choices}
    return await private("account.html", me=me(), **said, **more)


async def own_access(trouble: Trouble | None = None) -> Response:
    """The page on how one signs in."""
    return await own("access", trouble)
