"""Files that hold secrets: written as a whole, readable only by their owner. Uses no Django."""

import os
from pathlib import Path


def write_once(path: Path, content: bytes) -> None:
    """Create `path` (0600; new folders 0700) as a whole or not at all; an existing file stays.

    If two write at once, the first wins, and both then read the same. Raises OSError.
    """
    draft = _draft(path, content)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    sync_folder(path.parent)


def replace(path: Path, content: bytes) -> None:
    """Replace `path` as a whole or not at all; a reader finds the old file or the new one.

    If two write at once, the last wins. Raises OSError.
    """
    os.replace(_draft(path, content), path)
    sync_folder(path.parent)


def status_now(path: Path) -> os.stat_result:
    """The file's status as it is on the disk, also on one that other servers share: a network file
    system asks its server at each open, and answers stat(2) from memory. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the creation and removal of files in `folder` survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _draft(path: Path, content: bytes) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.urandom(6).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:  # e.g. a full disk: without this, each try would leave half a file
        draft.unlink()
        raise
    return draft
