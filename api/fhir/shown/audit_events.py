"""Entries of the access log as AuditEvents, in the shapes of IHE BALP 1.1.5 (Patient Read and its
siblings). The log stays what is sealed: an AuditEvent is drawn from it, and proves nothing."""

from typing import Any
from uuid import UUID

from api.fhir import names
from permissions.models import AccessEntry

_TYPES = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_INTERACTIONS = "http://hl7.org/fhir/restful-interaction"
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_ENTITY_TYPES = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ENTITY_ROLES = "http://terminology.hl7.org/CodeSystem/object-role"
_BALP_ENTITIES = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
# What an act does with what it names, by the end of its name; every other act changes something.
_READS = (
    *(".read", ".list", ".history", ".open_packet", ".open_notes", ".read_releases", ".export"),
    *(".read_returned", ".deliveries", ".check", ".account_disclosures"),
)


def audit_event(entry: AccessEntry, members: dict[UUID, str]) -> dict[str, Any]:
    """Return one entry. `members`: names of the own agency's, by id."""
    lists = entry.act.endswith(".list")
    reads = entry.act.endswith(_READS)
    interaction = "search-type" if lists else "read" if reads else "operation"
    made: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": str(entry.id),
        "type": {"system": _TYPES, "code": "rest"},
        "subtype": [
            {"system": _INTERACTIONS, "code": interaction},
            {"system": names.code_system("act"), "code": entry.act},
        ],
        "action": "R" if reads else "E",
        "recorded": entry.at,
        "outcome": "0" if entry.decision == "allowed" else "4",
        "agent": _agents(entry, members),
        "source": {
            "site": names.base(),
            "observer": {"display": "Cairn"},
            "type": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/security-source-type",
                    "code": "4",
                }
            ],
        },
        "entity": _entities(entry),
    }
    if entry.rule:
        made["outcomeDesc"] = entry.rule
    if entry.purpose:
        made["purposeOfEvent"] = [
            {"coding": [{"system": names.code_system("purpose"), "code": entry.purpose}]}
        ]
    return made


def _agents(entry: AccessEntry, members: dict[UUID, str]) -> list[dict[str, Any]]:
    """Return who asked: the system, the person, and this server, which answered."""
    network = {"network": {"address": entry.address_prefix, "type": "2"}}
    client: dict[str, Any] = {
        "type": {"coding": [{"system": _DICOM, "code": "110153"}]},
        "who": {
            "identifier": {"value": str(entry.client_id)} if entry.client_id else {"value": "desk"},
        },
        "requestor": entry.member_id is None,
        **(network if entry.address_prefix else {}),
    }
    agents = [client]
    if entry.member_id is not None:
        who: dict[str, Any] = {"identifier": {"value": str(entry.member_id)}}
        if name := members.get(entry.member_id):
            who["display"] = name
        agents.append(
            {
                "type": {"coding": [{"system": names.PARTICIPATION, "code": "IRCP"}]},
                "who": who,
                "requestor": True,
            }
        )
    agents.append(
        {
            "type": {"coding": [{"system": _DICOM, "code": "110152"}]},
            "who": {"display": "Cairn"},
            "requestor": False,
        }
    )
    return agents


def _entities(entry: AccessEntry) -> list[dict[str, Any]]:
    """Return what it was about. The patient is the agency's own handle for the survivor."""
    found = []
    if entry.subject is not None:
        found.append(_entity("1", "1", {"identifier": {"value": str(entry.subject)}}))
    listed = [entry.referral_id] if entry.referral_id else entry.referral_ids or ()
    for referral_id in listed:
        found.append(_entity("2", "4", names.reference("Task", referral_id)))
    if entry.release_id is not None:
        found.append(_entity("2", "4", names.reference("Consent", entry.release_id)))
    if entry.fields:
        if not found:  # of no referral, such as the agency's settings
            found.append(_entity("2", "4", {"identifier": {"value": str(entry.agency_id)}}))
        found[-1]["detail"] = [{"type": "field", "valueString": one} for one in entry.fields]
    if entry.request_id is not None:
        found.append(
            {
                "what": {"identifier": {"value": str(entry.request_id)}},
                "type": {"system": _BALP_ENTITIES, "code": "XrequestId"},
            }
        )
    return found


def _entity(kind: str, role: str, what: dict[str, Any]) -> dict[str, Any]:
    return {
        "what": what,
        "type": {"system": _ENTITY_TYPES, "code": kind},
        "role": {"system": _ENTITY_ROLES, "code": role},
    }
