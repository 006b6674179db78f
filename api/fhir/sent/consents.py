"""A Consent becomes a release. Its rules are those of /v1 (referrals/releases/terms.py): here only
the words change. What Consent has no element for is an extension of this server's.

The paper stays with the agency: of an attachment only its title is read, as the place where it is
kept.
"""

from typing import Any, NamedTuple

from api.fhir import names
from api.fhir.sent.elements import Element, listed_code, not_supported
from api.fhir.sent.native_body import NativeBody

# Of a Consent that lets information be disclosed: SDOHCC's, and that of the resource's own pages.
CATEGORIES = {(names.ACT_CODE, "IDSCL"), (names.LOINC, "59284-0")}
PART = {"packet": "release", "notice": "notice_release"}  # the part of the body, by what it covers


class _Term(NamedTuple):
    """A term of a release that is an extension: its type, and whether it may come again."""

    value: str
    many: bool = False


EXTENSIONS = {
    "form": _Term("valueCode"),
    "attestations": _Term("valueCode", many=True),
    "artifact_sha256": _Term("valueString"),
    "adult": _Term("valueBoolean"),
    "minor_may_consent_alone": _Term("valueBoolean"),
    "promptly_informed": _Term("valueCode"),
    "redisclosure_notice": _Term("valueCode"),
    "witnessed_by": _Term("valueString"),
    "witnessed_at": _Term("valueDateTime"),
}
CONSENTER = {"who": "valueCode", "signed_at": "valueDateTime", "not_the_abuser": "valueBoolean"}


def read_consent(consent: Element, body: NativeBody) -> None:
    """Read a Consent into the body, after the Task. Raises BadRequest."""
    consent.take_only("status", "active")
    for coding in consent.codings("scope"):
        if (coding.system, coding.code) != (names.CONSENT_SCOPE, "patient-privacy"):
            raise not_supported(coding.path, "The scope is patient-privacy.")
    covers = _covers(consent)
    body.subjects.append(consent.reference("patient"))
    _read_organizations(consent, body)
    signed_at = consent.take("dateTime")
    pointer = f"/{PART[covers]}"
    terms: dict[str, Any] = {"signed_at": signed_at}
    body.place(f"{pointer}/signed_at", consent.at("dateTime"))
    for coding in consent.codings("policyRule"):
        hipaa = (coding.system, coding.code) == (names.CONSENT_POLICY, "hipaa-auth")
        terms["basis"] = "hipaa_authorization" if hipaa else listed_code(coding, "basis")
        body.place(f"{pointer}/basis", coding.path)
    if source := consent.child("sourceAttachment"):
        source.leave("contentType", "language", "creation")
        terms["evidence_ref"] = source.take("title") or ""
        body.place(f"{pointer}/evidence_ref", source.at("title"))
        source.close()
    for extension in consent.children("extension"):
        _read_extension(extension, terms, pointer, body)
    # A survivor who is not said to have others consents for themselves, when they sign.
    terms.setdefault("consenters", [{"who": "self", "signed_at": signed_at}])
    _read_provision(consent, covers, terms, body)
    consent.close()
    given = {name: one for name, one in terms.items() if one is not None}
    body.put(PART[covers], given, consent.path)


def _covers(consent: Element) -> str:
    """Return what the release covers: the packet, unless a category says the notice."""
    found = "packet"
    for category in consent.children("category"):
        for coding in category.own_codings():
            if coding.system == names.code_system("covers"):
                found = listed_code(coding, "covers")
            elif (coding.system, coding.code) not in CATEGORIES:
                raise not_supported(coding.path, "Send IDSCL of v3-ActCode, and what it covers.")
    return found


def _read_organizations(consent: Element, body: NativeBody) -> None:
    for organization in consent.children("organization"):
        to = organization.own_reference()
        if to and names.id_in(to, "Organization") != body.agency_id:
            raise not_supported(organization.path, "Name your own Organization.")
    for performer in consent.children("performer"):
        body.subjects.append(performer.own_reference())


def _read_provision(consent: Element, covers: str, terms: dict[str, Any], body: NativeBody) -> None:
    pointer, provision = f"/{PART[covers]}", consent.child("provision")
    if provision is None:
        return
    provision.take_only("type", "permit")
    if period := provision.child("period"):
        period.take_only("start", terms["signed_at"])
        terms["expires_at"] = period.take("end")
        body.place(f"{pointer}/expires_at", period.at("end"))
        period.close()
    for actor in provision.children("actor"):
        actor.codings("role")
        to = actor.reference("reference")
        if to and names.id_in(to, "Organization") != body.recipient:
            raise not_supported(actor.path, "Name the Organization that owns the Task.")
        actor.close()
    for purpose in provision.children("purpose"):
        coding = purpose.as_coding()
        if "purpose" in terms:
            raise not_supported(coding.path, "A release has one purpose.")
        terms["purpose"] = listed_code(coding, "release_purpose")
        body.place(f"{pointer}/purpose", coding.path)
    body.place(f"{pointer}/fields", provision.at("code"))
    for code in provision.children("code"):
        for coding in code.own_codings():
            fields = terms.setdefault("fields", [])
            body.place(f"{pointer}/fields/{len(fields)}", coding.path)
            fields.append(listed_code(coding, "packet_field"))
    provision.close()


def _read_extension(
    extension: Element, terms: dict[str, Any], pointer: str, body: NativeBody
) -> None:
    url = extension.take("url")
    if url == names.extension("consenter"):
        terms.setdefault("consenters", []).append(_consenter(extension, terms["signed_at"]))
        body.place(f"{pointer}/consenters", extension.path)
        extension.close()
        return
    for name, term in EXTENSIONS.items():
        if url == names.extension(name):
            value = extension.take(term.value)
            if term.many:
                terms.setdefault(name, []).append(value)
            elif terms.setdefault(name, value) != value:
                raise not_supported(extension.path, "It says something else than before.")
            body.place(f"{pointer}/{name}", extension.path)
            extension.close()
            return
    raise not_supported(extension.at("url"), "This extension is not read here.")


def _consenter(extension: Element, signed_at: Any) -> dict[str, Any]:
    names_by_url = {name.replace("_", "-"): name for name in CONSENTER}
    made = {"signed_at": signed_at}
    for part in extension.children("extension"):
        name = names_by_url.get(part.take("url"))
        if name is None:
            raise not_supported(part.path, f"A consenter has {', '.join(names_by_url)}.")
        made[name] = part.take(CONSENTER[name])
        part.close()
    return made
