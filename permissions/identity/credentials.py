"""Credentials: opened at sign-in and token issue, resolved at every request, ended at sign-out.

Only the role `door` writes them. `resolve_credential` runs as `app`, which can read only the
caller's own identity.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, connections

from permissions.audit import writer
from permissions.database.db_identity import IDENTIFY_BY_NAME
from permissions.database.prepared_statements import PreparedStatement, RoundTripQuery
from permissions.database.uuid7 import uuid7
from permissions.models import Client, Credential, Membership, Person
from permissions.principal import Principal


def hash_secret(secret: str) -> str:
    """Hex SHA-256. The secret has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


Found = TypeVar("Found")
# The clock and the caller. A query in the same round trip must begin with these columns and
# relations.
CALLER_SELECT = (
    "sec.clock(), me.agency_id, me.member_id, me.person_id, me.client_id, me.roles, me.scopes,"
    " a.kind, a.duties, me.system_of_record, me.networks"
)
CALLER_FROM = "sec.identity() me JOIN permissions_agency a ON a.id = me.agency_id"
CALLER_WIDTH = 11
_CALLER = PreparedStatement("who_calls", f"SELECT {CALLER_SELECT} FROM {CALLER_FROM}")  # noqa: S608 (of fixed parts)


def resolve_credential(
    secret: str, acting: str = "", along: RoundTripQuery | None = None
) -> Principal | None:
    """The principal whose live credential has this `secret`; None if there is none.

    `acting`: the member of staff that a client names. `along`: a query that is sent in the same
    packet; its rows begin with CALLER_SELECT. One query, no cache: a revoked token is refused at
    the next request.
    """
    token_hash = hash_secret(secret)
    asked = along or RoundTripQuery(_CALLER, {})
    row = _with_reconnect(lambda: _query_caller(token_hash, acting, asked))
    if row is None:
        return None
    asked.row = row
    return Principal(
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
        acting=acting,
        networks=tuple(row[10] or ()),
    )


def _query_caller(token_hash: str, acting: str, asked: RoundTripQuery) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        # One packet, one implicit transaction: the settings hold for the second statement.
        values = {**asked.values, "cairn_token": token_hash, "cairn_acting": acting}
        cursor.execute(f"{IDENTIFY_BY_NAME}; {asked.statement.text()}", values)
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


def open_for_member(membership: Membership, code_age_s: float = 0) -> str:
    """Open a credential for a person who signed in and chose this agency; return its secret.

    It ends 12 hours after the person entered their code. `code_age_s`: seconds since then;
    choosing another agency does not restart the 12 hours.
    """
    return _open(
        agency_id=membership.agency_id,
        membership_id=membership.id,
        roles=membership.roles,
        lifetime_s=settings.CREDENTIAL_SESSION_S - int(code_age_s),
    )


def open_for_client(client: Client, secret: str, scopes: Iterable[str]) -> None:
    """Open the credential for an access token that was issued, for at most 5 minutes."""
    _open(
        secret=secret,
        agency_id=client.agency_id,
        client_id=client.id,
        scopes=list(scopes),
        lifetime_s=settings.CREDENTIAL_TOKEN_S,
    )


def _open(
    *,
    agency_id: UUID,
    lifetime_s: int,
    secret: str = "",
    membership_id: UUID | None = None,
    client_id: UUID | None = None,
    roles: Iterable[str] = (),
    scopes: Iterable[str] = (),
) -> str:
    secret = secret or secrets.token_urlsafe(32)
    with connections["door"].cursor() as cursor:
        cursor.execute("SELECT sec.clock()")
        row = cursor.fetchone()
    assert row is not None
    Credential.objects.create(
        hash=bytes.fromhex(hash_secret(secret)),
        agency_id=agency_id,
        membership_id=membership_id,
        client_id=client_id,
        roles=list(roles),
        scopes=list(scopes),
        created_at=row[0],
        expires_at=row[0] + timedelta(seconds=lifetime_s),
    )
    return secret


def end_credential(secret: str) -> None:
    """End the credential now. Twice is safe."""
    with connections["door"].cursor() as cursor:
        cursor.execute(
            "UPDATE credential SET ended_at = sec.clock()"
            " WHERE hash = decode(%s, 'hex') AND ended_at IS NULL",
            [hash_secret(secret)],
        )


def end_all_of_person(person: Person, agency_id: UUID | None = None) -> None:
    """End all of a person's credentials now, in one agency or (None) in all. Twice is safe."""
    with connections["door"].cursor() as cursor:
        cursor.execute(
            "UPDATE credential SET ended_at = sec.clock() WHERE ended_at IS NULL AND membership_id"
            " IN (SELECT id FROM permissions_membership WHERE person_id = %(person)s"
            " AND (%(agency)s::uuid IS NULL OR agency_id = %(agency)s))",
            {"person": person.id, "agency": agency_id},
        )


def end_all_of_client(client: Client) -> None:
    """End all tokens of a partner system now. Twice is safe."""
    with connections["door"].cursor() as cursor:
        cursor.execute(
            "UPDATE credential SET ended_at = sec.clock()"
            " WHERE ended_at IS NULL AND client_id = %s",
            [client.id],
        )


def log_sign_in(
    act: str,
    *,
    agency_id: UUID | None = None,
    member_id: UUID | None = None,
    client_id: UUID | None = None,
    refused: str | None = None,
) -> None:
    """Write the access entry of a sign-in or token, as the role `door`. Raises Unavailable.

    It is written before the credential is handed out: every sign-in is in the log (R11).
    """
    origin = writer.origin.get()
    with writer.unwritten_is_unavailable(), connections["door"].cursor() as cursor:
        cursor.execute(
            "SELECT sec.log_sign_in(%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                uuid7(),
                agency_id,
                member_id,
                client_id,
                act,
                "refused" if refused else "allowed",
                refused,
                origin.request_id,
                origin.address_prefix,
            ],
        )
