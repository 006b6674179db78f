"""What Cairn asks of an agency's provider: where its endpoints are, its keys, and tokens.

Every request goes where a webhook may go (referrals/webhooks/ssrf_guard.py): public addresses,
no redirect, little of an answer, a few seconds. What a provider says of itself is remembered for an
hour, by each process; a provider that does not answer is not asked again for half a minute, so that
it holds up no one.
"""

import base64
import hashlib
import json
import threading
import time
from typing import Any, NamedTuple
from urllib.parse import quote_plus, urlencode, urlsplit

import structlog
from django.conf import settings

from api.agency_sign_in import tokens
from api.agency_sign_in.tokens import Account, BadToken
from permissions.agency_sign_in import providers
from permissions.errors import Unavailable
from permissions.models import SignInProvider
from referrals.webhooks import ssrf_guard
from referrals.webhooks.fetches import Fetch
from referrals.webhooks.ssrf_guard import NoAnswer, TargetRefused

log = structlog.get_logger()

WITHIN_S = 2.5  # one exchange, after the look-up of the name: a lock may be held for as long
MOST_BYTES = 64_000
KEPT_S = 3600
RESTS_S = 30
RESTS = "provider_rests"  # it was not asked just now
KEYS_AT_MOST_EVERY_S = 60  # for a key that is not known yet
# What a token endpoint answers where it is the person who may not go on, not Cairn.
OF_THE_PERSON = frozenset(
    (
        *("invalid_grant", "access_denied", "login_required", "interaction_required"),
        *("consent_required", "account_selection_required"),
    )
)


class Away(Exception):
    """The provider does not answer, or not as one. `code`: for people who look into it;
    `is_outage`: it failed, whatever it was asked."""

    def __init__(self, code: str, *, is_outage: bool = False) -> None:
        self.code, self.is_outage = code, is_outage
        super().__init__(code)


class Denied(Exception):
    """The provider says that this code, or this person's sign-in, is good no more."""


class Metadata(NamedTuple):
    """What a provider publishes of itself (OpenID Connect Discovery 1.0, section 3)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    posts_secret: bool
    offers_offline: bool


class Given(NamedTuple):
    """What the token endpoint gave: who signed in (None: not said again), and a refresh token."""

    account: Account | None
    refresh_token: str | None


class _Kept:
    """What this process remembers of providers."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.metadata: dict[str, tuple[float, Metadata]] = {}
        self.keys: dict[str, tuple[float, list[dict[str, Any]]]] = {}
        self.away: dict[str, float] = {}


_kept = _Kept()


def forget() -> None:
    """Forget what this process remembers of every provider."""
    global _kept
    _kept = _Kept()


def discovery_address(issuer: str) -> str:
    return f"{issuer.removesuffix('/')}/.well-known/openid-configuration"


def check_issuer(issuer: str) -> bool:
    """Whether this may be an issuer: an address that Cairn may ask, without a query."""
    try:
        ssrf_guard.needs_lookup(discovery_address(issuer), settings.PROVIDER_LOOPBACK)
    except TargetRefused:
        return False
    return "?" not in issuer


def metadata(issuer: str) -> Metadata:
    """What the provider publishes. Raises Away."""
    found = _kept.metadata.get(issuer)
    if found is None or time.monotonic() - found[0] > KEPT_S:
        found = time.monotonic(), _read_metadata(issuer, _get(issuer, discovery_address(issuer)))
        _kept.metadata[issuer] = found
    return found[1]


def _read_metadata(issuer: str, said: Any) -> Metadata:
    if not isinstance(said, dict) or said.get("issuer") != issuer:
        raise Away("provider_metadata")
    named = [said.get(one) for one in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    if not all(isinstance(one, str) and _may_be_asked(one) for one in named):
        raise Away("provider_metadata")
    methods = said.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    offline = "offline_access" in (said.get("scopes_supported") or ())
    return Metadata._make([*named, "client_secret_basic" not in methods, offline])


def _may_be_asked(url: str) -> bool:
    try:
        ssrf_guard.needs_lookup(url, settings.PROVIDER_LOOPBACK)
    except TargetRefused:
        return False
    return True


def keys(issuer: str, kid: str | None) -> list[dict[str, Any]]:
    """The provider's public keys; fetched again for one that is not among them. Raises Away."""
    found = _kept.keys.get(issuer)
    age = time.monotonic() - found[0] if found else KEPT_S + 1
    known = found is not None and (kid is None or any(one.get("kid") == kid for one in found[1]))
    if found is None or age > KEPT_S or (not known and age > KEYS_AT_MOST_EVERY_S):
        said = _get(issuer, metadata(issuer).jwks_uri)
        listed = said.get("keys") if isinstance(said, dict) else None
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            raise Away("provider_keys")
        found = _kept.keys[issuer] = time.monotonic(), listed[:20]
    return found[1]


def claims_of(provider: SignInProvider, token: str) -> Any:
    """The claims of a token that the provider signed for us. Raises BadToken, Away."""
    kid = tokens.header_of(token).get("kid")
    held = keys(provider.issuer, kid if isinstance(kid, str) else None)
    return tokens.claims_of(token, held, provider.issuer, provider.client_id)


# -- The way there and back ------------------------------------------------------------------------


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier (RFC 7636)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def way_there(provider: SignInProvider, back: str, state: str, nonce: str, verifier: str) -> str:
    """The address at the provider that a browser is sent to. Raises Away."""
    found = metadata(provider.issuer)
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": back,
        "scope": "openid offline_access" if found.offers_offline else "openid",
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }
    joint = "&" if urlsplit(found.authorization_endpoint).query else "?"
    return f"{found.authorization_endpoint}{joint}{urlencode(asked)}"


def redeem(provider: SignInProvider, code: str, verifier: str, back: str, nonce: str) -> Given:
    """Who signed in, for the code that their browser brought. Raises Denied, BadToken, Away."""
    said = _ask_for_tokens(
        provider,
        {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": verifier,
        },
    )
    token = said.get("id_token")
    if not isinstance(token, str):
        raise BadToken("token_unreadable")
    account = tokens.account_of(claims_of(provider, token), nonce)
    return Given(account, _refresh_token(said))


def refresh(provider: SignInProvider, refresh_token: str) -> Given:
    """Ask whether the person may still sign in. Without a new refresh token the old one goes on.
    Raises Denied, BadToken, Away."""
    said = _ask_for_tokens(
        provider, {"grant_type": "refresh_token", "refresh_token": refresh_token}
    )
    account, token = None, said.get("id_token")
    if isinstance(token, str):
        account = tokens.account_of(claims_of(provider, token), None)
    return Given(account, _refresh_token(said) or refresh_token)


def _refresh_token(said: dict[str, Any]) -> str | None:
    given = said.get("refresh_token")
    usable = isinstance(given, str) and 0 < len(given) <= tokens.MOST_CHARACTERS
    return given if usable else None


def _ask_for_tokens(provider: SignInProvider, asked: dict[str, str]) -> dict[str, Any]:
    found, secret = metadata(provider.issuer), providers.secret_of(provider)
    headers = {}
    if found.posts_secret:
        asked |= {"client_id": provider.client_id, "client_secret": secret}
    else:  # RFC 6749, section 2.3.1
        pair = f"{quote_plus(provider.client_id)}:{quote_plus(secret)}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    status, said = _exchange(
        provider.issuer, found.token_endpoint, urlencode(asked).encode(), headers
    )
    if status == 200 and isinstance(said, dict):
        return said
    error = said.get("error") if isinstance(said, dict) else None
    if status in (400, 401, 403) and error in OF_THE_PERSON:
        raise Denied
    if status >= 500:
        raise _away(provider.issuer, "provider_status")
    # Our own client is refused, or nothing that a token endpoint says: not the person's fault.
    raise Away("provider_tokens")


# -- One exchange ----------------------------------------------------------------------------------


def _get(issuer: str, url: str) -> Any:
    status, said = _exchange(issuer, url)
    if status != 200:
        raise _away(issuer, "provider_status") if status >= 500 else Away("provider_status")
    return said


def _exchange(
    issuer: str, url: str, form: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    """Status and JSON of an answer. Raises Away."""
    until = _kept.away.get(issuer, 0)
    if time.monotonic() < until:
        raise Away(RESTS)
    try:
        target = ssrf_guard.resolve_target(url, local=settings.PROVIDER_LOOPBACK)
        with Fetch(target, WITHIN_S) as connection:
            if form is None:
                status, content = connection.get(MOST_BYTES, "application/json")
            else:
                status, content = connection.post_form(form, MOST_BYTES, headers or {})
    except TargetRefused:
        raise _away(issuer, "provider_address") from None
    except NoAnswer as error:
        raise _away(issuer, f"provider_{error.outcome}") from None
    except Unavailable:  # too many look-ups at once: no word about the provider
        raise Away(RESTS) from None
    try:
        return status, json.loads(content)
    except (ValueError, RecursionError):
        if status >= 500:
            raise _away(issuer, "provider_status") from None
        return status, None


def _away(issuer: str, code: str) -> Away:
    log.warning("sign_in_provider_away", error=code)
    _kept.away[issuer] = time.monotonic() + RESTS_S
    return Away(code, is_outage=True)
