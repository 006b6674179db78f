"""The background work of exports: writes their parts as the leads who asked, and deletes what is
over.

The work has no right of its own to what it writes. It takes the credential that the lead opened for
the export and reads the list of referrals under the policies of that caller, at that moment. A part
is one transaction with its access entries, one a referral: a process that is killed has written
both or neither, and any other goes on behind the last part.
"""

from typing import Any
from uuid import UUID

import orjson
from django.db import connection, connections, transaction

from permissions.audit import writer
from permissions.audit.writer import Origin
from permissions.database.advisory_locks import EXPORTING, try_lock
from permissions.database.aliases import JOBS
from permissions.database.clock import database_now
from permissions.database.uuid7 import uuid7
from permissions.identity import credentials
from permissions.principal import Principal
from referrals.bulk import exports, sealing
from referrals.queries import lists
from referrals.queries.line_json import line_json
from referrals.queries.lists import Place

PART = lists.MAX_PAGE  # referrals of one part
SHOWN = "interval '7 days'"  # for how long a list shows that one has ended

# What has to be so while there is something to write. It is asked again in the transaction of each
# part (sec.next_export_part).
_DUE = (
    "SELECT id FROM bulk_export WHERE confirmed_at IS NOT NULL AND ready_at IS NULL"
    " AND ended_at IS NULL AND ends_at > sec.clock() ORDER BY confirmed_at, id"
)
_END = (
    "UPDATE bulk_export SET ended_at = sec.clock(), end_reason = %s, credential = NULL,"
    " after_at = NULL, after_id = NULL WHERE ended_at IS NULL AND "
)
_NO_RIGHT = (
    "(NOT sec.is_live_lead(asked_by_id) OR (ready_at IS NULL AND confirmed_by_id IS NOT NULL"
    " AND NOT sec.is_live_lead(confirmed_by_id)))"
)
# What has ended elsewhere: by a lead, or before a restore.
_LEFT = (
    "SELECT id FROM bulk_export e WHERE ended_at IS NOT NULL"
    " AND EXISTS (SELECT FROM bulk_export_part p WHERE p.export_id = e.id)"
)


def step() -> bool:
    """End what is over, then write one part of each export that waits for it; return whether there
    may be more. One that fails holds up no other. Safe to kill at any point."""
    _end_what_is_over()
    with connections[JOBS].cursor() as cursor:
        cursor.execute(_DUE)
        due = [export_id for (export_id,) in cursor.fetchall()]
    failed: Exception | None = None
    more = False
    for export_id in due:
        try:
            more = _write_one(export_id) or more
        except Exception as error:
            failed = error
    if failed is not None:
        raise failed
    return more


def _end_what_is_over() -> None:
    """Delete the parts of what has ended, by its time, by a lead, or with the right of one."""
    with transaction.atomic(using=JOBS), connections[JOBS].cursor() as cursor:
        cursor.execute(f"{_END}ends_at <= sec.clock()", ["expired"])
        cursor.execute(f"{_END}{_NO_RIGHT}", ["right_ended"])
        cursor.execute(_LEFT)
        for (export_id,) in cursor.fetchall():
            cursor.execute("DELETE FROM bulk_export_part WHERE export_id = %s", [export_id])
        cursor.execute(f"DELETE FROM bulk_export WHERE ended_at <= sec.clock() - {SHOWN}")  # noqa: S608 (of fixed parts)


def _write_one(export_id: UUID) -> bool:
    with try_lock(JOBS, EXPORTING, str(export_id)) as free:
        if not free:
            return False  # another process is at it
        principal = _lead_of(export_id)
        if principal is not None:
            return _write_part(export_id, principal)
        _end(export_id)
        return False


def _lead_of(export_id: UUID) -> Principal | None:
    """Who the export is written as; None: not a live lead any more. Raises Unavailable for a
    credential that this server did not write."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute(
            "SELECT credential, CASE WHEN system_id IS NOT NULL THEN asked_by_id END"
            " FROM bulk_export WHERE id = %s AND ended_at IS NULL AND ready_at IS NULL",
            [export_id],
        )
        row = cursor.fetchone()
    if row is None or row[0] is None:
        return None
    sealed, acting = row
    found = credentials.resolve_credential(exports.secret_of(export_id, sealed), str(acting or ""))
    return found if found is not None and found.has_role("lead") else None


def _end(export_id: UUID) -> None:
    """The lead's sign-in for it has ended: it is not written on, and none of it is kept."""
    with transaction.atomic(using=JOBS), connections[JOBS].cursor() as cursor:
        cursor.execute(f"{_END}ready_at IS NULL AND id = %s", ["right_ended", export_id])
        if cursor.rowcount:
            cursor.execute("DELETE FROM bulk_export_part WHERE export_id = %s", [export_id])


def _write_part(export_id: UUID, principal: Principal) -> bool:
    """Write the next part as `principal`; return whether there is another one. All of a part's
    entries have the export's id as their request."""
    token = writer.origin.set(Origin(request_id=export_id))
    try:
        with writer.acts_in_one_transaction(principal), connection.cursor() as cursor:
            cursor.execute("SELECT * FROM sec.next_export_part(%s)", [export_id])
            row = cursor.fetchone()
            if row is None:  # it ended just now, or the second lead is none any more
                return False
            number, after_at, after_id, public_key = row
            after = Place(after_at, after_id) if after_id else None
            lines, place = lists.read_lines(principal, after, PART)
            for line in lines:
                with writer.logged_act(principal, "referral.export", UUID(line.id)):
                    pass
            if place is None:
                with writer.logged_act(principal, "export.finish"):
                    pass
            part_id = sealed = None
            if lines:  # the driver leaves jsonb as text
                part_id = uuid7()
                sealed = sealing.sealed(map(_content, lines), orjson.loads(public_key))
            cursor.execute(
                "SELECT sec.store_export_part(%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    *(export_id, part_id, number, len(lines), sealed),
                    *(place or (None, None)),
                    *(place is None, database_now("default") + exports.LASTS),
                ],
            )
            return place is not None
    finally:
        writer.origin.reset(token)


def _content(line: lists.Line) -> dict[str, Any]:
    """What an export says of a referral: its line in the list, without the agency's own number,
    which is a sealed note."""
    return {name: value for name, value in line_json(line).items() if name != "external_ref"}
