"""What a release must say before it counts. Design §5; each refusal names its source.

34 U.S.C. 12291(b)(2) (informed, written, reasonably time-limited), 28 CFR 94.115 (who consents),
45 CFR 164.508 and 164.512(c) (hospital), 42 CFR 2.31 (elements of a consent).
"""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from permissions import disclosure
from permissions.errors import BadRequest, NotPossible
from permissions.principal import Principal
from referrals import codes
from referrals.models import Referral


@dataclass(frozen=True, slots=True)
class Consenter:
    who: str  # self, parent, guardian, court_appointed
    signed_at: datetime
    not_the_abuser: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """The survivor's permission as the worker records it; times are aware, UTC."""

    basis: str
    purpose: str
    fields: tuple[str, ...]
    form: str
    signed_at: datetime
    expires_at: datetime
    attestations: tuple[str, ...]
    consenters: tuple[Consenter, ...]
    minor_may_consent_alone: bool = False
    evidence_ref: str = ""  # where the agency keeps the paper; the paper stays there

    def values(self) -> dict[str, object]:
        """Column values of `Release`."""
        plain: dict[str, object] = {field.name: getattr(self, field.name) for field in fields(self)}
        plain["fields"] = sorted(set(self.fields))
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


def attestations_needed(principal: Principal, recipient_kind: str) -> set[str]:
    """What the worker must have told her, by the kind of sender and recipient."""
    needed = set(disclosure.ATTESTATIONS)
    if principal.agency_kind == "law_enforcement":
        needed.add("told_no_effect_on_case")
    if recipient_kind == "law_enforcement":
        needed.add("police_may_have_to_disclose")
    return needed


def check(
    principal: Principal, terms: Terms, referral: Referral, recipient_kind: str, now: datetime
) -> None:
    """Raise BadRequest (a wrong code) or NotPossible (a release the rules refuse)."""
    _check_codes(terms)
    if terms.basis not in disclosure.bases(principal):
        allowed = " or ".join(disclosure.bases(principal))
        raise NotPossible("basis", f"Your agency's duties ask for {allowed}.")
    if terms.basis in disclosure.SIGNED_BASES and terms.form == "oral_witnessed":
        raise NotPossible("form", "This basis needs her signature: an oral word is not enough.")
    missing = attestations_needed(principal, recipient_kind) - set(terms.attestations)
    if missing:
        raise NotPossible("attestation_missing", f"Still to be told: {', '.join(sorted(missing))}.")
    if "substance_use" in terms.fields and recipient_kind == "law_enforcement":
        raise NotPossible("part2", "Substance-use records do not go to the police (42 CFR 2.12).")
    _check_times(principal, terms, referral, now)
    _check_consenters(terms, minor=referral.age_band == "minor")


def _check_codes(terms: Terms) -> None:
    for name, known in (
        ("basis", disclosure.BASES),
        ("form", disclosure.FORMS),
        ("purpose", tuple(codes.RELEASE_PURPOSE)),
    ):
        if getattr(terms, name) not in known:
            raise BadRequest("unknown_code", f"Not a code of {name}.", f"/{name}")
    if not terms.fields or not set(terms.fields) <= set(disclosure.PACKET_FIELDS):
        raise BadRequest("unknown_field", "Name packet fields, at least one.", "/fields")


def _check_times(principal: Principal, terms: Terms, referral: Referral, now: datetime) -> None:
    if terms.signed_at > now + timedelta(minutes=2):  # two clocks are never quite the same
        raise NotPossible("signed_later", "The signature lies in the future.")
    if terms.expires_at <= now or terms.expires_at <= terms.signed_at:
        raise NotPossible("expired", "The release has ended already.")
    longest = disclosure.LONGEST[referral.urgency]
    if principal.has_role("lead"):
        longest = disclosure.LONGEST_BY_A_LEAD
    if terms.expires_at - terms.signed_at > longest:
        raise NotPossible(
            "too_long", f"From the signature it may last {longest.days} days, no longer."
        )


def _check_consenters(terms: Terms, *, minor: bool) -> None:
    """R6; 28 CFR 94.115(a)(2): never the abuser of the minor or of the other parent."""
    who = {one.who for one in terms.consenters}
    if not who or not who <= set(disclosure.CONSENTERS):
        raise BadRequest("unknown_code", "Name who consents.", "/consenters")
    if not all(one.not_the_abuser for one in terms.consenters if one.who != "self"):
        raise NotPossible("abuser", "Whoever abused her or the other parent cannot consent.")
    if "court_appointed" in who:
        return
    if "self" not in who:
        raise NotPossible("self_missing", "She herself consents too; a parent alone is not enough.")
    if minor and who == {"self"} and not terms.minor_may_consent_alone:
        raise NotPossible(
            "consenter_missing", "A minor and a parent or guardian consent, unless she may alone."
        )
