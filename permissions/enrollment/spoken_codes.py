"""Codes that Cairn speaks over an agency's registered number: the person who hears one there speaks
for the agency. An agency's first administrator joins by one (invitations.py).

A code lives ten minutes. Tries are counted in the journal of closings, outside the database: an
older copy of a row gives no more of them.
"""

import hmac
import secrets
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from permissions.database.clock import database_now
from permissions.enrollment import invitation_rows as rows
from permissions.enrollment import sealed_messages
from permissions.enrollment.sealed_messages import Address
from permissions.errors import NotPossible
from permissions.identity import brakes, row_macs
from permissions.identity.brakes import Limit
from permissions.keys import closings
from permissions.models import Invitation

LIVES = timedelta(minutes=10)
MOST_CALLS = Limit("spoken_codes_of_invitation", 3, timedelta(hours=1))
MOST_TRIES = 30  # of one invitation, over all its codes
DIGITS = 6
GIVEN = 2  # the version of its subject in the journal, once the code was given


def speak(secret: str, number: str) -> None:
    """Have Cairn call this number, the agency's registered one, and speak a new code there. Raises
    NotVisible for a link that has ended, TooOften, Unavailable."""
    with transaction.atomic(using="signin"):
        found = rows.lock(secret, "join")
        brakes.require_turn(MOST_CALLS, found.id, using="signin")
        code = "".join(secrets.choice("0123456789") for _ in range(DIGITS))
        found.spoken_ends_at = database_now("signin") + LIVES
        found.spoken_hash = _hash(found, code)
        found.save(using="signin", update_fields=["spoken_hash", "spoken_ends_at"])
        to = Address("voice", number)
        sealed_messages.queue(found.id, to, "spoken_code", code, found.spoken_ends_at, "signin")


def take(secret: str, code: str) -> None:
    """Take the code that was spoken, with or without spaces. Twice is safe. Tries wait for each
    other, so each of them counts. Raises NotVisible for a link that has ended, NotPossible (wrong,
    none in force, too many tries), Unavailable."""
    with transaction.atomic(using="signin"):
        found = rows.lock(secret, "join")
        if is_given(found.id):
            return
        tries = closings.least_version(_tries(found.id)) + 1
        if tries > MOST_TRIES:
            raise NotPossible("tries_spent", "Too many wrong codes. Ask for a new invitation.")
        closings.close([(_tries(found.id), tries)])
        ends_at = found.spoken_ends_at
        if ends_at is None or ends_at <= database_now("signin"):
            raise NotPossible("no_code", "No code is in force. Let Cairn call your agency again.")
        digits = "".join(one for one in code if one.isdigit())
        if not hmac.compare_digest(bytes(found.spoken_hash or b""), _hash(found, digits)):
            raise NotPossible("wrong_code", "This is not the code. Ask at your agency again.")
        closings.close([(_given(found.id), GIVEN)])


def is_given(invitation_id: UUID) -> bool:
    """Whether the code of this invitation was given."""
    return closings.least_version(_given(invitation_id)) >= GIVEN


def _hash(invitation: Invitation, code: str) -> bytes:
    return row_macs.mac("spoken code", [invitation.id, code, invitation.spoken_ends_at])


def _tries(invitation_id: UUID) -> str:
    return closings.subject_of("spoken tries", invitation_id)


def _given(invitation_id: UUID) -> str:
    return closings.subject_of("spoken code given", invitation_id)
