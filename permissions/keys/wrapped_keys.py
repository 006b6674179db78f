"""Every row that holds a bundle, which an agency's key wrapped, as the background work (`jobs`)
sees it; and what of them is carried over beside the key store when a version ends, out of the
database's backup: so an older copy of the database, restored, opens what lives and nothing else.
Who asks is permissions/keys/rotation.py, which says whose rows and holds that agency's lock.
"""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connections

from permissions.database.aliases import JOBS
from permissions.errors import Unavailable
from permissions.keys.keystore import Wrapped
from permissions.keys.secret_files import replace

# Every table that holds bundles: their columns are id, agency_id, kek_version, key_bundle.
WRAPPED_TABLES = (
    *("packet_grant", "private_key", "returned", "webhook_secret"),
    "directory_confidential_address",
)

Row = tuple[UUID, int, bytes]  # id, kek_version, key_bundle


class Restorable(NamedTuple):
    """A row that opens to nobody as it stands, and what was carried over of it, which opens."""

    table: str
    id: UUID
    dead: Wrapped
    carried: Wrapped


# -- Rows. Names of tables are ours alone (BUNDLES) ------------------------------------------------


def count_by_version(agency_id: UUID) -> dict[int, int]:
    """How many rows of the agency name each version."""
    counts: dict[int, int] = {}
    for table in WRAPPED_TABLES:
        for version, count in _query(
            f"SELECT kek_version, count(*) FROM {table} WHERE agency_id = %s"
            " AND key_bundle IS NOT NULL GROUP BY kek_version",
            [agency_id],
        ):
            counts[version] = counts.get(version, 0) + count
    return counts


def rows_of_table(
    table: str,
    agency_id: UUID,
    *,
    below: int | None = None,
    after: UUID | None = None,
    limit: int | None = None,
) -> list[Row]:
    """Rows with a bundle, by id; of versions `below`, with ids `after`."""
    return [
        (row, version, bytes(bundle))
        for row, version, bundle in _query(
            f"SELECT id, kek_version, key_bundle FROM {table} WHERE agency_id = %s"
            " AND key_bundle IS NOT NULL AND (%s::int IS NULL OR kek_version < %s)"
            " AND (%s::uuid IS NULL OR id > %s) ORDER BY id LIMIT %s",
            [agency_id, below, below, after, after, limit],
        )
    ]


def replace_if_unchanged(table: str, row: UUID, old: Wrapped, new: Wrapped) -> int:
    """Only if it is still what it was: the newest writer wins, and has wrapped by the newest.
    Returns how many rows were changed: 1 or 0."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET kek_version = %s, key_bundle = %s"
            " WHERE id = %s AND kek_version = %s AND key_bundle = %s",
            [new.kek_version, new.blob, row, old.kek_version, old.blob],
        )
        changed: int = cursor.rowcount
        return changed


def _query(question: str, parameters: list[Any]) -> list[Any]:
    with connections[JOBS].cursor() as cursor:
        cursor.execute(question, parameters)
        rows: list[Any] = cursor.fetchall()
        return rows


# -- What is carried over --------------------------------------------------------------------------


def save_copies(agency_id: UUID) -> None:
    """Keep what lives, as it is wrapped now, in place of what was kept before. Twice is safe.

    Ciphertext under versions that the store holds: it ends with them, as each row itself does.
    Raises Unavailable.
    """
    kept = {
        table: {
            str(row): [version, bundle.hex()]
            for row, version, bundle in rows_of_table(table, agency_id)
        }
        for table in WRAPPED_TABLES
    }
    try:
        replace(_file(agency_id), json.dumps(kept).encode())
    except OSError as error:
        raise Unavailable("key_store", "The folder of keys cannot be written.") from error


def restorable(agency_id: UUID, held: Collection[int]) -> Iterator[Restorable]:
    """Rows of versions that the store does not hold (`held`) of which a bundle was carried over
    under one that it does: they were restored from an older copy of the database.

    Never any in daily work: what was altered or lost before a version ended is carried over as it
    is, under a version that ends with it. Raises Unavailable.
    """
    if all(version in held for version in count_by_version(agency_id)):
        return  # as ever: the file is not even looked at
    kept = _saved_copies(agency_id)
    for table in WRAPPED_TABLES:
        carried = kept.get(table, {})
        for row, version, bundle in rows_of_table(table, agency_id):
            if version in held or str(row) not in carried:
                continue
            now, blob = carried[str(row)]
            if now in held:
                yield Restorable(
                    table, row, Wrapped(version, bundle), Wrapped(now, bytes.fromhex(blob))
                )


def _saved_copies(agency_id: UUID) -> dict[str, dict[str, tuple[int, str]]]:
    try:
        kept: dict[str, dict[str, tuple[int, str]]] = json.loads(_file(agency_id).read_bytes())
        return kept
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:  # the latter: it is no JSON, or not whole
        raise Unavailable("key_store", "The folder of keys does not answer.") from error


def _file(agency_id: UUID) -> Path:
    return Path(settings.KEYS_CARRIED) / f"{agency_id}.json"
