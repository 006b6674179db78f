"""A member's own device as a channel: what a browser says when it subscribes to messages
(Push API), checked, and kept with their other channels."""

import base64
import binascii

from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from permissions.errors import BadRequest
from permissions.identity import contact_channels
from permissions.identity.contact_channels import Channel
from permissions.principal import Principal
from referrals.webhooks import ssrf_guard
from referrals.webhooks.ssrf_guard import TargetRefused

KEY_BYTES, SECRET_BYTES = 65, 16  # RFC 8291, section 2


def add(
    principal: Principal, endpoint: str, key: str, secret: str, name: str, language: str
) -> Channel:
    """Add this device, unproven: `endpoint` is its push service's address for it, `key` and
    `secret` are the browser's (p256dh and auth, base64url). The name of a host is not looked up
    here. The same device again changes nothing but its language: twice is safe. Raises BadRequest,
    NotPermitted, NotPossible."""
    try:
        ssrf_guard.needs_lookup(endpoint, settings.PUSH_LOOPBACK)
        public_key(key)
        is_right = len(read(secret)) == SECRET_BYTES
    except (TargetRefused, ValueError):
        is_right = False
    if not is_right:
        raise BadRequest("device", "This browser did not say how to reach it. Try again.")
    keys = f"{key.rstrip('=')} {secret.rstrip('=')}"
    return contact_channels.add_device(principal, endpoint, keys, name, language)


def read(text: str) -> bytes:
    """The bytes of a text in base64url, with or without padding. Raises ValueError."""
    try:
        return base64.b64decode(_padded(text), b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(text) from error


def public_key(text: str) -> bytes:
    """A browser's public key, a point of P-256. Raises ValueError for anything else."""
    point = read(text)
    if len(point) != KEY_BYTES:
        raise ValueError(text)
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    return point


def _padded(text: str) -> str:
    bare = text.rstrip("=")
    return bare + "=" * (-len(bare) % 4)
