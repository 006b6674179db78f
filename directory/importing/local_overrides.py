"""What agencies keep themselves: an import leaves it as it stands, wherever the source lists it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from uuid import UUID

from directory import models as m
from directory.hsds.schema import TABLES
from directory.importing.parsing import Entry, id_of
from directory.importing.staging import SHARED
from directory.projection.affected_parents import affected_parents
from permissions.database.aliases import JOBS

KEPT_BY_AGENCY = "its agency changes this entry itself: left as it is"
# What an agency says of today; to say so does not yet make the entry its own.
AGENCY_COLUMNS = ("answered_by", "assured_date", "capacities", "intake_paused")
BATCH = 500

Named = tuple[str, UUID]  # a row, by its table and id


def kept_by_agencies(organizations: Collection[UUID]) -> set[UUID]:
    """Those of which an agency has changed an entry here: from then on that is who keeps it."""
    edits = m.Edit.objects.using(JOBS).filter(organization_id__in=organizations)
    own = edits.exclude(fields__contained_by=list(AGENCY_COLUMNS))
    return set(own.values_list("organization_id", flat=True))


def own_states(services: Collection[UUID]) -> dict[UUID, set[str]]:
    """Which of STATES an agency has set, by service: a source does not know better, wherever it
    has moved the service since."""
    found: dict[UUID, set[str]] = defaultdict(set)
    edits = m.Edit.objects.using(JOBS).filter(row_id__in=services, table="service")
    for service, fields in edits.values_list("row_id", "fields"):
        found[service] |= set(fields) & set(AGENCY_COLUMNS)
    return found


def ids_by_table(source: str, keys: Iterable[tuple[str, str]]) -> dict[str, set[UUID]]:
    """The ids of rows, given as (table, the source's id)."""
    found: dict[str, set[UUID]] = defaultdict(set)
    for table, key in keys:
        found[table].add(id_of(source, table, key))
    return found


def owners_of(table: str, source: str, ids: Sequence[UUID]) -> Iterator[tuple[UUID, UUID]]:
    """(id, organization) of those rows of `source` that are there and are an organization's."""
    if table in SHARED or table not in TABLES:  # those of HSDS 1.1 that became columns
        return
    owner = "id" if table == "organization" else "part_of_id"
    rows = TABLES[table].model._default_manager.using(JOBS).filter(source=source)
    rows = rows.filter(**{f"{owner}__isnull": False})
    for at in range(0, len(ids), BATCH):
        yield from rows.filter(id__in=ids[at : at + BATCH]).values_list("id", owner)


def entries_to_keep(
    entries: Sequence[Entry], source: str, organizations: Collection[UUID]
) -> dict[Named, bool]:
    """Those of `entries`, parents first, that these organizations' agencies keep, and whether they
    are there at all: what is of one of them, by the source or as it is stored, and what hangs on
    that. The rows beneath a service that moves in the source would else change it here."""
    if not organizations:
        return {}
    asked: dict[str, set[UUID]] = defaultdict(set)
    for entry in entries:
        for table, one in _with_parents(entry):
            asked[table].add(one)
    stored = {
        (table, one): owner
        for table, ids in asked.items()
        for one, owner in owners_of(table, source, list(ids))
    }
    kept: dict[Named, bool] = {}
    for entry in entries:
        if entry.owner in organizations or any(
            one in kept or stored.get(one) in organizations for one in _with_parents(entry)
        ):
            kept[entry.table, entry.id] = (entry.table, entry.id) in stored
    return kept


def _with_parents(entry: Entry) -> list[Named]:
    return [(entry.table, entry.id), *affected_parents(entry.table, entry.values)]
