"""Finds entries that agencies keep themselves: an import leaves them unchanged, wherever the source
lists them."""

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
# The current state that an agency reports; changing only these does not make the entry its own.
AGENCY_COLUMNS = (
    *("answered_by", "assured_date", "capacities"),
    *("intake_paused", "intake_paused_until"),
)
BATCH = 500

Named = tuple[str, UUID]  # a row's table and id


def kept_by_agencies(organizations: Collection[UUID]) -> set[UUID]:
    """The organizations with an entry that an agency has changed here; from then on the agency
    keeps them."""
    edits = m.Edit.objects.using(JOBS).filter(organization_id__in=organizations)
    own = edits.exclude(fields__contained_by=list(AGENCY_COLUMNS))
    return set(own.values_list("organization_id", flat=True))


def own_states(services: Collection[UUID]) -> dict[UUID, set[str]]:
    """The AGENCY_COLUMNS that an agency has set, and the day on which a service said that its entry
    is right, by service. They win over the source, even if it has since moved the service."""
    found: dict[UUID, set[str]] = defaultdict(set)
    edits = m.Edit.objects.using(JOBS).filter(row_id__in=services, table="service")
    for service, fields in edits.values_list("row_id", "fields"):
        found[service] |= set(fields) & set(AGENCY_COLUMNS)
        if "intake_paused" in fields:  # no pause of ours ends by another directory's end
            found[service].add("intake_paused_until")
    verified = m.Verification.objects.using(JOBS).filter(service_id__in=services, answer="right")
    for service in verified.values_list("service_id", flat=True):
        found[service].add("assured_date")
    return found


def ids_by_table(source: str, keys: Iterable[tuple[str, str]]) -> dict[str, set[UUID]]:
    """The ids of rows by table; `keys` are (table, the source's id)."""
    found: dict[str, set[UUID]] = defaultdict(set)
    for table, key in keys:
        found[table].add(id_of(source, table, key))
    return found


def owners_of(table: str, source: str, ids: Sequence[UUID]) -> Iterator[tuple[UUID, UUID]]:
    """(id, organization) of the stored rows of `source` that an organization owns."""
    if table in SHARED or table not in TABLES:  # HSDS 1.1 tables that became columns
        return
    owner = "id" if table == "organization" else "part_of_id"
    rows = TABLES[table].model._default_manager.using(JOBS).filter(source=source)
    rows = rows.filter(**{f"{owner}__isnull": False})
    for at in range(0, len(ids), BATCH):
        yield from rows.filter(id__in=ids[at : at + BATCH]).values_list("id", owner)


def entries_to_keep(
    entries: Sequence[Entry], source: str, organizations: Collection[UUID]
) -> dict[Named, bool]:
    """The `entries` (parents first) that the agencies of these organizations keep, and whether each
    is stored: entries of these organizations, in the source or as stored, and their children.
    Otherwise the rows of a service that moved in the source would change it here."""
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
