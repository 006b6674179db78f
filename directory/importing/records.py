"""An opened source: its lines, and the rows made from them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

# Not a table of version 3: its text goes to the service that it names (legacy_versions.py).
ELIGIBILITY = "eligibility"
# The columns (table, id) that name the parent of a row that can belong to any row. The first of
# each pair is ours: the standard's own column holds any word of the source.
ABOUT = {"attribute": ("link_table", "link_id"), "metadata": ("resource_table", "resource_id")}
EXPORTED = "cairn_directory"  # the name of the packages that directory/exporting.py writes
# What is noted of a line from which there is nothing to store.
NO_TABLE = "its file is no table of the standard"
EMPTY_LINE = "an empty line"
NOTHING_IN_IT = "empty: nothing to store"
NO_HOURS = "no hours given for that day: no schedule"
REPEATS = "repeats an earlier line: taken once"
SKIPPED = frozenset({NO_TABLE, EMPTY_LINE, NOTHING_IN_IT, NO_HOURS, REPEATS})


class NotReadable(Exception):
    """The path has nothing to import; the message says why and what is expected."""


@dataclass(eq=False)
class Line:
    """One line of a file, or one object of a document, with its outcome.

    With a `reason` it is quarantined; `notes` list what was mended, or say why it is SKIPPED.
    """

    file: str  # without its ending; for JSON the object's table
    number: int  # CSV: the heading is 1; JSON: the document's line or index in its list, from 1
    values: Mapping[str, str]
    notes: list[str] = field(default_factory=list)
    reason: str = ""
    pointer: str = ""  # JSON: the position in the document (RFC 6901)
    serial: int = 0  # its number in the whole source (staging.py)
    waits_as: str = ""  # the quarantined row that it corrects, or that corrects it (quarantine.py)

    @property
    def key(self) -> str:
        return self.values.get("id", "") or self.values.get("taxonomy_id", "")

    @property
    def is_stand_in(self) -> bool:
        """Whether it is no line of the source, but what is known of one that is missing."""
        return self.serial < 0

    @property
    def outcome(self) -> str:
        """quarantined, skipped, mended or taken."""
        if self.reason:
            return "quarantined"
        if not SKIPPED.isdisjoint(self.notes):
            return "skipped"
        return "mended" if self.notes else "taken"

    @property
    def why(self) -> list[str]:
        """Why it was quarantined or skipped, or what was mended; each reason once."""
        return [self.reason] if self.reason else list(dict.fromkeys(self.notes))


@dataclass(eq=False)
class Row:
    """One row of a table of HSDS 3, and the line it comes from.

    The foreign keys in `values`, including those of ABOUT, are the source's ids.
    """

    table: str
    values: Mapping[str, str]
    line: Line
    main: bool = True  # false: made from one cell; its failure does not fail the line

    @property
    def key(self) -> str:
        return self.values.get("id", "")


Correct = Callable[[Line], None]  # puts right what a person corrected of a line


def as_it_is(line: Line) -> None:
    """Correct nothing."""


@dataclass(frozen=True)
class Package:
    """An opened source. `lines(correct)` reads it from the start, one line with its rows at a time.

    Rows of `tables` that it no longer lists are removed from the directory.
    """

    name: str
    lines: Callable[[Correct], Iterator[tuple[Line, list[Row]]]]
    tables: frozenset[str]  # including tables without a row left
    notes: list[str]  # notes about whole files
