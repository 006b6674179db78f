"""Content purges itself (R13): removal_due.py says what is due, removal.py removes it.

What is removed of a referral is removed in one transaction, keys with rows, under the locks of an
act. No reader ever finds one without the other. The same transaction records whose keys they were.
The key that wrapped them is ended directly afterwards (ADR 0020), for older copies of the database.

Runs as `jobs`, which sees the state of a referral and never its content. Each agency's part is
removed by its own end, hold and `retention_days`, and the agency is notified seven days before.
Afterwards the referral does not exist for it (404), whatever the other agency keeps. The sender's
end is the one that it is shown (T5). For the sender, a packet counts as never opened if it was
never accepted, because the sender may not learn whether the recipient opened it (R2). The purge may
be killed at any point and run again. Counts by year and agency stay, and so does the access log.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction

from permissions.database.advisory_locks import PURGING, try_lock
from permissions.database.aliases import JOBS
from permissions.database.uuid7 import uuid7
from permissions.errors import NotPossible, Refused
from permissions.health.failures import named
from permissions.keys import rotation
from permissions.keys.rotation import log_background_act
from referrals.deadlines.jobs_sql import execute, query
from referrals.deadlines.removal import REMOVALS, erase, remove_fields, settle_keys
from referrals.deadlines.removal_due import ALL, BATCH, due
from referrals.referral_lock import lock_number

log = structlog.get_logger()

KEPT = "interval '30 days'"  # as for the log of a webhook's deliveries (outbox.KEPT)

Progress = Callable[[str, int], None]  # what, and how many


class PurgeRunning(NotPossible):
    """Another purge is running; two at the same time are of no use."""

    code = "purging"
    detail = "A purge is under way already."


KEYS = "keys"  # in addition to ALL: the number of agencies whose keys must end


def preview() -> dict[str, int]:
    """Return how much is due now (at most BATCH per agency and kind). Changes nothing."""
    counts = dict.fromkeys(ALL, 0) | {KEYS: len(query("SELECT FROM epoch_due", []))}
    for agency_id in rotation.agencies():
        for name in ALL:
            counts[name] += len(due(name, agency_id))
    return counts


def run(progress: Progress = lambda *_: None) -> dict[str, int]:
    """Do all that is due, agency by agency, and return how much of each kind. Twice is safe. A
    second run at the same time raises PurgeRunning. If something of one agency cannot be removed,
    or its keys cannot end (Unavailable, NotPossible), everything else is removed and the first such
    failure is raised at the end."""
    counts = dict.fromkeys((*ALL, KEYS), 0)
    with _exclusive(), _despite_failures() as each:
        for agency_id in rotation.agencies():
            with each(agency_id):
                while any(done := _batch(agency_id)):
                    for name, more in zip(ALL, done, strict=True):
                        counts[name] += more
            progress(str(agency_id), sum(counts.values()))
        counts[KEYS] = _finish(each)
    return counts


def step() -> bool:
    """Do a portion for the worker: at most a batch per agency and kind. Returns whether there may
    be more. Raises as `run` does, except that a second run returns False."""
    more = False
    try:
        with _exclusive(), _despite_failures() as each:
            for agency_id in rotation.agencies():
                with each(agency_id):
                    more |= any(_batch(agency_id))
            _finish(each)
    except PurgeRunning:
        return False
    return more


@contextmanager
def _exclusive() -> Iterator[None]:
    with try_lock(JOBS, PURGING) as free:
        if not free:
            raise PurgeRunning
        yield


Each = Callable[[UUID | None], AbstractContextManager[None]]


@contextmanager
def _despite_failures() -> Iterator[Each]:
    """Let a failure in one part stop no other. Each failure is logged by agency and type, and the
    first is raised when all parts are done."""
    failures: list[Exception] = []

    @contextmanager
    def each(agency_id: UUID | None) -> Iterator[None]:
        try:
            yield
        except (Refused, DatabaseError) as error:
            log.error("purge_held_up", agency=str(agency_id), **named(error))
            failures.append(error)

    yield each
    if failures:
        raise failures[0]


def _batch(agency_id: UUID) -> list[int]:
    """Do at most a batch of each kind. Returns the numbers in the order of ALL."""
    acts = _TOLD | REMOVALS
    counts = {name: _each(name, agency_id, act) for name, act in acts.items()}
    settle_keys(agency_id)
    return [counts[name] for name in ALL]


def _each(name: str, agency_id: UUID, act: Callable[[UUID, UUID], None]) -> int:
    """Run `act` on each that is due, in its own transaction: locked, then checked again."""
    return sum(_one(name, agency_id, row, act) for row in due(name, agency_id))


def _one(name: str, agency_id: UUID, referral_id: UUID, act: Callable[[UUID, UUID], None]) -> int:
    with locked(referral_id):
        if not due(name, agency_id, referral_id):
            return 0
        act(referral_id, agency_id)
        return 1


@contextmanager
def locked(referral_id: UUID) -> Iterator[None]:
    """Open a transaction after which no read of the referral commits, as in every act that closes,
    and in which no other act is in progress (referrals/act_transaction.py)."""
    with transaction.atomic(using=JOBS):
        execute("SELECT pg_advisory_xact_lock(%s)", [lock_number(referral_id)])
        execute("SELECT FROM referral WHERE id = %s FOR UPDATE", [referral_id])
        yield


def _finish(each: Each) -> int:
    """Remove what belongs to no single agency, then end the keys, whatever else failed. Returns the
    number of agencies whose keys ended."""
    for act in (_erase_finished, _delete_expired):
        with each(None):
            act()
    return _end_epochs(each)


# -- Notifications to one side, and idle referrals -------------------------------------------------


def _event(referral_id: UUID, act: str, side: str, code: str | None = None) -> None:
    execute(
        "INSERT INTO referral_event (id, referral_id, from_agency_id, to_agency_id, at, act, code,"
        " from_sees, to_sees) SELECT %s, id, from_agency_id, to_agency_id, sec.clock(), %s, %s,"
        " %s, %s FROM referral WHERE id = %s",
        [uuid7(), act, code, side == "from", side == "to", referral_id],
    )


def _unable(referral_id: UUID, agency_id: UUID) -> None:
    """End the referral as unable (act 23). The sender is shown what it was shown before."""
    execute(
        "UPDATE referral_side SET state = 'unable', handoff_by = NULL, version = version + 1"
        " WHERE referral_id = %s AND agency_id = %s",
        [referral_id, agency_id],
    )
    _event(referral_id, "unable", "to", "idle")
    log_background_act("referral.unable", agency_id, referral_id, rule="idle")


_TOLD: dict[str, Callable[[UUID, UUID], None]] = {
    "tell_from": lambda referral_id, _: _event(referral_id, "purge_due", "from"),
    "tell_to": lambda referral_id, _: _event(referral_id, "purge_due", "to"),
    "remind_from": lambda referral_id, _: _event(referral_id, "reminder", "from"),
    "remind_to": lambda referral_id, _: _event(referral_id, "reminder", "to"),
    "ask": lambda referral_id, _: _event(referral_id, "idle", "to"),
    "end": _unable,
}


def _end_epochs(each: Each) -> int:
    """End the keys that wrapped what was removed, here or at a survivor's "no" (R14,
    sec.erase_draft). They stay due until this is done. What is removed meanwhile makes them due
    again."""
    ended = 0
    for agency_id, since in query("SELECT agency_id, since FROM epoch_due ORDER BY agency_id", []):
        with each(agency_id):
            rotation.end_key_epoch(agency_id)
            execute("DELETE FROM epoch_due WHERE agency_id = %s AND since = %s", [agency_id, since])
            ended += 1
    return ended


# -- What belongs to no referral -------------------------------------------------------------------

# The oldest month that the access log still has: not sec.log_months, which ends at a gap.
_LOG_BEGINS = (
    "SELECT min(to_date(right(c.relname, 7), 'YYYY_MM'))::timestamp AT TIME ZONE 'UTC'"
    " FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
    r" WHERE i.inhparent = 'access_entry'::regclass AND c.relname ~ '^access_entry_\d{4}_\d{2}$'"
)


def _delete_expired() -> None:
    """Delete tests of channels, codes and messages about webhooks, which belong to no referral, and
    the keys of requests, however long their referral lives. Delete the records of barred members
    for which the log has no month any more. Clear the reference of a plan to a draft that a
    survivor's "no" erased (R14), or to a referral that was purged while its replacement was
    started."""
    execute(f"DELETE FROM message WHERE referral_id IS NULL AND at <= sec.clock() - {KEPT}", [])
    execute(f"DELETE FROM idempotency_key WHERE created_at <= sec.clock() - {KEPT}", [])
    execute("DELETE FROM channel_code WHERE ends_at <= sec.clock()", [])
    execute(f"DELETE FROM barred_to_the_end WHERE at < ({_LOG_BEGINS})", [])
    execute(
        "UPDATE referral_plan p SET replaces_id = NULL WHERE replaces_id IS NOT NULL"
        " AND NOT EXISTS (SELECT FROM referral r WHERE r.id = p.replaces_id AND NOT r.from_purged)",
        [],
    )


# Sealed fields that no key opens any more, and referrals that both sides have purged.
_SEALED = (
    "SELECT r.id FROM referral r WHERE r.from_purged"
    " AND EXISTS (SELECT FROM packet_field p WHERE p.referral_id = r.id)"
    " AND NOT EXISTS (SELECT FROM packet_grant g WHERE g.referral_id = r.id"
    "  AND g.key_bundle IS NOT NULL AND NOT g.closed AND g.expires_at > sec.clock())"
)
_FINISHED = "SELECT r.id FROM referral r WHERE r.from_purged AND r.to_purged"


def _erase_finished() -> None:
    """Erase what no side keeps any more; each referral is locked, then checked again."""
    for left, act in ((_SEALED, remove_fields), (_FINISHED, erase)):
        while rows := query(f"{left} ORDER BY r.id LIMIT %s", [BATCH]):
            for (referral_id,) in rows:
                with locked(referral_id):
                    if query(f"{left} AND r.id = %s", [referral_id]):
                        act(referral_id)
