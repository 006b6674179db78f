"""Edits of the directory that are refused, with a pointer to the fault."""

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from directory import models as m
from permissions.database.uuid7 import uuid7
from tests.directory.own_services import SERVICES, a_service, history_of, refusal, tag
from tests.directory.own_services import nothing_left as nothing_left  # a fixture
from tests.directory.own_services import service as service  # a fixture
from tests.directory.own_services import ywca as ywca  # a fixture
from tests.support.people.callers import Caller, agency_id
from tests.support.people.directory_entries import OURS, THEIR_SERVICE, THEIRS


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": 7}, "/name"),
        ({"name": "x" * 501}, "/name"),
        ({"description": "x" * 20_001}, "/description"),
        ({"description": "Come <b>now</b>"}, "/description"),
        ({"description": "bell \u0007"}, "/description"),
        ({"description": "call \u202e0010-555-604\u202c"}, "/description"),
        ({"name": "Safe\u200b House"}, "/name"),
        ({"name": "Safe\nHouse"}, "/name"),
        ({"phones": [{"number": "406-555-0\u2066171\u2069"}]}, "/phones/0/number"),
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
    """A person who could do that would send a survivor to another door."""
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
