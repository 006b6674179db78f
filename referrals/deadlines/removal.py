"""Removes the parts of one referral that are due: its keys, its packet, one side, or all of it."""

from collections.abc import Callable
from uuid import UUID

from permissions.database.uuid7 import uuid7
from permissions.keys.rotation import log_background_act
from referrals.deadlines.jobs_sql import execute, query
from referrals.rights import tally

# -- Keys ------------------------------------------------------------------------------------------

_KEYS = ("packet_grant", "private_key", "returned", "record_number")


def _remove_keys(
    referral_id: UUID, agency_id: UUID | None = None, tables: tuple[str, ...] = _KEYS
) -> None:
    """Delete the bundles of one agency (None: of all), and mark the keys that wrapped them as due
    to end."""
    for table in tables:
        execute(
            f"WITH gone AS (DELETE FROM {table} WHERE referral_id = %s"
            " AND (%s::uuid IS NULL OR agency_id = %s) RETURNING agency_id)"
            " INSERT INTO epoch_due AS e (agency_id, since)"
            " SELECT DISTINCT agency_id, sec.clock() FROM gone"
            " ON CONFLICT (agency_id) DO UPDATE SET since = excluded.since",
            [referral_id, agency_id, agency_id],
        )


# A grant about which nothing more is decided before its side's part goes: the recipient opened the
# packet, or the sender's was accepted longer ago than an accept can be taken back.
_SETTLE = (
    "UPDATE packet_grant SET settled = true WHERE id = ANY (ARRAY("
    " SELECT g.id FROM packet_grant g JOIN referral r ON r.id = g.referral_id"
    "  WHERE g.agency_id = %s AND NOT g.settled AND CASE WHEN g.release_id IS NULL"
    "  THEN r.accepted_at <= sec.clock() - interval '1 day'"
    "  ELSE sec.was_packet_opened(g.referral_id, g.agency_id) END"
    "  LIMIT %s FOR UPDATE OF g SKIP LOCKED)) RETURNING id"
)
_SETTLED_AT_ONCE = 5_000


def settle_keys(agency_id: UUID) -> None:
    """Mark the agency's grants that the purge need not look at again, so that each look finds only
    those that are open. Twice is safe."""
    while len(query(_SETTLE, [agency_id, _SETTLED_AT_ONCE])) == _SETTLED_AT_ONCE:
        pass


# -- Rows ------------------------------------------------------------------------------------------

_OWN = (  # what one agency keeps of a referral and the other does not
    ("message", "referral_id"),  # that it was notified, never why
    ("awake_claim", "referral_id"),
    ("idempotency_key", "referral_id"),
    ("note", "referral_id"),
    ("referral_plan", "referral_id"),
    ("self_assignment", "referral_id"),
    ("webhook_delivery", "referral_id"),
    ("referral_assignment", "content_object_id"),
    ("referral_side", "referral_id"),
    ("survivor_slip", "referral_id"),
)
_PAPERS = ("release_end", "release_paper")  # of a release, each belonging to its own agency


def _remove_own(referral_id: UUID, agency_id: UUID) -> None:
    _count_rights(referral_id, agency_id)
    _remove_keys(referral_id, agency_id)
    for table, column in _OWN:
        execute(
            f"DELETE FROM {table} WHERE {column} = %s AND agency_id = %s", [referral_id, agency_id]
        )
    for table in _PAPERS:
        execute(
            f"DELETE FROM {table} WHERE agency_id = %s"
            " AND release_id IN (SELECT id FROM release WHERE referral_id = %s)",
            [agency_id, referral_id],
        )


def _count_rights(referral_id: UUID, agency_id: UUID) -> None:
    """Turn what one side marked to be counted into counts. Marks of a referral that ever barred
    anyone count for the year and no agency, those of another secret for nothing."""
    marks = query(
        "DELETE FROM rights_mark WHERE referral_id = %s AND agency_id = %s"
        " RETURNING id, month, tag",
        [referral_id, agency_id],
    )
    barred = query("SELECT FROM conflict_block WHERE referral_id = %s LIMIT 1", [referral_id])
    for mark_id, month, tag in marks:
        item = tally.item_of(mark_id, tag)
        if item is not None:
            whose = (None, month.replace(month=1)) if barred else (agency_id, month)
            execute(
                "INSERT INTO rights_tally AS t (id, agency_id, month, item, number)"
                " VALUES (%s, %s, %s, %s, 1)"
                " ON CONFLICT (agency_id, month, item) DO UPDATE SET number = t.number + 1",
                [uuid7(), *whose, item],
            )


def _unlink(referral_id: UUID) -> None:
    """Remove the reference from the referral that replaced it: only its sender ever knew."""
    execute("UPDATE referral_plan SET replaces_id = NULL WHERE replaces_id = %s", [referral_id])


def erase(referral_id: UUID) -> None:
    """Erase the referral and, by the foreign keys, everything that belongs to it. Its keys go
    first, so that the keys that wrapped them are due to end. Its blocks go too, but who was barred
    is kept (sec.remember_blocked)."""
    _remove_keys(referral_id)
    _unlink(referral_id)
    for table, column in (("conflict_block", "referral_id"), ("referral", "id")):
        execute(f"DELETE FROM {table} WHERE {column} = %s", [referral_id])


def _draft(referral_id: UUID, agency_id: UUID) -> None:
    _keep_count(referral_id, agency_id, "from", "r.status")
    erase(referral_id)


def _packet(referral_id: UUID, agency_id: UUID) -> None:
    _remove_keys(referral_id, tables=("packet_grant",))
    remove_fields(referral_id)
    log_background_act("referral.purge", agency_id, referral_id, rule="packet")


def remove_fields(referral_id: UUID) -> None:
    execute("DELETE FROM packet_field WHERE referral_id = %s", [referral_id])


def _unopened(referral_id: UUID, agency_id: UUID) -> None:
    _remove_keys(referral_id, agency_id, ("packet_grant",))
    log_background_act("referral.purge", agency_id, referral_id, rule="packet")


def _sent(referral_id: UUID, agency_id: UUID) -> None:
    """Purge the sender's part: it is hidden from the sender. What the recipient works with stays
    until the recipient's part ends: the notice, and the sealed fields that its own keys still
    open."""
    execute("SELECT sec.settle_counts(%s, 'from')", [referral_id])
    _keep_count(referral_id, agency_id, "from", "r.status")
    _remove_own(referral_id, agency_id)
    _unlink(referral_id)
    execute("UPDATE referral_event SET from_sees = false WHERE referral_id = %s", [referral_id])
    execute("DELETE FROM referral_event WHERE referral_id = %s AND NOT to_sees", [referral_id])
    execute("UPDATE referral SET from_purged = true WHERE id = %s", [referral_id])


def _received(referral_id: UUID, agency_id: UUID) -> None:
    """Purge the recipient's part, with the notice and the history: it is hidden from the recipient.
    Nothing that the sender may read is changed, least of all `to_sees` and the version (R2)."""
    execute("SELECT sec.settle_counts(%s, 'to')", [referral_id])
    _keep_count(referral_id, agency_id, "to", "coalesce(s.state, r.status)")
    _remove_own(referral_id, agency_id)
    execute("DELETE FROM referral_event WHERE referral_id = %s AND NOT from_sees", [referral_id])
    execute("UPDATE referral SET to_purged = true WHERE id = %s", [referral_id])


REMOVALS: dict[str, Callable[[UUID, UUID], None]] = {
    "draft": _draft,
    "packet": _packet,
    "unopened": _unopened,
    "sent": _sent,
    "received": _received,
}


def _keep_count(referral_id: UUID, agency_id: UUID, side: str, ending: str) -> None:
    """Add one to the agency's count of the year, and write the entry in the access log."""
    execute(
        "INSERT INTO purged_count AS c (id, agency_id, year, side, ending, number)"
        f" SELECT %s, %s, extract(year FROM r.created_at), %s, {ending}, 1 FROM referral r"
        " LEFT JOIN referral_side s ON s.referral_id = r.id AND s.agency_id = %s"
        " WHERE r.id = %s"
        " ON CONFLICT (agency_id, year, side, ending) DO UPDATE SET number = c.number + 1",
        [uuid7(), agency_id, side, agency_id, referral_id],
    )
    subjects = query(
        "SELECT subject FROM referral_side WHERE referral_id = %s AND agency_id = %s",
        [referral_id, agency_id],
    )
    subject = subjects[0][0] if subjects else None
    log_background_act("referral.purge", agency_id, referral_id, subject)
