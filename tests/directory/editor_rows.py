"""Rows that an editor of the directory writes; policies and functions with a condition less."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from permissions.database.uuid7 import uuid7
from tests.mutate.sql import Mutant, of_policies, replaced
from tests.support.people.callers import agency_id
from tests.support.proofs.editor_probe import (
    OURS,
    REFUSED,
    THEIRS,
    World,
    as_editor,
    copied,
    create,
    done,
)
from tests.support.proofs.editor_probe import world as world  # a fixture


def to_the_editor(superuser: Any) -> list[Mutant]:
    return [one for one in of_policies(superuser) if "editor" in one.roles]


@contextmanager
def rewritten(superuser: Any, function: str, old: str, new: str) -> Iterator[None]:
    with superuser.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef(%s::regprocedure)", [function])
        real = cursor.fetchone()[0]
    assert old in real, (function, old)
    with replaced(superuser, real, real.replace(old, new)):
        yield


# -- What is read of it ----------------------------------------------------------------------------

PROJECTIONS = {
    "directory_listing": "organization_id",
    "directory_place": "organization_id",
    "directory_organization_listing": "id",
    "directory_network_listing": "organization_id",
    "directory_network_place": "organization_id",
    "directory_network_organization": "id",
}


def new_row(world: World, side: str, column: str) -> tuple[str, str]:
    """The id of one more row of a side in a projection, and what makes a copied row one: the side's
    own organization and service. An editor may write rows of a service found at a place of hers."""
    organization, service = (str(world.ids[side][one]) for one in ("organization", "service"))
    new = organization if column == "id" else str(uuid7())
    return new, json.dumps({"id": new, "service_id": service, column: organization})


@pytest.fixture
def rendered(world: World, superuser: Any) -> Iterator[dict[str, dict[str, str]]]:
    """A row of ours and of theirs in each projection: table → side → id."""
    found: dict[str, dict[str, str]] = {}
    made = []
    with superuser.cursor() as cursor:
        for table, column in PROJECTIONS.items():
            found[table] = {}
            for side in (OURS, THEIRS):
                new, what = new_row(world, side, column)
                cursor.execute(f"{copied(table)} ON CONFLICT DO NOTHING", [what])
                found[table][side] = new
                made += [(table, new)] * cursor.rowcount
    yield found
    with superuser.cursor() as cursor:
        for table, new in made:  # an organization may have been there, and counted
            cursor.execute(f"DELETE FROM {table} WHERE id = %s", [new])


# -- Sealed addresses, and the policies that are left ----------------------------------------------


@pytest.fixture
def sealed(world: World) -> Iterator[dict[str, str]]:
    """Sealed addresses: ywca's of its own hidden place, police's of the same; ywca's of a place
    that it edits no longer; and the places."""
    hidden = {}
    for side in (OURS, THEIRS):
        organization = world.ids[side]["organization"]
        values = {"name": "hidden", "organization_id": organization, "confidential": True}
        hidden[side] = str(create("location", organization, values))
    found = {"ours": hidden[OURS], "theirs": hidden[THEIRS]}
    with world.superuser.cursor() as cursor:
        for name, agency, place in (
            ("mine", "ywca", hidden[OURS]),
            ("another", "police", hidden[OURS]),
            ("no longer", "ywca", hidden[THEIRS]),
        ):
            found[name] = str(uuid7())
            cursor.execute(
                "INSERT INTO directory_confidential_address"
                " (id, location_id, agency_id, kek_version, key_bundle, sealed)"
                " VALUES (%s, %s, %s, 1, '', '')",
                [found[name], place, str(agency_id(agency))],
            )
    yield found
    with world.superuser.cursor() as cursor:
        cursor.execute("DELETE FROM directory_confidential_address")


# -- What edits replaced ---------------------------------------------------------------------------

TEXT = (
    'INSERT INTO directory_earlier_text (id, kind, edit_id, organization_id, "table", row_id,'
    " places, agency_id, ends_at, kek_version, key_bundle, sealed) VALUES (%s, %s,"
    " gen_random_uuid(), %s, 'service', %s, '{}', %s, sec.clock() + %s::interval, 1, '', '')"
)


def keeps_own_texts(world: World) -> None:
    """An agency keeps and erases its own texts of what it edits, of nothing that is confidential,
    and for an undo no longer than a day; as `editor` it reads none."""
    ids = {side: {one: str(key) for one, key in world.ids[side].items()} for side in (OURS, THEIRS)}
    ours, hidden = ids[OURS]["organization"], create_hidden(world)
    rows = {name: str(uuid7()) for name in ("mine", "another", "no longer")}
    ywca, police = str(agency_id("ywca")), str(agency_id("police"))
    theirs = ids[THEIRS]["organization"]
    with world.superuser.cursor() as cursor:
        for name, owner, agency in (
            ("mine", ours, ywca), ("another", ours, police), ("no longer", theirs, ywca),
        ):  # fmt: skip
            cursor.execute(TEXT, [rows[name], "edit", owner, hidden, agency, "1 day"])
    try:
        for who in world.people:
            mine = who.edits == frozenset([OURS])
            with as_editor(who) as cursor:
                cursor.execute("SELECT id::text FROM directory_earlier_text")
                seen = {row for (row,) in cursor.fetchall()}
                assert seen == ({rows["mine"]} if mine else set()), who.name
                for column in ("sealed", "key_bundle", "places"):
                    read = done(cursor, f"SELECT {column} FROM directory_earlier_text")
                    assert read == REFUSED, (who.name, column)
                change = "UPDATE directory_earlier_text SET ends_at = sec.clock()"
                assert done(cursor, change) == REFUSED, who.name
                assert done(cursor, "DELETE FROM directory_earlier_text") == int(mine), who.name
                for kind, owner, entry, agency, time, allowed in (
                    ("edit", ours, ids[OURS]["service"], who.agency, "365 days", mine),
                    ("edit", ours, hidden, who.agency, "365 days", False),
                    ("edit", theirs, ids[THEIRS]["service"], ywca, "365 days", False),
                    ("edit", ours, ids[OURS]["service"], police, "365 days", False),
                    ("undo", ours, hidden, who.agency, "24 hours", mine),
                    ("undo", ours, hidden, who.agency, "25 hours", False),
                ):
                    got = done(cursor, TEXT, str(uuid7()), kind, owner, entry, agency, time)
                    assert got == (1 if allowed else REFUSED), (who.name, kind, entry, time)
    finally:
        with world.superuser.cursor() as cursor:
            cursor.execute("DELETE FROM directory_earlier_text")


def create_hidden(world: World) -> str:
    """A confidential service of ours."""
    owner = world.ids[OURS]["organization"]
    values = {"name": "hidden", "organization_id": owner, "confidential": True}
    return str(create("service", owner, values))
