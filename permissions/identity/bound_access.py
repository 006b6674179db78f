"""Who may open what of a referral, as the server itself wrote it down: the survivor's release, the
accept, the assignments and the blocks, sealed by a key that is in no database
(permissions/keys/binding_key.py).

Each act changes the record in its own transaction, from the record before, never from other rows.
What is sealed opens only if the database's policies *and* this record allow it. So a writer of the
database who moves a release's end, deletes a block, assigns someone or accepts in their place opens
nothing.

A record has a version. Taking something away raises it, and the journal of closings keeps the least
version that is accepted (permissions/keys/closings.py): an older copy of a record is refused.

The record is sealed, not only signed, because it has what one side does not tell the other: whom it
assigned and whom it bars.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
import structlog
from django.db import connections, transaction

from permissions.database.aliases import JOBS
from permissions.errors import Unavailable
from permissions.identity.access_record import Block, BoundAccess, ReleasedFields, meet
from permissions.keys import binding_key, closings
from permissions.keys.derived_keys import derived_from
from permissions.keys.keystore import seal, unseal

log = structlog.get_logger()

_PADDED_TO = 1024  # bytes: the size does not say how many are assigned or barred


# -- Sealed ----------------------------------------------------------------------------------------


def sealed(access: BoundAccess) -> bytes:
    """The record sealed by the newest key: the key's number in two bytes, then nonce, ciphertext
    and tag. Raises Unavailable."""
    name, key = binding_key.newest_key()
    plain = written(access)
    plain += b" " * (-len(plain) % _PADDED_TO)
    return name + seal(_sealing_key(key), plain, _context(access.referral_id))


def opened(referral_id: UUID, found: bytes | memoryview | None) -> BoundAccess:
    """The record of this referral. Raises Unavailable (`binding`): there is none, it was not
    written by this server, or it is out of date; `key_store`: the keys are away."""
    access = _opened(referral_id, found)
    if access is None or access.version < closings.least_version(referral_id.hex):
        raise refused(referral_id)
    return access


def record_text(referral_id: UUID, found: bytes) -> str | None:
    """The record of any version as JSON, for the journal outside the database; None: this server
    did not write it. Raises Unavailable: the keys are away."""
    access = _opened(referral_id, found)
    return written(access).decode() if access else None


def brought_forward(
    referral_id: UUID,
    found: bytes,
    newest: str | None,
    version: int,
    lifted: Collection[tuple[str, UUID, UUID | None]],
) -> BoundAccess | None:
    """The record of a restored database, made as narrow as the newest one that the journal knows:
    never looser than either. `lifted`: blocks (kind, agency, member) that were lifted since. None:
    it cannot be said, and the record stays as it is. Raises Unavailable: the keys are away."""
    access = _opened(referral_id, found)
    least = closings.least_version(referral_id.hex)
    if access is None:
        return None
    last = access if newest is None else _read(referral_id, newest.encode())
    if max(version, last.version) < least:
        return None  # something else was taken away, of which the journal knows nothing
    return meet(access, last, lifted)


def _opened(referral_id: UUID, sealed_record: bytes | memoryview | None) -> BoundAccess | None:
    blob = bytes(sealed_record or b"")
    key = binding_key.named_key(blob)
    if key is None:
        return None
    try:
        return _read(referral_id, unseal(_sealing_key(key), blob[2:], _context(referral_id)))
    except Unavailable:
        return None


def refused(referral_id: UUID) -> Unavailable:
    """Say loudly that what is asked for is not what this server wrote down; the error to raise."""
    log.error("access_not_bound", referral=str(referral_id))
    return Unavailable(
        "binding",
        "What lets you open this was not written by this server, or is out of date. The network"
        " operator was notified and must look into it.",
    )


def close_older(access: BoundAccess, using: str = "default") -> None:
    """From the commit on, accept no older version of this record. If the journal cannot be written
    this is logged, and what was taken away has ended in the database alone: no survivor's word
    waits for a folder."""

    def close() -> None:
        try:
            closings.close([(access.referral_id.hex, access.version)])
        except Unavailable:
            log.error("access_not_closed", referral=str(access.referral_id))

    transaction.on_commit(close, using=using)


def _context(referral_id: UUID) -> str:
    return f"bound_access:{referral_id}"


@lru_cache(8)
def _sealing_key(key: bytes) -> bytes:
    """The key that seals records, made of a key of MACs: one key for each use."""
    return derived_from(key, "bound_access")


def written(access: BoundAccess) -> bytes:
    """The record as JSON: the same for the same record."""
    return orjson.dumps(
        {
            "from": access.from_agency_id,
            "to": access.to_agency_id,
            "version": access.version,
            "accepted": access.accepted,
            "assigned": sorted(access.assigned),
            "displaced": sorted(access.displaced),
            "blocks": sorted((list(block) for block in access.blocks), key=str),
            "released": _plain(access.released),
            "returned": _plain(access.returned),
        }
    )


def _plain(terms: ReleasedFields | None) -> list[object] | None:
    return [terms.release_id, sorted(terms.fields), terms.until] if terms else None


def _read(referral_id: UUID, plain: bytes) -> BoundAccess:
    record = orjson.loads(plain)
    return BoundAccess(
        referral_id,
        UUID(record["from"]),
        UUID(record["to"]),
        record["version"],
        record["accepted"],
        assigned={UUID(member_id) for member_id in record["assigned"]},
        displaced={UUID(member_id) for member_id in record.get("displaced", ())},
        blocks={Block(kind, *map(_id, ids)) for kind, *ids in record["blocks"]},  # type: ignore[arg-type]
        released=_terms(record["released"]),
        returned=_terms(record["returned"]),
    )


def _id(text: str | None) -> UUID | None:
    return UUID(text) if text else None


def _terms(terms: Sequence[str] | None) -> ReleasedFields | None:
    if terms is None:
        return None
    release_id, fields, until = terms
    return ReleasedFields(UUID(release_id), frozenset(fields), datetime.fromisoformat(until))


# -- All of them -----------------------------------------------------------------------------------


def unbound(agency_id: UUID) -> list[BoundAccess]:
    """What the operator may bind when the agency confirms its people (manage.py agency confirm):
    its referrals of before the upgrade, as their rows say; and those whose record is older than the
    journal, or gone, after an older copy of the database was restored. Of the latter every release
    has ended: the journal does not say what was taken away, so the survivor is asked again.

    Records that this server never wrote are not among them. Raises Unavailable."""
    records = []
    with connections[JOBS].cursor() as cursor:
        cursor.execute("SELECT * FROM sec.unbound_referrals(%s)", [agency_id])
        for referral_id, record in cursor.fetchall():
            access = _read(UUID(referral_id), record.encode())
            records.append(_after_a_restore(access) or access)
        cursor.execute("SELECT * FROM sec.bound_referrals(%s)", [agency_id])
        for referral_id, blob in cursor.fetchall():
            stored_access = _opened(UUID(str(referral_id)), blob)
            older = _after_a_restore(stored_access) if stored_access is not None else None
            if older is not None:
                records.append(older)
    return records


def _after_a_restore(access: BoundAccess) -> BoundAccess | None:
    """The record of which a newer version was closed, without its releases; None: there is none."""
    least = closings.least_version(access.referral_id.hex)
    if access.version >= least:
        return None
    return replace(access, version=least, released=None, returned=None)


def bind(found: Iterable[BoundAccess]) -> None:
    """Store these records. Raises Unavailable."""
    with connections[JOBS].cursor() as cursor:
        for access in found:
            cursor.execute(
                "INSERT INTO bound_access (referral_id, sealed, version)"
                " VALUES (%(id)s, %(sealed)s, %(version)s) ON CONFLICT (referral_id)"
                " DO UPDATE SET sealed = excluded.sealed, version = excluded.version",
                {
                    "id": access.referral_id,
                    "sealed": sealed(access),
                    "version": access.version,
                },
            )


def rebind(progress: Callable[[int], None] = lambda _: None) -> int:
    """Seal every record by the newest key; return how many. What no key opens stays as it is, and
    is refused. Twice is safe. Raises Unavailable."""
    done = 0
    for _ in range(2):  # again for what an act sealed by the older key meanwhile
        last = UUID(int=0)
        while rows := _sealed_by_older_keys(last):
            with transaction.atomic(using=JOBS), connections[JOBS].cursor() as cursor:
                for last in rows:
                    done += _sealed_again(cursor, last)
            progress(done)
    return done


def _sealed_by_older_keys(after: UUID) -> list[UUID]:
    newest, _key = binding_key.newest_key()
    with connections[JOBS].cursor() as cursor:
        cursor.execute(
            "SELECT referral_id FROM bound_access WHERE referral_id > %s"
            " AND substring(sealed FROM 1 FOR 2) <> %s ORDER BY referral_id LIMIT 500",
            [after, newest],
        )
        return [UUID(str(referral_id)) for (referral_id,) in cursor.fetchall()]


def _sealed_again(cursor: Any, referral_id: UUID) -> bool:
    cursor.execute(
        "SELECT sealed FROM bound_access WHERE referral_id = %s FOR UPDATE", [referral_id]
    )
    row = cursor.fetchone()
    access = _opened(referral_id, row[0]) if row else None
    if access is None:
        return False
    cursor.execute(
        "UPDATE bound_access SET sealed = %s WHERE referral_id = %s",
        [sealed(access), referral_id],
    )
    return True
