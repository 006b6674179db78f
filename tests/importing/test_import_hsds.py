"""`manage.py import_hsds`: what is taken, mended and quarantined, and doing it again."""

import io
import json
import os
import secrets
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connections, transaction

from directory import listings
from directory import models as m
from directory.importing import coercion
from directory.importing.import_package import Report, import_package
from directory.importing.parsing import id_of
from directory.importing.source_formats import read
from directory.search.query import SearchQuery
from permissions.database.aliases import JOBS
from tests.support.hsds_source import HELP, SECRET_PLACE, STREET, changed, forget, write_tables
from tests.support.stale_projections import stale

SAMPLES = os.environ.get("HSDS_SAMPLES", "")
real_data = pytest.mark.skipif(not SAMPLES, reason="HSDS_SAMPLES names no folder of real data")

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


# -- Taking it, and taking it again ----------------------------------------------------------------


def test_a_second_import_changes_nothing(take: Take) -> None:
    assert take(HELP).changes == {"created": 5}
    before = service("10")
    assert take(HELP).changes.total() == 0
    assert service("10") == before


def test_a_changed_number_is_what_the_directory_says_from_then_on(take: Take) -> None:
    take(HELP)
    before = service("10")
    report = take(changed(HELP, "phones", 0, number="406-555-0189"))
    assert report.changes == {"changed": 1}
    after = service("10")
    assert before
    assert after
    assert [phone.number for phone in after.phones] == ["406-555-0189"]
    assert after.last_modified > before.last_modified


def test_what_the_source_no_longer_has_goes_but_a_service_only_becomes_inactive(take: Take) -> None:
    take(HELP)
    report = take({**HELP, "services": HELP["services"][:1], "phones": HELP["phones"][:1]})
    assert report.changes == {"removed": 1, "made inactive": 1}
    gone = service("11")
    assert gone
    assert gone.status == "inactive"
    found = listings.search(None, SearchQuery(organization_id=gone.organization_id))
    assert [item.name for item in found.items] == ["Talking"]


def test_a_source_that_does_not_have_a_table_removes_nothing_of_it(take: Take) -> None:
    take(HELP)
    report = take({name: rows for name, rows in HELP.items() if name != "phones"})
    assert report.changes.total() == 0
    found = service("10")
    assert found
    assert found.phones


def test_a_binding_made_here_outlives_the_next_import(take: Take) -> None:
    from tests.support.callers import agency_id

    take(HELP)
    listings.bind_organization(id_of("test", "organization", "1"), agency_id("ywca"))
    take(changed(HELP, "services", 0, description="Said anew."))
    found = service("10")
    assert found
    assert found.answered_by == agency_id("ywca")


def test_the_id_of_another_source_is_refused(take: Take) -> None:
    key = "6a1e2c9a-44f1-4d4a-8b4e-0c3a5f0e7d11"
    take(changed({"organizations": HELP["organizations"]}, "organizations", 0, id=key), "first")
    report = take(
        {"organizations": [{"id": key, "name": "Somebody else", "description": ""}]}, "second"
    )
    assert outcome(report, "organizations", 2) == (
        "quarantined",
        "refused (its id belongs to another source)",
    )
    kept = m.Organization.objects.using(JOBS).get(id=key)
    assert (kept.source, kept.name) == ("first", "Marked House")


# -- Dirt ------------------------------------------------------------------------------------------


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("kind", "raw", "value", "mended"),
    [
        ("time of day", "09:00", "09:00:00", False),
        ("time of day", "9:00am", "09:00:00", True),
        ("time of day", "4:00 PM", "16:00:00", True),
        ("time of day", "12 a.m.", "00:00:00", True),
        ("time of day", "noon", "12:00:00", True),
        ("time of day", "25:00", None, True),
        ("time of day", "by arrangement", None, True),
        ("e-mail address", "a@example.org", "a@example.org", False),
        ("e-mail address", "<a@example.org>", "a@example.org", True),
        ("e-mail address", "a at example.org", "", True),
        ("URL", "https://example.org/a?b", "https://example.org/a?b", False),
        ("URL", "www.example.org", "https://www.example.org", True),
        ("URL", "ask at the desk", "", True),
        ("date", "2026-02-28", "2026-02-28", False),
        ("date", "12/24/2015", "2015-12-24", True),
        ("date", "2026-02-30", None, True),
        ("date", "0001-01-01", "0001-01-01", False),  # of every year, as some write it
        ("date", "1900-01-01", "1900-01-01", False),
        ("moment", "2026-02-28T09:00:00-07:00", "2026-02-28 16:00:00+00:00", False),
        ("moment", "0001-01-01T00:00:00", None, True),  # "never", as some write it
        ("moment", "0001-01-01T00:00:00+01:00", None, True),
        ("moment", "9999-12-31T23:59:59-07:00", None, True),
        ("yes or no", "maybe", "True", True),  # the flags are there to protect
        ("status of a service", "Active", "active", True),
        ("telephone extension", "ext. 12", "12", True),
        ("telephone extension", "012", "", True),  # the standard has a number here
        ("whole number", "January 01, 1970", "1970", True),
        ("number", "1e400", None, True),
    ],
)
def test_small_dirt_is_put_right_or_left_out_and_told(
    kind: str, raw: str, value: str | None, mended: bool
) -> None:
    found = coercion.read(coercion.Kind(kind), f"  {raw}\x00 ".replace("\x00", ""))
    assert found is not None
    assert (str(found.value) if found.value is not None else None) == value
    if mended:
        assert found.note


@pytest.mark.no_database
def test_one_cell_with_two_numbers_or_an_extension_is_taken_apart() -> None:
    assert coercion.split_phone("406-555-0100 x 12 or (406) 555-0101") == [
        ("406-555-0100", "12"),
        ("(406) 555-0101", ""),
    ]
    assert coercion.split_phone("no phone") == []


def test_a_mended_row_says_how(take: Take) -> None:
    tables = {
        **HELP,
        "schedules": [
            {"id": "1", "service_id": "10", "opens_at": "9:00", "closes_at": "5:00"},
        ],
    }
    report = take(tables)
    assert outcome(report, "schedules", 2) == (
        "mended",
        "opens_at: written as a time; closes_at: written as a time;"
        " closes_at: before it opens, taken as in the afternoon",
    )
    found = service("10")
    assert found
    assert json.loads(found.document)["schedules"][0]["closes_at"] == "17:00:00"


def test_an_organization_is_taken_whole_or_not_at_all(take: Take, tmp_path: Path) -> None:
    take(HELP)
    broken = changed(HELP, "phones", 0, number="406-555-0189")
    write_tables(tmp_path / "broken", broken)
    path = tmp_path / "broken" / "services.csv"
    path.write_text(path.read_text().replace("Walking", "Walking, slowly"))  # a comma, no quotes
    report = import_package(read(tmp_path / "broken"), "test")
    assert outcome(report, "services", 3)[0] == "quarantined"
    why = "its organization is not taken (services row 3: more values than columns"
    for file, number in (("organizations", 2), ("services", 2), ("phones", 2)):
        assert outcome(report, file, number)[0] == "quarantined"
        assert outcome(report, file, number)[1].startswith(why)
    found = service("10")
    assert found
    assert found.phones[0].number == "406-555-0181"


def test_quarantine_holds_the_row_and_is_empty_once_it_is_corrected(take: Take) -> None:
    take(changed(HELP, "organizations", 0, name=""))
    kept = m.Quarantine.objects.using(JOBS).filter(source="test")
    assert {(q.table, q.row_number, q.reason) for q in kept} >= {("organizations", 2, "no name")}
    assert kept.get(table="services", row_number=2).row["name"] == "Talking"
    assert service("10") is None
    take(HELP)
    assert not kept.all()
    assert service("10")


def test_one_bad_phone_costs_the_phone_only(take: Take) -> None:
    report = take(changed(HELP, "phones", 0, number="ask"))
    assert outcome(report, "phones", 2) == ("quarantined", "number: no telephone number")
    found = service("10")
    assert found
    assert found.phones == ()


def test_a_phone_that_was_right_before_stays_until_it_is_right_again(take: Take) -> None:
    take(HELP)
    take(changed(HELP, "phones", 0, number="ask"))
    found = service("10")
    assert found
    assert found.phones[0].number == "406-555-0181"


def test_of_two_lines_with_one_id_the_first_is_taken(take: Take) -> None:
    rows = [*HELP["services"], dict(HELP["services"][0]), HELP["services"][0] | {"name": "Other"}]
    report = take({**HELP, "services": rows})
    assert outcome(report, "services", 4)[0] == "mended"
    assert outcome(report, "services", 5)[0] == "quarantined"
    found = service("10")
    assert found
    assert found.name == "Talking"


def test_a_service_of_an_organization_that_is_not_there_is_quarantined(take: Take) -> None:
    report = take(changed(HELP, "services", 1, organization_id="2"))
    assert outcome(report, "services", 3) == (
        "quarantined",
        "its organization is not in the source",
    )
    assert outcome(report, "phones", 3)[0] == "quarantined"
    assert service("10")
    assert service("11") is None


def test_a_place_of_another_organization_can_be_where_a_service_is_found(take: Take) -> None:
    tables = {
        "organizations": [*HELP["organizations"], {"id": "2", "name": "Other", "description": ""}],
        "services": HELP["services"],
        "locations": [{"id": "5", "organization_id": "2", "name": "Their hall"}],
        "service_at_location": [{"id": "7", "service_id": "10", "location_id": "5"}],
        "schedules": [{"id": "8", "service_at_location_id": "7", "opens_at": "09:00"}],
    }
    take(tables)
    found = service("10")
    assert found
    there = json.loads(found.document)["service_at_locations"][0]
    assert there["location"]["name"] == "Their hall"
    assert there["schedules"][0]["opens_at"] == "09:00:00"
    assert take(tables).changes.total() == 0


def test_text_that_a_database_refuses_is_cleaned(take: Take) -> None:
    take(changed(HELP, "services", 0, description="a\x0bb\u0007c"))
    found = service("10")
    assert found
    assert json.loads(found.document)["description"] == "abc"


# -- Older forms -----------------------------------------------------------------------------------


def test_version_1_and_ohana_names_become_version_3(take: Take) -> None:
    tables = {
        "organizations": [
            {"id": "1", "name": "Old House", "description": "", "url": "old.example.org"}
        ],
        "locations": [
            {"id": "5", "organization_id": "1", "name": "Hall", "accessibility": "ramp, elevator"}
        ],
        "services": [
            {
                "id": "10",
                "location_id": "5",
                "name": "Old service",
                "eligibility": "Anybody",
                "keywords": "warmth, (tea, coffee)",
                "languages": "Spanish, Salish",
                "taxonomy_ids": "a, b",
            }
        ],
        "taxonomy": [
            {"taxonomy_id": "a", "name": "Needs", "parent_id": ""},
            {"taxonomy_id": "b", "name": "Warmth", "parent_id": "a"},
        ],
        "regular_schedules": [
            {"id": "1", "service_id": "10", "weekday": "Monday", "opens_at": "9am"},
            {"id": "2", "service_id": "10", "weekday": "Sunday", "opens_at": ""},
        ],
        "phones": [
            {"id": "1", "service_id": "10", "number": "406-555-0190 x 7", "number_type": "voice"}
        ],
        "mail_addresses": [
            {
                "id": "1",
                "location_id": "5",
                "address_1": "1 Example Way",
                "city": "Missoula",
                "state_province": "MT",
                "postal_code": "59801",
            }
        ],
    }
    report = take(tables)
    assert not [r for r in report.records() if r["outcome"] == "quarantined"]
    found = service("10")
    assert found
    detail = json.loads(found.document)
    assert detail["organization"]["website"] == "https://old.example.org"
    assert detail["eligibility_description"] == "Anybody"
    assert [one["name"] for one in detail["languages"]] == ["Spanish", "Salish"]
    assert [(s["byday"], s["freq"]) for s in detail["schedules"]] == [("MO", "WEEKLY")]
    assert (detail["phones"][0]["number"], detail["phones"][0]["extension"]) == ("406-555-0190", 7)
    place = detail["service_at_locations"][0]["location"]
    assert place["addresses"][0]["address_type"] == "postal"
    assert [one["description"] for one in place["accessibility"]] == ["ramp", "elevator"]
    values = [one.get("value") or one["taxonomy_term"]["name"] for one in detail["attributes"]]
    assert values == ["warmth", "(tea, coffee)", "Needs", "Warmth"]  # as in the source
    assert listings.search(None, SearchQuery(words="coffee")).total_items == 1
    assert take(tables).changes.total() == 0


# -- Confidential places (R4) ----------------------------------------------------------------------


def everything_stored(superuser: Any) -> str:
    """All rows of all tables of the directory, as text."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'directory%'"
        )
        tables = [name for (name,) in cursor.fetchall()]
        text = []
        for table in tables:
            cursor.execute(f"SELECT t::text FROM {table} t")
            text += [row for (row,) in cursor.fetchall()]
    assert len(tables) > 20
    return "\n".join(text).lower()


MARKS = ("quillfeather", "qx59899", "46.8765", "113.9876")


def test_the_address_of_a_confidential_service_is_stored_nowhere(
    take: Take, superuser: Any
) -> None:
    report = take(SECRET_PLACE)
    assert outcome(report, "addresses", 2) == ("mended", "of a confidential place: not stored")
    assert "names a confidential place" in outcome(report, "services", 2)[1]
    stored = everything_stored(superuser)
    assert "safe rooms" in stored
    assert [mark for mark in MARKS if mark in stored] == []
    assert [mark for mark in MARKS if mark in json.dumps(list(report.records())).lower()] == []


def test_nor_in_quarantine(take: Take, superuser: Any) -> None:
    tables = changed(SECRET_PLACE, "organizations", 0, name="")
    tables = changed(tables, "addresses", 0, city="")
    take(tables)
    kept = m.Quarantine.objects.using(JOBS).filter(source="test")
    assert {row.table for row in kept} >= {"addresses", "locations", "services"}
    stored = everything_stored(superuser)
    assert [mark for mark in MARKS if mark in stored] == []


def test_a_place_that_becomes_confidential_loses_its_address(take: Take, superuser: Any) -> None:
    public = changed(SECRET_PLACE, "services", 0, confidential="", description="")
    take(public)
    assert "quillfeather" in everything_stored(superuser)
    take(SECRET_PLACE)
    stored = everything_stored(superuser)
    assert [mark for mark in MARKS if mark in stored] == []


@pytest.mark.parametrize("marked", ["by the source", "here"])
@pytest.mark.parametrize("table", ["locations", "services"])
def test_a_place_that_goes_to_a_confidential_organization_loses_its_address(
    take: Take, superuser: Any, table: str, marked: str
) -> None:
    """By itself, or with the service that is found there."""
    closed = {"id": "2", "name": "Closed House", "description": "For tests."}
    if marked == "by the source":
        closed["confidential"] = "yes"
    public = changed(SECRET_PLACE, "services", 0, confidential="", description="")
    public["organizations"] = [*public["organizations"], closed]
    take(public)
    if marked == "here":
        here = m.Organization.objects.using(JOBS).filter(id=id_of("test", "organization", "2"))
        assert here.update(confidential=True) == 1
    assert "quillfeather" in everything_stored(superuser)
    moved = changed(public, table, 0, organization_id="2")
    report = take(moved)
    stored = everything_stored(superuser)
    assert [mark for mark in MARKS if mark in stored] == []
    assert outcome(report, "addresses", 2) == ("mended", "of a confidential place: not stored")
    assert take(moved).changes.total() == 0


def test_a_marker_set_here_stays_where_the_source_says_nothing(take: Take, superuser: Any) -> None:
    take(SECRET_PLACE)
    take(changed(SECRET_PLACE, "services", 0, confidential=""))
    assert service("10") is None
    stored = everything_stored(superuser)
    assert [mark for mark in MARKS if mark in stored] == []


def an_own_line_at_fault(tables: Any) -> Any:
    return changed(tables, "services", 0, name="")


def another_line_at_fault(tables: Any) -> Any:
    return changed(tables, "services", 1, name="")


def an_organization_at_fault(tables: Any) -> Any:
    return changed(tables, "organizations", 0, name="")


def no_organization(tables: Any) -> Any:
    return changed(tables, "services", 0, organization_id="")


def another_sources_id(tables: Any) -> Any:
    return changed(tables, "services", 1, id=ANOTHERS)


def what_the_database_refuses(tables: Any) -> Any:
    """A name that no index takes."""
    return changed(tables, "organizations", 0, name=secrets.token_hex(5000))


def reasons(report: Report) -> str:
    return "\n".join(str(record["why"]) for record in report.records())


ANOTHERS = "6a1e2c9a-44f1-4d4a-8b4e-0c3a5f0e7d12"
FAULTS = (
    an_own_line_at_fault,
    another_line_at_fault,
    an_organization_at_fault,
    no_organization,
    another_sources_id,
    what_the_database_refuses,
)


@pytest.mark.parametrize("marked", ["organizations", "services", "locations"])
@pytest.mark.parametrize("fault", FAULTS)
def test_what_the_source_hides_is_hidden_whatever_else_is_refused(
    take: Take, tmp_path: Path, superuser: Any, fault: Callable[[Any], Any], marked: str
) -> None:
    public = changed(SECRET_PLACE, "services", 0, confidential="", description="")
    take(public)
    theirs = {"id": ANOTHERS, "organization_id": "9", "name": "Theirs", "status": "active"}
    take({"organizations": [{"id": "9", "name": "Others"}], "services": [theirs]}, "theirs")
    take(public)
    hidden = fault(changed(public, marked, 0, confidential="yes"))
    dry = import_package(read(write_tables(tmp_path / "dry", hidden)), "test", dry=True)
    assert service("10")
    report = take(hidden)
    word = "hidden: the source marks it confidential"
    taken = fault is no_organization and marked != "services"  # which costs that service alone
    assert (word in reasons(report)) is not taken
    if fault is what_the_database_refuses:
        assert "refused (OperationalError)" in reasons(report)
    else:  # of what a database refuses a dry run knows nothing
        assert reasons(dry) == reasons(report)
    assert (service("10") is None) == (marked != "locations")
    stored = everything_stored(superuser)
    assert [mark for mark in MARKS if mark in stored] == []
    assert "safe rooms" in stored
    assert service(ANOTHERS, "theirs")
    assert stale("test") == {}
    again = take(hidden)
    assert again.changes.total() == 0
    assert word not in reasons(again)


def test_the_database_itself_refuses_and_forgets(take: Take) -> None:
    take(changed(SECRET_PLACE, "services", 0, confidential="", description=""))
    place, told = id_of("test", "location", "5"), id_of("test", "service", "10")
    addresses = m.Address.objects.using(JOBS).filter(location_id=place)
    assert addresses.count() == 1
    m.Service.objects.using(JOBS).filter(id=told).update(confidential=True)
    assert addresses.count() == 0
    location = m.Location.objects.using(JOBS).get(id=place)
    assert (location.confidential, location.latitude, location.transportation) == (True, None, "")
    with pytest.raises(IntegrityError), transaction.atomic(using=JOBS):
        m.Address.objects.using(JOBS).create(
            part_of_id=location.part_of_id, location_id=place, address_1=STREET, city="Missoula"
        )
    with pytest.raises(IntegrityError), transaction.atomic(using=JOBS):
        m.Location.objects.using(JOBS).filter(id=place).update(latitude=46.8)


# -- The command -----------------------------------------------------------------------------------


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("import_hsds", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_the_summary_and_the_report(take: Take, tmp_path: Path) -> None:
    take(HELP)  # so that it is forgotten afterwards
    folder = write_tables(tmp_path / "source", changed(HELP, "phones", 0, number="ask"))
    report = tmp_path / "report.jsonl"
    said = run(str(folder), "--source", "test", "--report", str(report))
    assert "phones" in said
    assert "quarantined: number: no telephone number" in said
    assert "0 created, 0 changed" in said
    records = [json.loads(line) for line in report.read_text().splitlines()]
    assert records[0].keys() == {"table", "row", "pointer", "id", "outcome", "why"}
    assert {"table": "phones", "row": 2, "id": "100", "outcome": "quarantined"}.items() <= next(
        record for record in records if record["outcome"] == "quarantined"
    ).items()


def test_a_zip_is_read_like_a_folder(take: Take, tmp_path: Path) -> None:
    take(HELP)
    archive = tmp_path / "county.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for file in write_tables(tmp_path / "source", HELP).glob("*.csv"):
            packed.write(file, f"county/{file.name}")
    assert "0 created, 0 changed, 0 removed" in run(str(archive), "--source", "test")


def _json(document: Any, folder: Path) -> Path:
    (folder / "tables.json").write_text(json.dumps(document))
    return folder / "tables.json"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path / "nowhere", "there is no such folder or file"),
        (lambda path: path, "there is no CSV file in this folder"),
        (lambda path: write_tables(path / "x", {"phones": [{"id": "1"}]}), "no organizations.csv"),
        (lambda path: _file(path / "notes.txt"), "neither a folder nor a zip file"),
        *(
            (partial(_json, {"organizations.csv": rows}), r"organizations\.csv.*a list of objects")
            for rows in (5, None, "x", {"id": "1"}, [1], [{"id": "1"}, ["2"]])
        ),
    ],
)
def test_a_wrong_path_is_told_in_words(
    tmp_path: Path, make: Callable[[Path], Path], says: str
) -> None:
    with pytest.raises(CommandError, match=says):
        run(str(make(tmp_path)))


def test_a_report_that_cannot_be_written_is_told_before_anything_is_taken(tmp_path: Path) -> None:
    folder = write_tables(tmp_path / "source", HELP)
    for report in (folder, tmp_path / "nowhere" / "report.jsonl"):
        with pytest.raises(CommandError, match="report"):
            run(str(folder), "--source", "test", "--report", str(report))
    assert not m.Organization.objects.using(JOBS).filter(source="test").exists()


def test_a_report_of_before_is_kept_where_nothing_was_taken(tmp_path: Path) -> None:
    report = tmp_path / "report.jsonl"
    report.write_text("of before")
    with pytest.raises(CommandError):
        run(str(tmp_path / "nowhere"), "--report", str(report))
    assert report.read_text() == "of before"


def test_a_quarantine_is_written_into_a_folder(tmp_path: Path) -> None:
    file = _file(tmp_path / "notes.txt")
    for folder in (file, file / "below"):
        with pytest.raises(CommandError, match="cannot be written"):
            run("--quarantine", "--source", "test", "--export", str(folder))


def _file(path: Path) -> Path:
    path.write_text("not a directory of services")
    return path


# -- Real data -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    from jsonschema import Draft202012Validator, FormatChecker

    return {
        name: Draft202012Validator(
            json.loads((Path(SAMPLES) / "schema" / f"{name}.json").read_text()),
            format_checker=FormatChecker(),
        )
        for name in ("service", "service_list")
    }


@real_data
@pytest.mark.parametrize(
    ("folder", "taken", "words", "finds"),
    [
        ("ilao-hsds-1.1", 89, "domestic violence", "Domestic violence program - Pilsen"),
        ("ohana-sample", 23, "passprt photos", "Passport Photos"),
    ],
)
def test_real_directories_import_and_every_answer_fits_the_standard(
    api: Any, schemas: dict[str, Any], folder: str, taken: int, words: str, finds: str
) -> None:
    source = f"real-{folder}"
    try:
        report = import_package(read(Path(SAMPLES) / "data" / folder), source)
        counts = report.counts()["services"]
        assert counts["taken"] + counts["mended"] == taken
        assert all(record["why"] for record in report.records() if record["outcome"] != "taken")
        again = import_package(read(Path(SAMPLES) / "data" / folder), source)
        assert again.changes.total() == 0

        nobody = api(None)
        found = nobody.get("/v1/directory/services", {"search": words, "per_page": "100"}).json()
        assert finds in [item["name"] for item in found["contents"]]
        services = m.Service.objects.using(JOBS).filter(source=source)
        ids = [str(one) for one in services.values_list("id", flat=True)]
        assert len(ids) == taken
        seen = 0
        for page in range(1, 4):
            listed = nobody.get("/v1/directory/services", {"page": str(page), "per_page": "100"})
            for item in listed.json()["contents"]:
                schemas["service_list"].validate(item)
                seen += item["id"] in ids
        assert seen == services.filter(status="active").count()
        for one in ids:
            schemas["service"].validate(nobody.get(f"/v1/directory/services/{one}").json())
    finally:
        forget(source)


def test_ids_are_the_sources_own_or_always_the_same() -> None:
    own = "6a1e2c9a-44f1-4d4a-8b4e-0c3a5f0e7d11"
    assert id_of("a", "service", own) == UUID(own)
    assert id_of("a", "service", "1") == id_of("a", "service", "1") != id_of("b", "service", "1")


def test_app_sees_no_source_row() -> None:
    with pytest.raises(Exception, match="permission denied"), transaction.atomic():
        m.Organization.objects.using("default").first()
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM directory_listing")
