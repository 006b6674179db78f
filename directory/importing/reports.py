"""Reports of an import: a summary, every line, and the changes of a dry run."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from directory import models as m
from directory.importing.outcome import Report
from directory.importing.persistence import Difference
from permissions.database.aliases import JOBS

SHOWN = 12  # reasons in the summary; --report has all
RECORDS = (".json", ".jsonl", ".ndjson")
OUTCOMES = ("taken", "mended", "quarantined", "skipped")
SIGNS = {"created": "+", "changed": "~", "removed": "-", "made inactive": "off"}

Write = Callable[[str], object]


def write_lines(told: Report, path: Path) -> None:
    """Write every line of the source with its outcome, as JSON records or text by the file's
    ending."""
    with path.open("w", encoding="utf-8") as file:
        for record in told.records():
            file.write((json.dumps(record) if path.suffix in RECORDS else _text(record)) + "\n")


def _text(record: dict[str, object]) -> str:
    place = f"{record['table']} row {record['row']}{record['pointer']}"
    why = f": {record['why']}" if record["why"] else ""
    return f"{place}: {record['outcome']}{why}"


def summarise(told: Report, write: Write, *, reported: bool, dry: bool) -> Counter[str]:
    """Write counts by file, organization, service and language, the most common reasons, and the
    numbers of changed rows. Return the number of lines by outcome."""
    write(f"Source: {told.source}")
    write(f"{'file':<26}{'lines':>9}{''.join(f'{one:>13}' for one in OUTCOMES)}")
    by_file = told.counts()
    for file, counts in sorted(by_file.items()):
        numbers = "".join(f"{counts[one]:>13,}" for one in OUTCOMES)
        write(f"{file:<26}{counts.total():>9,}{numbers}")
    for table in ("organization", "service", "location"):
        taken, of = told.taken(table)
        write(f"{table.capitalize() + 's':<26}{taken:,} of {of:,} taken")
    if count := told.stood_in():
        write(f"{'Stand-ins':<26}{count:,} organizations are not in the source; see below")
    languages = told.languages()
    for name, taken, of in languages[:SHOWN]:
        write(f"  {name or 'a language without a name'}: {taken:,} of {of:,} rows taken")
    if len(languages) > SHOWN:
        write(f"  and {len(languages) - SHOWN} other languages")
    reasons = told.reasons().most_common()
    for (outcome, why), count in reasons[:SHOWN]:
        write(f"  {count:>6} {outcome}: {why}")
    if len(reasons) > SHOWN:
        more = f"and {len(reasons) - SHOWN} other reasons"
        write(f"  {more}" + ("" if reported else "; --report FILE lists every line"))
    for note in told.notes:
        write(f"  {note}")
    changes = told.changes
    changed = ", ".join(f"{changes[kind]} {kind}" for kind in ("created", "changed", "removed"))
    inactive = changes["made inactive"]
    rows = "Rows that would be" if dry else "Rows"
    write(f"{rows}: {changed}" + (f", {inactive} services made inactive" if inactive else ""))
    return sum(by_file.values(), Counter())


class Differences:
    """Prints what an import would change, organization by organization; ids and columns only."""

    def __init__(self, write: Write) -> None:
        self.write = write
        self.last: UUID | str | None = ""

    def __call__(self, difference: Difference) -> None:
        """Print one row that would be created, changed or removed."""
        if difference.organization != self.last:
            self.last = difference.organization
            self.write(_called(difference.organization))
        columns = f": {', '.join(difference.columns)}" if difference.columns else ""
        sign = SIGNS[difference.action]
        self.write(f"  {sign} {difference.table} {difference.id}{columns}")


def _called(organization: UUID | None) -> str:
    if organization is None:
        return "Shared by all"
    found = m.Organization.objects.using(JOBS).filter(id=organization).first()
    name = f" {found.name}" if found and not found.confidential else ""
    return f"Organization {organization}{name}"
