"""An agency runs its own partner systems: its administrator adds, limits and ends them at the desk.

A change runs as `signin`, in one transaction with its access entry, which the database writes only
for the administrator of the system's agency (sec.log_own_system_change). A system of another agency
is answered as one that never was. What a system may be is decided where the operator's way is
(permissions/identity/partner_clients.py).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import IntegrityError, ProgrammingError, connection, connections, transaction

from permissions.audit import writer
from permissions.database.advisory_locks import lock_agency
from permissions.database.db_identity import identified_transaction
from permissions.database.uuid7 import uuid7
from permissions.errors import NotPossible, NotVisible, Unavailable
from permissions.identity import client_keys, ip_allowlist, partner_clients
from permissions.identity.client_keys import Key
from permissions.models import SCIM_SCOPE, Client
from permissions.policy.rules import require_administrator
from permissions.principal import Principal

MOST_SYSTEMS = 50  # of one agency, ended ones included


class System(NamedTuple):
    """A partner system as its agency's administrator sees it. Times are of the last 30 days:
    `used_at` a token was fetched, `refused_at` one was refused, for the reason `refusal`."""

    id: UUID
    client_id: str
    name: str
    scopes: list[str]
    system_of_record: bool
    networks: list[str] | None  # None: it may call from anywhere
    openings_a_day: int
    active: bool
    public_keys: dict[str, Any]
    keys_url: str | None
    opened: int  # referrals whose packets or notes it opened within 24 hours
    used_at: datetime | None
    refused_at: datetime | None
    refusal: str | None

    @property
    def keys(self) -> list[Key]:
        return client_keys.keys_of(self.public_keys)

    @property
    def is_scim(self) -> bool:
        """Whether it is the agency's identity provider, which has a token and no keys."""
        return self.scopes == [SCIM_SCOPE]


def list_systems(principal: Principal) -> list[System]:
    """The agency's systems: active ones first, then by name. One access entry. Raises
    NotPermitted."""
    with writer.logged_act(principal, "partner.list"):
        require_administrator(principal)
        return [one for one in _systems() if not one.is_scim]


def read_system(principal: Principal, system_id: UUID) -> tuple[System, dict[str, datetime]]:
    """One system, and when each of its keys was last used, by the key's code. One access entry.
    Raises NotPermitted, NotVisible."""
    with writer.logged_act(principal, "partner.read"):
        require_administrator(principal)
        found = next((one for one in _systems() if one.id == system_id and not one.is_scim), None)
        if found is None:
            raise NotVisible
        with connection.cursor() as cursor:
            cursor.execute("SELECT key_code, at FROM sec.own_system_key_uses(%s)", [system_id])
            return found, dict(cursor.fetchall())


def scim_system(principal: Principal) -> System | None:
    """The system of the agency's identity provider; `used_at` and `refused_at` are of whatever it
    asked for. None: there never was one. One access entry. Raises NotPermitted."""
    with writer.logged_act(principal, "partner.read"):
        require_administrator(principal)
        return next((one for one in _systems() if one.is_scim), None)


def _systems() -> list[System]:
    columns = ", ".join(System._fields)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM sec.own_systems()")  # noqa: S608 (of fixed parts)
        found = [System._make(row) for row in cursor.fetchall()]
    # The driver leaves jsonb as text.
    return [one._replace(public_keys=orjson.loads(one.public_keys)) for one in found]  # type: ignore[arg-type]


def client_id_of(agency_id: UUID, chosen: str) -> str:
    """The id of a new system: what its administrator chose, and an ending that is the agency's. So
    no one learns which ids other agencies have."""
    return f"{chosen}-{agency_id.hex[-8:]}"


def add_system(
    principal: Principal,
    chosen: str,
    name: str,
    scopes: Sequence[str],
    public_keys: dict[str, Any],
    *,
    known_scopes: Sequence[str],
    keys_url: str | None = None,
    system_of_record: bool = False,
    from_networks: Sequence[str] = (),
    openings_a_day: int,
) -> UUID:
    """Add a system, and return its id. `from_networks` empty: it may call from anywhere. The same
    name or id twice is refused, so a repeated request adds no second one. Raises BadRequest,
    NotPermitted, NotPossible, Unavailable."""
    client = partner_clients.new_client(
        principal.agency_id,
        client_id_of(principal.agency_id, chosen),
        name,
        scopes,
        public_keys,
        known_scopes=known_scopes,
        system_of_record=system_of_record,
        from_networks=from_networks,
        openings_a_day=openings_a_day,
    )
    client.keys_url = keys_url
    with _administering(principal, "partner.add"):
        kept = _systems_of(principal.agency_id)
        if kept.count() >= MOST_SYSTEMS:
            raise NotPossible("systems_full", "An agency has at most fifty systems.")
        if kept.filter(name=name, active=True).exists():
            raise NotPossible("system_name", "Your agency has a system with this name already.")
        try:
            with transaction.atomic(using="signin"):
                client.save(force_insert=True)
        except IntegrityError:
            raise NotPossible(
                "system_id", "Your agency has a system with this id already."
            ) from None
        _record(
            "partner.add",
            client,
            *partner_clients.rights_of(client),
            *_origin(client),
            f"quota:{openings_a_day}",
            *_codes(client.public_keys),
        )
    return UUID(str(client.id))


def add_keys(principal: Principal, system_id: UUID, public_keys: dict[str, Any]) -> None:
    """Add keys to those that the system has; its open tokens go on. Twice is safe. Raises
    BadRequest, NotPermitted, NotVisible, Unavailable."""
    new = client_keys.checked_key_set(public_keys)
    with _changing(principal, "partner.add_keys", system_id) as client:
        kept = client.public_keys
        joined = client_keys.joined(kept, new)
        more = sorted(set(_codes(joined)) - set(_codes(kept)))
        if more:
            client.public_keys = joined
            client.save(update_fields=["public_keys"])
            _record("partner.add_keys", client, *more)


def remove_key(principal: Principal, system_id: UUID, thumbprint: str) -> None:
    """Remove a key; the system's open tokens end. Twice is safe. Raises NotPermitted, NotVisible,
    NotPossible (its only key), Unavailable."""
    with _changing(principal, "partner.remove_key", system_id) as client:
        left = client_keys.without(client.public_keys, thumbprint)
        if len(left["keys"]) == len(client.public_keys["keys"]):
            return
        if not left["keys"]:
            raise NotPossible(
                "last_key",
                "This is the system's only key. Add the new one first, or end the system.",
            )
        partner_clients.save_narrowed(client, public_keys=left)
        _record("partner.remove_key", client, client_keys.key_code(thumbprint))


def set_keys_url(principal: Principal, system_id: UUID, url: str | None) -> None:
    """Keep the address that the system's keys are fetched from when a member asks; None: no longer.
    Twice is safe. Raises NotPermitted, NotVisible, Unavailable."""
    with _changing(principal, "partner.set_keys_url", system_id) as client:
        if client.keys_url != url:
            client.keys_url = url
            client.save(update_fields=["keys_url"])
            _record("partner.set_keys_url", client, "keys_url" if url else "no_keys_url")


def set_limits(
    principal: Principal, system_id: UUID, from_networks: Sequence[str], openings_a_day: int
) -> None:
    """Set the networks that the system may call from (empty: anywhere), and its daily quota. What
    changes ends its open tokens. Twice is safe. Raises BadRequest, NotPermitted, NotVisible,
    Unavailable."""
    networks = ip_allowlist.canonical_networks(from_networks) or None
    partner_clients.check_openings(openings_a_day)
    with _changing(principal, "partner.set_networks", system_id) as client:
        if client.networks != networks:
            partner_clients.save_narrowed(client, networks=networks)
            _record("partner.set_networks", client, *_origin(client))
        if client.openings_a_day != openings_a_day:
            partner_clients.save_narrowed(client, openings_a_day=openings_a_day)
            _record("partner.set_quota", client, f"quota:{openings_a_day}")


def end_system(principal: Principal, system_id: UUID) -> None:
    """End the system's access and its open tokens, which stay ended. Twice is safe. Raises
    NotPermitted, NotVisible, Unavailable."""
    _set_active(principal, "partner.end", system_id, False)


def return_system(principal: Principal, system_id: UUID) -> None:
    """Let the system fetch tokens again, with the keys, scopes and networks it has. Twice is safe.
    Raises NotPermitted, NotVisible, NotPossible (its name was given to another), Unavailable."""
    _set_active(principal, "partner.return", system_id, True)


def _set_active(principal: Principal, act: str, system_id: UUID, active: bool) -> None:
    with _changing(principal, act, system_id) as client:
        if client.active == active:
            return
        others = Client.objects.filter(
            agency_id=client.agency_id, name=client.name, active=True, card=None
        )
        if active and others.exists():
            raise NotPossible("system_name", "Your agency has a system with this name already.")
        partner_clients.save_narrowed(client, active=active)
        _record(act, client)


# -- One change ------------------------------------------------------------------------------------


def _systems_of(agency_id: UUID) -> Any:
    """The agency's partner systems. Its card and its identity provider are none: they never get a
    key."""
    own = Client.objects.using("signin").filter(agency_id=agency_id, card=None)
    return own.exclude(scopes=[SCIM_SCOPE])


@contextmanager
def _administering(principal: Principal, act: str) -> Iterator[None]:
    """A transaction as `signin` with the caller's identity, one at a time for an agency. A refusal
    inside is an access entry of `act`."""
    with writer.log_refusals(principal, act), identified_transaction(principal, "signin"):
        require_administrator(principal)
        lock_agency(principal.agency_id, "signin")
        yield


@contextmanager
def _changing(principal: Principal, act: str, system_id: UUID) -> Iterator[Client]:
    """The same, of one of the agency's systems, locked against the operator's commands as well."""
    with _administering(principal, act):
        own = _systems_of(principal.agency_id).select_for_update(of=("self",), no_key=True)
        client: Client | None = own.filter(id=system_id).first()
        if client is None:
            raise NotVisible
        yield client


def _record(act: str, client: Client, *codes: str) -> None:
    """Write the entry of the open transaction's change. The database refuses it, and so the change,
    to a caller whose right has ended."""
    here = writer.origin.get()
    values: list[Any] = [uuid7(), act, client.id, list(codes), here.request_id, here.address_prefix]
    denied: BaseException | None = None
    try:
        with writer.unwritten_is_unavailable(), connections["signin"].cursor() as cursor:
            cursor.execute("SELECT sec.log_own_system_change(%s, %s, %s, %s, %s, %s)", values)
    except Unavailable as error:
        denied = error.__cause__
        if not isinstance(denied, ProgrammingError):
            raise
    if denied is not None:
        raise denied  # with its own cause, by which log_refusals knows whom it denies


def _origin(client: Client) -> list[str]:
    return [f"networks:{len(client.networks)}" if client.networks else "from_anywhere"]


def _codes(key_set: dict[str, Any]) -> list[str]:
    return [one.code for one in client_keys.keys_of(key_set)]
