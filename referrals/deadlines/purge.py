"""Content purges itself (R13): what is due, and its removal.

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
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from django.db import DatabaseError, connections, transaction

from permissions.database.advisory_locks import PURGING, try_lock
from permissions.database.aliases import JOBS
from permissions.database.uuid7 import uuid7
from permissions.errors import NotPossible, Refused
from permissions.keys import rotation
from permissions.keys.rotation import log_background_act
from referrals.deadlines.due_times import CLOSED_AFTER, DRAFT_LIFETIME, PURGE_WARNING
from referrals.referral_lock import lock_number

log = structlog.get_logger()

BATCH = 200
WARNING = f"interval '{PURGE_WARNING.days} days'"
SOON = "interval '24 hours'"
_DRAFT = f"interval '{DRAFT_LIFETIME.total_seconds()} seconds'"
KEPT = "interval '30 days'"  # as for the log of a webhook's deliveries (outbox.KEPT)

Progress = Callable[[str, int], None]  # what, and how many


class PurgeRunning(NotPossible):
    """Another purge is running; two at the same time are of no use."""

    code = "purging"
    detail = "A purge is under way already."


class Kind(NamedTuple):
    """One kind of thing that is due: whose side it is, and when. `r` is the referral, `a` the
    agency, `s` its side, {end} the end as that side is shown it."""

    side: str  # "from" or "to"
    when: str


_SHOWN_END = (
    f"CASE WHEN r.status = 'accepted' THEN r.accepted_at + interval '{CLOSED_AFTER.days} days'"
    " WHEN r.status IN ('sent', 'acknowledged') THEN r.expires_at ELSE r.ended_at END"
)
_OWN_END = (
    "CASE WHEN s.state IN ('completed', 'unable', 'stopped') THEN"
    "  (SELECT max(e.at) FROM referral_event e WHERE e.referral_id = r.id AND e.to_sees"
    "      AND e.act IN ('complete', 'unable', 'stop')"
    "      AND e.agency_id IS DISTINCT FROM r.from_agency_id)"
    " WHEN r.status = 'accepted' THEN NULL"
    " WHEN r.status IN ('sent', 'acknowledged') THEN r.expires_at ELSE r.ended_at END"
)
_END = {"from": _SHOWN_END, "to": _OWN_END}
_LAST_CHANGE = (
    "(SELECT coalesce(max(e.at), r.created_at) FROM referral_event e WHERE e.referral_id = r.id)"
)
_LAST_OWN_ACT = (
    "(SELECT max(e.at) FROM referral_event e"
    " WHERE e.referral_id = r.id AND e.agency_id = r.to_agency_id)"
)


def _told(act: str, side: str) -> str:
    """Return SQL for when the clock notified this side of `act`; NULL: not yet."""
    return (
        "(SELECT max(e.at) FROM referral_event e WHERE e.referral_id = r.id"
        f" AND e.agency_id IS NULL AND e.act = '{act}' AND e.{side}_sees)"
    )


_KEPT = "{end} + make_interval(days => a.retention_days)"
# If a hold or a longer retention was set after the notification, the side is notified again.
_TELL_AT = f"greatest({_KEPT}, s.hold_until) - {WARNING}"
_NOT_GONE = {
    "from": "r.sent_at IS NOT NULL AND NOT r.from_purged",
    "to": "r.sent_at IS NOT NULL AND NOT r.to_purged",  # whether or not it ever acted
}
_TAKEN = "r.status = 'accepted' AND s.state IN ('accepted', 'in_handoff')"
DUE = {
    "draft": Kind("from", f"r.sent_at IS NULL AND {_LAST_CHANGE} + {_DRAFT} <= sec.clock()"),
    # Never accepted: the packet cannot have been opened, and both sides know that.
    "packet": Kind(
        "from",
        f"{_NOT_GONE['from']} AND r.accepted_at IS NULL AND {{end}} + {SOON} <= sec.clock()"
        " AND EXISTS (SELECT FROM packet_field p WHERE p.referral_id = r.id)",
    ),
    # Accepted and never opened: only the recipient's keys, by the recipient's own end.
    "unopened": Kind(
        "to",
        f"r.accepted_at IS NOT NULL AND {{end}} + {SOON} <= sec.clock()"
        " AND EXISTS (SELECT FROM packet_grant g WHERE g.referral_id = r.id AND g.agency_id = a.id)"
        " AND NOT sec.was_opened(r.id, a.id)",
    ),
}
for _side, _name in (("from", "sent"), ("to", "received")):
    DUE[_name] = Kind(
        _side,
        f"{_NOT_GONE[_side]} AND {_KEPT} <= sec.clock()"
        f" AND {_told('purge_due', _side)} + {WARNING} <= sec.clock()"
        f" AND {_told('purge_due', _side)} >= {_TELL_AT}",
    )
# Not part of the purge, but on the same clock: notifications to one side, and the end of idle
# referrals (act 23).
TELL = {
    f"tell_{side}": Kind(
        side,
        f"{_NOT_GONE[side]} AND {_KEPT} - {WARNING} <= sec.clock()"
        f" AND ({_told('purge_due', side)} IS NULL"
        f"  OR {_told('purge_due', side)} < {_TELL_AT} AND {_TELL_AT} <= sec.clock())",
    )
    for side in ("from", "to")
}
IDLE = {
    "ask": Kind(
        "to",
        f"{_TAKEN} AND {_LAST_OWN_ACT} + interval '14 days' <= sec.clock()"
        f" AND coalesce({_told('idle', 'to')} < {_LAST_OWN_ACT}, true)",
    ),
    "end": Kind(
        "to",
        f"{_TAKEN} AND {_LAST_OWN_ACT} + interval '21 days' <= sec.clock()"
        f" AND {_told('idle', 'to')} >= {_LAST_OWN_ACT}"
        f" AND {_told('idle', 'to')} + {WARNING} <= sec.clock()",
    ),
}
_ALL = DUE | TELL | IDLE


def due(name: str, agency_id: UUID, referral_id: UUID | None = None) -> list[UUID]:
    """Return the referrals of an agency for which `name` (DUE, TELL, IDLE) is due, or whether it is
    due for `referral_id`. At most BATCH. Nothing under a legal hold of its side is due for
    purge."""
    kind = _ALL[name]
    hold = " AND (s.hold_until IS NULL OR s.hold_until <= sec.clock())" if name in DUE else ""
    found = _query(
        f"SELECT r.id FROM referral r JOIN permissions_agency a ON a.id = r.{kind.side}_agency_id"
        " LEFT JOIN referral_side s ON s.referral_id = r.id AND s.agency_id = a.id"
        f" WHERE a.id = %s AND (%s::uuid IS NULL OR r.id = %s)"
        f" AND {kind.when.format(end=_END[kind.side])}{hold} ORDER BY r.id LIMIT %s",
        [agency_id, referral_id, referral_id, BATCH],
    )
    return [row for (row,) in found]


KEYS = "keys"  # in addition to _ALL: the number of agencies whose keys must end


def preview() -> dict[str, int]:
    """Return how much is due now (at most BATCH per agency and kind). Changes nothing."""
    counts = dict.fromkeys(_ALL, 0) | {KEYS: len(_query("SELECT FROM epoch_due", []))}
    for agency_id in rotation.agencies():
        for name in _ALL:
            counts[name] += len(due(name, agency_id))
    return counts


def run(progress: Progress = lambda *_: None) -> dict[str, int]:
    """Do all that is due, agency by agency, and return how much of each kind. Twice is safe. A
    second run at the same time raises PurgeRunning. If something of one agency cannot be removed,
    or its keys cannot end (Unavailable, NotPossible), everything else is removed and the first such
    failure is raised at the end."""
    counts = dict.fromkeys((*_ALL, KEYS), 0)
    with _exclusive(), _despite_failures() as each:
        for agency_id in rotation.agencies():
            with each(agency_id):
                while any(done := _batch(agency_id)):
                    for name, more in zip(_ALL, done, strict=True):
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
            log.error("purge_held_up", agency=str(agency_id), error=type(error).__name__)
            failures.append(error)

    yield each
    if failures:
        raise failures[0]


def _batch(agency_id: UUID) -> list[int]:
    """Do at most a batch of each kind. Returns the numbers in the order of _ALL."""
    acts = _TOLD | _GOES
    counts = {name: _each(name, agency_id, act) for name, act in acts.items()}
    return [counts[name] for name in _ALL]


def _each(name: str, agency_id: UUID, act: Callable[[UUID, UUID], None]) -> int:
    """Run `act` on each that is due, in its own transaction: locked, then checked again."""
    return sum(_one(name, agency_id, row, act) for row in due(name, agency_id))


def _one(name: str, agency_id: UUID, referral_id: UUID, act: Callable[[UUID, UUID], None]) -> int:
    with _locked(referral_id):
        if not due(name, agency_id, referral_id):
            return 0
        act(referral_id, agency_id)
        return 1


@contextmanager
def _locked(referral_id: UUID) -> Iterator[None]:
    """Open a transaction after which no read of the referral commits, as in every act that closes,
    and in which no other act is in progress (referrals/act_transaction.py)."""
    with transaction.atomic(using=JOBS):
        _execute("SELECT pg_advisory_xact_lock(%s)", [lock_number(referral_id)])
        _execute("SELECT FROM referral WHERE id = %s FOR UPDATE", [referral_id])
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
    _execute(
        "INSERT INTO referral_event (id, referral_id, from_agency_id, to_agency_id, at, act, code,"
        " from_sees, to_sees) SELECT %s, id, from_agency_id, to_agency_id, sec.clock(), %s, %s,"
        " %s, %s FROM referral WHERE id = %s",
        [uuid7(), act, code, side == "from", side == "to", referral_id],
    )


def _unable(referral_id: UUID, agency_id: UUID) -> None:
    """End the referral as unable (act 23). The sender is shown what it was shown before."""
    _execute(
        "UPDATE referral_side SET state = 'unable', handoff_by = NULL, version = version + 1"
        " WHERE referral_id = %s AND agency_id = %s",
        [referral_id, agency_id],
    )
    _event(referral_id, "unable", "to", "idle")
    log_background_act("referral.unable", agency_id, referral_id, rule="idle")


_TOLD: dict[str, Callable[[UUID, UUID], None]] = {
    "tell_from": lambda referral_id, _: _event(referral_id, "purge_due", "from"),
    "tell_to": lambda referral_id, _: _event(referral_id, "purge_due", "to"),
    "ask": lambda referral_id, _: _event(referral_id, "idle", "to"),
    "end": _unable,
}

# -- Keys ------------------------------------------------------------------------------------------

_KEYS = ("packet_grant", "private_key", "returned")


def _remove_keys(
    referral_id: UUID, agency_id: UUID | None = None, tables: tuple[str, ...] = _KEYS
) -> None:
    """Delete the bundles of one agency (None: of all), and mark the keys that wrapped them as due
    to end."""
    for table in tables:
        _execute(
            f"WITH gone AS (DELETE FROM {table} WHERE referral_id = %s"
            " AND (%s::uuid IS NULL OR agency_id = %s) RETURNING agency_id)"
            " INSERT INTO epoch_due AS e (agency_id, since)"
            " SELECT DISTINCT agency_id, sec.clock() FROM gone"
            " ON CONFLICT (agency_id) DO UPDATE SET since = excluded.since",
            [referral_id, agency_id, agency_id],
        )


def _end_epochs(each: Each) -> int:
    """End the keys that wrapped what was removed, here or at a survivor's "no" (R14,
    sec.erase_draft). They stay due until this is done. What is removed meanwhile makes them due
    again."""
    ended = 0
    for agency_id, since in _query("SELECT agency_id, since FROM epoch_due ORDER BY agency_id", []):
        with each(agency_id):
            rotation.end_key_epoch(agency_id)
            _execute(
                "DELETE FROM epoch_due WHERE agency_id = %s AND since = %s", [agency_id, since]
            )
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
    """Delete tests of channels and messages about webhooks, which belong to no referral, and the
    keys of requests, however long their referral lives. Delete the records of barred members for
    which the log has no month any more. Clear the reference of a plan to a draft that a survivor's
    "no" erased (R14), or to a referral that was purged while its replacement was started."""
    _execute(f"DELETE FROM message WHERE referral_id IS NULL AND at <= sec.clock() - {KEPT}", [])
    _execute(f"DELETE FROM idempotency_key WHERE created_at <= sec.clock() - {KEPT}", [])
    _execute(f"DELETE FROM barred_to_the_end WHERE at < ({_LOG_BEGINS})", [])
    _execute(
        "UPDATE referral_plan p SET replaces_id = NULL WHERE replaces_id IS NOT NULL"
        " AND NOT EXISTS (SELECT FROM referral r WHERE r.id = p.replaces_id AND NOT r.from_purged)",
        [],
    )


# -- Rows ------------------------------------------------------------------------------------------

_OWN = (  # what one agency keeps of a referral and the other does not
    ("message", "referral_id"),  # that it was notified, never why
    ("idempotency_key", "referral_id"),
    ("note", "referral_id"),
    ("referral_plan", "referral_id"),
    ("self_assignment", "referral_id"),
    ("webhook_delivery", "referral_id"),
    ("referral_assignment", "content_object_id"),
    ("referral_side", "referral_id"),
)
_PAPERS = ("release_end", "release_paper")  # of a release, each belonging to its own agency


def _remove_own(referral_id: UUID, agency_id: UUID) -> None:
    _remove_keys(referral_id, agency_id)
    for table, column in _OWN:
        _execute(
            f"DELETE FROM {table} WHERE {column} = %s AND agency_id = %s", [referral_id, agency_id]
        )
    for table in _PAPERS:
        _execute(
            f"DELETE FROM {table} WHERE agency_id = %s"
            " AND release_id IN (SELECT id FROM release WHERE referral_id = %s)",
            [agency_id, referral_id],
        )


def _unlink(referral_id: UUID) -> None:
    """Remove the reference from the referral that replaced it: only its sender ever knew."""
    _execute("UPDATE referral_plan SET replaces_id = NULL WHERE replaces_id = %s", [referral_id])


def _erase(referral_id: UUID) -> None:
    """Erase the referral and, by the foreign keys, everything that belongs to it. Its keys go
    first, so that the keys that wrapped them are due to end. Its blocks go too, but who was barred
    is kept (sec.keep_barred)."""
    _remove_keys(referral_id)
    _unlink(referral_id)
    for table, column in (("conflict_block", "referral_id"), ("referral", "id")):
        _execute(f"DELETE FROM {table} WHERE {column} = %s", [referral_id])


def _draft(referral_id: UUID, agency_id: UUID) -> None:
    _keep_count(referral_id, agency_id, "from", "r.status")
    _erase(referral_id)


def _packet(referral_id: UUID, agency_id: UUID) -> None:
    _remove_keys(referral_id, tables=("packet_grant",))
    _remove_fields(referral_id)
    log_background_act("referral.purge", agency_id, referral_id, rule="packet")


def _remove_fields(referral_id: UUID) -> None:
    _execute("DELETE FROM packet_field WHERE referral_id = %s", [referral_id])


def _unopened(referral_id: UUID, agency_id: UUID) -> None:
    _remove_keys(referral_id, agency_id, ("packet_grant",))
    log_background_act("referral.purge", agency_id, referral_id, rule="packet")


def _sent(referral_id: UUID, agency_id: UUID) -> None:
    """Purge the sender's part: it is hidden from the sender. What the recipient works with stays
    until the recipient's part ends: the notice, and the sealed fields that its own keys still
    open."""
    _keep_count(referral_id, agency_id, "from", "r.status")
    _remove_own(referral_id, agency_id)
    _unlink(referral_id)
    _execute("UPDATE referral_event SET from_sees = false WHERE referral_id = %s", [referral_id])
    _execute("DELETE FROM referral_event WHERE referral_id = %s AND NOT to_sees", [referral_id])
    _execute("UPDATE referral SET from_purged = true WHERE id = %s", [referral_id])


def _received(referral_id: UUID, agency_id: UUID) -> None:
    """Purge the recipient's part, with the notice and the history: it is hidden from the recipient.
    Nothing that the sender may read is changed, least of all `to_sees` and the version (R2)."""
    _keep_count(referral_id, agency_id, "to", "coalesce(s.state, r.status)")
    _remove_own(referral_id, agency_id)
    _execute("DELETE FROM referral_event WHERE referral_id = %s AND NOT from_sees", [referral_id])
    _execute("UPDATE referral SET to_purged = true WHERE id = %s", [referral_id])


_GOES: dict[str, Callable[[UUID, UUID], None]] = {
    "draft": _draft,
    "packet": _packet,
    "unopened": _unopened,
    "sent": _sent,
    "received": _received,
}


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
    for left, act in ((_SEALED, _remove_fields), (_FINISHED, _erase)):
        while rows := _query(f"{left} ORDER BY r.id LIMIT %s", [BATCH]):
            for (referral_id,) in rows:
                with _locked(referral_id):
                    if _query(f"{left} AND r.id = %s", [referral_id]):
                        act(referral_id)


def _keep_count(referral_id: UUID, agency_id: UUID, side: str, ending: str) -> None:
    """Add one to the agency's count of the year, and write the entry in the access log."""
    _execute(
        "INSERT INTO purged_count AS c (id, agency_id, year, side, ending, number)"
        f" SELECT %s, %s, extract(year FROM r.created_at), %s, {ending}, 1 FROM referral r"
        " LEFT JOIN referral_side s ON s.referral_id = r.id AND s.agency_id = %s"
        " WHERE r.id = %s"
        " ON CONFLICT (agency_id, year, side, ending) DO UPDATE SET number = c.number + 1",
        [uuid7(), agency_id, side, agency_id, referral_id],
    )
    subjects = _query(
        "SELECT subject FROM referral_side WHERE referral_id = %s AND agency_id = %s",
        [referral_id, agency_id],
    )
    subject = subjects[0][0] if subjects else None
    log_background_act("referral.purge", agency_id, referral_id, subject)


def _query(question: str, parameters: Any) -> list[Any]:
    with connections[JOBS].cursor() as cursor:
        cursor.execute(question, parameters)
        rows: list[Any] = cursor.fetchall()
        return rows


def _execute(statement: str, parameters: Any) -> None:
    with connections[JOBS].cursor() as cursor:
        cursor.execute(statement, parameters)
