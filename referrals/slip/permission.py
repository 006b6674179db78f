"""The survivor ends or narrows their permission by their slip: at once, as either side's own act
does on their word (referrals/releases/revocation.py).

The sender is shown exactly what it is shown when the recipient records it (T5). The recipient's
holder is asked to call the referring worker.
"""

from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

from django.db import connection

from permissions.audit import writer
from permissions.database.db_identity import identified_transaction
from permissions.database.uuid7 import uuid7
from permissions.errors import NotPossible, NotVisible, Unavailable
from permissions.identity import bound_access
from permissions.identity.access_record import ReleasedFields
from permissions.keys import grants
from permissions.keys.keystore import Wrapped
from referrals import packet_fields
from referrals.referral_lock import lock_readers_by_slip
from referrals.slip import slip_rows
from referrals.slip.visits import Visit

Terms = ReleasedFields | None


def end(visit: Visit) -> None:
    """End the permission: nothing opens from the next statement on. Twice is safe. One access
    entry, the recipient's. Raises NotVisible (the slip ended meanwhile), Unavailable."""
    with identified_transaction(None), writer.unwritten_is_unavailable():
        _lock(visit)
        with connection.cursor() as cursor:
            access = _shown(cursor, visit)[-1]
            cursor.execute(
                "SELECT sec.end_by_slip(%s, %s, %s)", [uuid7(), uuid7(), visit.code_hash]
            )
            _take_away(cursor, visit, access, lambda before: None)


def narrow(visit: Visit, release_id: UUID, fields: Collection[str]) -> None:
    """Let the other agency open these fields at most, at once. Twice is safe: the same fields
    again change nothing.

    Raises NotVisible (the slip ended meanwhile), NotPossible (this permission is not in force any
    more, a field that it did not have, a contact without the safe way to use it), Unavailable.
    """
    left = sorted(set(fields))
    with identified_transaction(None), writer.unwritten_is_unavailable():
        _lock(visit)
        with connection.cursor() as cursor:
            *_, found, permitted, until, _ended, access = _shown(cursor, visit)
            if found is None or found != release_id:
                raise NotPossible("no_release", "This permission is not in force any more.")
            if left == sorted(permitted):
                return
            _require_narrower(left, permitted)
            bundle = _bundle(cursor, visit, left)
            cursor.execute(
                "SELECT sec.narrow_by_slip(%s, %s, %s, %s, %s, %s, %s)",
                [
                    *(uuid7(), uuid7(), visit.code_hash, release_id, left),
                    *((bundle.kek_version, bundle.blob) if bundle else (None, None)),
                ],
            )
            _take_away(
                cursor,
                visit,
                access,
                lambda before: before and before.narrowed(release_id, left, until),
            )


def _require_narrower(left: list[str], permitted: Collection[str]) -> None:
    if not left or not set(left) <= set(permitted):
        raise NotPossible("widening", "More fields need a new permission.")
    contacts = set(left) & set(packet_fields.CONTACT_FIELDS)
    if contacts and "safe_contact" in set(permitted) - set(left):
        raise NotPossible(
            "safe_contact", "Keep safe_contact while a way to contact the survivor is shared."
        )


def _lock(visit: Visit) -> None:
    """Wait for reads and acts that are under way, and look again: the slip may have ended
    meanwhile."""
    lock_readers_by_slip(visit.row.referral_id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT sec.lock_by_slip(%s)", [visit.code_hash])
    row = slip_rows.find(visit.code_hash)
    if row is None or not row.in_force or row.version != visit.row.version:
        raise NotVisible


def _shown(cursor: Any, visit: Visit) -> tuple[Any, ...]:
    cursor.execute("SELECT * FROM sec.slip_shown(%s)", [visit.code_hash])
    row: tuple[Any, ...] | None = cursor.fetchone()
    if row is None:
        raise NotVisible
    return row


def _bundle(cursor: Any, visit: Visit, left: list[str]) -> Wrapped | None:
    cursor.execute("SELECT * FROM sec.slip_bundle(%s)", [visit.code_hash])
    found = cursor.fetchone()
    if found is None:
        return None
    _, version, blob = found
    to_agency_id = visit.row.to_agency_id
    assert to_agency_id is not None
    wrapped = Wrapped(version, bytes(blob))
    return grants.narrowed_bundle(visit.row.referral_id, to_agency_id, wrapped, left)


def _take_away(
    cursor: Any, visit: Visit, found: bytes | None, change: Callable[[Terms], Terms]
) -> None:
    """Take the same out of the server's record of who may open what; no older one is accepted from
    the commit on. A record that cannot be known opens nothing anyway."""
    try:
        access = bound_access.opened(visit.row.referral_id, found)
    except Unavailable:
        return
    access.released = change(access.released)
    access.version += 1
    bound_access.close_older(access)
    cursor.execute(
        "SELECT sec.store_access_by_slip(%s, %s, %s)",
        [visit.code_hash, bound_access.sealed(access), access.version],
    )
