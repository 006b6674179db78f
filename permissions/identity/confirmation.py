"""The rows of an agency that no MAC of this server binds: after the upgrade from 0.1.0, or after an
older copy of the database was restored. The agency confirms them to the operator, who then binds
them (`manage.py agency confirm`)."""

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from django.db import transaction
from jwcrypto import jwk

from permissions.audit.operator_tries import operator_try
from permissions.audit.writer import log_operator_change
from permissions.errors import BadRequest
from permissions.identity import bound_access, row_macs
from permissions.models import Agency, Client, Membership


class Unconfirmed(NamedTuple):
    line: str  # as the agency hears it
    content: list[Any]  # what would be bound, for the list's code
    bind: Callable[[], None]


def unconfirmed(agency: Agency) -> list[Unconfirmed]:
    """The agency's members and partner systems of which a row is not bound, each with its persons:
    a membership, and the person, where they are not bound; and its referrals, in one line, which
    were there before the upgrade or are older than what was taken away since. Raises
    Unavailable."""
    found = []
    members = Membership.objects.using("signin").filter(agency=agency).select_related("person")
    for one in members.order_by("person__username"):
        roles = ", ".join(one.roles)
        state = "" if one.active else ", ended"
        if not row_macs.is_bound(one):
            line = f"member {one.person.username}: {one.name}; {roles}{state}"
            if one.staff_ref is not None:
                line += f"; staff number {one.staff_ref}"
            found.append(_of_row(one, "jobs", line))
        if not row_macs.is_bound(one.person):
            line = f"sign-in of {one.person.username}: {one.name}"
            found.append(_of_row(one.person, "signin", line))
    for client in Client.objects.using("signin").filter(agency=agency).order_by("client_id"):
        if not row_macs.is_bound(client):
            networks = ", ".join(client.networks or ["any network"])
            keys = " ".join(_thumbprint(key) for key in client.public_keys.get("keys", []))
            scopes = ", ".join(client.scopes)
            line = f"system {client.client_id}: {scopes}; from {networks}; keys {keys}"
            if client.token_hash is not None:
                line += "; with a token"
            found.append(_of_row(client, "signin", line))
    if referrals := bound_access.unbound(agency.id):
        content = [[one.referral_id.hex, bound_access.written(one).decode()] for one in referrals]
        found.append(
            Unconfirmed(
                f"{len(referrals)} referrals, with those who work on them",
                content,
                partial(bound_access.bind, referrals),
            )
        )
    return found


def _of_row(row: row_macs.Row, using: str, line: str) -> Unconfirmed:
    content = [line, row.id.hex, row_macs.bound_values(row)]
    return Unconfirmed(line, content, partial(row_macs.sign, row, using))


def code_of(found: Sequence[Unconfirmed]) -> str:
    """The list's code: 8 hex digits of a hash of all that will be bound."""
    rows = [one.content for one in found]
    return hashlib.sha256(json.dumps(rows, default=str).encode()).hexdigest()[:8]


def confirm(agency: Agency, code: str) -> int:
    """Bind the rows of the list with this code; return how many lines it had. Open sign-ins are
    none of theirs: each signs in again. Raises BadRequest: the list is another now, or empty;
    Unavailable."""
    found = unconfirmed(agency)
    with operator_try("agency.confirm", agency.id):
        if not found:
            raise BadRequest(detail="There is nothing to confirm: every row is bound.")
        if code != code_of(found):
            raise BadRequest(
                detail="That is not the code of the list as it is now. Run the command without"
                " --list and read the list again."
            )
    with transaction.atomic(using="jobs"), transaction.atomic(using="signin"):
        log_operator_change("agency.confirm", agency.id)
        for one in found:
            one.bind()
    return len(found)


def _thumbprint(key: dict[str, str]) -> str:
    """The beginning of a key's thumbprint (RFC 7638), as its owner can compute it, too."""
    return str(jwk.JWK(**key).thumbprint())[:11]
