"""`manage.py directory export`: what is in the package, what never is, and the way back in."""

import csv
import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from directory import models as m
from directory.demo.loader import SOURCE as DEMO
from directory.exporting import export
from directory.fake_data import generate
from directory.importing.parsing import id_of
from directory.projection.render import render
from permissions.database.aliases import JOBS
from tests.support.people.callers import agency_id
from tests.support.people.hsds_source import forget, quarantined, rows, take

SAMPLES = os.environ.get("HSDS_SAMPLES", "")
real_data = pytest.mark.skipif(not SAMPLES, reason="HSDS_SAMPLES names no folder of real data")
# What a source calls its rows is not exported: another network knows them by their ids.
NOT_EXPORTED = ("external_id", "imported_at")


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    forget()


def tables(folder: Path) -> dict[str, list[dict[str, str]]]:
    """What a package says, by table."""
    found = {}
    for file in folder.glob("*.csv"):
        with file.open(newline="") as lines:
            found[file.stem] = list(csv.DictReader(lines))
    return found


def everything(folder: Path) -> str:
    return "\n".join(file.read_text() for file in sorted(folder.iterdir())).lower()


def comes_back(folder: Path, *besides: str) -> None:
    """Export what `test` has, take it into the emptied source: every row is as it was."""
    before = rows(besides=(*NOT_EXPORTED, *besides))
    public = folder / "package"
    export(public)
    ours = {str(row["id"]) for found in before.values() for row in found}
    only_ours(public, ours)
    forget()
    report = take(public)
    assert not quarantined(report)
    after = rows(besides=(*NOT_EXPORTED, *besides))
    for table, found in before.items():
        assert after[table] == found, table


def only_ours(folder: Path, ids: set[str]) -> None:
    """Leave out of a package what belongs to other sources, the demo's above all."""
    for name, found in tables(folder).items():
        kept = [row for row in found if row["id"] in ids]
        with (folder / f"{name}.csv").open("w", newline="") as file:
            heading = list(found[0]) if found else ["id"]
            writer = csv.DictWriter(file, heading)
            writer.writeheader()
            writer.writerows(kept)


def test_a_generated_directory_comes_back_equal(tmp_path: Path) -> None:
    generate(150, tmp_path / "made", seed=7)
    take(tmp_path / "made")
    with transaction.atomic(using=JOBS):  # what is confidential is no part of a public package
        hidden = m.Service.objects.using(JOBS).filter(source="test", confidential=True)
        ids = list(hidden.values_list("id", flat=True))
        m.Attribute.objects.using(JOBS).filter(link_id__in=ids).delete()
        hidden.delete()
        closed = m.Organization.objects.using(JOBS).filter(source="test", confidential=True)
        organizations = list(closed.values_list("id", flat=True))
        m.Attribute.objects.using(JOBS).filter(part_of_id__in=organizations).delete()
        closed.delete()
        render(ids, organizations)
    assert len(rows()["service"]) > 100
    comes_back(tmp_path, "position")  # what was deleted has left gaps


@real_data
@pytest.mark.parametrize(
    "sample",
    [
        "data/ilao-hsds-1.1",
        "data/ohana-sample",
        "data/haarrrvest-messy/results.ndjson",
        "examples/organization_full.json",
        "examples/service_full.json",
        "examples/service_at_location_full.json",
        "examples/csv",
    ],
)
def test_real_data_comes_back_equal(tmp_path: Path, sample: str) -> None:
    take(Path(SAMPLES) / sample)
    assert rows()["organization"]
    comes_back(tmp_path)


TEXT = ' Ünïcode, "quoted",\r\nsecond line; = 1+1 '
EVERYTHING: dict[str, Any] = {
    "id": "5f0f9f9e-0000-4000-8000-000000000001",
    "name": "Marked House",
    "description": TEXT,
    "services": [
        {
            "id": "5f0f9f9e-0000-4000-8000-000000000002",
            "name": "Talking",
            "description": TEXT,
            "status": "temporarily closed",
            "minimum_age": 12.5,
            "victimization_types": ["domestic", "stalking"],
            "intake_paused": True,
            "intake_paused_until": "2026-01-09T08:07:06Z",
            "safe_contact_notes": "never by post",
            "last_modified": "2026-01-02T03:04:05.678901Z",
            "holiday_schedules": [
                {
                    "id": "5f0f9f9e-0000-4000-8000-000000000003",
                    "start_date": "2026-12-24",
                    "end_date": "2026-12-26",
                    "closed": False,
                    "opens_at": "10:00:00",
                    "closes_at": "03:30:00",
                }
            ],
            "capacities": [
                {
                    "id": "5f0f9f9e-0000-4000-8000-000000000004",
                    "available": 3,
                    "maximum": 12.5,
                    "updated": "2026-01-02T03:04:05Z",
                    "unit": {
                        "id": "5f0f9f9e-0000-4000-8000-000000000004",
                        "name": "Bed",
                        "attributes": [
                            {
                                "id": "5f0f9f9e-0000-4000-8000-000000000005",
                                "value": "of a unit",
                                "link_entity": "what it called it",
                            }
                        ],
                    },
                }
            ],
            "cost_options": [
                {"id": "5f0f9f9e-0000-4000-8000-000000000006", "amount": 12.34, "currency": "usd"}
            ],
            "phones": [
                {
                    "id": "5f0f9f9e-0000-4000-8000-000000000007",
                    "number": '"406-555-0100 or 406-555-0101 ext 7"',
                    "extension": 12,
                }
            ],
            "metadata": [
                {
                    "id": "5f0f9f9e-0000-4000-8000-000000000008",
                    "resource_type": "organization",
                    "last_action_date": "2026-01-01",
                    "last_action_type": "update",
                    "field_name": "name",
                    "previous_value": TEXT,
                    "replacement_value": "Talking",
                    "updated_by": "somebody",
                }
            ],
        }
    ],
}


def test_every_kind_of_value_comes_back_equal(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(EVERYTHING))
    report = take(tmp_path / "one.json")
    assert not quarantined(report)
    kept = rows()
    assert kept["phone"][0]["number"] == '"406-555-0100 or 406-555-0101 ext 7"'
    assert kept["service"][0]["description"] == TEXT
    assert kept["attribute"][0]["link_table"] == "unit"
    assert kept["metadata"][0]["previous_value"] == TEXT
    comes_back(tmp_path)


# -- What is not in it ---------------------------------------------------------------------------


def secret_source(folder: Path) -> Path:
    """A public organization with a confidential service, and a confidential organization."""
    house, hidden = str(UUID(int=1, version=4)), str(UUID(int=2, version=4))

    def service(number: int, **more: Any) -> dict[str, Any]:
        key = str(UUID(int=number, version=4))
        return {
            "id": key,
            "name": f"Service {number}",
            "phones": [
                {"id": str(UUID(int=number + 100, version=4)), "number": f"907-555-01{number}"}
            ],
            "attributes": [{"id": str(UUID(int=number + 200, version=4)), "value": f"of {number}"}],
            "contacts": [{"id": str(UUID(int=number + 300, version=4)), "name": f"At {number}"}],
            **more,
        }

    address = {
        "id": str(UUID(int=50, version=4)),
        "address_1": "77 Quillfeather Lane",
        "city": "Missoula",
        "state_province": "MT",
        "postal_code": "qx59899",
        "country": "US",
        "address_type": "physical",
    }
    place = {"id": str(UUID(int=60, version=4)), "name": "Hidden rooms", "addresses": [address]}
    documents = [
        {
            "id": house,
            "name": "Open House",
            "services": [
                service(10),
                service(
                    11,
                    name="Whispered service",
                    confidential=True,
                    service_at_locations=[{"id": str(UUID(int=70, version=4)), "location": place}],
                ),
            ],
        },
        {"id": hidden, "name": "Veiled", "confidential": True, "services": [service(12)]},
    ]
    path = folder / "secret.ndjson"
    path.write_text("\n".join(json.dumps(one) for one in documents))
    return path


SECRET = (
    "whispered",
    "veiled",
    "hidden rooms",
    "907-555-0111",
    "907-555-0112",
    "of 11",
    "at 11",
    "at 12",
)


def test_nothing_confidential_is_in_the_public_package(tmp_path: Path) -> None:
    take(secret_source(tmp_path))
    export(tmp_path / "package")
    said = everything(tmp_path / "package")
    assert "open house" in said
    assert "907-555-0110" in said
    assert [word for word in SECRET if word in said] == []
    for row in m.Service.objects.using(JOBS).filter(confidential=True):  # the demo's too
        assert str(row.id) not in said
    for place in m.Location.objects.using(JOBS).filter(confidential=True):
        assert str(place.id) not in said


def test_an_agencys_own_part_has_its_own_and_no_address_of_a_secret_place(tmp_path: Path) -> None:
    from permissions import assignments

    take(secret_source(tmp_path))
    organization = m.Organization.objects.using(JOBS).get(source="test", name="Open House")
    assignments.allow_editing(organization, agency_id("outsider"))
    export(tmp_path / "package", agency_id=agency_id("outsider"))
    said = everything(tmp_path / "package")
    assert "whispered service" in said
    assert "hidden rooms" in said
    assert "veiled" not in said
    assert "quillfeather" not in said
    assert "qx59899" not in said
    others = m.Organization.objects.using(JOBS).filter(source=DEMO)
    edited = m.Editing.objects.using(JOBS).filter(agency_id=agency_id("outsider"))
    mine = set(edited.values_list("content_object_id", flat=True))
    listed = {UUID(row["id"]) for row in tables(tmp_path / "package")["organizations"]}
    assert listed == mine
    assert others.exclude(id__in=mine).exists()


def test_the_part_of_an_agency_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """By a mistyped id it would be a package of taxonomies, and look as if that were all."""
    with pytest.raises(CommandError, match="No agency has the id"):
        call_command("directory", "export", str(tmp_path / "package"), own=str(UUID(int=1)))
    assert not (tmp_path / "package").exists()
    own = str(agency_id("outsider"))
    call_command("directory", "export", str(tmp_path / "package"), own=own, stdout=io.StringIO())
    assert (tmp_path / "package" / "organizations.csv").exists()


# -- The package ---------------------------------------------------------------------------------


def test_every_foreign_key_of_the_package_holds_and_every_column_is_described(
    tmp_path: Path,
) -> None:
    take(secret_source(tmp_path))
    export(tmp_path / "package")
    package = json.loads((tmp_path / "package" / "datapackage.json").read_text())
    found = tables(tmp_path / "package")
    by_name = {one["name"]: one for one in package["resources"]}
    ids = {
        name: {row["id"] for row in found[one["path"].removesuffix(".csv")]}
        for name, one in by_name.items()
    }
    for one in package["resources"]:
        path = tmp_path / "package" / one["path"]
        with path.open(newline="") as lines:
            assert next(csv.reader(lines)) == [f["name"] for f in one["schema"]["fields"]]
        for key in one["schema"]["foreignKeys"]:
            target = ids[key["reference"]["resource"]]
            for row in found[path.stem]:
                assert row[key["fields"]] in {"", *target}, (one["name"], key)
    assert sum(len(one) for one in ids.values()) > 50


@real_data
def test_the_description_has_all_that_the_standards_own_has(tmp_path: Path) -> None:
    export(tmp_path / "package")
    ours = json.loads((tmp_path / "package" / "datapackage.json").read_text())
    theirs = json.loads((Path(SAMPLES) / "datapackage.json").read_text())
    mine = {
        one["path"]: {f["name"]: f["type"] for f in one["schema"]["fields"]}
        for one in ours["resources"]
    }
    for one in theirs["resources"]:
        columns = {f["name"] for f in one["schema"]["fields"]}
        assert columns - set(mine[one["path"]]) == set(), one["path"]


def test_a_zip_holds_the_same_as_a_folder(tmp_path: Path) -> None:
    call_command("directory", "export", str(tmp_path / "package"), stdout=io.StringIO())
    out = io.StringIO()
    call_command("directory", "export", str(tmp_path / "package.zip"), stdout=out)
    assert "organization" in out.getvalue()
    with zipfile.ZipFile(tmp_path / "package.zip") as archive:
        for name in archive.namelist():
            assert archive.read(name) == (tmp_path / "package" / name).read_bytes()


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    with pytest.raises(CommandError, match="already exists"):
        call_command("directory", "export", str(tmp_path / "there"), stdout=io.StringIO())
    with pytest.raises(CommandError, match="does not exist"):
        call_command("directory", "export", str(tmp_path / "nowhere" / "x"), stdout=io.StringIO())
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("directory", "export", "/proc/x", stdout=io.StringIO())


def test_a_row_that_is_something_hiddens_too_is_left_out(tmp_path: Path) -> None:
    path = secret_source(tmp_path)
    take(path)
    shared = id_of("test", "phone", str(UUID(int=111, version=4)))
    house = m.Organization.objects.using(JOBS).get(source="test", name="Open House")
    m.Phone.objects.using(JOBS).filter(id=shared).update(organization_id=house.id)
    export(tmp_path / "package")
    phones = tables(tmp_path / "package")["phones"]
    assert phones
    assert str(shared) not in {row["id"] for row in phones}
