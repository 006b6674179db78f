"""What a receiver of webhooks does: check the signature (Standard Webhooks, `v1`), read the
message. It needs nothing but Python's standard library."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from cairn_client.errors import CairnError

PREFIX = "whsec_"
TOLERANCE_S = 300


class NotGenuine(CairnError):
    """The message is not the server's, was altered, or is too old. Answer 400 and do nothing."""


@dataclass(frozen=True)
class Message:
    """A message that was checked. `id`: keep it, and ignore a message that comes again under it.
    It names an event and says nothing of it: read the event with `Client.event`."""

    id: str
    type: str  # referral.event, ping, log.checkpoint
    at: datetime
    data: dict[str, str]

    @property
    def event_id(self) -> str | None:
        return self.data.get("event_id")

    @property
    def referral_id(self) -> str | None:
        return self.data.get("referral_id")

    @property
    def act(self) -> str | None:
        return self.data.get("act")


def verify(
    secrets: str | Iterable[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    now_s: float | None = None,
    tolerance_s: float = TOLERANCE_S,
) -> Message:
    """Return the message, if one of `secrets` signed it within the last five minutes. `body` is the
    body as it came, byte by byte. Raises NotGenuine, and ValueError for a secret that is none.

    For a day after a secret was replaced, each message is signed with both, so that a receiver may
    change over at any time; give both if you have both.
    """
    given = {name.lower(): value for name, value in headers.items()}
    message_id, sent = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not message_id or not (sent.isascii() and sent.isdigit() and len(sent) < 20):
        raise NotGenuine("The headers webhook-id and webhook-timestamp are not there.")
    now_s = time.time() if now_s is None else now_s
    if abs(now_s - int(sent)) > tolerance_s:
        raise NotGenuine("The message is too old, or one of the clocks is wrong.")
    signed = f"{message_id}.{sent}.".encode() + body
    offered = given.get("webhook-signature", "").encode(errors="replace").split(b" ")
    keys = [_key(one) for one in ([secrets] if isinstance(secrets, str) else secrets)]
    # Every pair is compared, so the time does not tell which fits.
    if not sum(
        hmac.compare_digest(_signature(key, signed), one) for key in keys for one in offered
    ):
        raise NotGenuine("No signature fits: another secret, or the body was changed on the way.")
    return _message(message_id, body)


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:
        key = b""
    if not key:
        raise ValueError("The secret of a webhook begins with whsec_ and is base64.")
    return key


def _signature(key: bytes, signed: bytes) -> bytes:
    return b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())


def _message(message_id: str, body: bytes) -> Message:
    said = json.loads(body)
    at = datetime.fromisoformat(said["timestamp"])
    return Message(message_id, said["type"], at, dict(said["data"]))
