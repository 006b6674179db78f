"""The CapabilityStatement: what /fhir does, and where it says what it does not."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from api.fhir import names, vocabulary
from api.fhir.endpoint import FhirEndpoint
from api.http.json_bodies import Answer
from permissions.errors import NotVisible
from referrals.webhooks.task_notifications import TOPIC

_SINCE = "2026-12-02"  # of the last change of what is said here
_SECURITY = "http://terminology.hl7.org/CodeSystem/restful-security-service"
_OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"

_TASK = "A referral's life. An update of its status is an act; see the page of deviations."
_ORDER = "What a referral is for: its notice. The requester's own order may be closed in the EHR."


class Metadata(FhirEndpoint):
    public = True
    query = ("_format", "mode")

    def get(self, request: HttpRequest) -> Answer:
        return self.shown(statement())


class CodeSystem(FhirEndpoint):
    public = True

    def get(self, request: HttpRequest, name: str) -> Answer:
        found = name.replace("-", "_")
        if found not in vocabulary.LISTS or "_" in name:
            raise NotVisible
        return self.shown(vocabulary.code_system(found))


def statement() -> dict[str, Any]:
    """Return the CapabilityStatement. It claims conformance to no profile: the page of deviations
    says what is missing for it."""
    return {
        "resourceType": "CapabilityStatement",
        "url": f"{names.base()}/metadata",
        "version": settings.VERSION,
        "name": "Cairn",
        "title": "Warm referrals of survivors between agencies",
        "status": "active",
        "date": _SINCE,
        "kind": "instance",
        "description": f"Where this server differs from the guides, and why: {names.deviations()}",
        "software": {"name": "Cairn", "version": settings.VERSION},
        "implementation": {"description": "Cairn", "url": names.base()},
        "fhirVersion": names.FHIR_VERSION,
        "format": [names.MEDIA_TYPE],
        "rest": [
            {
                "mode": "server",
                "documentation": names.deviations(),
                "security": _security(),
                "resource": [
                    _resource(
                        "Task",
                        ("create", "read", "update", "search-type"),
                        _TASK,
                        {
                            "_id": "token",
                            "code": "token",
                            "focus": "reference",
                            "identifier": "token",
                            "owner": "reference",
                            "patient": "reference",
                            "requester": "reference",
                            "status": "token",
                            "_lastUpdated": "date",
                        },
                        searchInclude=["Task:focus"],
                        versioning="versioned-update",
                        conditionalCreate=True,
                    ),
                    _resource(
                        "ServiceRequest",
                        ("create", "read", "search-type"),
                        _ORDER,
                        {
                            "_id": "token",
                            "category": "token",
                            "intent": "token",
                            "patient": "reference",
                            "performer": "reference",
                            "status": "token",
                        },
                    ),
                    _resource(
                        "Consent",
                        ("create", "read", "search-type"),
                        "A release, to those who answer for the referral.",
                        {"data": "reference"},
                    ),
                    _resource(
                        "AuditEvent",
                        ("search-type",),
                        "The access log of the own agency, for its auditors.",
                        {
                            "agent": "reference",
                            "date": "date",
                            "entity": "reference",
                            "patient": "reference",
                        },
                    ),
                    _resource(
                        "Subscription",
                        ("create", "read", "update", "delete", "search-type"),
                        f"A rest-hook with ids only, to the topic {TOPIC}.",
                        versioning="versioned-update",
                    ),
                    _resource(
                        "HealthcareService",
                        ("read", "search-type"),
                        "A service of the directory. Without a token its public part.",
                        {"_id": "token", "name": "string", "organization": "reference"},
                        searchInclude=["HealthcareService:location"],
                    ),
                    _resource("Organization", ("read",), "An agency, or who offers a service."),
                    _resource("Location", ("read",), "A place of a service, if it is public."),
                    _resource("CodeSystem", ("read",), "This server's own lists of codes."),
                ],
                "interaction": [{"code": "transaction"}],
            }
        ],
    }


def _security() -> dict[str, Any]:
    return {
        "cors": False,
        "service": [{"coding": [{"system": _SECURITY, "code": "SMART-on-FHIR"}]}],
        "extension": [
            {
                "url": _OAUTH_URIS,
                "extension": [{"url": "token", "valueUri": settings.TOKEN_URL}],
            }
        ],
    }


def _resource(
    kind: str,
    interactions: tuple[str, ...],
    documentation: str,
    parameters: dict[str, str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    made = {
        "type": kind,
        "documentation": documentation,
        "interaction": [{"code": code} for code in interactions],
        "versioning": "no-version",
        "readHistory": False,
        "updateCreate": False,
        **more,
    }
    if parameters:
        made["searchParam"] = [{"name": name, "type": of} for name, of in parameters.items()]
    return made
