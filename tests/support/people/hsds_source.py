"""For tests of import and export: take a source in, forget it, and see all of its rows."""

import csv
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command
from django.db import transaction
from jsonschema import Draft202012Validator, FormatChecker

from directory import meanings
from directory import models as m
from directory.hsds.published_schemas import schema
from directory.hsds.schema import TABLES
from directory.importing.formats.source_formats import read
from directory.importing.import_package import import_package
from directory.importing.outcome import Report
from directory.management.verbs.imports import TAKEN_IN_PART
from directory.postcodes import derive
from directory.projection.render import render, render_taxonomies
from permissions.database.aliases import JOBS


def take(path: Path, source: str = "test", **options: Any) -> Report:
    """Import what is at `path`."""
    return import_package(read(path, whole=not options.get("retry")), source, **options)


def import_by_command(path: Path, source: str, *options: str) -> str:
    """Import a source, whether or not some lines are quarantined. What the command writes."""
    return directory_command("import", str(path), "--source", source, *options)


def directory_command(*arguments: str) -> str:
    """Run a verb of `directory`, also where it ends with lines in quarantine. What it writes."""
    out = StringIO()
    try:
        call_command("directory", *arguments, stdout=out, stderr=StringIO())
    except CommandError as error:
        if error.returncode != TAKEN_IN_PART:
            raise
    return out.getvalue()


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
            meanings.stored(JOBS).filter(link_id__in=ids).delete()
            render_taxonomies(ids, table)
        m.Source.objects.using(JOBS).filter(name=source).delete()
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


HELP = {
    "organizations": [{"id": "1", "name": "Marked House", "description": "For tests."}],
    "services": [
        {"id": "10", "organization_id": "1", "name": "Talking", "status": "active"},
        {"id": "11", "organization_id": "1", "name": "Walking", "status": "active"},
    ],
    "phones": [
        {"id": "100", "service_id": "10", "number": "406-555-0181"},
        {"id": "101", "service_id": "11", "number": "406-555-0182"},
    ],
}


def write_tables(folder: Path, tables: dict[str, list[dict[str, str]]]) -> Path:
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.csv"):
        old.unlink()
    for name, rows in tables.items():
        columns = list(dict.fromkeys(column for row in rows for column in row))
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
    return folder


def changed(tables: Any, file: str, row: int, **values: str) -> Any:
    """The same tables with one row changed."""
    rows = [dict(one) for one in tables[file]]
    rows[row] |= values
    return {**tables, file: rows}


STREET = "7741 Quillfeather Lane"

SECRET_PLACE: dict[str, list[dict[str, str]]] = {
    "organizations": HELP["organizations"],
    "services": [
        {
            "id": "10",
            "organization_id": "1",
            "name": "Safe rooms",
            "status": "active",
            "description": "Come to 7741 QUILLFEATHER at night.",
            "confidential": "yes",
        },
        {
            "id": "11",
            "organization_id": "1",
            "name": "Walking",
            "status": "active",
            "description": "",
            "confidential": "",
        },
    ],
    "locations": [
        {
            "id": "5",
            "organization_id": "1",
            "name": "House",
            "latitude": "46.87654321",
            "longitude": "-113.98765432",
            "transportation": "Bus to Quillfeather",
        }
    ],
    "service_at_location": [{"id": "7", "service_id": "10", "location_id": "5"}],
    "addresses": [
        {
            "id": "9",
            "location_id": "5",
            "address_1": STREET,
            "city": "Missoula",
            "state_province": "MT",
            "postal_code": "qx59899",
            "country": "US",
            "address_type": "physical",
        }
    ],
}


def validator(name: str, *, closed: bool = False) -> Draft202012Validator:
    return Draft202012Validator(schema(name, closed=closed), format_checker=FormatChecker())
