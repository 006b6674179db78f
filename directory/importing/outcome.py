"""The outcome of an import, line by line."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from directory.importing import stand_ins
from directory.importing.staging import Staging


@dataclass
class Report:
    """The outcome of an import."""

    source: str
    staging: Staging
    notes: list[str]
    changes: Counter[str] = field(default_factory=Counter)  # created, changed, removed rows

    def counts(self) -> dict[str, Counter[str]]:
        """Outcomes by file."""
        counted: dict[str, Counter[str]] = defaultdict(Counter)
        for line in self.staging.lines():
            counted[line.file][line.outcome] += 1
        return dict(counted)

    def reasons(self) -> Counter[tuple[str, str]]:
        """The number of lines for each (outcome, reason)."""
        return Counter(
            (line.outcome, why) for line in self.staging.lines() for why in set(line.why)
        )

    def taken(self, table: str) -> tuple[int, int]:
        """How many rows of a table were taken, of how many; repeats do not count."""
        return self.staging.taken(table)

    def stood_in(self) -> int:
        """How many organizations are not in the source and are substituted."""
        return stand_ins.count_stand_ins(self.staging)

    def languages(self) -> list[tuple[str, int, int]]:
        """Each language that the source names: how many of its rows were taken, of how many; the
        most frequent first."""
        return self.staging.languages()

    def records(self) -> Iterator[dict[str, object]]:
        """One record per line: ids and reasons, never a value, which might reveal a place (R4)."""
        for line in self.staging.lines():
            yield {
                "table": line.file,
                "row": line.number,
                "pointer": line.pointer,
                "id": line.key,
                "outcome": line.outcome,
                "why": "; ".join(line.why),
            }
