"""What the operator tries and is refused is an entry, too, in the log of the agency concerned: its
leads and administrators are shown it, and get a message (referrals/sql/functions/messages.sql)."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connections

from permissions.audit.writer import unwritten_is_unavailable
from permissions.database.uuid7 import uuid7
from permissions.errors import Refused


@contextmanager
def operator_try(
    act: str,
    agency_id: UUID | None,
    member_id: UUID | None = None,
    client_id: UUID | None = None,
) -> Iterator[None]:
    """Record it if the block is refused, after its transaction was taken back: put this around the
    transaction. The refusal goes on. Raises Unavailable if the entry cannot be written."""
    try:
        yield
    except Refused as refusal:
        if not refusal.logged:
            log_refused_try(act, refusal.code, agency_id, member_id, client_id)
            refusal.logged = True
        raise


def log_refused_try(
    act: str,
    rule: str,
    agency_id: UUID | None,
    member_id: UUID | None = None,
    client_id: UUID | None = None,
) -> None:
    """Write the entry of a refusal, in a transaction of its own. `rule`: the refusal's code. Twice
    makes two entries. Raises Unavailable."""
    with unwritten_is_unavailable(), connections["jobs"].cursor() as cursor:
        cursor.execute(
            "SELECT sec.log_operator_refusal(%s, %s, %s, %s, %s, %s)",
            [uuid7(), act, rule, agency_id, member_id, client_id],
        )
