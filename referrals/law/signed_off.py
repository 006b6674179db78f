"""Whether a lawyer has signed off the texts on the law, as they are now.

The folder `sign_off` next to this file is what a lawyer reads: every text in each language, the
consent law, what the survivor's paper must say, and the papers as they are printed. Tests write it
from the code. `versions.toml` there names each version by its hash. A version is unsigned until a
lawyer's name and day are entered; one changed letter makes another version.
"""

import hashlib
import tomllib
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "sign_off"
VERSIONS = FOLDER / "versions.toml"


class Version(NamedTuple):
    """One version. `lawyer` and `signed` are None until it is signed off."""

    number: int
    day: date
    sha256: str
    lawyer: str | None
    signed: date | None

    @property
    def is_signed(self) -> bool:
        return bool(self.lawyer) and self.signed is not None


def digest(folder: Path = FOLDER) -> str:
    """Return the hash of all that a lawyer reads: names and bytes, in the order of their names."""
    found = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix in (".md", ".txt") and file.name != "README.md":
            content = file.read_bytes()
            name = file.relative_to(folder).as_posix()
            found.update(f"{name}\0{len(content)}\0".encode() + content)
    return found.hexdigest()


def versions(file: Path = VERSIONS) -> list[Version]:
    """Return the versions, the oldest first. Raises ValueError for a file that is not one."""
    read = tomllib.loads(file.read_text(encoding="utf-8"))
    return [
        Version(
            number=int(one["number"]),
            day=_day(one["day"]),
            sha256=str(one["sha256"]),
            lawyer=str(one["lawyer"]) if one.get("lawyer") else None,
            signed=_day(one["signed"]) if one.get("signed") else None,
        )
        for one in read["version"]
    ]


def _day(value: object) -> date:
    if not isinstance(value, date):
        raise ValueError("A day is written as 2026-11-29.")
    return value


@lru_cache(maxsize=1)
def current() -> Version:
    """Return the version that is in use. A signature counts for the bytes that were signed: if the
    folder is not what the newest version names, the version is unsigned."""
    newest = versions()[-1]
    if newest.sha256 != digest():
        return newest._replace(lawyer=None, signed=None)
    return newest
