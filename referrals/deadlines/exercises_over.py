"""Ends exercises that are over, and erases what was practiced in them with its keys.

Runs as `jobs`, a step of the background work. An exercise that is over is over without it: its
sign-ins have ended, and no one is notified (sec.is_live_or_takes_part). Killed at any point it goes
on where it was: the exercise stays due until the last row is gone. The access log stays.
"""

from uuid import UUID

from permissions.keys import rotation
from permissions.keys.rotation import log_background_act
from referrals.deadlines.jobs_sql import execute, query
from referrals.deadlines.purge import locked
from referrals.deadlines.removal import erase
from referrals.deadlines.removal_due import BATCH

_OVER = (
    "SELECT id FROM permissions_exercise WHERE swept_at IS NULL"
    " AND (ended_at IS NOT NULL OR ends_at <= sec.clock()) ORDER BY id"
)


def step() -> bool:
    """Erase a portion of each exercise that is over. Returns whether there may be more. Raises
    Unavailable: the keys could not be ended; it is tried again."""
    more = False
    for (exercise_id,) in query(_OVER, []):
        execute("SELECT sec.end_exercise(%s)", [exercise_id])
        agencies = [
            agency_id
            for (agency_id,) in query(
                "SELECT id FROM permissions_agency WHERE exercise_id = %s ORDER BY id",
                [exercise_id],
            )
        ]
        if sum(_erased(agency_id) for agency_id in agencies):
            more = True
            continue
        for agency_id in agencies:
            _end_key(agency_id)
        execute(
            "UPDATE permissions_exercise SET swept_at = sec.clock() WHERE id = %s", [exercise_id]
        )
    return more


def _erased(agency_id: UUID) -> int:
    """Erase at most BATCH referrals that this agency sent; return how many."""
    rows = query(
        "SELECT id FROM referral WHERE from_agency_id = %s ORDER BY id LIMIT %s",
        [agency_id, BATCH],
    )
    for (referral_id,) in rows:
        with locked(referral_id):
            erase(referral_id)
            log_background_act("referral.purge", agency_id, referral_id)
    return len(rows)


def _end_key(agency_id: UUID) -> None:
    """End the keys that wrapped what was practiced, if there were any."""
    if query("SELECT FROM epoch_due WHERE agency_id = %s", [agency_id]):
        rotation.end_key_epoch(agency_id)
        execute("DELETE FROM epoch_due WHERE agency_id = %s", [agency_id])
