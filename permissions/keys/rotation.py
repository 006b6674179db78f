"""Versions of an agency's key: rewrap all that it wrapped to a new one, and end the old ones.

Runs as `jobs` in batches of their own transactions; people go on reading and writing. Killed
anywhere, it is run again: where each row stands is all the state there is. An old version is ended
only when no row names it, and what still lives is first carried over beside the key store, so that
an older copy of the database, restored, opens what lives and nothing else (`restore_copies`).
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
from permissions.keys import wrapped_keys
from permissions.keys.keystore import KeyGone, Wrapped, key_store
from permissions.keys.wrapping import WEBHOOK_KEY_OWNER
from permissions.models import Agency

BATCH = 200

Progress = Callable[[str, int], None]  # a table, and how many of its rows are done


class NotRestored(NotPossible):
    """The database is of a backup, and what lives was not given back: to end a version now would
    close it for good."""

    code = "not_restored"
    detail = "An older copy of the database was restored: run `manage.py keys restore` first."


class RotationStatus(NamedTuple):
    """Of one agency's key: the versions that the store holds, and how many rows name each."""

    agency_id: UUID
    versions: list[int]
    rows: dict[int, int]

    @property
    def lost(self) -> list[int]:
        """Versions that rows name and the store does not hold: these rows open to nobody."""
        return sorted(set(self.rows) - set(self.versions))


class RotationResult(NamedTuple):
    version: int
    rewrapped: int
    unopened: int  # rows that open to nobody: altered, or of a version that is gone
    altered: int  # those of them that name a version which the store still holds


def agencies() -> list[UUID]:
    """Every agency there is, ended ones too, in one order."""
    return list(Agency.objects.using(JOBS).order_by("id").values_list("id", flat=True))


def key_holders() -> list[UUID]:
    """Whoever has a key: the agencies, and the background work."""
    return [*agencies(), WEBHOOK_KEY_OWNER]


def status(agency_id: UUID) -> RotationStatus:
    """Raises Unavailable: also where a key that the store holds does not open."""
    held = key_store().versions(agency_id)
    for table in wrapped_keys.WRAPPED_TABLES:
        for _, version, bundle in wrapped_keys.rows_of_table(table, agency_id, limit=1):
            if version in held:
                _rewrapped(agency_id, Wrapped(version, bundle))
    return RotationStatus(agency_id, held, wrapped_keys.count_by_version(agency_id))


def rotate(agency_id: UUID, progress: Progress = lambda *_: None) -> RotationResult:
    """Begin a new version and rewrap all bundles to it; one that was left half-way is ended first.

    The old version stays, for readers under way, until `destroy`. Twice is two versions, one after
    the other; two at once wait for each other. Raises Unavailable, NotPossible (`no_key`),
    NotRestored.
    """
    with exclusive(agency_id):
        versions = _held(agency_id)
        log_background_act(
            "key.rotate", agency_id
        )  # before it is done: the key store is no transaction's
        half_way = len(versions) > 1 and any(
            version < versions[-1] and version in versions
            for version in wrapped_keys.count_by_version(agency_id)
        )
        if half_way:
            done = _rewrap_all(agency_id, versions[-1], progress)
            if done.rewrapped:
                return done  # else what is left there opens to nobody: no rotation was half-way
        return _rewrap_all(agency_id, key_store().begin_version(agency_id), progress)


def destroy(agency_id: UUID, version: int | None = None) -> int:
    """End this version and every older one (None: all but the newest). Returns the last ended; 0:
    there is none but the newest. Twice is safe.

    Raises Unavailable, NotRestored, NotPossible (`key_in_use`: what a row holds opens by one still,
    or it is the newest; `no_key`).
    """
    with exclusive(agency_id):
        held = _held(agency_id)
        if len(held) == 1 and version is None:
            if held[0] > 1:  # what a kill left of those that had ended already
                key_store().destroy(agency_id, held[0] - 1)
            return 0
        below = held[-1] if version is None else version + 1
        return _destroy(agency_id, version, spare=_altered(agency_id, held, below))


def end_key_epoch(agency_id: UUID, progress: Progress = lambda *_: None) -> RotationResult:
    """What was destroyed in the database is destroyed in its older copies too: a new version, all
    that lives rewrapped, every older version ended. Twice is safe.

    Something was wrapped for the agency: where the store holds no version at all, it is away, or
    has lost them (Unavailable). Raises NotRestored, NotPossible, too: nothing counts as ended then.
    """
    with exclusive(agency_id):
        _held(agency_id, sealed=True)
        log_background_act("key.rotate", agency_id)
        # Never half of an earlier one: what was to go may have been rewrapped to that already.
        done = _rewrap_all(agency_id, key_store().begin_version(agency_id), progress)
        _destroy(agency_id, None, spare=done.altered)
        return done


def restore_copies(agency_id: UUID) -> int:
    """After an older copy of the database was restored: what lived when the last version was ended
    gets its bundle of then; all else of ended versions opens nothing. Returns the rows changed.
    Twice is safe. Raises Unavailable."""
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
    """One rotation of an agency's key at a time; another waits. A lock of the session, since a
    rotation is many transactions: `jobs` cannot go through a pooler that shares sessions."""
    names = [ROTATING, lock_number(agency_id)]
    with connections[JOBS].cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")  # the wait for another's rotation
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
    """The access entry of what the background work did; in its transaction, if there is one. Of a
    key, in one that commits before. Raises Unavailable."""
    with unwritten_is_unavailable(), connections[JOBS].cursor() as cursor:
        cursor.execute(
            "SELECT sec.log_job(%s, %s, %s, %s, %s, %s)",
            [uuid7(), act, agency_id, referral_id, subject, rule],
        )


def _held(agency_id: UUID, *, sealed: bool = False) -> list[int]:
    """Its versions, one at least; `sealed`: something was, though no row may say so any longer."""
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
    """To the newest, behind every transaction that wrapped by an older one: also where the version
    was begun by a rotation that was killed, and did not wait."""
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
                    else:  # zero rows: somebody wrote it meanwhile, by the newest version
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
    """Rows of held versions before `below` that open to nobody: rewrapped they never are."""
    return sum(
        version in held and _rewrapped(agency_id, Wrapped(version, bundle)) is None
        for table in wrapped_keys.WRAPPED_TABLES
        for _, version, bundle in wrapped_keys.rows_of_table(table, agency_id, below=below)
    )


def _destroy(agency_id: UUID, version: int | None, *, spare: int) -> int:
    """`spare`: so many rows of held versions were altered, open to nobody, and hold nothing up."""
    versions = key_store().versions(agency_id)
    if version is None:
        version = versions[-1] - 1
    if version >= versions[-1]:
        raise NotPossible("key_in_use", "That is the newest version: rotate first.")
    ending = [old for old in versions if old <= version]
    with _none_in_use(agency_id, ending, spare):
        log_background_act(
            "key.destroy", agency_id
        )  # committed before it is done, which nothing rolls back
    with _none_in_use(agency_id, ending, spare):
        wrapped_keys.save_copies(agency_id)
        key_store().destroy(agency_id, version)
    return version


@contextmanager
def _none_in_use(agency_id: UUID, ending: list[int], spare: int) -> Iterator[None]:
    """A transaction in which nothing is wrapped for the agency, and no more than `spare` rows name
    a version that ends. Raises NotPossible."""
    with transaction.atomic(using=JOBS):
        _wait_for_wraps(agency_id)
        named = wrapped_keys.count_by_version(agency_id)
        if sum(named.get(old, 0) for old in ending) > spare:
            raise NotPossible("key_in_use", "Rows are still wrapped by it: rotate first.")
        yield
