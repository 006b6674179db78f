"""How a message leaves: mail by SMTP, SMS and calls by Twilio, or shown on this machine (the demo).
Pushes: referrals/push/sending.py.

The interface is small: `send(message)` returns when the provider accepted it, or raises NotSent.
The settings choose the provider. No log line and no exception contains an address.
"""

import json
import os
import smtplib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID
from xml.sax.saxutils import escape

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend

from permissions.errors import Unavailable
from permissions.identity.contact_channels import may_be_called
from referrals.claims.digits import Asked
from referrals.notifications import keyed_calls, mail_copies, message_texts

TIMEOUT_S = 10
# The time from taking up a mail until its text is sent. What remains then ends or fails before the
# lease does (referrals/notifications/message_queue.py), so that no other worker sends the mail
# meanwhile.
MUST_BEGIN_S = 20
PAGE = 100  # SMS or calls that the provider lists per page
USUAL_TTL_S = 3600
CLOCKS_APART = timedelta(minutes=1)  # allowed difference between our clock and the provider's


class Outgoing(NamedTuple):
    """One message to send. `id` is its handle: the same at each try."""

    id: UUID
    kind: str
    address: str
    language: str
    template: str
    reference: str
    again_since: datetime | None = None  # when it was created; None: this is the first try
    awake: Asked | None = None  # of a call or a push whose reader may say that they are awake
    device_keys: str = ""  # of a push
    ttl_s: int = USUAL_TTL_S  # of a push: how long it may wait for the device


class NoProvider(Exception):
    """No provider sends messages of this kind. They wait until the operator has configured one."""


class NotSent(Exception):
    """The provider did not accept the message. `final`: it never will, so do not retry. `unknown`:
    it may have accepted it, but its answer was lost. `gone`: there is no such device any more."""

    def __init__(
        self, code: str, *, final: bool = False, unknown: bool = False, gone: bool = False
    ) -> None:
        super().__init__(code)
        self.code = code
        self.final = final
        self.unknown = unknown
        self.gone = gone


def send(message: Outgoing) -> str | None:
    """Hand the message to the provider of its kind. Returns the provider's id of a call, otherwise
    None. Twice makes two calls (referrals/notifications/voice_calls.py looks up the first). An SMS
    is looked up at the provider before it is tried again, and a mail in the mailbox of copies.
    Without that mailbox, twice sends two mails with one Message-ID, so that a mail client may show
    them once.

    Raises NotSent, NoProvider.
    """
    provider = settings.SENDERS["mail" if message.kind == "mail" else "phone"]
    if provider is None:
        raise NoProvider
    if message.kind != "mail" and not may_be_called(message.address):
        raise NotSent("number_not_called", final=True)  # stored before there was a rule
    return _SENDERS[provider](message)


def _smtp(message: Outgoing) -> str | None:
    """Send a mail. Before a second try, check the mailbox of copies, if there is one."""
    by_then = time.monotonic() + MUST_BEGIN_S
    given = settings.SMTP
    sender = parseaddr(given["from"])[1]
    name = mail_copies.message_id(message.id)
    if message.again_since is not None and mail_copies.has_copy(name):
        return None
    mail = EmailMessage(
        subject=message_texts.subject(message.language),
        body=message_texts.text(message.template, message.language, message.reference),
        from_email=given["from"],
        to=[message.address],
        headers={
            "Message-ID": name,
            "Auto-Submitted": "auto-generated",  # RFC 3834: no holiday answers
        },
    )
    backend = EmailBackend(
        host=given["host"],
        port=given["port"],
        username=given["user"],
        password=given["password"],
        use_tls=given["tls"] == "starttls",
        use_ssl=given["tls"] == "tls",
        timeout=TIMEOUT_S,
    )
    try:
        backend.open()
        try:
            _hand_over(backend.connection, sender, message.address, mail, by_then)
        finally:
            with suppress(OSError, smtplib.SMTPException):  # accepted, whatever happened at QUIT
                backend.close()
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        raise NotSent("refused", final=all(code >= 500 for code in codes)) from None
    except smtplib.SMTPResponseException as error:
        raise NotSent(f"smtp_{error.smtp_code}") from None
    except (OSError, smtplib.SMTPException) as error:
        raise NotSent(type(error).__name__) from None
    return None


def _hand_over(
    smtp: smtplib.SMTP | None, sender: str, to: str, mail: EmailMessage, by_then: float
) -> None:
    """Run one transaction (RFC 5321, 3.3) for the reader and, if there is one, the mailbox of
    copies. If the reader's address is refused, no copy is sent, so a copy proves that both received
    it.

    Raises smtplib's exceptions. Raises NotSent if it took too long so far, or if the text may have
    been sent and no answer came.
    """
    assert smtp is not None
    smtp.ehlo_or_helo_if_needed()
    code, said = smtp.mail(sender)
    if code != 250:
        raise smtplib.SMTPSenderRefused(code, said, sender)
    code, said = smtp.rcpt(to)
    if code not in (250, 251):
        raise smtplib.SMTPRecipientsRefused({to: (code, said)})
    if settings.MAIL_COPIES:
        smtp.rcpt(settings.MAIL_COPIES["to"])  # if refused, that mail has no copy
    if time.monotonic() > by_then:
        raise NotSent("too_slow")
    try:
        code, said = smtp.data(mail.message().as_bytes(linesep="\r\n"))  # type: ignore[call-arg]
    except smtplib.SMTPResponseException:
        raise
    except (OSError, smtplib.SMTPException) as error:
        raise NotSent(type(error).__name__, unknown=bool(settings.MAIL_COPIES)) from None
    if code != 250:
        raise smtplib.SMTPDataError(code, said)


def _twilio(message: Outgoing) -> str | None:
    """Send through Twilio's REST API with its own library. Its POSTs accept no idempotency key, so
    before a second try an SMS is looked up there by its text."""
    given = settings.TWILIO
    with _at_twilio() as client:
        if message.kind == "sms":
            words = message_texts.text(message.template, message.language, message.reference)
            if message.again_since is not None and _went_out(client, message, words):
                return None
            client.messages.create(to=message.address, from_=given["from"], body=words)
            return None
        made = client.calls.create(to=message.address, from_=given["from"], twiml=_call(message))
        return str(made.sid)


def calls_since(number: str, since: datetime) -> list[str]:
    """Return the provider's ids of the calls made to this number since then (less one minute),
    oldest first. Empty if the provider keeps no list. Raises NotSent."""
    if settings.SENDERS["phone"] != "twilio":
        return []
    with _at_twilio() as client:
        return [str(one.sid) for one in _listed_since(client.calls, number, since)][::-1]


def _listed_since(kind: Any, number: str, since: datetime) -> Iterator[Any]:
    """Yield Twilio's messages or calls to this number since then, less one minute; newest first, as
    Twilio lists them."""
    sender = settings.TWILIO["from"]
    for one in kind.stream(to=number, from_=sender, page_size=PAGE):
        if one.date_created is not None and one.date_created < since - CLOCKS_APART:
            return
        yield one


def _went_out(client: Any, message: Outgoing, words: str) -> bool:
    """Return whether Twilio has this text for this number since the message was created. Then an
    earlier try with an unknown outcome succeeded, or the same text was sent meanwhile."""
    assert message.again_since is not None
    for one in _listed_since(client.messages, message.address, message.again_since):
        failed = one.status in ("failed", "undelivered", "canceled")
        if (one.body or "").strip() == words.strip() and not failed:
            return True
    return False


def _call(message: Outgoing) -> str:
    """Return what the voice says, twice. Keys are for a card, and to say that one is awake; none
    acknowledges anything."""
    if message.template in keyed_calls.TEMPLATES:
        return keyed_calls.asks(message.template, message.language, message.reference)
    spoken = message_texts.spoken(message.template, message.language, message.reference)
    if message.awake is not None:
        return keyed_calls.asks_awake(spoken, message.language, *message.awake)
    words = escape(spoken)
    voice = keyed_calls.VOICES[message.language]
    return f'<Response><Say language="{voice}" loop="2">{words}</Say></Response>'


@contextmanager
def _at_twilio() -> Iterator[Any]:
    """Yield Twilio's client. Errors within become NotSent. Status 400: the number is wrong or may
    not be called; other errors may pass. After a 500 or higher, or without an answer, the message
    may have been accepted. The library is an extra (`phone`), loaded when it is first used."""
    try:
        from twilio.base.exceptions import TwilioRestException
        from twilio.http.http_client import TwilioHttpClient
        from twilio.rest import Client
    except ImportError:
        raise NotSent("no_library") from None
    given = settings.TWILIO
    http = TwilioHttpClient(timeout=TIMEOUT_S)
    if given["base"]:
        reach = http.request

        def elsewhere(method: str, url: str, *args: Any, **kwargs: Any) -> Any:
            return reach(
                method, url.replace("https://api.twilio.com", given["base"]), *args, **kwargs
            )

        http.request = elsewhere  # type: ignore[method-assign]
    client = Client(given["account"], provider_token(), http_client=http)
    try:
        yield client
    except TwilioRestException as error:
        code = f"twilio_{error.status}"
        raise NotSent(code, final=error.status == 400, unknown=error.status >= 500) from None
    except Exception as error:  # from the HTTP library below, whichever it is
        raise NotSent(type(error).__name__, unknown=True) from None


def provider_token() -> str:
    """The token of our account at the provider of calls. Raises NotSent."""
    try:
        return Path(settings.TWILIO["token_file"]).read_text().strip()
    except OSError:
        raise NotSent("no_token_file") from None


def is_of_provider(link: str, given: Mapping[str, Any], signature: str) -> bool:
    """Whether the provider of calls signed a callback with these parameters to this address
    (X-Twilio-Signature). False, too, where there is none that signs. Raises Unavailable."""
    if settings.SENDERS["phone"] != "twilio":
        return False
    try:
        from twilio.request_validator import RequestValidator

        validator = RequestValidator(provider_token())
    except (ImportError, NotSent):
        raise Unavailable from None
    return bool(validator.validate(link, given, signature))


def _demo(message: Outgoing) -> str | None:
    """Print the message on the terminal (without the address); store it for the demo's page."""
    shown = {
        "kind": message.kind,
        "to": message.address,
        "subject": message_texts.subject(message.language) if message.kind == "mail" else "",
        "text": message_texts.text(message.template, message.language, message.reference).strip(),
        # Where the stand-in telephone of the demo's page sends what is keyed.
        "answer": message.reference if message.template in keyed_calls.TEMPLATES else "",
    }
    if message.kind == "voice" and message.awake is not None:
        digits, shown["answer"] = message.awake
        shown["text"] += f" {keyed_calls.awake_words(message.language, digits)}"
    path: Path = settings.DEMO_MESSAGES
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(json.dumps(shown) + "\n")
    except OSError as error:
        raise NotSent(type(error).__name__) from None
    sys.stdout.write(f"[{message.kind}] {shown['text']}\n")
    return None


def demo_messages(most: int = 100) -> list[dict[str, str]]:
    """Return what the demo sent, newest first."""
    try:
        lines = settings.DEMO_MESSAGES.read_text().splitlines()
    except OSError:
        return []
    return [json.loads(line) for line in reversed(lines[-most:])]


_SENDERS: dict[str, Callable[[Outgoing], str | None]] = {
    "smtp": _smtp,
    "twilio": _twilio,
    "demo": _demo,
}
