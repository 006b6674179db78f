"""Fetches a partner system's public keys from the address that its agency named, when a member asks
for it (RFC 7517, section 5). It goes where a webhook may go, and counts as a webhook's look-up."""

from typing import Any

from permissions.audit import writer
from permissions.errors import BadRequest, Refused
from permissions.identity import client_keys
from permissions.policy.rules import require_administrator
from permissions.principal import Principal
from referrals.webhooks import name_lookups, ssrf_guard
from referrals.webhooks.fetches import Fetch
from referrals.webhooks.ssrf_guard import NoAnswer, TargetRefused

WITHIN_S = 5.0  # the whole exchange, after the look-up of the name
MOST_BYTES = client_keys.MOST_TEXT
ACCEPT = "application/jwk-set+json, application/json"


def check_address(url: str) -> None:
    """Raise BadRequest unless the address is of a form that keys may be fetched from."""
    try:
        ssrf_guard.needs_lookup(url)
    except TargetRefused:
        raise _wrong_address() from None


def fetch_keys(principal: Principal, act: str, url: str) -> dict[str, Any]:
    """The public keys at this address now, checked. Nothing is stored. `act`: what they are wanted
    for; a refusal is its access entry. No answer says what is behind a host.

    Raises NotPermitted, BadRequest, TooOften, LookupsBusy.
    """
    try:
        require_administrator(principal)
        return client_keys.read_key_text(_fetched(principal, url))
    except Refused as refusal:
        writer.log_refusal(principal, act, refusal.code)
        refusal.logged = True
        raise


def _fetched(principal: Principal, url: str) -> str:
    try:
        if ssrf_guard.needs_lookup(url):
            name_lookups.count_lookup(principal)
        target = ssrf_guard.resolve_target(url)
        with Fetch(target, WITHIN_S) as connection:
            status, content = connection.get(MOST_BYTES, ACCEPT)
    except TargetRefused:
        raise _wrong_address() from None
    except NoAnswer:
        raise _no_keys() from None
    if status != 200:
        raise _no_keys()
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise _no_keys() from None


def _wrong_address() -> BadRequest:
    return BadRequest(
        "keys_url", "Keys are fetched from https addresses of public hosts, port 443 or 8443."
    )


def _no_keys() -> BadRequest:
    return BadRequest(
        "no_keys_there",
        "No key set was found there. The address must answer at once, with status 200, without a"
        " redirect, and with a JWK set of at most 64 kB.",
    )
