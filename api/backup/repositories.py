"""Where backups are kept, and how one of them becomes a data folder: a repository of pgBackRest, or
a folder with base backups and archived WAL as PostgreSQL itself makes them.

Nothing here writes into a repository.
"""

import json
import os
import re
import subprocess
import tarfile
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import NamedTuple, Protocol

from api.backup.scratch import BackupBroken, DrillFailed, Scratch, run, start

Say = Callable[[str], None]

SEGMENT = re.compile(r"[0-9A-F]{24}")
AGE = ".age"
SAY_EVERY_S = 10.0
_BASES = (".tar", ".tar.gz", ".tgz", ".tar.age", ".tar.gz.age", ".tgz.age")
_TELLS = ("age: error:", "ERROR:", "WARN:", "pg_verifybackup: error:")


class NoBackup(BackupBroken):
    """There is no backup, or it cannot be read; the message says why."""


class Kept(NamedTuple):
    """What a repository holds. `label`: the newest backup, `finished` when it ended; `oldest`: when
    the oldest one ended; `wal`: the name of the newest segment of WAL, None if none was archived,
    and `wal_at` when it arrived. `size`: bytes that the newest needs at least."""

    label: str
    finished: datetime
    oldest: datetime
    wal: str | None
    wal_at: datetime | None
    size: int = 0


class Repository(Protocol):
    """A place that keeps backups."""

    def kept(self) -> Kept:
        """What it holds now. Raises NoBackup."""

    def restore(self, kept: Kept, scratch: Scratch, say: Say) -> None:
        """Restore the newest backup into the scratch's data folder. Raises DrillFailed."""

    def restore_command(self, scratch: Scratch) -> str:
        """PostgreSQL's `restore_command`: it gets %f from the archive to %p."""


class PgBackRest:
    """A stanza of pgBackRest, which reads its own configuration (PGBACKREST_CONFIG)."""

    def __init__(self, stanza: str) -> None:
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,60}", stanza):
            raise NoBackup("A stanza's name is up to 60 letters, digits, '.', '_' or '-'.")
        self.stanza = stanza

    def kept(self) -> Kept:
        said = self._ask("info", "--output=json")
        try:
            stanzas = json.loads(said, strict=False)
        except ValueError as error:
            raise NoBackup(
                "pgBackRest's answer cannot be read: is the passphrase its own?"
            ) from error
        found = next((one for one in stanzas if one["name"] == self.stanza), None)
        backups = [one for one in found["backup"] if not one.get("error")] if found else []
        if not found or not backups:
            why = found["status"]["message"] if found else "no such stanza"
            if why == "other":  # its words are the decrypted bytes
                why = "it cannot read its repository, as with another passphrase"
            raise NoBackup(f"pgBackRest shows no backup of the stanza {self.stanza}: {why}.")
        newest = backups[-1]
        archives = [one for one in found["archive"] if one["max"]]
        archive = max(archives, key=lambda one: int(one["database"]["id"]), default=None)
        wal = archive["max"] if archive else None
        return Kept(
            newest["label"],
            _time(newest["timestamp"]["stop"]),
            _time(min(one["timestamp"]["stop"] for one in backups)),
            wal,
            self._arrived(archive["id"], wal) if archive else None,
            int(newest["info"]["size"]),
        )

    def restore(self, kept: Kept, scratch: Scratch, say: Say) -> None:
        scratch.data.mkdir(mode=0o700)
        scratch.give(scratch.data)
        words = self._words("restore", f"--set={kept.label}", f"--pg1-path={scratch.data}")
        words += [f"--lock-path={scratch.cluster}", f"--tablespace-map-all={scratch.cluster}/space"]
        words += ["--type=none", "--log-level-console=detail"]
        last, told = "", time.monotonic()
        with start(
            words,
            as_cluster_user=True,
            environment=repository_settings(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            for line in process.stdout or ():
                if said := re.search(r"P\d\d +(?:WARN|ERROR): (.*)", line):
                    last = said[1]
                elif (done := re.search(r", ([\d.]+%)\)", line)) and told + SAY_EVERY_S < (
                    now := time.monotonic()
                ):
                    told = now
                    say(f"Restored: {done[1]}")
        if process.returncode != 0:
            raise BackupBroken(f"pgBackRest could not restore {kept.label}: {last}")

    def restore_command(self, scratch: Scratch) -> str:
        words = self._words("archive-get", f"--pg1-path={scratch.data}", "%f")
        return " ".join([*words, f"--lock-path={scratch.cluster}", "--no-archive-async", '"%p"'])

    def _arrived(self, archive: str, wal: str | None) -> datetime | None:
        """When a segment arrived: pgBackRest says it of the file in its repository."""
        if not wal:
            return None
        path = f"archive/{self.stanza}/{archive}/{wal[:16]}"
        listed = json.loads(self._ask("repo-ls", path, "--output=json", stanza=False))
        times = [one["time"] for name, one in listed.items() if name.startswith(wal)]
        return _time(max(times)) if times else None

    def _words(self, verb: str, *more: str, stanza: bool = True) -> list[str]:
        named = [f"--stanza={self.stanza}"] if stanza else []
        return ["pgbackrest", verb, *named, "--log-level-file=off", *more]

    def _ask(self, *words: str, stanza: bool = True) -> str:
        result = run(
            [*self._words(words[0], stanza=stanza), *words[1:], "--log-level-console=off"],
            as_cluster_user=True,
            environment=repository_settings(),
        )
        if result.returncode != 0:
            raise NoBackup(f"pgBackRest cannot read its repository: {_last_words(result.stderr)}")
        return result.stdout


class Folder:
    """A folder with `base/`, the base backups as tar files of pg_basebackup or as folders, and
    `wal/`, the archived segments. Files that end with .age are decrypted by the key in `identity`.
    """

    def __init__(self, base: Path, wal: Path, identity: Path | None = None) -> None:
        self.base, self.wal, self.identity = (
            base.absolute(),
            wal.absolute(),
            identity and identity.absolute(),
        )
        for path in filter(None, (self.base, self.wal, self.identity)):
            if re.search(r"[\"'\\%$`\n]", str(path)):
                raise NoBackup(f"The path {path} contains a character that a shell reads.")

    def kept(self) -> Kept:
        try:
            bases = sorted(self._bases(), key=lambda one: one.stat().st_mtime)
            segments = sorted(
                (one.name.removesuffix(AGE), one.stat().st_mtime)
                for one in self.wal.iterdir()
                if SEGMENT.fullmatch(one.name.removesuffix(AGE))
            )
        except OSError as error:
            raise NoBackup(f"{error.filename} cannot be read: {error.strerror}.") from error
        if not bases:
            raise NoBackup(
                f"{self.base} holds no base backup: no .tar, .tar.gz or .age, no folder."
            )
        wal, arrived = segments[-1] if segments else (None, None)
        return Kept(
            str(bases[-1]),
            _time(bases[-1].stat().st_mtime),
            _time(bases[0].stat().st_mtime),
            wal,
            _time(arrived) if arrived else None,
            0 if bases[-1].is_dir() else bases[-1].stat().st_size,
        )

    def restore(self, kept: Kept, scratch: Scratch, say: Say) -> None:
        source = Path(kept.label)
        say(f"Unpacking {source.name} …")
        scratch.data.mkdir(mode=0o700)
        if source.is_dir():
            copied = run(["cp", "-a", f"{source}/.", scratch.data], as_cluster_user=False)
            if copied.returncode != 0:
                raise DrillFailed(f"{source} cannot be copied: {_last_words(copied.stderr)}")
        else:
            self._unpack(source, scratch, say)
        scratch.data.chmod(0o700)
        scratch.give(scratch.data)

    def restore_command(self, scratch: Scratch) -> str:
        plain = f'cp "{self.wal}/%f" "%p"'
        if not self.identity:
            return plain
        # Each name is asked for; what is not there is the end of the archive.
        opened = f'age -d -i "{scratch.cluster}/identity" -o "%p" "{self.wal}/%f{AGE}"'
        return f'if test -e "{self.wal}/%f{AGE}"; then {opened}; else {plain}; fi'

    def _bases(self) -> list[Path]:
        if self.base.is_file() or (self.base / "PG_VERSION").exists():
            return [self.base]
        return [
            one
            for one in self.base.iterdir()
            if (one.is_file() and one.name.endswith(_BASES)) or (one / "PG_VERSION").exists()
        ]

    def _unpack(self, source: Path, scratch: Scratch, say: Say) -> None:
        words: list[str | Path] = ["cat", source]
        if source.suffix == AGE:
            if not self.identity:
                raise DrillFailed(f"{source.name} is encrypted: name the key of age (--identity).")
            words = ["age", "-d", "-i", self.identity, source]
            identity = scratch.cluster / "identity"  # for the server, which asks for the WAL
            identity.touch(mode=0o600)
            identity.write_bytes(self.identity.read_bytes())
            scratch.give(identity)
        with start(
            words,
            as_cluster_user=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert isinstance(process.stdout, TextIOWrapper)
            assert process.stderr is not None
            try:
                with tarfile.open(fileobj=process.stdout.buffer, mode="r|*") as packed:
                    self._extract(packed, scratch.data, say)
            except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
                process.kill()
                why = _last_words(process.stderr.read()) or str(error)
                raise BackupBroken(
                    f"{source.name} does not unpack: it is cut short, altered, or not a base"
                    f" backup ({why})."
                ) from error
        if process.returncode != 0:
            raise BackupBroken(f"{source.name} does not unpack: it is cut short or altered.")

    def _extract(self, packed: tarfile.TarFile, into: Path, say: Say) -> None:
        """All of it, and nothing outside of `into`."""
        size, told = 0, time.monotonic()
        for one in packed:
            packed.extract(one, into, filter="data")
            size += one.size
            if time.monotonic() > told + SAY_EVERY_S:
                told = time.monotonic()
                say(f"Unpacked: {size / 1e9:.1f} GB")


def repository_settings() -> dict[str, str]:
    """pgBackRest's own variables: where its configuration is, and its secrets."""
    return {name: value for name, value in os.environ.items() if name.startswith("PGBACKREST_")}


def _last_words(text: str) -> str:
    lines = [one.strip() for one in text.splitlines() if one.strip()]
    told = [one for one in lines if any(word in one for word in _TELLS)]
    return (told or lines or [""])[-1][:300]


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
