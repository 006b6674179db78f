"""An import meets entries that an agency has changed here: from then on the agency keeps them."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from directory import models as m
from directory.importing.reading import id_of
from directory.rendering import JOBS
from tests.conftest import Caller, agency_id
from tests.database import forget_edits
from tests.source_rows import forget
from tests.test_import_hsds import HELP, changed, write_tables

SOURCE = "test"
SERVICE = f"/v1/directory/services/{id_of(SOURCE, 'service', '10')}"


@pytest.fixture
def taken(tmp_path: Path, api: Any) -> Iterator[Path]:
    """An imported organization that ywca edits from now on."""
    folder = write_tables(tmp_path, HELP)
    take(folder)
    organization = str(id_of(SOURCE, "organization", "1"))
    agency = str(agency_id("ywca"))
    call_command("bind_organization", organization, agency, stdout=StringIO())
    yield tmp_path
    forget(SOURCE)
    forget_edits()


def take(folder: Path, *more: str) -> str:
    out = StringIO()
    call_command(
        "import_hsds", str(folder), "--source", SOURCE, *more, stdout=out, stderr=StringIO()
    )
    return out.getvalue()


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


def test_a_file_says_who_answers_only_where_the_operator_lets_it(taken: Path, api: Any) -> None:
    sarc = str(agency_id("sarc"))
    again = write_tables(taken, changed(HELP, "services", 0, answered_by=sarc))
    take(again)
    assert told(api)["answered_by"] == str(agency_id("ywca"))
    take(again, "--answered-by")
    assert told(api)["answered_by"] == sarc
