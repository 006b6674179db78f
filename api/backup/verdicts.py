"""What a drill finds: one verdict for each thing that is checked, and the measures."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple


class Verdict(NamedTuple):
    """One check of the restored copy. `well`: None where it could not be made, which is no fault of
    the backup; `says`: a sentence."""

    check: str
    well: bool | None
    says: str


class Report(NamedTuple):
    """One drill. `rto_s`: seconds from the beginning of the restore to the first truthful answer,
    None: there was none; `rpo_s`: seconds from the newest transaction in the copy to the end of the
    recovery, which is what would be lost now."""

    label: str
    began: datetime
    newest: datetime
    rto_s: float | None
    rpo_s: float
    verdicts: list[Verdict]

    @property
    def failed(self) -> list[str]:
        """The checks that found a fault."""
        return [one.check for one in self.verdicts if one.well is False]

    @property
    def left_out(self) -> list[str]:
        """The checks that could not be made."""
        return [one.check for one in self.verdicts if one.well is None]

    @property
    def well(self) -> bool:
        """Whether every check that could be made was well, and the copy answered."""
        return not self.failed and self.rto_s is not None


FEW = 1_000  # rows; below, an estimate says nothing


def compare_tables(found: dict[str, int], live: dict[str, int]) -> Verdict:
    """Whether the copy has every table of the live database, each with at least half of the rows
    that the live one is estimated to have. A backup is older: rows were added since, and a purge
    removed others."""
    total = f"{len(found)} tables, {sum(found.values()):,} rows"
    if not live:
        return Verdict("counts", None, f"{total}; the live database was not there to compare.")
    wrong = [f"{name} is missing" for name in sorted(live.keys() - found.keys())]
    wrong += [
        f"{name} has {found[name]:,} rows, the live one about {about:,}"
        for name, about in sorted(live.items())
        if name in found and about >= FEW and found[name] < about / 2
    ]
    if wrong:
        return Verdict("counts", False, f"{total}; {few(wrong)}.")
    return Verdict("counts", True, f"{total}, compared with the live database's estimates.")


class Checkpoint(NamedTuple):
    """The newest checkpoint of a log: its number, its entries, its signed text."""

    seq: int
    size: int
    body: str


def compare_logs(copy: Checkpoint | None, live: Checkpoint | None, same: str | None) -> Verdict:
    """Whether the copy's log is the beginning of the live one. `same`: the text of the live log's
    checkpoint with the number of the copy's newest; None: it has none."""
    if live is None:
        return Verdict("log", None, "The live database was not there to compare.")
    if copy is None:
        return Verdict("log", False, "The copy has no sealed log, and the live database has.")
    if copy.seq > live.seq:
        return Verdict(
            "log",
            False,
            f"The copy's log goes on to checkpoint {copy.seq}, the live one's only to"
            f" {live.seq}: the live database was rolled back, or is another one.",
        )
    if same != copy.body:
        return Verdict(
            "log",
            False,
            f"Checkpoint {copy.seq} is not the live database's: the backup is of"
            " another database, or one of the two was altered.",
        )
    behind = live.size - copy.size
    return Verdict(
        "log", True, f"{copy.size:,} entries, the live log's first; {behind:,} behind it."
    )


def few(lines: Iterable[str], most: int = 4) -> str:
    """The first of these lines in one, and how many more there are."""
    lines = list(lines)
    rest = len(lines) - most
    return "; ".join(lines[:most]) + (f"; and {rest} more" if rest > 0 else "")
