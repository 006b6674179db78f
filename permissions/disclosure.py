"""What may be disclosed, and on whose word: the packet's fields and the table basis × duties.

Sources: 34 U.S.C. 12291(b)(2) (VAWA), 28 CFR 94.115 (VOCA), 45 CFR 164.508 and 164.512 (HIPAA),
42 CFR 2.31 (Part 2). Design §5 is the plain text.
"""

from datetime import timedelta

from permissions.principal import Principal

# The packet: a closed list, each field sealed on its own (T3).
PACKET_FIELDS = (
    "name",
    "alias",
    "pronouns",
    "date_of_birth",
    "phone",
    "email",
    "address",
    "safe_contact",
    "emergency_contact",
    "circumstances",
    "screening",
    "health",
    "substance_use",
    "legal",
    "case_number",
    "children",
    "needs_detail",
)
MAX_FIELD_CHARS = 4000
HANDLING = ("not_to_portal_or_proxy",)  # labels on every opened packet

# Purpose of use, stated at every opening. sec.opening() knows the same words.
PURPOSES = ("intake", "service", "safety", "hand_off", "review", "legal_duty")

ATTESTATIONS = (
    "risks_explained",
    "alternatives_offered",
    "not_a_condition_of_service",
    "platform_explained",
    "right_to_revoke_told",
    "may_be_redisclosed_told",
)
FORMS = ("written", "e_signature", "oral_witnessed")
CONSENTERS = ("self", "parent", "guardian", "court_appointed")

# How long a release may last from its signature; more than 30 days needs a lead (design §5).
LONGEST = {
    "emergency": timedelta(days=3),
    "urgent": timedelta(days=7),
    "routine": timedelta(days=30),
}
LONGEST_BY_A_LEAD = timedelta(days=90)


def bases(principal: Principal) -> tuple[str, ...]:
    """The bases that an outbound release of this sender may have: the first row that fits."""
    if principal.duties & {"victim_services", "privilege"}:
        return ("written_release",)  # 34 U.S.C. 12291(b)(2)(B): informed, written, time-limited
    if "hipaa" in principal.duties:
        # 45 CFR 164.508; 164.512(c)(1)(ii), with the duty to promptly inform
        return ("hipaa_authorization", "hipaa_agreement")
    return ("stated_agreement",)


# The oral form is enough only where the basis does not ask for a signature.
SIGNED_BASES = ("written_release", "hipaa_authorization")
BASES = ("written_release", "hipaa_authorization", "hipaa_agreement", "stated_agreement")
