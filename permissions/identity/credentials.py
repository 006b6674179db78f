"""Credentials: opened at sign-in and token issue, resolved at every request, ended at sign-out.

Only the role `signin` writes them. `resolve_credential` runs as `app`, which can read only the
caller's own identity.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, connections, transaction

from permissions.audit import writer
from permissions.database.clock import database_now
from permissions.database.db_identity import BY_STAFF_REF, identification
from permissions.database.prepared_statements import PreparedStatement
from permissions.database.uuid7 import uuid7
from permissions.errors import Unavailable
from permissions.identity import row_macs
from permissions.keys import closings
from permissions.keys.derived_keys import derived_key
from permissions.keys.keystore import seal, unseal
from permissions.models import Client, Credential, Membership, Person
from permissions.principal import Principal

DEVICE = "device of a sign-in"
BACKGROUND = "works"  # in place of a device's code, as long: no device, but the background work

# Who the last credential was of that was good, in this request.
last_resolved: ContextVar[Principal | None] = ContextVar("last_resolved", default=None)


def hash_secret(secret: str) -> str:
    """Hex SHA-256. The secret has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


Found = TypeVar("Found")


class _Given(NamedTuple):
    """What a credential's MAC covers, after the hash of its secret."""

    agency_id: UUID
    membership_id: UUID | None = None
    person_id: UUID | None = None
    client_id: UUID | None = None
    roles: Sequence[str] = ()  # at the sign-in
    scopes: Sequence[str] = ()
    system_of_record: bool = False
    networks: Sequence[str] | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None


# The clock, the caller, and what binds the caller's rows.
_CALLER = PreparedStatement(
    "who_calls",
    "SELECT sec.clock(), me.agency_id, me.member_id, me.person_id, me.client_id, me.roles,"
    " me.scopes, a.kind, a.duties, me.system_of_record, me.networks,"
    " bound.membership_id, bound.roles, bound.created_at, bound.expires_at, bound.mac,"
    " bound.acting_version, bound.acting_mac, a.exercise_id, a.practice_of_id,"
    " bound.acting_staff_ref"
    " FROM sec.identity() me JOIN permissions_agency a ON a.id = me.agency_id"
    " CROSS JOIN sec.caller_binding() bound",
)


def resolve_credential(secret: str, acting: str = "") -> Principal | None:
    """The principal whose live credential has this `secret`; None if there is none.

    `acting`: the member of staff that a client names, by their id, or by `staff_ref:` and their
    number in the client's agency; the Principal has their id. One query, no cache: a revoked token
    is refused at the next request. Raises Unavailable (`binding`) for a row that this server did
    not write: it proves each row by its MAC, since the database says only what its writer wants.
    """
    token_hash = hash_secret(secret)
    row = _with_reconnect(lambda: _query_caller(token_hash, acting))
    if row is None:
        return None
    acting = acting if row[4] is not None else ""  # people act as themselves
    _require_bound(token_hash, acting, row)
    principal = Principal(
        agency_id=row[1],
        member_id=row[2],
        person_id=row[3],
        client_id=row[4],
        roles=frozenset(row[5]),
        scopes=frozenset(row[6]),
        agency_kind=row[7],
        duties=frozenset(row[8]),
        system_of_record=row[9],
        token_hash=token_hash,
        acting=str(row[2]) if acting else "",
        networks=tuple(row[10] or ()),
        exercise_id=row[18],
        practice_of=row[19],
    )
    last_resolved.set(principal)
    return principal


def _require_bound(token_hash: str, acting: str, row: tuple[Any, ...]) -> None:
    """Raise Unavailable unless the credential, and the membership that a client names, are bound:
    every value of the Principal comes from a MAC, or is less than what a MAC allows."""
    now, agency_id, member_id, person_id, client_id, roles, scopes = row[:7]
    membership_id, signed_in_as, created_at, expires_at, credential_mac = row[11:16]
    content = _Given(
        agency_id,
        membership_id,
        None if acting else person_id,
        client_id,
        signed_in_as,
        scopes,
        row[9],
        row[10],
        created_at,
        expires_at,
    )
    bound = (
        row_macs.is_right(credential_mac, "credential", [token_hash, *content])
        and closings.least_version(token_hash[:32]) == 0
        and expires_at > max(now, datetime.now(UTC))
        and (bool(acting) or (member_id == membership_id and set(roles) <= set(signed_in_as)))
    )
    if not bound:
        row_macs.refuse("credential", token_hash[:8])
    if acting:
        version, mac, staff_ref = row[16], row[17], row[20]
        values = [agency_id, person_id, roles, True, *row_macs.named(staff_ref=staff_ref)]
        same = acting in (str(member_id), f"{BY_STAFF_REF}{staff_ref or ''}")
        if not same or not row_macs.is_version_bound("membership", member_id, version, mac, values):
            row_macs.refuse("membership", member_id)


def _query_caller(token_hash: str, acting: str) -> tuple[Any, ...] | None:
    caller = identification(token_hash, acting)
    with connection.cursor() as cursor:
        cursor.execute(f"{caller.sql}; {_CALLER.text()}", caller.values)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row


def _with_reconnect(ask: Callable[[], Found]) -> Found:
    """Run a query that is also the connection's health check (CONN_HEALTH_CHECKS would add a
    query): if the connection was lost since the last request, reconnect and run it again."""
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        return ask()
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block or connection.is_usable():
            raise
        connection.close()
        return ask()


def open_for_member(
    membership: Membership, code_age_s: float = 0, device: str = "", until: datetime | None = None
) -> str:
    """Open a credential for a person who signed in and chose this agency; return its secret.

    It ends 12 hours after the person entered their code. `code_age_s`: seconds since then;
    choosing another agency does not restart the 12 hours. `device`: a code of always one length,
    which the person is shown. `until`: when it ends at the latest, as in an exercise.
    """
    secret = secrets.token_urlsafe(32)
    content = _Given(
        membership.agency_id,
        membership_id=membership.id,
        person_id=membership.person_id,
        roles=list(membership.roles),
    )
    _open(secret, content, settings.CREDENTIAL_SESSION_S - int(code_age_s), device, until)
    return secret


def open_for_client(client: Client, secret: str, scopes: Iterable[str]) -> None:
    """Open the credential for an access token that was issued, for at most 5 minutes."""
    content = _Given(
        client.agency_id,
        client_id=client.id,
        scopes=list(scopes),
        system_of_record=client.system_of_record,
        networks=client.networks,
    )
    _open(secret, content, settings.CREDENTIAL_TOKEN_S)


def open_for_background(principal: Principal) -> tuple[str, datetime]:
    """Open a credential by which the background work reads referrals as the caller, a lead: with
    the role of a lead and no other, or with the scope of reading and no other and the same member
    named. Return its secret, which is handed to no one, and when it ends: with a sign-in's 12
    hours, and before if the caller's right ends."""
    secret = secrets.token_urlsafe(32)
    if principal.client_id is None:
        content = _Given(
            principal.agency_id,
            membership_id=principal.member_id,
            person_id=principal.person_id,
            roles=["lead"],
        )
    else:
        client = Client.objects.get(id=principal.client_id)
        content = _Given(
            client.agency_id,
            client_id=client.id,
            scopes=["referrals:read"],
            system_of_record=client.system_of_record,
            networks=client.networks,
        )
    device = BACKGROUND if principal.client_id is None else ""
    return secret, _open(secret, content, settings.CREDENTIAL_SESSION_S, device)


def _open(
    secret: str, content: "_Given", lifetime_s: int, device: str = "", until: datetime | None = None
) -> datetime:
    token_hash, begins = hash_secret(secret), database_now("signin")
    ends = begins + timedelta(seconds=lifetime_s)
    if until is not None:
        ends = min(ends, until)
    content = content._replace(created_at=begins, expires_at=ends)
    Credential.objects.create(
        hash=bytes.fromhex(token_hash),
        agency_id=content.agency_id,
        membership_id=content.membership_id,
        client_id=content.client_id,
        roles=content.roles,
        scopes=content.scopes,
        created_at=begins,
        expires_at=ends,
        mac=row_macs.mac("credential", [token_hash, *content]),
        device=seal(derived_key(DEVICE), device.encode(), token_hash) if device else None,
    )
    return ends


def device_of(credential: Credential) -> str:
    """The code of its device; "" if none was kept, or not by this server."""
    token_hash = bytes(credential.hash).hex()
    try:
        return unseal(derived_key(DEVICE), bytes(credential.device or b""), token_hash).decode()
    except Unavailable:
        return ""


def end_credential(secret: str) -> None:
    """End the credential now. Twice is safe. Raises Unavailable: it ended in the database, but the
    journal of closings could not be written."""
    token_hash = hash_secret(secret)
    _end("hash = decode(%s, 'hex')", token_hash, also=token_hash)


def end_by_hash(hashes: Sequence[str]) -> None:
    """End the credentials with these hashes (hexadecimal) now. Twice is safe. Raises Unavailable,
    as end_credential does."""
    if hashes:
        _end("encode(hash, 'hex') = ANY (%s)", list(hashes))


def end_all_of_person(person: Person, agency_id: UUID | None = None, but: str = "") -> None:
    """End all of a person's credentials now, in one agency (and where they practice for it) or
    (None) in all. `but`: the secret of
    the one that goes on. Twice is safe. Raises Unavailable, as end_credential does."""
    _end(
        "membership_id IN (SELECT id FROM permissions_membership WHERE person_id = %s"
        " AND (%s::uuid IS NULL OR agency_id IN (SELECT id FROM permissions_agency"
        " WHERE %s IN (id, practice_of_id)))) AND hash <> decode(%s, 'hex')",
        person.id,
        agency_id,
        agency_id,
        hash_secret(but) if but else "",
    )


def end_all_of_client(client: Client) -> None:
    """End all tokens of a partner system now. Twice is safe. Raises Unavailable, as end_credential
    does."""
    _end("client_id = %s", client.id)


def end_all_of_agency(agency_id: UUID) -> None:
    """End all credentials for an agency now, and for its people's practice. Twice is safe. Raises
    Unavailable, as end_credential does."""
    _end(
        "agency_id IN (SELECT id FROM permissions_agency WHERE %s IN (id, practice_of_id))",
        agency_id,
    )


def end_all() -> None:
    """End every credential now. Twice is safe. Raises Unavailable, as end_credential does."""
    _end("true")


def _end(which: str, *values: Any, also: str | None = None) -> None:
    """End these credentials, and keep in the journal that those ended which may still live: also
    the one of a hash that ended before, in case the journal could not be written then."""
    with connections["signin"].cursor() as cursor:
        cursor.execute(
            "UPDATE credential SET ended_at = coalesce(ended_at, sec.clock())"  # noqa: S608 (ours)
            f" WHERE expires_at > sec.clock() AND {which} RETURNING encode(hash, 'hex')",
            values,
        )
        ended = {token_hash for (token_hash,) in cursor.fetchall()} | ({also} if also else set())
    subjects = [(token_hash[:32], closings.CREDENTIAL_VERSION) for token_hash in sorted(ended)]
    transaction.on_commit(lambda: closings.close(subjects), using="signin")


def log_sign_in(
    act: str,
    *,
    agency_id: UUID | None = None,
    member_id: UUID | None = None,
    client_id: UUID | None = None,
    refused: str | None = None,
    fields: Sequence[str] | None = None,
) -> None:
    """Write the access entry of a sign-in or token, or of a change of who gets in, as the role
    `signin`. `fields`: codes, such as of the key that a token was fetched with. Raises Unavailable.

    It is written before the credential is handed out: every sign-in is in the log (R11).
    """
    origin = writer.origin.get()
    with writer.unwritten_is_unavailable(), connections["signin"].cursor() as cursor:
        cursor.execute(
            "SELECT sec.log_sign_in(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                *(uuid7(), agency_id, member_id, client_id, act),
                *("refused" if refused else "allowed", refused),
                *(origin.request_id, origin.address_prefix),
                None if fields is None else list(fields),
            ],
        )
