"""The consent law as one table: who may share what with whom, on which basis, and how.

Read it from top to bottom; it uses no database. LAW says, by the sender's duty, the recipient's
kind and the survivor's age, which bases a release may have, in which forms, and what must be
attested. RECIPIENTS, SENDERS and PHONE_IS_SAFE add what must be said whatever the basis.
WHO_CONSENTS says who signs. The first group of LAW that fits the sender's duties counts, and no
other.

docs/rules.md explains it in plain words. Each floor defines what may be disclosed
(referrals/packet_fields.py); referrals/releases/terms.py applies both to one release.
"""

from datetime import timedelta
from typing import NamedTuple

from permissions.errors import NotPossible

# -- Words -----------------------------------------------------------------------------------------

# Drawn by hand: on the worker's screen that was handed over, or on the survivor's own phone. It
# counts with what was drawn, or with the hash of a partner system's own artifact (ADR 0092).
DRAWN = ("screen", "own_phone")
# `written`: signed on paper, which the agency keeps. No other form says "signed".
SIGNED = ("written", *DRAWN)
FORMS = (*SIGNED, "oral_witnessed")
WITNESSED = (*DRAWN, "oral_witnessed")  # the worker names the witness and the time
# Of releases before Cairn took signatures: it said "signed on the screen", and nothing was kept.
FORMER_FORM = "e_signature"

AGES = ("adult", "minor", "not_stated")
OF_AGE = ("adult", "not_stated")

# "A government authority authorized by law to receive reports of such abuse, neglect, or domestic
# violence" (45 CFR 164.512(c)(1)). A prosecutor is none: a county attorney receives reports about
# vulnerable adults only (Mont. Code 52-3-811), and the kind does not tell (ADR 0085).
GOVERNMENT = ("law_enforcement", "child_protection")

COMMON = (  # attested for every release
    "risks_explained",
    "alternatives_offered",
    "not_a_condition_of_service",
    "platform_explained",
    "right_to_revoke_told",
    "may_be_redisclosed_told",
)
CAME_OF_AGE = "came_of_age"  # the survivor turned 18 after a notice that says "minor" was sent


# -- Sender's duty × recipient's kind × basis × age ------------------------------------------------


class Row(NamedTuple):
    """What the law lets a sender with one of `duties` do."""

    duties: tuple[str, ...]  # any of them; none: a sender with none of those above
    recipients: tuple[str, ...]  # kinds of agencies; none: every kind
    basis: str
    ages: tuple[str, ...]
    forms: tuple[str, ...]
    attestations: tuple[str, ...]  # in addition to COMMON
    promptly_inform: bool  # the worker states how the survivor is informed of the disclosure
    text: str
    source: str


LAW = (
    Row(
        duties=("victim_services", "privilege"),
        recipients=(),
        basis="written_release",
        ages=AGES,
        forms=SIGNED,
        attestations=(),
        promptly_inform=False,
        text="A victim service provider shares with a written, informed, time-limited release only."
        " The privilege is waived by the survivor's express consent only.",
        source="34 U.S.C. 12291(b)(2)(B); 28 CFR 94.115(a)(2); Mont. Code 26-1-812(2)",
    ),
    Row(
        duties=("hipaa",),
        recipients=(),
        basis="hipaa_authorization",
        ages=AGES,
        forms=SIGNED,
        attestations=(
            "revocation_in_writing_told",  # (c)(2)(i), with the reliance exception
            "no_longer_protected_told",  # (c)(2)(iii)
            "copy_provided",  # (c)(4)
        ),
        promptly_inform=False,
        text="A hospital shares with a signed authorization that has every element of (c).",
        source="45 CFR 164.508(c)",
    ),
    Row(
        duties=("hipaa",),
        recipients=GOVERNMENT,
        basis="hipaa_agreement",
        ages=OF_AGE,  # child abuse is reported under 164.512(b)(1)(ii), which asks no agreement
        forms=FORMS,
        attestations=("believed_victim",),
        promptly_inform=True,
        text="A hospital may report an adult victim of abuse, neglect or domestic violence, who"
        " agrees, to a government authority that may by law receive such reports; to no one else.",
        source="45 CFR 164.512(c)(1)(ii) and (c)(2)",
    ),
    Row(
        duties=(),
        recipients=(),
        basis="stated_agreement",
        ages=AGES,
        forms=FORMS,
        attestations=(),
        promptly_inform=False,
        text="An officer tells their own facts with the survivor's word.",
        source="no statute asks more of police about their own facts",
    ),
)

# What a recipient reports back to the sender of a referral, whatever the duties of either.
RETURN = LAW[0]._replace(duties=(), text="What goes back to the sender takes a written release.")

BASES = {row.basis: row for row in LAW}


# -- The notice itself -----------------------------------------------------------------------------

# A notice has no name and no story, but it is about one person. Who is bound may send it under a
# signed release for this recipient only; without one they call, and nothing is stored.
NOTICE = Row(
    duties=("victim_services",),
    recipients=(),
    basis="written_release",
    ages=AGES,
    forms=SIGNED,
    attestations=(),
    promptly_inform=False,
    text="A victim service provider discloses no individual information, even without a name,"
    " without a written release.",
    source="34 U.S.C. 12291(b)(2)(A) and (B); 28 CFR 94.115(a)(1) and (2)",
)


# Answers to "does the survivor agree to this notice?" that no signature can go with.
NOTICE_NOT_ASKED = frozenset({"not_asked_unsafe", "cannot_say"})


def notice_needs_release(duties: frozenset[str]) -> bool:
    """Return whether an agency with these duties sends a notice only under a signed release."""
    return bool(duties.intersection(NOTICE.duties))


# -- What is said in addition, whatever the basis --------------------------------------------------


class Warned(NamedTuple):
    kind: str  # of the agency
    attestation: str
    text: str
    source: str


RECIPIENTS = (
    Warned(
        "law_enforcement",
        "police_may_have_to_disclose",
        "What police know may reach the defense.",
        "Brady v. Maryland, 373 U.S. 83; Mont. Code 46-15-322",
    ),
    Warned(
        "prosecution",
        "prosecution_may_have_to_disclose",
        "A prosecutor must give the defense what discovery asks, and what favors the accused.",
        "Brady v. Maryland, 373 U.S. 83; Mont. Code 46-15-322",
    ),
    Warned(
        "child_protection",
        "child_protection_may_have_to_act",
        "Child protection must look into what it learns about a child, and may have to act on it or"
        " pass it on.",
        "Mont. Code 41-3-202",
    ),
)
SENDERS = (
    Warned(
        "law_enforcement",
        "told_no_effect_on_case",
        "A yes or no does not change how the police handle the case.",
        "28 CFR 94.115(a)(2) asks informed consent; Cairn's own rule for police",
    ),
)
# Of a release that was signed on the survivor's own phone.
PHONE_IS_SAFE = "phone_is_safe"
# A partner system may add it to the form `screen`, and to no other. Cairn asks for it nowhere: the
# signature itself says it (15 U.S.C. 7006(5)).
ON_SCREEN = "signed_on_screen"

EVERY_ATTESTATION = (
    *COMMON,
    *(party.attestation for party in (*SENDERS, *RECIPIENTS)),
    *(code for row in LAW for code in row.attestations),
    ON_SCREEN,
    PHONE_IS_SAFE,
    CAME_OF_AGE,
)


# -- Who consents (R6) -----------------------------------------------------------------------------

CONSENTERS = ("self", "parent", "guardian", "court_appointed")


class WhoConsents(NamedTuple):
    age: str
    together: tuple[tuple[str, ...], ...]  # each a set of people that is enough
    alone: bool  # the survivor alone is enough if they may lawfully receive the service alone
    text: str
    source: str


WHO_CONSENTS = (
    WhoConsents(
        "adult",
        (("self",), ("court_appointed",)),
        False,
        "An adult consents; for one who cannot, a guardian appointed by a court.",
        "34 U.S.C. 12291(b)(2)(B)(ii)",
    ),
    WhoConsents(
        "minor",
        (("self", "parent"), ("self", "guardian"), ("court_appointed",)),
        True,
        "A minor and a parent or guardian consent together, or the minor alone where the law lets"
        " them receive the service alone; never the abuser of the minor or of the other parent.",
        "34 U.S.C. 12291(b)(2)(B)(ii); 28 CFR 94.115(a)(2)",
    ),
    WhoConsents(
        "not_stated",
        (("self", "parent"), ("self", "guardian"), ("court_appointed",)),
        True,
        "Where no age is stated, the stricter rule of a minor counts.",
        "Cairn's own rule",
    ),
)


# -- The table, asked ------------------------------------------------------------------------------


def rows_for(duties: frozenset[str], direction: str = "outbound") -> tuple[Row, ...]:
    """The rows that an agency with these duties comes under: of the first group that fits."""
    if direction == "return":
        return (RETURN,)
    if direction == "notice" and notice_needs_release(duties):
        return (NOTICE,)
    group = next(row.duties for row in LAW if not row.duties or duties.intersection(row.duties))
    return tuple(row for row in LAW if row.duties == group)


def allowed_bases(
    duties: frozenset[str], recipient_kind: str, direction: str = "outbound"
) -> tuple[str, ...]:
    """The bases that a release by an agency with these duties, to this kind, may have."""
    rows = rows_for(duties, direction)
    return tuple(row.basis for row in rows if _is_for(row, recipient_kind))


def _is_for(row: Row, recipient_kind: str) -> bool:
    return not row.recipients or recipient_kind in row.recipients


def row_for(
    duties: frozenset[str],
    recipient_kind: str,
    basis: str,
    age: str,
    direction: str = "outbound",
) -> Row:
    """The row that allows this basis. Raises NotPossible, with the reason, where there is none."""
    allowed = allowed_bases(duties, recipient_kind, direction)
    row = next((law_row for law_row in rows_for(duties, direction) if law_row.basis == basis), None)
    if row is None:
        raise NotPossible("basis", f"Your agency's duties require {' or '.join(allowed)}.")
    if not _is_for(row, recipient_kind):
        raise NotPossible(
            "not_a_government_authority",
            "A spoken agreement under HIPAA covers a government authority that may receive reports"
            " of abuse (45 CFR 164.512(c)). This recipient needs a signed authorization.",
        )
    if age not in row.ages:
        raise NotPossible(
            "minor_by_agreement",
            "A spoken agreement under HIPAA does not cover a minor (45 CFR 164.512(c)). Report"
            " child abuse as the law asks; anything else needs a signed authorization.",
        )
    return row


def attestations_for(row: Row, sender_kind: str, recipient_kind: str, form: str) -> set[str]:
    """What the worker must attest under this row, by kind of sender and recipient, and by form."""
    needed = {*COMMON, *row.attestations}
    needed |= {party.attestation for party in SENDERS if party.kind == sender_kind}
    needed |= {party.attestation for party in RECIPIENTS if party.kind == recipient_kind}
    if form == "own_phone":
        needed.add(PHONE_IS_SAFE)
    return needed


def consents(age: str, who: set[str], *, alone: bool) -> bool:
    """Return whether these people are enough to consent for a survivor of this age."""
    rule = next(row for row in WHO_CONSENTS if row.age == age)
    if alone and rule.alone and who == {"self"}:
        return True
    return any(set(people) <= who for people in rule.together)


# How the survivor is informed "promptly" of a disclosure that they agreed to
# (45 CFR 164.512(c)(2)); the last two are the rule's own exceptions.
PROMPTLY_INFORMED = ("told", "will_be_told", "not_told_risk_of_harm", "not_told_representative")

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
