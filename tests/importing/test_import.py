"""`manage.py directory import`: what is taken, mended and quarantined, and doing it again."""

import json
from pathlib import Path
from uuid import UUID

import pytest
from django.db import connections, transaction

from directory import listings
from directory import models as m
from directory.importing import coercion
from directory.importing.formats.source_formats import read
from directory.importing.import_package import import_package
from directory.importing.parsing import id_of
from directory.search.query import SearchQuery
from permissions.database.aliases import JOBS
from tests.importing.takes import Take, outcome, service
from tests.importing.takes import take as take  # a fixture
from tests.support.people.hsds_source import HELP, changed, write_tables

# -- Taking it, and taking it again ----------------------------------------------------------------


def test_a_second_import_changes_nothing(take: Take) -> None:
    assert take(HELP).changes == {"created": 5}
    before = service("10")
    assert take(HELP).changes.total() == 0
    assert service("10") == before


def test_a_number_that_a_source_gives_backwards_is_taken_without_what_turns_it(
    take: Take,
) -> None:
    """A whole county's list is not refused for one character: it is cleaned, and the report says
    so."""
    told = take(changed(HELP, "phones", 0, number="\u202e406-555-0189\u202c\u200b"))
    found = service("10")
    assert found
    assert [phone.number for phone in found.phones] == ["406-555-0189"]
    assert outcome(told, "phones", 2) == ("mended", "number: invisible characters left out")
    name = {"name": "Zoe\u0308\u2066's help\u2069"}
    assert take(changed(HELP, "services", 0, **name)).counts()["services"]["mended"] == 1
    found = service("10")
    assert found
    assert found.name == "Zo\u00eb's help"


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
    from tests.support.people.callers import agency_id

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
    assert outcome(report, "services", 4)[0] == "skipped"
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


def test_ids_are_the_sources_own_or_always_the_same() -> None:
    own = "6a1e2c9a-44f1-4d4a-8b4e-0c3a5f0e7d11"
    assert id_of("a", "service", own) == UUID(own)
    assert id_of("a", "service", "1") == id_of("a", "service", "1") != id_of("b", "service", "1")


def test_app_sees_no_source_row() -> None:
    with pytest.raises(Exception, match="permission denied"), transaction.atomic():
        m.Organization.objects.using("default").first()
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM directory_listing")
