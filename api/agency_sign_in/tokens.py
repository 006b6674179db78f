"""Reads what a provider signs: ID tokens and logout tokens. Every fault is one error with a code
for the log; nothing of a token is repeated.

jwcrypto checks the signature. Only asymmetric algorithms are taken, so neither an unsigned token
nor one that is signed with the client's own secret is anyone's. Claims about roles are not read.
"""

import hmac
import json
import re
import time
from typing import Any, NamedTuple

from jwcrypto import jwk, jws
from jwcrypto.common import JWException

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
MOST_CHARACTERS = 16_000
LATE_S = 60  # how far the provider's clock may be off
MOST_AGE_S = 10 * 60  # of a token that was just made
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
UNREADABLE = (JWException, ValueError, TypeError, LookupError, AttributeError, RecursionError)


class BadToken(Exception):
    """The token is not the provider's word for us, now. `code`: for the access log."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class Account(NamedTuple):
    """Who signed in at the provider, and the provider's name for the session ('': none)."""

    subject: str
    sid: str


class Ended(NamedTuple):
    """What a provider says has ended: all of an account's sessions, or (`sid`) one of them."""

    subject: str | None
    sid: str | None
    jti: str


def header_of(token: str) -> dict[str, Any]:
    """The header of a token that was not checked yet. Raises BadToken."""
    if len(token) > MOST_CHARACTERS or not _COMPACT.fullmatch(token):
        raise BadToken("token_unreadable")
    try:
        read = jws.JWS()
        read.deserialize(token)
        header = read.jose_header
        alg = header["alg"]
    except UNREADABLE:
        raise BadToken("token_unreadable") from None
    if alg not in ALGORITHMS:
        raise BadToken("token_alg")
    return dict(header)


def claims_of(token: str, keys: list[dict[str, Any]], issuer: str, client_id: str) -> Any:
    """The claims of a token that one of these keys signed, from this issuer, for this client.
    Raises BadToken."""
    header = header_of(token)
    for one in _usable(keys, header):
        claims = _verified(token, one)
        if claims is not None:
            break
    else:
        raise BadToken("token_signature")
    if claims.get("iss") != issuer:
        raise BadToken("token_issuer")
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if client_id not in named or not all(isinstance(one, str) for one in named):
        raise BadToken("token_audience")
    party = claims.get("azp")
    if (len(named) > 1 or party is not None) and party != client_id:
        raise BadToken("token_audience")
    now = time.time()
    _require_time(claims.get("iat"), now - MOST_AGE_S, now + LATE_S)
    return claims


def _usable(keys: list[dict[str, Any]], header: dict[str, Any]) -> list[dict[str, Any]]:
    kid = header.get("kid")
    return [
        one
        for one in keys
        if one.get("kty") in ("RSA", "EC", "OKP")
        and one.get("use", "sig") == "sig"
        and one.get("alg", header["alg"]) == header["alg"]
        and (kid is None or one.get("kid") == kid)
    ]


def _verified(token: str, key: dict[str, Any]) -> dict[str, Any] | None:
    try:
        read = jws.JWS()
        read.allowed_algs = list(ALGORITHMS)
        read.deserialize(token, jwk.JWK(**key))
        claims = json.loads(read.payload)
    except UNREADABLE:
        return None
    return claims if isinstance(claims, dict) else None


def _require_time(value: Any, least: float, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise BadToken("token_time")


def account_of(claims: dict[str, Any], nonce: str | None) -> Account:
    """Who signed in, by the claims of an ID token. `nonce` None: it comes with a refresh, which
    answers no request of a browser. Raises BadToken."""
    now = time.time()
    _require_time(claims.get("exp"), now - LATE_S, float("inf"))
    if "events" in claims:  # a logout token is none
        raise BadToken("token_unreadable")
    if nonce is not None:
        given = claims.get("nonce")
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
            raise BadToken("token_nonce")
    return Account(_text(claims.get("sub")), _text(claims.get("sid"), ""))


def ended_of(token: str, claims: dict[str, Any]) -> Ended:
    """What has ended, by the claims of a logout token (Back-Channel Logout 1.0, section 2.6).
    Raises BadToken."""
    events, jti = claims.get("events"), _text(claims.get("jti"))
    if header_of(token).get("typ", "JWT").lower() not in ("logout+jwt", "jwt"):
        raise BadToken("token_unreadable")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise BadToken("token_unreadable")
    if "nonce" in claims:  # an ID token is none
        raise BadToken("token_nonce")
    if "exp" in claims:
        _require_time(claims["exp"], time.time() - LATE_S, float("inf"))
    subject, sid = _text(claims.get("sub"), ""), _text(claims.get("sid"), "")
    if not subject and not sid:
        raise BadToken("token_unreadable")
    return Ended(subject or None, sid or None, jti)


def _text(value: Any, missing: str | None = None) -> str:
    if value is None and missing is not None:
        return missing
    if not isinstance(value, str) or not 1 <= len(value) <= 255 or not value.isprintable():
        raise BadToken("token_unreadable")
    return value
