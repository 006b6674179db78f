"""PUT and PATCH under /v1/directory: an agency changes its own entries only.

ywca edits "shelter" of the demo directory; sarc edits "campus".
"""

import json
from typing import Any

import pytest

from directory import models as m
from directory.demo import loader
from permissions.database.uuid7 import uuid7
from tests.directory.own_services import (
    ORGANIZATIONS,
    SERVICES,
    a_service,
    changes_of,
    history_of,
    refusal,
    tag,
)
from tests.directory.own_services import nothing_left as nothing_left  # a fixture
from tests.directory.own_services import service as service  # a fixture
from tests.directory.own_services import ywca as ywca  # a fixture
from tests.support.ground.repository import contract
from tests.support.people.callers import Caller, agency_id, member_id
from tests.support.people.directory_entries import LOCATIONS, OURS, a_location
from tests.support.proofs.contract_shapes import faults_of


def test_a_service_is_made_under_the_callers_id_and_read_by_everybody(
    api: Any, ywca: Caller, service: str
) -> None:
    seen = api(None).get(service)
    assert seen.status_code == 200
    document = seen.json()
    assert document["id"] == service.rsplit("/", 1)[1]
    assert document["organization"]["id"] == str(OURS)
    assert document["phones"][0]["languages"][0]["code"] == "es"
    assert document["contacts"][0]["phones"][0]["number"] == "406-555-0172"
    assert document["capacities"][0]["unit"]["name"] == "beds of a test"
    assert (document["intake"], document["answered_by"]) == ("taking", None)
    listed = api(None).get(SERVICES, {"search": "night line"}).json()["contents"]
    assert document["id"] in {one["id"] for one in listed}
    (edit,) = history_of(service)
    assert (edit.action, edit.agency_id, edit.member_id) == (
        "created",
        agency_id("ywca"),
        member_id("ywca.editor"),
    )
    assert "phones" in edit.fields
    assert "name" in edit.fields
    assert changes_of(service) == ["created"]


def test_the_document_that_is_read_is_put_back_and_nothing_changes(
    api: Any, ywca: Caller, service: str
) -> None:
    seen = ywca.get(service)
    again = ywca.put(service, seen.json(), If_Match=seen["ETag"])
    assert (again.status_code, again["ETag"]) == (200, seen["ETag"])
    assert again.content == seen.content
    assert len(history_of(service)) == 1
    assert changes_of(service) == ["created"]


@pytest.mark.parametrize("key", ["shelter-crisis", "shelter-group", "shelter-confidential"])
def test_what_was_imported_is_put_back_as_it_is_read(ywca: Caller, key: str) -> None:
    path = f"{SERVICES}/{loader.service_id(key)}"
    seen = ywca.get(path)
    again = ywca.put(path, seen.json())
    assert again.status_code == 200, again.content
    assert again.content == seen.content
    assert history_of(path) == []


def test_an_organization_and_its_place_are_put_back_as_they_are_read(ywca: Caller) -> None:
    path = f"{ORGANIZATIONS}/{OURS}"
    seen = ywca.get(path)
    assert ywca.put(path, seen.json()).content == seen.content
    place = m.Location.objects.using("jobs").filter(organization_id=OURS).first()
    assert place
    path = f"{LOCATIONS}/{place.id}"
    seen = ywca.get(path)
    assert ywca.put(path, seen.json()).content == seen.content
    assert history_of(path) == []


def test_the_contract_takes_what_is_read_and_refuses_what_the_server_refuses(
    ywca: Caller, service: str
) -> None:
    shapes = contract()["components"]["schemas"]
    place = m.Location.objects.using("jobs").filter(organization_id=OURS).first()
    assert place
    for path, shape in (
        (service, "DirectoryServiceIn"),
        (f"{SERVICES}/{loader.service_id('shelter-crisis')}", "DirectoryServiceIn"),
        (f"{ORGANIZATIONS}/{OURS}", "DirectoryOrganizationIn"),
        (f"{LOCATIONS}/{place.id}", "DirectoryLocationIn"),
    ):
        document = ywca.get(path).json()
        assert faults_of(shapes[shape], document) == [], path
        for wrong in (document | {"distance": 5}, document | {"phones": [{"colour": "red"}]}):
            assert faults_of(shapes[shape], wrong) != [], path
            answer = ywca.put(path, wrong, If_Match=tag(ywca, path))
            assert refusal(answer)[:2] == (400, "unknown_field"), path


def test_the_same_put_twice_is_one_change(ywca: Caller) -> None:
    path = f"{SERVICES}/{uuid7()}"
    first, second = ywca.put(path, a_service()), ywca.put(path, a_service())
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.content == second.content
    assert first["Location"] == path
    old = first["ETag"]
    for expected in (2, 2):
        done = ywca.put(path, a_service(name="Day line"), If_Match=old)
        assert done.status_code == 200, done.content
        assert len(history_of(path)) == expected
    assert changes_of(path) == ["created", "updated"]


def test_rows_that_are_left_out_are_gone_and_others_keep_their_ids(
    ywca: Caller, service: str
) -> None:
    before = ywca.get(service).json()
    phones = [{"number": "406-555-0173"}, *before["phones"]]
    body = {**before, "phones": phones, "contacts": []}
    after = ywca.put(service, body, If_Match=tag(ywca, service)).json()
    assert "contacts" not in after
    assert [one["number"] for one in after["phones"]] == ["406-555-0173", "406-555-0171"]
    assert after["phones"][1]["id"] == before["phones"][0]["id"]
    assert after["schedules"] == before["schedules"]
    assert history_of(service)[1].fields == ["contacts", "phones"]
    assert not m.Contact.objects.using("jobs").filter(name="Nora Invented").exists()


def test_intake_is_paused_and_resumed_and_beds_are_counted_by_patches(
    api: Any, ywca: Caller, service: str
) -> None:
    def patched(**change: Any) -> Any:
        answer = ywca.patch(service, change, If_Match=tag(ywca, service))
        assert answer.status_code == 200, answer.content
        return answer.json()

    assert patched(intake_paused=True)["intake"] == "paused"
    assert patched(intake_paused=False)["intake"] == "taking"
    capacity = ywca.get(service).json()["capacities"][0]
    full = patched(capacities=[{**capacity, "available": 0}])
    assert (full["intake"], full["capacities"][0]["id"]) == ("full", capacity["id"])
    assert full["capacities"][0]["updated"] > capacity["updated"]
    assert [edit.fields for edit in history_of(service)][1:] == [
        ["intake_paused"],
        ["intake_paused"],
        ["capacities"],
    ]
    assert patched(minimum_age=None).get("minimum_age") is None
    assert patched(answered_by=None)["answered_by"] is None


def test_a_merge_patch_has_its_own_media_type_too(ywca: Caller, service: str) -> None:
    answer = ywca.http.patch(
        service,
        json.dumps({"alert": "Closed tonight."}),
        content_type="application/merge-patch+json",
        headers=ywca.headers({"If-Match": tag(ywca, service)}),
    )
    assert answer.status_code == 200
    assert answer.json()["alert"] == "Closed tonight."


def test_a_service_that_is_ended_is_defunct_and_stays_to_be_named(
    api: Any, ywca: Caller, service: str
) -> None:
    assert refusal(ywca.delete(service))[0] == 428
    assert ywca.delete(service, If_Match=tag(ywca, service)).status_code == 204
    assert ywca.delete(service).status_code == 204  # already
    assert api(None).get(service).json()["status"] == "defunct"
    found = api(None).get(SERVICES, {"search": "night line"}).json()["contents"]
    assert service.rsplit("/", 1)[1] not in {one["id"] for one in found}


def test_a_place_is_made_named_by_a_service_and_removed_once_nothing_is_found_there(
    api: Any, ywca: Caller, service: str
) -> None:
    place = str(uuid7())
    made = ywca.put(f"{LOCATIONS}/{place}", a_location())
    assert made.status_code == 201, made.content
    linked = ywca.patch(
        service, {"service_at_locations": [{"location_id": place}]}, If_Match=tag(ywca, service)
    )
    assert linked.status_code == 200, linked.content
    (link,) = api(None).get(service).json()["service_at_locations"]
    assert link["location"]["addresses"][0]["address_1"] == "17 Inventors Lane"
    path = f"{LOCATIONS}/{place}"
    moved = ywca.patch(path, {"description": "Second floor."}, If_Match=tag(ywca, path))
    assert moved.status_code == 200
    (link,) = api(None).get(service).json()["service_at_locations"]
    assert link["location"]["description"] == "Second floor."
    assert refusal(ywca.delete(path, If_Match=tag(ywca, path)))[:2] == (409, "in_use")
    unlinked = ywca.patch(service, {"service_at_locations": None}, If_Match=tag(ywca, service))
    assert "service_at_locations" not in unlinked.json()
    assert ywca.delete(path, If_Match=tag(ywca, path)).status_code == 204
    assert ywca.get(path).status_code == 404
    assert not m.Address.objects.using("jobs").filter(address_1="17 Inventors Lane").exists()


def test_a_new_organization_is_its_makers_own(api: Any, ywca: Caller) -> None:
    path = f"{ORGANIZATIONS}/{uuid7()}"
    body = {
        "name": "A test's union",
        "description": "New.",
        "programs": [{"name": "First", "description": ""}],
    }
    made = ywca.put(path, body)
    assert made.status_code == 201, made.content
    assert api(None).get(path).json()["programs"][0]["name"] == "First"
    renamed = ywca.patch(path, {"name": "A test's league"}, If_Match=made["ETag"])
    assert renamed.status_code == 200
    other = api("sarc.editor").patch(path, {"name": "Taken"}, If_Match=renamed["ETag"])
    assert refusal(other)[:2] == (403, "not_yours")
    program = renamed.json()["programs"][0]["id"]
    service = f"{SERVICES}/{uuid7()}"
    organization = path.rsplit("/", 1)[1]
    of_it = a_service(organization_id=organization, program_id=program)
    made = ywca.put(service, of_it)
    assert made.status_code == 201, made.content
    assert made.json()["organization"]["name"] == "A test's league"
    assert ywca.patch(path, {"name": "X"}, If_Match=tag(ywca, path)).status_code == 200
    assert api(None).get(service).json()["organization"]["name"] == "X"
