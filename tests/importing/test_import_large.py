"""`manage.py directory import` of a large source: stopped, two at once, linked, tried out."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from directory import models as m
from directory.fake_data import generate
from directory.importing import import_package, quarantine
from permissions.database.aliases import JOBS
from tests.importing.stopping import source_is_free, starts, stops, stops_after
from tests.support.people.hsds_source import forget, import_by_command, quarantined, rows, take


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    forget()


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """An invented directory of 300 services."""
    generate(300, tmp_path / "made", seed=3)
    return tmp_path / "made"


def read_rows() -> dict[str, list[Any]]:
    """What is read of the source: every listing and place, by id, whenever it was imported."""
    found: dict[str, list[Any]] = {}
    for model in (m.PublicListing, m.NetworkListing, m.PublicPlace, m.PublicOrganization):
        every = model._default_manager.using(JOBS).order_by("id")
        found[model.__name__] = [
            (one, re.sub(r',"imported":"[^"]+"', "", document))
            for one, document in every.values_list("id", "full_document")
        ]
    return found


# -- Stopped half-way ----------------------------------------------------------------------------


def test_where_nothing_waits_in_quarantine_it_says_so() -> None:
    out = io.StringIO()
    call_command("directory", "quarantine", "--source=elsewhere", stdout=out)
    assert out.getvalue() == "No line of the source elsewhere is quarantined.\n"


def test_killed_half_way_and_run_again_the_result_is_the_same(
    made: Path, django_db_setup: str
) -> None:
    stops_after(starts(made, django_db_setup), "organizations: 10 of")
    half = rows()
    whole = {organization["id"] for organization in half["organization"]}
    assert 0 < len(whole) < 35
    with (made / "services.csv").open() as file:
        listed = list(csv.DictReader(file))
    # Never half an organization: of each that is there, every service is.
    assert {str(row["id"]) for row in half["service"]} == {
        row["id"] for row in listed if row["organization_id"] in {str(one) for one in whole}
    }
    take(made)
    again, said_again = rows(besides=("imported_at",)), read_rows()
    forget()
    take(made)
    assert rows(besides=("imported_at",)) == again
    assert read_rows() == said_again


def test_of_two_imports_of_one_source_at_once_the_second_is_refused(
    made: Path, django_db_setup: str
) -> None:
    first = starts(made, django_db_setup)
    try:
        assert first.stderr
        for line in first.stderr:
            if line.startswith("organizations:"):
                break
        with pytest.raises(import_package.ImportRunning, match="under way"):
            take(made)
    finally:
        stops(first)
    source_is_free()
    assert take(made).counts()["services"]["taken"] == 300


# -- Organizations that share rows ---------------------------------------------------------------


def knit(folder: Path) -> Path:
    """Forty organizations, each with a service at the place of the next."""
    folder.mkdir()
    number = range(40)
    tables: dict[str, list[Any]] = {
        "organizations": [["id", "name"], *([n, f"House {n}"] for n in number)],
        "services": [
            ["id", "organization_id", "name"],
            *([n, n, f"Service {n}"] for n in number),
        ],
        "locations": [
            ["id", "organization_id", "name"],
            *([n, n, f"Hall {n}"] for n in number),
        ],
        "service_at_location": [
            ["id", "service_id", "location_id"],
            *([n, n, (n + 1) % 40] for n in number),
        ],
        "schedules": [
            ["id", "service_at_location_id", "opens_at"],
            *([n, n, "09:00:00"] for n in number),
        ],
    }
    for name, cells in tables.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(cells)
    return folder


def test_organizations_that_share_places_are_taken_in_one_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_package, "BATCH", 3)  # so that the group is read piece by piece
    folder = knit(tmp_path / "knit")
    groups: list[tuple[int, int]] = []
    report = take(folder, progress=lambda _, done, total: groups.append((done, total)))
    assert not quarantined(report)
    assert [one for one in groups if one[1]] == [(40, 40)]
    assert len(rows()["service_at_location"]) == len(rows()["schedule"]) == 40
    assert take(folder).changes.total() == 0


def test_one_of_them_that_cannot_be_taken_costs_the_others_only_what_hangs_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_package, "BATCH", 3)
    folder = knit(tmp_path / "knit")
    services = folder / "services.csv"
    services.write_text(services.read_text().replace("Service 7", ""))
    told = quarantined(take(folder))
    assert {table for table, _ in told} == {
        "organizations",
        "services",
        "locations",
        "service_at_location",
        "schedules",
    }
    kept = rows()
    assert len(kept["organization"]) == 39
    assert len(kept["service_at_location"]) == 38  # its own, and that of the service at its hall


# -- Tried out -----------------------------------------------------------------------------------


def test_a_dry_run_says_what_would_change_and_changes_nothing(made: Path) -> None:
    take(made)
    services = made / "services.csv"
    with services.open(newline="") as file:
        heading, *cells = csv.reader(file)
    place = heading.index("description")
    cells[0][place] = "Said again."
    hidden = next(row for row in cells[2:] if row[heading.index("confidential")] == "yes")
    hidden[place] = "A secret said again."
    gone = cells.pop(1)
    with services.open("w", newline="") as file:
        csv.writer(file).writerows([heading, *cells])
    before, said = rows(), read_rows()
    told = import_by_command(made, "test", "--dry-run")
    assert f"~ service {cells[0][0]}: description" in told
    assert f"~ service {hidden[0]}: description" in told
    assert f"off service {gone[0]}" in told
    assert "said again" not in told.lower()
    assert (rows(), read_rows()) == (before, said)
    real = take(made).changes
    assert real["made inactive"] == 1
    assert f"Rows that would be: 0 created, {real['changed']} changed, 0 removed, 1 serv" in told


def test_a_dry_run_of_a_new_source_leaves_no_trace(made: Path) -> None:
    report = take(made, dry=True)
    assert report.changes["created"] > 300
    assert not any(rows().values())


# -- Quarantine ----------------------------------------------------------------------------------


def test_what_waits_can_be_corrected_and_tried_again(made: Path, tmp_path: Path) -> None:
    take(made)
    whole = rows()
    forget()
    services, phones = made / "services.csv", made / "phones.csv"
    with services.open(newline="") as file:
        heading, *cells = csv.reader(file)
    named = cells[0][heading.index("name")]
    cells[0][heading.index("name")] = ""  # costs its whole organization
    with services.open("w", newline="") as file:
        csv.writer(file).writerows([heading, *cells])
    text = phones.read_text().splitlines()
    number = text[-1].split(",")[3]
    phones.write_text("\n".join([*text[:-1], text[-1].replace(number, "ask")]) + "\n")
    take(made)
    out = io.StringIO()
    folder = tmp_path / "waiting"
    call_command("directory", "quarantine", "--source=test", f"--export={folder}", stdout=out)
    assert "no name" in out.getvalue()
    assert "no telephone number" in out.getvalue()
    for name, column, right in (("services", "name", named), ("phones", "number", number)):
        with (folder / f"{name}.csv").open(newline="") as file:
            lines = list(csv.DictReader(file))
        assert list(lines[0])[-1] == "quarantine_reason"
        for line in lines:
            if line[column] in ("", "ask"):
                line[column] = right
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(lines[0]))
            writer.writeheader()
            writer.writerows(lines)
    import_by_command(folder, "test", "--retry")
    # The address of a place that was not taken is not kept in quarantine: it waits for its street.
    assert {row.table for row in quarantine.waiting("test")} <= {"addresses"}
    found = rows()
    for table in ("organization", "service", "phone", "schedule", "attribute", "contact"):
        assert [row["id"] for row in found[table]] == [row["id"] for row in whole[table]]


def test_a_retry_removes_nothing_and_tells_what_is_still_wrong(tmp_path: Path) -> None:
    house = {"id": "1", "name": "Marked House", "services": [{"id": "2", "name": "Talking"}]}
    bad = {"id": "3", "number": "ask"}
    source = tmp_path / "source.json"
    source.write_text(json.dumps(house | {"phones": [bad]}))
    take(source)
    before = rows()
    quarantine.export("test", tmp_path / "waiting")
    report = take(tmp_path / "waiting", retry=True)
    assert quarantined(report)
    assert rows() == before
    (waits,) = quarantine.waiting("test")
    assert waits.reason == "number: no telephone number"


def test_a_report_is_text_or_records_by_its_ending(made: Path, tmp_path: Path) -> None:
    for name in ("report.txt", "report.jsonl"):
        import_by_command(made, "test", f"--report={tmp_path / name}", "--dry-run")
    text = (tmp_path / "report.txt").read_text().splitlines()
    records = (tmp_path / "report.jsonl").read_text().splitlines()
    assert len(text) == len(records)
    assert text[0].endswith("row 2: taken")
    assert json.loads(records[0])["outcome"] == "taken"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["import"], "required: PATH"),
        (["import", "x", "--retry"], "--retry needs --source"),
        (["quarantine"], "required: --source"),
    ],
)
def test_the_command_says_what_it_needs(arguments: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        call_command("directory", *arguments, stdout=io.StringIO())


def test_the_same_numbers_generate_the_same_files(made: Path, tmp_path: Path) -> None:
    out = io.StringIO()
    call_command("directory", "generate", "300", str(tmp_path / "again"), "--seed=3", stdout=out)
    for file in made.iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()
    with pytest.raises(CommandError, match="not an empty folder"):
        call_command("directory", "generate", "300", str(made), stdout=out)
