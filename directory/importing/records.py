"""What a source consists of once it is opened: its lines, and the rows that they make."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

# Not a table of version 3: a text for the service that it names (legacy_versions.py).
ELIGIBILITY = "eligibility"
# The columns that say on which row of which table a row hangs, where it may be any. The first of
# each is ours: the standard's own column there holds any word of the source.
ABOUT = {"attribute": ("link_table", "link_id"), "metadata": ("resource_table", "resource_id")}
EXPORTED = "cairn_directory"  # the name of the packages that directory/exporting.py writes


class NotReadable(Exception):
    """There is nothing to import at this path; the message says why and what is expected."""


@dataclass(eq=False)
class Line:
    """One line of a file, or one object of a document, and what became of it.

    `reason` quarantines it, `notes` mend it.
    """

    file: str  # without its ending; of JSON: the object's table
    number: int  # CSV: the heading is 1; JSON: the document's line or place in its list, from 1
    values: Mapping[str, str]
    notes: list[str] = field(default_factory=list)
    reason: str = ""
    pointer: str = ""  # JSON: where in the document (RFC 6901)
    serial: int = 0  # in the whole source (staging.py)
    waits_as: str = ""  # the row of the quarantine that it corrects (quarantine.py)

    @property
    def key(self) -> str:
        return self.values.get("id", "") or self.values.get("taxonomy_id", "")

    @property
    def outcome(self) -> str:
        return "quarantined" if self.reason else "mended" if self.notes else "taken"

    @property
    def why(self) -> list[str]:
        """Why it was quarantined, or what was mended; each reason once."""
        return [self.reason] if self.reason else list(dict.fromkeys(self.notes))


@dataclass(eq=False)
class Row:
    """One row of a table of HSDS 3, and the line it comes from.

    `values` has its foreign keys as the source's ids, those of ABOUT among them.
    """

    table: str
    values: Mapping[str, str]
    line: Line
    main: bool = True  # false: made of a cell of the line; its failure does not fail the line

    @property
    def key(self) -> str:
        return self.values.get("id", "")


@dataclass(frozen=True)
class Package:
    """A source that was opened. `lines()` reads it from its start, a line with its rows at a time.

    What it no longer lists of `tables` is removed from the directory.
    """

    name: str
    lines: Callable[[], Iterator[tuple[Line, list[Row]]]]
    tables: frozenset[str]  # that it has even where no row of them is left
    notes: list[str]  # what was said of whole files
