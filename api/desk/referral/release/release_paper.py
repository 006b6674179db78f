"""The words of the paper that the survivor signs. They are plain and short enough to read aloud. A
court-certified translator must read a translation before it is used.

What the law asks of the paper is in referrals/law/paper_elements.py; `paper_of` puts the parts
together for one sender and recipient."""

from functools import lru_cache
from typing import Any, NamedTuple

from django.utils import translation
from django.utils.translation import gettext as _

from permissions.policy import disclosure
from permissions.principal import Principal
from referrals import codes
from referrals.packet_fields import FIELDS, PACKET_FIELDS, never_to, under_part2
from referrals.queries.details import Detail


class Text(NamedTuple):
    title: str
    stays: str
    stays_or_copy: str  # where the law gives the survivor a copy
    lead: str  # {to}: the agency it goes to; {service}
    lead_listed: str  # the same, where the terms are filled in
    shared_title: str
    reason_title: str
    read_it: str
    choose: str
    notice: str  # the first box of a sender whose notice is signed for, too
    purpose_title: str
    told_title: str
    until: str
    longest: str  # {days}
    revoke: str
    revoke_in_writing: str  # {sender}
    opens: str  # {platform}, {to}
    operator: str  # {platform}
    compelled: str
    no_longer_protected: str  # {to}
    copy: str  # {sender}
    legal_alone: str
    authority: str
    consent: str
    adult: str
    alone: str
    not_the_abuser: str
    name: str
    signature: str
    date: str
    witness: str
    spoken: str
    who: dict[str, str]
    purposes: dict[str, str]
    told: dict[str, str]
    fields: dict[str, str]


@lru_cache
def permission_text(language: str) -> Text:
    """Return the words in a language that has a catalogue; what it lacks is in English."""
    with translation.override(language):
        return _text()


def _text() -> Text:
    return Text(
        title=_("My permission to share"),
        stays=_(
            "Staff: this sheet stays with your agency. Do not leave it with the survivor unless"
            " they ask for it: someone else may find it."
        ),
        stays_or_copy=_(
            "Staff: offer the survivor a copy; the law gives them one. If a copy is not safe to"
            " carry, keep it for them: someone else may find it."
        ),
        lead=_(
            "I give {sender} permission to share the items I check with {to}, and no one else, for"
            " “{service}”."
        ),
        lead_listed=_(
            "I give {sender} permission to share what is listed here with {to}, and no one else,"
            " for “{service}”."
        ),
        shared_title=_("What may be shared"),
        reason_title=_("Reason"),
        read_it=_("I have read this, or it was read to me. I agree, and I sign it myself."),
        choose=_("I check what may be shared. What I do not check stays here."),
        notice=_(
            "That I need this help: what kind, how soon, my language, adult or minor. Not my name."
            " It is sent first."
        ),
        purpose_title=_("Reason (check one)"),
        told_title=_("I was told"),
        until=_("It ends on"),
        longest=_("At most {days} days from today. I can choose less."),
        revoke=_(
            "I can end it at any time, by saying so. Then nothing more can be opened. What was read"
            " or written down before cannot be taken back."
        ),
        revoke_in_writing=_(
            "The law also lets me end it in writing, to {sender}. That does not undo what was done"
            " because of it before."
        ),
        opens=_(
            "It goes through {platform}, a system between agencies. At {to}, people assigned to"
            " help me can open it, and its own record system can if it has one."
        ),
        operator=_(
            "Those who run {platform} could open it with its server and its keys. They are"
            " not allowed to."
        ),
        compelled=_(
            "A court order or a search warrant can force an agency, or those who run the system, to"
            " hand it over."
        ),
        no_longer_protected=_("{to} may share it again. HIPAA may then no longer protect it."),
        copy=_("I get a copy of this sheet, or {sender} keeps it for me and I can ask for it."),
        legal_alone=_(
            "To use records of alcohol or drug treatment in a legal case, I sign a separate sheet."
        ),
        authority=_("If someone signs for me: what gives them the right to"),
        consent=_("Who consents"),
        adult=_("I am 18 or over."),
        alone=_("I am under 18 and may receive this service without my parents' consent."),
        not_the_abuser=_("The person signing for me did not hurt me or my other parent."),
        name=_("Name"),
        signature=_("Signature"),
        date=_("Date and time"),
        witness=_("Worker who was present"),
        spoken=_(
            "If given verbally (not for alcohol or drug treatment): staff member who heard it"
        ),
        who={
            "self": _("I myself"),
            "parent": _("My parent"),
            "guardian": _("My guardian"),
            "court_appointed": _("A guardian appointed by a court"),
        },
        purposes={
            "receive_service": _("So that I receive this service"),
            "coordinate_care": _("So the people helping me can work together"),
            "safety": _("For my safety"),
            "legal_matter": _("For my legal case"),
        },
        told={
            "risks_explained": _("what can happen when it is shared"),
            "alternatives_offered": _(
                "what else I can do: call them myself, or have nothing in writing"
            ),
            "not_a_condition_of_service": _("that I get help here whether I sign or not"),
            "platform_explained": _("which system it goes through, and who can see it there"),
            "right_to_revoke_told": _("that I can end this at any time"),
            "may_be_redisclosed_told": _("that the law may require the other agency to share it"),
            "told_no_effect_on_case": _("that it has no effect on my case whether I sign or not"),
            "police_may_have_to_disclose": _("that police may have to disclose what they know"),
            "prosecution_may_have_to_disclose": _(
                "that a prosecutor may have to give what they know to the defense"
            ),
            "child_protection_may_have_to_act": _(
                "that child protection may have to act on what it learns, or pass it on"
            ),
        },
        fields={field.name: _(field.paper) for field in FIELDS},
    )


def paper_of(principal: Principal, seen: Detail, text: Text) -> dict[str, Any]:
    """Return the parts of the paper for this sender and recipient, by name: a sentence, a list of
    them, or '' for what does not apply. referrals/law/paper_elements.py says which the law asks
    for."""
    recipient, names = (
        seen.to_agency.kind,
        {
            "sender": seen.from_agency.name,
            "to": seen.to_agency.name,
            "service": seen.referral.service_name,
            "platform": disclosure.INTERMEDIARY,
        },
    )
    law = disclosure.rows_for(principal.duties)[0]  # a paper is signed: never on the agreement
    needed = disclosure.attestations_for(law, principal.agency_kind, recipient, "written")
    hidden = never_to(recipient)
    authorization = "hipaa" in principal.duties
    program = under_part2((), principal.duties)
    treatment = program or "substance_use" not in hidden
    days = disclosure.longest_duration(seen.referral.urgency, lead=False).days
    signs_notice = disclosure.notice_needs_release(principal.duties)
    said: dict[str, Any] = {
        "stays": text.stays_or_copy if authorization else text.stays,
        "lead": text.lead,
        "notice": text.notice if signs_notice else "",
        "fields": [text.fields[name] for name in PACKET_FIELDS if name not in hidden],
        "purposes": [text.purposes[code] for code in codes.RELEASE_PURPOSE],
        "until": text.until,
        "longest": text.longest.format(days=days),
        "revoke": text.revoke,
        "revoke_in_writing": text.revoke_in_writing if authorization or program else "",
        "opens": text.opens,
        "operator": text.operator,
        "compelled": text.compelled,
        "no_longer_protected": text.no_longer_protected if authorization else "",
        "copy": text.copy if authorization else "",
        "legal_alone": text.legal_alone if treatment else "",
        "authority": text.authority,
        "told": [
            text.told[code]
            for code in disclosure.EVERY_ATTESTATION
            if code in needed and code in text.told
        ],
        "who": [text.who[code] for code in disclosure.CONSENTERS],
        "not_the_abuser": text.not_the_abuser,
        "name": text.name,
        "signature": text.signature,
        "date": text.date,
        "spoken": "" if law.forms == disclosure.SIGNED or program else text.spoken,
    }
    named = ("lead", "revoke_in_writing", "opens", "operator", "no_longer_protected", "copy")
    return said | {key: said[key].format(**names) for key in named}
