"""FHIR's names: the addresses of this server's own, and those of the standards that it follows."""

from uuid import UUID

from django.conf import settings

MEDIA_TYPE = "application/fhir+json"
FHIR_VERSION = "4.0.1"

_HL7 = "http://terminology.hl7.org/CodeSystem"
TASK_CODE = "http://hl7.org/fhir/CodeSystem/task-code"
IDENTIFIER_TYPE = f"{_HL7}/v2-0203"
CONFIDENTIALITY = f"{_HL7}/v3-Confidentiality"
ACT_CODE = f"{_HL7}/v3-ActCode"
OBSERVATION_VALUE = f"{_HL7}/v3-ObservationValue"
CONSENT_SCOPE = f"{_HL7}/consentscope"
PARTICIPATION = f"{_HL7}/v3-ParticipationType"
CONSENT_POLICY = f"{_HL7}/consentpolicycodes"
LOINC = "http://loinc.org"
SNOMED_CT = "http://snomed.info/sct"
_SDOHCC = "http://hl7.org/fhir/us/sdoh-clinicalcare"
SDOHCC_CODES = f"{_SDOHCC}/CodeSystem/SDOHCC-CodeSystemTemporaryCodes"
US_CORE_CATEGORY = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category"


def base() -> str:
    """Return the service base URL, without a slash at its end."""
    return f"{settings.BASE_URL.rstrip('/')}/fhir"


def code_system(name: str) -> str:
    """Return the URL of a list of codes, by its name in referrals/codes.py."""
    return f"{base()}/CodeSystem/{name.replace('_', '-')}"


def extension(name: str) -> str:
    """Return the URL of one of this server's extensions."""
    return f"{base()}/StructureDefinition/{name.replace('_', '-')}"


def identifier_system(name: str) -> str:
    return f"{base()}/NamingSystem/{name}"


def deviations() -> str:
    """Return the address of the page that lists where this server differs from the guides."""
    return f"{settings.BASE_URL.rstrip('/')}/docs/fhir.md"


def reference(kind: str, id_: UUID | str, display: str | None = None) -> dict[str, str]:
    """Return a Reference to a resource of this server."""
    made = {"reference": f"{kind}/{id_}"}
    return made | {"display": display} if display else made


def id_in(text: str, kind: str) -> UUID | None:
    """Return the id in a relative or absolute reference to a resource of `kind` here; None for any
    other text."""
    relative = text.removeprefix(f"{base()}/")
    try:
        return UUID(relative.removeprefix(f"{kind}/")) if relative.startswith(f"{kind}/") else None
    except ValueError:
        return None
