"""For tests of import and export: take a source in, forget it, and see all of its rows."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.db import transaction

from directory import models as m
from directory.finding.postcodes import derive
from directory.importing import Report, import_package
from directory.importing.packages import read
from directory.rendering import JOBS, render, render_taxonomies
from directory.standard import TABLES


def take(path: Path, source: str = "test", **options: Any) -> Report:
    """Import what is at `path`."""
    return import_package(read(path, whole=not options.get("retry")), source, **options)


def forget(source: str = "test") -> None:
    """Remove all of a source, so that the next test meets only the demo directory."""
    with transaction.atomic(using=JOBS):
        organizations = m.Organization.objects.using(JOBS).filter(source=source)
        gone = list(organizations.values_list("id", flat=True))
        services = m.Service.objects.using(JOBS).filter(source=source)
        gone_services = list(services.values_list("id", flat=True))
        organizations.delete()
        for model in (m.Metadata, m.Attribute, m.Unit, m.MetaTableDescription, m.Quarantine):
            model._default_manager.using(JOBS).filter(source=source).delete()
        for table in ("taxonomy_term", "taxonomy"):
            rows = TABLES[table].model._default_manager.using(JOBS).filter(source=source)
            ids = list(rows.values_list("id", flat=True))
            rows.delete()
            render_taxonomies(ids, table)
        render(gone_services, gone)
    derive()  # the middle of a postcode that only it had


def rows(source: str = "test", *, besides: tuple[str, ...] = ()) -> dict[str, list[Any]]:
    """Every source row, by table and id. `besides`: columns that are left out."""
    found = {}
    for table, kind in TABLES.items():
        every = kind.model._default_manager.using(JOBS).filter(source=source).order_by("id")
        found[table] = [
            {name: value for name, value in row.items() if name not in besides}
            for row in every.values()
        ]
    return found


def outcomes(report: Report) -> Iterator[tuple[str, int, str, str, str]]:
    """(table, row, pointer, outcome, why) of every line."""
    for record in report.records():
        row = record["row"]
        assert isinstance(row, int)
        yield (
            str(record["table"]),
            row,
            str(record["pointer"]),
            str(record["outcome"]),
            str(record["why"]),
        )


def quarantined(report: Report) -> Mapping[tuple[str, int], str]:
    """Why, by table and row."""
    return {
        (table, row): why
        for table, row, _, outcome, why in outcomes(report)
        if outcome == "quarantined"
    }
