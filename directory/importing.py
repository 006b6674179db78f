"""Takes a source in tabular form into the directory, and says of every line what became of it.

An organization is taken with its services and places or not at all; what stands in the directory
from an earlier import stays as it was until the line at fault is corrected. A second import of
the same source changes nothing. Runs as `jobs`; each batch of organizations commits on its own, so
an import that was stopped is finished by running it again.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction

from directory import models as m
from directory.places import Secrets, keep_secret
from directory.reading import Reading
from directory.rendering import JOBS
from directory.storing import Progress, Storing, quiet
from directory.tabular import Line, Package


@dataclass
class Report:
    """What became of a source. `lines` holds every line with its outcome."""

    source: str
    lines: list[Line]
    notes: list[str]
    changes: Counter[str] = field(default_factory=Counter)  # created, changed, removed rows

    def counts(self) -> dict[str, Counter[str]]:
        """Outcomes by file."""
        counted: dict[str, Counter[str]] = defaultdict(Counter)
        for line in self.lines:
            counted[line.file][line.outcome] += 1
        return dict(counted)

    def reasons(self) -> Counter[tuple[str, str]]:
        """How often each reason was given, by outcome."""
        return Counter((line.outcome, why) for line in self.lines for why in set(line.why))

    def records(self) -> Iterator[dict[str, object]]:
        """One record a line: ids and reasons, never a value, which might tell a place (R4)."""
        for line in self.lines:
            yield {
                "table": line.file,
                "row": line.number,
                "id": line.key,
                "outcome": line.outcome,
                "why": "; ".join(line.why),
            }


def import_package(
    package: Package,
    source: str,
    *,
    agencies: Mapping[str, UUID] | None = None,
    progress: Progress = quiet,
) -> Report:
    """Take everything of `package` that can be taken, under the name `source`.

    `agencies` maps the keys that a column `answered_by` may hold to agencies; without it the
    column is left out. Safe to repeat: what is already there is found again by its id.
    """
    reading = Reading(package, source, agencies or {})
    entries, secrets = keep_secret(reading.entries(), package, source)
    storing = Storing(source, entries, package.tables, reading.unreadable(), progress)
    changes = storing.run()
    _keep_quarantine(source, package.lines, secrets)
    return Report(source, package.lines, package.notes, changes)


def _keep_quarantine(source: str, lines: list[Line], secrets: Secrets) -> None:
    """Replace what the last import of this source left in quarantine, if it differs."""
    wanted = {
        (line.file, line.number): (line.reason, secrets.without_whereabouts(line))
        for line in lines
        if line.reason and any(line.values.values())
    }
    with transaction.atomic(using=JOBS):
        kept = m.Quarantine.objects.using(JOBS).filter(source=source)
        there = {(q.table, q.row_number): (q.reason, q.row) for q in kept.select_for_update()}
        if there == wanted:
            return
        kept.delete()
        m.Quarantine.objects.using(JOBS).bulk_create(
            [
                m.Quarantine(source=source, table=file, row_number=number, reason=why, row=row)
                for (file, number), (why, row) in wanted.items()
            ],
            batch_size=500,
        )
