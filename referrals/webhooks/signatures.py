"""Standard Webhooks (standardwebhooks.com), `v1`: how our messages are signed, and how a receiver
checks one. `verify` needs only Python's standard library; receivers may copy it as it is.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from standardwebhooks import Webhook

PREFIX = "whsec_"
BODY_BYTES = 256  # of every message: its size tells an onlooker nothing (threat TH12)
TOLERANCE_S = 300


def new_secret() -> str:
    """Return a secret of 32 random bytes, as receivers and their libraries expect it."""
    return PREFIX + base64.b64encode(os.urandom(32)).decode()


def body(kind: str, at: datetime, **ids: UUID | int | str | None) -> bytes:
    """Return the message: its kind, a time, ids and a code, padded to the size that all messages
    have. Raises ValueError for what would be larger."""
    moment = at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    said = {"type": kind, "timestamp": moment, "data": {k: str(v) for k, v in ids.items() if v}}
    bare = len(json.dumps(said | {"pad": ""}, separators=(",", ":")))
    if bare > BODY_BYTES:
        raise ValueError("A message is larger than all messages are.")
    padded = said | {"pad": "0" * (BODY_BYTES - bare)}
    return json.dumps(padded, separators=(",", ":")).encode()


def headers(secrets: list[str], message_id: str, now_s: int, content: bytes) -> dict[str, str]:
    """Return the three headers, with one signature per secret so that a receiver may change
    over."""
    moment = datetime.fromtimestamp(now_s, UTC)
    signed = (Webhook(secret).sign(message_id, moment, content.decode()) for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": " ".join(signed),
    }


def verify(secret: str, headers: Mapping[str, str], content: bytes, now_s: float) -> bool:
    """Return whether a message is ours, complete and recent, for a receiver. `content` is the body
    as received, `now_s` is time.time(). Store `webhook-id`: answer a repeated one with 2xx and
    ignore it."""
    given = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, sent = given["webhook-id"], given["webhook-timestamp"]
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        fresh = sent.isascii() and sent.isdigit() and abs(now_s - int(sent)) <= TOLERANCE_S
    except (KeyError, binascii.Error, ValueError):
        return False
    if not key or not fresh:
        return False
    ours = hmac.new(key, f"{message_id}.{sent}.".encode() + content, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(ours)
    offered = given.get("webhook-signature", "").encode(errors="replace").split(b" ")
    return any(hmac.compare_digest(expected, one) for one in offered)
