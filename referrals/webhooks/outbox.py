"""The database side of webhooks: which endpoint is next, with what, and the outcome.

An endpoint is its agency's feed and a place in it. The process that leases it reads what comes
next. The first message that is not accepted is retried later, before any that follow, so that none
is missed and order is kept. Runs as `jobs`. The sending itself is in
referrals/webhooks/delivery.py.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import NAMESPACE_OID, UUID, uuid5

import structlog
from django.db import connections, transaction

from permissions.database.aliases import JOBS
from permissions.database.uuid7 import uuid7
from permissions.errors import Unavailable
from permissions.keys import wrapping
from permissions.keys.keystore import Wrapped
from permissions.ledger import sealer
from permissions.ledger.sealer import Checkpoint
from referrals.notifications.recipients import manager_channels, queue_general_messages

log = structlog.get_logger()

BATCH = 50  # messages over one connection
LEASE_S = 30  # longer than a batch can take (delivery.py); a dead sender loses it after this
# The retry schedule of Standard Webhooks, 75 h 35 min in all, with 10 % jitter. Then the endpoint
# is given up.
LADDER_S = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
JITTER = 0.1
# Managers are notified after so many failed tries, five minutes: less is a system update.
TOLD_AFTER = 3
_TAKEN = {"delivered", "barred"}


class Message(NamedTuple):
    """A message to send. A test has no event and no place."""

    id: UUID
    at: datetime
    event_id: UUID | None
    referral_id: UUID | None
    xact: int | None
    barred: bool  # skipped silently (R12)
    act: str | None = None  # of the event, as in the feed
    checkpoint: Checkpoint | None = None


@dataclass(slots=True)
class Batch:
    """One leased endpoint with the messages to send. The sending thread fills in `done`."""

    endpoint_id: UUID
    agency_id: UUID
    url: str
    tries: int
    lease: UUID
    lane: str
    about: str
    pinged: bool
    now: datetime
    secrets: list[str]
    messages: list[Message]
    done: list[tuple[Message, str, int | None, int]] = field(default_factory=list)


def retry_after_s(tries: int) -> float | None:
    """Return the seconds until the next try after this many failures. None: give up."""
    if tries > len(LADDER_S):
        return None
    return LADDER_S[tries - 1] * random.uniform(1 - JITTER, 1 + JITTER)


_NEXT = (
    "SELECT v.id, v.xact, v.at, v.referral_id, v.act FROM referral_event v"
    " WHERE v.{side}_agency_id = {agency} AND v.{side}_sees AND NOT v.reserved"
    " AND (v.xact, v.id) > ({xact}, {event}) AND v.xact < sec.xact_bound()"
)


def _next(side: str, agency: str, xact: str, event: str) -> str:
    return _NEXT.format(side=side, agency=agency, xact=xact, event=event)


# A witness needs only the newest checkpoint now and then: each one seals all before it.
CHECKPOINTS_EVERY = "interval '1 minute'"
_MINE = ("e.agency_id", "e.at_xact", "e.at_event")
_DUE = (
    "SELECT e.id FROM webhook_endpoint e WHERE e.removed_at IS NULL AND NOT e.paused"
    " AND e.stopped IS NULL AND (e.tries > 0) = (%(lane)s = 'failing')"
    " AND (e.lease IS NULL OR e.leased_until <= sec.clock())"
    " AND (e.ping_id IS NOT NULL OR (e.next_at <= sec.clock()"
    " AND CASE e.about WHEN 'checkpoints'"
    " THEN EXISTS (SELECT FROM log_checkpoint c WHERE c.seq > e.at_seq)"
    f" ELSE EXISTS ({_next('from', *_MINE)}) OR EXISTS ({_next('to', *_MINE)}) END))"
    " ORDER BY e.leased_until NULLS FIRST LIMIT %(free)s FOR UPDATE SKIP LOCKED"
)
_WAITING = (
    "SELECT id, at, id, referral_id, xact, sec.is_mailbox_blocked(referral_id, %(agency)s), act"
    f" FROM ((({_next('from', '%(agency)s', '%(xact)s', '%(event)s')} ORDER BY v.xact, v.id"
    " LIMIT %(batch)s) UNION ALL"
    f" ({_next('to', '%(agency)s', '%(xact)s', '%(event)s')} ORDER BY v.xact, v.id"
    " LIMIT %(batch)s)) ORDER BY xact, id LIMIT %(batch)s) page ORDER BY xact, id"
)


def claim(lane: str, free: int) -> list[Batch]:
    """Lease at most `free` endpoints of this lane that have something to send, and read it. What
    will be sent is in the access log before it is sent (R11)."""
    if free <= 0:
        return []
    lease = uuid7()
    with transaction.atomic(using=JOBS), connections[JOBS].cursor() as cursor:
        cursor.execute(
            "UPDATE webhook_endpoint SET lease = %(lease)s,"
            " leased_until = sec.clock() + make_interval(secs => %(length)s)"
            f" WHERE id = ANY (ARRAY({_DUE}))"
            " RETURNING id, agency_id, url, tries, at_xact, at_event, ping_id, sec.clock(),"
            " about, at_seq",
            {"lease": lease, "length": LEASE_S, "lane": lane, "free": free},
        )
        rows = cursor.fetchall()
        batches = []
        for endpoint_id, agency_id, url, tries, xact, event, ping_id, now, about, seq in rows:
            if ping_id:
                messages = [Message(ping_id, now, None, None, None, False)]
            elif about == "checkpoints":
                newest = sealer.checkpoints(seq, newest_first=True, limit=1, using=JOBS)
                messages = [_of(endpoint_id, now, one) for one in newest]
            else:
                names = {"agency": agency_id, "xact": xact, "event": event, "batch": BATCH}
                cursor.execute(_WAITING, names)
                messages = [Message(*row) for row in cursor.fetchall()]
                if told := {str(one.referral_id) for one in messages if not one.barred}:
                    ids = [uuid7(), agency_id, sorted(told)]
                    cursor.execute("SELECT sec.log_webhook_delivery(%s, %s, %s::uuid[])", ids)
            batches.append(
                Batch(
                    endpoint_id=endpoint_id,
                    agency_id=agency_id,
                    url=url,
                    tries=tries,
                    lease=lease,
                    lane=lane,
                    about=about,
                    pinged=bool(ping_id),
                    now=now,
                    secrets=[],
                    messages=messages,
                )
            )
    for batch in batches:
        batch.secrets = secrets_of(batch.endpoint_id)
    return batches


def _of(endpoint_id: UUID, now: datetime, checkpoint: Checkpoint) -> Message:
    """Return the message of a checkpoint. The same checkpoint always has the same id."""
    told = uuid5(endpoint_id, str(checkpoint.seq))
    return Message(told, now, None, None, None, False, checkpoint=checkpoint)


def secrets_of(endpoint_id: UUID) -> list[str]:
    """Return the secrets that sign this endpoint's messages now, newest first. A secret that cannot
    be opened is left out; it affects only this endpoint."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute(
            "SELECT id, kek_version, key_bundle FROM webhook_secret WHERE endpoint_id = %s"
            " AND (ends_at IS NULL OR ends_at > sec.clock()) ORDER BY created_at DESC, id DESC",
            [endpoint_id],
        )
        rows = cursor.fetchall()
    found = []
    for row_id, version, bundle in rows:
        try:
            wrapped = Wrapped(version, bytes(bundle))
            found.append(wrapping.unwrap_for_delivery(wrapped, secret_context(row_id)).decode())
        except Unavailable as error:
            log.error("not_answered", job="webhooks", error=error.code)
    return found


def secret_context(row_id: UUID) -> str:
    """Return what a wrapped secret is bound to."""
    return f"webhook_secret:{row_id}"


def record_outcomes(batches: list[Batch]) -> None:
    """Record the outcome of each batch: the log, how far it got, and when it continues. A batch
    whose lease another process has taken moves nothing."""
    if not batches:
        return
    with transaction.atomic(using=JOBS), connections[JOBS].cursor() as cursor:
        lines = [
            (
                *(uuid7(), b.endpoint_id, b.agency_id, m.event_id, m.referral_id),
                *(m.checkpoint and m.checkpoint.seq, m.id, outcome, *rest),
            )
            for b in batches
            for m, outcome, *rest in b.done
            if outcome != "barred"
        ]
        if lines:
            # What was sent of a referral that was purged meanwhile was removed with it.
            row = (
                "(%s::uuid, %s::uuid, %s::uuid, %s::uuid, %s::uuid, %s::bigint, %s::uuid, %s,"
                " %s::int, %s::int)"
            )
            cursor.execute(
                "INSERT INTO webhook_delivery (id, endpoint_id, agency_id, event_id, referral_id,"
                " checkpoint, message_id, outcome, status, took_ms, at) SELECT line.*, sec.clock()"
                f" FROM (VALUES {', '.join([row] * len(lines))}) line (id, endpoint_id, agency_id,"
                " event_id, referral, checkpoint, message_id, outcome, status, took_ms)"
                " WHERE referral IS NULL"
                " OR EXISTS (SELECT FROM referral r WHERE r.id = referral FOR KEY SHARE)",
                [value for line in lines for value in line],
            )
        for batch in batches:
            _move(cursor, batch)


def _move(cursor: Any, batch: Batch) -> None:
    taken = [message for message, outcome, *_ in batch.done if outcome in _TAKEN]
    arrived = any(outcome == "delivered" for _, outcome, *_ in batch.done)  # barred ones did not
    failed = next((outcome for _, outcome, *_ in batch.done if outcome not in _TAKEN), None)
    if batch.messages and not batch.done:
        failed = "failed"  # on our side: it is logged, and retried as if there was no answer
    last = next((one for one in reversed(taken) if one.xact is not None), None)
    values: dict[str, Any] = {
        "id": batch.endpoint_id,
        "lease": batch.lease,
        "xact": last.xact if last else None,
        "event": last.id if last else None,
        "seq": next((one.checkpoint.seq for one in taken if one.checkpoint), None),
        "ping": batch.messages[0].id if batch.pinged else None,
    }
    cursor.execute(
        "UPDATE webhook_endpoint SET lease = NULL, leased_until = sec.clock(),"
        " at_xact = coalesce(%(xact)s, at_xact), at_event = coalesce(%(event)s, at_event),"
        " at_seq = coalesce(%(seq)s, at_seq),"
        " ping_id = CASE WHEN ping_id = %(ping)s THEN NULL ELSE ping_id END"
        f"{_verdict(batch, arrived, failed, values)} WHERE id = %(id)s AND lease = %(lease)s"
        " RETURNING tries, stopped, failing_since",
        values,
    )
    if moved := cursor.fetchone():
        _alert_managers(batch, *moved)


def _alert_managers(batch: Batch, tries: int, stopped: str | None, since: datetime | None) -> None:
    """Notify the endpoint's managers that it fails, and that nothing more is sent there: once each,
    from the first failure until it recovers or is resumed."""
    if stopped is None and tries < TOLD_AFTER:
        return
    cause = uuid5(NAMESPACE_OID, f"{batch.endpoint_id} {since}")
    template = "webhook_stopped" if stopped else "webhook_failing"
    queue_general_messages(cause, template, "SYSTEM", manager_channels(batch.agency_id))


def _verdict(batch: Batch, arrived: bool, failed: str | None, values: dict[str, Any]) -> str:
    """Return the columns that hold the endpoint's health. A failed test describes only the present
    and costs no try."""
    if failed is None:
        rest = "" if values["seq"] is None else f" + {CHECKPOINTS_EVERY}"
        return f", tries = 0, failing_since = NULL, next_at = sec.clock(){rest}" if arrived else ""
    if failed == "gone":
        return ", stopped = 'gone', failing_since = coalesce(failing_since, sec.clock())"
    if batch.pinged:
        return ""
    values["tries"] = 1 if arrived else batch.tries + 1
    rest_s = retry_after_s(values["tries"])
    if rest_s is None:
        return ", stopped = 'given_up', tries = %(tries)s"
    values["rest"] = rest_s
    since = "sec.clock()" if arrived else "coalesce(failing_since, sec.clock())"
    return (
        f", tries = %(tries)s, failing_since = {since},"
        " next_at = sec.clock() + make_interval(secs => %(rest)s)"
    )


KEPT = "interval '30 days'"  # the log of deliveries


def delete_expired() -> bool:
    """Delete old lines of the log, ended secrets and removed endpoints. Twice is safe."""
    with transaction.atomic(using=JOBS), connections[JOBS].cursor() as cursor:
        cursor.execute(f"DELETE FROM webhook_delivery WHERE at < sec.clock() - {KEPT}")
        cursor.execute("DELETE FROM webhook_secret WHERE ends_at <= sec.clock()")
        cursor.execute("DELETE FROM webhook_endpoint WHERE removed_at IS NOT NULL")
    return False
