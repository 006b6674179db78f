"""The key by which push services know this server (VAPID, RFC 8292): made of the server's own
secret, so it is in no database and the same in every process. With another CAIRN_SECRET_KEY the
devices have to be added again.
"""

import base64

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from permissions.keys.derived_keys import derived_key

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256


def vapid_key() -> ec.EllipticCurvePrivateKey:
    """The key that signs what is sent to a push service."""
    number = int.from_bytes(derived_key("web_push"), "big") % (_ORDER - 1) + 1
    return ec.derive_private_key(number, ec.SECP256R1())


def public_text() -> str:
    """The public key as a browser and a push service take it: 65 bytes, in base64url."""
    point = vapid_key().public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()
