"""The call to the agency before a notice by its card is sent: Cairn calls the registered number,
and a person there keys the code that the officer's screen shows. Nothing else sends the notice.

What has become of a call is not in its row: referrals/card/steps.py.
"""

import hmac
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from django.conf import settings
from django.db import transaction

from permissions.audit import writer
from permissions.card import cards
from permissions.card.card_rows import InForce
from permissions.database.clock import database_now
from permissions.enrollment import sealed_messages
from permissions.enrollment.sealed_messages import Address
from permissions.errors import NotPossible, NotVisible, Refused
from permissions.identity import brakes, credentials
from permissions.identity.brakes import Limit
from permissions.models import CardNotice, SealedMessage
from referrals.card import kept as rows
from referrals.card import sending, steps
from referrals.card.kept import Content, Kept

LIVES = timedelta(minutes=10)  # a code
DIGITS = 6
MOST_CALLS = Limit("card_calls_of_agency", 3, timedelta(hours=1))
PATH = "/card/call/"  # api/desk/urls.py


class Keyed(StrEnum):
    """What a keyed code led to, for the person on the phone."""

    SENT = "sent"
    WRONG = "wrong"  # another try is left
    ENDED = "ended"  # no try is left, the time is over, or another call was made
    NOT_SENT = "not_sent"  # the code was right, and the notice was refused


class Call(StrEnum):
    """How a notice's call stands."""

    QUEUED = "queued"
    MADE = "made"
    FAILED = "failed"
    OVER = "over"  # the code's time is over
    SPENT = "spent"  # three wrong codes
    GIVEN = "given"
    STOPPED = "stopped"  # by the officer, or by a later notice


# -- The officer -----------------------------------------------------------------------------------


def begin(card: InForce, service_id: UUID, urgency: str, agreement: str, secret: str) -> UUID:
    """Keep a notice that waits, and call the agency. Returns its id; with the same secret twice is
    one. Raises BadRequest, NotPossible (the service; another one waits), TooOften, Unavailable."""
    with _logged():
        sending.check(card.agency.id, service_id, urgency, agreement)
        with transaction.atomic(using="signin"):
            cards.lock(card)
            before = rows.of_secret(secret)
            if before is not None:
                return _same_agency(before, card)
            _make_room(card.agency.id)
            kept = Kept(
                CardNotice(agency_id=card.agency.id),
                _content(card, service_id, urgency, agreement, secret),
            )
            _call(card, kept, is_new=True)
    return kept.id


def again(notice_id: UUID, secret: str) -> None:
    """Call the agency once more, with another code; the earlier one is dead. Raises NotVisible,
    NotPossible (sent already, or another notice waits; the card is off), TooOften, Unavailable."""
    with _logged():
        card = _card_of(rows.of_page(notice_id, secret))
        with transaction.atomic(using="signin"):
            cards.lock(card)
            kept = rows.of_page(notice_id, secret, lock=True)
            _require_unsent(kept)
            if not kept.row.waits:
                _make_room(card.agency.id)
            _call(card, kept)


def stop(notice_id: UUID, secret: str) -> None:
    """Let the notice not be sent. Twice is safe. Raises NotVisible, NotPossible (sent already),
    Unavailable."""
    with transaction.atomic(using="signin"):
        kept = rows.of_page(notice_id, secret, lock=True)
        _require_unsent(kept)
        kept.row.waits = False
        rows.save(kept)
        SealedMessage.objects.using("signin").filter(about_id=kept.id).delete()
        steps.stop(kept.content)
        card = cards.of_agency(kept.content.agency_id)
        credentials.log_sign_in(
            "card.stop",
            agency_id=kept.content.agency_id,
            member_id=card.lead_id if card else None,
            client_id=card.client.id if card else None,
        )


def how(kept: Kept) -> Call:
    """How the notice's call stands."""
    content = kept.content
    if not steps.is_newest(content):
        return Call.STOPPED
    if steps.is_given(content):
        return Call.GIVEN
    if steps.tries(content) >= steps.MOST_TRIES:
        return Call.SPENT
    if database_now("signin") >= content.code_ends_at:
        return Call.OVER
    message = SealedMessage.objects.using("signin").filter(about_id=kept.id).first()
    made = {"waiting": Call.QUEUED, "handed_over": Call.MADE}
    return made.get(message.outcome, Call.FAILED) if message else Call.FAILED


def _call(card: InForce, kept: Kept, *, is_new: bool = False) -> None:
    """Make the code, queue the call and log it, in the open transaction."""
    brakes.require_turn(MOST_CALLS, card.agency.id, using="signin")
    content, token = kept.content, secrets.token_urlsafe(rows.SECRET_BYTES)
    content.card_version, content.number = card.version, card.number
    content.call_hash = rows.hash_of(token)
    content.code = "".join(secrets.choice("0123456789") for _ in range(DIGITS))
    content.code_ends_at = database_now("signin") + LIVES
    content.serial = steps.next_serial(card.agency.id)
    content.refused = None
    kept.row.waits = True
    rows.save(kept, force_insert=is_new)
    to, link = Address("voice", card.number), f"{settings.BASE_URL.rstrip('/')}{PATH}{token}"
    sealed_messages.queue(kept.id, to, "card_code", link, content.code_ends_at, "signin")
    credentials.log_sign_in(
        "card.call",
        agency_id=card.agency.id,
        member_id=card.lead_id,
        client_id=card.client.id,
        fields=[content.urgency],
    )
    steps.begin(content)


def _content(card: InForce, service_id: UUID, urgency: str, agreement: str, secret: str) -> Content:
    now = database_now("signin")
    return Content(
        secret_hash=rows.hash_of(secret),
        call_hash="",
        agency_id=card.agency.id,
        card_version=card.version,
        service_id=service_id,
        urgency=urgency,
        agreement=agreement,
        number=card.number,
        serial=0,
        code="",
        code_ends_at=now,
        begun_at=now,
    )


def _same_agency(before: Kept, card: InForce) -> UUID:
    """The notice that was begun with the same form, by a second tap on a slow line."""
    if before.content.agency_id != card.agency.id:
        raise NotVisible
    return before.id


def _make_room(agency_id: UUID) -> None:
    """Raise NotPossible while another notice of the agency waits; one whose call is over gives
    way."""
    other = rows.waiting(agency_id)
    if other is None:
        return
    if how(other) in (Call.QUEUED, Call.MADE) or sending.is_under_way(other):
        raise NotPossible(
            "card_busy", "Another notice of this agency waits for its call. Try again shortly."
        )
    other.row.waits = False
    rows.save(other)


def _require_unsent(kept: Kept) -> None:
    if kept.content.sent_at is not None or steps.is_given(kept.content):
        raise NotPossible("card_sent", "The code was keyed at the agency already.")


def _card_of(kept: Kept) -> InForce:
    card = cards.of_agency(kept.content.agency_id)
    if card is None:
        raise cards.ended()
    return card


@contextmanager
def _logged() -> Iterator[None]:
    """Log a refusal as one of an unknown caller: they are counted, so that a stranger does not fill
    the log."""
    try:
        yield
    except Refused as refusal:
        writer.log_refusal(None, "card.call", refusal.code)
        raise


# -- The person at the agency's number -------------------------------------------------------------


def key_in(token: str, digits: str) -> Keyed:
    """Take the code that was keyed in the call with this token; the right one sends the notice,
    once. Twice at once, or the same again, sends one. Raises NotVisible (no such call),
    Unavailable."""
    try:
        with transaction.atomic(using="signin"):
            kept = rows.of_call(token)
            keyed = _judge(kept, digits)
    except NotVisible:
        writer.log_refusal(None, "card.key", NotVisible.code)
        raise
    if keyed is not Keyed.SENT:
        return keyed
    return Keyed.SENT if sending.send(kept.id) else Keyed.NOT_SENT


def _judge(kept: Kept, digits: str) -> Keyed:
    """Judge a code, in the transaction that has locked its notice. A try counts before it is
    judged."""
    content = kept.content
    if steps.is_given(content):
        return Keyed.SENT  # keyed before
    if not steps.is_newest(content) or steps.tries(content) >= steps.MOST_TRIES:
        credentials.log_sign_in("card.key", refused="tries_spent")  # counted: without end
        return Keyed.ENDED
    steps.count_try(content)
    if database_now("signin") >= content.code_ends_at:
        return _refuse(kept, "no_code")
    card = cards.of_agency(content.agency_id)
    if card is None or (card.version, card.number) != (content.card_version, content.number):
        return _refuse(kept, "card_off")
    if not hmac.compare_digest(content.code.encode(), digits.encode(errors="replace")):
        _refuse(kept, "wrong_code")
        left = steps.tries(content) < steps.MOST_TRIES
        return Keyed.WRONG if left else Keyed.ENDED
    credentials.log_sign_in(
        "card.key", agency_id=content.agency_id, member_id=card.lead_id, client_id=card.client.id
    )
    steps.give(content)
    return Keyed.SENT


def _refuse(kept: Kept, code: str) -> Keyed:
    """Log a code that was refused: at most three a call and three calls an hour."""
    credentials.log_sign_in("card.key", agency_id=kept.content.agency_id, refused=code)
    return Keyed.ENDED
