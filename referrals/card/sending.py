"""What a notice by a card leads to: a referral of the agency that is created and sent by the
ordinary acts, and then its state as a sender is shown it (T5), withdrawing it, and marking it as a
mistake. There is no packet, no release and no list this way.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from uuid import UUID

import orjson
from django.db import transaction

from directory import listings
from directory.listings import Listing
from directory.search.matches import MOST_PER_PAGE
from directory.search.query import SearchQuery
from directory.vocabulary import needs_met_by
from permissions.card import cards
from permissions.card.card_rows import InForce
from permissions.database.clock import database_now
from permissions.database.db_identity import identified_transaction
from permissions.errors import NotPossible, NotVisible, Refused, TooOften, Unavailable
from permissions.identity import brakes
from permissions.principal import Principal
from referrals import codes, idempotency
from referrals.acts import agreement as consent
from referrals.acts import availability, endings, entered_in_error, sender
from referrals.card import kept as rows
from referrals.card import steps
from referrals.card.kept import Content, Kept
from referrals.notices import Notice
from referrals.queries import details
from referrals.queries.details import Detail

# After the code's time: how long a sending that was cut off is taken up again. A later one would
# send help to where no one is any more.
TAKEN_UP = timedelta(minutes=2)
NO_OF_CARD = brakes.Limit("no_of_card", 3, timedelta(hours=1))
WITHOUT_TERMS = ("information_and_referral",)


def open_services(agency_id: UUID) -> list[Listing]:
    """The public services that another agency of the network answers and that take referrals now,
    by name. A short list: a hundred at most."""
    asked = SearchQuery(answered=True, taking=True)
    found = listings.search(None, asked, per_page=MOST_PER_PAGE).items
    others = [one for one in found if one.answered_by != agency_id and not one.confidential]
    with identified_transaction(None):
        takes = availability.open_to_referrals(others)
    return [one for one in others if one.id in takes]


def check(agency_id: UUID, service_id: UUID, urgency: str, agreement: str) -> None:
    """Raise BadRequest or NotPossible unless a notice like this can be sent now."""
    codes.check("urgency", urgency)
    codes.check("agreement", agreement)
    if service_id not in {one.id for one in open_services(agency_id)}:
        raise NotPossible("service_not_taking", "This service takes no notice right now. Call it.")


def record_no(card: InForce) -> None:
    """Count that the survivor does not want it sent (referrals/acts/agreement.py); nothing else is
    stored. A stranger may count few: one too many is not counted. Raises Unavailable."""
    with cards.acting(card) as principal, suppress(TooOften):
        brakes.require_turn(NO_OF_CARD, card.agency.id)
        consent.record_no(principal)


def is_under_way(kept: Kept) -> bool:
    """Whether the code was keyed and the notice is neither sent nor refused yet."""
    content = kept.content
    return (
        steps.is_given(content)
        and content.sent_at is None
        and content.refused is None
        and database_now("signin") < content.code_ends_at + TAKEN_UP
    )


def send(notice_id: UUID, *, wait: bool = True) -> bool:
    """Send the notice whose code was keyed; return whether it is sent. Twice, also at once, is
    safe: it is created under one key, and sent once. A sending that was cut off is taken up again;
    what it has done already, it finds. `wait` for another process that sends it just now, or not.

    Raises Unavailable.
    """
    found = rows.read(notice_id)
    if found is None or not steps.is_given(found.content):
        return found is not None and found.content.sent_at is not None
    card = cards.of_agency(found.content.agency_id)
    if card is None or not _is_same(card, found.content):
        return False
    with cards.acting(card) as principal, transaction.atomic(using="signin"):
        kept = rows.by_id(notice_id, skip_locked=not wait)
        if kept is None or kept.content.sent_at or kept.content.refused:
            return kept is not None and kept.content.sent_at is not None
        try:
            kept.content.referral_id = _sent(principal, kept)
            kept.content.sent_at = database_now("signin")
        except Unavailable:
            raise
        except Refused as refusal:
            kept.content.refused = refusal.code
        kept.row.waits = False
        rows.save(kept)
        return kept.content.sent_at is not None


def _sent(principal: Principal, kept: Kept) -> UUID:
    """Create and send it, or find that this was done. Raises Refused."""
    content = kept.content
    body = orjson.dumps([content.service_id, content.urgency, content.agreement])
    key = idempotency.Key("card", str(kept.id), body)
    if not is_under_way(kept):
        with identified_transaction(principal):
            done = idempotency.begin(principal, key)
        if done is None or details.read_detail(principal, done).status == "draft":
            raise NotPossible("no_code", "The sending was cut off, and it is too late for it now.")
        return done
    draft = sender.create(principal, content.service_id, _notice(content), key=key)
    sender.send(principal, draft.referral.id, content.agreement)
    return draft.referral.id


def _notice(content: Content) -> Notice:
    """The notice. Who cannot say anything now is asked by a worker who comes (R14); otherwise the
    recipient calls the number that Cairn has called, and no other."""
    listing = listings.find(None, content.service_id)
    if listing is None:
        raise NotPossible("service_unknown", "The directory has no such service.")
    return Notice(
        urgency=content.urgency,
        needs=tuple(needs_met_by(listing.taxonomy_term_ids)) or WITHOUT_TERMS,
        callback=content.number,
        wanted="come_here" if content.agreement == "cannot_say" else "call_worker",
    )


def _is_same(card: InForce, content: Content) -> bool:
    return (card.version, card.number) == (content.card_version, content.number)


# -- Afterwards ------------------------------------------------------------------------------------


def read(kept: Kept) -> Detail:
    """The referral as its sender is shown it. One access entry. Raises NotVisible, Unavailable."""
    with _acting(kept) as (principal, referral_id):
        return details.read_detail(principal, referral_id)


def withdraw(kept: Kept, code: str) -> None:
    """Withdraw it. Twice is safe. Raises BadRequest, NotVisible, WrongState, Unavailable."""
    with _acting(kept) as (principal, referral_id):
        endings.withdraw(principal, referral_id, code)


def mark_error(kept: Kept, code: str) -> None:
    """Mark it as a mistake. Twice is safe. Raises BadRequest, NotVisible, WrongState,
    Unavailable."""
    with _acting(kept) as (principal, referral_id):
        entered_in_error.mark_error(principal, referral_id, code)


@contextmanager
def _acting(kept: Kept) -> Iterator[tuple[Principal, UUID]]:
    referral_id = kept.content.referral_id
    if referral_id is None:
        raise NotVisible
    card = cards.of_agency(kept.content.agency_id)
    if card is None:
        raise cards.ended()
    with cards.acting(card) as principal:
        yield principal, referral_id
