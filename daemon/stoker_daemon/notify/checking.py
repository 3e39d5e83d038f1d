"""What `stokerd check` finds of mail and webhook. Nothing is sent."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from stoker_daemon.config import Config, Security
from stoker_daemon.notify.carrying import NotCarried, read_secret

_LOCAL = ("localhost", "127.0.0.1", "::1")


def mail_found(config: Config) -> tuple[bool, str]:
    """Tell whether mail can be sent as far as that can be seen, and what was found."""
    if not config.smtp_host:
        return True, "no mail server is set (smtp_host): nobody is told by mail, whatever workflows ask for"
    if config.smtp_user and not config.smtp_password_file:
        return False, f"smtp_user is {config.smtp_user}, and smtp_password_file is not set"
    if config.smtp_password_file and (problem := _secret_problem(config.smtp_password_file)):
        return False, problem
    security = config.smtp_security
    login = f", as {config.smtp_user}" if config.smtp_user else ""
    found = f"{config.smtp_host}, {security.value}{login} (`stoker notify test ADDRESS` tries it)"
    if security is Security.PLAIN and login and config.smtp_host not in _LOCAL:
        found += "; the password goes over the network as it is: set smtp_security to starttls or tls"
    return True, found


def webhook_found(config: Config) -> tuple[bool, str]:
    """Tell whether posts can be made as far as that can be seen, and what was found."""
    if not config.webhook_url:
        return True, "none is set (webhook_url)"
    if config.webhook_secret_file and (problem := _secret_problem(config.webhook_secret_file)):
        return False, problem
    host = urlsplit(config.webhook_url).hostname
    signed = "signed" if config.webhook_secret_file else "not signed, as webhook_secret_file is not set"
    return True, f"{host}, {signed} (`stoker notify test` tries it)"


def _secret_problem(path: Path) -> str:
    try:
        read_secret(path)
    except NotCarried as error:
        return str(error)
    return ""
