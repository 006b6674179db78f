"""Editing the directory by raw SQL, as the role `editor`: own rows only, whatever code forgets.

Whoever can change a telephone number here can send a victim to her abuser. So the database is
asked as many people to read, write, change and remove a row of every source table, of their own
organization and of another's, with each of its links pointing at the other's rows; and once more
with each policy and each function robbed of one condition: every time the probe must see it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connections, transaction

from directory import models as m
from permissions.database.uuid7 import uuid7
from tests.mutate.equivalent import EQUIVALENT
from tests.mutate.sql import Mutant, of_policies, policies, replaced
from tests.support.callers import agency_id, member_id
from tests.support.database import identify
from tests.support.editor_probe import (
    OURS,
    REFUSED,
    SOURCE,
    SOURCES,
    THEIRS,
    World,
    as_editor,
    copied,
    create,
    done,
    new_organization,
    probe,
    relation,
)
from tests.support.editor_probe import world as world  # a fixture

# -- The probe -------------------------------------------------------------------------------------


def test_an_editor_writes_rows_of_her_own_organizations_that_point_at_such_rows(
    world: World,
) -> None:
    for table in SOURCES:
        assert list(probe(world, table)) == [], table


# -- Each condition matters ------------------------------------------------------------------------


def test_a_policy_that_is_weakened_lets_the_probe_see_it(world: World, superuser: Any) -> None:
    tables = {relation(table): table for table in SOURCES}
    before, missed = policies(superuser), []
    mutants = [one for one in to_the_editor(superuser) if one.about in tables]
    assert {one.about for one in mutants} == set(tables)
    for mutant in mutants:
        with mutant.applied():
            leak = next(probe(world, tables[mutant.about]), None)
        if leak is None:
            missed.append(mutant.name)
    assert policies(superuser) == before
    assert set(missed) <= set(EQUIVALENT), missed


def to_the_editor(superuser: Any) -> list[Mutant]:
    return [one for one in of_policies(superuser) if "editor" in one.roles]


FUNCTIONS = [
    # function, what stands in it, what stands there instead, the table that shows it
    ("sec.edits(uuid)", "e.content_object_id = org AND ", "", "phone"),
    ("sec.edits(uuid)", "AND e.agency_id = sec.directory_editor()", "", "phone"),
    ("sec.edits_links(jsonb)", "RETURN false", "RETURN true", "phone"),
    ("sec.edits_links(jsonb)", "row_of ? 'link_id'", "false", "attribute"),
    ("sec.edits_links(jsonb)", "row_of ? 'resource_id'", "false", "metadata"),
    *(
        ("sec.edits_links(jsonb)", f"'{column}'", "'none'", table)
        for column, table in (
            ("organization_id", "phone"),
            ("program_id", "service"),
            ("service_id", "phone"),
            ("location_id", "service_at_location"),
            ("service_at_location_id", "phone"),
            ("contact_id", "phone"),
            ("phone_id", "language"),
        )
    ),
    ("sec.directory_editor()", "'directory_editor' = ANY (me.roles) THEN", "true THEN", "phone"),
    ("sec.directory_editor()", "ELSIF 'directory:write' = ANY (me.scopes)", "ELSIF true", "phone"),
    (
        "sec.directory_editor()",
        "me.member_id IS NULL OR 'directory_editor' = ANY (me.roles)",
        "true",
        "phone",
    ),
]


@contextmanager
def rewritten(superuser: Any, function: str, old: str, new: str) -> Iterator[None]:
    with superuser.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef(%s::regprocedure)", [function])
        real = cursor.fetchone()[0]
    assert old in real, (function, old)
    with replaced(superuser, real, real.replace(old, new)):
        yield


@pytest.mark.parametrize(("function", "old", "new", "table"), FUNCTIONS)
def test_a_function_that_asks_less_lets_the_probe_see_it(
    world: World, superuser: Any, function: str, old: str, new: str, table: str
) -> None:
    with rewritten(superuser, function, old, new):
        assert next(probe(world, table), None)
    assert next(probe(world, table), None) is None


# -- A new organization, and the right to edit -----------------------------------------------------


BEGIN = "SELECT sec.begin_organization(%s::jsonb, %s)"


def test_a_new_organization_is_its_editors_agencys_and_no_right_comes_otherwise(
    world: World,
) -> None:
    theirs = world.ids[THEIRS]["organization"]
    for who in world.people:
        with as_editor(who) as cursor:
            new = new_organization()
            begun = done(cursor, BEGIN, json.dumps(new), str(uuid7()))
            assert begun == (1 if who.editor else REFUSED), who.name
            row = json.dumps(new)
            for table, what in (
                ("directory_organization", row),
                (
                    "directory_editing",
                    json.dumps({"id": str(uuid7()), "agency_id": who.agency}),
                ),
            ):
                insert = f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}"
                assert done(cursor, f"{insert}, %s::jsonb)", what) == REFUSED, (who.name, table)
            mine = "UPDATE directory_editing SET agency_id = agency_id"
            assert done(cursor, mine) == REFUSED
            assert done(cursor, "DELETE FROM directory_editing") == REFUSED
            if who.editor:
                cursor.execute(BEGIN, [row, str(uuid7())])
                cursor.execute("SELECT sec.edits(%s), sec.edits(%s)", [new["id"], theirs])
                assert cursor.fetchone() == (True, THEIRS in who.edits)
                cursor.execute("SELECT DISTINCT agency_id::text FROM directory_editing")
                assert cursor.fetchall() == [(who.agency,)]


def test_an_organization_that_is_there_cannot_be_begun_again(world: World) -> None:
    row = world.rows[THEIRS]["organization"]
    with pytest.raises(IntegrityError), as_editor(world.people[0]) as cursor:
        cursor.execute(BEGIN, [json.dumps(row), str(uuid7())])


# -- Who answers -----------------------------------------------------------------------------------


def test_an_editor_names_her_own_agency_or_nobody_as_answering(world: World) -> None:
    ours, row = str(world.ids[OURS]["service"]), world.rows[OURS]["service"]
    insert = (
        "INSERT INTO directory_service SELECT * FROM"
        " jsonb_populate_record(NULL::directory_service, %s::jsonb)"
    )
    with as_editor(world.people[0]) as cursor:
        for agency, expected in (("ywca", 1), ("police", REFUSED), (None, 1)):
            to = str(agency_id(agency)) if agency else None
            change = "UPDATE directory_service SET answered_by_id = %s WHERE id = %s"
            assert done(cursor, change, to, ours) == expected
            fresh = row | {"id": str(uuid4()), "source": "", "answered_by_id": to}
            assert done(cursor, insert, json.dumps(fresh)) == expected
    m.Service.objects.using("jobs").filter(id=ours).update(answered_by_id=agency_id("police"))
    with as_editor(world.people[0]) as cursor:  # what was bound stays, until it is taken away
        same = "UPDATE directory_service SET answered_by_id = answered_by_id WHERE id = %s"
        assert done(cursor, same, ours) == 1


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


def test_an_editor_writes_what_is_read_of_her_own_entries_only(
    world: World, rendered: dict[str, dict[str, str]]
) -> None:
    for who in world.people:
        with as_editor(who) as cursor:
            for table, column in PROJECTIONS.items():
                for side, row in rendered[table].items():
                    network = "network" in table
                    hidden = 0 if network and not who.editor else REFUSED
                    expected = 1 if side in who.edits else hidden
                    about = (who.name, table, side)
                    change = f"UPDATE {table} SET document = '{{}}' WHERE id = %s"
                    assert done(cursor, change, row) == expected, about
                    assert done(cursor, f"DELETE FROM {table} WHERE id = %s", row) == expected
                    _, what = new_row(world, side, column)
                    wanted = 1 if side in who.edits else REFUSED
                    assert done(cursor, copied(table), what) == wanted, about


def test_a_row_of_ours_is_not_turned_into_theirs_nor_theirs_into_ours(
    world: World, rendered: dict[str, dict[str, str]]
) -> None:
    with as_editor(world.people[0]) as cursor:
        for row, to in ((OURS, THEIRS), (THEIRS, OURS)):
            change = "UPDATE directory_listing SET organization_id = %s WHERE id = %s"
            organization = str(world.ids[to]["organization"])
            got = done(cursor, change, organization, rendered["directory_listing"][row])
            assert got == REFUSED


def test_anothers_service_at_a_place_of_ours_is_rendered_with_it(world: World) -> None:
    theirs = str(world.ids[THEIRS]["service"])
    what = {"id": theirs, "organization_id": str(world.ids[THEIRS]["organization"])}
    with as_editor(world.people[0]) as cursor:
        assert done(cursor, copied("directory_listing"), json.dumps(what)) == REFUSED
    create(
        "service_at_location",
        world.ids[THEIRS]["organization"],
        {"service_id": theirs, "location_id": world.ids[OURS]["location"]},
    )
    with as_editor(world.people[0]) as cursor:
        assert done(cursor, copied("directory_listing"), json.dumps(what)) == 1


# -- Who changed what, and the feed ----------------------------------------------------------------


def test_an_edit_is_told_in_ones_own_name_of_ones_own_entries(world: World) -> None:
    insert = (
        "INSERT INTO directory_edit SELECT * FROM"
        " jsonb_populate_record(NULL::directory_edit, %s::jsonb)"
    )
    for who in world.people:
        told = {
            "table": "service",
            "row_id": str(uuid4()),
            "action": "updated",
            "fields": ["name"],
            "agency_id": who.agency,
            "member_id": who.member,
            "client_id": who.client,
            "at": "2026-01-01T00:00:00Z",
        }
        with as_editor(who) as cursor:
            for side in (OURS, THEIRS):
                about = {"organization_id": str(world.ids[side]["organization"])}
                honest = told | about | {"id": str(uuid7())}
                expected = 1 if side in who.edits else REFUSED
                assert done(cursor, insert, json.dumps(honest)) == expected, who.name
                for forged in (
                    {"agency_id": str(agency_id("police"))},
                    {"member_id": str(member_id("police.worker"))},
                    {"client_id": str(uuid4())},
                ):
                    false = json.dumps(honest | forged)
                    assert done(cursor, insert, false) == REFUSED, (who.name, forged)
            assert done(cursor, "UPDATE directory_edit SET fields = '{}'") == REFUSED
            assert done(cursor, "DELETE FROM directory_edit") == REFUSED
            assert done(cursor, "UPDATE directory_change SET kind = 'x'") == REFUSED
            assert done(cursor, "DELETE FROM directory_change") == REFUSED
            cursor.execute("SELECT count(*) > 0 FROM directory_change")
            assert cursor.fetchone() == (who.editor,), who.name
            tell = (
                "INSERT INTO directory_change (kind, entity_id, network, action, at)"
                " VALUES ('service', %s, true, 'updated', now())"
            )
            assert done(cursor, tell, str(uuid4())) == (1 if who.editor else REFUSED)


def test_the_history_is_read_by_the_editors_of_that_organization(world: World) -> None:
    with world.superuser.cursor() as cursor:
        for side in (OURS, THEIRS):
            cursor.execute(
                "INSERT INTO directory_edit VALUES (%s, %s, 'service', %s, 'updated', '{}', %s)",
                [
                    str(uuid7()),
                    str(world.ids[side]["organization"]),
                    str(world.ids[side]["service"]),
                    str(agency_id("ywca")),
                ],
            )
    for who in world.people:
        with as_editor(who) as cursor:
            cursor.execute("SELECT DISTINCT organization_id::text FROM directory_edit")
            found = {world.side(row) for (row,) in cursor.fetchall()} - {None}
            assert found == set(who.edits), who.name


# -- Places ----------------------------------------------------------------------------------------


def test_a_confidential_service_hides_a_place_whose_row_is_anothers(world: World) -> None:
    """Row security must not pass it over: the trigger is `gate`'s."""
    place = world.ids[THEIRS]["location"]
    create(
        "service_at_location",
        world.ids[OURS]["organization"],
        {"service_id": world.ids[OURS]["service"], "location_id": place},
    )
    with transaction.atomic(using="editor"), connections["editor"].cursor() as cursor:
        identify(cursor, world.people[0].caller)
        cursor.execute(
            "UPDATE directory_service SET confidential = true WHERE id = %s",
            [str(world.ids[OURS]["service"])],
        )
    assert m.Location.objects.using("jobs").get(id=place).confidential
    assert not m.Address.objects.using("jobs").filter(location_id=place).exists()


def test_a_place_where_something_confidential_is_found_stays_confidential(world: World) -> None:
    place, service = world.ids[OURS]["location"], world.ids[OURS]["service"]
    ours = m.Service.objects.using("jobs").filter(id=service)
    ours.update(confidential=True)
    shown = m.Location.objects.using("jobs").filter(id=place)
    assert shown.get().confidential
    with pytest.raises(IntegrityError, match="confidential is found"):
        shown.update(confidential=False)
    with transaction.atomic(using="jobs"):  # in either order
        shown.update(confidential=False)
        ours.update(confidential=False)
    assert not shown.get().confidential


def test_a_new_place_of_a_confidential_organization_is_confidential(world: World) -> None:
    organization = m.Organization(name="Hidden", confidential=True, source=SOURCE)
    organization.save(using="jobs", force_insert=True)
    values = {"name": "new", "organization_id": organization.id, "latitude": 46.8}
    place = m.Location.objects.using("jobs").get(id=create("location", organization.id, values))
    assert (place.confidential, place.latitude) == (True, None)


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


def test_an_agency_keeps_its_own_sealed_addresses_of_hidden_places_that_it_edits(
    world: World, sealed: dict[str, str]
) -> None:
    insert = (
        "INSERT INTO directory_confidential_address"
        " (id, location_id, agency_id, kek_version, key_bundle, sealed)"
        " VALUES (%s, %s, %s, 1, '', '')"
    )
    delete = "DELETE FROM directory_confidential_address"
    for who in world.people:
        mine = who.edits == frozenset([OURS])
        with as_editor(who) as cursor:
            cursor.execute("SELECT id::text FROM directory_confidential_address")
            seen = {row for (row,) in cursor.fetchall()}
            assert seen == ({sealed["mine"]} if mine else set()), who.name
            assert done(cursor, delete) == int(mine), who.name
            update = "UPDATE directory_confidential_address SET sealed = 'x'"
            assert done(cursor, update) == int(mine), who.name
            if mine:
                cursor.execute(delete)
            public = str(world.ids[OURS]["location"])
            for place, agency, allowed in (
                (sealed["ours"], who.agency, mine),
                (sealed["theirs"], who.agency, who.edits == frozenset([THEIRS])),
                (public, who.agency, False),
                (sealed["ours"], str(agency_id("hospital")), False),
            ):
                got = done(cursor, insert, str(uuid7()), place, agency)
                assert got == (1 if allowed else REFUSED), (who.name, place, agency)


def test_each_policy_that_is_left_is_missed_by_one_of_these_tests(
    world: World, rendered: dict[str, dict[str, str]], sealed: dict[str, str], superuser: Any
) -> None:
    network = {name for name in PROJECTIONS if "network" in name}
    checks: dict[str, list[Any]] = {
        "directory_edit": [
            test_an_edit_is_told_in_ones_own_name_of_ones_own_entries,
            test_the_history_is_read_by_the_editors_of_that_organization,
        ],
        "directory_change": [test_an_edit_is_told_in_ones_own_name_of_ones_own_entries],
        "directory_editing": [
            test_a_new_organization_is_its_editors_agencys_and_no_right_comes_otherwise
        ],
        "directory_confidential_address": [
            lambda world: (
                test_an_agency_keeps_its_own_sealed_addresses_of_hidden_places_that_it_edits(
                    world, sealed
                )
            )
        ],
    } | {
        name: [
            lambda world: test_an_editor_writes_what_is_read_of_her_own_entries_only(
                world, rendered
            )
        ]
        for name in network
    }
    sources = {relation(table) for table in SOURCES} | {"access_entry"}
    left = [one for one in to_the_editor(superuser) if one.about not in sources]
    assert {one.about for one in left} == set(checks)
    missed = []
    for mutant in left:
        with mutant.applied():
            if all(holds(one, world) for one in checks[mutant.about]):
                missed.append(mutant.name)
    assert set(missed) <= set(EQUIVALENT), missed


def holds(check: Any, world: World) -> bool:
    try:
        check(world)
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize(
    ("function", "old", "new"),
    [
        ("sec.renders(uuid,uuid)", "IF sec.edits(org) THEN", "IF true THEN"),
        ("sec.renders_its_own()", "sec.renders(", "true OR sec.renders("),
        ("sec.renders_its_own()", "ARRAY[to_jsonb(OLD), to_jsonb(NEW)]", "ARRAY[to_jsonb(NEW)]"),
        (
            "sec.renders_its_own()",
            "ELSE ARRAY[to_jsonb(OLD), to_jsonb(NEW)]",
            "ELSE ARRAY[to_jsonb(OLD)]",
        ),
        ("sec.answers_for_itself()", "NEW.answered_by_id IS NULL OR", "true OR"),
        ("sec.begin_organization(jsonb,uuid)", "IF agency IS NULL THEN", "IF false THEN"),
    ],
)
def test_a_trigger_that_asks_less_is_missed_by_one_of_these_tests(
    world: World,
    rendered: dict[str, dict[str, str]],
    superuser: Any,
    function: str,
    old: str,
    new: str,
) -> None:
    checks = [
        lambda world: test_an_editor_writes_what_is_read_of_her_own_entries_only(world, rendered),
        lambda world: test_a_row_of_ours_is_not_turned_into_theirs_nor_theirs_into_ours(
            world, rendered
        ),
        test_an_editor_names_her_own_agency_or_nobody_as_answering,
        test_a_new_organization_is_its_editors_agencys_and_no_right_comes_otherwise,
    ]
    with rewritten(superuser, function, old, new):
        assert not all(holds(check, world) for check in checks)
