"""Rotation of an agency's key: rewrap everything to a new version, and end the old versions.

Runs as `jobs` in batches, each its own transaction, while people read and write. It may be killed
at any point and run again: the only state is the version that each row names. An old version is
ended only when no row names it. The current bundles are first copied to a place outside of the
database, so that an older copy of the database, once restored, opens what still exists and nothing
else (`restore_copies`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple
from uuid import UUID

from django.db import connections, transaction

from permissions.audit.writer import unwritten_is_unavailable
from permissions.database.advisory_locks import ROTATING, WRAPPING, lock_number
from permissions.database.aliases import JOBS
from permissions.database.uuid7 import uuid7
from permissions.errors import NotPossible, Unavailable
from permissions.keys import key_folder, second_copy, wrapped_keys
from permissions.keys.keystore import KeyGone, Wrapped, key_store
from permissions.keys.wrapping import WEBHOOK_KEY_OWNER
from permissions.models import Agency

BATCH = 200

Progress = Callable[[str, int], None]  # a table, and how many of its rows are done


class NotRestored(NotPossible):
    """The database was restored from a backup, but the saved copies were not: ending a version now
    would make existing content unreadable for good."""

    code = "not_restored"
    detail = "An older copy of the database was restored: run `manage.py database recover` first."


class RotationStatus(NamedTuple):
    """The versions of one agency's key that the store holds, and how many rows name each."""

    agency_id: UUID
    versions: list[int]
    rows: dict[int, int]

    @property
    def lost(self) -> list[int]:
        """Versions that rows name and the store does not hold: these rows cannot be opened."""
        return sorted(set(self.rows) - set(self.versions))


class RotationResult(NamedTuple):
    version: int
    rewrapped: int
    unopened: int  # rows that cannot be opened: altered, or under a version that is gone
    altered: int  # those of them that name a version that the store still holds


def agencies() -> list[UUID]:
    """The ids of all agencies, including ended ones, in a fixed order."""
    return list(Agency.objects.using(JOBS).order_by("id").values_list("id", flat=True))


def key_holders() -> list[UUID]:
    """All owners of a key: the agencies, and the background work."""
    return [*agencies(), WEBHOOK_KEY_OWNER]


def status(agency_id: UUID) -> RotationStatus:
    """The state of an agency's key. Raises Unavailable, also if a key that the store holds does not
    open."""
    held = key_store().versions(agency_id)
    for table in wrapped_keys.WRAPPED_TABLES:
        for _, version, bundle in wrapped_keys.rows_of_table(table, agency_id, limit=1):
            if version in held:
                _rewrapped(agency_id, Wrapped(version, bundle))
    return RotationStatus(agency_id, held, wrapped_keys.count_by_version(agency_id))


def rotate(agency_id: UUID, progress: Progress = lambda *_: None) -> RotationResult:
    """Begin a new version and rewrap all bundles to it. If an earlier rotation was left unfinished,
    finish that one instead.

    The old version stays, for reads in progress, until `destroy`. Calling it twice makes two
    versions, one after the other; two calls at once wait for each other. Raises Unavailable,
    NotPossible (`no_key`), NotRestored.
    """
    with exclusive(agency_id):
        versions = _held(agency_id)
        log_background_act(
            "key.rotate", agency_id
        )  # before the act: the key store is not part of a transaction
        half_way = len(versions) > 1 and any(
            version < versions[-1] and version in versions
            for version in wrapped_keys.count_by_version(agency_id)
        )
        if half_way:
            done = _rewrap_all(agency_id, versions[-1], progress)
            if done.rewrapped:
                return done  # else no row could be rewrapped: no rotation was unfinished
        return _rewrap_all(agency_id, key_store().begin_version(agency_id), progress)


def destroy(agency_id: UUID, version: int | None = None) -> int:
    """End this version and every older one (None: all but the newest). Returns the last version
    ended; 0: there is only the newest. Twice is safe.

    Raises Unavailable, NotRestored, NotPossible (`key_in_use`: a row that can be opened still needs
    one of them, or it is the newest; `no_key`; `no_second_copy`).
    """
    with exclusive(agency_id):
        held = _held(agency_id)
        if len(held) == 1 and version is None:
            if held[0] > 1:  # removes what a killed process left of versions already ended
                key_store().destroy(agency_id, held[0] - 1)
            return 0
        below = held[-1] if version is None else version + 1
        return _destroy(agency_id, version, spare=_altered(agency_id, held, below))


def end_key_epoch(agency_id: UUID, progress: Progress = lambda *_: None) -> RotationResult:
    """Make what was destroyed in the database unreadable in its older copies too: begin a new
    version, rewrap all current bundles, and end every older version. Twice is safe.

    Something was wrapped for the agency, so a store without any version has lost them
    (Unavailable). Also raises NotRestored, NotPossible; then nothing counts as ended.
    """
    with exclusive(agency_id):
        _held(agency_id, sealed=True)
        second_copy.mirror()  # before a version is begun for nothing, hour after hour
        log_background_act("key.rotate", agency_id)
        # Never finish an earlier rotation instead: what must go may already be rewrapped to it.
        done = _rewrap_all(agency_id, key_store().begin_version(agency_id), progress)
        _destroy(agency_id, None, spare=done.altered)
        return done


def restore_copies(agency_id: UUID) -> int:
    """Put the saved copies back after an older copy of the database was restored: rows that existed
    when the last version was ended get their bundle of that time; other bundles under ended
    versions stay unreadable. Returns the number of rows changed. Twice is safe. Raises
    Unavailable."""
    with exclusive(agency_id):
        held = key_store().versions(agency_id)
        with transaction.atomic(using=JOBS):
            changed = sum(
                wrapped_keys.replace_if_unchanged(one.table, one.id, one.dead, one.carried)
                for one in wrapped_keys.restorable(agency_id, held)
            )
            log_background_act("key.restore", agency_id)
        return changed


@contextmanager
def exclusive(agency_id: UUID) -> Iterator[None]:
    """Allow one rotation of an agency's key at a time; another waits. The lock belongs to the
    session, since a rotation is many transactions: `jobs` cannot use a pooler that shares
    sessions. Raises Unavailable: this server's folder is not the shared one."""
    key_folder.join(JOBS)
    names = [ROTATING, lock_number(agency_id)]
    with connections[JOBS].cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")  # another rotation may take long
        try:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", names)
        finally:
            cursor.execute("RESET statement_timeout")
    try:
        yield
    finally:
        with connections[JOBS].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", names)


def log_background_act(
    act: str,
    agency_id: UUID,
    referral_id: UUID | None = None,
    subject: UUID | None = None,
    rule: str | None = None,
) -> None:
    """Write the access entry of an act of the background work, in its transaction if there is one;
    for an act on a key, in one that commits first. Raises Unavailable."""
    with unwritten_is_unavailable(), connections[JOBS].cursor() as cursor:
        cursor.execute(
            "SELECT sec.log_background_act(%s, %s, %s, %s, %s, %s)",
            [uuid7(), act, agency_id, referral_id, subject, rule],
        )


def _held(agency_id: UUID, *, sealed: bool = False) -> list[int]:
    """The agency's versions, at least one. `sealed`: something was sealed for it, even if no row
    shows it any longer. Raises Unavailable, NotPossible, NotRestored."""
    held = key_store().versions(agency_id)
    if not held and (sealed or wrapped_keys.count_by_version(agency_id)):
        raise Unavailable("key_store", "The key store has lost this agency's key: put it back.")
    if not held:
        raise NotPossible("no_key", "This agency has no key yet: nothing was sealed for it.")
    if any(wrapped_keys.restorable(agency_id, held)):
        raise NotRestored
    return held


def _wait_for_wraps(agency_id: UUID) -> None:
    with connections[JOBS].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [WRAPPING, lock_number(agency_id)])


def _rewrap_all(agency_id: UUID, newest: int, progress: Progress) -> RotationResult:
    """Rewrap all rows to the newest version, after every transaction that wrapped by an older one
    has ended: a killed rotation may have begun the version without this wait."""
    with transaction.atomic(using=JOBS):
        _wait_for_wraps(agency_id)
    rewrapped = unopened = altered = 0
    held = set(key_store().versions(agency_id))
    for table in wrapped_keys.WRAPPED_TABLES:
        done, after = 0, UUID(int=0)
        while rows := wrapped_keys.rows_of_table(
            table, agency_id, below=newest, after=after, limit=BATCH
        ):
            with transaction.atomic(using=JOBS):
                for row, version, bundle in rows:
                    old = Wrapped(version, bundle)
                    new = _rewrapped(agency_id, old)
                    if new is None:
                        unopened += 1
                        altered += version in held
                    else:  # zero rows: another writer changed it meanwhile, by the newest version
                        done += wrapped_keys.replace_if_unchanged(table, row, old, new)
            after = rows[-1][0]
            progress(table, done)
        rewrapped += done
    return RotationResult(newest, rewrapped, unopened, altered)


def _rewrapped(agency_id: UUID, old: Wrapped) -> Wrapped | None:
    try:
        return key_store().rewrap(agency_id, old)
    except KeyGone:
        return None
    except Unavailable as error:
        if error.code == "unsealing_failed":
            return None
        raise


def _altered(agency_id: UUID, held: list[int], below: int) -> int:
    """The number of rows under held versions lower than `below` that cannot be opened, and so can
    never be rewrapped."""
    return sum(
        version in held and _rewrapped(agency_id, Wrapped(version, bundle)) is None
        for table in wrapped_keys.WRAPPED_TABLES
        for _, version, bundle in wrapped_keys.rows_of_table(table, agency_id, below=below)
    )


def _destroy(agency_id: UUID, version: int | None, *, spare: int) -> int:
    """End `version` (None: all but the newest) and every older one. `spare`: the number of altered
    rows under held versions, which cannot be opened and do not block this."""
    versions = key_store().versions(agency_id)
    if version is None:
        version = versions[-1] - 1
    if version >= versions[-1]:
        raise NotPossible("key_in_use", "That is the newest version: rotate first.")
    ending = [old for old in versions if old <= version]
    second_copy.confirm(agency_id)
    with _none_in_use(agency_id, ending, spare):
        log_background_act(
            "key.destroy", agency_id
        )  # committed before the act, which cannot be rolled back
    with _none_in_use(agency_id, ending, spare):
        wrapped_keys.save_copies(agency_id)
        key_store().destroy(agency_id, version)
    second_copy.mirror()
    return version


@contextmanager
def _none_in_use(agency_id: UUID, ending: list[int], spare: int) -> Iterator[None]:
    """Open a transaction in which nothing is wrapped for the agency, and at most `spare` rows name
    a version that ends. Raises NotPossible."""
    with transaction.atomic(using=JOBS):
        _wait_for_wraps(agency_id)
        named = wrapped_keys.count_by_version(agency_id)
        if sum(named.get(old, 0) for old in ending) > spare:
            raise NotPossible("key_in_use", "Rows are still wrapped by it: rotate first.")
        yield
