"""Puts a service at places and takes it off them. A public service's document shows none of its
confidential places, so a list in a patch cannot say that one of those goes."""

from collections.abc import Collection
from uuid import UUID

from directory.editing import draft_parser, proposals
from directory.editing.apply import Change
from directory.editing.diff import diff_entry
from directory.editing.edit import (
    Edited,
    Preconditions,
    editing_transaction,
    finish,
    load_for_editing,
    require_match,
)
from directory.editing.stored_entry import StoredEntry, link_with_rows, unseen_links
from directory.projection.prefetch import Row
from permissions.principal import Principal

MEMBER = "service_at_locations"
LINK = "service_at_location_id"


def choose(
    principal: Principal, service_id: UUID, chosen: Collection[UUID], match: Preconditions
) -> Edited:
    """Let the service be found at exactly these places. What is said of it at a place that stays
    is kept. Raises as `put` does."""
    with editing_transaction(principal, "service", service_id) as attempt:
        present = load_for_editing(principal, "service", service_id)
        unseen = unseen_links(present)
        there = {row["location_id"] for row in unseen} | _shown(present)
        if there == set(chosen):  # a repeated request
            return Edited(present.text, present.etag, False)
        require_match(present, match)
        document = present.document
        stay = [one for one in document.get(MEMBER, []) if UUID(one["location"]["id"]) in chosen]
        added = [{"location_id": str(one)} for one in sorted(set(chosen) - there)]
        document[MEMBER] = [*stay, *added]
        draft = draft_parser.parse_draft("service", service_id, document)
        owner, agency_id = present.organization_id, principal.agency_id
        change = diff_entry(draft, present, owner, agency_id, attempt.now)
        for row in unseen:
            if row["location_id"] not in chosen:
                _take_off(change, present, row)
        return finish(attempt, change, "updated", proposals.Request({}, True), present)


def _shown(present: StoredEntry) -> set[UUID]:
    return {
        owned.row["location_id"]
        for (table, _id), owned in present.owned.items()
        if table == "service_at_location"
    }


def _take_off(change: Change, present: StoredEntry, link: Row) -> None:
    """Remove a link that the document cannot show, with what is said of the service there. A row
    that the document shows elsewhere stays, and is detached from the link."""
    change.fields.add(MEMBER)
    for one in link_with_rows(present, link):
        key = (one.table, one.row["id"])
        if key not in present.owned:
            change.owned[key] = one
            change.gone.append(one)
        elif LINK in one.row:
            change.changed.append((*key, {LINK: None}))
