"""The mark outside of the database: each host that does the background work keeps the number that
the database last had, in `<host>.mark` next to the journal of closings. A database whose own number
is lower is an older copy, also where its timeline does not show it.

A mark has a MAC by a key outside the database. It is replaced as a whole: a reader finds an old one
or a new one.
"""

import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from permissions.health.heartbeats import host_name
from permissions.keys import binding_key
from permissions.keys.secret_files import replace
from permissions.recovery.lines import JournalFault

_ENDING = ".mark"


class Mark(NamedTuple):
    """`number`: what the database had reached, at `at`, as this host knows."""

    host: str
    number: int
    at: datetime


def write(number: int) -> None:
    """Keep that the database has reached this number: it was committed before. On disk when it
    returns. Raises OSError, Unavailable."""
    host, at = host_name(), datetime.now(UTC).isoformat(timespec="seconds")
    key_number, key = binding_key.newest_journal_key("mark")
    kept = {"number": number, "at": at, "key": key_number, "mac": _mac(key, host, number, at)}
    folder = Path(settings.JOURNAL_FOLDER)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace(folder / f"{host}{_ENDING}", json.dumps(kept).encode())


def read(folders: Sequence[Path | str] = ()) -> list[Mark]:
    """All marks in these folders (default: the journal's own). Raises JournalFault (one that this
    server did not write), OSError, Unavailable."""
    found = []
    for folder in [Path(one) for one in folders] or [Path(settings.JOURNAL_FOLDER)]:
        for path in sorted(folder.glob(f"*{_ENDING}")):
            found.append(_read(path))
    return found


def highest(folders: Sequence[Path | str] = ()) -> int:
    """The highest mark; 0: there is none. Raises as `read` does."""
    return max((one.number for one in read(folders)), default=0)


def _read(path: Path) -> Mark:
    host = path.name.removesuffix(_ENDING)
    try:
        kept = json.loads(path.read_bytes())
        number, at = int(kept["number"]), str(kept["at"])
        key = binding_key.journal_key(int(kept["key"]), "mark")
        if key is None or not hmac.compare_digest(kept["mac"], _mac(key, host, number, at)):
            raise ValueError
        return Mark(host, number, datetime.fromisoformat(at))
    except (ValueError, LookupError, TypeError) as error:
        raise JournalFault(
            f"The mark of the host {host} was not written by this server."
        ) from error


def _mac(key: bytes, host: str, number: int, at: str) -> str:
    return hmac.digest(key, f"mark {host} {number} {at}".encode(), "sha256").hex()
