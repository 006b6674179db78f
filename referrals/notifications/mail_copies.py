"""The mailbox of copies: whether a mail with an unknown outcome was accepted.

SMTP has no way to ask (RFC 1047 describes the problem). Each mail may therefore have a second
recipient, a mailbox of the operator (CAIRN_MAIL_COPY_TO). The server accepts both in one
transaction or neither. That mailbox can be searched by IMAP (CAIRN_MAIL_COPIES) for the Message-ID.
Used by transports.py.
"""

import imaplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parseaddr
from uuid import UUID

from django.conf import settings

from referrals.notifications.recipients import query

TIMEOUT_S = 3  # for each of five steps: transports.MUST_BEGIN_S counts them in
# The copy may take this long to arrive after the server accepted it. Before that, a missing copy
# says nothing.
COPY_ARRIVES_S = 45


def message_id(message: UUID) -> str:
    """Return a mail's Message-ID (RFC 5322, 3.6.4): the same at each try."""
    domain = parseaddr(settings.SMTP["from"])[1].rpartition("@")[2]
    return f"<{message}@{domain}>"


def has_copy(message_id: str) -> bool:
    """Return whether the copy of this mail has arrived. Returns False as well if there is no
    mailbox of copies or it does not answer. Then the mail is sent again, because one that arrives
    twice as one message (RFC 5322, 3.6.4) is better than one that never arrives."""
    if not settings.MAIL_COPIES:
        return False
    try:
        with _mailbox() as client:
            return _holds(client, message_id)
    except (OSError, imaplib.IMAP4.error):
        return False


def count_recent_copies() -> tuple[int, int | None]:
    """Return, for the newest twenty mails sent more than a minute ago, how many there are and how
    many have their copy. None: the mailbox does not answer. As `jobs`."""
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
