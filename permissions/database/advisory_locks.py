"""Advisory locks with two numbers: the first is the purpose, the second the owner. Locks with one
number are used for a referral (referrals/packets/read_context.py) and the directory's feed
(directory/projection/projection_writer.py)."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connections

WRAPPING, ROTATING = (
    7001,
    7002,
)  # an agency's key: permissions/keys/wrapping.py, permissions/keys/rotation.py
# 7003: all credentials, sec.set_credential_live. 7007: an agency's opt-ins,
# permissions/audit/oversight.py
PURGING = 7004
MAKING_WEBHOOKS = 7005  # per agency
SEALING = 7006
CALLING = 7008  # per telephone number
RETIRING = 7009
IMPORTING = 7010  # per source
TESTING_LINES = 7013
MARKING_KEYS = 7014  # permissions/keys/key_folder.py
RECOVERING, COPYING = 7019, 7015
EXPORTING = 7022  # per export: referrals/bulk/writing.py
MEANING = 7023  # directory/taxonomy/term_meanings.py
VERIFYING = 7024  # directory/editing/verification.py
MERGING = 7026  # directory/duplicates/answers.py. 7025: sec.answer_duplicate
# 7027: hiding an entry, and keeping what an edit replaced: sec.erase_earlier_text
COUNTING = 7028  # referrals/numbers/cells.py
ADMINISTERING = 7011  # per agency: what its administrators change of it at the desk


def lock_number(agency_id: UUID) -> int:
    """The low 32 bits of an agency's id as a signed number, as advisory locks need it."""
    return (agency_id.int & (2**32 - 1)) - 2**31


def lock_agency(agency_id: UUID, using: str) -> None:
    """Let one change of an agency by its own people wait for the other, in the open transaction of
    `using`."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, %s)", [ADMINISTERING, lock_number(agency_id)]
        )


@contextmanager
def try_lock(using: str, act: int, of: str = "") -> Iterator[bool]:
    """Try to take the advisory lock; yields whether it was acquired. The lock is held until the
    block ends, over any number of transactions. It ends with the connection, so a killed process
    releases it; the connection cannot use a pooler that shares sessions."""
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
