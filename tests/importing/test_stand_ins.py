"""A service whose organization is missing in the files: what is known of it is used."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from directory import listings
from directory import models as m
from directory.importing.parsing import id_of
from directory.importing.stand_ins import STOOD_IN
from permissions import assignments
from permissions.database.aliases import JOBS
from tests.importing.takes import Take, outcome, service
from tests.importing.takes import take as take  # a fixture
from tests.support.ground.database import forget_edits
from tests.support.ground.stale_projections import stale
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.hsds_source import HELP, changed, rows, write_tables

Tables = dict[str, list[dict[str, str]]]
OTHER = {"id": "2", "name": "Other House", "description": ""}
BOTH: Tables = {
    **HELP,
    "organizations": [*HELP["organizations"], OTHER],
    "services": [*HELP["services"], {"id": "20", "organization_id": "2", "name": "Listening"}],
}
# The first organization's row is missing, and its services and phones are there.
MISSING: Tables = {**BOTH, "organizations": [OTHER]}


def named(tables: Tables, *names: str, column: str = "organization_name") -> Tables:
    """The same tables; the services' rows give their organization these names, in their order."""
    for row, name in enumerate(names):
        tables = changed(tables, "services", row, **{column: name})
    return tables


def organization(api: Any, key: str = "1") -> dict[str, Any]:
    answer = api(None).get(f"/v1/directory/organizations/{id_of('test', 'organization', key)}")
    found: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
    return found


def test_what_an_earlier_import_had_stands_in_and_its_services_stay_open(
    take: Take, api: Any
) -> None:
    take(BOTH)
    before = organization(api)
    report = take(changed(MISSING, "services", 0, description="New words."))
    assert outcome(report, "services", 2) == ("mended", STOOD_IN)
    assert outcome(report, "phones", 2) == ("taken", "")
    assert (report.stood_in(), report.taken("organization")) == (1, (1, 1))
    found = service("10")
    assert found
    assert (found.status, found.organization_name) == ("active", "Marked House")
    assert "New words." in found.document
    after = organization(api)
    assert after.pop("stand_in") is True
    assert after == before
    assert not stale()
    again = take(changed(MISSING, "services", 0, description="New words."))
    assert (again.changes.total(), again.stood_in()) == (0, 1)
    assert take(BOTH).changes == {"changed": 1}, "the mark"
    assert organization(api) == before
    assert not stale()


def test_the_name_in_the_services_rows_stands_in_until_the_row_is_there(
    take: Take, api: Any
) -> None:
    told = named(MISSING, " Marked Hous ", "Marked House")
    third = {"id": "12", "organization_id": "1", "name": "Sitting", "status": "active"}
    told["services"] = [*told["services"], third | {"organization_name": "Marked House"}]
    report = take(told)
    assert report.stood_in() == 1
    assert [outcome(report, "services", row) for row in (2, 3, 5)] == [("mended", STOOD_IN)] * 3
    found = service("10")
    assert found
    assert found.organization_name == "Marked House", "what most of them say"
    assert organization(api)["stand_in"] is True
    assert take(told).changes.total() == 0
    take({**told, "services": told["services"][::-1]})
    assert organization(api)["name"] == "Marked House", "in any order of lines"
    assert len(list(report.records())) == 1 + 4 + 2, "a stand-in is no line"
    assert not [note for note in report.notes if "organization_name" in note]
    full = changed(named(BOTH, "x", "y"), "organizations", 0, email="house@example.org")
    assert take(full).stood_in() == 0
    real = organization(api)
    assert "stand_in" not in real
    assert (real["name"], real["email"]) == ("Marked House", "house@example.org")
    assert take(full).changes.total() == 0
    assert not stale()


def test_where_nothing_is_known_it_stays_quarantined(take: Take) -> None:
    for tables in (MISSING, named(MISSING, "", "n/a"), named(MISSING, "  ")):
        report = take(tables)
        assert outcome(report, "services", 2) == (
            "quarantined",
            "its organization is not in the source",
        )
        assert outcome(report, "phones", 2)[0] == "quarantined"
        assert report.stood_in() == 0
        assert service("10") is None
        assert service("20")


def test_an_organization_whose_row_is_at_fault_is_not_stood_in_for(take: Take) -> None:
    """Its line is there, and says what to correct."""
    report = take(named(changed(BOTH, "organizations", 0, name=""), "Marked House"))
    assert outcome(report, "organizations", 2) == ("quarantined", "no name")
    assert (report.stood_in(), service("10")) == (0, None)


def test_one_that_left_with_its_services_is_closed_as_before(take: Take) -> None:
    helps = [BOTH["services"][0], BOTH["services"][2]]
    take({"organizations": BOTH["organizations"], "services": helps})
    assert take({"organizations": [OTHER], "services": helps[1:]}).stood_in() == 0
    left = service("10")
    assert left
    assert left.status == "inactive"


def test_a_service_that_left_is_closed_beside_one_that_is_stood_in_for(take: Take) -> None:
    take(BOTH)
    less = {**MISSING, "services": [MISSING["services"][0], MISSING["services"][2]]}
    assert take(less).stood_in() == 1
    left, stays = service("11"), service("10")
    assert left
    assert stays
    assert (left.status, stays.status) == ("inactive", "active")


def test_a_table_of_organizations_that_is_cut_off_closes_nothing(take: Take) -> None:
    owners = [{"id": str(n), "name": f"House {n}", "description": ""} for n in range(1, 31)]
    helps = [{"id": f"s{n}", "organization_id": str(n), "name": f"Help {n}"} for n in range(1, 31)]
    take({"organizations": owners, "services": helps})
    report = take({"organizations": owners[:7], "services": helps})
    assert report.stood_in() == 23
    assert report.changes == {"changed": 23}
    open_ones = m.Service.objects.using(JOBS).filter(source="test", status="active")
    assert open_ones.count() == 30


@pytest.mark.parametrize("known", [False, True])
def test_a_dry_run_says_it_and_changes_nothing(take: Take, tmp_path: Path, known: bool) -> None:
    take(BOTH if known else {**BOTH, "organizations": [OTHER], "services": BOTH["services"][2:]})
    before = rows()
    folder = write_tables(tmp_path / "dry", named(MISSING, "Marked House", "Marked House"))
    out = StringIO()
    call_command("directory", "import", str(folder), "--source", "test", "--dry-run", stdout=out)
    assert "Stand-ins" in out.getvalue()
    assert "1 organizations are not in the source" in out.getvalue()
    assert f"2 mended: {STOOD_IN}" in out.getvalue()
    assert rows() == before


def test_an_id_of_another_source_is_not_taken_over(take: Take) -> None:
    """A UUID is the same in every source."""
    key = "5b1f1a40-6a3c-4f0e-9a55-1c1d8a2b3c4d"
    take({"organizations": [OTHER | {"id": key}]}, "test other")
    mine = changed(named(MISSING, "Taken House"), "services", 0, organization_id=key)
    report = take(mine)
    assert outcome(report, "services", 2)[0] == "quarantined"
    there = m.Organization.objects.using(JOBS).get(id=key)
    assert (there.name, there.stand_in) == ("Other House", None)


# -- What is confidential --------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["service", "place", "here", "source marks", "marked before"])
def test_a_name_is_not_shown_where_the_organization_may_be_confidential(
    take: Take, superuser: Any, how: str
) -> None:
    told = named(MISSING, "Umbrelham House", "Umbrelham House")
    if how == "service":
        told = changed(told, "services", 1, confidential="yes")
    elif how == "place":
        place = {"id": "5", "organization_id": "1", "name": "Rooms", "confidential": "yes"}
        told = {**told, "locations": [place]}
    elif how == "here":
        moved = changed(BOTH, "services", 0, organization_id="2")
        take({**moved, "organizations": [OTHER], "services": [moved["services"][0]]})
        m.Service.objects.using(JOBS).filter(source="test").update(confidential=True)
    elif how == "source marks":
        told = changed(told, "organizations", 0, confidential="no")
    else:
        third = OTHER | {"id": "3", "confidential": "yes"}
        take({"organizations": [OTHER, third]})
    report = take(told)
    assert report.stood_in() == 0
    assert outcome(report, "services", 2)[0] == "quarantined"
    public = ("directory_listing", "directory_place", "directory_organization_listing")
    with superuser.cursor() as cursor:
        for table in (*public, "directory_organization", "directory_word"):
            cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text ILIKE '%umbrelham%'")
            assert cursor.fetchone() == (0,), table


def test_a_confidential_one_stays_confidential_with_all_that_is_new(take: Take, api: Any) -> None:
    take(BOTH)
    mine = m.Organization.objects.using(JOBS).filter(id=id_of("test", "organization", "1"))
    assert mine.update(confidential=True) == 1
    new = {"id": "13", "organization_id": "1", "name": "New rooms"}
    place = {"id": "5", "organization_id": "1", "name": "House", "latitude": "46.1"}
    street = {"id": "9", "location_id": "5", "address_1": "88 Umbrelham Way", "city": "Missoula"}
    told = {
        **MISSING,
        "services": [*MISSING["services"], new],
        "locations": [place],
        "addresses": [street | {"state_province": "MT", "postal_code": "59801", "country": "US"}],
    }
    report = take(told)
    assert report.stood_in() == 1
    assert outcome(report, "addresses", 2)[1] == "of a confidential place: not stored"
    assert organization(api) == {}
    assert [service(key) for key in ("10", "11", "13")] == [None] * 3
    assert not m.Address.objects.using(JOBS).filter(source="test").exists()
    assert list(mine.values_list("confidential", "stand_in")) == [(True, True)]
    assert take(told).changes.total() == 0
    assert not stale()


# -- Editors ---------------------------------------------------------------------------------------


@pytest.fixture
def nothing_left(network: Any) -> Iterator[None]:
    yield
    forget_edits()


def test_editors_see_the_mark_and_their_own_edit_takes_it_off(
    take: Take, api: Any, nothing_left: None
) -> None:
    take(BOTH)
    take(MISSING)
    mine = m.Organization.objects.using(JOBS).get(id=id_of("test", "organization", "1"))
    assignments.allow_editing(mine, agency_id("ywca"))
    desk = at_the_desk("ywca.editor")
    said = "The source of this listing does not list its organization."
    found = service("10")
    assert found
    page = f"/desk/entries/{found.id}"
    assert said in text_of(desk.get(page).content)
    lists = "".join(text_of(desk.get("/desk/entries", {"page": n}).content) for n in "123")
    assert lists.count("Its organization is not in its source.") == 2
    editor = api("ywca.editor")
    at = f"/v1/directory/organizations/{mine.id}"
    whole = editor.get(at)
    assert whole.json()["stand_in"] is True
    same = editor.patch(f"/v1/directory/services/{found.id}", {"alert": "Ring."}, If_Match="*")
    assert same.status_code == 200, same.content
    assert editor.get(at).json()["stand_in"] is True, "of a service it says nothing"
    made = editor.patch(at, {"email": "house@example.org", "stand_in": True}, If_Match="*")
    assert made.status_code == 200, made.content
    assert "stand_in" not in made.json()
    assert said not in text_of(desk.get(page).content)
    take(MISSING)
    assert "stand_in" not in organization(api), "its agency keeps it"
    assert listings.find(None, found.id)
