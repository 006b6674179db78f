"""Asks the people who run a service by mail, once a year, whether its public entry is right (ADR
0133).

Off unless the operator switches it on (CAIRN_VERIFY_ENTRIES). The mail names nothing. Its link
works once and for 30 days, and shows what the public sees: an entry that is not public is never
asked about, and a link is over once its entry is public no more or has another address. "Right"
sets the day on which it was assured; "wrong" is a reported mistake
(directory/editing/mistake_reports.py), and changes nothing. After two weeks there is a reminder;
after 30 days the entry is on its editors' list as not verified.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection, connections, transaction
from django.db.models import Q

from directory import listings
from directory import models as m
from directory.editing.mistake_reports import checked_words, require_mender
from directory.editing.validation import network_date
from directory.models import Verification
from directory.projection.render import lock_entries, render
from directory.search import retrieval
from permissions.database.advisory_locks import VERIFYING, try_lock
from permissions.database.aliases import JOBS
from permissions.database.clock import database_now
from permissions.database.db_identity import identified_transaction
from permissions.enrollment import sealed_messages
from permissions.enrollment.sealed_messages import Address
from permissions.errors import BadRequest, NotVisible, StaleMatch
from permissions.identity.contact_channels import normalize_address
from permissions.keys.derived_keys import derived_key
from permissions.principal import Principal

ANSWERS = ("right", "wrong", "stop")
EVERY = timedelta(days=365)
GOOD_FOR = timedelta(days=30)
REMINDER_AFTER = timedelta(days=14)
KEPT = timedelta(days=730)
MOST_A_DAY = 200  # of the whole network; to one address one a day
PATH = "/check/"  # api/desk/urls.py
TEMPLATES = frozenset({"entry_check", "entry_check_again"})
TOKEN_BYTES = 16


class Unverified(NamedTuple):
    """An entry whose service did not say that it is right; `id` is the question's."""

    id: UUID
    service_id: UUID
    name: str
    asked: date


# -- Who has the link, and who can mend the entry --------------------------------------------------


def service_of(token: str) -> UUID:
    """The service that a link asks about. Raises NotVisible for a link that is none, used or over,
    and for an entry that is not public."""
    with identified_transaction(None), connection.cursor() as cursor:
        cursor.execute("SELECT sec.asked_service_id(%s)", [hash_of(token)])
        (service_id,) = cursor.fetchone()
    if service_id is None:
        raise NotVisible
    found: UUID = service_id
    return found


def answer(token: str, said: str, what: str = "", words: str = "", etag: str = "") -> None:
    """Answer by a link, which is used then: the entry is right as it was read (`etag`), it is wrong
    (`what` and `words` say how), or no such mail is wanted. The same answer twice is safe. Raises
    NotVisible as `service_of` does; StaleMatch; BadRequest."""
    if said not in ANSWERS:
        raise BadRequest
    if said == "wrong":
        words = checked_words(what, words)
    given: list[Any] = [hash_of(token), said, what, words]
    with identified_transaction(None), connection.cursor() as cursor:
        if said == "right":
            cursor.execute("SELECT sec.asked_service_id(%s)", [hash_of(token)])
            (service_id,) = cursor.fetchone()
            listing = listings.find(None, service_id) if service_id else None
            if listing and retrieval.etag(listing.document) != etag:
                raise StaleMatch
        cursor.execute("SELECT sec.answer_verification(%s, %s, %s, %s)", given)
        (taken,) = cursor.fetchone()
        if not taken:
            raise NotVisible


def unverified(principal: Principal) -> list[Unverified]:
    """The entries that the caller can mend and whose service did not answer, the oldest first, a
    hundred at most. Raises NotPermitted."""
    require_mender(principal)
    with identified_transaction(principal), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM sec.unverified_entries()")
        return [Unverified(*row) for row in cursor.fetchall()]


def end(principal: Principal, verification_id: UUID) -> None:
    """Take one off the list of `unverified`. Twice is safe. Raises NotVisible unless it is on it
    for the caller, and NotPermitted."""
    require_mender(principal)
    with identified_transaction(principal), connection.cursor() as cursor:
        cursor.execute("SELECT sec.end_verification(%s)", [verification_id])
        (is_ours,) = cursor.fetchone()
    if not is_ours:
        raise NotVisible


# -- The background work ---------------------------------------------------------------------------


def ask_step() -> bool:
    """Queue the reminders and mails that are due. There is never more at once. Safe to kill at any
    point; of two at once, one does nothing."""
    with try_lock(JOBS, VERIFYING) as free:
        if free:
            now = database_now(JOBS)
            Verification.objects.using(JOBS).filter(asked_at__lt=now - KEPT).delete()
            if settings.VERIFY_ENTRIES and settings.SENDERS["mail"] is not None:
                today = _written_to(now)
                _remind(now, today)
                _ask(now, today)
    return False


def apply_step() -> bool:
    """Set the day of one entry that is right. Returns whether there was one. Safe to kill at any
    point and to run twice at once."""
    with transaction.atomic(using=JOBS):
        waiting = Verification.objects.using(JOBS).filter(due=True).order_by("answered_at")
        one = waiting.select_for_update(skip_locked=True).first()
        if one is None:
            return False
        assert one.answered_at
        day = network_date(one.answered_at)
        lock_entries([one.service_id], [])
        service = m.Service.objects.using(JOBS).filter(id=one.service_id).first()
        if service and (service.assured_date is None or service.assured_date < day):
            service.assured_date, service.last_modified = day, database_now(JOBS)
            service.save(using=JOBS, update_fields=["assured_date", "last_modified"])
            render([service.id])
        one.due = False
        one.save(using=JOBS, update_fields=["due"])
    return True


def may_be_sent(verification_id: UUID) -> bool:
    """Whether a mail that waits may leave now: its question is open, its entry public and with the
    address that was asked, and that address not opted out."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute(_MAY_BE_SENT, [verification_id])
        (may,) = cursor.fetchone()
    return bool(may)


_MAY_BE_SENT = """
    SELECT EXISTS (
        SELECT FROM directory_verification v
         WHERE v.id = %s AND v.answer = '' AND sec.is_entry_question_alive(v.id)
           AND NOT EXISTS (SELECT FROM directory_mail_opt_out o
                            WHERE o.address_hash = v.address_hash))
"""


def _written_to(now: datetime) -> set[bytes]:
    """The addresses that a mail went to within a day, as hashes."""
    day = now - timedelta(days=1)
    of_the_day = Q(asked_at__gt=day) | Q(reminded_at__gt=day)
    found = Verification.objects.using(JOBS).filter(of_the_day)
    return {bytes(one) for one in found.values_list("address_hash", flat=True)}


def _remind(now: datetime, today: set[bytes]) -> None:
    """Remind once, at the address that was asked, if it is still the service's."""
    due = Verification.objects.using(JOBS).filter(
        answer="", reminded_at=None, asked_at__lte=now - REMINDER_AFTER, expires_at__gt=now
    )
    for one in due.order_by("asked_at", "id"):
        to = bytes(one.address_hash)
        if len(today) >= MOST_A_DAY:
            return
        if to in today or not may_be_sent(one.id):
            continue
        address = m.Service.objects.using(JOBS).get(id=one.service_id).email
        one.reminded_at = now
        one.token_hash = hash_of(token_of(one.id))  # another one under a new key of the server
        with transaction.atomic(using=JOBS):
            one.save(using=JOBS, update_fields=["reminded_at", "token_hash"])
            _send(one, address, "entry_check_again")
        today.add(to)


def _ask(now: datetime, today: set[bytes]) -> None:
    for service_id, address, to in _due(now) if len(today) < MOST_A_DAY else ():
        if to in today or not _is_address(address):
            continue
        one = Verification(
            service_id=service_id, address_hash=to, asked_at=now, expires_at=now + GOOD_FOR
        )
        one.token_hash = hash_of(token_of(one.id))
        with transaction.atomic(using=JOBS):
            one.save(using=JOBS, force_insert=True)
            _send(one, address, "entry_check")
        today.add(to)
        if len(today) >= MOST_A_DAY:
            return


def _due(now: datetime) -> Iterator[tuple[UUID, str, bytes]]:
    """The services to ask, with their addresses and the hashes of these: one for each address, the
    longest unassured first."""
    given: dict[str, Any] = {
        "open": list(m.OPEN_STATUSES),
        "ago": now - EVERY,
        "day": network_date(now - EVERY),
    }
    with connections[JOBS].cursor() as cursor:
        cursor.execute(_DUE, given)
        for service_id, address, to in cursor.fetchall():
            yield service_id, address, bytes(to)


_DUE = """
    SELECT id, email, address_hash FROM (
        SELECT DISTINCT ON (h.address_hash) s.id, s.email, s.assured_date, h.address_hash
          FROM directory_service s
          JOIN directory_listing l ON l.id = s.id
          CROSS JOIN LATERAL (SELECT sec.mail_address_hash(s.email) AS address_hash) h
         WHERE s.email <> '' AND l.status = ANY (%(open)s)
           AND (s.assured_date IS NULL OR s.assured_date < %(day)s)
           AND NOT EXISTS (SELECT FROM directory_verification v
                            WHERE v.service_id = s.id AND v.asked_at > %(ago)s)
           AND NOT EXISTS (SELECT FROM directory_mail_opt_out o
                            WHERE o.address_hash = h.address_hash)
         ORDER BY h.address_hash, s.assured_date NULLS FIRST, s.id) due
     ORDER BY assured_date NULLS FIRST, id
"""


def _send(one: Verification, address: str, template: str) -> None:
    link = f"{settings.BASE_URL.rstrip('/')}{PATH}{token_of(one.id)}"
    to = Address("mail", address.strip())
    sealed_messages.queue(one.id, to, template, link, one.expires_at, JOBS)


# -- Secrets ---------------------------------------------------------------------------------------


def _is_address(address: str) -> bool:
    try:
        normalize_address("mail", address)
    except BadRequest:
        return False
    return True


def token_of(verification_id: UUID) -> str:
    """The secret part of a link. No one makes it without the server's key."""
    key = derived_key("entry verification")
    made = hmac.digest(key, verification_id.bytes, "sha256")[:TOKEN_BYTES]
    return urlsafe_b64encode(made).decode().rstrip("=")


def hash_of(token: str) -> bytes:
    """What the database keeps of a link's secret part."""
    return hashlib.sha256(b"entry verification " + token.encode(errors="replace")).digest()
