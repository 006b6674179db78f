"""Keeps the lines that an import refused, lists them, exports them as CSV files and retries them.

The column `quarantine_id` identifies a corrected line. What shows where a place is is kept only if
the place is public (R4); otherwise it has to be filled in again.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from django.db import transaction
from django.db.models import QuerySet

from directory import models as m
from directory.hsds.schema import TABLES
from directory.importing.confidential_places import TELLING, Redaction
from directory.importing.formats.csv_reader import REASON, WAITS_AS
from directory.importing.local_overrides import owners_of
from directory.importing.parsing import id_of
from directory.importing.records import Line, NotReadable, Package, as_it_is
from directory.importing.staging import Staging
from permissions.database.aliases import JOBS

BATCH = 500
CORRECTED = "corrected here, as long as the source says the same"

Place = tuple[str, int, str]  # a line's file, number and pointer


class Corrections:
    """What was corrected of this source's lines. Called with a line that says what it said when it
    was refused, it puts the corrected cells in place of the source's."""

    def __init__(self, source: str) -> None:
        self._of: dict[tuple[str, str], list[m.Quarantine]] = defaultdict(list)
        for row in _corrected(source):
            self._of[row.table, row.row.get("id", "")].append(row)

    def __call__(self, line: Line) -> None:
        """Correct a line, and note that; it leaves every other line as it is."""
        line.waits_as = ""
        for row in self._of.get((line.file, line.values.get("id", "")), ()):
            if _says(line, row.row):
                line.values = {**line.values, **(row.corrected or {})}
                line.reason = ""
                line.notes = [CORRECTED]
                line.waits_as = str(row.id)
                return


def _says(line: Line, row: Mapping[str, str]) -> bool:
    """Whether a line says what a quarantined row kept of it. What is never kept is not compared."""
    said = {column: value for column, value in line.values.items() if value}
    return all(said.get(column) == value for column, value in row.items()) and said.keys() <= (
        row.keys() | TELLING
    )


def keep_lines(source: str, staging: Staging, withholding: Redaction, *, retry: bool) -> None:
    """Replace the quarantine of this source, and drop the corrections that it no longer needs;
    after a retry, update only the corrected lines."""
    refused = staging.lines(quarantined=True)
    with transaction.atomic(using=JOBS):
        if retry:
            _correct(staging, withholding)
            return
        used = {line.waits_as for line in staging.lines(corrected=True) if not line.reason}
        m.Quarantine.objects.using(JOBS).filter(source=source).exclude(id__in=used).delete()
        while batch := list(islice(refused, BATCH)):
            m.Quarantine.objects.using(JOBS).bulk_create(
                [_row(source, line, withholding) for line in batch]
            )


def _row(source: str, line: Line, withholding: Redaction) -> m.Quarantine:
    return m.Quarantine(
        source=source,
        table=line.file,
        row_number=line.number,
        pointer=line.pointer,
        reason=line.reason,
        row=withholding.kept(line),
    )


def _correct(staging: Staging, withholding: Redaction) -> None:
    for line in staging.lines(corrected=True):
        waiting = m.Quarantine.objects.using(JOBS).filter(id=line.waits_as, corrected__isnull=True)
        if line.reason:
            waiting.update(reason=line.reason, row=withholding.kept(line))
        else:
            waiting.update(corrected=withholding.kept(line), row_number=0, pointer=line.waits_as)


def _corrected(source: str) -> QuerySet[m.Quarantine]:
    return m.Quarantine.objects.using(JOBS).filter(source=source, corrected__isnull=False)


def corrections(source: str) -> int:
    """How many lines of a source are corrected here."""
    return _corrected(source).count()


def forget_corrections(source: str) -> int:
    """Drop the corrections of a source: its next import says again what is wrong. Returns how many
    there were; what they brought into the directory stays until then."""
    return _corrected(source).delete()[0]


def waiting(source: str) -> Iterator[m.Quarantine]:
    """The quarantined lines of a source, in its order."""
    rows = m.Quarantine.objects.using(JOBS).filter(source=source, corrected__isnull=True)
    yield from rows.order_by("table", "row_number", "pointer").iterator(BATCH)


def reasons(source: str) -> Counter[tuple[str, str]]:
    """The number of quarantined lines, by table and reason."""
    return Counter((row.table, row.reason) for row in waiting(source))


def export(source: str, folder: Path, package: Package | None = None) -> int:
    """Write the quarantined lines as CSV files, one per table, with the reason in the last column.
    Returns the number of lines. With `package`, the source as it was imported, the lines are whole:
    the quarantine keeps no address of a place that was not taken. Raises NotReadable if that is not
    what was imported."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = _whole(source, package) if package else {}
    columns: dict[str, dict[str, None]] = {}
    for row in waiting(source):
        cells = whole.get(_place(row), row.row)
        columns.setdefault(_stem(row), {"id": None}).update(dict.fromkeys(cells))
    for stem, names in columns.items():
        with (folder / f"{stem}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow([*names, WAITS_AS, REASON])
    count = 0
    for row in waiting(source):
        stem, said = _stem(row), whole.get(_place(row), row.row)
        cells = [said.get(name, "") for name in columns[stem]]
        with (folder / f"{stem}.csv").open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow([*cells, row.id, row.reason])
        count += 1
    return count


def _whole(source: str, package: Package) -> dict[Place, Mapping[str, str]]:
    """The quarantined lines as the source has them."""
    wanted = {_place(row): row for row in waiting(source)}
    found: dict[Place, Mapping[str, str]] = {}
    for line, _ in package.lines(as_it_is):
        place = (line.file, line.number, line.pointer)
        if row := wanted.get(place):
            if not all(line.values.get(column) == value for column, value in row.row.items()):
                break
            found[place] = line.values
    if found.keys() != wanted.keys():
        raise NotReadable(
            f"{package.name} is not what was imported as {source}: some lines say otherwise."
        )
    return found


def _place(row: m.Quarantine) -> Place:
    return row.table, row.row_number, row.pointer


def _stem(row: m.Quarantine) -> str:
    return row.table.rsplit("/", 1)[-1]


# -- The parents of a partial source ---------------------------------------------------------------


def find_present_rows(staging: Staging, source: str) -> None:
    """Stage the directory's rows of this source that the lines of a retry link to or correct."""
    for table in TABLES:
        by_id = {id_of(source, table, key): key for key in staging.dangling_ids(table)}
        for one, organization in owners_of(table, source, list(by_id)):
            staging.add_there(table, by_id[one], str(organization))
    places = {id_of(source, "location", key): row for row, key in staging.ids("location")}
    for one, organization in owners_of("location", source, list(places)):
        staging.belongs_to(places[one], str(organization))
