"""What a release must say before it counts (docs/rules.md). Each refusal names its source.

The tables it is checked against are in permissions/policy/disclosure.py. The acts that record,
narrow and end a release are in referrals/releases/lifecycle.py and revocation.py. This module uses
no database.
"""

import re
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from uuid import UUID

from permissions.errors import BadRequest, NotPossible, pointing
from permissions.policy import disclosure
from permissions.principal import Principal
from referrals import codes, packet_fields

SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Consenter:
    who: str  # self, parent, guardian, court_appointed
    signed_at: datetime
    not_the_abuser: bool


@dataclass(frozen=True, slots=True)
class Signature:
    """What the survivor drew on a page of Cairn's, with the exact paper and terms. `record` is
    sealed as it is: the release has its hash (referrals/signing/signed_record.py)."""

    id: UUID
    record: str


@dataclass(frozen=True, slots=True)
class Terms:
    """The survivor's permission as the worker records it. Times are aware, UTC."""

    basis: str
    purpose: str
    fields: tuple[str, ...]
    form: str
    signed_at: datetime
    expires_at: datetime
    attestations: tuple[str, ...]
    consenters: tuple[Consenter, ...]
    minor_may_consent_alone: bool = False
    adult: bool = False  # stated if the notice does not, or if it said "minor" when sent
    promptly_informed: str | None = None  # hipaa_agreement: how the survivor is informed of it
    redisclosure_notice: str | None = None  # None: as the rules say
    evidence_ref: str = ""  # where the agency keeps the paper; the paper stays there
    # Who heard it, or saw it signed on the screen. None: the acting member, at the time of signing.
    witnessed_by: UUID | None = None
    witnessed_at: datetime | None = None
    artifact_sha256: str = ""  # of a partner system's own signed artifact; else of `signature`
    signature: Signature | None = None  # taken by Cairn, for a form that is drawn

    PRIVATE = ("evidence_ref", "witnessed_by", "witnessed_at")  # to the agency that recorded it
    SEALED = ("signature",)

    def values(self) -> dict[str, object]:
        """Return the column values of `Release`: what both sides may know when it is in force."""
        plain: dict[str, object] = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in (*self.PRIVATE, *self.SEALED)
        }
        plain["fields"] = sorted(set(self.fields))
        plain["signed_fields"], plain["signed_until"] = plain["fields"], self.expires_at
        plain["attestations"] = sorted(set(self.attestations))
        plain["consenters"] = [
            {
                "who": one.who,
                "signed_at": one.signed_at.isoformat(),
                "not_the_abuser": one.not_the_abuser,
            }
            for one in self.consenters
        ]
        return plain

    def paper(self) -> dict[str, object]:
        """Return the column values of `ReleasePaper`: what the recording agency keeps to itself."""
        return {name: getattr(self, name) for name in self.PRIVATE}


@dataclass(frozen=True, slots=True)
class ReleaseContext:
    """What a release is checked against: who sends what to whom, and the current time."""

    principal: Principal
    recipient_kind: str
    urgency: str
    age: str  # the notice's age band
    now: datetime
    direction: str = "outbound"
    sent: bool = False  # the notice no longer changes: the survivor may have come of age since

    def came_of_age(self, terms: Terms) -> bool:
        """Return whether the survivor is attested to have turned 18 since the sending of a notice
        that says minor. Nothing else lets `adult` go with such a notice."""
        attested = terms.adult and disclosure.CAME_OF_AGE in terms.attestations
        return attested and self.sent and self.age == "minor"

    def age_of(self, terms: Terms) -> str:
        """Return the age by which the law judges these terms: adult, minor or not_stated."""
        if self.age == "adult" or self.came_of_age(terms):
            return "adult"
        of_a_minor = terms.minor_may_consent_alone or "parent" in {
            one.who for one in terms.consenters
        }
        if self.age == "minor" or of_a_minor:
            return "minor"
        return "adult" if terms.adult else "not_stated"


def complete_terms(terms: Terms, about: ReleaseContext) -> Terms:
    """Return the terms with what follows from them filled in, checked by `check_terms`.

    Raises BadRequest (a wrong code) or NotPossible (a release that the rules refuse).
    """
    _check_codes(terms, about.direction)
    part2 = packet_fields.under_part2(terms.fields, about.principal.duties)
    filled = replace(
        terms,
        redisclosure_notice=terms.redisclosure_notice or ("part2" if part2 else "network"),
        promptly_informed=terms.promptly_informed or "",
    )
    if terms.form in disclosure.WITNESSED:
        filled = replace(
            filled,
            witnessed_by=terms.witnessed_by or about.principal.staff_id,
            witnessed_at=terms.witnessed_at or terms.signed_at,
        )
    check_terms(filled, about)
    return filled


def require_signature(terms: Terms, principal: Principal) -> None:
    """Raise NotPossible unless what says "signed" has what was signed: a paper that the agency
    keeps, a signature that Cairn took, or the hash of a partner system's own artifact."""
    if terms.form in disclosure.DRAWN and terms.signature is None:
        if not principal.is_client:
            raise NotPossible(
                "signature_missing",
                "Nothing was signed yet. Let the survivor sign on the screen or on their own phone,"
                " or on paper.",
                "/form",
            )
        if not terms.artifact_sha256:
            raise NotPossible(
                "signature_missing",
                "State artifact_sha256: the SHA-256 of what the survivor signed in your system.",
                "/artifact_sha256",
            )
    if disclosure.ON_SCREEN in terms.attestations and terms.form != "screen":
        raise NotPossible(
            "signature_missing",
            "Only the form screen can say that it was signed on the screen.",
            "/form",
        )
    if terms.form == "oral_witnessed" and terms.artifact_sha256:
        raise NotPossible(
            "signature_missing", "A verbal permission has no signed artifact.", "/artifact_sha256"
        )


def check_terms(terms: Terms, about: ReleaseContext) -> None:
    """Raise NotPossible unless the law and the rules allow these terms between the two agencies."""
    principal, kind = about.principal, about.recipient_kind
    duties = principal.duties
    with pointing("/basis"):
        row = disclosure.row_for(duties, kind, terms.basis, about.age_of(terms), about.direction)
    if terms.form not in row.forms:
        raise NotPossible(
            "form", "This basis needs a signature: spoken permission is not enough.", "/form"
        )
    _check_part2_form(terms, duties)
    if row.promptly_inform and not terms.promptly_informed:
        raise NotPossible(
            "promptly_inform",
            "State how the survivor is informed (45 CFR 164.512(c)(2)).",
            "/promptly_informed",
        )
    needed = disclosure.attestations_for(row, principal.agency_kind, kind, terms.form)
    if missing := needed - set(terms.attestations):
        raise NotPossible(
            "attestation_missing",
            f"These attestations are missing: {', '.join(sorted(missing))}.",
            "/attestations",
        )
    if set(terms.fields) & packet_fields.never_to(kind):
        raise NotPossible(
            "part2",
            "Substance-use records do not go to police, prosecutors or child protection: they could"
            " be used against the survivor.",
            "/fields",
        )
    part2 = packet_fields.under_part2(terms.fields, duties)
    if part2 and terms.redisclosure_notice != "part2":
        raise NotPossible(
            "part2_notice",
            "These records need the notice of 42 CFR 2.32: use part2.",
            "/redisclosure_notice",
        )
    if part2 and terms.purpose == "legal_matter":
        _check_legal_consent(terms, duties)
    _check_times(terms, about)
    with pointing("/consenters"):
        check_consenters(
            [(one.who, one.not_the_abuser) for one in terms.consenters],
            age="adult" if about.came_of_age(terms) else about.age,
            adult=terms.adult,
            alone=terms.minor_may_consent_alone,
        )


def _check_part2_form(terms: Terms, duties: frozenset[str]) -> None:
    """Require written consent with the patient's signature, whatever the basis (42 CFR 2.31(a))."""
    if terms.form != "oral_witnessed" or not packet_fields.under_part2(terms.fields, duties):
        return
    way = "Have the survivor sign, on paper or on the screen"
    if "part2" not in duties:  # with that duty every record is under Part 2
        way += ", or leave out substance use"
    raise NotPossible(
        "form", f"Spoken permission is not enough for such records (42 CFR 2.31). {way}.", "/form"
    )


def _check_legal_consent(terms: Terms, duties: frozenset[str]) -> None:
    """Require that a consent for legal proceedings stands alone (42 CFR 2.31(d)). To a Part 2
    program every field is such a record, and a release has one purpose."""
    others = [name for name in terms.fields if not packet_fields.under_part2((name,), duties)]
    if others:
        raise NotPossible(
            "part2_legal_alone",
            "Permission to use treatment records in a legal matter stands alone (42 CFR 2.31(d))."
            " Record it by itself, with no other field.",
            "/fields",
        )


def _check_codes(terms: Terms, direction: str) -> None:
    if terms.form == disclosure.FORMER_FORM:
        raise NotPossible(
            "signature_missing",
            "State where the survivor signed: screen or own_phone, with artifact_sha256.",
            "/form",
        )
    if terms.artifact_sha256 and not SHA256.fullmatch(terms.artifact_sha256):
        raise BadRequest("invalid", "64 hexadecimal digits, in small letters.", "/artifact_sha256")
    for name, known in (
        ("basis", disclosure.BASES),
        ("form", disclosure.FORMS),
        ("purpose", tuple(codes.RELEASE_PURPOSE)),
        ("promptly_informed", (None, "", *disclosure.PROMPTLY_INFORMED)),
        ("redisclosure_notice", (None, *disclosure.REDISCLOSURE_NOTICES)),
    ):
        if getattr(terms, name) not in known:
            raise BadRequest("unknown_code", f"Not a code of {name}.", f"/{name}")
    if not set(terms.attestations) <= set(disclosure.EVERY_ATTESTATION):
        raise BadRequest("unknown_code", "Not a code of attestation.", "/attestations")
    known = packet_fields.fields_of(direction)
    if bool(terms.fields) != bool(known) or not set(terms.fields) <= set(known):
        raise BadRequest("unknown_field", "Name at least one field, all from its list.", "/fields")
    who = {one.who for one in terms.consenters}
    if not who or not who <= set(disclosure.CONSENTERS):
        raise BadRequest("unknown_code", "Name who consents.", "/consenters")


def _check_times(terms: Terms, about: ReleaseContext) -> None:
    signatures = [terms.signed_at, *(one.signed_at for one in terms.consenters)]
    if terms.witnessed_at is not None:
        signatures.append(terms.witnessed_at)
    if max(signatures) > about.now + timedelta(minutes=2):  # two clocks are never quite the same
        raise NotPossible("signed_later", "The signature is in the future.", "/signed_at")
    if terms.expires_at <= about.now or terms.expires_at <= terms.signed_at:
        raise NotPossible("expired", "The release has ended already.", "/expires_at")
    with pointing("/expires_at"):
        check_length(min(signatures), terms.expires_at, about)


def check_length(signed_at: datetime, expires_at: datetime, about: ReleaseContext) -> None:
    """Require a reasonable limit (34 U.S.C. 12291(b)(2)(B)): by urgency, from the first
    signature."""
    longest = disclosure.longest_duration(about.urgency, lead=about.principal.has_role("lead"))
    if expires_at - signed_at > longest:
        raise NotPossible(
            "too_long", f"It may last at most {longest.days} days from the signature."
        )


def check_consenters(
    consenters: list[tuple[str, bool]], *, age: str, adult: bool, alone: bool
) -> None:
    """Check who consents: never the abuser of the minor or of the other parent (R6; 28 CFR
    94.115(a)(2)).

    `consenters`: each with whether they are attested not to be the abuser. `age`: the notice's age
    band. `adult`: stated with the release. `alone`: a minor who may lawfully receive the service
    without a parent's consent. Raises NotPossible.
    """
    who = {one for one, _ in consenters}
    if adult and (age == "minor" or alone):
        raise NotPossible(
            "age_contradicted",
            "The notice and the release disagree on adult or minor. Correct one of them.",
        )
    if not all(attested for one, attested in consenters if one != "self"):
        raise NotPossible("abuser", "Confirm that the person consenting is not the abuser.")
    if disclosure.consents("adult" if adult else age, who, alone=alone):
        return
    if "self" not in who:
        raise NotPossible(
            "self_missing", "The survivor must consent too: a parent alone is not enough."
        )
    if age == "minor":
        raise NotPossible(
            "consenter_missing",
            "A minor needs a parent or guardian to consent too, unless the minor may alone.",
        )
    raise NotPossible(
        "age_not_stated",
        "The notice does not state an age. State that the survivor is an adult, or a minor who may"
        " consent alone, or name who consents with them.",
    )
