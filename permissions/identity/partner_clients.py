"""What a partner system must be, and what the operator takes from one: `manage.py client`.

Runs as `signin`. Each change of their rights is written to the log first. The operator adds none
and gives none a key: with a key of their own they would act for an agency. The agency's
administrator does, at the desk: permissions/identity/own_systems.py.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from permissions.audit.operator_tries import operator_try
from permissions.audit.writer import log_operator_change
from permissions.errors import BadRequest
from permissions.identity import client_keys, credentials, ip_allowlist, row_macs
from permissions.identity.provisioning import NOT_OPERATORS, check_text
from permissions.models import MOST_OPENINGS, OPENINGS_A_DAY, Client
from permissions.principal import are_compatible


def new_client(
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
    """A partner system that is not saved yet. Raises BadRequest for what none may have."""
    check_openings(openings_a_day)
    check_scopes(scopes, known_scopes)
    keys = client_keys.checked_key_set(public_keys)
    kept = ip_allowlist.canonical_networks(from_networks)
    check_text("client_id", client_id, 255)
    check_text("name", name)
    return Client(
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


def rights_of(client: Client) -> list[str]:
    """What the client may do, as codes for its access entry."""
    return [*client.scopes, *(["system_of_record"] if client.system_of_record else [])]


def check_scopes(scopes: Sequence[str], known_scopes: Sequence[str]) -> None:
    """Raise BadRequest unless one client may have all of these scopes."""
    if not scopes or not set(scopes) <= set(known_scopes):
        raise BadRequest(detail=f"Each scope must be one of {', '.join(known_scopes)}.")
    if not are_compatible(scopes):
        raise BadRequest(
            detail="audit:read excludes every other scope but webhooks:write (for a witness): a"
            " system that reads the log must not do anything that the log records. Add two clients."
        )


def lower_quota(client_id: str, openings_a_day: int) -> Client:
    """Lower for how many different referrals the client may open packets or notes within 24 hours.
    Its agency raises it. Twice is safe. Raises BadRequest."""
    check_openings(openings_a_day)
    client = find_client(client_id)
    with operator_try("client.change_budget", client.agency_id, client_id=client.id):
        if openings_a_day > client.openings_a_day:
            raise BadRequest(
                NOT_OPERATORS,
                detail="The operator lowers a quota. The agency's administrator raises it, at the"
                " desk.",
            )
    return _change(client, "change_budget", openings_a_day=openings_a_day)


def end_client(client_id: str) -> None:
    """End a partner system's access and its open tokens, which stay ended when its agency lets it
    in again. Twice is safe. Raises BadRequest."""
    _change(find_client(client_id), "end", active=False)


def _change(client: Client, act: str, **columns: object) -> Client:
    """Change the client after writing the entry, which uses another connection: the entry records
    the attempt, whether or not the change succeeds. Its open tokens end: they are bound to what the
    client was."""
    log_operator_change(f"client.{act}", client.agency_id, client_id=client.id)
    with transaction.atomic(using="signin"):
        save_narrowed(client, **columns)
    return client


def save_narrowed(client: Client, **columns: object) -> None:
    """Save these columns, end the client's open tokens, and accept no older copy of its row. In the
    open transaction of `signin`. The row goes first: its trigger takes the lock of all credentials
    (sec.refresh_credentials), which must come before the lock of any one of them."""
    for name, value in columns.items():
        setattr(client, name, value)
    client.save(update_fields=list(columns))
    credentials.end_all_of_client(client)
    row_macs.sign(client, "signin", closing=True)


def check_openings(number: int) -> None:
    """Raise BadRequest unless a client may have this daily quota."""
    if not 1 <= number <= MOST_OPENINGS:
        raise BadRequest(
            detail=f"The quota must be 1 to {MOST_OPENINGS} referrals a day. Add a system that must"
            " open nothing without the scope packets:read."
        )


def find_client(client_id: str) -> Client:
    """The partner system with this id. Raises BadRequest."""
    found: Client | None = Client.objects.filter(client_id=client_id).first()
    if found is None:
        raise BadRequest(
            detail="No client has this id. `manage.py client show --agency ID` lists an agency's."
        )
    return found
