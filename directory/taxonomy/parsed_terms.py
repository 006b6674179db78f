"""What every form of a taxonomy file is read into, and how a fault of it is told."""

from dataclasses import dataclass, field
from uuid import UUID

from directory.importing import coercion

MOST_TOLD = 20  # faults


class NotATaxonomy(Exception):
    """Nothing of the file is taken; the message says why, line by line."""


@dataclass(frozen=True, slots=True)
class ParsedTerm:
    """A term as a file has it. `key` is what the source calls it, `parent` an id of this file's."""

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
    """A taxonomy as a file has it."""

    id: UUID
    key: str
    name: str
    description: str = ""
    uri: str = ""
    version: str = ""
    terms: list[ParsedTerm] = field(default_factory=list)


@dataclass(slots=True)
class ParsedFile:
    """What a file holds; `notes` say what was put right in it."""

    taxonomies: list[ParsedTaxonomy] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Faults:
    """Collects what is wrong, so that all of it is told at once."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def add(self, where: str, what: str) -> None:
        self._found.append(f"{where}: {what}")

    def refuse(self) -> None:
        """Raise NotATaxonomy if anything was wrong."""
        if self._found:
            more = len(self._found) - MOST_TOLD
            told = self._found[:MOST_TOLD] + ([f"and {more} other lines"] if more > 0 else [])
            raise NotATaxonomy("\n".join(told))


def clean(raw: str) -> str:
    """A cell's text, without what is no text."""
    return str(coercion.text(raw).value)
