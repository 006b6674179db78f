"""The system's own private key, and the assertions that it signs (`private_key_jwt`, RFC 7523)."""

import json
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

# An assertion's life. The server takes up to five minutes; clocks may differ by this much.
LIFE_S = 180
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_OF_CURVE = {"secp256r1": "ES256", "secp384r1": "ES384"}

Private = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


class PrivateKey:
    """A private key, as a JWK (a mapping or its JSON) or in PEM. Without `algorithm` it is the
    JWK's `alg`, else ES256, ES384 or EdDSA by the kind of key, and RS384 for RSA; RS256 and PS256
    are taken by the server as well. Raises ValueError if it is no private key of these kinds."""

    def __init__(
        self,
        key: Mapping[str, Any] | str | bytes,
        *,
        kid: str | None = None,
        algorithm: str | None = None,
    ) -> None:
        said: Mapping[str, Any] = {}
        if not isinstance(key, Mapping):
            text = key.encode() if isinstance(key, str) else key
            if text.lstrip().startswith(b"-----BEGIN"):
                self._key = _private(load_pem_private_key(text, password=None))
            else:
                key = json.loads(text)
        if isinstance(key, Mapping):
            said = key
            self._key = _private(_of_jwk(said))
        self.kid = kid or said.get("kid")
        self.algorithm = str(algorithm or said.get("alg") or _algorithm_of(self._key))

    def __repr__(self) -> str:
        return f"PrivateKey(kid={self.kid!r}, algorithm={self.algorithm!r})"

    def assertion(self, client_id: str, token_url: str) -> str:
        """Return a new assertion. It is good once, so each try needs another."""
        now = int(time.time())
        claims = {"iss": client_id, "sub": client_id, "aud": token_url, "jti": str(uuid4())}
        headers = {"kid": self.kid} if self.kid else None
        times = {"iat": now, "exp": now + LIFE_S}
        return jwt.encode(claims | times, self._key, algorithm=self.algorithm, headers=headers)

    def form(self, client_id: str, token_url: str) -> dict[str, str]:
        """Return what is posted to the token endpoint."""
        return {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.assertion(client_id, token_url),
        }


def _of_jwk(said: Mapping[str, Any]) -> Any:
    try:
        return jwt.PyJWK({name: one for name, one in said.items() if name != "alg"}).key
    except jwt.PyJWTError as error:
        raise ValueError("This is no key that Cairn takes.") from error


def _private(key: Any) -> Private:
    if not isinstance(key, Private):
        raise ValueError("This is no private key for signing: give the private half of the pair.")
    return key


def _algorithm_of(key: Private) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        if key.curve.name not in _OF_CURVE:
            raise ValueError("Cairn takes the curves P-256 and P-384.")
        return _OF_CURVE[key.curve.name]
    return "EdDSA" if isinstance(key, ed25519.Ed25519PrivateKey) else "RS384"
