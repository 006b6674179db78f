"""Secrets of the environment from files: X_FILE names a file that holds what X would.

As `LoadCredential=` of systemd, secrets of Docker and of Kubernetes give them. Uses no Django but
its error.
"""

import os
from collections.abc import MutableMapping
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

ROLES = ("OWNER", "SIGNIN", "EDITOR", "AUDITOR", "JOBS", "SEALER")
SECRETS = (
    *("CAIRN_SECRET_KEY", "CAIRN_SMTP", "CAIRN_MAIL_COPIES"),
    *("DATABASE_URL", *(f"DATABASE_URL_{role}" for role in ROLES)),
)
MOST_BYTES = 10_000
OTHERS = 0o027  # no other may read it, and the group may not write it


def take(environment: MutableMapping[str, str]) -> None:
    """Put the content of each X_FILE in the place of X, without the end of its line. Twice is safe.

    Raises ImproperlyConfigured: both are given, or the file is missing, empty, too long, not text,
    or may be read by others. The error never has the content.
    """
    for name in SECRETS:
        path = environment.get(f"{name}_FILE")
        if not path:
            continue
        content = _read(f"{name}_FILE", Path(path))
        if environment.get(name, content) not in ("", content):
            raise ImproperlyConfigured(f"{name} and {name}_FILE differ. Give one of them.")
        environment[name] = content


def _read(variable: str, path: Path) -> str:
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ImproperlyConfigured(
            f"{variable}: the file cannot be read: {error.strerror}."
        ) from None
    if mode & OTHERS:
        raise ImproperlyConfigured(
            f"{variable}: others may read or write the file (mode {mode & 0o777:04o})."
            " Make it 0600, or 0440 for the group of this process alone."
        )
    try:
        text = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        text = ""
    if len(content) > MOST_BYTES or not text.isprintable() or not text:
        raise ImproperlyConfigured(f"{variable}: the file must hold one line of text.")
    return text
