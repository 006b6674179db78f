"""The change feed: entries created, updated and deleted (tombstones), in the order of commits.

directory/projection/projection_writer.py writes the lines under one lock, so that their numbers
grow in the order in which they become visible: a reader that continues from the last line misses
none. Lines are never removed. Call inside
`permissions.database.db_identity.identified_transaction(principal)`: row security hides the
network's lines, and even their existence, from the public.
"""

from datetime import datetime
from itertools import takewhile
from typing import NamedTuple
from uuid import UUID

from directory import models as m
from directory.search import standby
from permissions.database.clock import database_now
from permissions.principal import Principal

MAX_PAGE = 500


class Line(NamedTuple):
    """One change. `kind` and `id` name the document to fetch again, or to drop (`deleted`)."""

    seq: int  # never shown: a gap would reveal that something hidden changed
    kind: str  # organization, service, service_at_location, taxonomy, taxonomy_term
    id: UUID
    action: str  # created, updated, deleted
    at: datetime


def list_changes(principal: Principal | None, after: int, limit: int) -> list[Line]:
    """The lines after `after`, from the network's feed or the public's. In the public's, an entry
    that becomes confidential is `deleted`. A caller outside the network gets the public's. Where
    the public reads from standbys, its newest lines come a minute later: who then reads the
    entry finds it as the line says, on each of them."""
    network = principal is not None and principal.in_network
    rows = m.Change.objects.filter(seq__gt=after, network=network)
    columns = ("seq", "kind", "entity_id", "action", "at")
    lines = [Line(*row) for row in rows.order_by("seq").values_list(*columns)[:limit]]
    if principal is None and (held := standby.hold_back()):
        newest = database_now("default") - held
        lines = [*takewhile(lambda line: line.at <= newest, lines)]
    return lines
