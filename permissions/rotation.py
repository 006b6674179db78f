"""Versions of an agency's key: rewrap all that it wrapped to a new one, and end the old ones.

Runs as `jobs` in batches of their own transactions; people go on reading and writing. Killed
anywhere, it is run again: where each row stands is all the state there is. An old version is ended
only when no row names it, and what still lives is first carried over beside the key store, so that
an older copy of the database, restored, opens what lives and nothing else (`carry_back`).
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connections, transaction

from permissions.errors import NotPossible, Unavailable
from permissions.ids import uuid7
from permissions.keys import ROTATING, SENDING, WRAPPING, lock_number
from permissions.keystore import KeyGone, Wrapped, key_store
from permissions.models import Agency
from permissions.secret_files import replace

USING = "jobs"
BATCH = 200
# Every table that holds bundles: their columns are id, agency_id, kek_version, key_bundle.
BUNDLES = (
    *("packet_grant", "private_key", "returned", "webhook_secret"),
    "directory_confidential_address",
)

Progress = Callable[[str, int], None]  # a table, and how many of its rows are done
Row = tuple[UUID, int, bytes]  # id, kek_version, key_bundle


class Status(NamedTuple):
    """Of one agency's key: the versions that the store holds, and how many rows name each."""

    agency_id: UUID
    versions: list[int]
    rows: dict[int, int]

    @property
    def lost(self) -> list[int]:
        """Versions that rows name and the store does not hold: these rows open to nobody."""
        return sorted(set(self.rows) - set(self.versions))


class Done(NamedTuple):
    version: int
    rewrapped: int
    unopened: int  # rows that open to nobody: altered, or of a version that is gone
    altered: int  # those of them that name a version which the store still holds


def agencies() -> list[UUID]:
    """Every agency there is, ended ones too, in one order."""
    return list(Agency.objects.using(USING).order_by("id").values_list("id", flat=True))


def holders() -> list[UUID]:
    """Whoever has a key: the agencies, and the background work."""
    return [*agencies(), SENDING]


def status(agency_id: UUID) -> Status:
    """Raises Unavailable."""
    return Status(agency_id, key_store().versions(agency_id), _rows_by_version(agency_id))


def rotate(agency_id: UUID, progress: Progress = lambda *_: None) -> Done:
    """Begin a new version and rewrap all bundles to it; one that was left half-way is ended first.

    The old version stays, for readers under way, until `destroy`. Twice is two versions, one after
    the other; two at once wait for each other. Raises Unavailable.
    """
    with one_at_a_time(agency_id):
        versions = key_store().versions(agency_id)
        if not versions:
            raise NotPossible("no_key", "This agency has no key yet: nothing was sealed for it.")
        half_way = len(versions) > 1 and any(
            version < versions[-1] and version in versions
            for version in _rows_by_version(agency_id)
        )
        done = _rewrap_all(agency_id, versions[-1] if half_way else _begin(agency_id), progress)
        log_job("key.rotate", agency_id)
        return done


def destroy(agency_id: UUID, version: int | None = None) -> int:
    """End this version and every older one (None: all but the newest). Returns the last ended.
    Raises NotPossible: a row still names one, or it is the newest. Twice is safe."""
    with one_at_a_time(agency_id):
        return _destroy(agency_id, version, spare=0)


def end_epoch(agency_id: UUID, progress: Progress = lambda *_: None) -> Done:
    """What was destroyed in the database is destroyed in its older copies too: a new version, all
    that lives rewrapped, every older version ended. Twice is safe. Raises Unavailable."""
    with one_at_a_time(agency_id):
        if not key_store().versions(agency_id):
            return Done(0, 0, 0, 0)
        # Never half of an earlier one: what was to go may have been rewrapped to that already.
        done = _rewrap_all(agency_id, _begin(agency_id), progress)
        log_job("key.rotate", agency_id)
        _destroy(agency_id, None, spare=done.altered)
        return done


def carry_back(agency_id: UUID) -> int:
    """After an older copy of the database was restored: what lived when the last version was ended
    gets its bundle of then; all else of ended versions opens nothing. Returns the rows changed."""
    with one_at_a_time(agency_id):
        path = _carried(agency_id)
        held = set(key_store().versions(agency_id))
        kept = json.loads(path.read_bytes()) if path.exists() else {}
        changed = 0
        with transaction.atomic(using=USING):
            for table in BUNDLES:
                for row, version, bundle in _bundles(table, agency_id):
                    now = kept.get(table, {}).get(str(row))
                    if version not in held and now is not None:
                        new = Wrapped(now[0], bytes.fromhex(now[1]))
                        changed += _replace(table, row, Wrapped(version, bundle), new)
            log_job("key.restore", agency_id)
        return changed


@contextmanager
def one_at_a_time(agency_id: UUID) -> Iterator[None]:
    """One rotation of an agency's key at a time; another waits. A lock of the session, since a
    rotation is many transactions: `jobs` cannot go through a pooler that shares sessions."""
    names = [ROTATING, lock_number(agency_id)]
    with connections[USING].cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")  # the wait for another's rotation
        try:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", names)
        finally:
            cursor.execute("RESET statement_timeout")
    try:
        yield
    finally:
        with connections[USING].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", names)


def log_job(
    act: str,
    agency_id: UUID,
    referral_id: UUID | None = None,
    subject: UUID | None = None,
    rule: str | None = None,
) -> None:
    """The access entry of what the background work did; in its transaction, if there is one."""
    with connections[USING].cursor() as cursor:
        cursor.execute(
            "SELECT sec.log_job(%s, %s, %s, %s, %s, %s)",
            [uuid7(), act, agency_id, referral_id, subject, rule],
        )


def _begin(agency_id: UUID) -> int:
    """A new version; then wait until every transaction that wrapped by an older one has ended."""
    version = key_store().begin_version(agency_id)
    with transaction.atomic(using=USING):
        _wait_for_wraps(agency_id)
    return version


def _wait_for_wraps(agency_id: UUID) -> None:
    with connections[USING].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [WRAPPING, lock_number(agency_id)])


def _rewrap_all(agency_id: UUID, newest: int, progress: Progress) -> Done:
    rewrapped = unopened = altered = 0
    held = set(key_store().versions(agency_id))
    for table in BUNDLES:
        done, after = 0, UUID(int=0)
        while rows := _bundles(table, agency_id, below=newest, after=after, limit=BATCH):
            with transaction.atomic(using=USING):
                for row, version, bundle in rows:
                    old = Wrapped(version, bundle)
                    new = _rewrapped(agency_id, old)
                    if new is None:
                        unopened += 1
                        altered += version in held
                    else:  # zero rows: somebody wrote it meanwhile, by the newest version
                        done += _replace(table, row, old, new)
            after = rows[-1][0]
            progress(table, done)
        rewrapped += done
    return Done(newest, rewrapped, unopened, altered)


def _rewrapped(agency_id: UUID, old: Wrapped) -> Wrapped | None:
    try:
        return key_store().rewrap(agency_id, old)
    except KeyGone:
        return None
    except Unavailable as error:
        if error.code == "unsealing_failed":
            return None
        raise


def _destroy(agency_id: UUID, version: int | None, *, spare: int) -> int:
    """`spare`: so many rows of held versions were altered, open to nobody, and hold nothing up."""
    versions = key_store().versions(agency_id)
    if version is None:
        version = versions[-1] - 1 if versions else 0
    if not versions or version >= versions[-1]:
        raise NotPossible("key_in_use", "That is the newest version: rotate first.")
    with transaction.atomic(using=USING):
        _wait_for_wraps(agency_id)
        named = _rows_by_version(agency_id)
        if sum(named.get(old, 0) for old in versions if old <= version) > spare:
            raise NotPossible("key_in_use", "Rows are still wrapped by it: rotate first.")
        log_job("key.destroy", agency_id)
        carry(agency_id)
        key_store().destroy(agency_id, version)
    return version


def carry(agency_id: UUID) -> None:
    """Keep what lives, as it is wrapped now, beside the key store and out of the database's backup.

    Ciphertext under versions that the store holds: it ends with them, as each row itself does.
    """
    kept = {
        table: {
            str(row): [version, bundle.hex()] for row, version, bundle in _bundles(table, agency_id)
        }
        for table in BUNDLES
    }
    try:
        replace(_carried(agency_id), json.dumps(kept).encode())
    except OSError as error:
        raise Unavailable("key_store", "The folder of keys cannot be written.") from error


def _carried(agency_id: UUID) -> Path:
    return Path(settings.KEYS_CARRIED) / f"{agency_id}.json"


# -- Rows. Names of tables are ours alone (BUNDLES) ------------------------------------------------


def _ask(question: str, parameters: list[Any]) -> list[Any]:
    with connections[USING].cursor() as cursor:
        cursor.execute(question, parameters)
        rows: list[Any] = cursor.fetchall()
        return rows


def _rows_by_version(agency_id: UUID) -> dict[int, int]:
    counts: dict[int, int] = {}
    for table in BUNDLES:
        for version, count in _ask(
            f"SELECT kek_version, count(*) FROM {table} WHERE agency_id = %s"
            " AND key_bundle IS NOT NULL GROUP BY kek_version",
            [agency_id],
        ):
            counts[version] = counts.get(version, 0) + count
    return counts


def _bundles(
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
        for row, version, bundle in _ask(
            f"SELECT id, kek_version, key_bundle FROM {table} WHERE agency_id = %s"
            " AND key_bundle IS NOT NULL AND (%s::int IS NULL OR kek_version < %s)"
            " AND (%s::uuid IS NULL OR id > %s) ORDER BY id LIMIT %s",
            [agency_id, below, below, after, after, limit],
        )
    ]


def _replace(table: str, row: UUID, old: Wrapped, new: Wrapped) -> int:
    """Only if it is still what it was: the newest writer wins, and has wrapped by the newest."""
    with connections[USING].cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET kek_version = %s, key_bundle = %s"
            " WHERE id = %s AND kek_version = %s AND key_bundle = %s",
            [new.kek_version, new.blob, row, old.kek_version, old.blob],
        )
        changed: int = cursor.rowcount
        return changed
