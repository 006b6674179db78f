"""The closed vocabularies of a referral, with their English labels. The message catalogues have the
labels in other languages.

Served at `GET /v1/codes`. A code is never renamed after it is published. `_ADDED` is the day of the
last addition, from which the version follows.
"""

from permissions.errors import BadRequest
from referrals import packet_fields
from referrals.screening import SCREENING, Labels

_ADDED = "2026-12-01"  # the day of the last addition to this file
VERSION = max(_ADDED, packet_fields.ADDED)

URGENCY: Labels = {
    "emergency": "Emergency: answer within minutes",
    "urgent": "Urgent: answer within the hour",
    "routine": "Routine: answer within one business day",
}
# Our own list from the five VOCA service groups (Office for Victims of Crime), plus compensation.
NEEDS: Labels = {
    "information_and_referral": "Information and referral",
    "advocacy": "Personal advocacy",
    "accompaniment": "Someone to go along",
    "emotional_support": "Emotional support or counseling",
    "safety_planning": "Safety planning",
    "shelter": "Emergency shelter",
    "housing": "Housing",
    "medical_forensic_exam": "Medical forensic exam",
    "medical_care": "Medical care",
    "legal_aid": "Legal help",
    "protection_order": "Protection order",
    "criminal_justice_support": "Help with police and court",
    "immigration": "Immigration help",
    "compensation": "Crime victim compensation",
    "basic_needs": "Food, clothes, money",
    "transport": "Transportation",
    "interpreter": "Interpreter",
}
CONCERN: Labels = {
    "not_stated": "Not stated",
    "trafficking": "Trafficking, kind not known",
    "sex_trafficking": "Sex trafficking",
    "labor_trafficking": "Labor trafficking",
    "sex_and_labor_trafficking": "Sex and labor trafficking",
    "sexual_assault": "Sexual assault",
    "domestic": "Domestic violence",
    "stalking": "Stalking",
    "other": "Other",
}
AGE_BAND: Labels = {
    "not_stated": "Not stated",
    "adult": "Adult",
    "minor": "Minor",
}
HOUSEHOLD_SIZE: Labels = {
    "not_stated": "Not stated",
    "one": "One person",
    "two_to_three": "Two or three people",
    "four_or_more": "Four people or more",
}
LANGUAGE: Labels = {
    "not_stated": "Not stated",
    "en": "English",
    "es": "Spanish",
    "ru": "Russian",
    "zh": "Chinese",
    "ar": "Arabic",
    "sw": "Swahili",
    "fr": "French",
    "vi": "Vietnamese",
    "tl": "Tagalog",
    "ase": "American Sign Language",
    "other": "Another language",
}
INTERPRETER: Labels = {
    "not_stated": "Not stated",
    "none": "None needed",
    "phone": "By phone",
    "in_person": "In person",
    "sign": "Sign language",
}
# What was used at an attempt. There is no code for a relative, a friend or a companion of the
# survivor (45 CFR 92.201(e): no reliance on accompanying adults or minor children to interpret).
INTERPRETER_USED: Labels = {
    "none": "None",
    "phone": "By phone",
    "in_person": "In person",
    "sign": "Sign language",
}
ATTEMPT: Labels = {
    "connected": "Spoke with an advocate",
    "not_connected": "No contact",
}
ACCESS_NEEDS: Labels = {
    "wheelchair": "Step-free access",
    "hearing": "Deaf or hard of hearing",
    "sight": "Blind or low vision",
    "pets": "Has a pet or service animal",
    "children": "Comes with children",
    "medication": "Needs medication",
}
WANTED: Labels = {
    "call_worker": "Call the worker",
    "call_her_now": "Speak with the survivor now",
    "come_here": "Come to where the survivor is",
    "come_to_us": "The survivor can come to you",
}
AGREEMENT: Labels = {
    "agrees": "Yes, to this notice",
    "not_asked_unsafe": "It was not safe to ask",
    "cannot_say": "The survivor cannot answer now",
}
DECLINE: Labels = {
    "no_capacity": "No room or no staff available",
    "out_of_area": "Outside our area",
    "not_this_service": "Not what this service does",
    "other": "Other",
}
# A reason known only from who the survivor is: it stays with the agency (R2, "requested, utilized,
# or denied").
PRIVATE_REASON: Labels = {
    "conflict_of_interest": "Conflict of interest",
    "not_eligible": "Not eligible",
    "survivor_declined": "The survivor said no",
    "could_not_contact": "Could not reach the survivor",
    "already_served": "Already with us",
    "other": "Other",
}
OUTCOME: Labels = {
    "connected": "Spoke with an advocate",
    "served": "Received the service",
    "referred_on": "Referred elsewhere, with permission",
    "information_given": "Information given",
    "other": "Other",
}
HANDOFF_MODE: Labels = {
    "in_person": "In person",
    "three_way_call": "Three-way call",
    "phone": "Phone",
    "video": "Video",
}
WITHDRAW: Labels = {
    "no_longer_wanted": "No longer wanted",
    "help_found": "Help found elsewhere",
    "wrong_service": "Wrong service",
    "other": "Other",
}
MARK_ERROR: Labels = {
    "wrong_recipient": "Sent to the wrong agency",
    "wrong_content": "The content is wrong",
    "duplicate": "Sent twice",
    "test": "A test, not a real person",
    "other": "Other",
}
REVOKED_VIA: Labels = {
    "oral": "Verbally",
    "written": "In writing",
    "through_other": "Through another person",
}
COVERS: Labels = {
    "packet": "What is shared in the packet",
    "notice": "Everything, the notice too: they may not have it any more",
}
CALL_OUTCOME: Labels = {
    "reached": "Reached, they will help",
    "full": "Full",
    "out_of_area": "Outside their area",
    "not_this_service": "Not their service",
    "no_answer": "No answer",
    "wrong_number": "Wrong or dead number",
}
PURPOSE: Labels = {
    "intake": "Intake",
    "service": "To provide the service",
    "safety": "For the survivor's safety",
    "hand_off": "For the hand-off",
    "review": "To review the work",
    "legal_duty": "A legal duty",
}
# Why leads assign themselves to a referral (R7). The table self_assignment has the same codes.
SELF_ASSIGNMENT: Labels = {
    "holder_away": "The holder is away",
    "nobody_assigned": "No one is working on it",
    "safety": "For the survivor's safety",
    "review": "To review the work",
    "legal_duty": "A legal duty",
}
RELEASE_PURPOSE: Labels = {
    "receive_service": "To receive this service",
    "coordinate_care": "To coordinate care",
    "safety": "For the survivor's safety",
    "legal_matter": "For a legal matter",
}
# R8: an agency's own records of what the law made it disclose.
REPORT_BASIS: Labels = {
    "child_abuse": "Abuse or neglect of a child",
    "vulnerable_adult": "Abuse of an older person or a person with a disability",
    "wound": "A wound that must be reported",
    "threat": "A threat against a person",
    "other": "Another law",
}
REPORT_TO: Labels = {
    "child_protection": "Child protection",
    "adult_protection": "Adult protection",
    "police": "Police",
    "other": "Another office",
}
COMPELLED_BY: Labels = {
    "court_order": "An order of a court",
    "search_warrant": "A search warrant",
    "subpoena": "A subpoena, without an order",
    "statute": "A law that requires it",
    "other": "Something else",
}
COMPELLED_TO: Labels = {
    "court": "A court",
    "prosecution": "The prosecution",
    "defence": "The defense",
    "police": "Police",
    "other_party": "Another party's lawyer",
    "nobody": "No one: it was refused or contested",
    "other": "Another person",
}
SURVIVOR_TOLD: Labels = {
    "told_before": "The survivor was informed before",
    "told_after": "The survivor was informed after",
    "will_be_told": "The survivor will be informed",
    "not_told_unsafe": "Not informed: it is not safe",
    "not_told_not_reached": "Not informed: not reached",
    "not_told_forbidden": "Not informed: a court or law forbids it",
}
# What a survivor was given or offered (referrals/rights/items.py). Sealed, codes included.
RIGHTS_GIVEN: Labels = {
    "given": "Given",
    "offered": "Offered",
    "declined": "The survivor said no",
    "not_applicable": "Does not apply",
}
CERTIFICATION: Labels = {
    "requested": "Asked for",
    "signed": "Signed",
    "denied": "Refused",
    "withdrawn": "No longer asked for",
    "not_applicable": "Does not apply",
}
RIGHTS_CALL: Labels = {
    "called": "Called",
    "offered": "Offered",
    "declined": "The survivor said no",
    "not_applicable": "Does not apply",
}
PROMPTLY_INFORMED: Labels = {
    "told": "Informed that it is being shared",
    "will_be_told": "Will be informed promptly",
    "not_told_risk_of_harm": "Not informed: it would put the survivor at risk of serious harm",
    "not_told_representative": (
        "Not informed: it would go to a representative who may have harmed the survivor"
    ),
}
REDISCLOSURE_NOTICE: Labels = {
    "none": "No notice",
    "part2": "42 CFR part 2 prohibits unauthorized use or disclosure of these records.",
    "network": (
        "Shared with permission, for this purpose and your agency only. Do not share it further"
        " without asking the survivor."
    ),
}


# The deadline that passed without what was due by it.
CLOCK: Labels = {
    "ack_by": "Not looked at in time",
    "accept_by": "Not accepted or declined in time",
    "handoff_by": "No attempt to reach the survivor in time",
}
# An end that no person chose. Which end an advocate chooses stays sealed (R2).
ENDED_BY_THE_CLOCK: Labels = {
    "idle": "No activity for 21 days",
}


# A release and its packet. The codes are in permissions/policy/disclosure.py, with the law.
BASIS: Labels = {
    "written_release": "Written release, signed",
    "hipaa_authorization": "HIPAA authorization, signed",
    "hipaa_agreement": "Verbal agreement under HIPAA, to the worker",
    "stated_agreement": "Verbal agreement, to the worker",
}
FORM: Labels = {
    "written": "Signed on paper, kept by the agency",
    "screen": "Signed by hand on the worker's screen",
    "own_phone": "Signed by hand on the survivor's own phone",
    "e_signature": "Recorded as signed on a screen; no signature was kept",
    "oral_witnessed": "Verbal, to the worker",
}
ATTESTATION: Labels = {
    "risks_explained": "The survivor was told the risks of sharing",
    "alternatives_offered": (
        "The survivor was offered other options (calling themselves, nothing in writing)"
    ),
    "not_a_condition_of_service": "The survivor was told that help does not depend on it",
    "platform_explained": (
        "The survivor was told that the information goes through Cairn, and who can see it"
    ),
    "right_to_revoke_told": "The survivor was told that they can end it at any time",
    "may_be_redisclosed_told": (
        "The survivor was told that the other agency may be required by law to share it"
    ),
    "told_no_effect_on_case": "The survivor was told that it has no effect on their case",
    "police_may_have_to_disclose": "The survivor was told that police may have to disclose it",
    "prosecution_may_have_to_disclose": (
        "The survivor was told that a prosecutor may have to give it to the defense"
    ),
    "child_protection_may_have_to_act": (
        "The survivor was told that child protection may have to act on it or pass it on"
    ),
    "revocation_in_writing_told": (
        "The survivor was told that HIPAA asks for a revocation in writing, which does not undo"
        " what was done before it"
    ),
    "no_longer_protected_told": (
        "The survivor was told that the recipient may share it again, and HIPAA no longer protects"
        " it there"
    ),
    "copy_provided": (
        "The survivor was given a copy of what they signed, or asked you to keep it for them"
    ),
    "believed_victim": (
        "You believe, with reason, that the survivor is a victim of abuse, neglect or domestic"
        " violence"
    ),
    "signed_on_screen": (
        "The survivor read it, or heard it read, and signed on the screen in person"
    ),
    "phone_is_safe": "The survivor said that their phone is safe",
    "came_of_age": "The survivor has turned 18 since the notice was sent",
}

CODE_LISTS: dict[str, Labels] = {
    "urgency": URGENCY,
    "needs": NEEDS,
    "concern": CONCERN,
    "age_band": AGE_BAND,
    "household_size": HOUSEHOLD_SIZE,
    "language": LANGUAGE,
    "interpreter": INTERPRETER,
    "interpreter_used": INTERPRETER_USED,
    "attempt": ATTEMPT,
    "access_needs": ACCESS_NEEDS,
    "wanted": WANTED,
    "agreement": AGREEMENT,
    "decline": DECLINE,
    "private_reason": PRIVATE_REASON,
    "outcome": OUTCOME,
    "handoff_mode": HANDOFF_MODE,
    "withdraw": WITHDRAW,
    "mark_error": MARK_ERROR,
    "revoked_via": REVOKED_VIA,
    "covers": COVERS,
    "call_outcome": CALL_OUTCOME,
    "purpose": PURPOSE,
    "self_assignment": SELF_ASSIGNMENT,
    "clock": CLOCK,
    "ended_by_the_clock": ENDED_BY_THE_CLOCK,
    "release_purpose": RELEASE_PURPOSE,
    "report_basis": REPORT_BASIS,
    "report_to": REPORT_TO,
    "compelled_by": COMPELLED_BY,
    "compelled_to": COMPELLED_TO,
    "survivor_told": SURVIVOR_TOLD,
    "rights_given": RIGHTS_GIVEN,
    "certification": CERTIFICATION,
    "rights_call": RIGHTS_CALL,
    "promptly_informed": PROMPTLY_INFORMED,
    "redisclosure_notice": REDISCLOSURE_NOTICE,
    "basis": BASIS,
    "form": FORM,
    "attestation": ATTESTATION,
    "packet_field": packet_fields.LABELS,
    "screening": SCREENING,
}


def notice_in_words(code: str | None) -> str | None:
    """Return the notice that goes with a disclosure, for its readers. None: there is no notice."""
    return None if code in (None, "none") else REDISCLOSURE_NOTICE[code]


def check(name: str, code: str) -> None:
    """Raise BadRequest unless `code` is in the list `name`."""
    if code not in CODE_LISTS[name]:
        raise BadRequest("unknown_code", f"Not a code of {name}.")
