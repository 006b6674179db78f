"""Substitutes organizations that services name and the source does not list.

What is known of such an organization is what an earlier import stored, or else the name that its
services' rows give it. A stand-in keeps its mark until the source lists the organization. It is no
line of the source: its line has a number below zero, and no report lists it. Runs before the rows'
organizations are found (row_groups.py).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import orjson

from directory import models as m
from directory.hsds.schema import Kind
from directory.importing import coercion
from directory.importing.local_overrides import owners_of
from directory.importing.parsing import id_of
from directory.importing.staging import NUMBERS, TAKEN, Staging
from permissions.database.aliases import JOBS

STOOD_IN = "its organization is not in the source: what is known of it is used"
NAMES = ("organization_name", "agency_name")  # columns of a service's row
_MISSING = """
    SELECT link.key, row.tbl, row.key, coalesce(row.cells, line.cells)
      FROM link JOIN row ON row.n = link.row JOIN line ON line.n = row.line
      LEFT JOIN row AS organization ON organization.key = link.key AND organization.tbl = link.tbl
     WHERE link.tbl = ? AND organization.n IS NULL AND row.tbl IN (?, ?)
"""
_MARKS = """
    SELECT 1 FROM row JOIN line ON line.n = row.line WHERE tbl = ?
       AND json_extract(coalesce(row.cells, line.cells), '$.confidential') IS NOT NULL LIMIT 1
"""
_NOTE = """
    UPDATE line SET notes = notes || CASE notes WHEN '' THEN '' ELSE char(10) END || ?
     WHERE n IN (SELECT row.line FROM link JOIN row ON row.n = link.row AND row.tbl = ?
                   JOIN row AS organization ON organization.key = link.key
                    AND organization.tbl = link.tbl AND organization.line < 0)
"""


@dataclass
class _Missing:
    """An organization that is not in the source. `hidden`: a service or place of it is
    confidential."""

    services: int = 0
    hidden: bool = False
    names: Counter[str] = field(default_factory=Counter)

    @property
    def name(self) -> str:
        """The name that most of its services give it, the same in any order of lines."""
        return min(self.names, key=lambda name: (-self.names[name], name), default="")


def add_stand_ins(staging: Staging, source: str) -> None:
    """Stage a row for each organization that services name, that the source does not have and of
    which something is known; the rest stays as it is.

    A name alone makes no stand-in for an organization that may be confidential, whose name would be
    shown: one with a confidential service or place, and any of a source that marks organizations,
    since the row that is missing is the one that would say it.
    """
    missing = {key: one for key, one in _missing(staging, source).items() if one.services}
    ids = {id_of(source, "organization", key): key for key in missing}
    stored = {ids[one] for one, _ in owners_of("organization", source, list(ids))}
    named = not _marks_organizations(staging, source)
    rows = [
        {"id": key} if key in stored else {"id": key, "name": one.name}
        for key, one in sorted(missing.items())
        if key in stored or (named and one.name and not one.hidden)
    ]
    number = NUMBERS["organization"]
    (last,) = staging.db.execute("SELECT coalesce(max(n), 0) FROM row").fetchone()
    staging.db.execute("BEGIN")
    for count, row in enumerate(rows, 1):
        staging.db.execute(
            "INSERT INTO line VALUES (?, '', 0, '', ?, '{}', '', '', '')", [-count, row["id"]]
        )
        staging.db.execute(
            "INSERT INTO row (n, tbl, key, line, main, cells) VALUES (?, ?, ?, ?, 0, ?)",
            [last + count, number, row["id"], -count, orjson.dumps(row).decode()],
        )
    staging.db.execute(_NOTE, [STOOD_IN, NUMBERS["service"]])
    staging.db.execute("COMMIT")


def count_stand_ins(staging: Staging) -> int:
    """The organizations that are substituted."""
    (found,) = staging.db.execute(
        "SELECT count(*) FROM row WHERE line < 0 AND state = ?", [TAKEN]
    ).fetchone()
    return int(found)


def _missing(staging: Staging, source: str) -> dict[str, _Missing]:
    found: dict[str, _Missing] = {}
    hidden = set(_hidden(source))
    tables = {NUMBERS[table]: table for table in ("service", "location")}
    asked = [NUMBERS["organization"], *tables]
    for key, number, row_key, cells in staging.db.execute(_MISSING, asked):
        one, table = found.setdefault(key, _Missing()), tables[number]
        values: Mapping[str, str] = orjson.loads(cells)
        marked = coercion.read(Kind.FLAG, values.get("confidential", ""))
        one.hidden |= bool(marked and marked.value) or id_of(source, table, row_key) in hidden
        if table == "service":
            one.services += 1
            one.names.update(list(_names(values))[:1])
    return found


def _names(values: Mapping[str, str]) -> Iterator[str]:
    for column in NAMES:
        said = coercion.read_line(Kind.TEXT, values.get(column, ""))
        if said and isinstance(said.value, str) and said.value.lower() not in coercion.NOTHING_SAID:
            yield said.value


def _marks_organizations(staging: Staging, source: str) -> bool:
    """Whether the source says of any organization if it is confidential, now or before."""
    said = staging.db.execute(_MARKS, [NUMBERS["organization"]]).fetchone()
    stored = m.Organization.objects.using(JOBS).filter(source=source, confidential=True)
    return said is not None or stored.exists()


def _hidden(source: str) -> Iterator[UUID]:
    """The services and places of this source that are confidential in the directory."""
    for model in (m.Service, m.Location):
        rows = model._default_manager.using(JOBS).filter(source=source, confidential=True)
        yield from rows.values_list("id", flat=True)
