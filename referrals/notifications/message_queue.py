"""The message queue: messages are leased, sent and recorded; failed ones are retried, or dead and
visible.

Runs as `jobs`. A worker that is killed leaves a lease that expires, and another worker takes the
message: it is sent at least once. A message with an unknown outcome is looked up first: an SMS or a
call at the provider (referrals/notifications/transports.py,
referrals/notifications/voice_calls.py), a mail in the mailbox of copies
(referrals/notifications/mail_copies.py). Messages are created elsewhere
(referrals/notifications/triggers.py, referrals/notifications/escalation.py). Their texts are in
referrals/notifications/message_texts.py.
"""

import random
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid4

from django.db import transaction

from permissions.database.advisory_locks import CALLING, try_lock
from permissions.database.aliases import JOBS
from referrals.claims import digits, pause
from referrals.notifications import (
    channel_checks,
    escalation,
    mail_copies,
    transports,
    voice_calls,
)
from referrals.notifications.line_tests import weekly
from referrals.notifications.recipients import (
    LINE_TEST,
    Recipients,
    barred_addresses,
    channels_of,
    is_barred_address,
    query,
    queue_messages,
    record_test,
)
from referrals.notifications.transports import NotSent, Outgoing

# Longer than a provider takes, and short enough that another worker sends a killed worker's message
# within a minute.
LEASE = "interval '45 seconds'"
MOST_TRIES = 10  # over half an hour
FIRST_REST_S, LONGEST_REST_S = 5, 900
TEST_RESTS_S = 300  # a weekly test, while anything else waits for its number
BEHIND_ANOTHER_S = 1  # a call, until no other call to the number is in progress
PROVIDER_S = 60  # until the next check whether a provider was configured
PRACTICE = "practice"  # what every message of an exercise says
# Sent to one person and never forwarded to others.
PERSONAL = frozenset({"review", "assigned", "test", "contact"})


HandOver = Callable[[Outgoing], str | None]


class Claimed(NamedTuple):
    """A message that only this worker sends, until its lease ends."""

    id: UUID
    lease: UUID
    cause: UUID
    referral_id: UUID | None
    agency_id: UUID
    member_id: UUID | None
    channel_id: UUID
    kind: str
    template: str
    reference: str
    tries: int
    at: datetime  # when it was made


def mail_step() -> bool:
    """Send the next mail that is due. Returns whether there was one."""
    return send_next("mail")


def sms_step() -> bool:
    """Send the next SMS that is due. Returns whether there was one."""
    return send_next("sms")


def voice_step() -> bool:
    """Make the next call that is due. Returns whether there was one."""
    return send_next("voice")


def line_test_step() -> bool:
    """Send the next weekly test of a line that is due. Returns whether there was one. No message
    waits behind it: the others' steps pass it over."""
    return any(send_next(kind, tests=True) for kind in weekly.TEXTS)


def send_next(kind: str, hand_over: HandOver = transports.send, *, tests: bool = False) -> bool:
    """Send the next message of this kind that is due, by `hand_over`, which raises NotSent; with
    `tests` the next weekly test of a line instead. Returns whether there was one."""
    claimed = claim_message(kind, tests=tests)
    if claimed is None:
        return False
    outgoing = _outgoing(claimed)
    if outgoing is None:
        return True
    if kind != "voice":
        _try(claimed, outgoing, hand_over)
        return True
    with try_lock(JOBS, CALLING, outgoing.address) as free:
        try:
            if not free:
                raise voice_calls.OutcomeUnknown
            voice_calls.settle_earlier_calls(outgoing.address)
        except voice_calls.OutcomeUnknown:
            _put_back(claimed, BEHIND_ANOTHER_S)
        except NotSent as error:
            record_try(claimed, error.code, sent=False, unknown=True)
        else:
            if voice_calls.begin_call(claimed.id, claimed.lease):
                _try(claimed, outgoing, hand_over)
    return True


def _try(claimed: Claimed, outgoing: Outgoing, hand_over: HandOver) -> None:
    try:
        sid = hand_over(outgoing)
    except transports.NoProvider:
        _put_back(claimed, PROVIDER_S, "no_provider")
    except NotSent as error:
        if error.gone:
            query("SELECT sec.end_device(%s)", [claimed.channel_id])
        record_try(claimed, error.code, sent=False, final=error.final, unknown=error.unknown)
    else:
        record_try(claimed, "handed_over", sent=True, sid=sid)


def _put_back(claimed: Claimed, rest: float, why: str | None = None) -> None:
    """Return the message to the queue without counting a try: another call to that number comes
    first, or no provider sends this kind."""
    query(
        "UPDATE message SET lease = NULL, leased_until = NULL, tries = tries - 1,"
        " unknown_since = CASE WHEN %s THEN NULL ELSE unknown_since END,"
        " outcome = coalesce(%s, outcome), due_at = sec.clock() + make_interval(secs => %s)"
        " WHERE id = %s AND lease = %s RETURNING id",
        [why is not None, why, rest, claimed.id, claimed.lease],
    )


def claim_message(kind: str, *, tests: bool = False) -> Claimed | None:
    """Lease and return the message of this kind that is due first: a weekly test, or any other.
    None: none is due. Safe for any number of workers at once."""
    names = ", ".join(f"m.{name}" for name in Claimed._fields)
    with transaction.atomic(using=JOBS):
        rows = query(
            "UPDATE message m SET lease = %s, tries = tries + 1,"  # noqa: S608 (of fixed parts)
            f" leased_until = sec.clock() + {LEASE}"
            " WHERE m.id = (SELECT n.id FROM message n WHERE n.state = 'waiting' AND n.kind = %s"
            "  AND n.due_at <= sec.clock() AND (n.template = %s) = %s"
            "  AND (n.leased_until IS NULL OR n.leased_until <= sec.clock())"
            "  ORDER BY n.due_at, n.id LIMIT 1 FOR UPDATE SKIP LOCKED)"
            f" RETURNING {names}",
            [uuid4(), kind, LINE_TEST, tests],
        )
    return Claimed._make(rows[0]) if rows else None


def _outgoing(claimed: Claimed) -> Outgoing | None:
    """Return the message to send now. If its channel was removed or its reader was barred
    meanwhile, it is not sent there, and the others who may be notified are instead (R12). If what
    it urges was answered meanwhile, it is not sent to anyone."""
    if claimed.referral_id is not None:
        urging = claimed.template in escalation.URGING
        needless = urging and not escalation.is_still_unanswered(
            claimed.referral_id, claimed.agency_id, claimed.template
        )
        if needless or not _may_still_send(claimed, claimed.referral_id):
            with transaction.atomic(using=JOBS):
                _drop(claimed)
                if not needless:
                    _forward(claimed)
            return None
        if claimed.kind == "voice":
            rest_s = pause.paused_s(claimed.referral_id, claimed.agency_id, claimed.member_id)
            if rest_s > 0:
                _put_back(claimed, rest_s)
                return None
    if claimed.template == LINE_TEST and not _is_ready(claimed):
        return None
    template, reference = claimed.template, claimed.reference
    if template == channel_checks.CODE:
        code = channel_checks.code_in_force(claimed.channel_id)
        if code is None:
            _drop(claimed)
            return None
        reference = code
    rows = query(
        "SELECT c.address, c.language, coalesce(c.push_keys, ''), a.exercise_id IS NOT NULL"
        " FROM channel c JOIN permissions_agency a ON a.id = %s WHERE c.id = %s",
        [claimed.agency_id, claimed.channel_id],
    )
    if not rows:
        record_try(claimed, "no_channel", sent=False, final=True)
        return None
    ((address, language, device_keys, is_practice),) = rows
    left_s = pause.left_to_acknowledge_s(claimed.referral_id) if claimed.kind == "push" else None
    if template in ("test", LINE_TEST) and claimed.kind in weekly.TEXTS:
        template, reference = weekly.prepare(claimed.cause, claimed.kind, address, language)
    return Outgoing(
        id=claimed.id,
        kind=claimed.kind,
        address=address,
        language=language,
        template=PRACTICE if is_practice else template,
        reference=reference,
        again_since=claimed.at if claimed.tries > 1 else None,
        awake=_asked(claimed, language),
        device_keys=device_keys,
        ttl_s=transports.USUAL_TTL_S if left_s is None else int(left_s),
    )


def _asked(claimed: Claimed, language: str) -> digits.Asked | None:
    """Return what a call or push about an emergency asks of the member whose own line it is."""
    if claimed.referral_id is None or claimed.kind not in ("voice", "push"):
        return None
    if claimed.template not in pause.WAKES:
        return None
    if not pause.may_claim(claimed.referral_id, claimed.channel_id):
        return None
    return digits.of_call(claimed.id, language)


def _is_ready(claimed: Claimed) -> bool:
    """Whether a weekly test is sent now; otherwise it rests, or ends."""
    ready = weekly.readiness(claimed.cause, claimed.channel_id, claimed.at)
    if ready is weekly.Ready.LATER:
        _put_back(claimed, TEST_RESTS_S)
    if ready is weekly.Ready.OVER:
        with transaction.atomic(using=JOBS):
            _drop(claimed)
            weekly.forget(claimed.cause)
    return ready is weekly.Ready.NOW


def _drop(claimed: Claimed) -> None:
    """Delete the message. A call that may have been made is kept, so that it is looked up and not
    mistaken for a later one (referrals/notifications/voice_calls.py)."""
    mine = [claimed.id]
    if not query("DELETE FROM message WHERE id = %s AND unknown_since IS NULL RETURNING id", mine):
        query(
            "UPDATE message SET state = 'dead', outcome = 'needless', done_at = sec.clock(),"
            " lease = NULL, leased_until = NULL WHERE id = %s RETURNING id",
            mine,
        )


def _may_still_send(claimed: Claimed, referral_id: UUID) -> bool:
    whom, name = claimed.member_id, "may_notify_member"
    if whom is None:
        whom, name = claimed.agency_id, "may_notify_mailbox"
    ((may,),) = query(f"SELECT sec.{name}(%s, %s)", [referral_id, whom])
    if not may:
        return False
    heard = barred_addresses(referral_id)
    lines = channels_of(claimed.agency_id, claimed.member_id) if heard else []
    return not any(
        is_barred_address(one, heard) for one in lines if one.channel_id == claimed.channel_id
    )


def record_try(
    claimed: Claimed,
    outcome: str,
    *,
    sent: bool,
    final: bool = False,
    unknown: bool = False,
    sid: str | None = None,
) -> None:
    """Record how a try ended. Does nothing if another worker has taken the message since.
    `unknown`: it may have reached the provider. `sid`: the provider's id for it."""
    dead = not sent and (final or claimed.tries >= MOST_TRIES)
    state = "sent" if sent else "dead" if dead else "waiting"
    copy_comes_s = mail_copies.COPY_ARRIVES_S if unknown and claimed.kind == "mail" else 0
    with transaction.atomic(using=JOBS):
        rows = query(
            "UPDATE message SET state = %s, outcome = %s, lease = NULL, leased_until = NULL,"
            " done_at = CASE WHEN %s = 'waiting' THEN NULL ELSE sec.clock() END,"
            " due_at = sec.clock() + make_interval(secs => %s), call_sid = %s,"
            " unknown_since = CASE WHEN %s THEN unknown_since END"
            " WHERE id = %s AND lease = %s RETURNING id",
            [
                *(
                    state,
                    outcome,
                    state,
                    max(retry_delay_s(claimed.tries), copy_comes_s),
                    sid,
                    unknown,
                ),
                *(claimed.id, claimed.lease),
            ],
        )
        if not rows:
            return
        if state != "waiting":
            record_test(claimed.template, claimed.channel_id, claimed.cause, sent=sent, final=final)
        if dead:
            _forward(claimed)


def retry_delay_s(tries: int) -> float:
    """Return the seconds until the next try: 5, 10, 20 … 900, with some jitter, so that messages
    that failed together are not retried together."""
    longest = min(FIRST_REST_S * 2.0 ** (tries - 1), LONGEST_REST_S)
    return longest * random.uniform(0.75, 1)


def _forward(claimed: Claimed) -> None:
    """Send a message that did not reach one member to the rest of their agency at once, unless it
    was personal."""
    if claimed.referral_id is None or claimed.template in PERSONAL:
        return
    reach = Recipients(claimed.referral_id, claimed.agency_id)
    queue_messages(claimed.cause, claimed.referral_id, claimed.template, reach.everyone())
