"""What a release must say before it counts (docs/rules.md). Each refusal names its source.

The tables it is checked against are in permissions/policy/disclosure.py. The acts that record,
narrow and end a release are in referrals/releases/lifecycle.py and revocation.py. This module uses
no database.
"""

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from uuid import UUID

from permissions.errors import BadRequest, NotPossible
from permissions.policy import disclosure
from permissions.principal import Principal
from referrals import codes, packet_fields


@dataclass(frozen=True, slots=True)
class Consenter:
    who: str  # self, parent, guardian, court_appointed
    signed_at: datetime
    not_the_abuser: bool


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

    PRIVATE = ("evidence_ref", "witnessed_by", "witnessed_at")  # to the agency that recorded it

    def values(self) -> dict[str, object]:
        """Return the column values of `Release`: what both sides may know when it is in force."""
        plain: dict[str, object] = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in self.PRIVATE
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


def check_terms(terms: Terms, about: ReleaseContext) -> None:
    """Raise NotPossible unless the law and the rules allow these terms between the two agencies."""
    duties = about.principal.duties
    allowed = disclosure.allowed_bases(duties, about.direction)
    if terms.basis not in allowed:
        raise NotPossible("basis", f"Your agency's duties ask for {' or '.join(allowed)}.")
    basis = disclosure.BASES[terms.basis]
    if basis.signature and terms.form == "oral_witnessed":
        raise NotPossible("form", "This basis needs her signature: an oral word is not enough.")
    _check_part2_form(terms, duties)
    if basis.promptly_inform and not terms.promptly_informed:
        raise NotPossible("promptly_inform", "Say how she is told of it (45 CFR 164.512(c)(2)).")
    needed = disclosure.attestations_needed(
        about.principal.agency_kind, about.recipient_kind, terms.form
    )
    if missing := needed - set(terms.attestations):
        raise NotPossible("attestation_missing", f"Still to be told: {', '.join(sorted(missing))}.")
    if set(terms.fields) & packet_fields.never_to(about.recipient_kind):
        raise NotPossible("part2", "Substance-use records do not go to the police (42 CFR 2.12).")
    if packet_fields.under_part2(terms.fields, duties) and terms.redisclosure_notice != "part2":
        raise NotPossible("part2_notice", "These records go with the notice of 42 CFR 2.32 only.")
    _check_times(terms, about)
    check_consenters(
        [(one.who, one.not_the_abuser) for one in terms.consenters],
        age="not_stated" if about.sent and about.age == "minor" and terms.adult else about.age,
        adult=terms.adult,
        alone=terms.minor_may_consent_alone,
    )


def _check_part2_form(terms: Terms, duties: frozenset[str]) -> None:
    """Require written consent with the patient's signature, whatever the basis (42 CFR 2.31(a))."""
    if terms.form != "oral_witnessed" or not packet_fields.under_part2(terms.fields, duties):
        return
    way = "Have her sign, on paper or on the screen"
    if "part2" not in duties:  # with that duty every record is under Part 2
        way += ", or leave out substance use"
    raise NotPossible("form", f"An oral word opens no such records (42 CFR 2.31). {way}.")


def _check_codes(terms: Terms, direction: str) -> None:
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
    if not terms.fields or not set(terms.fields) <= set(packet_fields.fields_of(direction)):
        raise BadRequest("unknown_field", "Name fields of its list, at least one.", "/fields")
    who = {one.who for one in terms.consenters}
    if not who or not who <= set(disclosure.CONSENTERS):
        raise BadRequest("unknown_code", "Name who consents.", "/consenters")


def _check_times(terms: Terms, about: ReleaseContext) -> None:
    signatures = [terms.signed_at, *(one.signed_at for one in terms.consenters)]
    if terms.witnessed_at is not None:
        signatures.append(terms.witnessed_at)
    if max(signatures) > about.now + timedelta(minutes=2):  # two clocks are never quite the same
        raise NotPossible("signed_later", "The signature lies in the future.")
    if terms.expires_at <= about.now or terms.expires_at <= terms.signed_at:
        raise NotPossible("expired", "The release has ended already.")
    check_length(min(signatures), terms.expires_at, about)


def check_length(signed_at: datetime, expires_at: datetime, about: ReleaseContext) -> None:
    """Require a reasonable limit (34 U.S.C. 12291(b)(2)(B)): by urgency, from the first
    signature."""
    longest = disclosure.longest_duration(about.urgency, lead=about.principal.has_role("lead"))
    if expires_at - signed_at > longest:
        raise NotPossible(
            "too_long", f"From the signature it may last {longest.days} days, no longer."
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
            "She is adult and minor both: correct the notice or the release.",
        )
    if not all(attested for one, attested in consenters if one != "self"):
        raise NotPossible("abuser", "Whoever abused her or the other parent cannot consent.")
    if "court_appointed" in who:
        return
    if "self" not in who:
        raise NotPossible("self_missing", "She herself consents too; a parent alone is not enough.")
    if who != {"self"} or alone or adult or age == "adult":
        return
    if age == "minor":
        raise NotPossible(
            "consenter_missing", "A minor and a parent or guardian consent, unless she may alone."
        )
    raise NotPossible(
        "age_not_stated",
        "The notice does not say her age. Say that she is an adult, or a minor who may consent"
        " alone, or name who consents with her.",
    )
