"""A release as a Consent, as the side is shown it: its paper only at the agency that recorded
it."""

from typing import Any

from api.fhir import names, vocabulary
from api.fhir.shown.resources import SECURITY, subject
from referrals.releases.records import ReleaseRecord

COVERS = {"notice": "notice", "outbound": "packet"}  # a return release covers the outcome
_TERMS = {
    "artifact_sha256": "valueString",
    "adult": "valueBoolean",
    "minor_may_consent_alone": "valueBoolean",
    "promptly_informed": "valueCode",
    "redisclosure_notice": "valueCode",
}


def consent(record: ReleaseRecord) -> dict[str, Any]:
    """Return the release. `inactive`: it was ended, narrowed away or its day has passed."""
    release = record.release
    made: dict[str, Any] = {
        "resourceType": "Consent",
        "id": str(release.id),
        "meta": {"security": SECURITY},
        "extension": list(_extensions(record)),
        "status": "active" if record.in_force else "inactive",
        "scope": {"coding": [{"system": names.CONSENT_SCOPE, "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": names.ACT_CODE, "code": "IDSCL"}]}],
        "patient": subject(),
        "dateTime": release.signed_at,
        "organization": [names.reference("Organization", release.from_agency_id)],
        "policyRule": vocabulary.concept("basis", release.basis),
        "provision": {
            "type": "permit",
            "period": {"start": release.signed_at, "end": release.expires_at},
            "actor": [
                {
                    "role": {"coding": [{"system": names.PARTICIPATION, "code": "IRCP"}]},
                    "reference": names.reference("Organization", release.to_agency_id),
                }
            ],
            "purpose": [vocabulary.coding("release_purpose", release.purpose)],
        },
    }
    covers = COVERS.get(release.direction)
    if covers:
        made["category"].append(vocabulary.concept("covers", covers))
    if release.fields:
        listed = "returned" if release.direction == "return" else "packet_field"
        made["provision"]["code"] = [vocabulary.concept(listed, name) for name in release.fields]
    if record.paper is not None and record.paper.evidence_ref:
        made["sourceAttachment"] = {"title": record.paper.evidence_ref}
    return made


def _extensions(record: ReleaseRecord) -> list[dict[str, Any]]:
    release = record.release
    made: list[dict[str, Any]] = [{"url": names.extension("form"), "valueCode": release.form}]
    made += [
        {"url": names.extension(name), kind: getattr(release, name)}
        for name, kind in _TERMS.items()
        if getattr(release, name) not in ("", None)
    ]
    made += [
        {"url": names.extension("attestations"), "valueCode": one} for one in release.attestations
    ]
    made += [
        {
            "url": names.extension("consenter"),
            "extension": [
                {"url": "who", "valueCode": one["who"]},
                {"url": "signed-at", "valueDateTime": one["signed_at"]},
                {"url": "not-the-abuser", "valueBoolean": one["not_the_abuser"]},
            ],
        }
        for one in release.consenters
    ]
    return made
