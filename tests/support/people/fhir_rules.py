"""What SDOHCC 3.0.0 and US Core 7.0.0 ask of the resources that /fhir shows, beyond FHIR itself.

Facts of the profiles' differentials, one row each, by the id of its ElementDefinition. Slices that
may be missing are left out: nothing here claims to be one. `make fhir` derives the same rows from
the profiles as SUSHI compiles them (FHIR_PROFILES), and compares.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

SDOHCC = "http://hl7.org/fhir/us/sdoh-clinicalcare"
US_CORE = "http://hl7.org/fhir/us/core"
REFERRAL_STATUS = f"{SDOHCC}/ValueSet/SDOHCC-ValueSetReferralTaskStatus"
PROCEDURES = f"{US_CORE}/ValueSet/us-core-procedure-code"
NOT_OF_A_REFERRAL = {"ready", "received"}  # of Task.status; the others are
SYSTEMS_OF_PROCEDURES = {
    "http://www.ama-assn.org/go/cpt",
    "http://snomed.info/sct",
    "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "http://www.cms.gov/Medicare/Coding/ICD10",
    "http://www.ada.org/cdt",
    "http://loinc.org",
}


class Rule(NamedTuple):
    """How often an element is there, what it holds, and the value set that it must be of."""

    id: str
    least: int = 0
    most: str = "*"
    holds: Any = None  # a fixed value, or a pattern that one of its values must have
    value_set: str | None = None


def _code(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"code": code, "system": system}]}


RULES = (
    Rule("Task.status", value_set=REFERRAL_STATUS),
    Rule("Task.statusReason.text", 1),
    Rule("Task.intent", holds="order"),
    Rule("Task.code", 1, holds=_code("http://hl7.org/fhir/CodeSystem/task-code", "fulfill")),
    Rule("Task.focus", 1),
    Rule("Task.for", 1),
    Rule("Task.authoredOn", 1),
    Rule("Task.requester", 1),
    Rule("ServiceRequest.code", 1, value_set=PROCEDURES),
    Rule("ServiceRequest.specimen", most="0"),
    Rule("ServiceRequest.bodySite", most="0"),
    Rule(
        "Consent.category:IDSCL",
        1,
        "1",
        _code("http://terminology.hl7.org/CodeSystem/v3-ActCode", "IDSCL"),
    ),
    Rule("Consent.patient", 1),
    Rule("Consent.dateTime", 1),
    Rule("Consent.organization", 1, "1"),
    Rule("Consent.source[x]", 1),
    Rule("HealthcareService.active", 1, holds=True),
    Rule("HealthcareService.telecom", 1),
    Rule("HealthcareService.telecom:AppointmentContact", 1),
    Rule("Location.name", 1),
    Rule("Location.address", 1),
)


def broken(resource: Mapping[str, Any]) -> set[str]:
    """The ids of the rules that a resource does not keep."""
    kind = resource["resourceType"]
    return {rule.id for rule in RULES if rule.id.split(".")[0] == kind and _breaks(resource, rule)}


def _breaks(resource: Mapping[str, Any], rule: Rule) -> bool:
    _, *above, last = rule.id.split(".")
    return any(not _keeps(list(_values(one, last)), rule) for one in _holders(resource, above))


def _keeps(values: list[Any], rule: Rule) -> bool:
    held = [one for one in values if rule.holds is not None and _within(rule.holds, one)]
    if ":" in rule.id:  # of a list, those in the slice; one without a pattern has none here
        values = held
    elif rule.holds is not None and held != values:
        return False
    return (
        rule.least <= len(values)
        and (rule.most == "*" or len(values) <= int(rule.most))
        and (rule.value_set is None or all(_of(rule.value_set, one) for one in values))
    )


def _holders(holder: Mapping[str, Any], above: list[str]) -> Iterator[Mapping[str, Any]]:
    if not above:
        yield holder
        return
    for inner in _values(holder, above[0]):
        yield from _holders(inner, above[1:])


def _values(holder: Mapping[str, Any], name: str) -> Iterator[Any]:
    name = name.partition(":")[0]
    stem = name.removesuffix("[x]")
    for key, value in holder.items():
        if key == name or (stem != name and key.startswith(stem)):
            yield from value if isinstance(value, list) else [value]


def _within(pattern: Any, value: Any) -> bool:
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            name in value and _within(part, value[name]) for name, part in pattern.items()
        )
    if isinstance(pattern, list):
        return isinstance(value, list) and all(
            any(_within(part, one) for one in value) for part in pattern
        )
    return bool(pattern == value)


def _of(value_set: str, value: Any) -> bool:
    if value_set == REFERRAL_STATUS:
        return value not in NOT_OF_A_REFERRAL
    return any(one.get("system") in SYSTEMS_OF_PROCEDURES for one in value.get("coding", ()))


def derived(definition: Mapping[str, Any]) -> Iterator[Rule]:
    """Read the rows of a profile (a StructureDefinition) from its differential."""
    optional: tuple[str, ...] = ()
    for element in definition["differential"]["element"]:
        id_, least = element["id"], element.get("min", 0)
        if id_.startswith(optional):
            continue
        if ":" in id_.rpartition(".")[2]:
            if not least:
                optional += (id_,)
                continue
            if not _pattern(element):
                optional += (f"{id_}.",)  # what is in it asks nothing where it is missing
        value_set = None
        if element.get("binding", {}).get("strength") == "required":
            value_set = element["binding"]["valueSet"].partition("|")[0]
        rule = Rule(id_, least, element.get("max", "*"), _pattern(element), value_set)
        if rule != Rule(id_):
            yield rule


def _pattern(element: Mapping[str, Any]) -> Any:
    found = [value for name, value in element.items() if name.startswith(("pattern", "fixed"))]
    return found[0] if found else None
