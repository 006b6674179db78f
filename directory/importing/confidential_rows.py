"""The rows of a source that are confidential, and the addresses that nothing stored may name."""

from collections.abc import Iterable, Iterator

from directory.importing.staging import NUMBERS, REPEATED, TAKEN, THERE, Staging


def markers(staging: Staging, table: str) -> Iterator[tuple[int, str, str]]:
    """(row, the source's id, its `confidential` cell) of every row of a table."""
    cursor = staging.db.execute(
        "SELECT row.n, row.key, coalesce(json_extract(coalesce(row.cells, line.cells),"
        " '$.confidential'), '') FROM row JOIN line ON line.n = row.line WHERE tbl = ?",
        [NUMBERS[table]],
    )
    yield from cursor


def mark_confidential(staging: Staging, rows: Iterable[int]) -> None:
    """Hide these rows, the services and places of hidden organizations, and every place of a
    hidden service."""
    staging.db.execute("BEGIN")
    staging.db.executemany("UPDATE row SET hidden = 1 WHERE n = ?", [(one,) for one in rows])
    organization, service, location, at = (
        NUMBERS[t] for t in ("organization", "service", "location", "service_at_location")
    )
    staging.db.execute(
        "UPDATE row SET hidden = 1 WHERE tbl IN (?, ?) AND org IN"
        " (SELECT n FROM row WHERE tbl = ? AND hidden = 1)",
        [service, location, organization],
    )
    staging.db.execute(
        "UPDATE row SET hidden = 1 WHERE tbl = ? AND key IN ("
        " SELECT down.key FROM link AS up JOIN row AS told ON told.key = up.key"
        "  AND told.tbl = up.tbl AND told.hidden = 1 JOIN row AS x ON x.n = up.row"
        "  AND x.tbl = ? JOIN link AS down ON down.row = x.n AND down.tbl = ?"
        "  WHERE up.tbl = ?)",
        [location, at, location, service],
    )
    staging.db.execute("COMMIT")


def hidden_places(staging: Staging) -> Iterator[str]:
    """The source's ids of confidential places."""
    for (key,) in staging.db.execute(
        "SELECT key FROM row WHERE tbl = ? AND hidden = 1", [NUMBERS["location"]]
    ):
        yield key


def addresses(staging: Staging, *, hidden: bool) -> Iterator[str]:
    """The first address lines of confidential places or, if not `hidden`, of places that were
    not taken."""
    cursor = staging.db.execute(
        "SELECT coalesce(json_extract(coalesce(row.cells, line.cells), '$.address_1'), '')"
        " FROM row JOIN line ON line.n = row.line"
        " LEFT JOIN link ON link.row = row.n"
        " LEFT JOIN row AS place ON place.key = link.key AND place.tbl = link.tbl"
        " WHERE row.tbl = ? AND CASE WHEN ? THEN place.hidden = 1"
        " ELSE place.n IS NULL OR place.state NOT IN (?, ?, ?) END",
        [NUMBERS["address"], hidden, TAKEN, REPEATED, THERE],
    )
    for (street,) in cursor:
        yield street
