"""Changes directory entries, for the agencies that edit them. Nothing else writes as `editor`.

Each act is one transaction: see and lock → permit → read strictly → match → write → render →
history → access entry. This package and, again, the database (sec.is_editor_of) check what an
editor may write. A repeated act changes nothing, adds no line to the history and gives the same
answer.

The other modules: draft_parser.py (parses a document), stored_entry.py (the entry now), diff.py
with references.py, columns.py, validation.py and confidentiality.py, apply.py; proposals.py (what
waits for a second person); earlier_text.py (the history, and what an edit replaced), versions/
(putting it back, hiding and its undo); places/ (what is chosen from, and where a service is);
confidential_addresses.py, reviews.py.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple
from uuid import UUID

from django.db import IntegrityError

from directory import models as m
from directory.editing import draft_parser, proposals
from directory.editing.apply import Change, affected_entries, erase_rows, write_change
from directory.editing.diff import diff_entry
from directory.editing.draft_parser import Draft
from directory.editing.earlier_text import record_edit
from directory.editing.stored_entry import (
    OwnedRow,
    StoredEntry,
    find_row,
    load_entry,
    organization_of,
)
from directory.projection.render import render
from directory.search import retrieval
from permissions import assignments, entity_tags
from permissions.audit import writer
from permissions.audit.writer import LoggedAct
from permissions.database.aliases import EDITOR
from permissions.database.db_identity import identified_transaction
from permissions.errors import (
    BadRequest,
    Conflict,
    MatchRequired,
    NotPermitted,
    NotPossible,
    NotVisible,
    StaleMatch,
)
from permissions.policy import rules
from permissions.principal import Principal

ACT = "directory.edit"
OWN_ADDRESS = "These are entries of their own: change them there."
NOT_YOURS = "Your agency does not edit this organization's entries."


class Preconditions(NamedTuple):
    """The preconditions of a request (RFC 9110, section 13.1), as they were sent."""

    if_match: str | None = None
    if_none_match: str | None = None


class Edited(NamedTuple):
    """The entry after the act; `document` is None if the caller does not see it."""

    document: str | None
    etag: str | None
    created: bool
    held: UUID | None = None  # the proposal that waits for a second person; nothing was written


def put(
    principal: Principal,
    table: str,
    entry_id: UUID,
    document: Mapping[str, object],
    match: Preconditions,
) -> Edited:
    """Create or replace an organization, service or location (`table`) under the given id.

    Rows that the document leaves out are removed; rows without an id get one. The caller's agency
    becomes the editor of a new organization. Raises BadRequest, NotVisible, NotPermitted,
    MatchRequired, StaleMatch, NotPossible, Conflict.
    """
    draft_parser.require_bounded(document)
    draft = draft_parser.parse_draft(table, entry_id, document)
    request = proposals.Request(dict(document), False)
    with editing_transaction(principal, table, entry_id) as attempt:
        if _owner(table, entry_id) is None and (created := _create(attempt, draft, match, request)):
            return created
        present = load_for_editing(principal, table, entry_id)
        if match.if_none_match == "*":
            raise StaleMatch
        return _change(attempt, draft, present, match, request)


def patch(
    principal: Principal,
    table: str,
    entry_id: UUID,
    change: Mapping[str, object],
    match: Preconditions,
) -> Edited:
    """Change members of the entry's document by a merge patch (RFC 7386), which replaces lists.

    Raises as `put` does.
    """
    draft_parser.require_bounded(change)
    with editing_transaction(principal, table, entry_id) as attempt:
        present = load_for_editing(principal, table, entry_id)
        return apply_patch(attempt, present, change, match)


def apply_patch(
    attempt: LoggedAct, present: StoredEntry, change: Mapping[str, object], match: Preconditions
) -> Edited:
    """Apply a merge patch to a loaded entry, in its act's transaction. Raises as `put` does."""
    table, entry_id = present.table, present.row["id"]
    document = draft_parser.patched(table, present.document, change)
    draft = draft_parser.parse_draft(table, entry_id, document)
    request = proposals.Request(dict(change), True)
    return _change(attempt, draft, present, match, request)


def decide(principal: Principal, proposal_id: UUID, *, approve: bool) -> None:
    """Approve or reject a change that waits, and publish what is approved if the caller may edit
    the entry. Raises NotVisible unless the caller may decide on it, and as `put` does."""
    if proposals.decide(principal, proposal_id, approve=approve):
        publish(principal, proposal_id)


def publish(principal: Principal, proposal_id: UUID) -> Edited:
    """Write a change of the caller's agency that was approved. Raises NotVisible, and as `put`
    does: StaleMatch for a whole document, if the entry was changed meanwhile."""
    found = proposals.approved(principal, proposal_id)
    whose = (principal, found.table, found.entry_id, found.body)
    if found.patch:
        return patch(*whose, Preconditions(if_match="*"))
    return put(*whose, Preconditions(if_match=found.etag or None))


def remove_location(principal: Principal, location_id: UUID, match: Preconditions) -> None:
    """Remove a place without services, with all its rows. Raises as `put` does.

    Services are never removed, since a referral may name one: a service becomes `defunct`.
    """
    with editing_transaction(principal, "location", location_id) as attempt:
        present = load_for_editing(principal, "location", location_id)
        require_match(present, match)
        if m.ServiceAtLocation.objects.using(EDITOR).filter(location_id=location_id).exists():
            raise NotPossible("in_use", "A service uses this place. Take the place off it first.")
        owner = present.organization_id
        change = Change("location", location_id, owner, present.owned)
        erase_rows(change, [*present.owned.values(), OwnedRow("location", present.row, "")])
        render([], [owner], using=EDITOR)
        record_edit(attempt, owner, "location", location_id, "deleted", set(), present)


def location(principal: Principal, location_id: UUID) -> tuple[str, str]:
    """A place's document and ETag, for its editors; other callers cannot read a place by itself.
    Raises NotVisible, NotPermitted."""
    require_editor(principal, "directory.read", lambda: False, location_id)
    with identified_transaction(principal, EDITOR):
        present = load_for_editing(principal, "location", location_id)
        return present.text, present.etag


# -- See, lock, permit, match ---------------------------------------------------------------------


@contextmanager
def editing_transaction(
    principal: Principal, table: str, entry_id: UUID, act: str = ACT
) -> Iterator[LoggedAct]:
    """One act of an editor on an entry: its transaction and its access entry.

    Raises NotPermitted, NotVisible, and Conflict if another act interfered.
    """
    require_editor(
        principal, act, lambda: _is_visible(principal, table, entry_id, "default"), entry_id
    )
    try:
        with writer.logged_act(principal, act, directory_id=entry_id, using=EDITOR) as attempt:
            yield attempt
    except IntegrityError:
        # Another act took the same id, or added a row to a removed one, at the same time.
        writer.log_refusal(principal, act, Conflict.code, directory_id=entry_id, using=EDITOR)
        raise Conflict(
            None, "Another person has just changed it. Read it again, then repeat."
        ) from None


def require_editor(
    principal: Principal, act: str, visible: Callable[[], bool], entry_id: UUID | None = None
) -> None:
    """Refuse a caller who edits nothing at all.

    Raises NotPermitted, or NotVisible if the caller may not see the entry (R3). A client without
    the scope is refused whatever there is.
    """
    with writer.log_refusals(principal, act, directory_id=entry_id):
        rules.require_scope(principal, "directory:write")
    try:
        rules.require_directory_editor(principal)
    except NotPermitted as refusal:
        with identified_transaction(principal):
            seen = visible()
        told = refusal if seen else NotVisible()
        writer.log_refusal(principal, act, told.code, directory_id=entry_id)
        raise told from None


def _is_visible(principal: Principal, table: str, entry_id: UUID, using: str) -> bool:
    """Whether the caller may see the entry as a reader."""
    if table == "service":
        return retrieval.detail(principal, "service", entry_id, using) is not None
    if table == "organization":
        return retrieval.organization(principal, entry_id, False, using) is not None
    return False  # only editors read a place by itself


def _owner(table: str, entry_id: UUID) -> UUID | None:
    row = find_row(table, entry_id)
    return organization_of(table, row) if row else None


def _lock(organization_id: UUID) -> bool:
    """Lock an organization, for one edit of its entries at a time. False if it does not exist."""
    rows = m.Organization.objects.using(EDITOR).select_for_update(no_key=True)
    return rows.filter(id=organization_id).values_list("id").first() is not None


def load_for_editing(principal: Principal, table: str, entry_id: UUID) -> StoredEntry:
    """Lock and load the entry for its editors. Raises NotVisible, NotPermitted."""
    owner = _owner(table, entry_id)
    if owner is None:
        raise NotVisible
    locked = _lock(owner)
    edits = assignments.is_editor(m.Organization, owner, principal.agency_id, EDITOR)
    if not (locked and edits):
        if _is_visible(principal, table, entry_id, EDITOR):
            raise NotPermitted("not_yours", NOT_YOURS)
        raise NotVisible
    present = load_entry(principal, table, entry_id)
    if present is None:
        raise NotVisible
    return present


def require_match(present: StoredEntry, match: Preconditions) -> None:
    """Raise MatchRequired without If-Match, StaleMatch if the entry is no longer that one."""
    if match.if_match is None:
        raise MatchRequired
    if not entity_tags.is_current(match.if_match, present.etag):
        raise StaleMatch


# -- Write ----------------------------------------------------------------------------------------


def _create(
    attempt: LoggedAct, draft: Draft, match: Preconditions, request: proposals.Request
) -> Edited | None:
    """Create an entry; None if another act created it while this one waited for the lock."""
    principal, table = attempt.principal, draft.table
    if match.if_match is not None:
        raise StaleMatch  # there is no entry that it could match
    if member := next((name for name, said in draft.elsewhere.items() if said), None):
        raise BadRequest("own_address", OWN_ADDRESS, f"/{member}")
    owner = attempt.directory_id if table == "organization" else _named_owner(draft)
    assert owner is not None
    if table != "organization":
        edits = assignments.is_editor(m.Organization, owner, principal.agency_id, EDITOR)
        if not (_lock(owner) and edits):
            raise NotPermitted("not_yours", NOT_YOURS)
        if _owner(table, UUID(draft.entry.key)) is not None:
            return None
    change = diff_entry(draft, None, owner, principal.agency_id, attempt.now)
    return finish(attempt, change, "created", request, None)


def _named_owner(draft: Draft) -> UUID:
    link = draft.entry.links.get("organization_id")
    if not isinstance(link, str):
        raise BadRequest("invalid", "Name its organization.", "/organization_id")
    return UUID(link)


def _change(
    attempt: LoggedAct,
    draft: Draft,
    present: StoredEntry,
    match: Preconditions,
    request: proposals.Request,
) -> Edited:
    for member, said in draft.elsewhere.items():
        if said is not None and said != present.document.get(member, []):
            raise BadRequest("own_address", OWN_ADDRESS, f"/{member}")
    agency_id = attempt.principal.agency_id
    change = diff_entry(draft, present, present.organization_id, agency_id, attempt.now)
    if not change.fields:  # a repeated request
        return Edited(present.text, present.etag, False)
    require_match(present, match)
    return finish(attempt, change, "updated", request, present)


def finish(
    attempt: LoggedAct,
    change: Change,
    action: str,
    request: proposals.Request,
    present: StoredEntry | None,
) -> Edited:
    """Write a checked change with its history, or store it for a second person; `present` is the
    entry before it. Raises as `put` does. Call it once in an act's transaction."""
    if held := proposals.hold(attempt, change, request, present):
        return Edited(None, None, False, held)
    services, organizations = affected_entries(change)
    write_change(change, attempt.now)
    proposals.mark_published(change)
    more_services, more_organizations = affected_entries(change)
    render(services | more_services, organizations | more_organizations, using=EDITOR)
    owner, table, entry_id = change.organization_id, change.table, change.entry_id
    now = load_entry(attempt.principal, table, entry_id)
    record_edit(attempt, owner, table, entry_id, action, change.fields, present, now)
    if now is None:
        return Edited(None, None, action == "created")
    return Edited(now.text, now.etag, action == "created")


def require_editor_of(principal: Principal, organization_id: UUID) -> None:
    """Allow only editors of this organization. Raises NotVisible, NotPermitted."""
    if not assignments.is_editor(m.Organization, organization_id, principal.agency_id, EDITOR):
        if _is_visible(principal, "organization", organization_id, EDITOR):
            raise NotPermitted("not_yours", NOT_YOURS)
        raise NotVisible
