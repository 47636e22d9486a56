"""What Pottle knows and the rules it obeys. Nothing here knows HTTP.

The tables of discussions are known also where main.py leaves discussions out: what is in them stays, and changes with
the accounts and groups that it is about.
"""

from importlib import import_module
from pkgutil import iter_modules

from model import talk
from model.talk import judging

for _found in iter_modules(talk.__path__):
    import_module(f"model.talk.{_found.name}")
for _found in iter_modules(judging.__path__):
    import_module(f"model.talk.judging.{_found.name}")
for _name in (
    "accounts.providers.linked",
    "talk.search.upkeep",
    "arriving.claim",
    "arriving.job",
    "webhooks.hook",
    "push.outbox",
    "mail.outbox",
    "mail.security",
    "notices.choices",
):
    import_module(f"model.{_name}")
