"""The warm hand-off: a worker stays with the survivor until another worker has them (docs/rules.md,
acts 8 to 11 and 30).

The acts are "please call" and its answer, the callback number that changes when a shift ends, the
hand-off, its failure and each attempt. What the recipient does here is its own (T4). A request to
call is a fact about workers and is shared; that it was answered stays with the side that called.
"""

from datetime import datetime, timedelta
from uuid import UUID

from permissions.errors import NotPossible
from permissions.models import Agency
from permissions.policy.rules import Rule, Who
from permissions.principal import Principal
from referrals import codes, idempotency, sealed_notes
from referrals.act_registry.fields import Body, Code, Moment, Text
from referrals.act_registry.invented import require_invented
from referrals.act_registry.registry import (
    HOLDER_THERE,
    Answer,
    Group,
    Move,
    Notification,
    Page,
    act,
)
from referrals.act_registry.repeats import Repeat
from referrals.act_registry.transitions import ANY, DRAFT, TAKEN, WAITING, being_reached
from referrals.act_transaction import ActTransaction, act_transaction
from referrals.deadlines import due_times, timestamps
from referrals.models import Event
from referrals.notices import check_callback
from referrals.packets import notes
from referrals.queries.details import Detail
from referrals.visible_status import call_requested_at

# A request repeated within this time is the same one: a second tap, a retried request.
SAME_REQUEST = timedelta(minutes=5)
ASKED_AT = {"from": "from_asks_ring_at", "to": "to_asks_ring_at"}


@act(
    Rule(Who.HOLDER, Who.HOLDER),
    Move(WAITING | {"accepted"}, WAITING | TAKEN),
    tells={
        "from": (Notification("to", "holder", "call_me"),),
        "to": (Notification("from", "holder", "call_me"),),
    },
    repeat=Repeat.KEYED,
    summary="Ask the other side to call you.",
    description="Sends “please call” to the member who holds the referral on the other side. A"
    " second request within five minutes changes nothing.",
    history="Asked to call",
    page=Page(
        offer="Ask them to call",
        says="The other agency gets an alert to call you.",
        at_once=True,
        done="We asked them to call you. Keep your line free.",
        group=Group.CONTACT,
    ),
)
def call_me(
    principal: Principal,
    referral_id: UUID,
    *,
    if_match: str | None = None,
    key: idempotency.Key | None = None,
) -> Detail:
    """Send "please call" to the holder on the other side. Twice within five minutes is once, and
    with an Idempotency-Key ever."""

    act = "call_me"
    with act_transaction(principal, act, referral_id, if_match, _just_asked, key=key) as current:
        if not current.repeated:
            _ask_to_call(current)
    return current.answer()


def _just_asked(current: ActTransaction) -> bool:
    asked_at = getattr(current.referral, ASKED_AT[current.side])
    return asked_at is not None and current.now < asked_at + SAME_REQUEST


def _ask_to_call(current: ActTransaction) -> None:
    """Make the same change and event whether a person asks or a hand-off failed (T5)."""
    if current.side == "from":
        current.change(from_asks_ring_at=current.now)
    else:
        current.change(to_asks_ring_at=current.now)
    current.event(other_side_sees=True, act="call_me")


def _asked_to_call(seen: Detail) -> bool:
    return seen.asked_to_ring_at is not None


@act(
    Rule(Who.ASSIGNEE, Who.ASSIGNEE),
    Move(WAITING | {"accepted"}, TAKEN | {"acknowledged"}),
    repeat=Repeat.SAFE,
    summary="Record that you called the other side back.",
    description="Your side is no longer asked to call, until the other side asks again. The other"
    " side is not shown it. Without a request to call it changes nothing.",
    history="Called the other agency back",
    page=Page(
        offer="I called them",
        says="Your inbox no longer asks you to call. Only your agency sees this.",
        at_once=True,
        done="Saved. Your inbox no longer asks you to call.",
        group=Group.CONTACT,
        useful=_asked_to_call,
    ),
)
def called_back(principal: Principal, referral_id: UUID, *, if_match: str | None = None) -> Detail:
    """Record that the caller's side answered the other side's request to call. Twice is once; a
    later request is a new one."""

    def already(current: ActTransaction) -> bool:
        return call_requested_at(current.referral, current.own, current.side) is None

    with act_transaction(principal, "called_back", referral_id, if_match, already) as current:
        if not current.repeated:
            current.change_own(called_at=current.now)
            current.event(other_side_sees=False)
    return current.answer()


@act(
    Rule(Who.ASSIGNEE, None),
    Move(WAITING | {"accepted"}, None),
    tells={"from": HOLDER_THERE},
    repeat=Repeat.SAFE,
    summary="Change the number to call back.",
    description="Gives the recipient another worker's number, for example when a shift ends. Null"
    " stands for your agency's duty line.",
    body=Body(
        [
            Text(
                "callback",
                32,
                help="A worker's number. Null: your agency's duty line.",
                default=None,
            )
        ]
    ),
    history="Callback number changed",
    page=Page(
        offer="Change callback number",
        title="Change callback number",
        says="Use this when your shift ends or you leave the survivor. They see it at once.",
        button="Change number",
        done="They see the new number now.",
        brief="The other agency sees the new number at once.",
        group=Group.CONTACT,
    ),
)
def set_callback(
    principal: Principal,
    referral_id: UUID,
    callback: str | None,
    *,
    if_match: str | None = None,
) -> Detail:
    """Change the callback number, for example when a shift ends. None: the own agency's duty line.
    Twice is safe.

    Raises BadRequest, and NotPossible if there is no duty line.
    """
    if callback is not None:
        check_callback(callback)
        require_invented(principal, "callback", callback)

    def number() -> str | None:
        return callback or Agency.objects.values_list("duty_phone", flat=True).get(
            id=principal.agency_id
        )

    def already(current: ActTransaction) -> bool:
        return current.referral.callback == number()

    with act_transaction(principal, "set_callback", referral_id, if_match, already) as current:
        if not current.repeated:
            phone = number()
            if not phone:
                raise NotPossible("no_duty_line", "Your agency has no duty line. Give a number.")
            current.change(callback=phone)
            current.event(other_side_sees=True)
    return current.answer()


# -- The hand-off ----------------------------------------------------------------------------------


@act(
    Rule(None, Who.HOLDER),
    Move(None, frozenset({"accepted"}), "in_handoff"),
    repeat=Repeat.SAFE,
    summary="Start the hand-off.",
    description="Records how, and if you like when, the survivor will be handed over. The sender"
    " is not shown it. Your clock runs on until you record an attempt.",
    body=Body(
        [
            Code("mode", codes.HANDOFF_MODE, question="How?"),
            Moment("at", question="When, if not now?", default=None),
        ]
    ),
    history="Hand-off started",
    page=Page(
        offer="Start hand-off",
        title="Start hand-off",
        says="The sender does not see this. Record your first contact attempt to stop the timer.",
        button="Start",
        done="The hand-off has started. Record each attempt to reach the survivor.",
        likely={("to", "accepted"): 2},
        brief="Plan how you reach the survivor. The sender does not see this.",
        group=Group.CONTACT,
    ),
)
def start_handoff(
    principal: Principal,
    referral_id: UUID,
    mode: str,
    *,
    at: datetime | None = None,
    if_match: str | None = None,
) -> Detail:
    """Start the hand-off by the holder, in person or by call (T4). Twice is safe. Another mode or
    time raises WrongState, so that what was recorded is not silently dropped.

    This is an intention: the clock runs on until an attempt is recorded. Raises BadRequest.
    """
    codes.check("handoff_mode", mode)
    timestamps.check(at, "/at")
    content: dict[str, str | None] = {"mode": mode, "at": at.isoformat() if at else None}

    def same(current: ActTransaction) -> bool:
        return notes.same_note_exists(current, "hand_off", content)

    with act_transaction(principal, "start_handoff", referral_id, if_match, same=same) as current:
        if not current.repeated:
            sealed_notes.seal_note(current, "hand_off", content)
            current.change_own(state="in_handoff")
            current.event(other_side_sees=False)
    return current.answer()


@act(
    Rule(None, Who.HOLDER),
    Move(None, frozenset({"in_handoff"})),
    repeat=Repeat.KEYED,
    summary="Record that the hand-off failed.",
    description="Starts your clock again. If a worker of the sender is still with the survivor,"
    " that worker is asked to call you; the sender is shown nothing else.",
    history="Hand-off failed: the timer starts again",
    page=Page(
        offer="Hand-off failed",
        title="Hand-off failed",
        says="Your timer starts again. If a worker is still with the survivor, that worker is asked"
        " to call you. The sender sees nothing else.",
        button="Record failure",
        done="Saved. Try again, or another way.",
        brief="Your timer starts again. A worker who is with the survivor is asked to call you.",
        group=Group.CONTACT,
    ),
)
def handoff_failed(
    principal: Principal,
    referral_id: UUID,
    *,
    if_match: str | None = None,
    key: idempotency.Key | None = None,
) -> Detail:
    """Record that the hand-off failed. The clock starts again (T4). Twice in five minutes is once,
    and with an Idempotency-Key ever.

    While a worker is still with the survivor (`with_worker_until`), that worker is asked to call,
    but for no longer than a day after the sending. Otherwise a sender that states a month would
    learn of each time that the survivor did not come, even when shown `closed` (R2).
    """

    def already(current: ActTransaction) -> bool:
        last = (
            Event.objects.filter(referral_id=referral_id, agency_id=principal.agency_id)
            .exclude(act="call_me")
            .order_by("-at", "-id")
            .first()
        )
        mine = ("handoff_failed", principal.member_id)
        return (
            last is not None
            and (last.act, last.member_id) == mine
            and current.now < last.at + SAME_REQUEST
        )

    act = "handoff_failed"
    with act_transaction(principal, act, referral_id, if_match, already, key=key) as current:
        if not current.repeated:
            current.change_own(handoff_by=next_handoff_due(current), escalated_at=None)
            current.event(other_side_sees=False)
            if _worker_is_with_her(current) and not _just_asked(current):
                _ask_to_call(current)
    return current.answer()


def _worker_is_with_her(current: ActTransaction) -> bool:
    until, sent = current.referral.with_worker_until, current.referral.sent_at
    if until is None or sent is None:
        return False
    return current.now < min(until, sent + due_times.WITH_HER)


def next_handoff_due(current: ActTransaction) -> datetime:
    """Return when the recipient's next attempt is due, from now, by the durations frozen at
    send."""
    referral = current.referral
    agency = Agency.objects.get(id=referral.to_agency_id)
    within = referral.handoff_within
    if within is None:
        within = due_times.durations(agency)[referral.urgency].handoff
    return due_times.handoff_by(agency, referral.urgency, current.now, within)


@act(
    Rule(Who.ASSIGNEE, Who.ASSIGNEE),
    Move(ANY, ANY - DRAFT),
    repeat=Repeat.KEYED,
    summary="Record an attempt to reach the survivor.",
    description="Seals the result with your agency's notes. The recipient's record stops its clock"
    " for the first contact, whatever the result. The other agency is shown nothing of it.",
    body=Body(
        [
            Code("result", codes.ATTEMPT, question="Result"),
            Code(
                "interpreter",
                codes.INTERPRETER_USED,
                question="Who interpreted?",
                hint="Don't use family members or anyone who came along.",
                help="Who interpreted: never a family member or a person who came along.",
                default="none",
                chosen="none",
            ),
        ]
    ),
    answer=Answer.RECORD,
    history="Tried to reach the survivor",
    page=Page(
        offer="Log a contact attempt",
        title="Log a contact attempt",
        says="Only your agency sees this. It stops your timer, whatever the result.",
        button="Log attempt",
        done="The attempt is logged.",
        likely={("to", "in_handoff"): 1},
        useful=being_reached,
        group=Group.CONTACT,
    ),
)
def record_attempt(
    principal: Principal,
    referral_id: UUID,
    result: str,
    *,
    interpreter: str = "none",
    key: idempotency.Key | None = None,
) -> UUID:
    """Record an attempt to reach the survivor, sealed for the own side only. Returns the record's
    id.

    Only the recipient's record stops `handoff_by`, whatever the result. With an Idempotency-Key
    twice is safe.
    """
    codes.check("attempt", result)
    codes.check("interpreter_used", interpreter)
    with act_transaction(principal, "record_attempt", referral_id) as current:
        record_id = idempotency.begin(principal, key)
        if record_id is None:
            record_id = sealed_notes.seal_note(
                current, "attempt", {"result": result, "interpreter": interpreter}
            )
            own = current.own_side()
            if current.side == "to" and own.handoff_by is not None:
                current.change_own(handoff_by=None, escalated_at=None)
            current.event(other_side_sees=False)
            idempotency.finish(principal, key, record_id, current.now, referral_id=referral_id)
    return record_id
