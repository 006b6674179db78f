"""What each side is shown of a referral's state: the T5 table of design §2, as pure functions.

The sender's word comes from `Referral` alone. The recipient's true state after the accept stands
in its own `Side`, which never reaches the sender (R2: "requested, utilized, or denied").
"""

import hmac
from datetime import datetime

from django.conf import settings

from permissions.principal import Principal
from referrals.clocks import CLOSED_AFTER
from referrals.models import Referral, Side

# A true state in the recipient's own side that no later act of the sender changes.
RECIPIENTS_END = frozenset({"completed", "unable", "stopped"})


def side_of(principal: Principal, referral: Referral) -> str:
    """`from` or `to`: which side of a visible referral the principal's agency is."""
    return "from" if referral.from_agency_id == principal.agency_id else "to"


def status_shown(referral: Referral, own: Side | None, side: str, now: datetime) -> str:
    """The state as `side` is shown it at `now`."""
    status: str = referral.status
    if status in {"sent", "acknowledged"} and referral.expires_at and referral.expires_at <= now:
        return "expired"
    if side == "to":
        if own is not None and own.state in RECIPIENTS_END:
            return str(own.state)
        if status == "accepted" and own is not None and own.state:
            return str(own.state)
        return status
    if status == "declined":
        return "cannot_take"
    if status == "accepted" and referral.accepted_at and now >= referral.accepted_at + CLOSED_AFTER:
        return "closed"
    return status


def etag(referral: Referral, own: Side | None, principal: Principal, now: datetime) -> str:
    """An opaque version for this caller's side: it moves only with what this side is shown."""
    side = side_of(principal, referral)
    parts = (
        str(referral.id),
        str(principal.agency_id),
        str(referral.version),
        str(own.version if own else 0),
        status_shown(referral, own, side, now),
    )
    key = settings.SECRET_KEY.encode()
    return '"' + hmac.new(key, ":".join(parts).encode(), "sha256").hexdigest()[:32] + '"'
