"""The second copy of the key folder, on other storage (settings.KEY_COPY): kept by the server, so
that it is never older than what the server destroys.

An old version of a key ends only when the copy is shown to hold the new one. Otherwise a lost disk
would lose every packet that lives, with the database intact: a copy of last night opens nothing
after a purge. What ended is erased in the copy too, or it would bring back what was purged.

Vault keeps copies of its own; then this does nothing.
"""

from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import structlog
from django.conf import settings

from permissions.database.aliases import JOBS
from permissions.errors import NotPossible, Refused
from permissions.keys import key_folder
from permissions.keys.keystore import FileKeyStore, key_store
from permissions.keys.secret_files import replace

log = structlog.get_logger()

_CONTEXT = "second copy"


class NoSecondCopy(NotPossible):
    """The second copy does not hold what it must: no version of a key may end now."""

    code = "no_second_copy"
    detail = (
        "The second copy of the keys (CAIRN_KEY_COPY) is not set, cannot be written, or is of"
        " another key store. Until it holds the newest keys, no key ends."
    )


class Copied(NamedTuple):
    """What the second copy holds of one agency's key."""

    versions: list[int]
    current: bool  # whether the newest version opens there what the store wraps


def kept_by_server() -> bool:
    """Whether the server keeps a second copy: the key store is a folder."""
    return isinstance(key_store(), FileKeyStore)


def mirror() -> int:
    """Bring the copy up to date: write what is new or differs, erase the versions that ended.
    Returns how many files it wrote; with keys in Vault there is nothing to do. Twice is safe; may
    be killed at any point. Raises NoSecondCopy, and Unavailable: this folder is not the shared
    one."""
    store = key_store()
    if not isinstance(store, FileKeyStore):
        return 0
    key_folder.confirm(JOBS)  # an old copy of the folder is not copied over the new
    source, target = store.folder, _folder()
    try:
        if _differs(Path(store.root_key), target / "root.key"):
            raise NoSecondCopy
        written = 0
        # An agency's marks of what ended go first: a copy that is cut short never holds more.
        for path in sorted(source.rglob("*"), key=lambda one: (one.suffix != ".gone", str(one))):
            if not path.is_file() or not _is_kept(path):
                continue
            copy = target / path.relative_to(source)
            content = _content(path)
            if content is not None and (not copy.exists() or copy.read_bytes() != content):
                replace(copy, content)
                written += 1
        _erase_ended(source, FileKeyStore(str(target)))
    except OSError as error:
        log.error("key_copy_failed", error=type(error).__name__)
        raise NoSecondCopy from error
    return written


def step() -> bool:
    """Bring the copy up to date: a step of the background work. There is no more."""
    mirror()
    return False


def confirm(agency_id: UUID) -> None:
    """Bring the copy up to date and prove that it opens what the agency's newest version wraps.
    Raises NoSecondCopy."""
    if kept_by_server():
        mirror()
        if not copied(agency_id).current:
            raise NoSecondCopy


def copied(agency_id: UUID) -> Copied:
    """What the copy holds now. Raises NoSecondCopy: it cannot be read."""
    copy = FileKeyStore(str(_folder()))
    try:
        versions = copy.versions(agency_id)
        wrapped = key_store().wrap(agency_id, b"", _CONTEXT)
    except Refused as error:
        raise NoSecondCopy from error
    try:
        copy.rewrap(agency_id, wrapped)
    except Refused:
        return Copied(versions, current=False)
    return Copied(versions, current=True)


def _erase_ended(source: Path, copy: FileKeyStore) -> None:
    for mark in source.glob("*/*.gone"):
        ended = copy.folder / mark.parent.name / f"{mark.stem}.kek"
        if ended.exists():
            copy.destroy(UUID(mark.parent.name), int(mark.stem))


def _is_kept(path: Path) -> bool:
    """Not the draft of a writer: a draft's name ends with a random suffix (secret_files.py)."""
    return path.suffix in {".key", ".kek", ".gone", ".pub", ".ed25519", ".json", ""}


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None  # it ended meanwhile


def _differs(one: Path, other: Path) -> bool:
    return other.exists() and one.read_bytes() != other.read_bytes()


def _folder() -> Path:
    if not settings.KEY_COPY:
        raise NoSecondCopy
    return Path(settings.KEY_COPY)
