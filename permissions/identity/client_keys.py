"""The public keys of partner systems: which are taken, in which shapes, and how the log names one.

The token endpoint checks assertions by the algorithms of this table (api/accounts/oauth.py), so a
key that is taken here is never refused there. Nothing of a key that is refused is kept, logged or
repeated: it may be a private one that was given by mistake.
"""

import hashlib
import json
import re
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwcrypto import jwk
from jwcrypto.common import JWException, base64url_decode

from permissions.errors import BadRequest

# The algorithms of assertions (RFC 7518, RFC 8037) and the kind of key that each needs. SMART
# Backend Services asks for RS384 and ES384.
ALGORITHMS = {
    "ES256": "EC P-256",
    "ES384": "EC P-384",
    "RS256": "RSA",
    "RS384": "RSA",
    "PS256": "RSA",
    "EdDSA": "Ed25519",
}
MOST_KEYS = 10  # of one system; each may be tried against an assertion
MOST_TEXT = 64_000  # characters of what is pasted, uploaded or fetched
RSA_BITS = (2048, 8192)  # a longer one costs the token endpoint too much time

_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_LOOKS_PRIVATE = re.compile(r'PRIVATE\s+KEY|"(?:d|p|q|dp|dq|qi|k)"\s*:')
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----.*?-----END \1-----", re.DOTALL)
_PEM_KEYS = ("PUBLIC KEY", "RSA PUBLIC KEY")


class PrivateKeyGiven(BadRequest):
    """A private key was given. It has left the partner's hands: they must make a new pair."""

    code = "private_key"
    detail = (
        "The key set contains a private key. Nothing of it was kept. It has left the system that it"
        " belongs to, so make a new pair there, and give its public key only."
    )


class Key(NamedTuple):
    """A stored key as people tell it from others: by its RFC 7638 thumbprint."""

    thumbprint: str
    kind: str  # of ALGORITHMS
    bits: int | None  # of RSA
    kid: str | None

    @property
    def code(self) -> str:
        return key_code(self.thumbprint)


def key_code(thumbprint: str) -> str:
    """The code by which an access entry names a key: 16 hex digits of its thumbprint."""
    return f"key:{base64url_decode(thumbprint).hex()[:16]}"


def keys_of(key_set: dict[str, Any]) -> list[Key]:
    """The keys of a stored set, in its order."""
    return [_described(jwk.JWK(**key)) for key in key_set.get("keys", ())]


def _described(read: jwk.JWK) -> Key:
    key = read.get_op_key("verify")
    bits = key.key_size if isinstance(key, RSAPublicKey) else None
    return Key(read.thumbprint(), _kind(key) or "", bits, read.get("kid"))


def read_key_text(text: str) -> dict[str, Any]:
    """Read public keys from a JWK, a JWK set or PEM; return a checked set. Raises BadRequest."""
    return checked_key_set(unchecked_key_set(text))


def unchecked_key_set(text: str) -> dict[str, Any]:
    """Read a JWK, a JWK set or PEM as a set: no one has judged its keys yet, but none of them is
    private. Raises BadRequest."""
    if _LOOKS_PRIVATE.search(text):
        raise PrivateKeyGiven
    if len(text) > MOST_TEXT:
        raise BadRequest("unreadable_keys", "This is too long for a set of public keys.")
    if "-----BEGIN" in text:
        return {"keys": _from_pem(text)}
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise BadRequest(
            "unreadable_keys",
            "This cannot be read as a public key. Give a JWK, a JWK set (RFC 7517) or a public key"
            " in PEM form, from its first line to its last.",
        )
    key_set = document if "keys" in document else {"keys": [document]}
    _require_public(key_set.get("keys"))
    return key_set


def _from_pem(text: str) -> list[dict[str, Any]]:
    blocks = list(_PEM.finditer(text))
    if any(block[1] == "CERTIFICATE" for block in blocks):
        raise BadRequest(
            "unreadable_keys", "This is a certificate. Take the public key out of it and give that."
        )
    if not blocks or any(block[1] not in _PEM_KEYS for block in blocks):
        raise BadRequest(
            "unreadable_keys",
            "This PEM text is not a public key. It begins with -----BEGIN PUBLIC KEY----- and ends"
            " with -----END PUBLIC KEY-----.",
        )
    keys = []
    for block in blocks:
        try:
            public = jwk.JWK.from_pem(block[0].encode()).export_public(as_dict=True)
        except (JWException, ValueError, TypeError, NotImplementedError):
            raise _weak() from None
        keys.append({name: value for name, value in public.items() if name != "kid"})
    return keys


def checked_key_set(given: dict[str, Any]) -> dict[str, Any]:
    """The set as it is stored: public parts only, each key once. Raises BadRequest."""
    keys = _require_public(given.get("keys"))
    by_thumbprint = {jwk.JWK(**public).thumbprint(): public for public in map(_public_key, keys)}
    if len(by_thumbprint) > MOST_KEYS:
        raise BadRequest("too_many_keys", "A system has at most ten keys.")
    return {"keys": list(by_thumbprint.values())}


def _require_public(keys: Any) -> list[dict[str, Any]]:
    if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) for key in keys):
        raise BadRequest(detail='The key set must be a JWK set: {"keys": [...]} (RFC 7517).')
    if any(_PRIVATE & set(key) or key.get("kty") == "oct" for key in keys):
        raise PrivateKeyGiven
    return keys


def joined(kept: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Both sets in one; a key that is in both stays as it is kept. Raises BadRequest."""
    known = {key.thumbprint for key in keys_of(kept)}
    more = [key for key in new["keys"] if jwk.JWK(**key).thumbprint() not in known]
    return checked_key_set({"keys": [*kept["keys"], *more]})


def without(kept: dict[str, Any], thumbprint: str) -> dict[str, Any]:
    """The set without the key of this thumbprint; it may then be empty."""
    left = [key for key in kept["keys"] if jwk.JWK(**key).thumbprint() != thumbprint]
    return {"keys": left}


def digest(key_set: dict[str, Any]) -> str:
    """16 hex digits that say which keys a set has, in any order."""
    prints = sorted(key.thumbprint for key in keys_of(key_set))
    return hashlib.sha256(" ".join(prints).encode()).hexdigest()[:16]


def _public_key(partner_key: dict[str, Any]) -> dict[str, Any]:
    try:
        key = jwk.JWK(**partner_key).get_op_key("verify")
        kind = _kind(key)
        # Written again: what decodes to the key may hold signs that a database refuses.
        public: dict[str, Any] = jwk.JWK.from_pyca(key).export_public(as_dict=True)
        public.pop("kid", None)  # the library made it up: the partner's own may be another
    except (JWException, ValueError, KeyError, TypeError, NotImplementedError):
        raise _weak() from None
    if kind is None:
        raise _weak()
    algorithm, kid = partner_key.get("alg"), partner_key.get("kid")
    if algorithm is not None and ALGORITHMS.get(str(algorithm)) != kind:
        raise BadRequest(
            "wrong_algorithm",
            "A key names an algorithm (alg) that is not taken for it, so each token request with it"
            " would be refused. RS256, RS384 and PS256 fit RSA, ES256 fits EC P-256, ES384 fits EC"
            " P-384, and EdDSA fits Ed25519.",
        )
    if kid is not None and not (isinstance(kid, str) and kid.isprintable() and len(kid) <= 200):
        raise BadRequest(
            "unreadable_keys", "A key's id (kid) must be a plain text of at most 200 characters."
        )
    given_names = {"kid": kid, "alg": algorithm, "use": partner_key.get("use")}
    named = {name: value for name, value in given_names.items() if value is not None}
    return public | named


def _kind(key: Any) -> str | None:
    """The key's kind as ALGORITHMS names it; None: no assertion that it signs is taken."""
    if isinstance(key, RSAPublicKey):
        shortest, longest = RSA_BITS
        return "RSA" if shortest <= key.key_size <= longest else None
    if isinstance(key, EllipticCurvePublicKey):
        curves = {SECP256R1: "EC P-256", SECP384R1: "EC P-384"}
        return next((name for curve, name in curves.items() if isinstance(key.curve, curve)), None)
    return "Ed25519" if isinstance(key, Ed25519PublicKey) else None


def _weak() -> BadRequest:
    return BadRequest(
        "weak_key",
        "Each key must be for signatures: RSA of at least 2048 bits (at most 8192), EC P-256, EC"
        " P-384 or Ed25519.",
    )
