"""What Pottle knows and the rules it obeys. Nothing here knows HTTP.

The tables of discussions are known also where main.py leaves discussions out: what is in them stays, and changes with
the accounts and groups that it is about.
"""

from model.talk import posting, reaction  # noqa: F401  # which know all of them
