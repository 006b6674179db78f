"""The secret address at which a member's own calendar reads their agency's rota (iCalendar).

It shows names of the own agency and hours, nothing else. The member makes it, and ends it by making
another or none. What is taken from their membership ends it too, and so does its end. The row
keeps a hash under a MAC by a key outside the database, and an ended one is in the journal of
closings: neither a writer of the database nor a restored copy brings one back.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from permissions.database.clock import database_now
from permissions.enrollment.administration import administered
from permissions.errors import NotVisible
from permissions.identity import credentials, row_macs
from permissions.keys import closings
from permissions.models import ROLES, Membership, RowMac
from permissions.principal import Principal
from referrals import models as m
from referrals.on_call import rows
from referrals.on_call.who_is_on import Span, plan

ENDED = 2  # the version from which on an address has ended; a new one has version 1
BEFORE, AFTER = timedelta(days=7), timedelta(days=91)
EVERYONE = tuple(one for one in ROLES if one not in ("auditor", "coordinator"))


class Feed(NamedTuple):
    """Who is on at an agency, for some weeks. `names`: members by id."""

    agency_id: UUID
    agency_name: str
    spans: list[Span]
    names: dict[UUID, str]


def make(principal: Principal) -> str:
    """Make the caller's address, ending the one before; return its secret, which is shown once.
    Raises NotPermitted, Unavailable."""
    with administered(principal, "rota.make_feed", *EVERYONE):
        assert principal.member_id is not None  # a member in person
        _end(principal.member_id)
        secret = secrets.token_urlsafe(32)
        made = m.CalendarFeed(member_id=principal.member_id, token_hash=_hash(secret))
        made.mac = row_macs.mac("calendar_feed", _bound(made))
        made.save(using="signin", force_insert=True)
    return secret


def end(principal: Principal) -> None:
    """End the caller's address. Twice is safe. Raises NotPermitted, Unavailable."""
    with administered(principal, "rota.end_feed", *EVERYONE):
        assert principal.member_id is not None  # a member in person
        _end(principal.member_id)


def has_one(member_id: UUID) -> bool:
    """Whether the member has an address that works."""
    kept = m.CalendarFeed.objects.using("signin").filter(member_id=member_id).first()
    return kept is not None and _is_good(kept)


def read(secret: str) -> Feed:
    """What this address shows. One access entry, of the member whose address it is. Raises
    NotVisible for every address that opens nothing; Unavailable."""
    with transaction.atomic(using="signin"):
        kept = m.CalendarFeed.objects.using("signin").select_related("member__agency")
        found = kept.filter(token_hash=_hash(secret)).first()
        member = found.member if found else None
        if found is None or member is None or not _is_good(found):
            raise NotVisible
        if not member.live or not member.agency.active:
            raise NotVisible
        row_macs.require_bound(member)
        now = database_now("signin")
        shown = _feed(member, now)
        credentials.log_sign_in("rota.read_feed", agency_id=member.agency_id, member_id=member.id)
    return shown


def _feed(member: Membership, now: datetime) -> Feed:
    staff = rows.staff(member.agency_id)
    rota = rows.rota(member.agency_id, now - BEFORE)
    spans = plan(rota, now - BEFORE, now + AFTER, staff.__contains__)
    return Feed(
        member.agency_id, member.agency.name, spans, {one.id: one.name for one in staff.values()}
    )


def _end(member_id: UUID) -> None:
    """End the member's address, in the open transaction of `signin`."""
    kept = m.CalendarFeed.objects.using("signin").select_for_update().filter(member_id=member_id)
    ended = [(one.id.hex, ENDED) for one in kept]
    kept.delete()
    transaction.on_commit(lambda: closings.close(ended), using="signin")


def _is_good(feed: m.CalendarFeed) -> bool:
    if closings.least_version(feed.id.hex) >= ENDED:
        return False
    return row_macs.is_right(feed.mac, "calendar_feed", _bound(feed))


def _bound(feed: m.CalendarFeed) -> list[Any]:
    """What the MAC covers: also the version of the membership, which is another one as soon as
    something is taken from it."""
    version = (
        RowMac.objects.using("signin")
        .filter(kind="membership", row_id=feed.member_id)
        .values_list("version", flat=True)
        .first()
    )
    return [feed.id, feed.member_id, bytes(feed.token_hash).hex(), version]


def _hash(secret: str) -> bytes:
    return hashlib.sha256(b"calendar feed " + secret.encode()).digest()
