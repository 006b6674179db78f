"""The token by which an agency's identity provider asks over SCIM (RFC 7644): the agency's
administrator makes one, replaces it and removes it.

It lets a system in, never a person, and only to what scim_users.py does. It is a partner system
with the one scope `scim`, so its row has a MAC and a version, and the access log names it. Only the
SHA-256 of the token is stored.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from django.db import transaction

from permissions.database.advisory_locks import lock_agency
from permissions.enrollment import invitation_rows as rows
from permissions.enrollment.administration import administered, code_of
from permissions.errors import BadRequest, NotAuthenticated, NotPermitted, Refused, TooOften
from permissions.identity import (
    brakes,
    credentials,
    ip_allowlist,
    partner_clients,
    row_macs,
)
from permissions.identity.brakes import Limit
from permissions.models import SCIM_SCOPE, Client, ScimUser
from permissions.principal import Principal

NAME = "Identity provider (SCIM)"
PREFIX = "cairn_scim_"  # so that a scanner of files and messages knows one that leaked
REQUESTS = Limit("scim_requests", 6000, timedelta(hours=1))
ELSEWHERE = "address_not_allowed"


# -- The agency's administrator --------------------------------------------------------------------


def set_token(principal: Principal, from_networks: Sequence[str]) -> str:
    """Make the agency's token, and end the one before with every invitation by it that waits.
    Returns the token, which is nowhere kept. `from_networks` empty: it works from anywhere.

    Twice makes two, and the second counts. Raises BadRequest, NotPermitted, Unavailable.
    """
    networks = ip_allowlist.canonical_networks(from_networks) or None
    secret = PREFIX + secrets.token_urlsafe(32)
    with administered(principal, "scim.set_token") as codes:
        lock_agency(principal.agency_id, "signin")
        client = _locked(principal.agency_id)
        changes = {"token_hash": _hash(secret), "networks": networks, "active": True}
        if client is None:
            client = Client(
                client_id=f"scim_{principal.agency_id.hex}",
                client_type=Client.CLIENT_CONFIDENTIAL,
                authorization_grant_type=Client.GRANT_CLIENT_CREDENTIALS,
                name=NAME,
                agency_id=principal.agency_id,
                scopes=[SCIM_SCOPE],
                public_keys={"keys": []},
                **changes,
            )
            client.save(using="signin", force_insert=True)
        else:
            rows.end_of_system(client.id)
            partner_clients.save_narrowed(client, **changes)
        origin = f"networks:{len(networks)}" if networks else "from_anywhere"
        codes += [code_of("system", client.id), origin]
    return secret


def end_token(principal: Principal) -> None:
    """Remove the agency's token, with every invitation by it that waits and what the provider
    calls people. Twice is safe. Raises NotPermitted, Unavailable."""
    with administered(principal, "scim.end_token") as codes:
        lock_agency(principal.agency_id, "signin")
        client = _locked(principal.agency_id)
        if client is None:
            return
        rows.end_of_system(client.id)
        ScimUser.objects.using("signin").filter(agency_id=principal.agency_id).delete()
        partner_clients.save_narrowed(client, token_hash=None, active=False)
        codes.append(code_of("system", client.id))


def _locked(agency_id: object) -> Client | None:
    own = Client.objects.using("signin").select_for_update(no_key=True)
    found: Client | None = own.filter(agency_id=agency_id, scopes=[SCIM_SCOPE]).first()
    return found


# -- The system ------------------------------------------------------------------------------------


def system_of(secret: str, address: str) -> Client:
    """The system whose token this is, calling from this address, and one request of it counted.

    Raises NotAuthenticated (no such token, it has ended, the agency is not active: not logged),
    NotPermitted (the address is not allowed), TooOften, Unavailable (`binding`).
    """
    systems = Client.objects.using("signin").select_related("agency")
    client: Client | None = systems.filter(token_hash=_hash(secret)).first()
    if client is None:
        raise NotAuthenticated
    row_macs.require_bound(client)
    if not (client.active and client.agency.active):
        raise NotAuthenticated
    if not ip_allowlist.is_allowed(address, client.networks, client.agency_id):
        _log_refusal(client, "api.authenticate", ELSEWHERE)
        raise NotPermitted(ELSEWHERE, "This address is not on the allow-list of your agency.")
    try:
        with transaction.atomic(using="signin"):
            brakes.require_turn(REQUESTS, client.id, using="signin")
    except TooOften as refusal:
        _log_refusal(client, "api.authenticate", refusal.code)
        raise
    return client


class Attempt:
    """One act of a system: what it is called in the log, and the codes of its entry."""

    def __init__(self, act: str) -> None:
        self.act = act
        self.codes: list[str] = []


@contextmanager
def provisioning(system: Client, act: str) -> Iterator[Attempt]:
    """Run one act of the system in one transaction of `signin` with its access entry. The system's
    row is locked and read again: its acts come one after the other, and none after its token has
    ended. A refusal is logged, and nothing has changed. Raises NotAuthenticated, Unavailable."""
    attempt = Attempt(act)
    try:
        with transaction.atomic(using="signin"):
            _require_still(system)
            yield attempt
            credentials.log_sign_in(
                attempt.act,
                agency_id=system.agency_id,
                client_id=system.id,
                fields=attempt.codes or None,
            )
    except BadRequest:
        raise
    except Refused as refusal:
        _log_refusal(system, attempt.act, refusal.code)
        raise


def _require_still(system: Client) -> None:
    own = Client.objects.using("signin").select_for_update(no_key=True)
    now = own.filter(id=system.id, active=True).first()
    if now is None or now.token_hash is None:
        raise NotAuthenticated
    row_macs.require_bound(now)
    if bytes(now.token_hash) != bytes(system.token_hash or b""):
        raise NotAuthenticated


def _log_refusal(system: Client, act: str, code: str) -> None:
    credentials.log_sign_in(act, agency_id=system.agency_id, client_id=system.id, refused=code)


def _hash(secret: str) -> bytes:
    return rows.hash_secret(secret)
