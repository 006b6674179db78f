"""Keeps the lines that an import refused, lists them, exports them as CSV files and retries them.

The column `quarantine_id` identifies a corrected line. What shows where a place is is kept only if
the place is public (R4); otherwise it has to be filled in again.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from django.db import transaction

from directory import models as m
from directory.hsds.schema import TABLES
from directory.importing.confidential_places import Redaction
from directory.importing.formats.csv_reader import REASON, WAITS_AS
from directory.importing.local_overrides import owners_of
from directory.importing.parsing import id_of
from directory.importing.records import Line
from directory.importing.staging import Staging
from permissions.database.aliases import JOBS

BATCH = 500


def keep_lines(source: str, staging: Staging, withholding: Redaction, *, retry: bool) -> None:
    """Replace the quarantine of this source; after a retry, update only the corrected lines."""
    refused = staging.lines(quarantined=True)
    with transaction.atomic(using=JOBS):
        if retry:
            _correct(staging, withholding)
            return
        m.Quarantine.objects.using(JOBS).filter(source=source).delete()
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
    for line in staging.lines():
        if not line.waits_as:
            continue
        waiting = m.Quarantine.objects.using(JOBS).filter(id=line.waits_as)
        if line.reason:
            waiting.update(reason=line.reason, row=withholding.kept(line))
        else:
            waiting.delete()


def waiting(source: str) -> Iterator[m.Quarantine]:
    """The quarantined lines of a source, in its order."""
    rows = m.Quarantine.objects.using(JOBS).filter(source=source)
    yield from rows.order_by("table", "row_number", "pointer").iterator(BATCH)


def reasons(source: str) -> Counter[tuple[str, str]]:
    """The number of quarantined lines, by table and reason."""
    return Counter((row.table, row.reason) for row in waiting(source))


def export(source: str, folder: Path) -> int:
    """Write the quarantined lines as CSV files, one per table, with the reason in the last column.
    Returns the number of lines."""
    folder.mkdir(parents=True, exist_ok=True)
    columns: dict[str, dict[str, None]] = {}
    for row in waiting(source):
        columns.setdefault(_stem(row), {"id": None}).update(dict.fromkeys(row.row))
    for stem, names in columns.items():
        with (folder / f"{stem}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow([*names, WAITS_AS, REASON])
    count = 0
    for row in waiting(source):
        stem = _stem(row)
        cells = [row.row.get(name, "") for name in columns[stem]]
        with (folder / f"{stem}.csv").open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow([*cells, row.id, row.reason])
        count += 1
    return count


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
