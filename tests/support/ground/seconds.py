"""Where the seconds of a run went, and which tests are over the budget.

A run of many tests prints them and keeps them in var/times-test.tsv (`make whole`:
var/times-whole.tsv). `make record` commits the last run's to tests/times.tsv, which
tests/house/test_budgets.py reads: a test of `make test` has LIMIT_S.
"""

from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

from tests.support.ground.repository import REPOSITORY

LIMIT_S = 5.0  # of one test, its set-up and tear-down included
KEPT_S = 1.0  # what is shorter is in the sum only
MANY = 60  # files: of fewer nothing is kept
RECORD = REPOSITORY / "tests" / "times.tsv"
PHASES = ("setup", "call", "teardown")


def tell_seconds(reporter: Any) -> None:
    """Print the longest files, what is over the budget, and the sum; keep it, a test a line."""
    tests: Counter[str] = Counter()
    files: Counter[str] = Counter()
    phases: Counter[str] = Counter()
    for report in chain.from_iterable(reporter.stats.values()):
        if (phase := getattr(report, "when", "")) in PHASES:
            tests[report.nodeid] += report.duration
            files[report.nodeid.partition("::")[0]] += report.duration
            phases[phase] += report.duration
    if len(files) < MANY:
        return
    reporter.section("longest files (see LONGEST)")
    for name, took in files.most_common(MANY):
        reporter.write_line(f"{took:7.1f} s  {name}")
    whole = reporter.config.option.markexpr == "whole"
    for name, took in [] if whole else tests.most_common():
        if took > LIMIT_S:
            reporter.write_line(f"over {LIMIT_S:.0f} s: {took:.1f} s  {name}")
    total = f"{len(tests)} tests, {tests.total():.0f} s of all workers: " + ", ".join(
        f"{phase} {phases[phase]:.0f}" for phase in PHASES
    )
    reporter.write_line(total)
    path = REPOSITORY / "var" / f"times-{'whole' if whole else 'test'}.tsv"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"# {total}\n" + "".join(map(_line, tests.most_common())))


def _line(one: tuple[str, float]) -> str:
    name, took = one
    return f"{took:.1f}\t{name}\n" if took >= KEPT_S else ""


def recorded(path: Path = RECORD) -> dict[str, float]:
    """Test → seconds, of the record that is committed."""
    lines = [line.split("\t") for line in path.read_text().splitlines() if line[0] != "#"]
    return {name: float(took) for took, name in lines}
