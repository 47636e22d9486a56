"""What a mail server's refusal means, by what it says: the reader's address, or something else."""

import re
from email.errors import MessageError
from email.headerregistry import Address

# Refusals that mean us, and not whoever the letter is to (RFC 3463: 5.7 is policy); older servers say it in words.
OURS = re.compile(r"\b[45]\.7\.\d|relay|authenticat|not permitted|blocked|black ?list|spam|policy", re.IGNORECASE)
FULL = re.compile(r"\b5\.2\.2\b|quota|mailbox (is )?full", re.IGNORECASE)


class BadAddress(ValueError):
    """An address to which no mail can be written."""


def means_us(said: str) -> bool:
    """Whether it would refuse us whoever the letter is to."""
    return OURS.search(said) is not None


def is_full(said: str) -> bool:
    """Whether the mailbox is only full."""
    return FULL.search(said) is not None


def mailable(email: str) -> str:
    """An address as SMTP takes it: a host's name in other letters as its ASCII form. Raises BadAddress."""
    name, _at, domain = email.rpartition("@")
    try:
        return Address(addr_spec=f"{name}@{domain.encode('idna').decode()}").addr_spec.encode("ascii").decode()
    except (ValueError, MessageError, IndexError) as error:  # which the parser of headers raises for some
        raise BadAddress("No mail can be written to such an address.") from error
