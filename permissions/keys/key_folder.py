"""Whether this server's folder of keys is the one that this database's servers share.

Two servers with a folder each would make keys that the other lacks, and neither would see what the
other closed. So the folder bears a mark: a name, a count and a random number. The server that is
due writes the next mark into the folder and then into the database, every five seconds. A folder
that does not bear the database's mark is a copy, or another one: its server answers nothing that
needs a key, makes none, and says so. A server that is new waits for a mark of another one, since a
copy made just now bears the same mark.

No file lock, no process id, no time of a file and no cache of a folder is relied on: the mark is
written in place, so that any server that opens the file reads it (close-to-open consistency of
network file systems), and an advisory lock of the database lets one server write at a time.

A folder that was put back from a copy is taken when no server has marked another for a minute, if
it opens everything that the database names (`manage.py keys adopt` does not wait).
"""

import hashlib
import os
import re
import socket
import threading
import time
from pathlib import Path
from typing import NamedTuple

import structlog
from django.conf import settings
from django.db import connections, transaction

from permissions.database.advisory_locks import MARKING_KEYS
from permissions.database.aliases import JOBS
from permissions.errors import Unavailable
from permissions.keys.keystore import key_store
from permissions.keys.secret_files import write_once

log = structlog.get_logger()

EVERY_S = 3.0  # between two looks of a process; the database says when a mark is due
QUIET_S = 60.0  # for how long this process sees no mark of another before it takes its own folder
# For how long a process goes on whose folder was the right one: a network file system may show an
# old mark for some seconds, and the others take as long to take a folder that was put back.
GRACE_S = 120.0
JOINS_WITHIN_S = 30.0
_MARK = re.compile(rb"cairn-keys ([0-9a-f]{32}) ([0-9]{15}) ([0-9a-f]{32})\n")

NOT_SHARED = (
    "This server's folder of keys (CAIRN_KEY_FOLDER) is not the one that the other servers of this"
    " database use: it is a copy, or another folder. Mount the same folder on every server; if the"
    " others are gone for good, run `manage.py keys adopt` here."
)
JOINING = (
    "This server waits until it sees in its folder of keys (CAIRN_KEY_FOLDER) what another server"
    " has just written there."
)


class Mark(NamedTuple):
    """What the folder bears. No mark: ("", 0, "")."""

    store: str  # 32 hex digits: the folder's name, chosen once
    counter: int
    nonce: str  # 32 hex digits


NO_MARK = Mark("", 0, "")


class Seen(NamedTuple):
    """`state`: current, joining, behind, unnamed; `counter`: of the mark that the database keeps;
    `live`: a server marked its folder within half a minute; `due`: the next mark may be written."""

    state: str
    counter: int | None
    live: bool
    due: bool


class _Process:
    """What this process knows; each attribute is replaced as a whole."""

    def __init__(self) -> None:
        self.refused = ""  # why, in words; empty: it may use its folder
        self.well_at: float | None = None  # time.monotonic() when the folder last was the right one
        self.other: tuple[int | None, float] | None = None  # another folder's count, and since when


_process = _Process()
_looking = threading.Lock()


def refuse_if_not_shared() -> None:
    """Raise Unavailable if this process found that its folder is not the shared one. Asks neither
    disk nor database."""
    if _process.refused:
        raise Unavailable("key_store", _process.refused)


def forget() -> None:
    """Know nothing again, as a process that has just begun."""
    global _process
    _process = _Process()


def check(using: str = "default") -> None:
    """Look now, and remember it for this process. Raises Unavailable: the folder is not the shared
    one, or not readable; django.db.Error."""
    with _looking:
        _remember(_see_newest(_read(), using))
    refuse_if_not_shared()


def confirm(using: str = "default") -> None:
    """Make sure, before a key is made or ended, that the folder is the shared one. Writes nothing,
    so that it may be asked within a transaction. Raises Unavailable, django.db.Error."""
    mark, before = _read(), None
    while mark != before:  # as in _see_newest
        with connections[using].cursor() as cursor:
            cursor.execute("SELECT sec.is_key_folder(%s, %s, %s, %s)", [host_code(), *mark])
            ((may,),) = cursor.fetchall()
        if may:
            return
        mark, before = _read(), mark
    raise Unavailable("key_store", _process.refused or NOT_SHARED)


def step(using: str = "default") -> None:
    """Look, and do what is due: name a new folder, write the next mark, take a folder that was put
    back. Every server does this every EVERY_S seconds. Twice, at once and killed half-way are safe.
    Raises Unavailable, django.db.Error."""
    key_store().tend()
    with _looking:
        mark = _read()
        if mark == NO_MARK and _kept(using) is None:
            mark = _first_mark()
        seen = _see_newest(mark, using)
        if seen.state == "current" and seen.due:
            _mark_next(using)
        elif seen.state == "behind" and _quiet_since(seen) and not missing(using):
            adopt(using)
            seen = _see(_read(), using)
            log.warning("key_folder_adopted")
        _remember(seen)
    refuse_if_not_shared()


def watch() -> bool:
    """Look, and do what is due: a step of the background work. There is no more."""
    step(JOBS)
    return False


def _quiet_since(seen: Seen) -> bool:
    """Whether this process has seen for QUIET_S that no other folder is marked: after an outage of
    the database, a server at work has to be given the time to mark its own."""
    now = time.monotonic()
    if _process.other is None or _process.other[0] != seen.counter:
        _process.other = seen.counter, now
    return not seen.live and now >= _process.other[1] + QUIET_S


def join(using: str) -> None:
    """Wait until this server may use its folder, at most JOINS_WITHIN_S: before a command that
    makes or ends keys. Raises Unavailable, django.db.Error."""
    until = time.monotonic() + JOINS_WITHIN_S
    while True:
        try:
            step(using)
            return
        except Unavailable:
            if _process.refused != JOINING or time.monotonic() > until:
                raise
        time.sleep(0.5)


def missing(using: str) -> list[str]:
    """The keys that the database names and this folder (or Vault) lacks: `agency version`. Raises
    Unavailable, django.db.Error."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT owner, version FROM sec.named_keys() ORDER BY 1, 2")
        named = cursor.fetchall()
    held = {owner: key_store().versions(owner) for owner in {owner for owner, _ in named}}
    return [f"{owner} {version}" for owner, version in named if version not in held[owner]]


def adopt(using: str) -> None:
    """Take this folder for the one that the servers share, in place of every other. Twice is safe.
    Raises Unavailable: it cannot be written; django.db.Error."""
    with transaction.atomic(using=using):
        _lock(using)
        mark, kept = _read(), _kept(using)
        if kept is None:
            return  # the first look names it
        store, counter = kept
        new = Mark(store, max(counter, mark.counter) + 1, os.urandom(16).hex())
        _write(new)
        _record(new, NO_MARK, using)


def hosts(using: str) -> list[tuple[str, bool, float]]:
    """The servers that were seen with the folder within two minutes: a code of each, whether it
    may use it, and how many seconds ago. Raises django.db.Error."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT host, proven, seen_s FROM sec.key_hosts()")
        return list(cursor.fetchall())


def host_code() -> str:
    """A code of this machine's last start and of its folder: a copy of the machine, or another
    folder on it, has another code; a container that is made again has the same. Raises
    Unavailable."""
    try:
        status = os.stat(folder())
    except OSError as error:
        raise _unreadable() from error
    parts = str(settings.HOST_NAME), _boot(), str(status.st_dev), str(status.st_ino)
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]


def folder() -> Path:
    """The folder of keys; with the keys in Vault it holds the rest."""
    return Path(settings.BINDING_FOLDER).parent


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return socket.gethostname()  # no Linux


def _remember(seen: Seen) -> None:
    now = time.monotonic()
    if seen.state == "unnamed":
        _process.refused = ""
        return
    if seen.state == "current":
        if _process.refused:
            log.warning("key_folder_shared")
        _process.refused, _process.well_at = "", now
        return
    if seen.state == "behind" and _process.well_at is not None and now < _process.well_at + GRACE_S:
        return
    words = JOINING if seen.state == "joining" else NOT_SHARED
    if _process.refused != words:
        if words == JOINING:
            log.warning("key_folder_joining")
        else:
            log.error("key_folder_not_shared")
    _process.refused = words


def _see_newest(mark: Mark, using: str) -> Seen:
    """What the database says of the folder's mark. Another process may have written the next one
    into folder and database since this one was read; then the folder has it."""
    while True:
        seen = _see(mark, using)
        if seen.state != "behind" or (newer := _read()) == mark:
            return seen
        mark = newer


def _see(mark: Mark, using: str) -> Seen:
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT state, counter_kept, live, due FROM sec.see_key_folder(%s, %s, %s, %s)",
            [host_code(), *mark],
        )
        (found,) = cursor.fetchall()
    return Seen(*found)


def _mark_next(using: str) -> None:
    """Write the next mark, unless another process does. The folder comes first: one whose mark is
    ahead of the database's is the right one."""
    with transaction.atomic(using=using):
        if not _lock(using, wait=False):
            return
        old = _read()
        seen = _see(old, using)
        if seen.state == "current" and seen.due:
            new = Mark(old.store, old.counter + 1, os.urandom(16).hex())
            _write(new)
            _record(new, old, using)


def _record(new: Mark, old: Mark, using: str) -> None:
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT sec.mark_key_folder(%s, %s, %s, %s, %s, NULLIF(%s, ''))",
            [host_code(), *new, old.counter, old.nonce],
        )


def _lock(using: str, *, wait: bool = True) -> bool:
    """One server writes a mark at a time, until the open transaction ends."""
    function = "pg_advisory_xact_lock" if wait else "pg_try_advisory_xact_lock"
    with connections[using].cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s, 0)", [MARKING_KEYS])
        ((taken,),) = cursor.fetchall()
    return wait or bool(taken)


def _kept(using: str) -> tuple[str, int] | None:
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT store, counter FROM sec.kept_key_folder()")
        found = cursor.fetchall()
    return found[0] if found else None


def _read() -> Mark:
    """The folder's mark. A file that is none, e.g. torn by a loss of power, is no mark. Raises
    Unavailable: the folder itself is not readable."""
    try:
        found = _MARK.fullmatch(_path().read_bytes())
    except FileNotFoundError:
        if not folder().is_dir():
            raise _unreadable() from None
        return NO_MARK
    except OSError as error:
        raise _unreadable() from error
    if found is None:
        return NO_MARK
    store, counter, nonce = found.groups()
    return Mark(store.decode(), int(counter), nonce.decode())


def _first_mark() -> Mark:
    try:
        write_once(_path(), _line(Mark(os.urandom(16).hex(), 1, os.urandom(16).hex())))
    except OSError as error:
        raise Unavailable("key_store", "The folder of keys cannot be written.") from error
    return _read()


def _write(mark: Mark) -> None:
    """In place and in one write: a file put in its place would be seen later by other servers."""
    try:
        descriptor = os.open(_path(), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(descriptor, line := _line(mark), 0)
            os.ftruncate(descriptor, len(line))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Unavailable("key_store", "The folder of keys cannot be written.") from error


def _line(mark: Mark) -> bytes:
    return f"cairn-keys {mark.store} {mark.counter:015d} {mark.nonce}\n".encode()


def _path() -> Path:
    return folder() / "folder.mark"  # secret_files and second_copy leave it out


def _unreadable() -> Unavailable:
    return Unavailable("key_store", "The folder of keys does not answer.")
