"""The log's check of itself, the job `verify` of `manage.py worker run`: once a day it checks what
was sealed since, and every hour a part of the older batches, in rounds from the beginning.

It logs every fault at error level, and shows it to auditors with the seals until `manage.py ledger
verify` has checked the whole log and found nothing. It trusts this server;
permissions/ledger/verifier.py does not. Any number of workers may run it, and may be killed at any
point.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import structlog
from django.db import connections, transaction

from permissions.database.aliases import SEALER
from permissions.ledger import sealed_export, sealer, verifier
from permissions.ledger.sealer import Checkpoint

log = structlog.get_logger()

INTERVAL = "1 day"
PORTION = 20_000  # entries; at least one batch


def step() -> bool:
    """Check a portion of the new batches if a day has passed, else a portion of the older ones.
    Returns True if there are more new batches.

    Raises Unavailable (the key store).
    """
    if _is_due():
        return _check("new")
    _check("again")
    return False


def record_full_check(faults: list[verifier.Fault]) -> None:
    """Record the operator's check of the whole log: auditors are shown its result from now on.
    Twice is safe."""
    last = sealer.newest_checkpoint()
    _save_progress("new", last.seq if last else 0, ended=True)
    _save_faults(len(faults), f"{faults[0].what} (by the operator's check)" if faults else None)


def _is_due() -> bool:
    with connections[SEALER].cursor() as cursor:
        cursor.execute(
            "SELECT FROM log_watch WHERE what = 'new'"
            # a time in the future: the clock was ahead at the last check
            " AND (at IS NULL OR at <= sec.clock() - interval %s OR at > sec.clock())",
            [INTERVAL],
        )
        return cursor.fetchone() is not None


def _check(what: str) -> bool:
    """Check the portion after the recorded progress of `what`; return whether there is more."""
    with transaction.atomic(using=SEALER), connections[SEALER].cursor() as cursor:
        sealed_export.one_long_snapshot(cursor)
        cursor.execute("SELECT seq FROM log_watch WHERE what = %s", [what])
        ((after,),) = cursor.fetchall()
        newest = sealer.newest_checkpoint()
        end = newest.seq if newest else 0
        gone = after > end
        page = _portion(0 if gone else after)
        faults = list(_faults(page))
    if gone:
        faults.append(verifier.Fault("checkpoints that were checked are gone", str(after)))
    last = page[-1].seq if page else end
    around = what == "again" and last == end
    _save_progress(what, 0 if around else last, ended=last == end)
    if faults:
        where = f"checkpoints {page[0].seq} to {last}" if page else f"checkpoint {after}"
        _save_faults(len(faults), f"{faults[0].what}, {where}")
        log.error("log_not_as_sealed", count=len(faults), error=faults[0].what, where=where)
    return last < end


def _portion(after: int) -> list[Checkpoint]:
    page: list[Checkpoint] = []
    for one in sealer.checkpoints(after, limit=sealer.AT_ONCE):
        page.append(one)
        if one.size - page[0].first >= PORTION:
            break
    return page


def _faults(page: list[Checkpoint]) -> Iterator[verifier.Fault]:
    """The faults of these checkpoints and their entries, checked as following the previous one."""
    if not page:
        return
    chain = verifier.Chain(sealed_export.public_keys())
    before = _query(
        "SELECT body, xact_before FROM log_checkpoint WHERE seq < %s ORDER BY seq DESC LIMIT 1",
        [page[0].seq],
    )
    if before:
        chain.start_after(before[0][0])
    for body, key_id, signature in _query(
        "SELECT body, key_id, encode(signature, 'base64') FROM log_checkpoint"
        " WHERE body LIKE '%%\"retired\":{%%'"
    ):
        left = json.loads(body)["retired"]
        if chain.signed({"body": body, "key_id": key_id, "signature": signature}):
            chain.retired[left["month"]] = (left["entries"], left["leaves"])

    def lines() -> Iterator[bytes]:
        for one in page:
            yield from (f"{line}\n".encode() for line in sealed_export.entry_lines(one))
            yield f"{sealed_export.checkpoint_line(one)}\n".encode()
            chain.whole = False  # from the first on: a portion may hold only a part of a month

    yield from verifier.check(lines(), chain)
    for (entry,) in _unsealed_entries(before[0][1] if before else None, page[-1]):
        yield verifier.Fault("an entry was put in after its time", entry)


def _unsealed_entries(since: int | None, last: Checkpoint) -> list[tuple[Any, ...]]:
    """Entries without a seal whose transaction number belongs to these checkpoints or is not
    assigned yet. Each entry is looked up by itself, since the planner would otherwise read all
    leaves. The newest checkpoint's bound also applies: after a restore, numbers are used again."""
    if sealer.is_restored_backup():
        return []
    return _query(
        "SELECT e.id::text FROM access_entry e"
        " WHERE ((e.xact >= coalesce(%s, -9223372036854775807) AND e.xact < least(%s,"
        " (SELECT c.xact_before FROM log_checkpoint c ORDER BY c.seq DESC LIMIT 1)))"
        " OR e.xact >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint) AND NOT"
        " coalesce((SELECT true FROM log_leaf l WHERE l.entry_id = e.id AND l.entry_at = e.at),"
        " false) LIMIT 1000",
        [since, last.xact_before],
    )


def _query(question: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connections[SEALER].cursor() as cursor:
        cursor.execute(question, parameters)
        return list(cursor.fetchall())


def _save_progress(what: str, seq: int, *, ended: bool) -> None:
    with connections[SEALER].cursor() as cursor:
        cursor.execute(
            "UPDATE log_watch SET seq = %s, at = CASE WHEN %s THEN sec.clock() ELSE at END"
            " WHERE what = %s",
            [seq, ended, what],
        )


def _save_faults(faults: int, first: str | None) -> None:
    with connections[SEALER].cursor() as cursor:
        cursor.execute(
            "UPDATE log_watch SET faults = %s, first_fault = %s WHERE what = 'new'", [faults, first]
        )
