"""The journal of closings outside the database: every act that took access or reach away, so that
a restored database can be made to forget none of them (permissions/recovery/applying.py).

Each host that appends has a file of its own, `<host>.journal`, in settings.JOURNAL_FOLDER: on
storage of its own, never in the key folder, for its keys must not lie with it. The key folder
keeps of each host the number and MAC of its last line, so an end that was cut off is noticed.
What the lines are: permissions/recovery/lines.py.

The database's table `closing` is written first, by triggers, and this file next
(permissions/recovery/outbox.py).
"""

import fcntl
import json
import os
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

from permissions.errors import Unavailable
from permissions.health.heartbeats import host_name
from permissions.keys.secret_files import replace, sync_folder
from permissions.recovery import lines
from permissions.recovery.lines import BEGUN, Entry, Head, JournalFault, Line

__all__ = ["Entry", "Head", "JournalFault", "append", "begin_again", "last", "prune", "read"]

_ENDING = ".journal"
_HEAD = "journal-"  # and the host's name: a file in the key folder
_TAIL = 256 * 1024  # bytes: many times the longest line
_ROOM = 256 * 1024  # bytes that have to be free


def append(entries: Iterable[Entry]) -> int:
    """Add these to this host's file; on disk when it returns. Returns the number of the last line.
    An entry that is there already does no harm: the reader knows it by its id. Raises
    JournalFault (the file is gone, or ends before what the key folder knows), OSError,
    Unavailable."""
    host = host_name()
    descriptor = _open_locked(host)
    try:
        head = _end(host, descriptor)
        base = b""
        if head is None:
            base, head = lines.base_line(host, Head(0, BEGUN), "begun"), Head(0, BEGUN)
        text, head = _chained(host, head, entries)
        _write(descriptor, base + text)
    finally:
        os.close(descriptor)
    sync_folder(_folder())
    _keep_head(host, head)
    return head.number


def begin_again(entries: Iterable[Entry]) -> int:
    """Put what is left of this host's file aside and begin one that goes on after the last line
    that the key folder knows, with these entries: all that the living database holds. Returns the
    number of the last line. Raises OSError, Unavailable."""
    host = host_name()
    descriptor = _open_locked(host)
    try:
        head = _known_heads().get(host, Head(0, BEGUN))
        path = _path(host)
        if os.fstat(descriptor).st_size:
            os.link(path, path.with_name(f"{path.name}.{os.urandom(4).hex()}.broken"))
        base = lines.base_line(host, head, "lost")
        text, head = _chained(host, head, entries)
        replace(path, base + text)
    finally:
        os.close(descriptor)
    _keep_head(host, head)
    return head.number


def read(folders: Sequence[Path | str] = (), *, without: Collection[str] = ()) -> list[Entry]:
    """All closings of all hosts, each once, the oldest first: of the files in these folders
    (default: the journal's own), of which several may hold copies of one host's file, older ones
    too. `without`: hosts whose file is lost, which a person has said. Changes nothing.

    Raises JournalFault (a file is missing, or is not as it was written), OSError, Unavailable."""
    chains: dict[str, dict[int, Line]] = {}
    for folder in [Path(one) for one in folders] or [_folder()]:
        for path in sorted(folder.glob(f"*{_ENDING}")):
            host = path.name.removesuffix(_ENDING)
            if host in without:
                continue
            chain = chains.setdefault(host, {})
            for line in lines.read_lines(host, path.read_bytes()):
                there = chain.get(line.number)
                if there is not None and there.mac != line.mac:
                    raise JournalFault(
                        f"There are two journals of the host {host}, which differ from entry"
                        f" {line.number} on. One of them is not the one that was written last."
                    )
                if there is None or there.entry is None:
                    chain[line.number] = line
    for host, head in sorted(_known_heads().items()):
        if host not in without:
            _must_reach(host, head, chains.get(host))
    found: dict[object, Entry] = {}
    for chain in chains.values():
        found |= {line.entry.id: line.entry for line in chain.values() if line.entry}
    return sorted(found.values(), key=lambda one: (one.at, one.id))


def last(host: str | None = None) -> Head | None:
    """The last line of this host's file (default: this machine), as far as its seal says; None:
    there is no file yet. Raises JournalFault, OSError, Unavailable."""
    name = host or host_name()
    try:
        descriptor = os.open(_path(name), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return lines.last_lines(name, _tail(descriptor))
    finally:
        os.close(descriptor)


def prune(now: datetime) -> int:
    """Let the entries of this host go that are older than every backup (settings.BACKUP_DAYS); a
    line at the beginning says up to which number, and the chain goes on. Returns how many went.
    Killed at any point it has changed nothing or all. Raises JournalFault, OSError, Unavailable."""
    host = host_name()
    if not _path(host).exists():
        return 0
    over = now - timedelta(days=settings.BACKUP_DAYS)
    descriptor = _open_locked(host)
    try:
        content = _path(host).read_bytes()
        found = lines.read_lines(host, content)
        gone = 0
        for line in found[1:]:
            if line.entry is None or line.entry.at >= over:
                break
            gone += 1
        if gone:
            base = lines.base_line(host, Head(found[gone].number, found[gone].mac), "pruned")
            kept = list(lines.whole_lines(content))[gone + 1 :]
            replace(_path(host), base + b"".join(b"\n%s .\n" % one for one in kept))
        return gone
    finally:
        os.close(descriptor)


def check_writable() -> None:
    """Whether an entry could be written now: the folder takes a file, and its disk has room. Writes
    nothing. Raises OSError."""
    folder = _folder()
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError("the folder of the journal cannot be written")
    room = os.statvfs(folder)
    if room.f_bavail * room.f_frsize < _ROOM:
        raise OSError("the disk is full")


def _must_reach(host: str, head: Head, chain: dict[int, Line] | None) -> None:
    if not chain:
        raise JournalFault(f"The journal of the host {host} is missing: {host}{_ENDING}.")
    line = chain.get(head.number)
    if line is None:
        raise JournalFault(
            f"The journal of the host {host} was cut off: its last entry is {max(chain)}, and"
            f" entry {head.number} was written."
        )
    if line.mac != head.mac:
        raise JournalFault(f"The journal of the host {host} is not the one that was written last.")


def _end(host: str, descriptor: int) -> Head | None:
    """The last line of the open file, without what a kill cut off; None: the host begins."""
    known = _known_heads().get(host)
    size = os.fstat(descriptor).st_size
    tail = _tail(descriptor)
    whole = tail.rfind(b" .\n") + 3 if b" .\n" in tail else 0
    if whole < len(tail):
        os.ftruncate(descriptor, size - len(tail) + whole)
    found = lines.last_lines(host, tail[:whole])
    if known is None:
        return found
    if found is None or found.number < known.number:
        raise JournalFault(
            f"The journal of the host {host} is gone or was cut off: entry {known.number} was"
            " written."
        )
    if found.number == known.number and found.mac != known.mac:
        raise JournalFault(f"The journal of the host {host} is not the one that was written last.")
    return found


def _chained(host: str, head: Head, entries: Iterable[Entry]) -> tuple[bytes, Head]:
    """The lines of these entries, which go on behind this one, and the last of them."""
    made = []
    for entry in entries:
        line, mac = lines.entry_line(host, head.number + 1, head.mac, entry)
        made.append(line)
        head = Head(head.number + 1, mac)
    return b"".join(made), head


def _tail(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    start = max(0, size - _TAIL)
    return os.pread(descriptor, size - start, start)


def _write(descriptor: int, text: bytes) -> None:
    while text:  # a disk that fills up accepts a part, and refuses the next
        text = text[os.write(descriptor, text) :]
    os.fsync(descriptor)


def _open_locked(host: str) -> int:
    """The host's file, open to append and locked against another writer."""
    path = _path(host)
    if not _head_path(host).exists():  # later, a folder that is not there is a disk that is away
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_ino == os.stat(path).st_ino:
                return descriptor
        except FileNotFoundError:
            pass
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)  # it was replaced meanwhile


# -- What the key folder knows ---------------------------------------------------------------------


def _keep_head(host: str, head: Head) -> None:
    """Note the last line in the key folder. A process that is killed before has written more than
    is noted, never less."""
    text = json.dumps({"number": head.number, "mac": head.mac.hex()}).encode()
    try:
        replace(_head_path(host), text)
    except OSError as error:
        raise Unavailable("key_store", "The folder of keys cannot be written.") from error


def _known_heads() -> dict[str, Head]:
    found = {}
    for path in Path(settings.BINDING_FOLDER).glob(f"{_HEAD}*.json"):
        try:
            kept = json.loads(path.read_bytes())
            head = Head(int(kept["number"]), bytes.fromhex(kept["mac"]))
        except (OSError, ValueError, KeyError) as error:
            raise Unavailable("key_store", "The folder of keys does not answer.") from error
        found[path.stem.removeprefix(_HEAD)] = head
    return found


def _head_path(host: str) -> Path:
    return Path(settings.BINDING_FOLDER) / f"{_HEAD}{host}.json"


def _path(host: str) -> Path:
    return _folder() / f"{host}{_ENDING}"


def _folder() -> Path:
    return Path(settings.JOURNAL_FOLDER)
