"""Under which licenses the packages of a server are, from their own metadata.

What a package says in SPDX's form is taken as it is. What it says in another way was read by a
person: licenses.toml has what it said and what that means, and does not count any more once the
package says something else. A license outside of the list in licenses.toml is refused.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from importlib.metadata import PackageMetadata
from pathlib import Path
from typing import Any

from license_expression import ExpressionError, get_spdx_licensing
from packaging.markers import Marker

from deploy.release.source import LOCK, REPOSITORY, Pin, Refused, pins

RULES = Path(__file__).with_name("licenses.toml")
TABLE = REPOSITORY / "deploy" / "licenses.md"
SPDX = get_spdx_licensing()

# Where a server runs: a package for another system is in no image and in no table.
SERVER = {
    "sys_platform": "linux",
    "platform_system": "Linux",
    "os_name": "posix",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
}


@dataclass(frozen=True)
class Package:
    """A package of the lock file; `license` is an SPDX expression."""

    pin: Pin
    license: str
    homepage: str
    needs: tuple[str, ...]


def on_a_server(one: Pin) -> bool:
    """Say whether the lock file installs the package on Linux."""
    return not one.marker or Marker(one.marker).evaluate(dict(SERVER))


def read_lock(text: str | None = None) -> list[Package]:
    """Return the server's packages with their licenses, by name.

    Raises Refused, with every reason, where a package of the lock file is not installed here in
    that version, says no license that is understood, or has one that is not on the list.
    """
    rules = tomllib.loads(RULES.read_text())
    found, wrong = [], []
    for pin in pins(text or (REPOSITORY / LOCK).read_text()):
        if not on_a_server(pin):
            continue
        try:
            head = metadata.metadata(pin.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{pin.name} is not installed here: make lock, then install")
            continue
        if head["Version"] != pin.version:
            wrong.append(f"{pin.name} is {head['Version']} here, and {pin.version} in {LOCK}")
            continue
        try:
            said = license_of(pin.name, head, rules["read"])
            if not is_allowed(said, rules["allowed"]):
                wrong.append(f"{pin.name}: {said} is not on the list in {RULES.name}")
            found.append(Package(pin, said, _homepage(head), _needs(head)))
        except ValueError as error:
            wrong.append(str(error))
    if wrong:
        raise Refused("\n".join(wrong))
    return sorted(found, key=lambda one: one.pin.name)


def license_of(name: str, head: PackageMetadata, read: dict[str, Any]) -> str:
    """Return a package's license as an SPDX expression. Raises ValueError where it is not clear."""
    said = what_it_says(head)
    if by_hand := read.get(name):
        if by_hand["says"] != said:
            raise ValueError(f"{name} says {said!r} now: read its license, and {RULES.name}")
        said = by_hand["means"]
    try:
        SPDX.parse(said, validate=True)
    except ExpressionError:
        raise ValueError(
            f"{name} says {said!r}: read its license, and add it to {RULES.name}"
        ) from None
    if not said:
        raise ValueError(f"{name} says nothing of a license: add it to {RULES.name}")
    return str(SPDX.parse(said))


def what_it_says(head: PackageMetadata) -> str:
    """Return what the metadata says: SPDX's expression, else a line of it, else the classifiers."""
    if said := _field(head, "License-Expression").strip():
        return said
    line = _field(head, "License").strip().split("\n")[0].strip()
    if line and not line.startswith("Copyright"):
        return line
    classed = head.get_all("Classifier") or []
    return "; ".join(one.split(" :: ")[-1] for one in classed if one.startswith("License"))


def is_allowed(expression: str, allowed: Iterable[str]) -> bool:
    """Say whether one choice of those that an SPDX expression leaves has allowed licenses only."""
    listed = set(allowed)

    def holds(part: Any) -> bool:
        if isinstance(part, SPDX.AND):
            return all(map(holds, part.args))
        if isinstance(part, SPDX.OR):
            return any(map(holds, part.args))
        return str(part) in listed

    return holds(SPDX.parse(expression))


def _field(head: PackageMetadata, name: str) -> str:
    return str((head.get_all(name) or [""])[0])


def _homepage(head: PackageMetadata) -> str:
    pages = dict(one.split(", ", 1) for one in head.get_all("Project-URL") or [])
    lower = {name.lower(): page for name, page in pages.items()}
    found = _field(head, "Home-page") or lower.get("homepage") or lower.get("source") or ""
    return str(found or next(iter(pages.values()), ""))


def _needs(head: PackageMetadata) -> tuple[str, ...]:
    """The names of what it requires, without what only an extra of it does."""
    asked = [one for one in head.get_all("Requires-Dist") or [] if "extra ==" not in one]
    names = (re.match(r"[A-Za-z0-9._-]+", one) for one in asked)
    return tuple(re.sub(r"[-_.]+", "-", name[0]).lower() for name in names if name)


def table(packages: Iterable[Package]) -> str:
    """Return deploy/licenses.md."""
    rows = "".join(f"| {one.pin.name} | {one.pin.version} | {one.license} |\n" for one in packages)
    return (
        "# Licenses of a server's packages\n\n"
        "Made by `make sbom` from the metadata of what `deploy/requirements.lock` installs on"
        " Linux;\na test compares it. Which licenses may be here is in"
        " `deploy/release/licenses.toml`. The image adds\nPython and Debian's packages of its"
        " base, which its own SBOM lists.\n\n"
        f"| package | version | license (SPDX) |\n| --- | --- | --- |\n{rows}"
    )
