"""Giving a survivor a slip, and ending it: by the members who work on the referral at its sender.

The member hands the screen over, and the survivor types the word. The code is shown once, to be
printed. No one at the agency learns whether or when the slip is used.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from permissions.audit import writer
from permissions.errors import NotPermitted, WrongState
from permissions.identity import bound_access
from permissions.principal import Principal
from referrals.queries.seen import Seen, find, find_locked
from referrals.slip import code_and_word, slip_rows
from referrals.visible_status import side_of, status_shown

LASTS = timedelta(days=90)  # as long as the longest release
STATES = frozenset({"sent", "acknowledged", "accepted", "closed"})  # as the sender is shown them


class Overview(NamedTuple):
    """What the agency is shown of its slip. Never whether it was used."""

    given_at: datetime | None  # None: none was given
    ends_at: datetime | None
    ended: bool
    may_give: bool
    reference: str
    now: datetime


def overview(principal: Principal, referral_id: UUID) -> Overview:
    """The referral's slip, for assigned members and leads of its sender. One access entry. Raises
    NotVisible, NotPermitted, Unavailable."""
    with _seen(principal, "slip.read", referral_id, lead_may=True) as (attempt, seen):
        row = slip_rows.of_referral(referral_id)
        over = row is not None and (row.ended or row.ends_at <= attempt.now)
        status = status_shown(seen.referral, seen.own, "from", attempt.now)
        may_give = seen.assigned and status in STATES
        return Overview(
            row.given_at if row else None,
            row.ends_at if row else None,
            over,
            may_give,
            seen.referral.reference,
            attempt.now,
        )


def give(principal: Principal, referral_id: UUID, word: str) -> str:
    """Make a slip with the survivor's word, and return its code, which is stored nowhere. The one
    before it is dead. Twice makes a second one. For an assigned member of the sender's, in person.

    Raises BadRequest (the word), NotVisible, NotPermitted, WrongState, Unavailable.
    """
    code_and_word.require_word(word)
    code, word_hash = code_and_word.new_code(), code_and_word.hash_word(word)
    with _seen(principal, "slip.give", referral_id, lead_may=False) as (attempt, seen):
        status = status_shown(seen.referral, seen.own, "from", attempt.now)
        if status not in STATES:
            raise WrongState(status, STATES)
        ends_at = attempt.now + LASTS
        code_hash = code_and_word.hash_code(code)
        slip_rows.put(referral_id, principal.agency_id, code_hash, word_hash, attempt.now, ends_at)
    return code


def end(principal: Principal, referral_id: UUID) -> None:
    """End the slip: its code opens nothing from the next statement on. Twice is safe. Raises
    NotVisible, NotPermitted, Unavailable."""
    with _seen(principal, "slip.withdraw", referral_id, lead_may=True):
        row = slip_rows.of_referral(referral_id)
        if row is not None and not row.ended:
            slip_rows.end(row)


@contextmanager
def _seen(
    principal: Principal, act: str, referral_id: UUID, *, lead_may: bool
) -> Iterator[tuple[writer.LoggedAct, Seen]]:
    """See and lock the referral, and permit, in a transaction with one access entry."""
    with writer.logged_act(principal, act, referral_id) as attempt:
        look = find if act == "slip.read" else find_locked
        seen = look(principal, referral_id)
        if side_of(principal, seen.referral) != "from" or principal.is_client:
            raise NotPermitted("not_your_slip", "The agency that sent it gives the slip.")
        if not (seen.assigned or (lead_may and principal.has_role("lead"))):
            raise NotPermitted("not_assigned", "Only members who work on it may do this.")
        access = bound_access.opened(referral_id, seen.access)
        if access.bars(principal) or (seen.assigned and not access.lets_work(principal)):
            raise bound_access.refused(referral_id)
        attempt.record(subject=seen.own.subject if seen.own else None)
        yield attempt, seen
