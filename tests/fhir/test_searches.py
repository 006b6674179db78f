"""Searches: the list of /v1 in FHIR's words, and no more than it shows."""

from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from tests.support.people import fhir_bundles as fhir
from tests.support.people.callers import agency_id, member_id, scoped
from tests.support.people.own_numbers import NUMBER
from tests.support.people.stories import Story, service_of

SENDER, RECIPIENT = "police.worker", "ywca.worker"
NOTHING = "01890000-0000-7000-8000-000000000004"  # no referral's


def found(api: Any, who: str, kind: str, mode: str = "match", **query: str) -> list[dict[str, Any]]:
    answer = api(who).get(f"/fhir/{kind}", {key.replace("__", "."): v for key, v in query.items()})
    assert answer.status_code == 200, answer.content
    bundle = answer.json()
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "searchset")
    assert "total" not in bundle, "a total counts what the caller may not see (R3)"
    return [one["resource"] for one in bundle.get("entry", ()) if one["search"]["mode"] == mode]


def ids(*arguments: Any, **query: str) -> list[str]:
    return [one["id"] for one in found(*arguments, **query)]


@pytest.fixture
def three(story: Story, api: Any) -> list[Story]:
    """One sent, one accepted and completed, one sent to another agency."""
    sent, done = story.send(), Story(api, story.service_id).accept()
    done.answers("complete", {"outcome": "served"})
    other = Story(api, service_of("sarc"), recipient="sarc.worker")
    return [sent, done, other.send()]


def test_a_search_without_conditions_is_the_list(three: list[Story], api: Any) -> None:
    for who in (SENDER, RECIPIENT, "outsider.worker"):
        native = [one["id"] for one in api(who).get("/v1/referrals").json()["items"]]
        assert ids(api, who, "Task") == ids(api, who, "ServiceRequest") == native


def test_each_parameter_narrows_it(three: list[Story], api: Any) -> None:
    sent, done, other = (one.id for one in three)
    police, ywca, sarc = (f"Organization/{agency_id(key)}" for key in ("police", "ywca", "sarc"))
    for query, expected in (
        ({"status": "requested"}, {sent, other}),
        ({"status": "requested,accepted"}, {sent, done, other}),
        ({"status": "completed"}, set()),  # to the sender it is accepted (R2)
        ({"requester": police}, {sent, done, other}),
        ({"requester": ywca}, set()),
        ({"owner": police}, set()),
        ({"owner": sarc}, {other}),
        ({"owner": ywca}, {sent, done}),
        ({"requester": police, "owner": police}, set()),
        ({"owner": f"{fhir.BASE}/{ywca}", "status": "accepted"}, {done}),
        ({"performer": f"HealthcareService/{three[0].service_id}"}, {sent, done}),
        ({"_id": sent}, {sent}),
        ({"_id": f"{sent},{done},{uuid4()}"}, {sent, done}),
        ({"_id": "no-id"}, set()),
        ({"focus": f"ServiceRequest/{done}"}, {done}),
        ({"focus": f"ServiceRequest/{done}", "_id": sent}, set()),
        ({"code": "fulfill"}, {sent, done, other}),
        ({"code": "http://hl7.org/fhir/CodeSystem/task-code|fulfill"}, {sent, done, other}),
        ({"code": "approve"}, set()),
        ({"intent": "order"}, {sent, done, other}),
        ({"_lastUpdated": "gt2026-01-01T00:00:00Z"}, {sent, done, other}),
        ({"_lastUpdated": "gt2199-01-01T00:00:00Z"}, set()),
    ):
        assert set(ids(api, SENDER, "Task", **query)) == expected, query
    assert ids(api, RECIPIENT, "Task", status="completed") == [done]
    assert set(ids(api, SENDER, "ServiceRequest", status="active")) == {sent, done, other}


def test_no_person_can_be_searched_for(three: list[Story], api: Any) -> None:
    """R3, whether there is something or not."""
    for name in ("patient", "subject"):
        for whom in ("Patient/1", f"Patient/{three[0].id}", "x"):
            assert found(api, SENDER, "Task", **{name: whom}) == []
    assert api(SENDER).get("/fhir/Patient").status_code == 404
    assert api(SENDER).get(f"/fhir/Task/{three[0].id}/_history").status_code == 404


@pytest.mark.parametrize(
    "query", [{"patient": "Patient/1"}, {"_id": "x"}, {"code": "approve"}, {"_id": NOTHING}]
)
def test_a_search_that_finds_nothing_is_in_the_log_and_needs_the_scope(
    api: Any, superuser: Any, query: dict[str, str]
) -> None:
    answer = api(SENDER).get("/fhir/Task", query)
    assert answer.status_code == 200
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM access_entry WHERE request_id = %s", [answer["X-Request-Id"]]
        )
        assert cursor.fetchone() == (1,)
    system = scoped(api, "directory:read", acting=RECIPIENT)
    assert system.get("/fhir/Task", query).status_code == 403


def test_the_own_number_finds_it(story: Story, api: Any) -> None:
    story.send().sends("set_external_ref", {"ref": NUMBER})
    for number in (NUMBER, f"urn:oid:1.2.3|{NUMBER}"):
        assert ids(api, SENDER, "Task", identifier=number) == [story.id]
        assert ids(api, RECIPIENT, "Task", identifier=number) == []
    (one,) = found(api, SENDER, "Task", identifier=NUMBER)
    assert {
        each["type"]["coding"][0]["code"]: each["value"]
        for each in one["identifier"]
        if "system" not in each
    } == {"PLAC": NUMBER}


def test_the_orders_of_tasks_come_with_them(three: list[Story], api: Any) -> None:
    orders = found(api, SENDER, "Task", "include", _include="Task:focus")
    assert {one["id"] for one in orders} == {one.id for one in three}
    assert {one["resourceType"] for one in orders} == {"ServiceRequest"}
    tags = [one["meta"]["tag"][0]["code"] for one in orders]
    assert tags == ["SUBSETTED"] * 3, "a list does not have the whole notice"
    (whole,) = found(api, SENDER, "Task", "include", _include="Task:focus", _id=three[0].id)
    assert "tag" not in whole["meta"]


def test_pages_follow_their_links_and_miss_none(story: Story, api: Any) -> None:
    made = {Story(api, story.service_id).send().id for _ in range(5)}
    seen: list[str] = []
    query: dict[str, str] = {"_count": "2", "status": "requested"}
    for _ in range(5):
        bundle = api(SENDER).get("/fhir/Task", query).json()
        seen += [one["resource"]["id"] for one in bundle.get("entry", ())]
        links = {one["relation"]: one["url"] for one in bundle["link"]}
        if "next" not in links:
            break
        assert links["next"].startswith(f"{fhir.BASE}/Task?")
        query = {key: value for key, (value,) in parse_qs(urlsplit(links["next"]).query).items()}
    assert len(seen) == len(set(seen)) == 5
    assert set(seen) == made


@pytest.mark.parametrize(
    "query",
    [
        {"_lastUpdated": "2026-01-01"},
        {"_lastUpdated": "gtsoon"},
        {"_include": "Task:output"},
        {"_count": "0"},
        {"_count": "1000"},
        {"cursor": "invented"},
        {"severity": "high"},
        {"_id": NOTHING, "identifier": "ORDER-1"},
        {"focus": f"ServiceRequest/{NOTHING}", "_lastUpdated": "gt2026-01-01T00:00:00Z"},
        {"_id": ",".join([NOTHING] * 101)},
        {"identifier": f"{fhir.BASE}/NamingSystem/reference|BCDFGH"},
    ],
)
def test_what_is_not_known_is_refused(api: Any, query: dict[str, str]) -> None:
    answer = api(SENDER).get("/fhir/Task", query)
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_a_missing_scope_is_403_on_lists(three: list[Story], api: Any) -> None:
    caller = scoped(api, "directory:read", acting=RECIPIENT)
    for path in ("Task", "ServiceRequest", f"Task/{three[0].id}"):
        answer = caller.get(f"/fhir/{path}")
        assert answer.status_code == 403, path
        assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == "scope_missing"


def test_the_barred_find_nothing(story: Story, api: Any) -> None:
    story.accept().answers("block", {"member_id": str(member_id("ywca.worker2"))})
    for kind in ("Task", "ServiceRequest"):
        for query in ({}, {"_id": story.id}, {"status": "accepted"}):
            assert found(api, "ywca.worker2", kind, **query) == []
