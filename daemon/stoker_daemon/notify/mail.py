"""Mail over SMTP."""

from __future__ import annotations

import asyncio
import os
import ssl
from contextlib import suppress
from email.message import EmailMessage
from functools import cached_property

import aiosmtplib
from aiosmtplib import errors

from stoker_daemon.config import Config, Security
from stoker_daemon.notify.carrying import NotCarried, read_secret
from stoker_shared.text import clean_line, fit

STEP_SECONDS = 30.0
"""How long the server has for each answer."""

WHOLE_SECONDS = 120.0
"""And for all of a mail."""

LEAVE_SECONDS = 5.0

_LONGEST_ANSWER = 300


class MailServer:
    """The mail server that the configuration names."""

    def __init__(self, config: Config) -> None:
        self._config = config

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """Whom to believe: those whom this host does."""
        return ssl.create_default_context()

    async def send(self, mail: EmailMessage, to: str) -> str:
        """Hand a mail over for one address, and give the server's answer; raises `NotCarried`.

        What is lost between the end of the mail and the server's answer may have been taken all the same.
        """
        config = self._config
        security = config.smtp_security
        password = None
        if config.smtp_user and config.smtp_password_file:
            password = await asyncio.to_thread(read_secret, config.smtp_password_file)
        client = aiosmtplib.SMTP(
            hostname=config.smtp_host,
            port=config.smtp_port or None,
            username=config.smtp_user or None,
            password=password,
            timeout=STEP_SECONDS,
            use_tls=security is Security.TLS,
            start_tls=security is Security.STARTTLS,
            tls_context=None if security is Security.PLAIN else self.tls,
        )
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                await client.connect()
                _, answer = await client.send_message(mail, recipients=[to])
            await _take_leave(client)
        except (errors.SMTPException, OSError, TimeoutError, ValueError) as error:
            raise _failure(error, self.place) from error
        finally:
            client.close()
        return _shown(answer)

    @property
    def place(self) -> str:
        """Its host, and its port where that is set."""
        port = f":{self._config.smtp_port}" if self._config.smtp_port else ""
        return f"{self._config.smtp_host}{port}"


async def _take_leave(client: aiosmtplib.SMTP) -> None:
    """End the session. The server has the mail: how it takes that changes nothing."""
    with suppress(errors.SMTPException, OSError, TimeoutError):
        async with asyncio.timeout(LEAVE_SECONDS):
            await client.quit()


def _failure(error: Exception, place: str) -> NotCarried:
    match error:
        case errors.SMTPRecipientsRefused():
            refused = error.recipients[0]
            return NotCarried(_said(refused), permanent=refused.code >= 500)
        case errors.SMTPDataError():
            return NotCarried(_said(error), permanent=error.code >= 500)
        case errors.SMTPNotSupported() if "SMTPUTF8" in str(error):
            return NotCarried(f"{place} takes no addresses in other than ASCII", permanent=True)
        case ValueError() if not isinstance(error, OSError | UnicodeError):
            return NotCarried(f"the mail can't be sent so: {_shown(str(error))}", permanent=True)
    return NotCarried(f"{place} {_trouble(error)}", everything=True)


def _trouble(error: Exception) -> str:
    """Say what is wrong with a server that takes no mail at all."""
    match error:
        case errors.SMTPAuthenticationError():
            return f"refuses the login: {_said(error)}"
        case errors.SMTPResponseException():
            return f"refuses: {_said(error)}"
        case TimeoutError():
            return f"does not answer: {_shown(str(error) or 'timed out')}"
        case errors.SMTPNotSupported():
            return f"can't do it: {_shown(str(error))}"
    cause = error.__cause__
    known = isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError) and cause.errno
    why = os.strerror(known).lower() if known and known > 0 else str(error) or type(error).__name__
    return f"can't be reached: {_shown(why)}"


def _said(error: errors.SMTPResponseException) -> str:
    return _shown(f"{error.code} {error.message}")


def _shown(answer: str) -> str:
    return fit(clean_line(answer), _LONGEST_ANSWER)
