"""`manage.py directory import` with JSON: the standard's documents, and the web's forms of them."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from directory import listings
from directory import models as m
from directory.importing.formats.json_normalizer import normalize
from directory.importing.formats.source_formats import read
from directory.importing.outcome import Report
from directory.importing.records import NotReadable
from permissions.database.aliases import JOBS
from tests.support.people.hsds_source import forget, outcomes, quarantined, rows, take

SAMPLES = os.environ.get("HSDS_SAMPLES", "")
real_data = pytest.mark.skipif(not SAMPLES, reason="HSDS_SAMPLES names no folder of real data")

SERVICE = "5f0f9f9e-0000-4000-8000-000000000002"
HOUSE: dict[str, Any] = {
    "id": "5f0f9f9e-0000-4000-8000-000000000001",
    "name": "Marked House",
    "description": "For tests.",
    "services": [
        {
            "id": SERVICE,
            "name": "Talking",
            "status": "active",
            "phones": [{"id": "5f0f9f9e-0000-4000-8000-000000000003", "number": "406-555-0181"}],
        }
    ],
}
Import = Callable[..., Report]


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    forget()


@pytest.fixture
def load(tmp_path: Path) -> Import:
    """`load(document, document …)`: import an ndjson file of them; strings as they are."""

    def imported(*documents: Any, name: str = "source.ndjson", **options: Any) -> Report:
        path = tmp_path / name
        said = [one if isinstance(one, str) else json.dumps(one) for one in documents]
        path.write_text("\n".join(said))
        return take(path, **options)

    return imported


# -- One document, a list, a page, a line each -----------------------------------------------------


@pytest.mark.parametrize(
    "wrapped",
    [
        HOUSE,
        [HOUSE],
        {"total_items": 1, "page_number": 1, "contents": [HOUSE]},
    ],
)
def test_a_document_a_list_and_a_page_are_read_alike(load: Import, wrapped: Any) -> None:
    report = load(json.dumps(wrapped), name="source.json")
    assert report.changes == {"created": 3}
    found = listings.find(None, rows()["service"][0]["id"])
    assert found
    assert [phone.number for phone in found.phones] == ["406-555-0181"]
    assert load(json.dumps(wrapped), name="source.json").changes.total() == 0


def test_every_object_of_every_line_has_an_outcome_and_a_place(load: Import) -> None:
    bad = {"id": "5f0f9f9e-0000-4000-8000-00000000000f", "website": "https://example.org"}
    bad |= {"alternate_name": "", "description": "", "email": "a@example.org"}
    report = load(HOUSE, "", "{not json", bad, {"greeting": "hello"})
    found = {(table, row, at): (what, why) for table, row, at, what, why in outcomes(report)}
    assert found["phone", 1, "/services/0/phones/0"][0] == "taken"
    assert found["document", 2, ""] == ("skipped", "an empty line")
    assert found["document", 3, ""] == ("quarantined", "not JSON")
    assert found["organization", 4, ""] == ("quarantined", "no name")
    assert found["document", 5, ""] == ("quarantined", "nothing of the standard in it")


def test_an_organization_whose_service_cannot_be_taken_is_left_out_whole(load: Import) -> None:
    load(HOUSE)
    nameless = {"id": "5f0f9f9e-0000-4000-8000-000000000009", "description": "?"}
    report = load({**HOUSE, "name": "Renamed", "services": [*HOUSE["services"], nameless]})
    assert set(quarantined(report)) == {("organization", 1), ("service", 1), ("phone", 1)}
    assert [row["name"] for row in rows()["organization"]] == ["Marked House"]


def test_a_file_that_is_not_json_or_too_large_for_one_document_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(NotReadable, match="not JSON"):
        take(broken)
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(NotReadable, match="ndjson"):
        read(large)


# -- Documents as they are found -------------------------------------------------------------------

WILD: dict[str, Any] = {
    "organization": {
        "id": "org_1",
        "name": "Corner Pantry",
        "alternate_names": ["The Corner"],
        "addresses": [
            {
                "id": "loc_1",
                "street_address": "12 Example Road",
                "city": "Missoula",
                "state_province": "MT",
                "postal_code": "59801",
                "coordinates": {"latitude": 46.8701, "longitude": -113.9952},
            }
        ],
        "phone": {"number": "406-555-0143", "languages": ["Spanish"]},
        "metadata": {"last_action_date": "2026-01-01"},
    },
    "services": [
        {
            "id": "svc_1",
            "organization_id": "org_1",
            "service_type": "Pantry",
            "locations": [{"id": "loc_1", "coordinates": {"latitude": 46.8702}}],
            "schedule": {"days": ["Mon", "Wednesday"], "start_time": "9:00 AM", "end_time": "1pm"},
        }
    ],
}


def test_other_wrappers_names_and_shapes_are_put_right_and_told(load: Import) -> None:
    report = load(WILD)
    assert not quarantined(report)
    kept = rows()
    assert [row["alternate_name"] for row in kept["organization"]] == ["The Corner"]
    assert [row["name"] for row in kept["service"]] == ["Pantry"]
    address = kept["address"][0]
    assert (address["address_1"], address["country"]) == ("12 Example Road", "US")
    (place,) = kept["location"]
    assert (place["latitude"], place["longitude"]) == (46.8702, -113.9952)  # the first said
    (schedule,) = kept["schedule"]
    assert (schedule["freq"], schedule["byday"]) == ("WEEKLY", "MO,WE")
    assert (str(schedule["opens_at"]), str(schedule["closes_at"])) == ("09:00:00", "13:00:00")
    assert [row["name"] for row in kept["language"]] == ["Spanish"]
    said = {why for *_, why in outcomes(report)}
    assert any("street_address: taken as address_1" in why for why in said)
    assert any("name: none given, its type taken" in why for why in said)
    assert load(WILD).changes.total() == 0


def test_an_id_that_is_no_uuid_counts_in_its_document_only(load: Import) -> None:
    other = {**WILD, "organization": {**WILD["organization"], "name": "Hill Pantry"}}
    report = load(WILD, other)
    assert not quarantined(report)
    assert sorted(row["name"] for row in rows()["organization"]) == ["Corner Pantry", "Hill Pantry"]
    assert len(rows()["service"]) == 2
    before = rows()
    assert load(other, WILD).changes.total() == 0  # the order of the lines does not matter
    assert rows() == before


@pytest.mark.no_database
def test_a_document_of_the_standard_is_left_as_it_is() -> None:
    (put,) = normalize(HOUSE)
    assert (put.table, put.document) == ("organization", HOUSE)
    assert not any(put.notes.values())


# -- Confidential places (R4) ----------------------------------------------------------------------

MARKS = ("quillfeather", "qx59899", "46.8765", "uprn-4711")
PLACE: dict[str, Any] = {
    "id": "5f0f9f9e-0000-4000-8000-000000000010",
    "name": "Rooms",
    "latitude": 46.87651,
    "longitude": -113.9,
    "external_identifier": "UPRN-4711",
    "addresses": [
        {
            "id": "5f0f9f9e-0000-4000-8000-000000000011",
            "address_1": "77 Quillfeather Lane",
            "city": "Missoula",
            "state_province": "MT",
            "postal_code": "qx59899",
            "country": "US",
            "address_type": "physical",
            "metadata": [
                {
                    "id": "5f0f9f9e-0000-4000-8000-000000000012",
                    "field_name": "address_1",
                    "previous_value": "77 Quillfeather Lane",
                }
            ],
        }
    ],
    "metadata": [
        {
            "id": "5f0f9f9e-0000-4000-8000-000000000013",
            "field_name": "external_identifier",
            "previous_value": "UPRN-4711",
        }
    ],
}
SHELTER: dict[str, Any] = {
    **HOUSE,
    "services": [
        {
            **HOUSE["services"][0],
            "confidential": True,
            "description": "Knock at 77 Quillfeather Lane.",
            "service_at_locations": [
                {"id": "5f0f9f9e-0000-4000-8000-000000000014", "location": PLACE}
            ],
        }
    ],
}


def stored(superuser: Any) -> str:
    """All rows of all tables of the directory, as text."""
    found = []
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'directory%'"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT t::text FROM {table} t")
            found += [row for (row,) in cursor.fetchall()]
    return "\n".join(found).lower()


@pytest.mark.parametrize("refused", [False, True])
def test_no_member_of_a_document_keeps_a_confidential_address(
    load: Import, superuser: Any, refused: bool
) -> None:
    nameless = {"id": "5f0f9f9e-0000-4000-8000-000000000020"}
    services = [*SHELTER["services"], *([nameless] if refused else [])]
    report = load({**SHELTER, "services": services})
    assert bool(quarantined(report)) is refused
    kept = stored(superuser)
    assert ("talking" in kept) or refused
    assert [mark for mark in MARKS if mark in kept] == []
    assert [mark for mark in MARKS if mark in json.dumps(list(report.records())).lower()] == []


def test_a_public_place_keeps_it_and_loses_it_when_it_becomes_confidential(
    load: Import, superuser: Any
) -> None:
    public = json.loads(json.dumps(SHELTER).replace('"confidential": true, ', ""))
    load(public)
    assert [mark for mark in MARKS if mark in stored(superuser)] == list(MARKS)
    load(SHELTER)
    assert [mark for mark in MARKS if mark in stored(superuser)] == []


# -- Real documents --------------------------------------------------------------------------------


@real_data
def test_the_messy_sample_ends_and_tells_what_became_of_every_object(load: Import) -> None:
    path = Path(SAMPLES) / "data" / "haarrrvest-messy" / "results.ndjson"
    report = take(path)
    told = list(outcomes(report))
    assert {row for _, row, *_ in told} == set(range(1, 912))  # every line of the file
    assert all(why for *_, outcome, why in told if outcome != "taken")
    counts = report.counts()
    assert counts["organization"]["quarantined"] < 30
    assert sum(counts["organization"].values()) == 911
    waiting = m.Quarantine.objects.using(JOBS).filter(source="test")
    assert waiting.count() == sum(one["quarantined"] for one in counts.values())
    assert take(path).changes.total() == 0


@real_data
@pytest.mark.parametrize(
    ("example", "created"),
    [
        ("service_full.json", 23),
        ("service_list.json", 3),
        ("service_at_location_full.json", 23),
        ("service_at_location_list.json", 5),
        ("organization_full.json", 23),
        ("organization_list.json", 1),
        ("taxonomy.json", 1),
        ("taxonomy_list.json", 1),
        ("taxonomy_term.json", 2),
        ("taxonomy_term_list.json", 2),
    ],
)
def test_every_official_document_is_taken_whole(example: str, created: int) -> None:
    report = take(Path(SAMPLES) / "examples" / example)
    assert not quarantined(report)
    assert report.changes == {"created": created}


@real_data
@pytest.mark.parametrize("example", ["csv", "tabular.json"])
def test_the_official_tables_are_taken_but_for_what_hangs_on_nothing(example: str) -> None:
    report = take(Path(SAMPLES) / "examples" / example)
    # Their attribute and metadata name rows that are in no table of theirs.
    assert set(quarantined(report)) == {("attributes", 2), ("metadata", 2)}
    (service,) = rows()["service"]
    assert service["description"].endswith("difficult life events and circumstances. ")
    assert [row["number"] for row in rows()["phone"]] == ['"+44 1234 234567"']


@real_data
def test_a_place_by_itself_is_taken_where_its_organization_is_known() -> None:
    examples = Path(SAMPLES) / "examples"
    take(examples / "organization_full.json")
    report = take(examples / "location.json", retry=True)
    assert not quarantined(report)
    assert [row["external_identifier"] for row in rows()["location"]] == ["///cheer.parent.mole"]
