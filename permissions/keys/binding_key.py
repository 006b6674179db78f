"""The key of the MACs over rows that let someone in (permissions/identity/row_macs.py), outside the
database: who can write its rows cannot make a row that the server accepts.

The key is 32 random bytes in `keys.json` in settings.BINDING_FOLDER, wrapped by a key of the key
store that belongs to no agency. It is unwrapped once by each process, because each request needs
it: a copy of the folder without the key store opens nothing.

The keys of the journal of closings outside the database are made of it (permissions/recovery). What
was made of a key that ended is kept, so that what the journal says is read as long as it is needed;
it makes nothing any more.
"""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings

from permissions.database.aliases import JOBS
from permissions.errors import Unavailable
from permissions.keys import key_folder
from permissions.keys.derived_keys import derived_from
from permissions.keys.keystore import NoKey, Wrapped, key_store
from permissions.keys.secret_files import replace, status_now, write_once
from permissions.principal import key_owner

OWNER = UUID("00000000-0000-4000-8000-000000000002")  # not an agency
_CONTEXT = "binding"
_SERVER = key_owner(OWNER)
_ENDED = "ended"  # next to the numbers, in the file


class _Held(NamedTuple):
    mark: tuple[int, int, int]  # of the file that was read
    keys: dict[int, bytes]
    journal: dict[int, bytes]  # made of keys that ended


_held: _Held | None = None  # of this process


def binding_keys() -> dict[int, bytes]:
    """The keys that check a MAC, by number; the highest one makes new MACs. Another process's
    rotation is noticed at the next call. While the folder is away, a process goes on with what it
    has read: a release is revoked without it. Raises Unavailable."""
    return _read_if_new().keys


def _read_if_new() -> _Held:
    global _held
    key_folder.refuse_if_not_shared()
    path = _path()
    try:
        status = status_now(path)
        mark = (status.st_ino, status.st_mtime_ns, status.st_size)
        if _held is None or _held.mark != mark:
            _held = _Held(mark, *_read(path))
    except (OSError, ValueError, KeyError) as error:
        if _held is None:
            raise Unavailable("key_store", "The folder of keys does not answer.") from error
    return _held


def read_again() -> None:
    """Unwrap the keys from their file now, whatever this process has read before: whether the
    folder and the key store answer. Raises Unavailable."""
    try:
        _read(_path())
    except (OSError, ValueError, KeyError) as error:
        raise Unavailable("key_store", "The folder of keys does not answer.") from error


def newest_key() -> tuple[bytes, bytes]:
    """The key that makes new MACs and seals, and the two bytes that name it before each of them.
    Raises Unavailable."""
    keys = binding_keys()
    newest = max(keys)
    return newest.to_bytes(2, "big"), keys[newest]


def named_key(made: bytes) -> bytes | None:
    """The key that is named before what it made; None: it is not held. Raises Unavailable."""
    return binding_keys().get(int.from_bytes(made[:2], "big"))


def newest_journal_key(use: str) -> tuple[int, bytes]:
    """The key that makes lines of the journal of closings, for this use of two, and the number
    that names it. Raises Unavailable."""
    number = max(binding_keys())
    return number, derived_from(_of_journal(binding_keys()[number]), use)


def journal_key(number: int, use: str) -> bytes | None:
    """The key that made a line of the journal; None: it is not held. Raises Unavailable."""
    held = _read_if_new()
    made = _of_journal(held.keys[number]) if number in held.keys else held.journal.get(number)
    return derived_from(made, use) if made else None


def _of_journal(key: bytes) -> bytes:
    return derived_from(key, "journal_of_closings")


def begin() -> None:
    """Make the first key. Twice is safe: a key that is there stays. Raises Unavailable."""
    if _path().exists():
        return
    try:
        write_once(_path(), json.dumps({"1": _wrapped(os.urandom(32))}).encode())
    except OSError as error:
        raise Unavailable("key_store", "The folder of keys cannot be written.") from error


def begin_next() -> int:
    """Make another key, which makes MACs from now on; the older ones still check. Returns its
    number. Raises Unavailable."""
    key_folder.confirm(JOBS)
    held = _read_if_new()
    number = max(held.keys) + 1
    _write(held.keys | {number: os.urandom(32)}, held.journal)
    return number


def end_older() -> None:
    """Remove every key but the newest. What only they made is refused from now on, but for lines
    of the journal of closings, which are still read. Twice is safe. Raises Unavailable."""
    key_folder.confirm(JOBS)
    keys, journal = binding_keys(), dict(_read_if_new().journal)
    newest = max(keys)
    journal |= {number: _of_journal(keys[number]) for number in keys if number != newest}
    version = key_store().begin_version(OWNER)
    _write({newest: keys[newest]}, journal)
    key_store().destroy(OWNER, version - 1)


def _path() -> Path:
    return Path(settings.BINDING_FOLDER) / "keys.json"


def _read(path: Path) -> tuple[dict[int, bytes], dict[int, bytes]]:
    kept = json.loads(path.read_bytes())
    ended = kept.pop(_ENDED, {})
    return _unwrapped(kept), _unwrapped(ended)


def _unwrapped(kept: dict[str, list[Any]]) -> dict[int, bytes]:
    return {
        int(number): key_store().unwrap(_SERVER, Wrapped(version, bytes.fromhex(blob)), _CONTEXT)
        for number, (version, blob) in kept.items()
    }


def _write(keys: dict[int, bytes], journal: dict[int, bytes]) -> None:
    content: dict[str, Any] = {str(n): _wrapped(key) for n, key in keys.items()}
    if journal:
        content[_ENDED] = {str(n): _wrapped(key) for n, key in journal.items()}
    try:
        replace(_path(), json.dumps(content).encode())
    except OSError as error:
        raise Unavailable("key_store", "The folder of keys cannot be written.") from error


def _wrapped(key: bytes) -> list[int | str]:
    try:
        wrapped = key_store().wrap(OWNER, key, _CONTEXT)
    except NoKey:
        key_store().begin_version(OWNER)
        wrapped = key_store().wrap(OWNER, key, _CONTEXT)
    return [wrapped.kek_version, wrapped.blob.hex()]
