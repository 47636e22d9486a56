"""A connection to the SMTP server, used for several letters, and what it says of each.

Imported only where there is mail: a worker's start is not to wait for it.
"""

from contextlib import suppress
from typing import Literal

import aiosmtplib
from aiosmtplib import SMTPException, SMTPResponseException, SMTPServerDisconnected

from model.mail import refusals
from model.mail.outbox import Outcome
from model.mail.setting import Smtp

CONNECT_SECONDS = 30.0
COMMAND_SECONDS = 60.0
DATA_SECONDS = 300.0  # RFC 5321 has ten minutes: a server that looks for viruses takes its time
MOST_LETTERS = 100  # over one connection


class Connection:
    """To one server; made when it is needed."""

    def __init__(self, smtp: Smtp, host: str) -> None:
        """From this host, which says its name in greeting."""
        self._smtp, self._host = smtp, host
        self._open: aiosmtplib.SMTP | None = None
        self._letters = 0

    @property
    def is_open(self) -> bool:
        """Whether there is one."""
        return self._open is not None

    async def begin(self) -> Outcome | None:
        """Begins a letter, of which nothing is said yet; what is wrong with the server, if it takes none at all."""
        try:
            self._open = await self._begun()
        except (SMTPException, OSError, TimeoutError, ValueError) as error:
            await self.close()
            return Outcome("trouble", _said(error))
        return None

    async def send(self, to: str, message: bytes) -> Outcome:
        """Hands over the letter that was begun. Never raises for what the server does."""
        try:
            return await self._handed_over(to, message)
        except (SMTPException, OSError, TimeoutError, ValueError) as error:
            await self.close()  # what the server makes of this letter is not known, or it wants no more of us now
            return Outcome("later", _said(error))

    async def drop(self) -> None:
        """Ends a letter that was begun, and is not sent; where the server does not answer, the connection too."""
        try:
            await self._there.rset(timeout=COMMAND_SECONDS)
        except (SMTPException, OSError, TimeoutError):
            await self.close()

    @property
    def _there(self) -> aiosmtplib.SMTP:
        if self._open is None:
            raise ConnectionError("Nothing was begun")
        return self._open

    async def close(self) -> None:
        """Ends it."""
        open_, self._open = self._open, None
        if open_ is not None:
            with suppress(SMTPException, OSError, TimeoutError):
                await open_.quit(timeout=2)
            open_.close()

    async def _begun(self) -> aiosmtplib.SMTP:
        """A connection on which a letter was begun; another one, where that of before is gone.

        Raises what is wrong with the server: nothing was said yet of whom the letter is to.
        """
        if self._open is not None and self._letters < MOST_LETTERS:
            self._letters += 1
            with suppress(SMTPException, OSError, TimeoutError):
                await self._open.mail(self._smtp.sender.addr_spec, timeout=COMMAND_SECONDS)
                return self._open
        await self.close()
        self._open, self._letters = await self._made(), 1
        await self._open.mail(self._smtp.sender.addr_spec, timeout=COMMAND_SECONDS)
        return self._open

    async def _made(self) -> aiosmtplib.SMTP:
        smtp = self._smtp
        made = aiosmtplib.SMTP(
            hostname=smtp.host, port=smtp.port, use_tls=smtp.secure, start_tls=smtp.starttls,
            username=smtp.user, password=smtp.password, timeout=CONNECT_SECONDS, local_hostname=self._host,
        )  # fmt: skip
        await made.connect()
        return made

    async def _handed_over(self, to: str, message: bytes) -> Outcome:
        try:
            await self._there.rcpt(to, timeout=COMMAND_SECONDS)
        except SMTPResponseException as error:
            await self.drop()
            return Outcome(_of_reader(error), _said(error))
        try:
            await self._there.data(message, timeout=DATA_SECONDS)
        except SMTPResponseException as error:
            if error.code < 500:
                raise
            await self.drop()
            return Outcome("rejected", _said(error))
        return Outcome("sent")


def _of_reader(error: SMTPResponseException) -> Literal["later", "rejected", "refused"]:
    """What a refusal of the reader means. One that means us, or a full mailbox, says nothing of the address."""
    if error.code < 500 or refusals.means_us(error.message):
        return "later"
    return "rejected" if refusals.is_full(error.message) else "refused"


def _said(error: Exception) -> str:
    if isinstance(error, SMTPResponseException):
        return f"{error.code} {' '.join(error.message.split())}"
    if isinstance(error, SMTPServerDisconnected):
        return "The server ended the connection."
    if isinstance(error, TimeoutError):
        return "The server did not answer in time."
    return " ".join(str(error).split()) or type(error).__name__
