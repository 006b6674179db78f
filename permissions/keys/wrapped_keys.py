"""All rows with a bundle that an agency's key wrapped, as the background work (`jobs`) sees them.

When a version ends, a copy of the bundles is saved outside of the database and its backup: so an
older copy of the database, once restored, opens what still exists and nothing else. The caller is
permissions/keys/rotation.py, which names the agency and holds its lock.
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

# Every table that holds bundles, in the columns id, agency_id, kek_version, key_bundle.
WRAPPED_TABLES = (
    *("packet_grant", "private_key", "returned", "record_number", "webhook_secret"),
    *("directory_confidential_address", "directory_earlier_text"),
)

Row = tuple[UUID, int, bytes]  # id, kek_version, key_bundle


class Restorable(NamedTuple):
    """A row that cannot be opened as it is, and its saved copy, which can."""

    table: str
    id: UUID
    dead: Wrapped
    carried: Wrapped


# -- Rows. Table names come only from WRAPPED_TABLES -----------------------------------------------


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
    """Rows with a bundle, by id: versions lower than `below`, ids greater than `after`."""
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
    """Replace a row's bundle, but only if it is still `old`: a newer writer wins, and has used the
    newest version. Returns how many rows were changed: 1 or 0."""
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


# -- Saved copies ----------------------------------------------------------------------------------


def save_copies(agency_id: UUID) -> None:
    """Save the agency's current bundles as they are wrapped now, replacing the last copy. Twice is
    safe.

    The copy is ciphertext under versions that the store holds, and ends with them, as each row
    does. Raises Unavailable.
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
    """Rows under a version that the store no longer holds, with a saved copy under one that it does
    (`held`): they were restored from an older copy of the database.

    There are none in normal operation: a row that was altered or lost before a version ended is
    saved as it is, under a version that ends with it. Raises Unavailable.
    """
    if all(version in held for version in count_by_version(agency_id)):
        return  # the normal case: the file is not read
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
    except (OSError, ValueError) as error:  # ValueError: not JSON, or incomplete
        raise Unavailable("key_store", "The folder of keys does not answer.") from error


def _file(agency_id: UUID) -> Path:
    return Path(settings.KEYS_CARRIED) / f"{agency_id}.json"
