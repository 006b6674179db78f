"""The limit of the token endpoint: an assertion is checked and used up, and a token opened."""

import base64
import os
import secrets
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from tests.bench.bare_reads import ENTRY, context_of

TOKEN_URL = os.environ.get("CAIRN_BASE_URL", "") + "/oauth/token"


def token(cursor: Any, form: Mapping[str, str]) -> dict[str, Any]:
    """An access token for a signed assertion, which is used up."""
    head, claimed, signature = form["client_assertion"].split(".")
    claims = orjson.loads(_decoded(claimed))
    cursor.execute(
        "SELECT id, agency_id, scopes, public_keys FROM permissions_client"
        " WHERE client_id = %s AND active",
        [claims["sub"]],
    )
    client, agency, scopes, keys = cursor.fetchone()
    wanted = orjson.loads(_decoded(head))["kid"]
    key = next(one for one in keys["keys"] if one["kid"] == wanted)
    x, y = (int.from_bytes(_decoded(key[name])) for name in "xy")
    raw = _decoded(signature)
    r, s = (int.from_bytes(raw[at : at + 32]) for at in (0, 32))
    EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key().verify(
        encode_dss_signature(r, s), f"{head}.{claimed}".encode(), ECDSA(SHA256())
    )
    if claims["aud"] != TOKEN_URL or not time.time() < claims["exp"] < time.time() + 300:
        raise ValueError("not for here, or not for now")
    secret = secrets.token_urlsafe(32)
    context = context_of((agency, client), None, None, "token.issue")
    context |= {
        "logged_fields": [f"key:{sha256(wanted.encode()).hexdigest()[:16]}"],
        "jti": claims["jti"],
        "scopes": scopes,
    }
    cursor.execute(
        "BEGIN; DELETE FROM permissions_clientassertion WHERE client_id = %(client)s"
        " AND expires_at < now() - interval '10 minutes';"
        " INSERT INTO permissions_clientassertion (client_id, jti, expires_at)"
        " VALUES (%(client)s, %(jti)s, now() + interval '1 minute');"
        " INSERT INTO credential (hash, agency_id, client_id, roles, scopes, created_at,"
        " expires_at, live, left_roles, system_of_record) VALUES (decode(%(hash)s, 'hex'),"
        " %(agency)s, %(client)s, '{}', %(scopes)s, now(), now() + interval '5 minutes', false,"
        f" '{{}}', false); {ENTRY}; COMMIT",
        context | {"hash": sha256(secret.encode()).hexdigest()},
    )
    return {
        "access_token": secret,
        "expires_in": 300,
        "token_type": "Bearer",
        "scope": " ".join(scopes),
    }


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
