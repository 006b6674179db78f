"""The data read from any form of taxonomy file, and the report of its faults."""

from dataclasses import dataclass, field
from uuid import UUID

from directory.importing import coercion

MOST_TOLD = 20  # faults in a message


class NotATaxonomy(Exception):
    """The file is refused; the message says why, line by line."""


@dataclass(frozen=True, slots=True)
class ParsedTerm:
    """A term as in a file. `key` is the source's name for it, `parent` an id from this file."""

    id: UUID
    key: str
    code: str
    name: str
    description: str = ""
    parent: UUID | None = None
    language: str = ""
    uri: str = ""


@dataclass(frozen=True, slots=True)
class ParsedTaxonomy:
    """A taxonomy as in a file."""

    id: UUID
    key: str
    name: str
    description: str = ""
    uri: str = ""
    version: str = ""
    terms: list[ParsedTerm] = field(default_factory=list)


@dataclass(slots=True)
class ParsedFile:
    """The contents of a file; `notes` list what was corrected in it."""

    taxonomies: list[ParsedTaxonomy] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Faults:
    """Collects faults, so that all are reported at once."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def add(self, where: str, what: str) -> None:
        self._found.append(f"{where}: {what}")

    def refuse(self) -> None:
        """Raise NotATaxonomy if there is any fault."""
        if self._found:
            more = len(self._found) - MOST_TOLD
            told = self._found[:MOST_TOLD] + ([f"and {more} other lines"] if more > 0 else [])
            raise NotATaxonomy("\n".join(told))


def clean(raw: str) -> str:
    """A cell's text without control characters."""
    return str(coercion.text(raw).value)
