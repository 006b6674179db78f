"""Exports of an agency's own referrals (ADR 0118): a lead asks for one, another lead confirms it in
person, and the lead who asked takes its sealed parts, within a day.

What may be done is decided by functions of the database (referrals/sql/functions/bulk_exports.sql);
what is in a part, by the policies under which the lead reads a list (referrals/bulk/writing.py).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import orjson
from django.db import IntegrityError, connection, transaction

from permissions.audit import writer
from permissions.database.db_identity import identified_transaction
from permissions.database.uuid7 import uuid7
from permissions.enrollment import resets
from permissions.errors import NotPermitted, NotPossible, NotVisible
from permissions.identity import brakes, credentials
from permissions.identity.client_keys import key_code
from permissions.keys.derived_keys import derived_key
from permissions.keys.keystore import seal, unseal
from permissions.policy.rules import require_scope
from permissions.principal import Principal
from referrals import idempotency, job_wakeup
from referrals.bulk.sealing import ExportKey
from referrals.models import READS

LASTS = timedelta(hours=24)  # from when it is ready; until then, as long as its credential
ASKED = brakes.Limit("exports", 10, timedelta(days=1))  # by one lead
STATES = ("asked", "writing", "ready", "ended")
REASONS = ("deleted", "refused", "right_ended", "expired")
JOB = "exports"
_USE = "credential of an export"


class Export(NamedTuple):
    """An export as a lead of its agency sees it. `part_sizes`: how many referrals each part has;
    None for a lead who did not ask for it, who may not see all of them (R3)."""

    id: UUID
    asked_by_id: UUID
    asked_by_name: str
    system_name: str | None  # that asked in the lead's name
    is_own: bool
    confirmed_by_name: str | None
    thumbprint: str
    asked_at: datetime
    confirmed_at: datetime | None
    ready_at: datetime | None
    ends_at: datetime
    ended_at: datetime | None
    end_reason: str | None  # REASONS
    part_sizes: list[int] | None

    @property
    def state(self) -> str:
        """One of STATES."""
        if self.ended_at:
            return "ended"
        if self.ready_at:
            return "ready"
        return "writing" if self.confirmed_at else "asked"

    @property
    def referrals(self) -> int | None:
        """How many referrals are written so far."""
        return None if self.part_sizes is None else sum(self.part_sizes)


def list_exports(principal: Principal) -> list[Export]:
    """Return the agency's exports, newest first, for its leads. One access entry. Raises
    NotPermitted."""
    with writer.logged_act(principal, "export.list"):
        _require_lead(principal)
        return _exports()


def read_export(principal: Principal, export_id: UUID) -> Export:
    """Return one. One access entry. Raises NotPermitted, NotVisible."""
    with writer.logged_act(principal, "export.read"):
        _require_lead(principal)
        return _see(export_id)


def ask(principal: Principal, key: ExportKey, *, again: idempotency.Key | None = None) -> Export:
    """Ask for an export that is sealed to this key, as a lead or a system that names one. Nothing
    is read before another lead has confirmed it.

    A lead has one at a time. `again`: an Idempotency-Key, with which twice is one. Raises
    NotPermitted, NotPossible, TooOften, InFlight, KeyReused, Unavailable.
    """
    export_id = uuid7()
    secret, ends_at = "", None
    try:
        with writer.logged_act(principal, "export.ask") as attempt:
            _require_lead(principal)
            resets.require_confirmed(principal)
            if (done := idempotency.begin(principal, again)) is not None:
                return _see(done)
            brakes.require_turn(ASKED, principal.staff_id)
            if any(one.is_own and one.state != "ended" for one in _exports()):
                raise _one_at_a_time()
            secret, ends_at = credentials.open_for_background(principal)
            sealed = seal(derived_key(_USE), secret.encode(), str(export_id))
            try:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute(
                        "SELECT sec.ask_export(%s, %s, %s, %s, %s)",
                        [export_id, _json(key), key.thumbprint, sealed, ends_at],
                    )
            except IntegrityError:  # theirs, at the same time
                raise _one_at_a_time() from None
            idempotency.finish(principal, again, export_id, attempt.now, referral_id=None)
            attempt.record(fields=[key_code(key.thumbprint)])
            return _see(export_id)
    except BaseException:
        if secret:
            credentials.end_credential(secret)
        raise


def confirm(principal: Principal, export_id: UUID) -> None:
    """Confirm, in person, an export that another lead of the agency asked for: it is written from
    now on. Raises NotPermitted (a system, or who asked for it), NotVisible, NotPossible."""
    with writer.logged_act(principal, "export.confirm") as attempt:
        _require_lead(principal)
        if principal.is_client:
            raise NotPermitted("not_a_person", "A lead confirms it in person, at the desk.")
        resets.require_confirmed(principal)
        seen = _see(export_id)
        require_asked(seen)
        with connection.cursor() as cursor:
            cursor.execute("SELECT sec.confirm_export(%s)", [export_id])
            ((confirmed,),) = cursor.fetchall()
        if not confirmed:
            require_asked(_see(export_id))  # else another lead was faster
            raise NotPermitted("second_person", "A lead confirms it who did not ask for it.")
        attempt.record(fields=[key_code(seen.thumbprint)])
        job_wakeup.wake_job(JOB)


def end(principal: Principal, export_id: UUID) -> None:
    """End an export, as any lead of the agency: refuse it, stop it while it is written, or delete
    it. Its parts are gone, and nothing acts for it any more. Twice is safe. Raises NotPermitted,
    NotVisible, Unavailable."""
    with writer.logged_act(principal, "export.end") as attempt:
        _require_lead(principal)
        attempt.record(fields=[key_code(_see(export_id).thumbprint)])
        with connection.cursor() as cursor:
            cursor.execute("SELECT sec.end_export(%s)", [export_id])
            ((sealed,),) = cursor.fetchall()
    if sealed is not None:
        credentials.end_credential(secret_of(export_id, sealed))


def part(principal: Principal, export_id: UUID, number: int) -> str:
    """Return a part of an export that is ready, for the lead who asked for it. One access entry.
    Raises NotPermitted, NotVisible, NotPossible."""
    with writer.logged_act(principal, "export.download"):
        sizes = _require_ready(principal, export_id).part_sizes or []
        found = _part(export_id, number) if number in range(1, len(sizes) + 1) else None
        if found is None:
            raise NotVisible
        return found


def parts(principal: Principal, export_id: UUID) -> Iterator[str]:
    """The same for all parts, one after the other. One access entry, before the first. A right that
    ends meanwhile ends it: it raises NotVisible then, and the file is not whole."""
    with writer.logged_act(principal, "export.download"):
        sizes = _require_ready(principal, export_id).part_sizes
    return _parts(principal, export_id, len(sizes or ()))


def _parts(principal: Principal, export_id: UUID, number: int) -> Iterator[str]:
    for one in range(1, number + 1):
        with identified_transaction(principal):
            found = _part(export_id, one)
        if found is None:
            raise NotVisible
        yield found


def require_asked(seen: Export) -> None:
    """Raise NotPossible unless it waits to be confirmed."""
    if seen.state != "asked":
        raise NotPossible("export_not_waiting", "The export is confirmed already, or has ended.")


def secret_of(export_id: UUID, sealed: bytes | memoryview) -> str:
    """The secret of an export's credential. Raises Unavailable: the row was moved or changed."""
    return unseal(derived_key(_USE), bytes(sealed), str(export_id)).decode()


def _require_lead(principal: Principal) -> None:
    """Raise NotPermitted unless the caller is a lead, or a system with the scope of reading that
    names one; and outside of an exercise, from which nothing is taken along."""
    require_scope(principal, READS)
    if principal.member_id is None:
        raise NotPermitted("acting_member_needed", "Name the acting member: header Acting-Member.")
    if not principal.has_role("lead"):
        raise NotPermitted("role_missing", "Exports are for the agency's leads.")
    if principal.practices:
        raise NotPermitted("not_in_practice", "An exercise has no exports.")


def _require_ready(principal: Principal, export_id: UUID) -> Export:
    _require_lead(principal)
    seen = _see(export_id)
    if not seen.is_own:
        raise NotPermitted(detail="The lead who asked for the export takes its parts.")
    if seen.state != "ready":
        raise NotPossible("export_not_ready", "The export is not ready, or has ended.")
    return seen


def _exports() -> list[Export]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(Export._fields)} FROM sec.own_exports()")  # noqa: S608 (of fixed parts)
        return [Export._make(row) for row in cursor.fetchall()]


def _see(export_id: UUID) -> Export:
    found = next((one for one in _exports() if one.id == export_id), None)
    if found is None:
        raise NotVisible
    return found


def _part(export_id: UUID, number: int) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sec.export_part(%s, %s)", [export_id, number])
        ((found,),) = cursor.fetchall()
    sealed: str | None = found
    return sealed


def _json(key: ExportKey) -> str:
    return orjson.dumps(key.jwk).decode()


def _one_at_a_time() -> NotPossible:
    return NotPossible("export_open", "You have an export already. End it before you ask again.")
