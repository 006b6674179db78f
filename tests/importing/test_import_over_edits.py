"""An import meets entries that an agency has changed here: from then on the agency keeps them."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from directory import models as m
from directory.importing import import_package
from directory.importing.parsing import id_of
from permissions.database.aliases import JOBS
from tests.support.ground.database import forget_edits
from tests.support.ground.stale_projections import stale
from tests.support.people.callers import Caller, agency_id
from tests.support.people.hsds_source import (
    HELP,
    changed,
    forget,
    import_by_command,
    rows,
    write_tables,
)

SOURCE = "test"
SERVICE = f"/v1/directory/services/{id_of(SOURCE, 'service', '10')}"


@pytest.fixture
def taken(tmp_path: Path, api: Any) -> Iterator[Path]:
    """An imported organization that ywca edits from now on."""
    folder = write_tables(tmp_path, HELP)
    take(folder)
    organization = str(id_of(SOURCE, "organization", "1"))
    agency = str(agency_id("ywca"))
    call_command("directory", "bind", organization, agency, stdout=StringIO())
    yield tmp_path
    forget(SOURCE)
    forget_edits()


def take(folder: Path, *more: str) -> str:
    return import_by_command(folder, SOURCE, *more)


def patch(caller: Caller, change: dict[str, Any]) -> None:
    tag = caller.get(SERVICE)["ETag"]
    answer = caller.patch(SERVICE, change, If_Match=tag)
    assert answer.status_code == 200, answer.content


def told(api: Any) -> dict[str, Any]:
    found: dict[str, Any] = api(None).get(SERVICE).json()
    return found


def test_what_an_agency_wrote_stays_and_the_report_says_so(taken: Path, api: Any) -> None:
    patch(api("ywca.editor"), {"description": "In our own words."})
    again = changed(HELP, "services", 0, description="In the county's words.", name="Renamed")
    report = take(write_tables(taken, again))
    assert "its agency changes this entry itself: left as it is" in report
    assert told(api)["description"] == "In our own words."
    assert told(api)["name"] != "Renamed"
    gone = {**HELP, "services": HELP["services"][1:], "phones": []}
    take(write_tables(taken, gone))
    assert told(api)["status"] == "active"
    assert told(api)["phones"]


PLACE = {
    "locations": [
        {
            "id": "5",
            "organization_id": "1",
            "name": "Their hall",
            "latitude": "46.871",
            "longitude": "-113.994",
        }
    ],
    "addresses": [
        {
            "id": "6",
            "location_id": "5",
            "address_1": "48 Quennelby Lane",
            "city": "Missoula",
            "state_province": "MT",
            "postal_code": "59802",
            "country": "US",
            "address_type": "physical",
        }
    ],
    "service_at_location": [{"id": "7", "service_id": "11", "location_id": "5"}],
}


@pytest.mark.parametrize(
    ("table", "row", "key"),
    [("organizations", 0, "1"), ("services", 0, "10"), ("locations", 0, "5")],
)
def test_a_marker_that_hides_is_taken_all_the_same_and_none_that_shows(
    taken: Path, api: Any, table: str, row: int, key: str
) -> None:
    """A source may know of a danger first. The rest of the entry stays its agency's."""
    source = {**HELP, **PLACE}
    take(write_tables(taken, source))
    patch(api("ywca.editor"), {"description": "In our own words."})
    kind = table.removesuffix("s")
    path = f"/v1/directory/{table}/{id_of(SOURCE, kind, key)}"
    reader = api("ywca.editor")

    def marked() -> bool:
        if kind == "location":
            found = m.Location.objects.using(JOBS).get(id=id_of(SOURCE, kind, key))
            addresses = m.Address.objects.using(JOBS).filter(location_id=found.id)
            assert addresses.exists() == (found.latitude is not None) == (not found.confidential)
            return found.confidential
        return bool(reader.get(path).json()["confidential"])

    new = changed(source, table, row, confidential="yes", name="Renamed", description="Anew.")
    more = {**HELP["services"][1], "id": "12", "confidential": "yes"}
    new["services"] = [*new["services"], more]
    dry = take(write_tables(taken, new), "--dry-run")
    assert "the source marks it confidential" in dry
    assert not marked()
    assert "the source marks it confidential" in take(write_tables(taken, new))
    assert marked()
    if kind != "location":
        assert api(None).get(path).status_code == 404
        assert reader.get(path).json()["name"] != "Renamed"
    assert reader.get(SERVICE).json()["description"] == "In our own words."
    new_one = f"/v1/directory/services/{id_of(SOURCE, 'service', '12')}"
    assert reader.get(new_one).status_code == 404  # nothing else of the source is taken
    again = take(write_tables(taken, new))
    assert "the source marks it confidential" not in again  # nothing is left to take
    take(write_tables(taken, changed(source, table, row, confidential="no")))
    assert marked()


def test_it_can_be_taken_back(taken: Path, api: Any) -> None:
    patch(api("ywca.editor"), {"description": "In our own words."})
    again = write_tables(taken, changed(HELP, "services", 0, description="The county's."))
    take(again, "--over-edits")
    assert told(api)["description"] == "The county's."


def test_pausing_and_checking_leave_the_rest_to_the_source(taken: Path, api: Any) -> None:
    patch(api("ywca.editor"), {"intake_paused": True, "assured_date": "2026-11-20"})
    again = changed(
        HELP, "services", 0, description="Anew.", assured_date="2020-01-01", intake_paused="no"
    )
    take(write_tables(taken, again))
    after = told(api)
    assert after["description"] == "Anew."
    assert (after["intake"], after["assured_date"]) == ("paused", "2026-11-20")
    theirs = {"intake_paused": "yes", "intake_paused_until": "2026-12-01T00:00:00Z"}
    take(write_tables(taken, changed(HELP, "services", 0, **theirs)))
    assert "intake_paused_until" not in told(api), "our pause has no end of the source's"


def test_a_file_says_who_answers_only_where_the_operator_lets_it(taken: Path, api: Any) -> None:
    sarc = str(agency_id("sarc"))
    again = write_tables(taken, changed(HELP, "services", 0, answered_by=sarc))
    take(again)
    assert told(api)["answered_by"] == str(agency_id("ywca"))
    take(again, "--answered-by")
    assert told(api)["answered_by"] == sarc


# -- Listed elsewhere by the source ----------------------------------------------------------------

ELSEWHERE = {"id": "2", "name": "Elsewhere", "description": "For tests."}
TWO = {
    **HELP,
    **PLACE,
    "organizations": [*HELP["organizations"], ELSEWHERE],
    "services": [
        *HELP["services"],
        {"id": "20", "organization_id": "2", "name": "Baking", "status": "active"},
    ],
}
TWO["service_at_location"] = [
    *PLACE["service_at_location"],
    {"id": "70", "service_id": "10", "location_id": "5"},
]


def moved(tables: Any, organization: str = "2") -> Any:
    """The source lists service 10 and its place under another organization, and says something
    else, or something more, about all their related rows."""
    new = changed(tables, "services", 0, organization_id=organization, name="Renamed")
    new = changed(new, "services", 2, name="Baking bread")
    new = changed(new, "locations", 0, organization_id=organization, name="Renamed")
    new = changed(new, "addresses", 0, address_1="1 Elsewhere Street")
    new = changed(new, "phones", 0, number="406-555-0199")
    beneath = {"id": "900", "service_id": "10"}
    more: dict[str, dict[str, str]] = {
        "phones": {**beneath, "number": "406-555-0198"},
        "contacts": {**beneath, "organization_id": organization, "name": "Someone Else"},
        "schedules": {"id": "901", "service_at_location_id": "70", "opens_at": "09:00"},
        "languages": {"id": "902", "phone_id": "900", "name": "Norn", "code": "nrn"},
        "attributes": {"id": "903", "link_id": "100", "link_entity": "phone", "value": "theirs"},
    }
    return new | {table: [*new.get(table, []), row] for table, row in more.items()}


def test_what_an_agency_keeps_stays_its_own_wherever_the_source_lists_it(
    taken: Path, api: Any
) -> None:
    take(write_tables(taken, TWO))
    patch(api("ywca.editor"), {"description": "In our own words."})
    before, rows_before = told(api), rows(SOURCE)
    for _ in range(2):
        report = take(write_tables(taken, moved(TWO)))
        assert "its agency changes this entry itself: left as it is" in report
        assert told(api) == before
        after = rows(SOURCE)
        other = id_of(SOURCE, "service", "20")
        assert [one["name"] for one in after["service"] if one["id"] == other] == ["Baking bread"]
        ours = [one for one in after["service"] if one["id"] != other]
        assert ours == [one for one in rows_before["service"] if one["id"] != other]
        for table in set(after) - {"service"}:
            assert after[table] == rows_before[table], table
        assert stale(SOURCE) == {}
    patch(api("ywca.editor"), {"description": "In our own words, again."})
    take(taken, "--over-edits")
    after_all = told(api)
    assert (after_all["name"], after_all["organization"]["name"]) == ("Renamed", "Elsewhere")
    assert "406-555-0199" in str(after_all["phones"])


def test_what_an_agency_has_hidden_is_not_shown_by_being_listed_elsewhere(
    taken: Path, api: Any
) -> None:
    take(write_tables(taken, TWO))
    home = f"/v1/directory/organizations/{id_of(SOURCE, 'organization', '1')}"
    editor = api("ywca.editor")
    hiding = editor.patch(home, {"confidential": True}, If_Match=editor.get(home)["ETag"])
    assert hiding.status_code == 200
    take(write_tables(taken, moved(TWO)))
    assert api(None).get(SERVICE).status_code == 404
    place = m.Location.objects.using(JOBS).get(id=id_of(SOURCE, "location", "5"))
    assert (place.confidential, place.latitude) == (True, None)
    assert editor.get(SERVICE).status_code == 200


@pytest.mark.parametrize("marked", ["itself", "its new organization"])
def test_a_marker_that_hides_is_taken_there_too(taken: Path, api: Any, marked: str) -> None:
    take(write_tables(taken, TWO))
    patch(api("ywca.editor"), {"description": "In our own words."})
    new = moved(TWO)
    if marked == "itself":
        new = changed(new, "services", 0, confidential="yes")
    else:
        new = changed(new, "organizations", 1, confidential="yes")
    dry = take(write_tables(taken, new), "--dry-run")
    assert told(api)
    real = take(taken)
    for report in (dry, real):
        assert "hidden: the source marks it confidential" in report
    assert dry.splitlines()[-1].partition(": ")[2] == real.splitlines()[-1].partition(": ")[2]
    assert api(None).get(SERVICE).status_code == 404
    assert not m.Address.objects.using(JOBS).filter(source=SOURCE).exists()
    kept = api("ywca.editor").get(SERVICE).json()
    assert (kept["name"], kept["description"]) == ("Talking", "In our own words.")
    assert stale(SOURCE) == {}


def test_what_an_agency_says_of_today_goes_along_and_stays(taken: Path, api: Any) -> None:
    """Also at the import after that, when the service has long been another organization's."""
    take(write_tables(taken, TWO))
    patch(api("ywca.editor"), {"intake_paused": True, "assured_date": "2026-11-20"})
    new = changed(
        moved(TWO), "services", 0, assured_date="2020-01-01", intake_paused="no", answered_by=""
    )
    new["organizations"] = [ELSEWHERE]
    for name in ("Once", "Twice"):
        take(write_tables(taken, changed(new, "services", 0, name=name)), "--answered-by")
        after = told(api)
        assert (after["name"], after["organization"]["name"]) == (name, "Elsewhere")
        assert (after["intake"], after["assured_date"]) == ("paused", "2026-11-20")


def test_what_goes_to_an_organization_that_is_kept_stays_where_it_was(
    taken: Path, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hidden place as well, whose key is not kept: it is not taken for one that is gone."""
    monkeypatch.setattr(import_package, "BATCH", 1)  # each organization for itself
    hall = {"id": "6", "organization_id": "2", "name": "Hall", "confidential": "yes"}
    found = {"id": "8", "service_id": "20", "location_id": "6"}
    source = {**TWO, "locations": [*TWO["locations"], hall]}
    source["service_at_location"] = [*TWO["service_at_location"], found]
    take(write_tables(taken, source))
    patch(api("ywca.editor"), {"description": "In our own words."})
    before = rows(SOURCE)
    take(write_tables(taken, changed(source, "locations", 1, organization_id="1")))
    assert rows(SOURCE) == before


def test_what_would_hang_on_a_new_row_of_theirs_costs_its_organization_nothing_else(
    taken: Path, api: Any
) -> None:
    take(write_tables(taken, TWO))
    patch(api("ywca.editor"), {"description": "In our own words."})
    new = changed(TWO, "services", 2, name="Baking bread")
    new["locations"] = [*new["locations"], {"id": "6", "organization_id": "1", "name": "Annexe"}]
    found = {"id": "8", "service_id": "20", "location_id": "6"}
    new["service_at_location"] = [*new["service_at_location"], found]
    report = take(write_tables(taken, new))
    assert "quarantined: what it belongs to is not taken" in report
    other = api(None).get(f"/v1/directory/services/{id_of(SOURCE, 'service', '20')}").json()
    assert other["name"] == "Baking bread"
