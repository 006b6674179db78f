"""What each act changes, as data: bare and the peers do the acts from here, each in its own way.

It holds the rows that a user would keep. What protects them at ours is not in it: the sealed record
of who may open what, the lock of the readers, refusals with their reasons. The other acts
(tests/bench/journey.py) are asked of ours alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class Given(str):
    """A value by its name: of the request's body, or what the server knows."""

    __slots__ = ()


NOW, SOON, LATER = Given("now"), Given("soon"), Given("later")  # an hour from now, and a day
ME, AGENCY, THEM = Given("member"), Given("agency"), Given("to_agency")
NAMED = Given("member_id")
RELEASE = Given("release")  # the id of the one in force

NOTICE: dict[str, Any] = {  # what a body may leave out
    "urgency": "routine",
    "needs": [],
    "callback": "",
    "concern": "not_stated",
    "age_band": "not_stated",
    "household_size": "not_stated",
    "language": "not_stated",
    "interpreter": "not_stated",
    "interpreter_not_local": False,
    "access_needs": [],
    "wanted": "call_worker",
    "with_worker_until": None,
    "survivor_can_talk_now": None,
}
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Act:
    """One act: the columns that it sets, the rows that it adds or ends, and its event."""

    referral: Values = field(default_factory=dict)
    own: Values = field(default_factory=dict)  # of the own side's row
    holder: Given | None = None  # who is assigned and holds it from now on, in place of another
    assigns: Given | None = None
    note: str = ""  # the kind of the note in which the body is sealed
    packs: bool = False  # seals the body's packet, of a draft, field by field
    adds: Mapping[str, Values] = field(default_factory=dict)  # by table
    ends: Mapping[str, tuple[Values, Values]] = field(default_factory=dict)  # table: where, set
    closes: bool = False  # destroys the recipient's bundle
    both: bool = False  # whether the other side is shown the event
    reserved: bool = False
    code: Given | None = None
    about: Given | None = None
    record: bool = False  # the answer is the note's id


_ENDED = {"handoff_by": None, "escalated_at": None}
_MARK = {"referral_id": Given("referral"), "agency_id": AGENCY, "set_by": ME, "set_at": NOW}
_PERSON = {"kind": "member", "bars_member_id": NAMED}
_LIFTED = {"lifted_by": ME, "lifted_at": NOW}
_TERMS = ("basis", "purpose", "fields", "form", "signed_at", "expires_at", "attestations", "adult")
_RELEASE_END = {"release_id": RELEASE, "agency_id": AGENCY, "revoked_at": NOW, "revoked_by": ME}

ACTS = {
    "put_notice": Act(referral={name: Given(name) for name in NOTICE}),
    "put_release": Act(
        referral={"release_ended": False},
        adds={
            "release": {
                **{name: Given(name) for name in _TERMS},
                "referral_id": Given("referral"),
                "from_agency_id": Given("from_agency"),
                "to_agency_id": THEM,
                "direction": "outbound",
                "signed_fields": Given("fields"),
                "signed_until": Given("expires_at"),
                "consenters": Given("consenters"),
                "minor_may_consent_alone": False,
                "promptly_informed": "",
                "redisclosure_notice": "network",
                "intermediary": "",
                "created_at": NOW,
                "ended": False,
            },
            "release_paper": {
                "release_id": Given("release_id"), "agency_id": AGENCY, "evidence_ref": "",
            },
        },
        both=True,
    ),
    "put_packet": Act(packs=True, both=True),
    "send": Act(
        referral={
            "status": "sent", "sent_at": NOW, "agreement": Given("agreement"), "ack_by": SOON,
            "accept_by": SOON, "expires_at": LATER, "handoff_within": 60,
        },
        both=True,
    ),
    "delivered": Act(),
    "acknowledge": Act({"status": "acknowledged", "acknowledged_at": NOW}, holder=ME, both=True),
    "accept": Act(
        {"status": "accepted", "accepted_at": NOW},
        {"state": "accepted", "handoff_by": SOON},
        holder=ME,
        both=True,
    ),
    "decline": Act(
        {"status": "declined", "code": Given("code"), "ended_at": NOW},
        holder=ME,
        closes=True,
        both=True,
        code=Given("code"),
    ),
    "call_me": Act({"to_asks_ring_at": NOW}, both=True),
    "called_back": Act(own={"called_at": NOW}),
    "set_callback": Act({"callback": Given("callback")}, both=True),
    "start_handoff": Act(own={"state": "in_handoff"}, note="hand_off"),
    "handoff_failed": Act(own={"handoff_by": SOON, "escalated_at": None}),
    "record_attempt": Act(own=_ENDED, note="attempt", record=True),
    "complete": Act(own={"state": "completed", **_ENDED}, note="outcome"),
    "unable": Act(own={"state": "unable", **_ENDED}, note="unable"),
    "withdraw": Act(
        {"status": "withdrawn", "code": Given("code"), "ended_at": NOW},
        closes=True,
        both=True,
        code=Given("code"),
    ),
    "narrow_release": Act(
        {},
        ends={"release": ({"id": RELEASE}, {"fields": Given("fields")})},
        adds={"release_end": {**_RELEASE_END, "revoked_via": "narrowed"}},
        both=True,
    ),
    "revoke_release": Act(
        {"release_ended": True},
        ends={"release": ({"id": RELEASE}, {"ended": True})},
        adds={"release_end": {**_RELEASE_END, "revoked_via": Given("via")}},
        closes=True,
        both=True,
    ),
    "stop": Act({"status": "stopped", "ended_at": NOW}, closes=True, both=True),
    "mark_error": Act(
        {"status": "entered_in_error", "code": Given("code"), "ended_at": NOW},
        closes=True,
        both=True,
        code=Given("code"),
    ),
    "assign": Act(assigns=NAMED, about=NAMED),
    "hand_over": Act(holder=NAMED, about=NAMED),
    "take_over": Act(
        holder=ME,
        adds={
            "self_assignment": {
                "referral_id": Given("referral"), "agency_id": AGENCY, "member_id": ME,
                "reason": Given("reason"), "at": NOW,
            }
        },
        code=Given("reason"),
        about=ME,
    ),
    "block": Act(
        adds={"conflict_block": {**_MARK, **_PERSON, "bars_agency_id": AGENCY}},
        reserved=True,
        about=NAMED,
    ),
    "unblock": Act(ends={"conflict_block": (_PERSON, _LIFTED)}, reserved=True, about=NAMED),
    "leads_only": Act(
        adds={"conflict_block": {**_MARK, "kind": "leads_only", "bars_agency_id": THEM}},
        reserved=True,
    ),
    "end_leads_only": Act(
        ends={"conflict_block": ({"kind": "leads_only"}, _LIFTED)}, reserved=True
    ),
    "add_note": Act(note="note", record=True),
    "set_hold": Act(own={"hold_until": Given("until")}),
    "end_hold": Act(own={"hold_until": None}),
    "set_plan": Act(
        adds={
            "referral_plan": {
                "referral_id": Given("referral"), "agency_id": AGENCY,
                "services": Given("services"),
            }
        },
    ),
}  # fmt: skip


def written(values: Values, context: Mapping[str, Any]) -> dict[str, Any]:
    """The values themselves: what is named is taken from the context."""
    return {
        name: context[value] if isinstance(value, Given) else value
        for name, value in values.items()
    }
