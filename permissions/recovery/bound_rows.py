"""Rows that bear a MAC, after a restore: once all that was taken from one is taken from it again,
its MAC is made for the version that the journal of least versions accepts. So who was ended is
ended, and who was only narrowed works on, as what they are now.

A row that had no right MAC before gets none: what this server never wrote is made good by nothing.
Nor does one of which something was changed that no journal can give back (a password, an address):
it stays refused until the agency confirms it (manage.py agency confirm).
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from permissions.database.aliases import OWNER
from permissions.identity import row_macs
from permissions.keys import closings
from permissions.models import RowMac
from permissions.recovery.applying import Conflict, Unit
from permissions.recovery.closing_columns import CLOSES
from permissions.recovery.journal import Entry

_MODELS: dict[str, type[Any]] = {str(one._meta.model_name): one for one in row_macs.COLUMNS}


def rebind(unit: Unit) -> Callable[[], list[Conflict]] | None:
    """A hook of `applying.apply`: bind again the rows of this unit that were bound before."""
    before = {
        (kind, row_id): _was_right(kind, row_id) for kind, row_id in sorted(_named(unit), key=str)
    }
    if not before:
        return None

    def finish() -> list[Conflict]:
        return [
            Conflict(_MODELS[kind]._meta.db_table, str(row_id), _agencies(unit), why)
            for (kind, row_id), right in before.items()
            if (why := _bind_again(unit, kind, row_id, right)) is not None
        ]

    return finish


def _named(unit: Unit) -> set[tuple[str, UUID]]:
    return {
        (one.data["beside"]["kind"], UUID(one.data["row"]))
        for one in unit.of("row_mac")
        if one.data["beside"]["kind"] in _MODELS
    }


def _was_right(kind: str, row_id: UUID) -> bool | None:
    """Whether the restored row has the right MAC of its version; None: it is not there."""
    row = _MODELS[kind]._default_manager.using(OWNER).filter(pk=row_id).first()
    if row is None:
        return None
    kept = RowMac.objects.using(OWNER).filter(kind=kind, row_id=row_id).first()
    values = row_macs.bound_values(row, OWNER)
    return kept is not None and row_macs.is_right(kept.mac, kind, [row_id, kept.version, *values])


def _bind_again(unit: Unit, kind: str, row_id: UUID, right: bool | None) -> str | None:
    """Why the row stays refused; None: it is bound, or was made after the backup."""
    if right is None:
        return None
    if not right:
        return "The restored row was not written by this server."
    kept = RowMac.objects.using(OWNER).get(kind=kind, row_id=row_id)
    raised = {
        one.data["columns"]["version"]: one.data["xact"]
        for one in unit.of("row_mac")
        if (one.data["beside"]["kind"], one.data["row"]) == (kind, str(row_id))
    }
    version = max(kept.version, closings.least_version(row_id.hex), *raised)
    if not set(range(kept.version + 1, version + 1)) <= raised.keys():
        return "More was taken away than the journal says."
    if _lost(unit.entries, set(raised.values())):
        return "A password, a second factor, an address or a secret was changed and is lost."
    row = _MODELS[kind]._default_manager.using(OWNER).get(pk=row_id)
    mac = row_macs.mac(kind, [row_id, version, *row_macs.bound_values(row, OWNER)])
    RowMac.objects.using(OWNER).filter(kind=kind, row_id=row_id).update(version=version, mac=mac)
    return None


def _lost(entries: list[Entry], xacts: set[int]) -> bool:
    return any(
        CLOSES[one.kind].columns.get(name) == "other"
        for one in entries
        if one.kind in CLOSES and one.data["xact"] in xacts
        for name in one.data.get("columns", ())
    )


def _agencies(unit: Unit) -> tuple[UUID, ...]:
    return tuple(sorted({UUID(one) for entry in unit.entries for one in entry.data["agencies"]}))
