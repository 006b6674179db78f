"""What auditors can learn about the log without reading its rows: the state of its seals, and an
immediate check of its newest batches.

The check trusts the database to hash its own rows; permissions/ledger/verifier.py does not. Each
request is an access entry.
"""

import base64
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections

from permissions.audit import writer
from permissions.audit.queries import must_review
from permissions.database.aliases import AUDITOR
from permissions.ledger import sealed_export, verifier
from permissions.principal import Principal

MOST_ENTRIES_CHECKED = 20_000  # entries; at least one batch
MOST_BATCHES_CHECKED = 500
MOST_ENTRIES_HASHED = 50_000  # entries; for a larger batch the seal is checked, but not the rows
MOST_UNSEALED = 1_000  # at most this many entries without a seal are counted
LATE = timedelta(seconds=60)  # for a seal; the sealer takes a second or two
WITNESS_LATE = timedelta(minutes=3)  # the witness reports once a minute


class WitnessStatus(NamedTuple):
    """What the witness's file holds, and when the worker last checked it. `forked`: the log is not
    the one that the witness saw; `late`: the witness has fallen behind."""

    seq: int
    at: datetime | None
    forked: bool
    late: bool


class SelfCheckStatus(NamedTuple):
    """Up to which checkpoint the worker has checked, when, and what it found. Faults stay until the
    whole log was checked (manage.py ledger verify)."""

    seq: int
    at: datetime | None
    faults: int
    first_fault: str | None


class LedgerStatus(NamedTuple):
    """The state of the seals. `newest`: the last checkpoint's content; None: nothing is sealed yet.
    `waiting`: unsealed entries, counted up to 10,000; `late`: one has waited for more than a
    minute; `restored`: nothing is sealed, since a backup was restored without `manage.py ledger
    restore`. `gaps`: what restored backups had lost, as it was signed."""

    newest: dict[str, Any] | None
    key_id: str | None
    waiting: int
    waiting_since: datetime | None
    late: bool
    restored: bool
    witness: WitnessStatus
    self_check: SelfCheckStatus
    gaps: list[dict[str, Any]]
    now: datetime


class CheckResult(NamedTuple):
    """The result for the checkpoints `first_seq` to `last_seq` and their entries. `too_large`: the
    checkpoints whose entries were not hashed; `earlier`: the value of `before` for the next call,
    None if the log was checked to its beginning."""

    first_seq: int | None
    last_seq: int | None
    entries: int
    faults: list[verifier.Fault]
    too_large: list[int]
    earlier: int | None


def ledger_status(principal: Principal) -> LedgerStatus:
    """The state of the seals. Raises NotPermitted."""
    with writer.logged_act(principal, "access_log.seals", using=AUDITOR) as attempt:
        must_review(principal)
        attempt.record()
        with connections[AUDITOR].cursor() as cursor:
            cursor.execute(
                "SELECT body, key_id, waiting, waiting_since, restored, watched, gaps"
                " FROM sec.seal_status()"
            )
            body, key_id, waiting, since, restored, watched, gaps = cursor.fetchone()
    newest = json.loads(body) if body else None
    said = [json.loads(one) for one in gaps]
    return LedgerStatus(
        newest,
        key_id,
        waiting,
        since,
        since is not None and attempt.now - since > LATE,
        restored,
        _witnessed(json.loads(watched)["witness"], newest, attempt.now),
        _self_check(json.loads(watched)["new"]),
        [one["gap"] | {"time": one["time"]} for one in said],
        attempt.now,
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _witnessed(row: dict[str, Any], newest: dict[str, Any] | None, now: datetime) -> WitnessStatus:
    at = _moment(row["at"])
    behind = newest is not None and row["seq"] < newest["seq"]
    return WitnessStatus(
        row["seq"], at, row["faults"] > 0, behind and (at is None or now - at > WITNESS_LATE)
    )


def _self_check(row: dict[str, Any]) -> SelfCheckStatus:
    return SelfCheckStatus(row["seq"], _moment(row["at"]), row["faults"], row["first_fault"])


def check_batches(principal: Principal, before: int | None = None) -> CheckResult:
    """Check the newest batches, or those before the checkpoint `before`: each entry's current hash,
    the root over them, the signature, that each checkpoint follows from the previous one, and that
    no entry of their transactions is without a seal.

    Raises NotPermitted, Unavailable (the key store).
    """
    with writer.logged_act(principal, "access_log.verify", using=AUDITOR) as attempt:
        must_review(principal)
        attempt.record()
        numbers = _numbers(before)
        batches = []
        entries = 0
        for seq in numbers[:MOST_BATCHES_CHECKED]:
            batch = _batch(seq)
            batches.append(batch)
            entries += len(batch.sealed)
            if entries >= MOST_ENTRIES_CHECKED:
                break
        put_in = _unsealed_entries(batches[-1].seq, batches[0].seq) if batches else []
        incomplete = any(None in batch.found for batch in batches)
        retiring = [_batch(seq) for seq in _retiring()] if incomplete else []
        older = numbers[len(batches) :][:1]  # the one that the first of them must follow
        behind = [_batch(seq).line["body"] for seq in older]
    batches.reverse()
    let_go = _retired_months(retiring)
    chain = verifier.Chain(sealed_export.public_keys())
    for body in behind:
        chain.start_after(body)
    faults = [fault for batch in batches for fault in _faults(batch, chain, let_go)]
    if not batches:
        return CheckResult(None, None, 0, faults, [], None)
    first, last = batches[0].seq, batches[-1].seq
    if put_in:
        own = next((f"; the first of yours: {one}" for one in put_in if one), "")
        what = f"entries were put in after their time ({len(put_in)}{own})"
        faults.append(verifier.Fault(what, f"checkpoints {first} to {last}"))
    too_large = [one.seq for one in batches if len(one.sealed) > MOST_ENTRIES_HASHED]
    return CheckResult(first, last, entries, faults, too_large, first if older else None)


class _Batch(NamedTuple):
    seq: int
    line: dict[str, Any]
    sealed: list[bytes]
    found: list[bytes | None]
    months: list[str]


def _numbers(before: int | None) -> list[int]:
    """The checkpoints to check, newest first, and one more if there is one."""
    with connections[AUDITOR].cursor() as cursor:
        cursor.execute(
            "SELECT seq FROM log_checkpoint WHERE seq < coalesce(%s, 9223372036854775807)"
            " ORDER BY seq DESC LIMIT %s",
            [before, MOST_BATCHES_CHECKED + 1],
        )
        return [seq for (seq,) in cursor.fetchall()]


def _batch(seq: int) -> _Batch:
    with connections[AUDITOR].cursor() as cursor:
        cursor.execute(
            "SELECT body, key_id, signature, sealed, found, months FROM sec.recomputed_batch(%s,"
            " %s)",
            [seq, MOST_ENTRIES_HASHED],
        )
        body, key_id, signature, sealed, found, months = cursor.fetchone()
    line = {
        "body": body,
        "key_id": key_id,
        "signature": base64.b64encode(bytes(signature)).decode(),
    }
    return _Batch(
        seq,
        line,
        [bytes(one) for one in sealed or ()],
        [None if one is None else bytes(one) for one in found or ()],
        list(months or ()),
    )


def _unsealed_entries(first: int, last: int) -> list[UUID | None]:
    """Entries of these checkpoints' transactions that were never sealed: their ids if the entries
    are the agency's own and the caller may read them, else None."""
    with connections[AUDITOR].cursor() as cursor:
        cursor.execute(
            "SELECT id FROM sec.unsealed_entries(%s, %s, %s)", [first, last, MOST_UNSEALED]
        )
        return [id_ for (id_,) in cursor.fetchall()]


def _retiring() -> list[int]:
    with connections[AUDITOR].cursor() as cursor:
        cursor.execute("SELECT sec.retirement_checkpoints()")
        row = cursor.fetchone()
    return list(row[0]) if row else []


def _retired_months(retiring: list[_Batch]) -> set[str]:
    """The months that a valid checkpoint states have left the log."""
    chain = verifier.Chain(sealed_export.public_keys(), part=True)
    for batch in retiring:
        if list(chain.follow(batch.line, batch.sealed)):
            chain.retired.pop(json.loads(batch.line["body"])["retired"]["month"], None)
    return set(chain.retired)


def _faults(batch: _Batch, chain: verifier.Chain, let_go: set[str]) -> Iterator[verifier.Fault]:
    """The faults of a batch, by checkpoint number; never an entry's id, which may be another
    agency's."""
    where = f"checkpoint {batch.seq}"
    rows = list(zip(batch.sealed, batch.found, batch.months, strict=False))  # too large: none
    gone = sum(now is None and month not in let_go for _, now, month in rows)
    changed = sum(now is not None and now != then for then, now, _ in rows)
    if gone:
        yield verifier.Fault(f"entries are gone ({gone})", where)
    if changed:
        yield verifier.Fault(f"entries were changed ({changed})", where)
    yield from chain.follow(batch.line, batch.sealed)
