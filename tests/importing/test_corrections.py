"""What a person corrects of a quarantined line: whole lines to correct, and a correction that
outlives the next imports."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from directory import models as m
from directory.importing import quarantine
from directory.importing.formats.source_formats import read
from directory.importing.records import NotReadable
from permissions.database.aliases import JOBS
from tests.importing.takes import outcome, service
from tests.support.people.hsds_source import HELP, changed, forget, quarantined, take, write_tables

Tables = dict[str, list[dict[str, str]]]


@pytest.fixture(autouse=True)
def afterwards() -> Iterator[None]:
    yield
    forget()


PLACED: Tables = {
    "organizations": HELP["organizations"],
    "services": HELP["services"],
    "locations": [
        {
            "id": "5",
            "organization_id": "1",
            "name": "Hall",
            "latitude": "46.87",
            "longitude": "-113.99",
        }
    ],
    "service_at_location": [{"id": "7", "service_id": "10", "location_id": "5"}],
    "addresses": [
        {
            "id": "9",
            "location_id": "5",
            "address_1": "1 Example Way",
            "city": "",
            "state_province": "MT",
            "postal_code": "59801",
            "country": "US",
            "address_type": "physical",
        }
    ],
    "phones": [{"id": "", "service_id": "10", "number": "ask"}],
}


def correct(source: Path, folder: Path, **files: dict[str, str]) -> list[dict[str, str]]:
    """Write out what waits, whole, change these cells, and try it again. What was written."""
    package = read(source)
    quarantine.export("test", folder, package)
    written = []
    for path in folder.glob("*.csv"):
        with path.open(newline="") as file:
            lines = list(csv.DictReader(file))
        written += [dict(one) for one in lines]
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, lines[0].keys())
            writer.writeheader()
            writer.writerows(one | files.get(path.stem, {}) for one in lines)
    take(folder, retry=True)
    return written


def shown() -> tuple[list[str], list[str]]:
    """The phones of the first service, and the streets where it is found."""
    listed = service("10")
    assert listed
    document = json.loads(listed.document)
    streets = [
        address["address_1"]
        for at in document.get("service_at_locations", [])
        for address in at["location"].get("addresses", [])
    ]
    return [one["number"] for one in document.get("phones", [])], streets


def test_a_correction_is_whole_and_outlives_the_next_imports(tmp_path: Path) -> None:
    """Also of a line without an id."""
    source = write_tables(tmp_path / "county", PLACED)
    assert quarantined(take(source)).keys() == {("addresses", 2), ("phones", 2)}
    written = correct(
        source,
        tmp_path / "waiting",
        addresses={"city": "Missoula"},
        phones={"number": "406-555-0184"},
    )
    assert "1 Example Way" in [one.get("address_1") for one in written]
    after = (["406-555-0184"], ["1 Example Way"])
    assert shown() == after
    report = take(source)
    assert report.changes.total() == 0
    assert outcome(report, "phones", 2)[0] == "mended"
    assert "corrected here" in outcome(report, "addresses", 2)[1]
    assert shown() == after
    assert quarantine.corrections("test") == 2
    assert take(source).changes.total() == 0, "and again"


def test_the_source_is_asked_again_once_it_says_something_else(tmp_path: Path) -> None:
    source = write_tables(tmp_path / "county", PLACED)
    take(source)
    correct(source, tmp_path / "waiting", addresses={"city": "Missoula"}, phones={"number": "x1"})
    write_tables(source, changed(PLACED, "addresses", 0, city="Hamilton", address_1="2 Other Way"))
    take(source)
    assert shown()[1] == ["2 Other Way"]
    assert quarantine.corrections("test") == 0, "it is needed no more"
    write_tables(source, PLACED)
    assert ("addresses", 2) in quarantined(take(source))


def test_what_was_corrected_can_be_taken_back(tmp_path: Path) -> None:
    source = write_tables(tmp_path / "county", PLACED)
    take(source)
    correct(source, tmp_path / "waiting", addresses={"city": "Missoula"})
    out = io.StringIO()
    call_command("directory", "quarantine", "--source=test", "--forget-corrections", stdout=out)
    assert "1 corrections dropped" in out.getvalue()
    assert ("addresses", 2) in quarantined(take(source))


def test_lines_of_another_file_are_not_taken_for_those_that_wait(tmp_path: Path) -> None:
    source = write_tables(tmp_path / "county", PLACED)
    take(source)
    for other in (
        changed(PLACED, "phones", 0, number="ring"),
        {**PLACED, "phones": [], "addresses": []},
    ):
        write_tables(source, other)
        with pytest.raises(NotReadable, match="is not what was imported"):
            quarantine.export("test", tmp_path / "waiting", read(source))
    with pytest.raises(CommandError, match="--from goes with --export"):
        call_command("directory", "quarantine", "--source=test", f"--from={source}")


def test_of_a_place_that_turns_confidential_no_correction_is_left(tmp_path: Path) -> None:
    source = write_tables(tmp_path / "county", PLACED)
    take(source)
    correct(source, tmp_path / "waiting", addresses={"city": "Missoula"})
    secret = changed(PLACED, "services", 0, confidential="yes")
    secret = changed(secret, "services", 1, confidential="")
    take(write_tables(source, secret))
    assert quarantine.corrections("test") == 0
    kept = m.Quarantine.objects.using(JOBS).filter(source="test")
    assert "Example Way" not in str([(row.row, row.corrected) for row in kept])
