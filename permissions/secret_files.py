"""Secrets kept as files: written once, whole, for their owner alone. No Django in here."""

import os
from pathlib import Path


def write_once(path: Path, content: bytes) -> None:
    """Make `path` (0600; new folders 0700) whole or not at all, and never over an existing one.

    Of two writers the first wins, and both then read the same. Raises OSError.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.urandom(6).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
