"""An import of a few rows, and what became of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from directory import listings
from directory.importing.formats.source_formats import read
from directory.importing.import_package import import_package
from directory.importing.outcome import Report
from directory.importing.parsing import id_of
from tests.support.people.hsds_source import forget, write_tables

Take = Callable[..., Report]


@pytest.fixture
def take(tmp_path: Path) -> Iterator[Take]:
    """`take(tables, source="test")`: import these tables."""
    sources = set()

    def imported(tables: dict[str, list[dict[str, str]]], source: str = "test") -> Report:
        sources.add(source)
        return import_package(read(write_tables(tmp_path / "source", tables)), source)

    yield imported
    for source in sources:
        forget(source)


def service(key: str, source: str = "test") -> listings.Listing | None:
    return listings.find(None, id_of(source, "service", key))


def outcome(report: Report, file: str, number: int) -> tuple[str, str]:
    found = next(r for r in report.records() if (r["table"], r["row"]) == (file, number))
    return str(found["outcome"]), str(found["why"])
