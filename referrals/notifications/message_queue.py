"""The queue of messages: taken with a lease, sent, written down; tried again, or dead and visible.

Runs as `jobs`. A worker that is killed leaves a lease that runs out, and another takes it up: a
message is sent at least once; one of which nobody knows whether it left is looked for first: an SMS
or a call at the provider (referrals/notifications/transports.py,
referrals/notifications/voice_calls.py), a mail in the mailbox of copies
(referrals/notifications/mail_copies.py). Which messages there are is made elsewhere
(referrals/notifications/triggers.py, referrals/notifications/escalation.py); what they say, in
referrals/notifications/message_texts.py.
"""

import random
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid4

from django.db import connection, connections, transaction

from permissions.audit import writer
from permissions.database.advisory_locks import CALLING, try_lock
from permissions.database.aliases import JOBS
from permissions.database.uuid7 import uuid7
from permissions.errors import NotPossible, NotVisible
from permissions.identity import contact_channels
from permissions.principal import Principal
from referrals.notifications import escalation, mail_copies, transports, voice_calls
from referrals.notifications.recipients import (
    Recipients,
    barred_addresses,
    channels_of,
    is_barred_address,
    query,
    queue_messages,
    record_test,
)
from referrals.notifications.transports import NotSent, Outgoing

# Longer than a provider takes, and short enough that what a killed worker held is sent within a
# minute by the next.
LEASE = "interval '45 seconds'"
MOST_TRIES = 10  # over half an hour
FIRST_REST_S, LONGEST_REST_S = 5, 900
BEHIND_ANOTHER_S = 1  # a call, until the number is free
PROVIDER_S = 60  # until it is seen whether a provider was named
SHOWN = 100
MOST_TESTS = contact_channels.MOST_CHANNELS  # an hour: each of a full list once
# Told to one person and to nobody in her place.
PERSONAL = frozenset({"review", "assigned", "test", "contact"})


class Claimed(NamedTuple):
    """A message that this worker alone sends, until its lease ends."""

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
    """Send the next mail that is due; whether there was one."""
    return _step("mail")


def sms_step() -> bool:
    """Send the next SMS that is due; whether there was one."""
    return _step("sms")


def voice_step() -> bool:
    """Make the next call that is due; whether there was one."""
    return _step("voice")


def _step(kind: str) -> bool:
    claimed = claim_message(kind)
    if claimed is None:
        return False
    outgoing = _outgoing(claimed)
    if outgoing is None:
        return True
    if kind != "voice":
        _try(claimed, outgoing)
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
                _try(claimed, outgoing)
    return True


def _try(claimed: Claimed, outgoing: Outgoing) -> None:
    try:
        sid = transports.send(outgoing)
    except transports.NoProvider:
        _put_back(claimed, PROVIDER_S, "no_provider")
    except NotSent as error:
        record_try(claimed, error.code, sent=False, final=error.final, unknown=error.unknown)
    else:
        record_try(claimed, "handed_over", sent=True, sid=sid)


def _put_back(claimed: Claimed, rest: float, why: str | None = None) -> None:
    """Not tried: somebody else's call to that number comes first, or nobody sends its kind."""
    query(
        "UPDATE message SET lease = NULL, leased_until = NULL, tries = tries - 1,"
        " unknown_since = CASE WHEN %s THEN NULL ELSE unknown_since END,"
        " outcome = coalesce(%s, outcome), due_at = sec.clock() + make_interval(secs => %s)"
        " WHERE id = %s AND lease = %s RETURNING id",
        [why is not None, why, rest, claimed.id, claimed.lease],
    )


def claim_message(kind: str) -> Claimed | None:
    """The message of this kind that is due first, leased; None: none is. Any number at once."""
    names = ", ".join(f"m.{name}" for name in Claimed._fields)
    with transaction.atomic(using=JOBS):
        rows = query(
            "UPDATE message m SET lease = %s, tries = tries + 1,"  # noqa: S608 (of fixed parts)
            f" leased_until = sec.clock() + {LEASE}"
            " WHERE m.id = (SELECT n.id FROM message n WHERE n.state = 'waiting' AND n.kind = %s"
            "  AND n.due_at <= sec.clock()"
            "  AND (n.leased_until IS NULL OR n.leased_until <= sec.clock())"
            "  ORDER BY n.due_at, n.id LIMIT 1 FOR UPDATE SKIP LOCKED)"
            f" RETURNING {names}",
            [uuid4(), kind],
        )
    return Claimed._make(rows[0]) if rows else None


def _outgoing(claimed: Claimed) -> Outgoing | None:
    """Where it goes now. A channel that was taken off since, or whose reader a block bars since, is
    not rung; then who else may be told is (R12). Nor is anybody about what was answered since."""
    if claimed.referral_id is not None:
        urging = claimed.template in escalation.URGING
        needless = urging and not escalation.is_still_unanswered(
            claimed.referral_id, claimed.template
        )
        if needless or not _may_still_send(claimed, claimed.referral_id):
            with transaction.atomic(using=JOBS):
                _drop(claimed)
                if not needless:
                    _forward(claimed)
            return None
    rows = query("SELECT address, language FROM channel WHERE id = %s", [claimed.channel_id])
    if not rows:
        record_try(claimed, "no_channel", sent=False, final=True)
        return None
    ((address, language),) = rows
    return Outgoing(
        id=claimed.id,
        kind=claimed.kind,
        address=address,
        language=language,
        template=claimed.template,
        reference=claimed.reference,
        again_since=claimed.at if claimed.tries > 1 else None,
    )


def _drop(claimed: Claimed) -> None:
    """It goes; not a call that may have been made: that is looked for, lest it be taken for a later
    one's (referrals/notifications/voice_calls.py)."""
    mine = [claimed.id]
    if not query("DELETE FROM message WHERE id = %s AND unknown_since IS NULL RETURNING id", mine):
        query(
            "UPDATE message SET state = 'dead', outcome = 'needless', done_at = sec.clock(),"
            " lease = NULL, leased_until = NULL WHERE id = %s RETURNING id",
            mine,
        )


def _may_still_send(claimed: Claimed, referral_id: UUID) -> bool:
    whom, name = claimed.member_id, "may_reach"
    if whom is None:
        whom, name = claimed.agency_id, "mailbox_open"
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
    """Write down how a try ended; nothing, where another worker has taken the message up since.
    `unknown`: it may have reached the provider; `sid`: what the provider calls it."""
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
            record_test(claimed.template, claimed.channel_id, sent=sent)
        if dead:
            _forward(claimed)


def retry_delay_s(tries: int) -> float:
    """Seconds until it is tried again: 5, 10, 20 … 900, and a little chance, so that what failed
    together does not come back together."""
    longest = min(FIRST_REST_S * 2.0 ** (tries - 1), LONGEST_REST_S)
    return longest * random.uniform(0.75, 1)


def _forward(claimed: Claimed) -> None:
    """What did not reach one is told to the rest of her agency at once, unless it was for her."""
    if claimed.referral_id is None or claimed.template in PERSONAL:
        return
    reach = Recipients(claimed.referral_id, claimed.agency_id)
    queue_messages(claimed.cause, claimed.referral_id, claimed.template, reach.everyone())


# -- What people do with it ------------------------------------------------------------------------


class MessageView(NamedTuple):
    """A message as its member, or her agency's administrator, sees it: neither address nor words,
    nor what it was about."""

    id: UUID
    at: datetime
    kind: str
    template: str
    channel_id: UUID
    state: str
    tries: int
    outcome: str | None
    done_at: datetime | None
    own: bool


_SHOWN = "id, at, kind, template, channel_id, state, tries, outcome, done_at, member_id IS NOT NULL"


def list_messages(principal: Principal, state: str | None = None) -> list[MessageView]:
    """The newest hundred of the caller's own, and of her agency's channels for its agency_admin.

    Raises NotPermitted for a system. One access entry.
    """
    with writer.logged_act(principal, "messages.read") as attempt:
        contact_channels.require_member_in_person(principal)
        attempt.record()
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {_SHOWN} FROM message"  # noqa: S608 (of fixed parts)
                " WHERE %s::text IS NULL OR state = %s"
                " ORDER BY at DESC, id DESC LIMIT %s",
                [state, state, SHOWN],
            )
            return [MessageView._make(row) for row in cursor.fetchall()]


def retry(principal: Principal, message_id: UUID) -> MessageView:
    """A dead message is tried again from the start. Twice is safe: one that waits goes on waiting.

    Raises NotVisible, NotPossible: it was sent.
    """
    with writer.logged_act(principal, "message.retry"), connection.cursor() as cursor:
        contact_channels.require_member_in_person(principal)
        cursor.execute(
            "UPDATE message SET state = 'waiting', tries = 0, due_at = sec.clock(), done_at = NULL"
            " WHERE id = %s AND state = 'dead'",
            [message_id],
        )
        cursor.execute(
            f"SELECT {_SHOWN} FROM message WHERE id = %s",  # noqa: S608 (of fixed parts)
            [message_id],
        )
        row = cursor.fetchone()
        if row is None:
            raise NotVisible
        shown = MessageView._make(row)
        if shown.state == "sent":
            raise NotPossible("sent_already", "It was sent.")
    return shown


def send_test(principal: Principal, channel_id: UUID) -> contact_channels.Channel:
    """ "Does my channel ring?": a test is sent there. Once a minute, and MOST_TESTS an hour of all
    that the caller keeps or kept: nobody is rung all night by whoever says that a number is hers,
    and no alarm stands behind a thousand tests. Sooner is NotPossible. Raises NotVisible."""
    with writer.logged_act(principal, "channel.test"):
        contact_channels.find_channel(channel_id)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM message"
                " WHERE template = 'test' AND at > sec.clock() - interval '1 hour'"
            )
            if cursor.fetchone()[0] >= MOST_TESTS:
                raise NotPossible("tested_just_now", "Many tests were sent just now. Wait an hour.")
            cursor.execute("SELECT sec.ask_test(%s, %s)", [uuid7(), channel_id])
            if cursor.fetchone() != (True,):
                raise NotPossible("tested_just_now", "A test was sent just now. Wait a minute.")
            cursor.execute(
                "UPDATE channel SET test_asked_at = sec.clock(), test_outcome = 'waiting'"
                " WHERE id = %s",
                [channel_id],
            )
        return contact_channels.find_channel(channel_id)


# -- What the operator does ------------------------------------------------------------------------


def counts() -> list[tuple[str, str, str, int]]:
    """(kind, state, last outcome, how many); of no agency, no person and no referral."""
    return [
        (kind, state, outcome, number)
        for kind, state, outcome, number in query(
            "SELECT kind, state, coalesce(outcome, '-'), count(*) FROM message"
            " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            [],
        )
    ]


def retry_dead(kind: str | None = None) -> int:
    """Try every dead message again (of one kind); how many. Twice is safe."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute(
            "UPDATE message SET state = 'waiting', tries = 0, due_at = sec.clock(), done_at = NULL"
            " WHERE state = 'dead' AND (%s::text IS NULL OR kind = %s)",
            [kind, kind],
        )
        again: int = cursor.rowcount
    return again
