"""Changes of entries that wait for a second person: a new or renamed entry that takes referrals, or
whose name resembles another agency's or organization's.

Until then nothing of the change is written: readers see the entry as it was, or none. The database
says what has to wait and who may decide (directory/sql/functions/proposals.sql), and refuses to an
editor what was not approved.
"""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection, connections

from directory import models as m
from directory.editing.apply import Change
from directory.editing.stored_entry import StoredEntry
from permissions.audit import writer
from permissions.audit.writer import LoggedAct
from permissions.database.aliases import EDITOR
from permissions.database.db_identity import identified_transaction
from permissions.database.uuid7 import uuid7
from permissions.errors import NotVisible
from permissions.models import Agency
from permissions.policy import rules
from permissions.principal import Principal

NAMING = ("name", "alternate_name", "answered_by_id")


class Request(NamedTuple):
    """What an editor sent: a whole document, or a merge patch."""

    body: dict[str, Any]
    patch: bool


class Proposal(NamedTuple):
    """A change that waits (`waiting`), or that was approved and is not published yet (`approved`).
    `member_id` is who made it, for the own agency's people."""

    id: UUID
    at: datetime
    table: str
    entry_id: UUID
    organization_id: UUID
    names: list[str]
    answered_by: UUID | None
    reasons: list[str]
    agency_id: UUID
    member_id: UUID | None
    state: str
    may_decide: bool
    ours: bool
    agency_name: str = ""

    @property
    def name(self) -> str:
        return self.names[0]

    @property
    def alternate_name(self) -> str:
        return self.names[1]


def hold(
    attempt: LoggedAct, change: Change, request: Request, present: StoredEntry | None
) -> UUID | None:
    """Store the change instead of writing it, if a second person has to review it first and has
    not. Returns the proposal's id, or None: write it. `present` is the entry as it is."""
    if change.table == "location":
        return None
    row = dict(present.row) if present else {}
    becomes = row | _own_values(change)
    if all(becomes.get(name) == row.get(name) for name in NAMING):
        return None
    names = [becomes["name"], becomes["alternate_name"]]
    answered, whose = becomes.get("answered_by_id"), (change.table, change.entry_id)
    with connections[EDITOR].cursor() as cursor:
        cursor.execute(
            "SELECT reasons FROM sec.review_reasons(%s, %s, %s, %s, %s)",
            [*whose, change.organization_id, names, answered],
        )
        mine = m.Proposal.objects.using(EDITOR).filter(
            table=whose[0], entry_id=whose[1], names=names, answered_by_id=answered
        )
        good_since = attempt.now - m.Proposal.GOOD_FOR
        if (
            not cursor.fetchone()[0]
            or mine.filter(state="approved", decided_at__gt=good_since).exists()
        ):
            return None
        attempt.act = "directory.propose"
        if same := mine.filter(state="waiting", body=request.body).first():
            return same.id
        proposal = {
            "id": uuid7(),
            "table": change.table,
            "entry_id": change.entry_id,
            "organization_id": change.organization_id,
            "names": names,
            "answered_by_id": answered,
            "body": request.body,
            "patch": request.patch,
            "etag": present.etag if present else "",
        }
        cursor.execute("SELECT sec.propose_entry(%s::jsonb)", [orjson.dumps(proposal).decode()])
    attempt.record(fields=sorted(change.fields))
    return UUID(str(proposal["id"]))


def _own_values(change: Change) -> dict[str, Any]:
    """The new columns of the entry's own row."""
    found: dict[str, Any] = {}
    for table, values in change.new:
        if (table, values["id"]) == (change.table, change.entry_id):
            found |= values
    for table, row_id, values in change.changed:
        if (table, row_id) == (change.table, change.entry_id):
            found |= values
    return found


def mark_published(change: Change) -> None:
    """Record that what was approved is written, in its transaction. Does nothing after any other
    change of the entry."""
    with connections[EDITOR].cursor() as cursor:
        cursor.execute("SELECT sec.publish_proposal(%s, %s)", [change.table, change.entry_id])


def pending(principal: Principal) -> list[Proposal]:
    """The proposals of the caller's agency, for its editors and leads, and those that the caller
    may decide on, the oldest first. One access entry. Raises NotPermitted for a client without
    `directory:write`."""
    with writer.logged_act(principal, "directory.proposals") as attempt:
        rules.require_scope(principal, "directory:write")
        attempt.record()
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM sec.entry_proposals()")
            found = [Proposal(*row) for row in cursor.fetchall()]
        names = dict(
            Agency.objects.filter(id__in=[one.agency_id for one in found]).values_list("id", "name")
        )
    return [one._replace(agency_name=names[one.agency_id]) for one in found]


def decide(principal: Principal, proposal_id: UUID, *, approve: bool) -> bool:
    """Approve or reject a proposal. Returns whether the caller may publish it. Raises NotVisible
    unless the caller may decide on it."""
    act = "directory.approve" if approve else "directory.reject"
    with writer.logged_act(principal, act) as attempt, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM sec.decide_proposal(%s, %s)", [proposal_id, approve])
        row = cursor.fetchone()
        if row is None:
            raise NotVisible
        agency_id, attempt.directory_id = row
    return bool(
        approve and agency_id == principal.agency_id and principal.has_role("directory_editor")
    )


def approved(principal: Principal, proposal_id: UUID) -> m.Proposal:
    """An approved proposal of the caller's agency, to publish it. Raises NotVisible,
    NotPermitted."""
    rules.require_directory_editor(principal)
    with identified_transaction(principal, EDITOR):
        found = m.Proposal.objects.using(EDITOR).filter(id=proposal_id, state="approved").first()
    if found is None:
        raise NotVisible
    return found
