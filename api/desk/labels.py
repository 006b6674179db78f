"""What the desk says: codes, states and times in words for people. It has no rules and no
queries."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from referrals.act_registry.registry import ACTS
from referrals.acts import handoff_record
from referrals.codes import CODE_LISTS, Labels
from referrals.packet_fields import BY_NAME, codes_in
from referrals.queries.details import Detail
from referrals.queries.lists import Line


def label(list_name: str, code: str | None) -> str:
    """Return the English label of a code, or the code itself if the list does not know it."""
    known = CODE_LISTS[list_name]
    if not code:
        return ""
    return known[code][0] if code in known else code.replace("_", " ")


def labels(list_name: str, codes: Iterable[str]) -> list[str]:
    return [label(list_name, code) for code in codes]


def choices(codes: Labels) -> list[tuple[str, str]]:
    """Return a code list as a form's choices, in its own order, with "not stated" first."""
    return [(code, english) for code, (english, _spanish) in codes.items()]


# -- States ----------------------------------------------------------------------------------------


class State(NamedTuple):
    word: str
    says: str


STATES = {  # (side, state as the side is shown it)
    ("from", "draft"): State("Draft", "Only your agency sees it. It has not been sent."),
    ("from", "sent"): State("Sent", "Nobody there has answered yet."),
    ("from", "acknowledged"): State("Seen", "Somebody there is looking at it. Not accepted yet."),
    ("from", "accepted"): State("Accepted", "They said yes: an advocate will be made available."),
    ("from", "closed"): State("Closed", "They accepted it seven days ago or more."),
    ("from", "cannot_take"): State("Cannot take", "They cannot take it. Try the next service."),
    ("from", "withdrawn"): State("Withdrawn", "Your agency took it back."),
    ("from", "stopped"): State("Stopped", "Your agency stopped it: no contact."),
    ("from", "expired"): State("Expired", "Nobody answered in time. Ring them, or the next."),
    ("from", "entered_in_error"): State("Entered in error", "It was marked as a mistake."),
    ("to", "sent"): State("New", "It waits for your agency's answer."),
    ("to", "acknowledged"): State(
        "Being looked at", "Somebody of your agency has it. Say yes or no."
    ),
    ("to", "accepted"): State("Accepted", "Your agency said yes. Now reach her, safely."),
    ("to", "in_handoff"): State("In hand-off", "She is being handed over to your agency."),
    ("to", "completed"): State("Completed", "The work is done. The sender is not shown this."),
    ("to", "unable"): State("Did not come about", "The sender is not shown this."),
    ("to", "declined"): State("Declined", "Your agency could not take it."),
    ("to", "withdrawn"): State("Withdrawn", "The sender took it back. Do not contact her."),
    ("to", "stopped"): State("Stopped", "Do not contact her."),
    ("to", "expired"): State("Expired", "Nobody answered in time."),
    ("to", "entered_in_error"): State("Entered in error", "It was sent by mistake. Do not use it."),
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
        "sent": ("Your answer is due" if ours else "Their answer is due", row.ack_by),
        "acknowledged": ("Yes or no is due" if ours else "Their yes or no is due", row.accept_by),
        "accepted": ("First contact is due", handoff_by),
        "in_handoff": ("First contact is due", handoff_by),
    }.get(shown.status, ("", None))
    if at is None:
        return None
    return Due(what, at, time_left(at - now), at <= now)


def time_left(left: timedelta) -> str:
    """Return words such as "12 min left" or "late by 3 min"."""
    late = left <= timedelta(0)
    minutes = int(abs(left).total_seconds()) // 60
    days, hours = minutes // 1440, minutes // 60
    if minutes < 1:
        return "due now" if late else "less than a minute left"
    if days >= 2:
        length = f"{days} days"
    elif hours >= 1:
        length = f"{hours} h {minutes % 60} min"
    else:
        length = f"{minutes} min"
    return f"late by {length}" if late else f"{length} left"


def clock_time(moment: datetime, now: datetime) -> str:
    """Return the moment in the active (the agency's) time zone: "02:45 MST", with the day if it is
    not today."""
    local, today = localtime(moment), localtime(now)
    time = f"{local:%H:%M %Z}"
    if local.date() == today.date():
        return time
    day = f"{local:%a} {local.day} {local:%b}"
    if local.year != today.year:
        day += f" {local.year}"
    return f"{day}, {time}"


def localtime(moment: datetime) -> datetime:
    """Return the moment in the active time zone, or unchanged at an end of the calendar."""
    try:
        return timezone.localtime(moment)
    except (OverflowError, ValueError):
        return moment


def log_time(moment: datetime) -> str:
    """Return the moment for the log's reader: "24 Nov 2026, 02:45:07 MST"."""
    local = localtime(moment)
    return f"{local.day} {local:%b %Y, %H:%M:%S %Z}"


# -- History ---------------------------------------------------------------------------------------

OF_THE_CLOCK = {
    "expire": "Expired: nobody answered in time",
    "escalated": "A deadline passed",
    "purge_due": "Your part of this goes in seven days: account to her, file what you have to keep",
    "idle": "Nothing was done for 14 days: is it still going on? It ends by itself after 21",
    "purge": "Purged",
    "closed": "Closed: they accepted it seven days ago",
}
DONE = {name: act.history for name, act in ACTS.items() if act.history} | OF_THE_CLOCK
# The list that an event's code belongs to.
CODES_OF = {name: act.codes for name, act in ACTS.items() if act.codes} | {"escalated": "clock"}


def act_label(act: str) -> str:
    return DONE.get(act, act.replace("_", " ").capitalize())


# What the access log calls an act, in words for its reader.
LOGGED = {
    "session.sign_in": "Signed in",
    "member.add": "Became a member, by the operator",
    "member.change_roles": "Was given other roles, by the operator",
    "member.reset": "Was given a new password and code, by the operator",
    "member.end": "Was let in no more, by the operator",
    "member.return": "Was let in again, by the operator",
    "client.add": "Became a partner system, by the operator",
    "client.change_keys": "Was given other keys, by the operator",
    "client.change_networks": "Was given other networks to come from, by the operator",
    "client.change_budget": "Was let open more or fewer a day, by the operator",
    "client.end": "Was let in no more, by the operator",
    "client.return": "Was let in again, by the operator",
    "agency.add": "Came into the network, by the operator",
    "editor.add": "Was let edit an organization's entries, by the operator",
    "editor.end": "Was let edit an organization's entries no more, by the operator",
    "organization.bind": "Was let answer for an organization, by the operator",
    "organization.unbind": "Was let answer for an organization no more, by the operator",
    "seal.rotate": "The key that seals this log was changed, by the operator",
    "agency.change": "Settings of the agency were changed, by the operator",
    "session.sign_out": "Signed out",
    "session.resume": "Came with an ended session",
    "desk.open": "Asked for a page of the desk",
    "api.authenticate": "Came without valid access",
    "token.issue": "Fetched an access token",
    "referral.list": "Looked at the inbox",
    "referral.read": "Looked at a referral",
    "referral.history": "Looked at a history",
    "referral.read_returned": "Looked at what came back",
    "referral.read_releases": "Looked at her permissions",
    **{f"referral.{name}": act.logged for name, act in ACTS.items()},
    "referral.purge": OF_THE_CLOCK["purge"],
    "agreement.decline": "Counted a no",
    "agreement.read": "Looked at the tally of agreement",
    "call_record.create": "Recorded a call",
    "call_record.list": "Looked at own call records",
    "referral.self_assign": "Put herself on a referral",
    "channels.read": "Looked at whom a message reaches",
    "channel.add": "Added a number or address to be told at",
    "channel.remove": "Took away a number or address to be told at",
    "channel.test": "Asked to test whether a number or address rings",
    "channel.tested": "Said whether the test arrived",
    "member.set_duty": "Went on or off duty",
    "messages.read": "Looked what became of messages",
    "message.retry": "Had a message sent again",
    "key.rotate": "The agency's key was changed",
    "key.destroy": "An older key of the agency's was destroyed",
    "key.restore": "The agency's key was restored from a backup",
    "mistakes.read": "Looked at what was a mistake",
    "barred_attempts.read": "Looked who was kept out and asked",
    "self_assignments.read": "Looked who put herself on a referral",
    "access_log.read": "Read this log",
    "access_log.export": "Took this log away as a file",
    "access_log.counts": "Looked at counts of the log",
    "access_log.seals": "Looked how the log's seals stand",
    "access_log.verify": "Checked the log's seals",
    "access_log.opt_ins": "Looked who else may read the log",
    "access_log.opt_in": "Let an oversight agency read the log",
    "access_log.end_opt_in": "Ended an oversight agency's reading of the log",
    "access_log.prove": "Asked for the proof of an entry",
    "access_log.checkpoints": "Fetched the log's checkpoints",
    "event.list": "Read the feed of events",
    "webhook.list": "Looked at the webhooks",
    "webhook.read": "Looked at a webhook",
    "webhook.deliveries": "Looked what became of a webhook's messages",
    "webhook.create": "Made a webhook",
    "webhook.change": "Changed a webhook",
    "webhook.rotate": "Made a new secret for a webhook",
    "webhook.ping": "Tested a webhook",
    "webhook.replay": "Had events sent again",
    "webhook.remove": "Took a webhook away",
    "webhook.send": "Events were sent to the agency's webhook",
    "directory.edit": "Changed the directory",
    "directory.read": "Looked at a place of the directory",
    "directory.history": "Looked at the history of an entry",
    "directory.reviews": "Looked at what is due for review",
    "address.open": "Opened a confidential address",
    "address.put": "Sealed a confidential address",
    "address.remove": "Removed a confidential address",
}


PURPOSES = [*choices(CODE_LISTS["purpose"]), *choices(CODE_LISTS["release_purpose"])]


def purpose(code: str) -> str:
    """Return what something was opened for, or given to the other agency for."""
    return label("purpose" if code in CODE_LISTS["purpose"] else "release_purpose", code)


DELIVERED = {
    "refused": "refused",
    "redirect": "it pointed elsewhere, which is not followed",
    "gone": "gone",
    "timeout": "no answer in time",
    "tls": "its certificate is not good",
    "unreachable": "not reached",
    "no_answer": "no answer that could be read",
    "target_refused": "its address is not public",
    "no_secret": "its secret does not open: make a new one",
}


def outcome(code: str) -> str:
    """Return what became of a webhook's message."""
    return DELIVERED.get(code, code)


def log_act_label(act: str) -> str:
    return LOGGED.get(act, act)


# -- Packets and permissions -----------------------------------------------------------------------

ATTESTATIONS = dict(choices(CODE_LISTS["attestation"]))
FIELDS = dict(choices(CODE_LISTS["packet_field"]))


def field_lines(name: str, text: str) -> list[str]:
    """Return a field of an opened packet as lines to read."""
    known, codes = BY_NAME[name].codes, codes_in(name, text)
    return [text] if known is None or codes is None else [known[one][0] for one in codes]


RETURNED = {
    "connected": "Whether she spoke with an advocate",
    "engaged": "Whether she took up the service",
    "outcome_code": "What came of it, in one word",
}
_TOLD = {
    "connected": ("She spoke with an advocate.", "She did not speak with an advocate."),
    "engaged": ("She took up the service.", "She did not take up the service."),
}


def returned(content: Mapping[str, bool | str | None]) -> list[str]:
    """Return what came back under the survivor's return release, as lines to read."""
    lines = []
    for name, value in content.items():
        if value is None:
            lines.append(f"{RETURNED[name]}: nothing is recorded yet.")
        elif name == "outcome_code":
            lines.append(f"What came of it: {label('outcome', str(value)).lower()}.")
        else:
            lines.append(_TOLD[name][0 if value else 1])
    return lines


BASES = {
    "written_release": "Written release, signed",
    "hipaa_authorization": "HIPAA authorization, signed",
    "hipaa_agreement": "Her agreement under HIPAA, heard by you",
    "stated_agreement": "Her stated agreement, heard by you",
}
FORMS = {
    "written": "On paper, signed",
    "e_signature": "Signed on this screen",
    "oral_witnessed": "Spoken, heard by you",
}
CONSENTERS = {
    "self": "She herself",
    "parent": "A parent",
    "guardian": "A guardian",
    "court_appointed": "A guardian appointed by a court",
}
HANDLING = {
    "not_to_portal_or_proxy": "Keep it out of patient portals and away from proxies and relatives.",
}


def handling(code: str) -> str:
    return HANDLING.get(code) or label("redisclosure_notice", code)


NOTE_KINDS = {
    "note": "Note",
    "outcome": "Outcome",
    "unable": "Why it did not come about",
    "hand_off": "Hand-off",
    "attempt": "An attempt to reach her",
    "external_ref": "Your own number",
    "same_person_as": "The same person as in another referral",
    "decline_reason": "Private reason of the decline",
    "report": "Mandated report",
    "disclosure": "Compelled disclosure",
}


RECORDS = {  # kind of note: the lists of its codes
    "report": ("report_basis", "report_to"),
    "disclosure": ("compelled_by", "compelled_to"),
}


def note_lines(kind: str, content: dict[str, str | None]) -> list[str]:
    """Return a note of the agency's own, coded or written, as lines to read."""
    if kind == "note":
        return [content.get("text") or ""]
    if kind == "hand_off":
        mode = label("handoff_mode", content.get("mode"))
        at = content.get("at")
        if not at:
            return [mode]
        return [mode, f"Planned for {localtime(datetime.fromisoformat(at)):%d %b, %H:%M}"]
    if kind == "attempt":
        used = content.get("interpreter")
        lines = [label("attempt", content.get("result"))]
        if used != "none":
            lines.append(f"Interpreter: {label('interpreter_used', used).lower()}")
        return lines
    if kind == "external_ref":
        return [content.get("ref") or ""]
    if kind == "same_person_as":
        return [f"Referral {content.get('referral_id')}"]
    if kind in RECORDS:
        basis, to = RECORDS[kind]
        at = localtime(datetime.fromisoformat(content.get("at") or ""))
        return [
            f"{label(basis, content.get('basis'))}: {label(to, content.get('to')).lower()},"
            f" {at:%d %b %Y, %H:%M}",
            label("survivor_told", content.get("survivor_told")),
            content.get("detail") or "",
        ]
    of = "outcome" if kind == "outcome" else "private_reason"
    return [label(of, content.get("code"))]


HANDOFF_STEPS = {
    "begun": "Hand-off begun",
    "attempt": "Tried to reach her",
    "failed": "The hand-off failed: the clock started again",
    "completed": "Completed",
    "unable": "Did not come about",
}
_NOTE_OF = {step: kind for kind, step in handoff_record.STEPS.items()}


def handoff_lines(step: str, content: dict[str, str | None]) -> list[str]:
    """Return one step of the hand-off record as lines to read."""
    if content.get("code") == "idle":
        return [label("ended_by_the_clock", "idle")]
    return note_lines(_NOTE_OF[step], content) if step in _NOTE_OF else []


# -- Channels --------------------------------------------------------------------------------------

CHANNEL_KINDS = {"sms": "Text message", "voice": "Phone call", "mail": "Mail"}
CHANNEL_USES = {
    "own": "Mine",
    "duty": "Our agency's: answered by whoever is on duty",
    "escalation": "Our agency's: rung when nobody answers (may be outside, such as a hotline)",
}
CHANNEL_TESTS = {
    "waiting": "A test is on its way",
    "handed_over": "Test sent. Did it arrive?",
    "failed": "The test could not be sent: check the address",
    "arrived": "The test arrived",
    "not_arrived": "The test did not arrive: check the address",
}
