"""The rows of agencies' cards: how one is bound, and what puts it in force.

Runs as `signin`. permissions/card/cards.py says what a card is.
"""

import hmac
import secrets
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction

from permissions.enrollment import registered_numbers
from permissions.errors import NotPossible
from permissions.identity import row_macs
from permissions.keys import closings
from permissions.keys.derived_keys import derived_key
from permissions.keys.keystore import seal, unseal
from permissions.models import Agency, Card, Client, Membership

# Letters to read and type: no vowels (no words), none that look alike. 52 random bits: no one
# finds a code by trying, and one that is found sends nothing.
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH = 12
SCOPES = ["referrals:read", "referrals:write"]
# Whose records are confidential by law, or privileged: their notices need a person signed in.
NOT_FOR = frozenset({"victim_services", "privilege", "part2"})


class InForce(NamedTuple):
    """A card that is in force: whose it is, who holds what is sent, and which number is called."""

    agency: Agency
    client: Client
    lead_id: UUID
    version: int
    code: str
    number: str


# -- What puts a card in force ---------------------------------------------------------------------


def hindrance(agency: Agency) -> NotPossible | None:
    """Why this agency can have no card."""
    if NOT_FOR & set(agency.duties):
        return NotPossible(
            "card_duties",
            "An agency with duties of confidentiality toward survivors has no card: what it would"
            " send needs a person who is signed in.",
        )
    if settings.SENDERS["phone"] is None:
        return NotPossible("card_no_calls", "This network makes no calls, which a card needs.")
    if registered_numbers.callable_number(agency.id) is None:
        return NotPossible(
            "card_no_number",
            "Your agency has no registered number that another agency has confirmed. Cairn calls"
            " it before anything is sent.",
        )
    return None


def why_off(card: Card) -> NotPossible | None:
    """Why a card that is switched on is not in force."""
    if not card.client.active:
        return NotPossible("card_ended", "The network operator ended the card. Switch it on again.")
    if card.lead_id not in {one.id for one in leads(card.agency_id)}:
        return no_lead()
    return None


def no_lead() -> NotPossible:
    """The refusal while no live lead is named."""
    return NotPossible(
        "card_no_lead",
        "What is sent by the card needs a lead of your agency who holds it. Name one.",
    )


def in_force(card: Card) -> InForce | None:
    """The card as what acts by it needs it; None if it is not in force. Raises Unavailable."""
    agency = card.agency
    if not card.active or not agency.active or hindrance(agency) or why_off(card):
        return None
    row_macs.require_bound(card.client, card.lead)
    number = registered_numbers.callable_number(agency.id)
    assert number is not None  # hindrance
    return InForce(agency, card.client, card.lead_id, card.version, code_on(card), number)


def leads(agency_id: UUID) -> list[Membership]:
    """The agency's live leads, by name."""
    members = Membership.objects.using("signin").filter(agency_id=agency_id, live=True)
    return list(members.filter(roles__contains=["lead"]).order_by("name", "id"))


def new_client(agency_id: UUID) -> Client:
    """The client that the card acts as: it has no key, and none can be added to it
    (permissions/identity/own_systems.py)."""
    client = Client(
        client_id=f"card-{agency_id.hex}",
        client_type=Client.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Client.GRANT_CLIENT_CREDENTIALS,
        name="Card",
        agency_id=agency_id,
        scopes=SCOPES,
        public_keys={"keys": []},
    )
    client.save(using="signin", force_insert=True)
    return client


# -- Rows ------------------------------------------------------------------------------------------


def all_cards() -> Any:
    """Every card, with what it needs to be judged."""
    return Card.objects.using("signin").select_related("agency", "client", "lead")


def bound(agency_id: UUID) -> Card | None:
    """The agency's card as this server wrote it; None if it has none. Raises Unavailable."""
    card: Card | None = all_cards().filter(agency_id=agency_id).first()
    if card is not None:
        require_bound(card)
    return card


def locked(agency_id: UUID) -> Card | None:
    """The same, locked in the open transaction."""
    card: Card | None = (
        all_cards().select_for_update(of=("self",)).filter(agency_id=agency_id).first()
    )
    if card is not None:
        require_bound(card)
    return card


def plain_code(text: str) -> str | None:
    """The letters of a code as it is typed; None for what is none."""
    plain = "".join(one for one in text.upper() if one in LETTERS)
    return plain if len(plain) == LENGTH else None


def put_new_code(card: Card) -> None:
    """Give the card a new code; the one before it is dead once the row is saved."""
    code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    card.code_hash = hash_code(code)
    card.sealed_code = seal(derived_key("card code"), code.encode(), str(card.agency_id))


def save(card: Card) -> None:
    """Bind and store the card in the open transaction; from its commit on no older copy is
    accepted. Raises Unavailable."""
    card.version = max(card.version, closings.least_version(_subject(card.agency_id))) + 1
    card.mac = row_macs.mac("card", _values(card))
    card.save(using="signin")
    subject = _subject(card.agency_id), card.version
    transaction.on_commit(lambda: closings.close([subject]), using="signin")


def rebind() -> int:
    """Bind by the newest key every card that is bound now; return how many. Raises Unavailable."""
    done = 0
    for card in all_cards():
        if _is_bound(card):
            card.mac = row_macs.mac("card", _values(card))
            card.save(using="signin", update_fields=["mac"])
            done += 1
    return done


def require_bound(card: Card) -> None:
    """Raise Unavailable (`binding`) for a row that this server did not write, or an older one."""
    if not _is_bound(card):
        row_macs.refuse("card", card.agency_id)


def _is_bound(card: Card) -> bool:
    least = closings.least_version(_subject(card.agency_id))
    return card.version >= least and row_macs.is_right(card.mac, "card", _values(card))


def _values(card: Card) -> list[Any]:
    return [
        *(card.agency_id, card.version, card.active, card.client_id, card.lead_id),
        *(bytes(card.code_hash).hex(), bytes(card.sealed_code).hex()),
    ]


def _subject(agency_id: UUID) -> str:
    return closings.subject_of("card", agency_id)


def hash_code(code: str) -> bytes:
    """A keyed hash of a code of LENGTH letters: what a card is found by."""
    return hmac.digest(derived_key("card"), code.encode(), "sha256")


def code_on(card: Card) -> str:
    """The code that is printed on the card."""
    sealed = bytes(card.sealed_code)
    return unseal(derived_key("card code"), sealed, str(card.agency_id)).decode()
