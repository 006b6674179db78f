"""What a session keeps while its browser is at an agency's provider, and what it brought back. Each
is good once, and for ten minutes."""

import hmac
import secrets
import time
from typing import NamedTuple
from uuid import UUID

from django.http import HttpRequest

from api.agency_sign_in import provider_client
from api.agency_sign_in.provider_client import Given
from permissions.models import SignInProvider

LIVES_S = 10 * 60
SIGN_IN, LINK, TEST, JOIN = "sign_in", "link", "test", "join"  # what it is for
_PENDING = "at_provider"
_BROUGHT = "brought_from_provider"


class Pending(NamedTuple):
    """A browser that was sent to a provider."""

    provider_id: str
    purpose: str
    state: str
    nonce: str
    verifier: str
    go_on: str
    at: float


class Brought(NamedTuple):
    """An account that an invited person proved to be theirs, until they have chosen a name."""

    provider_id: str
    subject: str
    sid: str
    refresh_token: str | None
    at: float


def begin(
    request: HttpRequest, provider: SignInProvider, purpose: str, go_on: str, back: str
) -> str:
    """Keep what the answer is checked by; return the address to send the browser to. Raises
    Away."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    there = provider_client.way_there(provider, back, state, nonce, verifier)
    made = Pending(provider.id.hex, purpose, state, nonce, verifier, go_on, time.time())
    request.session[_PENDING] = list(made)
    if purpose == SIGN_IN and not request.user.is_authenticated:
        request.session.set_expiry(LIVES_S)  # a stranger's is soon forgotten
    return there


def take(request: HttpRequest, state: str) -> Pending | None:
    """What this answer belongs to; None: nothing, or it was taken before."""
    found = request.session.pop(_PENDING, None)
    if found is None:
        return None
    pending = Pending(*found)
    mine = hmac.compare_digest(pending.state.encode(), state.encode(errors="replace"))
    return pending if mine and time.time() - pending.at < LIVES_S else None


def keep(request: HttpRequest, provider: SignInProvider, given: Given) -> None:
    """Keep the account that an invited person brought."""
    assert given.account is not None
    account = given.account
    brought = Brought(
        provider.id.hex, account.subject, account.sid, given.refresh_token, time.time()
    )
    request.session[_BROUGHT] = list(brought)


def brought(request: HttpRequest, provider: SignInProvider | None) -> Brought | None:
    """The account that was brought from this provider, if it is not too long ago."""
    found = request.session.get(_BROUGHT)
    if found is None or provider is None:
        return None
    kept = Brought(*found)
    fits = UUID(kept.provider_id) == provider.id and time.time() - kept.at < LIVES_S
    return kept if fits else None


def forget(request: HttpRequest) -> None:
    """Forget the account that was brought."""
    request.session.pop(_BROUGHT, None)
