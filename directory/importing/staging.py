"""Holds a source between reading and storing, in a temporary file, so that memory does not grow.

Every line and row first goes into a SQLite file. Joins there find each row's organization, and the
organizations that share rows (row_groups.py): these form one group, which is read and stored
together (import_package.py). This module knows no PostgreSQL.
"""

import sqlite3
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

import orjson

from directory.hsds.schema import TABLES
from directory.importing.records import ABOUT, ELIGIBILITY, Line, Row

COMMON = 0  # the "organization" of rows without an owner: taxonomies, units, descriptions
CORE = ("organization", "service", "location")  # if one of these fails, so does the organization
SHARED = frozenset({"taxonomy", "taxonomy_term", "unit", "meta_table_description"})
NUMBERS = {table: number for number, table in enumerate([*TABLES, ELIGIBILITY], 1)}
NAMES = {number: table for table, number in NUMBERS.items()}
ANY = 0  # the table of an attribute's row, if the source does not name it
PIECE = 5_000  # lines written at once

_TABLES = """
    PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;
    CREATE TABLE line (n INTEGER PRIMARY KEY, file TEXT, number INTEGER, pointer TEXT, key TEXT,
                       cells TEXT, notes TEXT, reason TEXT, waits_as TEXT);
    CREATE TABLE row (n INTEGER PRIMARY KEY, tbl INTEGER, key TEXT, line INTEGER, main INTEGER,
                      org INTEGER, state INTEGER DEFAULT 0, late INTEGER DEFAULT 0,
                      hidden INTEGER DEFAULT 0, cells TEXT);
    CREATE TABLE link (row INTEGER, place INTEGER, tbl INTEGER, key TEXT);
"""
WAITING, TAKEN, FAILED, REPEATED, THERE = range(5)  # a row's state
_INDEXES = """
    CREATE INDEX row_key ON row (key, tbl);
    CREATE INDEX link_row ON link (row);
"""
_STAGED = """
    SELECT row.n, tbl, row.key, main, org, hidden, row.cells, line.n, file, number, pointer,
           line.cells, notes, reason, waits_as
      FROM row JOIN line ON line.n = row.line WHERE
"""
_LANGUAGES = """
    SELECT coalesce(nullif(json_extract(coalesce(row.cells, line.cells), '$.name'), ''),
                    json_extract(coalesce(row.cells, line.cells), '$.code'), '') AS said,
           sum(state = ?), count(*)
      FROM row JOIN line ON line.n = row.line WHERE tbl = ? AND state <> ?
     GROUP BY said ORDER BY count(*) DESC, said
"""
_OF = """
    row.state = 0 AND row.late = ? AND row.org IN (SELECT value FROM json_each(?)) ORDER BY row.n
"""
_HIDDEN = """
    row.hidden = 1 AND row.state <> ? AND row.org IN (SELECT value FROM json_each(?)) ORDER BY row.n
"""
_ORPHANS = "row.state = 0 AND row.org IS NULL AND row.n > ? ORDER BY row.n LIMIT ?"


@dataclass(frozen=True)
class Target:
    """The row that a link leads to: its organization (COMMON, or None if not found) and outcome."""

    serial: int
    organization: int | None
    state: int
    reason: str


class Staging:
    """The rows of one source, in a file that is deleted when this is closed, is no longer referred
    to (an import that fails leaves it so), or the process ends.

    `close()` deletes everything; twice is safe.
    """

    def __init__(self) -> None:
        # '': a file that SQLite removes. The collector closes what was given up, in any thread.
        self.db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self.close = weakref.finalize(self, self.db.close)
        self.db.executescript(_TABLES)
        self.tables: set[str] = set()
        self.unknown: Counter[tuple[str, str]] = Counter()  # columns that are not the standard's
        self._serial = 0
        self._rows = 0

    # -- Filling

    def fill(
        self, lines: Iterable[tuple[Line, list[Row]]], progress: Callable[[int], None]
    ) -> None:
        """Store all lines and rows, then index them."""
        batch: list[tuple[Line, list[Row]]] = []
        self.db.execute("BEGIN")
        for one in lines:
            batch.append(one)
            if len(batch) == PIECE:
                self._write(batch)
                batch.clear()
                progress(self._serial)
        self._write(batch)
        progress(self._serial)
        self.db.execute("COMMIT")
        self.db.executescript(_INDEXES)

    def _write(self, batch: list[tuple[Line, list[Row]]]) -> None:
        lines, rows = [], []
        links: list[tuple[int, int, int, str]] = []
        for line, made in batch:
            self._serial += 1
            line.serial = self._serial
            cells = orjson.dumps(line.values).decode()
            notes = "\n".join(line.notes)
            place = (line.file, line.number, line.pointer)
            lines.append((self._serial, *place, line.key, cells, notes, line.reason, line.waits_as))
            for row in made:
                self._rows += 1
                self.tables.add(row.table)
                own = None if row.values is line.values else orjson.dumps(row.values).decode()
                rows.append(
                    (
                        self._rows,
                        NUMBERS[row.table],
                        row.key or key_by_content(row.table, row.values),
                        self._serial,
                        row.main,
                        COMMON if row.table in SHARED else None,
                        own,
                    )
                )
                links += self._links(row)
                self._count_unknown(row)
        self.db.executemany("INSERT INTO line VALUES (?,?,?,?,?,?,?,?,?)", lines)
        self.db.executemany(
            "INSERT INTO row (n, tbl, key, line, main, org, cells) VALUES (?,?,?,?,?,?,?)", rows
        )
        self.db.executemany("INSERT INTO link VALUES (?,?,?,?)", links)

    def _links(self, row: Row) -> Iterator[tuple[int, int, int, str]]:
        if row.table == ELIGIBILITY:
            yield self._rows, 0, NUMBERS["service"], row.values.get("service_id", "")
            return
        for place, (column, target) in enumerate(TABLES[row.table].links.items()):
            key = row.values.get(column)
            if key and column not in ("parent_organization_id", "parent_id"):
                yield self._rows, place, NUMBERS[target], key
        if about := target_of(row):
            yield self._rows, -1, NUMBERS.get(about[0], ANY), about[1]

    def _count_unknown(self, row: Row) -> None:
        if row.table == ELIGIBILITY:
            return
        kind = TABLES[row.table]
        for column, value in row.values.items():
            if value and not (column in kind.columns or column in kind.links or column in _KNOWN):
                self.unknown[row.line.file, column] += 1

    # -- Reading

    def rows(self, organizations: Iterable[int], *, late: bool = False) -> list["Staged"]:
        """The unread rows of these organizations, in the order of the source."""
        return self._staged(_OF, [late, _numbers(organizations)])

    def hidden(self, organizations: Iterable[int]) -> list["Staged"]:
        """The confidential rows of these organizations (confidential_places.py), whatever their
        outcome."""
        return self._staged(_HIDDEN, [REPEATED, _numbers(organizations)])

    def orphans(self) -> Iterator[list["Staged"]]:
        """Rows that belong to no organization of the source, PIECE at a time."""
        last = 0
        while found := self._staged(_ORPHANS, [last, PIECE]):
            last = found[-1].serial
            yield found

    def _staged(self, which: str, asked: list[object]) -> list["Staged"]:
        cursor = self.db.execute(_STAGED + which, asked)
        lines: dict[int, Line] = {}
        found = []
        for n, table, key, main, org, hidden, cells, serial, *said in cursor:
            if serial not in lines:
                lines[serial] = _line(serial, *said)
            line = lines[serial]
            values: Mapping[str, str] = line.values if cells is None else orjson.loads(cells)
            row = Staged(NAMES[table], values, line, bool(main), n, key, org, bool(hidden))
            found.append(row)
        return found

    def organizations(self) -> Iterator[tuple[str, int]]:
        """(the source's id, number) of every organization."""
        yield from self.db.execute(
            "SELECT key, org FROM row WHERE tbl = ? AND org = n", [NUMBERS["organization"]]
        )

    def keys(self, organizations: Iterable[int]) -> Iterator[tuple[str, str]]:
        """(table, the source's id) of every row of these organizations, whatever its outcome."""
        cursor = self.db.execute(
            "SELECT tbl, key FROM row WHERE org IN (SELECT value FROM json_each(?))",
            [_numbers(organizations)],
        )
        for table, key in cursor:
            yield NAMES[table], key

    def target(self, table: str, key: str) -> Target | None:
        """The source's first row with this id, or None."""
        found = self.db.execute(
            "SELECT row.n, org, state, reason FROM row JOIN line ON line.n = row.line"
            " WHERE row.key = ? AND tbl = ? ORDER BY row.n LIMIT 1",
            [key, NUMBERS[table]],
        ).fetchone()
        return Target(*found) if found else None

    def names(self, table: str, key: str) -> bool:
        """Whether the source has a row with this id, in any organization."""
        return bool(key) and self.target(table, key) is not None

    # -- Outcomes

    def tell(self, lines: Iterable[Line], rows: Iterable[tuple[int, int]]) -> None:
        """Store the outcomes of these lines, and the states of rows: (state, serial)."""
        self.db.execute("BEGIN")
        self.db.executemany(
            "UPDATE line SET notes = ?, reason = ? WHERE n = ?",
            [("\n".join(line.notes), line.reason, line.serial) for line in lines],
        )
        self.db.executemany("UPDATE row SET state = ? WHERE n = ?", rows)
        self.db.execute("COMMIT")

    def refuse(self, organizations: Iterable[int], why: str) -> None:
        """Refuse all rows of these organizations, for this reason."""
        numbers = _numbers(organizations)
        self.db.execute("BEGIN")
        self.db.execute(
            "UPDATE line SET reason = ? WHERE reason = '' AND n IN (SELECT line FROM row"
            " WHERE org IN (SELECT value FROM json_each(?)))",
            [why, numbers],
        )
        self.db.execute(
            "UPDATE row SET state = ? WHERE state <> ? AND org IN (SELECT value FROM json_each(?))",
            [FAILED, REPEATED, numbers],
        )
        self.db.execute("COMMIT")

    def taken(self, table: str) -> tuple[int, int]:
        """The rows of a table that were taken, and all but the repeats."""
        found: tuple[int, int] = self.db.execute(
            "SELECT coalesce(sum(state = ?), 0), count(*) FROM row"
            " WHERE tbl = ? AND state NOT IN (?, ?) AND line > 0",
            [TAKEN, NUMBERS[table], REPEATED, THERE],
        ).fetchone()
        return found

    def languages(self) -> list[tuple[str, int, int]]:
        """(language, its rows that were taken, its rows), the most frequent first."""
        return self.db.execute(_LANGUAGES, [TAKEN, NUMBERS["language"], REPEATED]).fetchall()

    def unknown_columns(self) -> Iterator[str]:
        """Notes about columns that are not the standard's."""
        for (file, column), count in sorted(self.unknown.items()):
            yield f"{file}, column {column}: not of the standard, left out ({count} rows)"

    # -- Rows that are already in the directory (quarantine.py)

    def dangling_ids(self, table: str) -> list[str]:
        """Ids of this table that links name and the source does not have."""
        cursor = self.db.execute(
            "SELECT DISTINCT link.key FROM link LEFT JOIN row ON row.key = link.key"
            " AND row.tbl = link.tbl WHERE link.tbl = ? AND row.n IS NULL",
            [NUMBERS[table]],
        )
        return [key for (key,) in cursor]

    def ids(self, table: str) -> list[tuple[int, str]]:
        """(row, the source's id) of every row of a table."""
        cursor = self.db.execute("SELECT n, key FROM row WHERE tbl = ?", [NUMBERS[table]])
        return cursor.fetchall()

    def add_there(self, table: str, key: str, organization: str) -> None:
        """Stage a row of the directory and its organization, which is staged once."""
        if table != "organization":
            self.add_there("organization", organization, organization)
            self._there(table, key)
            self.db.execute(
                "INSERT INTO link VALUES (?, 0, ?, ?)",
                [self._rows, NUMBERS["organization"], organization],
            )
        elif not self.target("organization", key):
            self._there(table, key)

    def _there(self, table: str, key: str) -> None:
        self._rows += 1
        self.db.execute("INSERT OR IGNORE INTO line VALUES (0, '', 0, '', '', '{}', '', '', '')")
        self.db.execute(
            "INSERT INTO row (n, tbl, key, line, main, state) VALUES (?, ?, ?, 0, 0, ?)",
            [self._rows, NUMBERS[table], key, THERE],
        )

    def belongs_to(self, row: int, organization: str) -> None:
        """Link a row to an organization of the directory, for rows whose source names none."""
        self.add_there("organization", organization, organization)
        self.db.execute(
            "INSERT INTO link VALUES (?, 9, ?, ?)", [row, NUMBERS["organization"], organization]
        )

    def lines(self, *, quarantined: bool = False, corrected: bool = False) -> Iterator[Line]:
        """All lines in the order of the source, or only those in quarantine, or only those that
        correct a quarantined row or are corrected by one (`waits_as`)."""
        cursor = self.db.execute(
            "SELECT n, file, number, pointer, cells, notes, reason, waits_as FROM line"
            " WHERE n > 0 AND (? OR reason <> '') AND (? OR waits_as <> '') ORDER BY n",
            [not quarantined, not corrected],
        )
        for serial, *said in cursor:
            yield _line(serial, *said)


@dataclass(eq=False)
class Staged(Row):
    """A row read back, with its number in the source, its id (generated if it had none), its
    organization's number, and whether it is confidential in the source."""

    serial: int = 0
    known_as: str = ""
    organization: int | None = None
    hidden: bool = False


_KNOWN = {"id", "answered_by", "organization_name", "agency_name"}.union(*ABOUT.values())


def target_of(row: Row) -> tuple[str, str] | None:
    """(table, id) of the row that an attribute or metadata is about; the table may be ''."""
    if row.table not in ABOUT:
        return None
    on, about = ABOUT[row.table]
    names = (on, "link_entity" if row.table == "attribute" else "resource_type")
    named = [said for name in names if (said := row.values.get(name, "")) in TABLES]
    key = row.values.get(about, "")
    return (named[0] if named else "", key) if key else None


def _line(serial: int, file: str, number: int, pointer: str, cells: str, *told: str) -> Line:
    notes, reason, waits_as = told
    said = notes.split("\n") if notes else []
    return Line(file, number, orjson.loads(cells), said, reason, pointer, serial, waits_as)


def key_by_content(table: str, values: Mapping[str, str]) -> str:
    """The key of a row without an id of its own, made from its content, so that the next import
    finds it again."""
    said = "\n".join(f"{column}={value}" for column, value in sorted(values.items()) if value)
    return "content " + sha256(f"{table}\n{said}".encode()).hexdigest()[:32]


def _numbers(numbers: Iterable[int]) -> str:
    """The numbers as JSON, for json_each."""
    return orjson.dumps(list(numbers)).decode()
