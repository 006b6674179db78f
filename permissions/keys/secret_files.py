"""Secrets kept as files: written whole, for their owner alone. No Django in here."""

import os
from pathlib import Path


def write_once(path: Path, content: bytes) -> None:
    """Make `path` (0600; new folders 0700) whole or not at all, and never over an existing one.

    Of two writers the first wins, and both then read the same. Raises OSError.
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
    """Make `path` anew, whole or not at all; a reader finds the old one or the new. Raises OSError.

    Of two writers the last wins.
    """
    os.replace(_draft(path, content), path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """What appeared or went in `folder` outlives a loss of power."""
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
    except OSError:  # a full disk: half a secret is none, and each try would leave one
        draft.unlink()
        raise
    return draft
