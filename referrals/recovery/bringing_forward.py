"""A referral after a restore: what its rows do not say by themselves.

The server's record of who may open what is brought forward to the newest one that the journal
knows, never looser than either. The keys in the recipient's bundle become those of the fields that
are left. A slip that was ended or replaced since has ended.
"""

from collections.abc import Callable
from uuid import UUID

from permissions.database.aliases import OWNER
from permissions.identity import bound_access
from permissions.keys import grants
from permissions.keys.keystore import Wrapped
from permissions.recovery.applying import Conflict, Unit
from referrals.slip import slip_rows


def bring_forward(unit: Unit) -> Callable[[], list[Conflict]] | None:
    """A hook of `applying.apply`, for what belongs to referrals."""
    finishers = [one for one in (_record(unit), _slip(unit)) if one is not None]
    if any("accepted_at" in one.data.get("columns", ()) for one in unit.of("referral")):
        finishers.append(lambda: _undo_accept(unit))
    if any("fields" in one.data.get("columns", ()) for one in unit.of("packet_grant")):
        finishers.append(lambda: _narrow_bundle(unit))
    if not finishers:
        return None
    return lambda: [conflict for finish in finishers for conflict in finish()]


def _record(unit: Unit) -> Callable[[], list[Conflict]] | None:
    records, blocks = unit.of("bound_access"), unit.of("conflict_block")
    if not records and not blocks:
        return None

    def finish() -> list[Conflict]:
        cursor = unit.cursor
        cursor.execute("SELECT sealed FROM bound_access WHERE referral_id = %s", [unit.id])
        found = cursor.fetchone()
        if found is None:
            return []  # made after the backup
        newest = max(records, key=lambda one: one.data["columns"]["version"], default=None)
        access = bound_access.brought_forward(
            unit.id,
            bytes(found[0]),
            newest.data["record"] if newest else None,
            newest.data["columns"]["version"] if newest else 0,
            _lifted(unit),
        )
        if access is None:
            return [_conflict(unit, "bound_access", "More was taken away than the journal says.")]
        cursor.execute(
            "UPDATE bound_access SET sealed = %s, version = %s WHERE referral_id = %s",
            [bound_access.sealed(access), access.version, unit.id],
        )
        return []

    return finish


def _lifted(unit: Unit) -> set[tuple[str, UUID, UUID | None]]:
    """The blocks of this unit that were lifted and not set again."""
    unit.cursor.execute(
        "SELECT kind, agency_id, bars_member_id FROM conflict_block b WHERE referral_id = %s"
        " AND lifted_at IS NOT NULL AND NOT EXISTS (SELECT FROM conflict_block o"
        " WHERE o.referral_id = b.referral_id AND o.lifted_at IS NULL AND o.kind = b.kind"
        " AND o.agency_id = b.agency_id AND o.bars_member_id IS NOT DISTINCT FROM b.bars_member_id)"
        " AND b.id::text = ANY (%s)",
        [unit.id, [one.data["row"] for one in unit.of("conflict_block")]],
    )
    return {
        (kind, UUID(str(agency)), UUID(str(member)) if member else None)
        for kind, agency, member in unit.cursor.fetchall()
    }


def _undo_accept(unit: Unit) -> list[Conflict]:
    """The recipient's own state goes with its accept (sec.undo_accept)."""
    unit.cursor.execute(
        "UPDATE referral_side s SET state = NULL, handoff_by = NULL, escalated_at = NULL"
        " FROM referral r WHERE r.id = %s AND s.referral_id = r.id"
        " AND s.agency_id = r.to_agency_id AND r.accepted_at IS NULL AND s.state = 'accepted'",
        [unit.id],
    )
    return []


def _narrow_bundle(unit: Unit) -> list[Conflict]:
    """Wrap the keys of the fields that are left; where there are none, the bundle is destroyed, and
    the sender writes again."""
    cursor = unit.cursor
    cursor.execute(
        "SELECT id, agency_id, kek_version, key_bundle, fields FROM packet_grant"
        " WHERE referral_id = %s AND NOT closed AND key_bundle IS NOT NULL"
        " AND release_id IS NOT NULL",
        [unit.id],
    )
    for row_id, agency_id, version, blob, fields in cursor.fetchall():
        wrapped = Wrapped(version, bytes(blob))
        left = grants.narrowed_bundle(unit.id, UUID(str(agency_id)), wrapped, list(fields))
        cursor.execute(
            "UPDATE packet_grant SET kek_version = %s, key_bundle = %s, closed = %s WHERE id = %s",
            [*((left.kek_version, left.blob) if left else (None, None)), left is None, row_id],
        )
    return []


def _slip(unit: Unit) -> Callable[[], list[Conflict]] | None:
    entries = unit.of("survivor_slip")
    if not entries:
        return None
    row = slip_rows.as_written(unit.id, OWNER)

    def finish() -> list[Conflict]:
        if row is not None:
            versions = [one.data.get("columns", {}).get("version", 0) for one in entries]
            slip_rows.end_restored(row, max(versions), OWNER)
        return []

    return finish


def _conflict(unit: Unit, kind: str, why: str) -> Conflict:
    agencies = {UUID(one) for entry in unit.entries for one in entry.data["agencies"]}
    return Conflict(kind, str(unit.id), tuple(sorted(agencies)), why)
