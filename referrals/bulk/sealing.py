"""To whom an export is sealed: a public key of the agency, and parts as JWE (RFC 7516).

Only those who have the other half read a part. The server has no key to it, nor has a backup.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwcrypto import jwe, jwk
from jwcrypto.common import JWException, json_encode

from permissions.errors import BadRequest
from permissions.identity import client_keys

ENCRYPTION = "A256GCM"
OF_CURVES, OF_RSA = "ECDH-ES+A256KW", "RSA-OAEP-256"
PUBLIC = ("kty", "crv", "x", "y", "n", "e")  # of a JWK
CURVES = {"EC": ("P-256", "P-384"), "OKP": ("X25519",)}


class ExportKey(NamedTuple):
    """A public key that parts are sealed to. People compare its thumbprint (RFC 7638)."""

    jwk: dict[str, Any]
    thumbprint: str


def read_key(text: str, pointer: str) -> ExportKey:
    """Read one public key for encryption from a JWK, a JWK set of one, or PEM. Nothing of a key
    that is refused is kept or repeated. Raises BadRequest."""
    try:
        keys = client_keys.unchecked_key_set(text)["keys"]
    except BadRequest as refusal:
        if refusal.code == "weak_key":  # of a kind that the library does not read
            raise _unfit(pointer) from None
        raise type(refusal)(refusal.code, refusal.detail, pointer) from None
    if len(keys) != 1:
        raise BadRequest("export_key", "Give one key: it alone opens the export.", pointer)
    [given] = keys
    try:
        key = jwk.JWK(**given)
        public: dict[str, Any] = key.export_public(as_dict=True)
        algorithm = _algorithm(key)
        fits = given.get("use", "enc") == "enc" and given.get("alg") in (None, algorithm)
        if algorithm is None or not fits:
            raise _unfit(pointer)
        sealed([], public)  # a key may be well formed and no point of its curve
    except (JWException, ValueError, KeyError, TypeError, NotImplementedError):
        raise _unfit(pointer) from None
    kept = {name: value for name, value in public.items() if name in PUBLIC}
    return ExportKey(kept, jwk.JWK(**kept).thumbprint())


def sealed(lines: Iterable[dict[str, Any]], public_key: dict[str, Any]) -> str:
    """Return these lines as JSON, one on each line, in a compact JWE for this key."""
    plain = b"".join(
        orjson.dumps(one, default=str, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)
        for one in lines
    )
    key = jwk.JWK(**public_key)
    header = {
        "alg": _algorithm(key),
        "enc": ENCRYPTION,
        "kid": key.thumbprint(),
        "cty": "application/x-ndjson",
    }
    token = jwe.JWE(plain, json_encode(header))
    token.add_recipient(key)
    text: str = token.serialize(compact=True)
    return text


def _algorithm(key: jwk.JWK) -> str | None:
    """The algorithm that fits the key; None: nothing is sealed to a key like this."""
    kind = key.get("kty")
    if kind == "RSA":
        public = key.get_op_key("encrypt")
        shortest, longest = client_keys.RSA_BITS
        fits = isinstance(public, RSAPublicKey) and shortest <= public.key_size <= longest
        return OF_RSA if fits else None
    return OF_CURVES if key.get("crv") in CURVES.get(kind, ()) else None


def _unfit(pointer: str) -> BadRequest:
    return BadRequest(
        "export_key",
        "The key must be for encryption: X25519, EC P-256, EC P-384, or RSA of 2048 to 8192 bits."
        " Make a new pair for it: a key that signs is no key to seal to.",
        pointer,
    )
