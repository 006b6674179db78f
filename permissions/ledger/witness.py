"""A witness of the log's checkpoints: an append-only file outside of the database.

If the database was rolled back, or its checkpoints were made again, it no longer matches the file;
then the witness reports this and writes nothing more. On a server, keep the file on another
machine's disk or a write-once medium. Partner agencies keep their own copies
(GET /v1/access-log/checkpoints).
"""

import json
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import structlog
from django.conf import settings
from django.db import connections

from permissions.database import aliases
from permissions.errors import Refused
from permissions.keys.secret_files import sync_folder
from permissions.ledger import sealer, verifier
from permissions.ledger.sealed_export import checkpoint_line, public_keys
from permissions.ledger.sealer import Checkpoint

log = structlog.get_logger()

AT_ONCE = 1_000


class LedgerForked(Refused):
    """The database does not hold the last checkpoint that the witness saw: it was rolled back, or
    its log was made again. Nothing is written until an operator has examined it
    (deploy/RUNBOOK.md)."""

    code = "log_forked"
    detail = "The log is not the one that was witnessed."


class WitnessedCheckpoint(NamedTuple):
    """The last checkpoint in the witness's file."""

    seq: int
    size: int
    body: str


def witness_file() -> Path:
    """The path of the witness's file (settings.LOG_WITNESS_FILE)."""
    return Path(settings.LOG_WITNESS_FILE)


def last_witnessed() -> WitnessedCheckpoint | None:
    """The last checkpoint that the witness saw; None: none yet. A last line that a kill cut off is
    ignored. Raises OSError, ValueError (the file is not a witness's file)."""
    try:
        with open(witness_file(), "rb") as held:
            size = held.seek(0, os.SEEK_END)
            held.seek(max(0, size - 65_536))
            lines = held.read().split(b"\n")[:-1]  # text after the last newline was cut off
    except FileNotFoundError:
        return None
    if not lines:
        return None
    try:
        body = json.loads(lines[-1])["body"]
        said = json.loads(body)
        return WitnessedCheckpoint(said["seq"], said["size"], body)
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(f"{witness_file()}: its last line is not a checkpoint.") from error


def length() -> int:
    """The length of the file in bytes: complete lines only. 0: there is nothing yet. Raises
    OSError."""
    try:
        descriptor = os.open(witness_file(), os.O_RDONLY)
    except FileNotFoundError:
        return 0
    try:
        return _whole(descriptor, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)


def lines(length: int) -> Iterator[str]:
    """The first `length` bytes of the file, one checkpoint per line: its content at the time of
    `length()`, even if the worker adds lines meanwhile. Raises OSError."""
    if length:
        with open(witness_file(), "rb") as held:
            while length > 0 and (line := held.readline()):
                length -= len(line)
                yield line.decode()


def step() -> bool:
    """Add the new checkpoints. Returns True if there may be more. It may be killed at any point and
    run again.

    Raises LedgerForked, OSError, Unavailable (the key store, once after a restore).
    """
    held = last_witnessed()
    if held is None:
        _report_new_file()
    else:
        try:
            _must_follow(held)
        except LedgerForked:
            _report(held.seq, forked=True)
            raise
    found = list(sealer.checkpoints(held.seq if held else 0, limit=AT_ONCE))
    if found:
        _add([checkpoint_line(one) for one in found])
    _report(found[-1].seq if found else held.seq if held else 0)
    return len(found) == AT_ONCE


def _report(seq: int, *, forked: bool = False) -> None:
    """Record the witness's state for auditors: whenever it changed, and at least once a minute."""
    with connections[aliases.SEALER].cursor() as cursor:
        cursor.execute(
            "UPDATE log_watch SET seq = %(seq)s, faults = %(faults)s, at = sec.clock()"
            " WHERE what = 'witness' AND ((seq, faults) IS DISTINCT FROM (%(seq)s, %(faults)s)"
            " OR at IS NULL OR at NOT BETWEEN sec.clock() - interval '1 minute' AND sec.clock())",
            {"seq": seq, "faults": int(forked)},
        )


def _report_new_file() -> None:
    """Log an error if there was a file before: its disk is not mounted, or the file was removed. A
    new file is begun, which cannot show earlier changes."""
    with connections[aliases.SEALER].cursor() as cursor:
        cursor.execute("SELECT seq FROM log_watch WHERE what = 'witness' AND seq > 0")
        for (seq,) in cursor.fetchall():
            log.error("witness_gone", where=f"checkpoint {seq}")


def _must_follow(held: WitnessedCheckpoint) -> None:
    there = next(sealer.checkpoints(held.seq - 1, limit=1), None)
    if there is None or not (there.body == held.body or _declares_loss(there, held)):
        raise LedgerForked


def _declares_loss(there: Checkpoint, held: WitnessedCheckpoint) -> bool:
    """Whether checkpoint `there` states, with a valid signature, that a restored backup had lost
    the held one, and follows a checkpoint that the witness also holds: then the witnessed log
    continues, with a gap."""
    gap = there.signed_content.get("gap", {"from_seq": 0, "to_seq": 0})
    if not gap["from_seq"] <= held.seq <= gap["to_seq"]:
        return False
    if not verifier.Chain(public_keys()).signed(json.loads(checkpoint_line(there))):
        return False
    previous = there.signed_content["previous"]
    return not previous or any(
        sha256(json.loads(line)["body"].encode()).hexdigest() == previous
        for line in lines(length())
    )


def lost_since_backup() -> dict[str, int] | None:
    """The gap for sealer.restore: what the witness holds and the restored database has lost; None
    if nothing."""
    held, last = last_witnessed(), sealer.newest_checkpoint()
    if held is None or (last is not None and last.seq >= held.seq):
        return None
    return {
        "from_seq": last.seq + 1 if last else 1,
        "to_seq": held.seq,
        "entries": held.size - (last.size if last else 0),
    }


def _add(lines: list[str]) -> None:
    """Append complete lines and write them to disk before returning; first remove a line that a
    kill cut off."""
    path = witness_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            os.ftruncate(descriptor, _whole(descriptor, size))
        added = "".join(f"{line}\n" for line in lines).encode()
        while added:  # a disk that fills up accepts a part, and refuses the next
            added = added[os.write(descriptor, added) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(path.parent)


def _whole(descriptor: int, size: int) -> int:
    """The offset at which the last complete line ends."""
    start = max(0, size - 65_536)
    return start + os.pread(descriptor, size - start, start).rfind(b"\n") + 1
