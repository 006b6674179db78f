"""The legal bases for a disclosure, and how long each lasts: the table basis × duties.

Sources: 34 U.S.C. 12291(b)(2) (VAWA), 28 CFR 94.115 (VOCA), 45 CFR 164.508 and 164.512 (HIPAA),
42 CFR 2.31 and 2.32 (Part 2). docs/rules.md explains them in plain words. This module uses no
database, so that a lawyer can read it from top to bottom. Each floor defines what may be disclosed
(referrals/packet_fields.py); referrals/releases/terms.py applies both to one release.
"""

from datetime import timedelta
from typing import NamedTuple

# -- Basis × duties --------------------------------------------------------------------------------


class Basis(NamedTuple):
    """What a basis requires in addition to the attestations."""

    signature: bool  # the survivor's, on paper or on the screen: an oral agreement is not enough
    promptly_inform: bool  # the worker states how the survivor is informed of the disclosure
    source: str


BASES = {
    "written_release": Basis(True, False, "34 U.S.C. 12291(b)(2)(B); 28 CFR 94.115(a)(2)"),
    "hipaa_authorization": Basis(True, False, "45 CFR 164.508"),
    "hipaa_agreement": Basis(False, True, "45 CFR 164.512(c)(1)(ii) and (c)(2)"),
    "stated_agreement": Basis(False, False, "police about their own facts: no statute asks more"),
}

# The sender's duties, never its kind; the first row that fits says which bases it may name.
BASES_BY_DUTIES: tuple[tuple[frozenset[str], tuple[str, ...]], ...] = (
    (frozenset({"victim_services", "privilege"}), ("written_release",)),
    (frozenset({"hipaa"}), ("hipaa_authorization", "hipaa_agreement")),
    (frozenset(), ("stated_agreement",)),  # none of these
)


def allowed_bases(duties: frozenset[str], direction: str = "outbound") -> tuple[str, ...]:
    """The bases that a release by an agency with these duties may have. A release back to the
    sender is always written, no matter which agency the recipient is."""
    if direction == "return":
        return ("written_release",)
    return next(allowed for having, allowed in BASES_BY_DUTIES if not having or having & duties)


FORMS = ("written", "e_signature", "oral_witnessed")
WITNESSED = ("e_signature", "oral_witnessed")  # the worker names the witness and the time

# How the survivor is informed "promptly" of a disclosure that they agreed to
# (45 CFR 164.512(c)(2)); the last two are the rule's own exceptions.
PROMPTLY_INFORMED = ("told", "will_be_told", "not_told_risk_of_harm", "not_told_representative")

# -- What was explained to the survivor ------------------------------------------------------------

ATTESTATIONS = (  # for every release
    "risks_explained",
    "alternatives_offered",
    "not_a_condition_of_service",
    "platform_explained",
    "right_to_revoke_told",
    "may_be_redisclosed_told",
)
FROM_POLICE = "told_no_effect_on_case"
TO_POLICE = "police_may_have_to_disclose"
ON_SCREEN = "signed_on_screen"
EVERY_ATTESTATION = (*ATTESTATIONS, FROM_POLICE, TO_POLICE, ON_SCREEN)


def attestations_needed(sender_kind: str, recipient_kind: str, form: str) -> set[str]:
    """What the worker must attest, by kind of sender and recipient, and by the form.

    `signed_on_screen` represents the signature: no picture of it is kept, only that the survivor
    signed here, when, and before whom (15 U.S.C. 7006(5): a process adopted with intent to sign).
    """
    needed = set(ATTESTATIONS)
    if sender_kind == "law_enforcement":
        needed.add(FROM_POLICE)
    if recipient_kind == "law_enforcement":
        needed.add(TO_POLICE)
    if form == "e_signature":
        needed.add(ON_SCREEN)
    return needed


# -- Who consents (R6) -----------------------------------------------------------------------------

CONSENTERS = ("self", "parent", "guardian", "court_appointed")

# -- How long --------------------------------------------------------------------------------------

# Counted from the first signature; more than 30 days needs a lead (docs/rules.md).
LONGEST = {
    "emergency": timedelta(days=3),
    "urgent": timedelta(days=7),
    "routine": timedelta(days=30),
}
LONGEST_BY_A_LEAD = timedelta(days=90)


def longest_duration(urgency: str, *, lead: bool) -> timedelta:
    """The longest that a release may last, from its first signature."""
    return LONGEST_BY_A_LEAD if lead else LONGEST[urgency]


# -- The notice that goes with what is disclosed --------------------------------------------------

REDISCLOSURE_NOTICES = ("none", "part2", "network")
INTERMEDIARY = "Cairn"  # named in a consent under Part 2: 42 CFR 2.31(a)(4)(ii)
