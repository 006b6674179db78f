"""A partner system's side of the token endpoint: its assertion (RFC 7523) and its request."""

import time
from typing import Any
from uuid import uuid4

from jwcrypto import jwk, jwt

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def claims_of(client: dict[str, Any], token_url: str) -> dict[str, Any]:
    """What an assertion says that is good for a minute; `client` as in demo.json."""
    now = int(time.time())
    return {
        "iss": client["client_id"],
        "sub": client["client_id"],
        "aud": token_url,
        "iat": now,
        "exp": now + 60,
        "jti": uuid4().hex,
    }


def signed(claims: dict[str, Any], key: jwk.JWK, **header: str) -> str:
    token = jwt.JWT(header={"alg": "ES256"} | header, claims=claims)
    token.make_signed_token(key)
    return str(token.serialize())


def assertion(client: dict[str, Any], token_url: str, **claims: Any) -> str:
    key = jwk.JWK(**client["private_jwk"])
    kid = client["private_jwk"]["kid"]
    return signed(claims_of(client, token_url) | claims, key, kid=kid)


def token_request(signed_assertion: str, **more: str) -> dict[str, str]:
    """The form that is sent to the token endpoint."""
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signed_assertion,
    } | more
