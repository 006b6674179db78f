"""The rules that the tests hold /fhir to are those of the guides' own profiles.

`FHIR_PROFILES`: a folder with SDOHCC's profiles and value sets as SUSHI compiles them
(fsh-generated/resources) and US Core's (input/resources of HL7/US-Core at 7.0.0). They stay out of
the repository.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.people import fhir_rules

COMPILED = sorted(Path(os.environ.get("FHIR_PROFILES", "none")).rglob("*.json"))
PROFILES = (
    *("SDOHCC-TaskForReferralManagement", "SDOHCC-ServiceRequest", "SDOHCC-Consent"),
    *("SDOHCC-HealthcareService", "SDOHCC-Location", "us-core-servicerequest", "us-core-location"),
)


def named(kind: str, id_: str) -> dict[str, Any]:
    for path in COMPILED:
        found = json.loads(path.read_text())
        if isinstance(found, dict) and (found.get("resourceType"), found.get("id")) == (kind, id_):
            return found
    raise LookupError(id_)


@pytest.mark.skipif(not COMPILED, reason="FHIR_PROFILES names no folder of compiled profiles")
def test_the_record_is_what_the_profiles_say() -> None:
    found: dict[str, fhir_rules.Rule] = {}
    for id_ in PROFILES:
        for rule in fhir_rules.derived(named("StructureDefinition", id_)):
            other = found.get(rule.id, rule)
            found[rule.id] = rule._replace(
                least=max(rule.least, other.least), value_set=rule.value_set or other.value_set
            )
    assert found == {rule.id: rule for rule in fhir_rules.RULES}


@pytest.mark.skipif(not COMPILED, reason="FHIR_PROFILES names no folder of compiled profiles")
def test_the_value_sets_are_as_recorded() -> None:
    status = named("ValueSet", fhir_rules.REFERRAL_STATUS.rpartition("/")[2])["compose"]
    assert status["include"] == [{"valueSet": ["http://hl7.org/fhir/ValueSet/task-status"]}]
    (left_out,) = status["exclude"]
    assert {one["code"] for one in left_out["concept"]} == fhir_rules.NOT_OF_A_REFERRAL
    procedures = named("ValueSet", fhir_rules.PROCEDURES.rpartition("/")[2])["compose"]
    systems = {one["system"] for one in procedures["include"]}
    assert systems == fhir_rules.SYSTEMS_OF_PROCEDURES
