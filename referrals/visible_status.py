"""What each side is shown of a referral's state: the T5 table of docs/rules.md, as pure functions.

The sender's word comes from `Referral` alone. The recipient's true state after the accept is in its
own `Side`, which never reaches the sender (R2: "requested, utilized, or denied").
"""

from datetime import UTC, datetime
from typing import NamedTuple

from permissions import entity_tags
from permissions.principal import Principal
from referrals.deadlines.due_times import CLOSED_AFTER
from referrals.models import Referral, Side

# True states in the recipient's own side that no later act of the sender changes.
RECIPIENTS_END = frozenset({"completed", "unable", "stopped"})


def side_of(principal: Principal, referral: Referral) -> str:
    """Return which side of a visible referral the principal's agency is: `from` or `to`."""
    return "from" if referral.from_agency_id == principal.agency_id else "to"


def status_shown(referral: Referral, own: Side | None, side: str, now: datetime) -> str:
    """Return the state as `side` is shown it at `now`."""
    return status_word(
        side,
        referral.status,
        own.state if own is not None else None,
        expires_at=referral.expires_at,
        accepted_at=referral.accepted_at,
        now=now,
    )


def status_word(
    side: str,
    status: str,
    own_state: str | None,
    *,
    expires_at: datetime | None,
    accepted_at: datetime | None,
    now: datetime,
) -> str:
    """Return the same from plain values, because a list creates no model per row. `own_state` is
    the recipient's."""
    if status in {"sent", "acknowledged"} and expires_at and expires_at <= now:
        return "expired"
    if side == "to":
        if own_state in RECIPIENTS_END or (status == "accepted" and own_state):
            return str(own_state)
        return status
    if status == "declined":
        return "cannot_take"
    if status == "accepted" and accepted_at and now >= accepted_at + CLOSED_AFTER:
        return "closed"
    return status


def call_requested_at(referral: Referral, own: Side | None, side: str) -> datetime | None:
    """Return when the other side last asked this one to call, as this side is shown it."""
    asked = referral.to_asks_ring_at if side == "from" else referral.from_asks_ring_at
    return unanswered_request(asked, own.called_at if own is not None else None)


def unanswered_request(asked: datetime | None, called: datetime | None) -> datetime | None:
    """Return the same from plain values: None once the own side has called since."""
    return None if asked is None or (called is not None and called >= asked) else asked


class Shown(NamedTuple):
    """A true state, whose it is, and the word that the sender is shown for it, at once and a week
    later. `side`: `to` for the recipient's own, `from` for the sender's, empty for both's."""

    state: str
    side: str
    at_once: str
    after_a_week: str

    @property
    def true(self) -> str:
        by = {"to": ", by the recipient", "from": ", by the sender", "": ""}
        return f"{self.state}{by[self.side]}"


def shown_to_sender() -> list[Shown]:
    """Return the T5 table: what the sender is shown for each true state (R2)."""
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def line(status: str, own_state: str | None = None, side: str = "") -> Shown:
        at_once, later = (
            status_word("from", status, own_state, expires_at=None, accepted_at=at, now=now)
            for at in (now, now - CLOSED_AFTER)
        )
        return Shown(own_state or status, side, at_once, later)

    return [
        *map(line, ("draft", "sent", "acknowledged", "declined")),
        *(
            line("accepted", one, "to")
            for one in ("accepted", "in_handoff", "completed", "unable", "stopped")
        ),
        line("stopped", side="from"),
        *map(line, ("withdrawn", "expired", "entered_in_error")),
    ]


def etag(referral: Referral, own: Side | None, principal: Principal, now: datetime) -> str:
    """Return an opaque version for this caller's side. It changes only with what it is shown.
    Where it is sent, the content joins it (permissions/entity_tags.py)."""
    side = side_of(principal, referral)
    parts = (
        str(referral.id),
        str(principal.agency_id),
        str(referral.version),
        str(own.version if own else 0),
        status_shown(referral, own, side, now),
    )
    return entity_tags.of_version("etag of a referral", *parts)
