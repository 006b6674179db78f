"""SDOHCC's published examples, each sent as it is: accepted, or refused where it differs, and then
nothing of it is there.

`FHIR_GUIDE`: a folder with the guide's own sources (input/fsh of HL7/fhir-sdoh-clinicalcare), which
stay out of the repository. They are written in FHIR Shorthand; its plain assignments are read here.
"""

import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.people.access_log import everything_stored
from tests.support.people.fhir_bundles import entry
from tests.support.people.fhir_sent import sent

GUIDE = Path(os.environ.get("FHIR_GUIDE", "none"))
INSTANCES = sorted(GUIDE.glob("instances/*.fsh"))
ASSIGNED = re.compile(r"^\* ([\w.\[\]+=:-]+) = (.+)$", re.MULTILINE)
PART = re.compile(r"(\w+)((?:\[[^\]]+\])*)")
CODE = re.compile(r'(\$?[\w:/.-]*)#([\w.-]+)(?: "(.*)")?')
KINDS = re.compile(
    r"Task|ServiceRequest|Consent|HealthcareService|Location|Organization|Condition|Goal"
    r"|Observation|Procedure|PractitionerRole|Practitioner|Group|Device|QuestionnaireResponse"
    r"|RelatedPerson|Patient|CapabilityStatement"
)
LISTS = (
    "category",
    "identifier",
    "coding",
    "performer",
    "telecom",
    "address",
    "name",
    "organization",
)


def aliases() -> dict[str, str]:
    text = (GUIDE / "aliases.fsh").read_text()
    found = re.findall(r"^Alias:\s+(\S+)\s*=\s*(\S+)", text, re.MULTILINE)
    return {name: url.partition("|")[0] for name, url in found}


def value(text: str, name: str, known: dict[str, str]) -> Any:
    """A value of Shorthand as JSON; a code becomes what its element holds."""
    if found := CODE.fullmatch(text):
        system, code, display = found.groups()
        if not system:
            return code
        coding = {"system": known.get(system, system), "code": code}
        coding |= {"display": display} if display else {}
        return coding if name in ("coding", "security") else {"coding": [coding]}
    if text.startswith("Reference("):
        return {"reference": text.removeprefix("Reference(").rstrip(")")}
    try:
        return json.loads(text)
    except ValueError:
        return text


def resource(path: Path, known: dict[str, str]) -> dict[str, Any] | None:
    """The resource that an instance describes; None for what is no example of a resource."""
    text = path.read_text()
    profile = re.search(r"^InstanceOf:\s*(\S+)", text, re.MULTILINE)
    kind = KINDS.search(profile[1].replace("SDOHCC", "")) if profile else None
    if kind is None or "Usage: #example" not in text:
        return None
    made: dict[str, Any] = {"resourceType": kind[0]}
    for where, given in ASSIGNED.findall(text):
        holder: Any = made
        *above, last = where.split(".")
        for part in above:
            name, slices = PART.fullmatch(part).groups()  # type: ignore[union-attr]
            if isinstance(holder.get(name), str):
                name = f"_{name}"  # what is said of a value
            listed = slices or name in LISTS
            inner = holder.setdefault(name, [{}] if listed else {})
            if listed and "[+]" in slices:
                inner.append({})
            holder = inner[-1] if listed else inner
        name, slices = PART.fullmatch(last).groups()  # type: ignore[union-attr]
        said = value(given.strip(), name, known)
        if slices or (name in LISTS and name != "name"):
            holder.setdefault(name, []).append(said)
        else:
            holder[name] = said
    return made


def refused(answer: Any) -> bool:
    assert answer.status_code < 500, answer.content
    return bool(answer.status_code >= 400)


@pytest.mark.skipif(not INSTANCES, reason="FHIR_GUIDE names no folder of the guide's sources")
def test_each_published_example_is_accepted_or_refused_where_it_differs(
    api: Any, superuser: Any
) -> None:
    known = aliases()
    caller = api("hospital.worker")
    found = {path.stem: made for path in INSTANCES if (made := resource(path, known))}
    assert len(found) > 30
    orders = {name: one for name, one in found.items() if one["resourceType"] == "ServiceRequest"}
    before = everything_stored(superuser)
    why: Counter[str] = Counter()

    for name, one in found.items():
        kind = one["resourceType"]
        assert refused(sent(caller, "post", kind, one)), name
        together = [one]
        focus = str(one.get("focus", {}).get("reference", "")).rpartition("/")[2]
        if focus in orders:
            together.insert(0, orders[focus])
        entries = [entry(each, f"urn:uuid:{place}") for place, each in enumerate(together)]
        answer = sent(
            caller, "post", "", {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        )
        assert refused(answer), name
        (first, *_) = answer.json()["issue"]
        assert first["expression"], (name, first)
        why[first["details"]["coding"][0]["code"]] += 1
        print(f"{name}: {first['expression'][0]}: {first['diagnostics'].partition(' http')[0]}")
    assert set(why) <= {"not_supported", "not_fhir", "unknown_code"}, why
    assert everything_stored(superuser) == before
    print(f"{len(found)} examples, none a fault of ours, nothing stored: {dict(why)}")
