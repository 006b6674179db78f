"""The second wall of the directory, tried by raw SQL as each of the people."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connections, transaction
from psycopg2.errors import InsufficientPrivilege

from directory import models as m
from directory.demo import loader as directory_demo
from directory.hsds.schema import TABLES
from directory.importing.parsing import id_of
from permissions.database.uuid7 import uuid7
from permissions.identity import credentials
from permissions.models import Client
from tests.support.ground.database import identify
from tests.support.people.callers import Caller, agency_id, member_id

Row = dict[str, Any]
SOURCE = "a probe of the second wall"
OURS, THEIRS = "ours", "theirs"

# Columns that put a row into another's entry; a parent, a unit and a term are named only.
GUARDED = {
    "organization_id": "organization",
    "program_id": "program",
    "service_id": "service",
    "location_id": "location",
    "service_at_location_id": "service_at_location",
    "contact_id": "contact",
    "phone_id": "phone",
}


@dataclass(frozen=True)
class Who:
    """A caller and what she may edit, by the cast and not by the database."""

    name: str
    caller: Caller
    edits: frozenset[str]
    agency: str | None = None
    member: str | None = None
    client: str | None = None

    @property
    def editor(self) -> bool:
        """May edit something of the directory at all."""
        return self.agency is not None


def member(api: Any, who: str, edits: str | None) -> Who:
    agency = str(agency_id(who.split(".")[0])) if edits is not None else None
    return Who(who, api(who), frozenset([edits] if edits else []), agency, str(member_id(who)))


def system(api: Any, key: str, acting: str | None, scopes: list[str], edits: str | None) -> Who:
    caller = api(f"{key}.client", acting)
    caller.secret = f"a-token-of-a-probe-{uuid4()}"
    client = Client.objects.get(client_id=f"demo-{key}")
    credentials.open_for_client(client, caller.secret, scopes)
    return Who(
        f"{key}.client for {acting} with {scopes}",
        caller,
        frozenset([edits] if edits else []),
        str(agency_id(key)) if edits is not None else None,
        str(member_id(acting)) if acting else None,
        str(client.id),
    )


def people(api: Any) -> list[Who]:
    write, rest = ["directory:write"], ["directory:read", "referrals:read", "referrals:write"]
    return [
        member(api, "ywca.editor", OURS),
        member(api, "sarc.editor", THEIRS),
        member(api, "outsider.editor", ""),  # edits nothing of these
        member(api, "ywca.worker", None),
        member(api, "ywca.admin", None),
        Who("nobody", api(None), frozenset()),
        system(api, "ywca", None, write, OURS),
        system(api, "ywca", "ywca.editor", write, OURS),
        system(api, "ywca", "ywca.worker", write, None),
        system(api, "ywca", None, rest, None),
        system(api, "ywca", "ywca.editor", rest, None),
    ]


SAID: dict[str, Row] = {  # what a row of each table needs to be one
    "program": {"name": "p"},
    "service": {"name": "s"},
    "location": {"name": "l"},
    "phone": {"number": "406-555-0190"},
    "address": {
        "address_1": "1 Invented St",
        "city": "Missoula",
        "state_province": "MT",
        "postal_code": "59801",
        "country": "US",
    },
    "organization_identifier": {"identifier_type": "t", "identifier": "i"},
    "url": {"url": "https://example.org"},
    "holiday_schedule": {"start_date": "2026-12-25", "end_date": "2026-12-25"},
    "service_capacity": {"available": 1},
}

PARTS = [
    name
    for name, table in TABLES.items()
    if issubclass(table.model, m.Part) and name not in ("attribute", "metadata")
]


def relation(table: str) -> str:
    return TABLES[table].model._meta.db_table


def make(side: str, organization: UUID, unit: UUID) -> dict[str, UUID]:
    """Make a row of every table for one organization, each below the first parent it can have."""
    made = {"organization": organization, "unit": unit}
    for table in PARTS:
        links: dict[str, UUID] = {}
        for column, parent in TABLES[table].links.items():
            if parent in made and (column in TABLES[table].required or not links):
                links[column] = made[parent]
        made[table] = create(table, organization, SAID.get(table, {}) | links)
    about = made["service"]
    link = {"link_table": "service", "link_id": about, "label": side}
    made["attribute"] = create("attribute", organization, link)
    resource = {"resource_table": "service", "resource_id": about}
    made["metadata"] = create("metadata", organization, resource)
    return made


def create(table: str, organization: UUID, values: Row) -> UUID:
    row = TABLES[table].model(**{"part_of_id": organization, "source": SOURCE} | values)
    row.save(using="jobs", force_insert=True)
    return row.pk


@dataclass
class World:
    superuser: Any
    people: list[Who]
    ids: dict[str, dict[str, UUID]]  # side → table → row
    rows: dict[str, dict[str, Row]] = field(default_factory=dict)  # side → table → row

    def load(self) -> "World":
        for side, tables in self.ids.items():
            self.rows[side] = {}
            for table, row_id in tables.items():
                with self.superuser.cursor() as cursor:
                    cursor.execute(
                        f"SELECT to_jsonb(t) FROM {relation(table)} t WHERE id = %s", [str(row_id)]
                    )
                    self.rows[side][table] = cursor.fetchone()[0]
        return self

    def side(self, row_id: Any) -> str | None:
        """Whose a row is, of whichever table but the unit, which is nobody's."""
        for side, tables in self.ids.items():
            if any(str(row_id) == str(one) for name, one in tables.items() if name != "unit"):
                return side
        return None


def organization_of(key: str) -> UUID:
    return id_of(directory_demo.SOURCE, "organization", key)


@pytest.fixture
def world(api: Any, superuser: Any) -> Iterator[World]:
    unit = m.Unit(name="beds of a probe", source=SOURCE)
    unit.save(using="jobs", force_insert=True)
    ids = {
        OURS: make(OURS, organization_of("shelter"), unit.id),
        THEIRS: make(THEIRS, organization_of("campus"), unit.id),
    }
    yield World(superuser, people(api), ids).load()
    for table in reversed(list(TABLES)):
        TABLES[table].model._default_manager.using("jobs").filter(source=SOURCE).delete()
    with superuser.cursor() as cursor:
        cursor.execute("DELETE FROM directory_edit")


@contextmanager
def as_editor(who: Who) -> Iterator[Any]:
    """A cursor of the role `editor` in a transaction of hers, rolled back at the end."""
    with transaction.atomic(using="editor"):
        with connections["editor"].cursor() as cursor:
            identify(cursor, who.caller)
            yield cursor
        transaction.set_rollback(True, using="editor")


REFUSED = "refused"


def done(cursor: Any, statement: str, *parameters: Any) -> int | str:
    """How many rows a statement touches, or that it is refused; undone. A constraint comes after
    rights and policies."""
    try:
        with transaction.atomic(using="editor"):
            cursor.execute(statement, parameters)
            count: int = cursor.rowcount
            transaction.set_rollback(True, using="editor")
    except IntegrityError:
        return 1
    except DatabaseError as error:
        if not isinstance(error.__cause__, InsufficientPrivilege):
            raise
        return REFUSED
    return count


def probe(world: World, table: str) -> Iterator[str]:
    """Yield each difference between what a caller may do to this table and what they can do."""
    for who in world.people:
        with as_editor(who) as cursor:
            yield from probe_reads(world, who, cursor, table)
            yield from probe_inserts(world, who, cursor, table)
            yield from probe_changes(world, who, cursor, table)


def probe_reads(world: World, who: Who, cursor: Any, table: str) -> Iterator[str]:
    ids = [str(world.ids[side][table]) for side in (OURS, THEIRS)]
    cursor.execute(f"SELECT count(*) FROM {relation(table)} WHERE id = ANY (%s::uuid[])", [ids])
    expected = len(set(ids)) if who.editor else 0
    if (found := cursor.fetchone()[0]) != expected:
        yield f"{who.name} reads {found} rows of {table}"


def allowed(world: World, who: Who, table: str, row: Row) -> bool:
    """Whether she may have this row, new or changed."""
    if table == "unit":
        return who.editor
    if table == "organization":
        return world.side(row["id"]) in who.edits
    pointed = [row[column] for column in GUARDED if row.get(column)]
    pointed += [row[name] for name in ("link_id", "resource_id") if name in row]
    named = row.get("link_table", row.get("resource_table", "service"))
    owned = [row["part_of_id"], *pointed]
    return named in (*PARTS, "organization", "attribute", "metadata") and all(
        world.side(one) in who.edits for one in owned
    )


def variants(world: World, table: str) -> Iterator[Row]:
    """A right row of ours; the same given to another; each of its links at the other's rows."""
    ours, theirs = world.rows[OURS][table], world.rows[THEIRS][table]
    if "link_id" in ours or "resource_id" in ours:
        named, link = (
            ("link_table", "link_id")
            if "link_id" in ours
            else (
                "resource_table",
                "resource_id",
            )
        )
        for other in ("service", "phone", "organization"):
            yield ours | {named: other, link: str(world.ids[THEIRS][other])}
            yield ours | {named: other, link: str(world.ids[OURS][other])}
        yield ours | {named: "unit", link: str(world.ids[OURS]["unit"])}
        yield ours | {named: "pg_class"}
    for column, parent in GUARDED.items():
        if column in ours and column != "part_of_id":
            yield ours | {column: str(world.ids[THEIRS][parent])}
    if "part_of_id" in ours:
        yield ours | {"part_of_id": theirs["part_of_id"]}
    yield ours
    yield theirs


def probe_inserts(world: World, who: Who, cursor: Any, table: str) -> Iterator[str]:
    if table == "organization":  # by sec.create_organization alone
        return
    name = relation(table)
    insert = f"INSERT INTO {name} SELECT * FROM jsonb_populate_record(NULL::{name}, %s::jsonb)"
    written_here = {"source": "", "external_id": ""}
    for row in variants(world, table):
        fresh = row | {"id": str(uuid4())} | written_here
        expected = 1 if allowed(world, who, table, fresh) else REFUSED
        if (got := done(cursor, insert, json.dumps(fresh))) != expected:
            yield f"{who.name} inserts into {table}: {got}, not {expected}: {fresh}"
    for posing in ({"source": SOURCE}, {"external_id": "x"}):
        fresh = world.rows[OURS][table] | written_here | posing | {"id": str(uuid4())}
        if done(cursor, insert, json.dumps(fresh)) != REFUSED:
            yield f"{who.name} poses as a source in {table}"


def probe_changes(world: World, who: Who, cursor: Any, table: str) -> Iterator[str]:
    name, column = relation(table), "position" if table not in ("organization", "unit") else "name"
    for side in (OURS, THEIRS):
        row_id = str(world.ids[side][table])
        mine = side in who.edits and table != "unit"
        change = f"UPDATE {name} SET {column} = {column} WHERE id = %s"
        got = done(cursor, change, row_id)
        if got != (REFUSED if table == "unit" else int(mine)):
            yield f"{who.name} changes {side} of {table}: {got}"
        got = done(cursor, f"DELETE FROM {name} WHERE id = %s", row_id)
        if got != (REFUSED if table in ("unit", "organization") else int(mine)):
            yield f"{who.name} removes {side} of {table}: {got}"
    for row in variants(world, table):
        ours = world.rows[OURS][table]
        turned = {key: value for key, value in row.items() if ours[key] != value and key != "id"}
        if row["id"] != ours["id"] or not turned or OURS not in who.edits:
            continue
        sets = ", ".join(f"{key} = %s" for key in turned)
        got = done(cursor, f"UPDATE {name} SET {sets} WHERE id = %s", *turned.values(), ours["id"])
        if got != (
            1 if allowed(world, who, table, row) and "part_of_id" not in turned else REFUSED
        ):
            yield f"{who.name} turns {table} to {turned}: {got}"
    for fixed in ("id", "source", "external_id", "part_of_id"):
        if fixed in world.rows[OURS][table]:
            got = done(cursor, f"UPDATE {name} SET {fixed} = {fixed}")
            if got != REFUSED:
                yield f"{who.name} may set {fixed} of {table}"


SOURCES = ["organization", "unit", *PARTS, "attribute", "metadata"]


def new_organization() -> Row:
    empty = {name.attname: "" for name in m.Organization._meta.concrete_fields}
    nothing = dict.fromkeys(("year_incorporated", "parent_organization_id", "stand_in"))
    return empty | nothing | {"id": str(uuid7()), "name": "New", "confidential": False}


def copied(table: str) -> str:
    """Inserts a row like the first public one of its kind, but for what the parameter says; what
    is confidential is nowhere."""
    public = table.replace("network_organization", "organization_listing").replace("network_", "")
    what = "%s::jsonb" + (""" || '{"point": null}'""" if "network" in table else "")
    row = f"SELECT (jsonb_populate_record(p, {what})).* FROM {public} p ORDER BY id LIMIT 1"
    return f"INSERT INTO {table} {row}"
