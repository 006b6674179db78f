"""The change feed: what was made, changed and taken away, in the order of commits, tombstones too.

Lines are written by directory/projection/projection_writer.py under one lock, so that their numbers
grow in the order in which they can be seen: whoever reads on from the last has missed none. None
goes. Call inside `permissions.database.db_identity.identified_transaction(principal)`: row security
keeps from the public what only the network may know, the existence of a line included.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from directory import models as m
from permissions.principal import Principal

MAX_PAGE = 500


class Line(NamedTuple):
    """One change. `kind` and `id` name the document to read again, or to drop (`deleted`)."""

    seq: int  # never shown: a gap would tell that something hidden changed
    kind: str  # organization, service, service_at_location, taxonomy, taxonomy_term
    id: UUID
    action: str  # created, updated, deleted
    at: datetime


def list_changes(principal: Principal | None, after: int, limit: int) -> list[Line]:
    """The lines that come after `after`, the network's or the public's: for the latter an entry
    that becomes confidential is `deleted`. Who is not of the network is answered as it is."""
    network = principal is not None and principal.in_network
    rows = m.Change.objects.filter(seq__gt=after, network=network)
    columns = ("seq", "kind", "entity_id", "action", "at")
    return [Line(*row) for row in rows.order_by("seq").values_list(*columns)[:limit]]
