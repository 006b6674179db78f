"""The commit that is checked out: the one source of a release."""

import hashlib
import re
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LOCK = "deploy/requirements.lock"


class Refused(Exception):
    """Why there is no release; its text is for the person who asked."""


def program(name: str) -> str:
    """Return the path of a program of this machine. Raises Refused where it is missing."""
    if found := shutil.which(name):
        return found
    raise Refused(f"`{name}` is not on this machine.")


@dataclass(frozen=True)
class Commit:
    """`seconds`: when it was committed, since 1970; `files`: the hash of its tree."""

    name: str
    seconds: int
    version: str
    lock_sha256: str

    def write_to(self, folder: Path) -> None:
        """Write the commit's files, and nothing that is only in the working tree."""
        # Not by the umask of who builds, nor by git's own, which opens all to a group.
        words = ["-c", "tar.umask=0022", "archive", "--format=tar", self.name]
        packed = subprocess.run(
            [program("git"), *words],
            cwd=REPOSITORY,
            check=True,
            capture_output=True,
        )
        folder.mkdir(parents=True)
        subprocess.run([program("tar"), "-xp", "-C", folder], input=packed.stdout, check=True)


def checked_out() -> Commit:
    """Return the commit that is checked out. Raises Refused outside a git repository."""
    try:
        name, seconds = _git("log", "-1", "--format=%H %ct").split()
        project = tomllib.loads(_git("show", f"{name}:pyproject.toml"))["project"]
        lock = _git("show", f"{name}:{LOCK}")
    except subprocess.CalledProcessError as error:
        raise Refused(f"There is no commit here: {error.stderr.strip()}") from None
    digest = hashlib.sha256(lock.encode()).hexdigest()
    return Commit(name, int(seconds), project["version"], digest)


def not_committed() -> list[str]:
    """Return the files of the working tree that differ from the commit."""
    return [line[3:] for line in _git("status", "--porcelain").splitlines()]


def _git(*words: str) -> str:
    done = subprocess.run(
        [program("git"), *words], cwd=REPOSITORY, check=True, capture_output=True, text=True
    )
    return done.stdout


@dataclass(frozen=True)
class Pin:
    """A package as a lock file has it; `hashes` are the SHA-256 of each file it may come as."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]


def pins(text: str) -> list[Pin]:
    """Return what a lock file of `make lock` pins, in its order."""
    found = []
    for entry in re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE):
        if head := re.match(r"([A-Za-z0-9._-]+)==([^ ;\\\n]+)(?: ; (.*?))?(?: \\)?\n", entry):
            hashes = tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})", entry))
            found.append(Pin(head[1], head[2], head[3] or "", hashes))
    return found
