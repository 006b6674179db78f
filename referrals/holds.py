"""Legal hold (R13): a lead keeps her own side's part of a referral from purge, until a date."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from permissions.errors import NotPossible
from permissions.principal import Principal
from referrals.reading import Detail
from referrals.turns import Turn, turn

LONGEST = timedelta(days=366)  # then it is set anew, by somebody who looked at it


def set_hold(
    principal: Principal, referral_id: UUID, until: datetime, *, if_match: str | None = None
) -> Detail:
    """Nothing of this side is purged before `until`; it takes the place of an earlier hold.

    The other side learns nothing of it (T4). Twice is safe. Raises NotPossible: not in the next
    366 days.
    """

    def already(current: Turn) -> bool:
        return current.own is not None and current.own.hold_until == until

    with turn(principal, "set_hold", referral_id, if_match, already) as current:
        if not current.repeated:
            if not current.now < until <= current.now + LONGEST:
                raise NotPossible("hold_length", "A hold ends on a day within the next 366.")
            _hold(current, until)
    return current.answer()


def end_hold(principal: Principal, referral_id: UUID, *, if_match: str | None = None) -> Detail:
    """The hold is over; what is due goes with the next purge. Twice is safe."""

    def already(current: Turn) -> bool:
        return current.own is None or current.own.hold_until is None

    with turn(principal, "end_hold", referral_id, if_match, already) as current:
        if not current.repeated:
            _hold(current, None)
    return current.answer()


def _hold(current: Turn, until: datetime | None) -> None:
    own = current.own_side()
    with connection.cursor() as cursor:
        cursor.execute("SELECT sec.set_hold(%s, %s)", [current.referral.id, until])
    own.version += 1
    own.hold_until = until
    current.event(other_side_sees=False)
