"""PUT and PATCH under /v1/directory: an agency changes its own entries, and nobody else's.

ywca edits "shelter" of the demo directory; sarc edits "campus".
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connections

from directory import models as m
from directory.demo import loader
from permissions import assignments
from permissions.database.uuid7 import uuid7
from permissions.identity import credentials
from permissions.models import Client
from tests.support.callers import Caller, agency_id, member_id
from tests.support.database import forget_edits
from tests.support.directory_entries import LOCATIONS, OURS, THEIR_SERVICE, THEIRS, a_location
from tests.support.stale_projections import stale

SERVICES, ORGANIZATIONS = "/v1/directory/services", "/v1/directory/organizations"
HIDDEN = loader.service_id("shelter-confidential")  # ours


@pytest.fixture(autouse=True)
def nothing_left(network: Any) -> Iterator[None]:
    """Behind each test: whatever shows what was changed shows it as it is."""
    yield
    try:
        assert stale() == {}
    finally:  # or the next would fail with this one
        forget_edits()


@pytest.fixture
def ywca(api: Any) -> Caller:
    return api("ywca.editor")


@pytest.fixture
def service(ywca: Caller) -> str:
    """The address of a new service of ours, with something in each list."""
    path = f"{SERVICES}/{uuid7()}"
    made = ywca.put(path, a_service())
    assert made.status_code == 201, made.content
    return path


def a_service(**more: Any) -> dict[str, Any]:
    return {
        "organization_id": str(OURS),
        "name": "Night line",
        "description": "Invented for a test.",
        "status": "active",
        "url": "https://example.org/night",
        "minimum_age": 18,
        "victimization_types": ["domestic"],
        "answered_by": str(agency_id("ywca")),
        "phones": [{"number": "406-555-0171", "languages": [{"code": "es", "name": "Spanish"}]}],
        "schedules": [{"freq": "WEEKLY", "byday": "MO,TU", "opens_at": "18:00:00"}],
        "contacts": [{"name": "Nora Invented", "phones": [{"number": "406-555-0172"}]}],
        "capacities": [{"available": 2, "unit": {"name": "beds of a test"}}],
        "holiday_schedules": [
            {"start_date": "2026-12-25", "end_date": "2026-12-25", "closed": True}
        ],
    } | more


def tag(caller: Caller, path: str) -> str:
    answer = caller.get(path)
    assert answer.status_code == 200, answer.content
    return str(answer["ETag"])


def history_of(path: str) -> list[m.Edit]:
    rows = m.Edit.objects.using("jobs").filter(row_id=UUID(path.rsplit("/", 1)[1]))
    return list(rows.order_by("at", "id"))


def changes_of(path: str) -> list[str]:
    entry = path.rsplit("/", 1)[1]
    rows = m.Change.objects.using("jobs").filter(entity_id=entry, network=True)
    return [row.action for row in rows.order_by("seq")]


def refusal(answer: Any) -> tuple[int, str, str | None]:
    body = answer.json()
    return answer.status_code, body["code"], body.get("pointer")


# -- Making and changing ---------------------------------------------------------------------------


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
    assert (document["intake"], document["answered_by"]) == ("taking", str(agency_id("ywca")))
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


# -- Who may ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "acting", "status", "code"),
    [
        ("ywca.editor", None, 200, ""),
        ("ywca.lead", None, 200, ""),
        ("ywca.client", None, 200, ""),
        ("ywca.client", "ywca.editor", 200, ""),
        ("ywca.client", "ywca.worker", 403, "role_missing"),
        ("ywca.worker", None, 403, "role_missing"),
        ("ywca.admin", None, 403, "role_missing"),
        ("ywca.auditor", None, 403, "role_missing"),
        ("sarc.editor", None, 403, "not_yours"),
        ("outsider.client", None, 403, "not_yours"),
        (None, None, 401, "not_authenticated"),
    ],
)
def test_an_entry_is_changed_by_the_editors_of_its_organization(
    api: Any, service: str, who: str | None, acting: str | None, status: int, code: str
) -> None:
    before = m.Change.objects.using("jobs").count()
    caller = api(who, acting)
    etag = tag(api(None), service)
    answer = caller.patch(service, {"alert": "changed"}, If_Match=etag)
    assert answer.status_code == status, answer.content
    assert (m.Change.objects.using("jobs").count() > before) == (status == 200)
    if status != 200:
        assert answer.json()["code"] == code
        assert len(history_of(service)) == 1


def test_a_client_needs_the_scope(api: Any, service: str) -> None:
    caller = api(None)
    caller.secret = f"a-token-of-a-test-{uuid4()}"
    client = Client.objects.get(client_id="demo-ywca")
    credentials.open_for_client(client, caller.secret, ["directory:read", "referrals:write"])
    answer = caller.patch(service, {"alert": "x"}, If_Match=tag(caller, service))
    assert refusal(answer)[:2] == (403, "scope_missing")


def test_anothers_confidential_entry_is_not_there_for_a_client_that_reads_none(api: Any) -> None:
    """Like an id that never was (R3), for each method."""
    caller = api(None)
    caller.secret = f"a-token-of-a-test-{uuid4()}"
    client = Client.objects.get(client_id="demo-sarc")
    credentials.open_for_client(client, caller.secret, ["directory:write"])
    for path in (f"{SERVICES}/{HIDDEN}", f"{SERVICES}/{uuid4()}"):
        answer = caller.patch(path, {"alert": "x"}, If_Match='"x"')
        assert refusal(answer) == (404, "not_found", None)
        assert caller.delete(path, If_Match='"x"').status_code == 404
    assert (
        api("sarc.editor").patch(f"{SERVICES}/{HIDDEN}", {"alert": "x"}, If_Match='"x"').status_code
        == 403
    )


def test_a_place_is_by_itself_for_its_editors_only(api: Any) -> None:
    place = m.Location.objects.using("jobs").filter(organization_id=OURS).first()
    assert place
    for who in (None, "ywca.worker", "sarc.editor", "police.lead"):
        answer = api(who).get(f"{LOCATIONS}/{place.id}")
        assert answer.status_code == (401 if who is None else 404), who
        if who:
            assert api(who).put(f"{LOCATIONS}/{place.id}", a_location()).status_code == 404
    assert api("ywca.client").get(f"{LOCATIONS}/{place.id}").status_code == 200


def test_the_editing_is_given_to_another_agency_and_ends_at_the_next_request(
    api: Any, service: str
) -> None:
    sarc, about = api("sarc.editor"), m.Organization(id=OURS)
    assignments.allow_editing(about, agency_id("sarc"))
    try:
        done = sarc.patch(service, {"alert": "theirs"}, If_Match=tag(sarc, service))
        assert done.status_code == 200, done.content
    finally:
        assignments.end_editing(about, agency_id("sarc"))
    again = sarc.patch(service, {"alert": "again"}, If_Match=tag(sarc, service))
    assert refusal(again)[:2] == (403, "not_yours")


def test_nothing_is_made_under_anothers_organization(api: Any, ywca: Caller) -> None:
    for organization in (THEIRS, uuid4()):
        for path, body in ((SERVICES, a_service()), (LOCATIONS, a_location())):
            answer = ywca.put(f"{path}/{uuid7()}", {**body, "organization_id": str(organization)})
            assert refusal(answer)[:2] == (403, "not_yours")


def test_every_edit_and_every_refusal_is_in_the_access_log(
    api: Any, superuser: Any, ywca: Caller, service: str
) -> None:
    api("sarc.editor").patch(service, {"alert": "x"}, If_Match='"x"')
    api("ywca.worker").patch(service, {"alert": "x"}, If_Match='"x"')
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT member_id, decision, rule, fields IS NOT NULL FROM access_entry"
            " WHERE act = 'directory.edit' AND directory_id = %s ORDER BY at, id",
            [service.rsplit("/", 1)[1]],
        )
        rows = cursor.fetchall()
    assert rows == [
        (member_id("ywca.editor"), "allowed", None, True),
        (member_id("sarc.editor"), "refused", "not_yours", False),
        (member_id("ywca.worker"), "refused", "role_missing", False),
    ]


# -- Preconditions ---------------------------------------------------------------------------------


def test_a_change_names_what_it_changes(ywca: Caller, service: str) -> None:
    changed = a_service(name="Other")
    for answer, expected in (
        (ywca.put(service, changed), (428, "match_required", None)),
        (ywca.patch(service, {"name": "Other"}), (428, "match_required", None)),
        (ywca.put(service, changed, If_Match='"other"'), (412, "stale", None)),
        (ywca.patch(service, {"name": "Other"}, If_Match='W/"x"'), (412, "stale", None)),
        (ywca.put(service, changed, If_None_Match="*"), (412, "stale", None)),
        (
            ywca.put(f"{SERVICES}/{uuid7()}", a_service(), If_Match='"x"'),
            (412, "stale", None),
        ),
    ):
        assert refusal(answer) == expected
    old = tag(ywca, service)
    assert ywca.patch(service, {"name": "Other"}, If_Match=f'"x", {old}').status_code == 200
    assert refusal(ywca.patch(service, {"name": "Third"}, If_Match=old))[0] == 412
    assert ywca.patch(service, {"name": "Third"}, If_Match="*").status_code == 200
    new = f"{SERVICES}/{uuid7()}"
    assert ywca.put(new, a_service(), If_None_Match="*").status_code == 201


def test_of_two_changes_at_once_one_is_done(api: Any, service: str) -> None:
    etag = tag(api(None), service)
    callers = [api("ywca.editor") for _ in range(6)]

    def change(number: int) -> int:
        try:
            body = {"alert": f"change {number}"}
            return int(callers[number].patch(service, body, If_Match=etag).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        answers = sorted(pool.map(change, range(6)))
    assert answers == [200, 412, 412, 412, 412, 412]
    assert len(history_of(service)) == 2


def test_the_same_id_made_at_once_is_made_once(api: Any) -> None:
    path = f"{SERVICES}/{uuid7()}"
    callers = [api("ywca.editor") for _ in range(5)]

    def make(number: int) -> int:
        try:
            return int(callers[number].put(path, a_service()).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(make, range(5)))
    assert answers.count(201) == 1
    assert set(answers) <= {200, 201, 409}
    assert changes_of(path) == ["created"]
    assert len(history_of(path)) == 1
    assert m.Phone.objects.using("jobs").filter(service_id=path.rsplit("/", 1)[1]).count() == 1


# -- What is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": 7}, "/name"),
        ({"name": "x" * 501}, "/name"),
        ({"description": "x" * 20_001}, "/description"),
        ({"description": "Come <b>now</b>"}, "/description"),
        ({"description": "bell \u0007"}, "/description"),
        ({"url": "example.org"}, "/url"),
        ({"url": "javascript:alert(1)"}, "/url"),
        ({"url": "ftp://example.org"}, "/url"),
        ({"url": "https://user@example.org"}, "/url"),
        ({"email": "not an address"}, "/email"),
        ({"status": "open"}, "/status"),
        ({"minimum_age": -1}, "/minimum_age"),
        ({"minimum_age": 200}, "/minimum_age"),
        ({"minimum_age": "18"}, "/minimum_age"),
        ({"maximum_age": 17}, "/maximum_age"),
        ({"assured_date": "01/02/2026"}, "/assured_date"),
        ({"assured_date": (date.today() + timedelta(3)).isoformat()}, "/assured_date"),
        ({"intake_paused": "yes"}, "/intake_paused"),
        ({"victimization_types": ["nonsense"]}, "/victimization_types"),
        ({"victimization_types": "domestic"}, "/victimization_types"),
        ({"answered_by": "nobody"}, "/answered_by"),
        ({"colour": "red"}, "/colour"),
        ({"phones": {}}, "/phones"),
        ({"phones": ["406"]}, "/phones/0"),
        ({"phones": [{"number": "ring us"}]}, "/phones/0/number"),
        ({"phones": [{}]}, "/phones/0/number"),
        ({"phones": [{"number": "406-555-0171", "id": "1"}]}, "/phones/0/id"),
        ({"phones": [{"number": "406-555-0171", "extension": "x12"}]}, "/phones/0/extension"),
        ({"phones": [{"number": "406-555-0171", "fax": True}]}, "/phones/0/fax"),
        ({"phones": [{"number": "406-555-0171"}] * 201}, "/phones"),
        ({"schedules": [{"opens_at": "9:00am"}]}, "/schedules/0/opens_at"),
        ({"schedules": [{"opens_at": "25:00"}]}, "/schedules/0/opens_at"),
        ({"schedules": [{"closes_at": "17:00:00"}]}, "/schedules/0/opens_at"),
        ({"schedules": [{"byday": "MO,XX"}]}, "/schedules/0/byday"),
        ({"schedules": [{"freq": "HOURLY"}]}, "/schedules/0/freq"),
        ({"schedules": [{"bymonthday": "32"}]}, "/schedules/0/bymonthday"),
        ({"schedules": [{"freq": "WEEKLY", "dtstart": "0001-01-01", "opens_at": "09:00"}]},
         "/schedules/0/dtstart"),
        ({"schedules": [{"freq": "WEEKLY", "dtstart": "1990-01-01", "count": 5}]},
         "/schedules/0/count"),
        ({"schedules": [{"freq": "MONTHLY", "bymonthday": "31", "dtstart": "2026-02-01",
                         "interval": 12, "opens_at": "09:00"}]}, "/schedules/0/freq"),
        ({"schedules": [{"valid_from": "2026-02-01", "valid_to": "2026-01-01"}]},
         "/schedules/0/valid_to"),
        ({"holiday_schedules": [{"start_date": "2026-12-25", "end_date": "2026-12-24"}]},
         "/holiday_schedules/0/end_date"),
        ({"capacities": [{"available": -1, "unit": {"name": "beds"}}]}, "/capacities/0/available"),
        ({"capacities": [{"available": 5, "maximum": 3, "unit": {"name": "beds"}}]},
         "/capacities/0/maximum"),
        ({"capacities": [{"available": 5}]}, "/capacities/0/unit_id"),
        ({"organization_id": str(THEIRS)}, "/organization_id"),
        ({"organization": {"id": str(OURS), "name": "Other"}}, "/organization"),
        ({"program_id": str(uuid4())}, "/program_id"),
        ({"attributes": [{"taxonomy_term": {"id": str(uuid4())}}]},
         "/attributes/0/taxonomy_term/id"),
        ({"service_at_locations": [{"location_id": str(uuid4())}]},
         "/service_at_locations/0/location_id"),
        ({"service_at_locations": [{}]}, "/service_at_locations/0/location_id"),
        ({"phones": [{"number": "406-555-0171", "location_id": str(uuid4())}]},
         "/phones/0/location_id"),
    ],
)  # fmt: skip
def test_what_an_import_would_mend_is_refused_with_a_pointer(
    ywca: Caller, service: str, body: dict[str, Any], pointer: str
) -> None:
    before = ywca.get(service)
    answer = ywca.patch(service, body, If_Match=before["ETag"])
    assert (answer.status_code, answer.json().get("pointer")) == (400, pointer), answer.content
    for value in ("nonsense", "javascript", "XX", "ring us", "Come"):
        assert value not in answer.json()["detail"]
    assert ywca.get(service).content == before.content
    assert len(history_of(service)) == 1


def test_another_agency_answers_for_itself(ywca: Caller, service: str) -> None:
    police = {"answered_by": str(agency_id("police"))}
    answer = ywca.patch(service, police, If_Match=tag(ywca, service))
    assert refusal(answer)[:2] == (403, "not_your_agency")


def test_a_number_is_not_hung_on_anothers_entry_nor_an_id_taken(
    api: Any, ywca: Caller, service: str
) -> None:
    """Whoever could would send her to another door."""
    theirs = m.Location.objects.using("jobs").filter(organization_id=THEIRS).first()
    phone = m.Phone.objects.using("jobs").filter(part_of_id=THEIRS).first()
    assert theirs
    assert phone
    before = api(None).get(f"{SERVICES}/{THEIR_SERVICE}").content
    for body, pointer in (
        (
            {"service_at_locations": [{"location_id": str(theirs.id)}]},
            "/service_at_locations/0/location_id",
        ),
        ({"phones": [{"id": str(phone.id), "number": "406-555-0171"}]}, "/phones/0/id"),
        ({"phones": [{"number": "406-555-0171", "service_id": str(THEIR_SERVICE)}]}, None),
    ):
        answer = ywca.patch(service, body, If_Match=tag(ywca, service))
        assert answer.status_code == 400, answer.content
        assert pointer in (None, answer.json()["pointer"])
    assert api(None).get(f"{SERVICES}/{THEIR_SERVICE}").content == before
    moved = ywca.put(
        f"{SERVICES}/{THEIR_SERVICE}",
        a_service(),
        If_Match=tag(ywca, f"{SERVICES}/{THEIR_SERVICE}"),
    )
    assert refusal(moved)[:2] == (403, "not_yours")


def test_a_row_of_ones_own_other_entry_is_not_taken_either(ywca: Caller, service: str) -> None:
    other = f"{SERVICES}/{uuid7()}"
    phone = ywca.put(other, a_service()).json()["phones"][0]["id"]
    body = {"phones": [{"id": phone, "number": "406-555-0171"}]}
    answer = ywca.patch(service, body, If_Match=tag(ywca, service))
    assert refusal(answer) == (400, "id_taken", "/phones/0/id")


def test_bodies_that_are_too_large_too_deep_or_no_json_are_refused(
    ywca: Caller, service: str
) -> None:
    assert ywca.patch(service, {"description": "x" * 300_000}).status_code == 413
    deep: dict[str, Any] = {}
    for _ in range(30):
        deep = {"phones": [deep]}
    assert refusal(ywca.patch(service, deep))[:2] == (400, "too_deep")
    answer = ywca.http.patch(
        service, "{", content_type="application/json", headers=ywca.headers({})
    )
    assert refusal(answer)[:2] == (400, "not_json")


# -- Confidential ----------------------------------------------------------------------------------


def test_a_place_that_becomes_confidential_loses_all_that_tells_where_it_is(
    api: Any, superuser: Any, ywca: Caller, service: str
) -> None:
    path = f"{LOCATIONS}/{uuid7()}"
    assert ywca.put(path, a_location(transportation="Bus 6")).status_code == 201
    place = path.rsplit("/", 1)[1]
    ywca.patch(
        service, {"service_at_locations": [{"location_id": place}]}, If_Match=tag(ywca, service)
    )
    assert "17 Inventors Lane" in api(None).get(service).content.decode()
    hidden = ywca.patch(path, {"confidential": True}, If_Match=tag(ywca, path))
    assert hidden.status_code == 200, hidden.content
    for text in ("Inventors", "46.5511", "Bus 6"):
        assert text not in hidden.content.decode()
        for who in (None, "ywca.editor", "police.worker"):
            assert text not in api(who).get(service).content.decode()
    with superuser.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM directory_address WHERE address_1 LIKE '17 Inv%'")
        assert cursor.fetchone() == (0,)
    # Putting the public service back does not lose the link that it cannot show.
    assert ywca.put(service, ywca.get(service).json()).status_code == 200
    assert m.ServiceAtLocation.objects.using("jobs").filter(location_id=place).exists()
    for where in (
        {"latitude": 46.9, "longitude": -113.9},
        {"addresses": a_location()["addresses"]},
    ):
        answer = ywca.patch(path, where, If_Match=tag(ywca, path))
        assert refusal(answer)[:2] == (400, "confidential_place")
    public = ywca.patch(path, {"confidential": False}, If_Match=tag(ywca, path))
    assert public.status_code == 200
    assert "addresses" not in public.json()


def test_a_public_place_that_a_confidential_service_moves_to_is_hidden_everywhere(
    api: Any, ywca: Caller, service: str
) -> None:
    path = f"{LOCATIONS}/{uuid7()}"
    assert ywca.put(path, a_location()).status_code == 201
    link = {"service_at_locations": [{"location_id": path.rsplit("/", 1)[1]}]}
    other = f"{SERVICES}/{uuid7()}"
    assert ywca.put(other, a_service(name="By day") | link).status_code == 201
    organization = f"{ORGANIZATIONS}/{OURS}"
    for shown in (other, organization):
        assert "17 Inventors Lane" in api(None).get(shown).content.decode()
    ywca.patch(service, {"confidential": True}, If_Match="*")
    moved = ywca.patch(service, link, If_Match="*")
    assert moved.status_code == 200
    for who in (None, "ywca.editor", "police.worker"):
        for shown in (service, other, organization, SERVICES, "/v1/directory/organizations"):
            query = {"full": "true", "per_page": "100"} if shown.endswith("s") else {}
            assert "Inventors Lane" not in api(who).get(shown, query).content.decode(), (who, shown)


def test_an_organization_that_becomes_confidential_takes_all_it_has_along(
    api: Any, ywca: Caller
) -> None:
    organization = f"{ORGANIZATIONS}/{uuid7()}"
    of_it = {"organization_id": organization.rsplit("/", 1)[1]}
    assert ywca.put(organization, {"name": "A test's refuge"}).status_code == 201
    place, service = f"{LOCATIONS}/{uuid7()}", f"{SERVICES}/{uuid7()}"
    assert ywca.put(place, a_location(**of_it)).status_code == 201
    link = {"service_at_locations": [{"location_id": place.rsplit("/", 1)[1]}]}
    assert ywca.put(service, a_service(**of_it) | link).status_code == 201
    hidden = ywca.patch(organization, {"confidential": True}, If_Match="*")
    assert hidden.status_code == 200, hidden.content
    assert "Inventors" not in hidden.content.decode()
    for path in (organization, service):
        assert api(None).get(path).status_code == 404
        assert api("police.worker").get(path).status_code == 200
        assert "Inventors" not in api("police.worker").get(path).content.decode()
    # Its service says that it is confidential; put back, it is so for its organization's sake only.
    seen = ywca.get(service)
    assert seen.json()["confidential"] is True
    assert ywca.put(service, seen.json()).content == seen.content
    new = f"{LOCATIONS}/{uuid7()}"
    assert refusal(ywca.put(new, a_location(**of_it)))[:2] == (400, "confidential_place")
    shown = ywca.patch(organization, {"confidential": False}, If_Match="*")
    assert shown.status_code == 200
    assert api(None).get(service).status_code == 200
    assert "Inventors" not in api(None).get(organization).content.decode()


def test_what_an_import_brought_in_masses_is_still_paused(ywca: Caller, service: str) -> None:
    row = UUID(service.rsplit("/", 1)[1])
    m.Url.objects.using("jobs").bulk_create(
        m.Url(part_of_id=OURS, service_id=row, url=f"https://example.org/{n}", position=n)
        for n in range(201)
    )
    assert ywca.patch(service, {"intake_paused": True}, If_Match="*").status_code == 200
    many = {"phones": [{"number": "406-555-0171"}] * 201}
    assert refusal(ywca.patch(service, many, If_Match="*")) == (400, "too_many", "/phones")


def test_a_row_that_also_hangs_elsewhere_is_taken_off_and_stays_there(
    ywca: Caller, service: str
) -> None:
    place = f"{LOCATIONS}/{uuid7()}"
    ywca.put(place, a_location())
    phone = m.Phone(
        part_of_id=OURS,
        service_id=UUID(service.rsplit("/", 1)[1]),
        location_id=UUID(place.rsplit("/", 1)[1]),
        number="406-555-0174",
    )
    phone.save(using="jobs", force_insert=True)
    assert ywca.patch(service, {"phones": None}, If_Match="*").status_code == 200
    kept = m.Phone.objects.using("jobs").get(id=phone.id)
    assert (kept.service_id, str(kept.location_id)) == (None, place.rsplit("/", 1)[1])
    assert ywca.get(place).json()["phones"][0]["number"] == "406-555-0174"


def test_a_new_confidential_place_is_not_made_with_an_address(ywca: Caller) -> None:
    path = f"{LOCATIONS}/{uuid7()}"
    answer = ywca.put(path, a_location(confidential=True))
    assert refusal(answer)[:2] == (400, "confidential_place")
    nowhere = {"organization_id": str(OURS), "name": "House", "confidential": True}
    assert ywca.put(path, nowhere).status_code == 201


def test_a_service_that_becomes_confidential_is_gone_for_the_public_with_its_place(
    api: Any, ywca: Caller, service: str
) -> None:
    place = f"{LOCATIONS}/{uuid7()}"
    ywca.put(place, a_location())
    link = {"service_at_locations": [{"location_id": place.rsplit("/", 1)[1]}]}
    ywca.patch(service, link, If_Match=tag(ywca, service))
    told = {"description": "Ring at 17 inventors lane."}
    ywca.patch(service, told, If_Match=tag(ywca, service))
    secret = ywca.patch(service, {"confidential": True}, If_Match=tag(ywca, service))
    assert refusal(secret) == (400, "street_in_text", "/description")
    hidden = ywca.patch(
        service, {"confidential": True, "description": "Ring."}, If_Match=tag(ywca, service)
    )
    assert hidden.status_code == 200, hidden.content
    assert "Inventors" not in hidden.content.decode()
    assert api(None).get(service).status_code == 404
    assert api("police.worker").get(service).status_code == 200
    assert ywca.get(place).json()["confidential"] is True
    shown = ywca.patch(place, {"confidential": False}, If_Match=tag(ywca, place))
    assert refusal(shown)[:2] == (409, "confidential_here")
    # A document without the marker does not take it away.
    again = {**ywca.get(service).json(), "alert": "still"}
    del again["confidential"]
    assert ywca.put(service, again, If_Match=tag(ywca, service)).json()["confidential"] is True
    told = m.Change.objects.using("jobs").filter(entity_id=service.rsplit("/", 1)[1])
    last = [(one.network, one.action) for one in told.order_by("seq")][-3:]
    assert last == [(False, "deleted"), (True, "updated"), (True, "updated")]
