"""What is public under /fhir: what it does, its codes, and the directory."""

from typing import Any
from uuid import uuid4

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.codesystem import CodeSystem
from fhir.resources.R4B.servicerequest import ServiceRequest
from fhir.resources.R4B.task import Task

from api.accounts import oauth, smart_scopes
from api.fhir import vocabulary
from tests.support.people import fhir_bundles as fhir
from tests.support.people.callers import agency_id
from tests.support.people.stories import Story, return_body, service_of


def read(api: Any, path: str, who: str | None = None, status: int = 200) -> dict[str, Any]:
    answer = api(who).get(f"/fhir/{path}")
    assert answer.status_code == status, answer.content
    resource: dict[str, Any] = answer.json()
    return resource


def test_the_statement_names_what_is_served(api: Any) -> None:
    said = read(api, "metadata")
    CapabilityStatement.model_validate(said)
    (rest,) = said["rest"]
    for resource in rest["resource"]:
        kind = resource["type"]
        for interaction in resource["interaction"]:
            if interaction["code"] == "search-type":
                answer = api("police.worker").get(f"/fhir/{kind}")
                assert answer.status_code in (200, 400, 403), "it is there; a Consent needs a Task"
                for one in resource.get("searchParam", ()):
                    answer = api("police.worker").get(f"/fhir/{kind}", {one["name"]: "x"})
                    code = answer.json().get("issue", [{}])[0].get("details", {}).get("coding")
                    assert "unknown_parameter" not in str(code), (kind, one["name"])
    page = rest["documentation"].partition("//")[2].partition("/")[2]
    assert api(None).get(f"/{page}").status_code == 200, "the page of deviations"
    assert "instantiates" not in said, "no conformance is claimed that is not had"
    assert "implementationGuide" not in said


def test_smart_finds_the_token_endpoint(api: Any) -> None:
    said = read(api, ".well-known/smart-configuration")
    assert said["capabilities"] == ["client-confidential-asymmetric", "permission-v2"]
    assert said["scopes_supported"] == list(smart_scopes.SCOPES)
    assert {"RS384", "ES384"} <= set(said["token_endpoint_auth_signing_alg_values_supported"])


def test_every_scope_of_smart_is_one_of_ours() -> None:
    for scope in smart_scopes.SCOPES:
        assert {*smart_scopes.own_scopes([scope])} <= {*oauth.SCOPES}
    assert smart_scopes.own_scopes(["system/Task.rs"]) == ["referrals:read"]
    assert smart_scopes.own_scopes(["system/Task.cu", "directory:read"]) == [
        *("referrals:write", "directory:read")
    ]
    for unknown in (
        *("system/Task.d", "system/Patient.rs", "user/Task.rs", "system/*.rs", "system/Task."),
        *("system/Task.sr", "system/Task.read", "system/Task.rs?status=draft"),
    ):
        assert smart_scopes.own_scopes([unknown]) == [unknown]


@pytest.mark.parametrize("name", sorted(vocabulary.LISTS))
def test_each_list_of_codes_is_a_code_system(api: Any, name: str) -> None:
    said = read(api, f"CodeSystem/{name.replace('_', '-')}")
    CodeSystem.model_validate(said)
    assert said["url"] == fhir.system(name)
    assert {one["code"] for one in said["concept"]} == {*vocabulary.LISTS[name]}
    assert said["count"] == len(said["concept"])


def test_another_list_is_not_there(api: Any) -> None:
    for name in ("refusals", "access_needs", "x"):
        read(api, f"CodeSystem/{name}", status=404)


def test_resources_are_of_fhirs_shape(story: Story, api: Any) -> None:
    story.create(concern="stalking", language="es").send().accept()
    story.answers("complete", {"outcome": "served"}).answers("put_return_release", return_body())
    for who in ("police.worker", "ywca.worker"):
        Task.model_validate(read(api, f"Task/{story.id}", who))
        ServiceRequest.model_validate(read(api, f"ServiceRequest/{story.id}", who))
        Bundle.model_validate(read(api, "Task?_include=Task:focus", who))
        Bundle.model_validate(read(api, "HealthcareService?_count=5", who))


# -- The directory ---------------------------------------------------------------------------------


def test_a_service_says_who_answers_and_where_it_is(api: Any) -> None:
    id_ = service_of("ywca")
    said = read(api, f"HealthcareService/{id_}")
    native = api(None).get(f"/v1/directory/services/{id_}").json()
    assert (said["id"], said["name"]) == (id_, native["name"])
    assert {one["value"] for one in said["telecom"]} >= {one["number"] for one in native["phones"]}
    more = {one["url"].rpartition("/")[2]: one for one in said["extension"]}
    assert more["intake"]["valueCode"] == "taking"
    answers = more["answered-by"]["valueReference"]["reference"]
    assert answers == f"Organization/{agency_id('ywca')}"
    assert read(api, answers, "hospital.worker")["name"] == "Demo Women's Centre"
    read(api, answers, status=404)  # who is in the network is not public
    read(api, said["providedBy"]["reference"])
    for place in said.get("location", ()):
        assert read(api, place["reference"])["resourceType"] == "Location"


def test_services_are_found_by_name_and_organization(api: Any) -> None:
    def ids(**query: str) -> list[str]:
        answer = api(None).get("/fhir/HealthcareService", query)
        assert answer.status_code == 200, answer.content
        return [one["resource"]["id"] for one in answer.json().get("entry", ())]

    id_ = service_of("ywca")
    organization = read(api, f"HealthcareService/{id_}")["providedBy"]["reference"]
    assert id_ in ids(organization=organization)
    assert ids(organization=f"Organization/{uuid4()}") == []
    assert id_ in ids(name=read(api, f"HealthcareService/{id_}")["name"])
    assert ids(_id=id_) == [id_]
    assert ids(_id=str(uuid4())) == ids(_id="x") == []
    every: list[str] = []
    number = 1
    while page := ids(_count="7", page=str(number)):
        every += page
        number += 1
    native = api(None).get("/v1/directory/services", {"per_page": "100"}).json()
    assert set(every) == {one["id"] for one in native["contents"]}
    asked = api(None).get(
        "/fhir/HealthcareService", {"_id": id_, "_include": "HealthcareService:location"}
    )
    modes = [one["search"]["mode"] for one in asked.json()["entry"]]
    places = [
        one["resource"] for one in asked.json()["entry"] if one["search"]["mode"] == "include"
    ]
    assert modes == ["match"] + ["include"] * len(places)
    assert [one["id"] for one in places] == [
        one["reference"].rpartition("/")[2]
        for one in read(api, f"HealthcareService/{id_}").get("location", ())
    ]
    for one in places:
        assert one == read(api, f"Location/{one['id']}")
    for wrong in (
        {"page": "0"},
        {"_include": "x"},
        {"page": "x"},
        {"organization": "x"},
        {"_count": "51"},
    ):
        assert api(None).get("/fhir/HealthcareService", wrong).status_code == 400


def test_what_is_confidential_is_for_the_network(api: Any) -> None:
    def listed(who: str | None) -> set[str]:
        page = api(who).get("/v1/directory/services", {"per_page": "100"}).json()
        return {one["id"] for one in page["contents"]}

    hidden = listed("hospital.worker") - listed(None)
    assert hidden, "the demo directory has confidential services"
    for id_ in hidden:
        read(api, f"HealthcareService/{id_}", status=404)
        read(api, f"HealthcareService/{id_}", "hospital.auditor", status=404)
        said = read(api, f"HealthcareService/{id_}", "hospital.worker")
        for place in said.get("location", ()):
            read(api, place["reference"], status=404)
            there = read(api, place["reference"], "hospital.worker")
            native = api("hospital.worker").get(
                f"/v1/directory/service_at_locations/{place['reference'].rpartition('/')[2]}"
            )
            assert ("address" in there) == bool(native.json()["location"].get("addresses"))
