"""Finds the organization of each staged row, and the groups of organizations that share rows."""

from collections.abc import Callable, Iterator, Sequence
from uuid import UUID

import orjson

from directory.hsds.schema import TABLES
from directory.importing.records import ELIGIBILITY, REPEATS
from directory.importing.staging import (
    CORE,
    NAMES,
    NUMBERS,
    REPEATED,
    SHARED,
    Staging,
    key_by_content,
)

OWN_CONTENT = "its id is that of other lines too: known by what it says"
# A row gets its parent's organization. The order of TABLES' links decides between parents; the row
# that an attribute is about comes first.
_OWN = """
    UPDATE row SET org = (
        SELECT parent.org FROM link JOIN row AS parent
            ON parent.key = link.key AND parent.tbl = link.tbl
         WHERE link.row = row.n AND parent.org IS NOT NULL AND (parent.org > 0 OR link.place < 0)
         ORDER BY link.place, parent.n LIMIT 1)
     WHERE tbl = ? AND org IS NULL
"""
# A place without an organization gets that of a service located there; of several always the same
# one, in any order of lines.
_PLACES = """
    UPDATE row SET org = (
        SELECT child.org FROM link AS down JOIN row AS child ON child.n = down.row
          JOIN row AS organization ON organization.n = child.org
         WHERE down.key = row.key AND down.tbl = row.tbl AND child.tbl = ? AND child.org > 0
         ORDER BY id_of(organization.key) LIMIT 1)
     WHERE tbl = ? AND org IS NULL
"""
_ACROSS = """
    SELECT DISTINCT row.org, parent.org FROM link
      JOIN row ON row.n = link.row
      JOIN row AS parent ON parent.key = link.key AND parent.tbl = link.tbl
     WHERE row.org > 0 AND parent.org > 0 AND row.org <> parent.org
"""
_LATE = """
    UPDATE row SET late = 1 FROM piece
     WHERE piece.org = row.org AND row.tbl = ? AND EXISTS (
           SELECT 1 FROM link
             JOIN row AS parent ON parent.key = link.key AND parent.tbl = link.tbl
             LEFT JOIN piece AS other ON other.org = parent.org
            WHERE link.row = row.n
              AND (parent.late = 1 OR (parent.org > 0 AND coalesce(other.p, -1) <> piece.p)))
"""


def find_organizations(staging: Staging, id_of: Callable[[str], UUID]) -> None:
    """Find each row's organization and the repeated lines. `id_of` gives organizations' ids."""
    staging.db.create_function("id_of", 1, lambda key: str(id_of(key)), deterministic=True)
    staging.db.execute("BEGIN")
    staging.db.execute(
        "UPDATE link SET tbl = coalesce((SELECT tbl FROM row WHERE row.key = link.key"
        " AND tbl NOT IN (?, ?) ORDER BY tbl LIMIT 1), 0) WHERE tbl = 0",
        [NUMBERS["attribute"], NUMBERS["metadata"]],
    )
    staging.db.execute("CREATE INDEX link_key ON link (key, tbl)")
    _mark_repeats(staging)
    staging.db.execute(
        "UPDATE row SET org = n WHERE tbl = ? AND state <> ?",
        [NUMBERS["organization"], REPEATED],
    )
    for table in TABLES:
        if table not in SHARED:
            staging.db.execute(_OWN, [NUMBERS[table]])
        if table == "service_at_location":
            staging.db.execute(_PLACES, [NUMBERS[table], NUMBERS["location"]])
    staging.db.execute(_OWN, [NUMBERS[ELIGIBILITY]])
    staging.db.execute("CREATE INDEX row_org ON row (org, n)")
    staging.db.execute("COMMIT")


def _mark_repeats(staging: Staging) -> None:
    """Keep the first of several rows with one id, and note those that are equal to it as repeats.
    Different ones are refused where rows of the source name the id, for it says no more which is
    meant; else the rows of the table have no ids to speak of, and are known by what they say.
    """
    cursor = staging.db.execute(
        "SELECT key, tbl, EXISTS (SELECT 1 FROM link WHERE link.key = row.key"
        " AND link.tbl = row.tbl) FROM row WHERE tbl <> ? GROUP BY key, tbl HAVING count(*) > 1",
        [NUMBERS[ELIGIBILITY]],
    )
    for key, number, named in cursor.fetchall():
        rows = staging.db.execute(
            "SELECT row.n, main, line, coalesce(row.cells, line.cells), notes, reason FROM row"
            " JOIN line ON line.n = row.line WHERE row.key = ? AND tbl = ? ORDER BY row.n",
            [key, number],
        ).fetchall()
        table = NAMES[number]
        said = [key_by_content(table, orjson.loads(row[3])) for row in rows]
        apart = not (named or table in {*CORE, *SHARED} or len(set(said)) == 1)
        for place, (n, main, line, _, notes, reason) in enumerate(rows):
            repeats = said[place] in (said[:place] if apart else said[: min(place, 1)])
            if repeats or not (apart or place == 0):
                staging.db.execute("UPDATE row SET state = ? WHERE n = ?", [REPEATED, n])
            elif apart:
                staging.db.execute("UPDATE row SET key = ? WHERE n = ?", [said[place], n])
            note = REPEATS if repeats else OWN_CONTENT if apart else ""
            if main and note:
                told = "\n".join(filter(None, [notes, note]))
                staging.db.execute("UPDATE line SET notes = ? WHERE n = ?", [told, line])
            elif main and place:
                why = reason or "another line with this id came before and says otherwise"
                staging.db.execute("UPDATE line SET reason = ? WHERE n = ?", [why, line])


def groups(staging: Staging, most: int) -> Iterator[list[int]]:
    """Groups of organizations, at most `most` in each unless more of them share rows."""
    above: dict[int, int] = {}

    def root(one: int) -> int:
        while (up := above.get(one, one)) != one:
            above[one] = above.get(up, up)
            one = up
        return one

    for left, right in staging.db.execute(_ACROSS):
        a, b = sorted((root(left), root(right)))
        above[b] = a
    knit: dict[int, list[int]] = {}
    for one in above:
        knit.setdefault(root(one), [root(one)])
    for one in sorted(above):
        if root(one) != one:
            knit[root(one)].append(one)
    group: list[int] = []
    organizations = staging.db.execute(
        "SELECT n FROM row WHERE tbl = ? AND state <> ? AND org = n ORDER BY n",
        [NUMBERS["organization"], REPEATED],
    ).fetchall()
    for (one,) in organizations:
        if root(one) != one:
            continue
        members = knit.get(one, [one])
        if group and len(group) + len(members) > most:
            yield group
            group = []
        group += members
    if group:
        yield group


def mark_late(staging: Staging, pieces: Sequence[Sequence[int]]) -> None:
    """In a group that is read in pieces, mark the rows that depend on another piece: these are
    read last."""
    staging.db.execute("BEGIN")
    staging.db.execute("CREATE TEMP TABLE IF NOT EXISTS piece (org INTEGER PRIMARY KEY, p)")
    staging.db.execute("DELETE FROM piece")
    staging.db.executemany(
        "INSERT INTO piece VALUES (?, ?)",
        [(one, number) for number, piece in enumerate(pieces) for one in piece],
    )
    for number in NAMES:
        staging.db.execute(_LATE, [number])
    staging.db.execute("COMMIT")
