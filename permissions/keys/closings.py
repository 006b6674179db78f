"""The journal of closings: what ended, in a file outside the database. A row that ended cannot be
brought back by a writer of the database, nor by an older copy of the row or of the database.

Each line names a subject (a row's id, or the beginning of a credential's hash: 32 hex digits) and
the least version of it that is still accepted. The database is changed first and the line is
written next; a process that is killed in between has ended it in the database alone.

All web servers share the file, as they share the key folder. A reader opens it and
asks for its size (secret_files.status_now).
"""

import fcntl
import hashlib
import os
import re
import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import structlog
from django.conf import settings

from permissions.errors import Unavailable
from permissions.keys.secret_files import replace, status_now, write_once

log = structlog.get_logger()

# A line begins and ends with a newline, and ends with a full stop: one that a killed process left
# unfinished is no line, and does not spoil the next.
_LINE = re.compile(
    rb"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) ([0-9a-f]{32}) ([1-9][0-9]{0,8}) \.$", re.MULTILINE
)
CREDENTIAL_VERSION = 1  # a credential has no versions: one that ended is below this
_CREDENTIALS_LIVE = timedelta(seconds=13 * 3600)  # an hour longer than the longest

_LONG = 256 * 1024  # bytes: some 4,000 lines

Subject = tuple[str, int]  # 32 hex digits; the least version that is accepted from now on


class _Read(NamedTuple):
    """What this process has read. It is replaced as a whole: a thread that asks meanwhile finds the
    last one, never one that is half read."""

    inode: int
    size: int
    least: dict[str, int]


_NOTHING = _Read(-1, 0, {})
_read = _NOTHING
_reading = threading.Lock()


def begin() -> None:
    """Begin an empty journal, together with the first binding key and never later. Twice is safe.
    Raises Unavailable."""
    try:
        write_once(_path(), b"\n")
    except OSError as error:
        raise _unwritable() from error


def close(subjects: Iterable[Subject]) -> None:
    """Write that these subjects are accepted from these versions on only. On disk when it returns.
    Twice is safe; none is no write. Raises Unavailable."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    lines = b"".join(f"\n{now} {one} {least} .\n".encode() for one, least in subjects)
    if not lines:
        return
    try:
        descriptor = _open_locked()
        try:
            os.write(descriptor, lines)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        log.error("closing_not_written", error=type(error).__name__)
        raise _unwritable() from error


def check_writable() -> None:
    """Whether a line could be written now: the file opens, and its disk has room. Writes nothing.
    Raises Unavailable."""
    try:
        descriptor = os.open(_path(), os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            room = os.fstatvfs(descriptor)
            if room.f_bavail * room.f_frsize < _LONG:
                raise OSError("the disk is full")
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unwritable() from error


def subject_of(what: str, row_id: UUID) -> str:
    """A name in the journal for what is no row's version: what it is, and of which row."""
    return hashlib.sha256(f"{what} {row_id}".encode()).hexdigest()[:32]


def least_version(subject: str) -> int:
    """The least version of the subject that is accepted; 0: it was never closed. While the folder
    is away, a process goes on with what it has read; what ends meanwhile ends in the database.
    Raises Unavailable: it has read nothing."""
    try:
        status = status_now(_path())
        if (status.st_ino, status.st_size) != (_read.inode, _read.size):
            with _reading:
                _catch_up()
    except OSError as error:
        if _read is _NOTHING:
            raise Unavailable("binding", "The journal of closings cannot be read.") from error
    return _read.least.get(subject, 0)


def step() -> bool:
    """Compact the journal if it has grown long: a step of the background work. There is no more."""
    try:
        if _path().stat().st_size > _LONG:
            compact()
    except OSError as error:
        raise Unavailable("binding", "The journal of closings cannot be read.") from error
    return False


def compact(now: datetime | None = None) -> int:
    """Write the journal again with one line a subject, and without credentials that are past their
    longest life. Returns the number of lines removed. Others may read and write meanwhile; killed
    at any point it has changed nothing or all. Raises Unavailable."""
    over = (now or datetime.now(UTC)) - _CREDENTIALS_LIVE
    try:
        descriptor = _open_locked()
        try:
            lines = _LINE.findall(_path().read_bytes())
            kept: dict[bytes, tuple[bytes, int]] = {}
            for at, subject, least in lines:
                if int(least) >= kept.get(subject, (b"", 0))[1]:
                    kept[subject] = (at, int(least))
            new = b"\n" + b"".join(
                b"\n%s %s %d .\n" % (at, subject, least)
                for subject, (at, least) in kept.items()
                if not (least == CREDENTIAL_VERSION and _time(at) < over)
            )
            replace(_path(), new)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unwritable() from error
    return len(lines) - len(_LINE.findall(new))


def _catch_up() -> None:
    global _read
    with _path().open("rb") as file:
        status = os.fstat(file.fileno())
        goes_on = status.st_ino == _read.inode and status.st_size >= _read.size
        size, least = (_read.size, _read.least) if goes_on else (0, {})
        file.seek(size)
        content = file.read()
    whole = content[: content.rfind(b"\n") + 1]
    for _at, subject, version in _LINE.findall(whole):
        name = subject.decode()
        least[name] = max(least.get(name, 0), int(version))
    _read = _Read(status.st_ino, size + len(whole), least)


def _open_locked() -> int:
    """The journal, open to append and locked against another writer."""
    while True:
        descriptor = os.open(_path(), os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_ino == os.stat(_path()).st_ino:
                return descriptor
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)  # it was compacted meanwhile


def _time(text: bytes) -> datetime:
    return datetime.fromisoformat(text.decode())


def _path() -> Path:
    return Path(settings.BINDING_FOLDER) / "closings"


def _unwritable() -> Unavailable:
    return Unavailable("binding", "The journal of closings cannot be written: try again.")
