"""Seals a message for one browser (RFC 8291, by the coding aes128gcm of RFC 8188): its push service
carries it and reads nothing of it. Each message has a key of its own."""

import os
from typing import NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE = ec.SECP256R1()
RECORD = 4096  # bytes: the most that a push service takes, and more than a message has


class Chance(NamedTuple):
    """What is random in a sealed message; it is given in a test of the standard's own example."""

    salt: bytes
    private: ec.EllipticCurvePrivateKey

    @classmethod
    def drawn(cls) -> "Chance":
        """New for each message: never use one twice."""
        return cls(os.urandom(16), ec.generate_private_key(CURVE))


def sealed(plain: bytes, browsers_key: bytes, secret: bytes, chance: Chance | None = None) -> bytes:
    """Seal `plain` (at most RECORD bytes with its overhead) for the browser that has this public
    key, a point of 65 bytes, and this secret of 16. Raises ValueError: the point is not on the
    curve."""
    salt, private = chance or Chance.drawn()
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, browsers_key)
    ours = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    info = b"WebPush: info\0" + browsers_key + ours
    shared = _derived(secret, private.exchange(ec.ECDH(), theirs), info, 32)
    key = _derived(salt, shared, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(salt, shared, b"Content-Encoding: nonce\0", 12)
    record = AESGCM(key).encrypt(nonce, plain + b"\2", None)  # 2: it is the last record
    assert len(record) <= RECORD
    return salt + RECORD.to_bytes(4, "big") + bytes([len(ours)]) + ours + record


def _derived(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt=salt, info=info).derive(secret)
