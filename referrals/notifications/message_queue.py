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

# Longer than a provider takes, and short enough that another worker sends a killed worker's message
# within a minute.
LEASE = "interval '45 seconds'"
MOST_TRIES = 10  # over half an hour
FIRST_REST_S, LONGEST_REST_S = 5, 900
BEHIND_ANOTHER_S = 1  # a call, until no other call to the number is in progress
PROVIDER_S = 60  # until the next check whether a provider was configured
SHOWN = 100
MOST_TESTS = contact_channels.MOST_CHANNELS  # an hour: each channel of a full list once
# Sent to one person and never forwarded to others.
PERSONAL = frozenset({"review", "assigned", "test", "contact"})


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
    return _step("mail")


def sms_step() -> bool:
    """Send the next SMS that is due. Returns whether there was one."""
    return _step("sms")


def voice_step() -> bool:
    """Make the next call that is due. Returns whether there was one."""
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
    """Return the message to the queue without counting a try: another call to that number comes
    first, or no provider sends this kind."""
    query(
        "UPDATE message SET lease = NULL, leased_until = NULL, tries = tries - 1,"
        " unknown_since = CASE WHEN %s THEN NULL ELSE unknown_since END,"
        " outcome = coalesce(%s, outcome), due_at = sec.clock() + make_interval(secs => %s)"
        " WHERE id = %s AND lease = %s RETURNING id",
        [why is not None, why, rest, claimed.id, claimed.lease],
    )


def claim_message(kind: str) -> Claimed | None:
    """Lease and return the message of this kind that is due first. None: none is due. Safe for any
    number of workers at once."""
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
    """Return the message to send now. If its channel was removed or its reader was barred
    meanwhile, it is not sent there, and the others who may be notified are instead (R12). If what
    it urges was answered meanwhile, it is not sent to anyone."""
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
            record_test(claimed.template, claimed.channel_id, sent=sent)
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


# -- What members do with messages -----------------------------------------------------------------


class MessageView(NamedTuple):
    """A message as its member, or their agency's administrator, sees it: without address, text, or
    what it was about."""

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
    """Return the newest hundred messages of the caller, and for an agency_admin those of the
    agency's channels.

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
    """Try a dead message again from the start. Twice is safe: a waiting message keeps waiting.

    Raises NotVisible, and NotPossible if it was sent.
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
    """Send a test to the caller's channel. Allowed once a minute, and MOST_TESTS an hour for all
    channels that the caller has or had. The limits keep a caller from disturbing a number that is
    not theirs, and keep alarms from waiting behind tests. Raises NotPossible over a limit, and
    NotVisible."""
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
    """Return (kind, state, last outcome, how many), without agency, person or referral."""
    return [
        (kind, state, outcome, number)
        for kind, state, outcome, number in query(
            "SELECT kind, state, coalesce(outcome, '-'), count(*) FROM message"
            " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            [],
        )
    ]


def retry_dead(kind: str | None = None) -> int:
    """Try every dead message (of one kind) again. Returns how many. Twice is safe."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute(
            "UPDATE message SET state = 'waiting', tries = 0, due_at = sec.clock(), done_at = NULL"
            " WHERE state = 'dead' AND (%s::text IS NULL OR kind = %s)",
            [kind, kind],
        )
        again: int = cursor.rowcount
    return again
