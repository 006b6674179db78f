"""Which services a referral can be put to now; each other one is a number to ring."""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from directory.listings import Listing


def open_now(found: Sequence[Listing]) -> frozenset[UUID]:
    """The ids of those of `found` that a referral can be put to now: they take people, and their
    agency takes notices and has somebody to answer (never who). Sending asks the same, and what
    bars whom. Within a transaction of the caller's. One query."""
    agencies = sorted({one.answered_by for one in found if one.answered_by is not None})
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a FROM unnest(%s::uuid[]) a WHERE sec.can_answer(a, NULL)", [agencies]
        )
        answer = {agency for (agency,) in cursor.fetchall()}
    return frozenset(one.id for one in found if one.open_to_referrals and one.answered_by in answer)
