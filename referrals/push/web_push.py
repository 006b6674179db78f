"""Web Push: a message to a member's own device, through the push service of its browser.

The message is sealed for the browser (RFC 8291), so that the push service reads none of it, and
all have one size. The service learns that this server (VAPID, RFC 8292) has something urgent for
the device. Its address came from a browser: it goes where a webhook may go, and nowhere else
(referrals/webhooks/ssrf_guard.py).
"""

import time
from typing import NamedTuple
from urllib.parse import urlsplit

import orjson
from django.conf import settings
from jwcrypto import jwk, jwt

from permissions.keys import vapid_key
from referrals.push import devices, sealing
from referrals.webhooks import ssrf_guard
from referrals.webhooks.fetches import Fetch
from referrals.webhooks.name_lookups import Lookups, LookupsBusy
from referrals.webhooks.ssrf_guard import NoAnswer, TargetRefused

LOOKUPS = Lookups(4)  # of its own: the name of a webhook that is not answered delays no alarm
WITHIN_S = 10.0  # connecting, TLS and the answer
SIZE = 1024  # bytes, before sealing
SIGNED_FOR_S = 3600
MOST_ANSWER = 16 * 1024  # bytes
GONE = (404, 410)  # the browser has ended its subscription (RFC 8030, 7.3)
# What a push service will answer the same way next time, too.
HOPELESS = frozenset((400, 401, 403, 413))


class NotTaken(Exception):
    """The push service did not take it. `gone`: it knows no such device any more. `final`: it never
    will. `code` names no address."""

    def __init__(self, code: str, *, gone: bool = False, final: bool = False) -> None:
        super().__init__(code)
        self.code, self.gone, self.final = code, gone, final


class Note(NamedTuple):
    """What the device shows. `awake`: the words of the button by which its member claims."""

    title: str
    body: str
    reference: str
    awake: str = ""


def send(endpoint: str, keys: str, note: Note, *, handle: str, ttl_s: int) -> None:
    """Hand a note to the push service, which keeps it for `ttl_s` seconds while the device is off.
    `handle`: 32 letters that are the same at each try: the service replaces one that still waits
    (RFC 8030, 5.4), and the device shows one. Raises NotTaken."""
    key, secret = keys.split()
    content = sealing.sealed(padded(note, handle), devices.public_key(key), devices.read(secret))
    headers = {
        "Authorization": authorization(endpoint),
        "Content-Type": "application/octet-stream",
        "Content-Encoding": "aes128gcm",
        "TTL": str(max(0, ttl_s)),
        "Urgency": "high",
        "Topic": handle,
    }
    try:
        target = ssrf_guard.resolve_target(endpoint, LOOKUPS, settings.PUSH_LOOPBACK)
        with Fetch(target, WITHIN_S) as connection:
            status, _ = connection.post_bytes(content, headers, MOST_ANSWER)
    except (TargetRefused, LookupsBusy):
        raise NotTaken("target_refused") from None
    except NoAnswer as error:
        raise NotTaken(f"push_{error.outcome}") from None
    if not 200 <= status < 300:
        raise NotTaken(f"push_{status}", gone=status in GONE, final=status in HOPELESS)


def padded(note: Note, handle: str) -> bytes:
    """The note as JSON, SIZE bytes long: its length says nothing."""
    said = {one: value for one, value in note._asdict().items() if value} | {"tag": handle}
    text = orjson.dumps(said)
    assert len(text) <= SIZE
    return text.ljust(SIZE)


def authorization(endpoint: str) -> str:
    """What tells a push service which server sends (RFC 8292, section 2)."""
    parts = urlsplit(endpoint)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": int(time.time()) + SIGNED_FOR_S,
        "sub": settings.BASE_URL,
    }
    token = jwt.JWT(header={"typ": "JWT", "alg": "ES256"}, claims=claims)
    token.make_signed_token(jwk.JWK.from_pyca(vapid_key.vapid_key()))
    return f"vapid t={token.serialize()}, k={vapid_key.public_text()}"
