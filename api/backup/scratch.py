"""The place of one drill: a folder for a cluster that is thrown away, and one for copies of keys.

Killed at any point, a drill leaves both behind, with a note of where they are; the next one ends
that cluster and erases both first. PostgreSQL refuses to run as root: for root the cluster belongs
to the user postgres, or nobody.
"""

import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from api.postgres_binaries import PostgresError, server_user

MEMORY = Path("/dev/shm")  # noqa: S108 (a folder of our own in it, 0700, with a random name)
NAME = "cairn-drill"
SOCKET_PATH_BYTES = 107  # what Linux allows
ENDS_WITHIN_S = 60
LEAST_ROOM = 512 * 1024 * 1024  # bytes of WAL while it recovers
_KEPT = ("PATH", "LD_LIBRARY_PATH", "TZ")


class DrillFailed(Exception):
    """The drill cannot go on; the message is a sentence that says why, and what to do."""


class BackupBroken(DrillFailed):
    """The backup itself does not restore: this is recorded as a drill that failed."""


class Scratch:
    """The folders of a drill below `place`. Making this object touches nothing."""

    def __init__(self, place: Path) -> None:
        self.place = Path(os.path.abspath(place))
        self.folder = self.place / NAME
        self.cluster = self.folder / "cluster"
        self.data = self.cluster / "data"
        self.sockets = self.cluster / "run"
        self.log = self.cluster / "server.log"
        self.private = Path()  # known once it is open

    @contextmanager
    def opened(self, say: Callable[[str], None]) -> Iterator[None]:
        """Remove what a killed drill left, make the folders, and remove them at the end. Raises
        DrillFailed: another drill runs here."""
        if len(os.fsencode(self.sockets / ".s.PGSQL.5432")) > SOCKET_PATH_BYTES:
            raise DrillFailed(f"The path {self.place} is too long for a socket: use another one.")
        try:
            self.place.mkdir(mode=0o711, parents=True, exist_ok=True)
            lock = (self.place / f"{NAME}.lock").open("w")
        except OSError as error:
            raise DrillFailed(f"{self.place} cannot be written: {error.strerror}.") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise DrillFailed(f"Another drill runs in {self.place}.") from None
            if self.folder.exists():
                say("Removing what a drill left that was killed …")
                self._remove()
            self._make()
            try:
                yield
            finally:
                self._remove()

    def must_have_room(self, wanted: int) -> None:
        """Raises DrillFailed: the disk has no room for so many bytes and the WAL behind them."""
        free = shutil.disk_usage(self.place).free
        if free < wanted * 1.1 + LEAST_ROOM:
            raise DrillFailed(
                f"The backup has {wanted / 1e9:.1f} GB, and {self.place} has room for"
                f" {free / 1e9:.1f} GB only: use another folder (--scratch)."
            )

    def give(self, path: Path) -> None:
        """Make the user who runs the cluster the owner of `path` and all in it."""
        if (user := cluster_user()) is None:
            return
        for one in (path, *path.rglob("*")):
            os.chown(one, *user, follow_symlinks=False)

    def _make(self) -> None:
        self.folder.mkdir(mode=0o711)
        self.folder.chmod(0o711)
        beside = MEMORY if os.access(MEMORY, os.W_OK) else self.folder
        self.private = beside / f"{NAME}-{secrets.token_hex(8)}"
        (self.folder / "where.json").write_text(json.dumps({"private": str(self.private)}))
        self.private.mkdir(mode=0o700)
        for one in (self.cluster, self.sockets):
            one.mkdir(mode=0o700)
        self.give(self.cluster)

    def _remove(self) -> None:
        end_cluster(self.data)
        with suppress(OSError, ValueError, LookupError):  # killed before it was made
            erase(Path(json.loads((self.folder / "where.json").read_text())["private"]))
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.folder.exists():
            raise DrillFailed(f"{self.folder} cannot be removed: it belongs to another user.")


def erase(folder: Path) -> None:
    """Overwrite and remove all files of a drill's private folder. Twice is safe."""
    if not folder.name.startswith(f"{NAME}-") or not folder.is_dir():
        return
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with path.open("r+b") as file:
                file.write(os.urandom(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
    shutil.rmtree(folder)


def end_cluster(data: Path) -> None:
    """End the server whose files are in `data`, if there is one, without waiting for its sessions.
    Twice is safe. Raises DrillFailed."""
    try:
        pid = int((data / "postmaster.pid").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return
    for sent in (signal.SIGQUIT, signal.SIGKILL):
        if not _runs_in(pid, data):
            return
        os.kill(pid, sent)
        deadline = time.monotonic() + ENDS_WITHIN_S
        while _runs_in(pid, data) and time.monotonic() < deadline:
            time.sleep(0.05)
    if _runs_in(pid, data):
        raise DrillFailed(f"The server of a drill, process {pid}, does not end: end it by hand.")


def _runs_in(pid: int, data: Path) -> bool:
    """Whether this process is the server of `data`: a number alone may be another's by now."""
    try:
        return os.readlink(f"/proc/{pid}/cwd") == os.path.realpath(data)
    except OSError:
        return False


def cluster_user() -> tuple[int, int] | None:
    """The user and group that run the cluster; None: ours. Raises DrillFailed."""
    try:
        return server_user()
    except PostgresError as error:
        raise DrillFailed(str(error)) from error


def start(
    words: Sequence[Path | str],
    *,
    as_cluster_user: bool,
    on_our_end: signal.Signals = signal.SIGKILL,
    environment: dict[str, str] | None = None,
    folder: Path = Path("/"),
    **streams: object,
) -> subprocess.Popen[str]:
    """Start a program in `folder` with none of our secrets in its environment. It gets the signal
    `on_our_end` when this process ends, however that is. Raises DrillFailed."""
    user = cluster_user() if as_cluster_user else None
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ} | {"LC_ALL": "C.UTF-8"}
    # Without this program of util-linux, what a killed drill began ends at the next one.
    ends = ["setpriv", "--pdeathsig", on_our_end.name.removeprefix("SIG"), "--"]
    try:
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
            [*(ends if shutil.which("setpriv") else []), *map(str, words)],
            text=True,
            errors="replace",  # by a wrong passphrase pgBackRest says what it decrypted
            cwd=folder,
            env=kept | (environment or {}),
            user=user and user[0],
            group=user and user[1],
            extra_groups=user and [],
            **streams,
        )
    except OSError as error:
        raise DrillFailed(f"{words[0]} cannot be run: {error.strerror}.") from error


def run(
    words: Sequence[Path | str],
    *,
    as_cluster_user: bool,
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, as `start` starts it. Raises DrillFailed: there is none."""
    process = start(
        words,
        as_cluster_user=as_cluster_user,
        environment=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = process.communicate()
    return subprocess.CompletedProcess(list(map(str, words)), process.returncode, out, err)
