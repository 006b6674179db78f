"""What an agency's own people change about who gets in: the change and its access entry are one
transaction, as `signin`, the only role that lets people in."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from django.db import transaction

from permissions.audit import writer
from permissions.errors import NotPermitted
from permissions.identity import credentials
from permissions.identity.contact_channels import require_member_in_person
from permissions.principal import Principal

ADMIN = "agency_admin"


@contextmanager
def administered(principal: Principal, act: str, *roles: str) -> Iterator[list[str]]:
    """Run one change by a member with one of these roles, agency_admin if none is named. The list
    takes the codes of its entry: what is in force now, and ids as `member:<32 hex digits>`. A
    refusal is logged, and nothing has changed. Raises NotPermitted, Unavailable."""
    with writer.log_refusals(principal, act):
        member_id = require_member_in_person(principal)
        if not principal.has_role(*(roles or (ADMIN,))):
            raise NotPermitted("role_missing", "Your role in this agency does not include this.")
        with transaction.atomic(using="signin"):
            codes: list[str] = []
            yield codes
            log_change(act, principal.agency_id, member_id, codes)


def log_change(act: str, agency_id: UUID, member_id: UUID, codes: Sequence[str]) -> None:
    """Write the entry of a change by this member, in the open transaction of `signin`. Raises
    Unavailable."""
    credentials.log_sign_in(act, agency_id=agency_id, member_id=member_id, fields=codes)


def code_of(kind: str, row_id: UUID) -> str:
    """An id as an entry's code."""
    return f"{kind}:{row_id.hex}"
