"""The operator adds partner systems and limits what they may do: `manage.py client`.

Runs as `door`. Each change of their rights is written to the log first.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwcrypto import jwk
from jwcrypto.common import JWException

from permissions.audit.writer import log_operator_change
from permissions.errors import BadRequest
from permissions.identity import credentials, ip_allowlist
from permissions.identity.provisioning import check_agency, check_text
from permissions.models import MOST_OPENINGS, OPENINGS_A_DAY, Client
from permissions.principal import are_compatible


def add_client(
    agency_id: UUID,
    client_id: str,
    name: str,
    scopes: Sequence[str],
    public_keys: dict[str, Any],
    *,
    known_scopes: Sequence[str],
    system_of_record: bool = False,
    from_networks: Sequence[str] = (),
    openings_a_day: int = OPENINGS_A_DAY,
) -> Client:
    """Add a partner system to the agency. `public_keys` is a JWK set without private parts. If
    `from_networks` names any, the system may call only from them. Raises BadRequest."""
    _check_openings(openings_a_day)
    if not scopes or not set(scopes) <= set(known_scopes):
        raise BadRequest(detail=f"scopes are of {', '.join(known_scopes)}.")
    if not are_compatible(scopes):
        raise BadRequest(
            detail="audit:read excludes every other scope but webhooks:write (of a witness): who"
            " reads the log does nothing that stands in it. Add two clients."
        )
    keys, kept = _key_set(public_keys), ip_allowlist.canonical_networks(from_networks)
    check_text("client_id", client_id, 255)
    check_text("name", name)
    check_agency(agency_id)
    if Client.objects.filter(client_id=client_id).exists():
        raise BadRequest(detail="A client of this id is there already.")
    client = Client(
        client_id=client_id,
        client_type=Client.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Client.GRANT_CLIENT_CREDENTIALS,
        name=name,
        agency_id=agency_id,
        scopes=sorted(set(scopes)),
        public_keys=keys,
        system_of_record=system_of_record,
        networks=kept or None,
        openings_a_day=openings_a_day,
    )
    may = [*client.scopes, *(["system_of_record"] if system_of_record else [])]
    log_operator_change("client.add", agency_id, client_id=client.id, fields=may)
    client.save(force_insert=True)
    return client


def change_keys(client_id: str, public_keys: dict[str, Any]) -> Client:
    """Replace the client's keys; give both the old and the new key while it changes over. Twice is
    safe. Raises BadRequest."""
    return _change(find_client(client_id), "change_keys", public_keys=_key_set(public_keys))


def change_networks(client_id: str, from_networks: Sequence[str]) -> Client:
    """Replace the networks that the client may call from; empty: any. This applies to its open
    tokens at once. Twice is safe. Raises BadRequest."""
    kept = ip_allowlist.canonical_networks(from_networks)
    return _change(find_client(client_id), "change_networks", networks=kept or None)


def change_budget(client_id: str, openings_a_day: int) -> Client:
    """Set for how many different referrals the client may open packets or notes within 24 hours.
    Twice is safe. Raises BadRequest."""
    _check_openings(openings_a_day)
    return _change(find_client(client_id), "change_budget", openings_a_day=openings_a_day)


def set_active(client_id: str, active: bool) -> None:
    """Set whether a partner system has access. Ending it also ends its open tokens, which stay
    ended when it returns. Twice is safe. Raises BadRequest."""
    client = _change(find_client(client_id), "return" if active else "end", active=active)
    if not active:
        credentials.end_all_of_client(client)


def _change(client: Client, act: str, **columns: object) -> Client:
    """Change the client after writing the entry, which uses another connection: the entry records
    the attempt, whether or not the change succeeds."""
    log_operator_change(f"client.{act}", client.agency_id, client_id=client.id)
    for name, value in columns.items():
        setattr(client, name, value)
    client.save(update_fields=list(columns))
    return client


def _check_openings(number: int) -> None:
    if not 1 <= number <= MOST_OPENINGS:
        raise BadRequest(
            detail=f"openings_a_day is 1 to {MOST_OPENINGS}; a system that is to open nothing goes"
            " without the scope packets:read."
        )


def find_client(client_id: str) -> Client:
    """The partner system with this id. Raises BadRequest."""
    found: Client | None = Client.objects.filter(client_id=client_id).first()
    if found is None:
        raise BadRequest(detail="There is no client of this id: manage.py client show --agency ID.")
    return found


def _key_set(given: dict[str, Any]) -> dict[str, Any]:
    keys = given.get("keys")
    if not isinstance(keys, list) or not keys or not all(isinstance(one, dict) for one in keys):
        raise BadRequest(detail='The key set is a JWK set: {"keys": [...]} (RFC 7517).')
    return {"keys": [_public_key(one) for one in keys]}


def _public_key(given: dict[str, Any]) -> dict[str, Any]:
    """The public part of a key with which the token endpoint checks assertions
    (api/accounts/oauth.py). Raises BadRequest."""
    if {"d", "k", "p", "q"} & set(given) or given.get("kty") == "oct":
        raise BadRequest(detail="The key set holds a private key: send the public part only.")
    try:
        read = jwk.JWK(**given)
        key = read.get_op_key("verify")
    except (JWException, ValueError, KeyError, TypeError, NotImplementedError):
        key = None
    strong = (
        (isinstance(key, RSAPublicKey) and key.key_size >= 2048)
        or (isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1))
        or isinstance(key, Ed25519PublicKey)
    )
    if not strong:
        raise BadRequest(
            detail="Each key is for signatures: RSA of at least 2048 bits, EC P-256 or Ed25519."
        )
    public: dict[str, Any] = read.export_public(as_dict=True)
    return public
