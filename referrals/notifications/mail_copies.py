"""The mailbox of copies: whether a mail whose end nobody knows was taken.

SMTP has no way to ask (RFC 1047 tells the problem). So each mail may have a second recipient, a
mailbox of our own (CAIRN_MAIL_COPY_TO): the server takes both in one transaction or neither, and
by IMAP (CAIRN_MAIL_COPIES) that mailbox can be asked for the Message-ID. Used by transports.py.
"""

import imaplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parseaddr
from uuid import UUID

from django.conf import settings

from referrals.notifications.recipients import query

TIMEOUT_S = 3  # each of five steps: senders.MUST_BEGIN_S counts them in
# After the server took it the copy may be on its way for so long: before, no answer says nothing.
COPY_ARRIVES_S = 45


def message_id(message: UUID) -> str:
    """A mail's Message-ID (RFC 5322, 3.6.4): the same at each try."""
    domain = parseaddr(settings.SMTP["from"])[1].rpartition("@")[2]
    return f"<{message}@{domain}>"


def has_copy(message_id: str) -> bool:
    """Whether the copy of this mail is there. False also where there is no mailbox of copies, or it
    does not answer: then the mail is sent again, since one that comes twice, as one message (RFC
    5322, 3.6.4), is better than one that nobody hears of."""
    if not settings.MAIL_COPIES:
        return False
    try:
        with _mailbox() as client:
            return _holds(client, message_id)
    except (OSError, imaplib.IMAP4.error):
        return False


def count_recent_copies() -> tuple[int, int | None]:
    """Of the newest twenty mails that were sent more than a minute ago: how many there are, and how
    many have their copy; None: the mailbox does not answer. As `jobs`."""
    rows = query(
        "SELECT id FROM message WHERE kind = 'mail' AND state = 'sent'"
        " AND done_at < sec.clock() - interval '1 minute' ORDER BY done_at DESC LIMIT 20",
        [],
    )
    if not rows:
        return 0, 0
    try:
        with _mailbox() as client:
            return len(rows), sum(_holds(client, message_id(one)) for (one,) in rows)
    except (OSError, imaplib.IMAP4.error):
        return len(rows), None


@contextmanager
def _mailbox() -> Iterator[imaplib.IMAP4]:
    given = settings.MAIL_COPIES
    with _connected(given["host"], given["port"], tls=given["tls"]) as client:
        client.login(given["user"], given["password"])
        client.select(f'"{given["folder"]}"', readonly=True)
        yield client


def _connected(host: str, port: int, *, tls: bool) -> imaplib.IMAP4:
    if tls:
        checked = ssl.create_default_context()
        return imaplib.IMAP4_SSL(host, port, ssl_context=checked, timeout=TIMEOUT_S)
    return imaplib.IMAP4(host, port, timeout=TIMEOUT_S)


def _holds(client: imaplib.IMAP4, message_id: str) -> bool:
    _, (numbers, *_) = client.search(None, "HEADER", "Message-ID", f'"{message_id}"')
    return bool(numbers)  # of the messages that have it
