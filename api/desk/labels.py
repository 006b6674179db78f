"""What the desk says: codes, states and times in words for people. It has no rules and no
queries."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _

from api.desk.times import localtime, long_day, short_day, time_left, time_of_day
from api.texts import StrOrPromise
from referrals.act_registry.registry import ACTS
from referrals.codes import CODE_LISTS as CODE_LISTS
from referrals.packet_fields import BY_NAME, codes_in
from referrals.packets import handoff_record
from referrals.queries.details import Detail
from referrals.queries.lists import Line
from referrals.rights.items import ITEMS, Item
from referrals.screening import Labels


def label(list_name: str, code: str | None) -> str:
    """Return the label of a code, or the code itself if the list does not know it."""
    known = CODE_LISTS[list_name]
    if not code:
        return ""
    return gettext(known[code]) if code in known else code.replace("_", " ")


def labels(list_name: str, codes: Iterable[str]) -> list[str]:
    return [label(list_name, code) for code in codes]


def choices(codes: Labels) -> list[tuple[str, StrOrPromise]]:
    """Return a code list as a form's choices, in its own order, with "not stated" first."""
    return [(code, gettext_lazy(english)) for code, english in codes.items()]


# -- States ----------------------------------------------------------------------------------------


class State(NamedTuple):
    word: StrOrPromise
    says: StrOrPromise


STATES = {  # (side, state as the side is shown it)
    ("from", "draft"): State(_("Draft"), _("Only your agency sees it. It has not been sent.")),
    ("from", "sent"): State(_("Sent"), _("No one there has answered yet.")),
    ("from", "acknowledged"): State(
        _("Being reviewed"), _("The recipient is reviewing it. Not accepted yet.")
    ),
    ("from", "accepted"): State(
        _("Accepted"), _("They said yes. An advocate will be made available.")
    ),
    ("from", "closed"): State(_("Closed"), _("They accepted it seven days ago or more.")),
    ("from", "cannot_take"): State(_("Declined"), _("They cannot take it. Try the next service.")),
    ("from", "withdrawn"): State(_("Withdrawn"), _("Your agency withdrew it.")),
    ("from", "stopped"): State(_("Stopped"), _("Your agency stopped it: no contact.")),
    ("from", "expired"): State(
        _("Expired"), _("No one answered in time. Call them, or the next service.")
    ),
    ("from", "entered_in_error"): State(_("Entered in error"), _("It was marked as a mistake.")),
    ("to", "sent"): State(_("New"), _("Your agency needs to answer.")),
    ("to", "acknowledged"): State(
        _("In review"), _("A member of your agency has it. Accept or decline.")
    ),
    ("to", "accepted"): State(
        _("Accepted"), _("Your agency accepted. Now contact the survivor safely.")
    ),
    ("to", "in_handoff"): State(_("In hand-off"), _("The hand-off to your agency is in progress.")),
    ("to", "completed"): State(
        _("Completed"), _("The work is done. The sender is not shown this.")
    ),
    ("to", "unable"): State(_("Not completed"), _("The sender is not shown this.")),
    ("to", "declined"): State(_("Declined"), _("Your agency could not take it.")),
    ("to", "withdrawn"): State(_("Withdrawn"), _("The sender withdrew it.")),
    ("to", "stopped"): State(_("Stopped"), _("This referral was stopped.")),
    ("to", "expired"): State(_("Expired"), _("No one answered in time.")),
    ("to", "entered_in_error"): State(
        _("Entered in error"), _("It was sent by mistake. Do not use it.")
    ),
}


def state(side: str, status: str) -> State:
    return STATES.get((side, status), State(status.replace("_", " ").capitalize(), ""))


# -- Times -----------------------------------------------------------------------------------------


class Due(NamedTuple):
    """What is awaited, until when, and the time left in words; `late` if the deadline has
    passed."""

    what: str
    at: datetime
    left: str
    late: bool


def due(shown: Line | Detail, now: datetime) -> Due | None:
    """Return the deadline that matters in this state, or None."""
    row = shown if isinstance(shown, Line) else shown.referral
    ours = shown.side == "to"
    if isinstance(shown, Line):
        handoff_by = shown.handoff_by
    else:
        handoff_by = shown.own.handoff_by if shown.own and ours else None
    what, at = {
        "sent": (_("Answer by") if ours else _("Their answer is due"), row.ack_by),
        "acknowledged": (
            _("Accept or decline by") if ours else _("Their decision is due"),
            row.accept_by,
        ),
        "accepted": (_("Contact the survivor by"), handoff_by),
        "in_handoff": (_("Contact the survivor by"), handoff_by),
    }.get(shown.status, ("", None))
    if at is None:
        return None
    return Due(str(what), at, time_left(at - now), at <= now)


# -- History ---------------------------------------------------------------------------------------

OF_THE_CLOCK = {
    "expire": _("Expired: no one answered in time"),
    "escalated": _("A deadline passed"),
    "purge_due": _(
        "Your part will be deleted in seven days: make the disclosure report, file what you have"
        " to keep"
    ),
    "reminder": _("Your reminder: look at your own records"),
    "idle": _("No activity for 14 days. It ends by itself after 21"),
    "end_by_survivor": _("The survivor ended their permission. Call the referring worker"),
    "narrow_by_survivor": _("The survivor made their permission narrower"),
    "purge": _("Purged"),
    "closed": _("Closed: they accepted it seven days ago"),
}
DONE = {name: gettext_lazy(act.history) for name, act in ACTS.items() if act.history} | OF_THE_CLOCK
# The list that an event's code belongs to.
CODES_OF = {name: act.codes for name, act in ACTS.items() if act.codes} | {"escalated": "clock"}


def act_label(act: str) -> str:
    return str(DONE.get(act) or act.replace("_", " ").capitalize())


PURPOSES = [*choices(CODE_LISTS["purpose"]), *choices(CODE_LISTS["release_purpose"])]


def purpose(code: str) -> str:
    """Return what something was opened for, or given to the other agency for."""
    return label("purpose" if code in CODE_LISTS["purpose"] else "release_purpose", code)


DELIVERED = {
    "refused": _("refused"),
    "redirect": _("redirected elsewhere (not followed)"),
    "gone": _("gone"),
    "timeout": _("no answer in time"),
    "tls": _("invalid certificate"),
    "unreachable": _("not reached"),
    "no_answer": _("unreadable answer"),
    "target_refused": _("its address is not public"),
    "no_secret": _("its secret cannot be opened: create a new one"),
}


def outcome(code: str) -> str:
    """Return what became of a webhook's message."""
    return str(DELIVERED.get(code, code))


# -- Packets and permissions -----------------------------------------------------------------------

ATTESTATIONS = dict(choices(CODE_LISTS["attestation"]))
FIELDS = dict(choices(CODE_LISTS["packet_field"]))


def field_lines(name: str, text: str) -> list[str]:
    """Return a field of an opened packet as lines to read."""
    known, codes = BY_NAME[name].codes, codes_in(name, text)
    return [text] if known is None or codes is None else [gettext(known[code]) for code in codes]


RETURNED = {
    "connected": _("Whether the survivor spoke with an advocate"),
    "engaged": _("Whether the survivor used the service"),
    "outcome_code": _("The outcome, in one word"),
}
_TOLD = {
    "connected": (_("They spoke with an advocate."), _("They did not speak with an advocate.")),
    "engaged": (_("They used the service."), _("They did not use the service.")),
}


def returned(content: Mapping[str, bool | str | None]) -> list[str]:
    """Return what came back under the survivor's return release, as lines to read."""
    lines = []
    for name, value in content.items():
        if value is None:
            lines.append(gettext("{what}: nothing is recorded yet.").format(what=RETURNED[name]))
        elif name == "outcome_code":
            lines.append(
                gettext("Outcome: {outcome}.").format(outcome=label("outcome", str(value)).lower())
            )
        else:
            lines.append(str(_TOLD[name][0 if value else 1]))
    return lines


BASES = {
    "written_release": _("Written release, signed"),
    "hipaa_authorization": _("HIPAA authorization, signed"),
    "hipaa_agreement": _("Verbal agreement under HIPAA"),
    "stated_agreement": _("Verbal agreement"),
}
FORMS = {  # of a release that is recorded
    "written": _("Signed on paper, kept by us"),
    "screen": _("Signed by hand on a screen"),
    "own_phone": _("Signed by hand on their own phone"),
    "oral_witnessed": _("Verbal, to you"),
    "e_signature": _("Said to be signed on a screen. No signature was kept"),
}
FORM_CHOICES = {  # of one that is about to be
    "screen": _("They sign on this screen"),
    "own_phone": _("They sign on their own phone"),
    "written": _("Signed on paper, kept by us"),
    "oral_witnessed": _("Verbal, to you"),
}
CONSENTERS = {
    "self": _("The survivor"),
    "parent": _("A parent"),
    "guardian": _("A guardian"),
    "court_appointed": _("A guardian appointed by a court"),
}
HANDLING = {
    "not_to_portal_or_proxy": _(
        "Keep it out of patient portals and away from proxies and relatives."
    ),
}


def handling(code: str) -> str:
    return str(HANDLING.get(code) or "") or label("redisclosure_notice", code)


NOTE_KINDS = {
    "note": _("Note"),
    "outcome": _("Outcome"),
    "unable": _("Why it was not completed"),
    "hand_off": _("Hand-off"),
    "attempt": _("A contact attempt"),
    "external_ref": _("Your case number"),
    "same_person_as": _("Same person as in another referral"),
    "decline_reason": _("Private reason for declining"),
    "report": _("Mandated report"),
    "disclosure": _("Compelled disclosure"),
    "rights": _("Rights and offers given"),
    "signature": _("Signature"),
}


RECORDS = {  # kind of note: the lists of its codes
    "report": ("report_basis", "report_to"),
    "disclosure": ("compelled_by", "compelled_to"),
}


def note_lines(kind: str, content: dict[str, str | None]) -> list[str]:
    """Return a note of the agency's own, coded or written, as lines to read."""
    if kind == "note":
        return [content.get("text") or ""]
    if kind == "signature":
        return [gettext("A signed paper. Open it from “Permissions”.")]
    if kind == "hand_off":
        mode = label("handoff_mode", content.get("mode"))
        at = content.get("at")
        if not at:
            return [mode]
        planned = localtime(datetime.fromisoformat(at))
        when = f"{short_day(planned)}, {time_of_day(planned)}"
        return [mode, gettext("Planned for {when}").format(when=when)]
    if kind == "attempt":
        used = content.get("interpreter")
        lines = [label("attempt", content.get("result"))]
        if used != "none":
            lines.append(
                gettext("Interpreter: {used}").format(used=label("interpreter_used", used).lower())
            )
        return lines
    if kind == "external_ref":
        return [content.get("ref") or ""]
    if kind == "same_person_as":
        return [gettext("Referral {id}").format(id=content.get("referral_id"))]
    if kind in RECORDS:
        basis, to = RECORDS[kind]
        then = localtime(datetime.fromisoformat(content.get("at") or ""))
        return [
            f"{label(basis, content.get('basis'))}: {label(to, content.get('to')).lower()},"
            f" {long_day(then)}, {time_of_day(then)}",
            label("survivor_told", content.get("survivor_told")),
            content.get("detail") or "",
        ]
    if kind == "rights":
        return [_right(item, content) for item in ITEMS if content.get(item.name)]
    of = "outcome" if kind == "outcome" else "private_reason"
    return [label(of, content.get("code"))]


def _right(item: Item, content: Mapping[str, str | None]) -> str:
    at = localtime(datetime.fromisoformat(content.get(f"{item.name}_at") or ""))
    answer = gettext(item.answers[content[item.name] or ""]).lower()
    return f"{gettext(item.label)}: {answer}, {long_day(at)}, {time_of_day(at)}"


HANDOFF_STEPS = {
    "begun": _("Hand-off started"),
    "attempt": _("Tried to contact the survivor"),
    "failed": _("Hand-off failed: the timer started again"),
    "completed": _("Completed"),
    "unable": _("Not completed"),
}
_NOTE_OF = {step: kind for kind, step in handoff_record.STEPS.items()}


def handoff_lines(step: str, content: dict[str, str | None]) -> list[str]:
    """Return one step of the hand-off record as lines to read."""
    if content.get("code") == "idle":
        return [label("ended_by_the_clock", "idle")]
    return note_lines(_NOTE_OF[step], content) if step in _NOTE_OF else []


# -- Channels --------------------------------------------------------------------------------------

CHANNEL_KINDS = {
    "sms": _("Text message"),
    "voice": _("Phone call"),
    "mail": _("Email"),
    "push": _("Notification on a device"),
}
CHANNEL_USES = {
    "own": _("Mine"),
    "duty": _("Our agency's: answered by the member on call"),
    "escalation": _("Our agency's: used when no one answers (may be outside, such as a hotline)"),
}
CHANNEL_TESTS = {
    "waiting": _("A test is on its way"),
    "handed_over": _("Test sent. Did it arrive?"),
    "failed": _("The test could not be sent: check the address"),
    "arrived": _("The test arrived"),
    "not_arrived": _("The test did not arrive: check the address"),
}


def as_dialed(address: str) -> str:
    """Return a number of this country as people here write it, any other address as it is."""
    match = re.fullmatch(r"\+1(\d{3})(\d{3})(\d{4})", address)
    return "-".join(match.groups()) if match else address
