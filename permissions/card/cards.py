"""An agency's card: a printed short address by which an officer without an account sends a notice.
The card proves nothing: nothing is sent before a person at the agency's registered number has keyed
the officer's code (referrals/card/).

The card is off until the agency's administrator switches it on and names the lead who holds what is
sent by it. It acts as a client of the agency, which has no key and gets no token: each act is
logged as the card's, for that lead. The row has a MAC and a version like all that lets someone in,
so that a writer of the database neither brings a replaced code back nor leads one elsewhere.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple
from uuid import UUID

from permissions.audit import writer
from permissions.card import card_rows as rows
from permissions.card.card_rows import InForce
from permissions.database.advisory_locks import lock_agency
from permissions.enrollment import registered_numbers
from permissions.enrollment.administration import administered, code_of
from permissions.errors import NotPermitted, NotPossible, Unavailable
from permissions.identity import credentials, partner_clients, row_macs
from permissions.models import Agency, Card, Membership
from permissions.principal import Principal

SEES = ("agency_admin", "lead")


class Shown(NamedTuple):
    """What the agency's people see of their card. `code` is '' while there is none; `why`: the
    refusal because of which it is not in force, or could not be switched on."""

    active: bool
    code: str
    lead_id: UUID | None
    number: str | None
    leads: Sequence[Membership]  # who may be named
    why: NotPossible | None


# -- The agency's own people -----------------------------------------------------------------------


def overview(principal: Principal) -> Shown:
    """The card of the caller's agency. One access entry. Raises NotPermitted, Unavailable."""
    with writer.logged_act(principal, "card.read"):
        if principal.is_client or not principal.has_role(*SEES):
            raise NotPermitted("role_missing", "Administrators and leads see this.")
    card, number = rows.bound(principal.agency_id), None
    agency = Agency.objects.using("signin").get(id=principal.agency_id)
    why = rows.hindrance(agency)
    if why is None:
        number = registered_numbers.callable_number(agency.id)
    active = card is not None and card.active
    if active and why is None:
        assert card is not None
        why = rows.why_off(card)
    return Shown(
        active,
        rows.code_on(card) if card and active else "",
        card.lead_id if card and active else None,
        number,
        rows.leads(agency.id),
        why,
    )


def switch_on(principal: Principal, lead_id: UUID) -> None:
    """Switch the card on with a new code, and name the lead who holds what is sent by it; a code
    that was printed before is dead from now on. Twice makes a second code.

    Raises NotPermitted, NotPossible (the agency's duties, no number that is confirmed, no provider
    of calls, not a live lead), Unavailable.
    """
    with administered(principal, "card.set") as codes:
        lock_agency(principal.agency_id, "signin")  # one at a time, also the first
        agency = Agency.objects.using("signin").get(id=principal.agency_id)
        if why := rows.hindrance(agency):
            raise why
        if lead_id not in {one.id for one in rows.leads(agency.id)}:
            raise rows.no_lead()
        card = rows.locked(agency.id)
        replaced = card is not None and card.active
        if card is None:
            card = Card(agency_id=agency.id, client=rows.new_client(agency.id), version=0)
        elif not card.client.active:
            partner_clients.save_narrowed(card.client, active=True)
        card.active, card.lead_id = True, lead_id
        rows.put_new_code(card)
        rows.save(card)
        codes += ["card_replaced" if replaced else "card_on", code_of("member", lead_id)]


def switch_off(principal: Principal) -> None:
    """Switch the card off: its code is dead, and what waits is not sent. Twice is safe. Raises
    NotPermitted, Unavailable."""
    with administered(principal, "card.set") as codes:
        card = rows.locked(principal.agency_id)
        if card is not None and card.active:
            card.active = False
            rows.save(card)
            partner_clients.save_narrowed(card.client, active=False)
        codes.append("card_off")


# -- Everyone else ---------------------------------------------------------------------------------


def find(code: str) -> InForce | None:
    """The card with this code, if it is in force: small letters and separators do not matter.
    Raises Unavailable (`binding`) for a row that this server did not write, or an older one."""
    plain = rows.plain_code(code)
    if plain is None:
        return None
    card = rows.all_cards().filter(code_hash=rows.hash_code(plain)).first()
    if card is None:
        return None
    rows.require_bound(card)
    return rows.in_force(card)


def of_agency(agency_id: UUID) -> InForce | None:
    """The agency's card, if it is in force. Raises Unavailable."""
    card = rows.bound(agency_id)
    return None if card is None else rows.in_force(card)


def lock(card: InForce) -> None:
    """Hold the card's row until the open transaction of `signin` ends: one call at a time. Raises
    NotPossible if it is not in force any more."""
    row = Card.objects.using("signin").select_for_update().get(agency_id=card.agency.id)
    if row.version != card.version:
        raise ended()


@contextmanager
def acting(card: InForce) -> Iterator[Principal]:
    """Act as the card, for its lead. The credential ends with the block, and its secret is nowhere
    but here. Raises Unavailable."""
    row_macs.require_bound(card.client)
    secret = secrets.token_urlsafe(32)
    credentials.open_for_client(card.client, secret, card.client.scopes)
    try:
        principal = credentials.resolve_credential(secret, str(card.lead_id))
        if principal is None:
            raise Unavailable
        yield principal
    finally:
        credentials.end_credential(secret)


def ended() -> NotPossible:
    return NotPossible("card_off", "This card is not in force.")
