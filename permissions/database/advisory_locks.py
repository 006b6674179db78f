"""The advisory locks of two numbers: the first says what for, the second of whom. Those of one
number are a referral's (referrals/packets/read_context.py) and the directory's feed
(directory/projection/projection_writer.py)."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connections

WRAPPING, ROTATING = (
    7001,
    7002,
)  # of an agency's key: permissions/keys/wrapping.py, permissions/keys/rotation.py
# 7003: of all credentials, sec.credential_is_live. 7007: of an opt-in,
# permissions/audit/oversight.py
PURGING = 7004
MAKING_WEBHOOKS = 7005  # of an agency
SEALING = 7006
CALLING = 7008  # of a telephone number
RETIRING = 7009
IMPORTING = 7010  # of a source


def lock_number(agency_id: UUID) -> int:
    """32 bits of an agency's id, signed, as advisory locks want them."""
    return (agency_id.int & (2**32 - 1)) - 2**31


@contextmanager
def try_lock(using: str, act: int, of: str = "") -> Iterator[bool]:
    """Whether nobody else does this just now; then nobody does until the block ends, over as many
    transactions as it takes. Whoever is killed leaves it free, for it ends with the connection:
    which cannot go through a pooler that shares sessions."""
    names = act, of
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", names)
        ((free,),) = cursor.fetchall()
    try:
        yield free
    finally:
        if free:
            with connections[using].cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", names)
