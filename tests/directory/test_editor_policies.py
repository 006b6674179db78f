"""Editing the directory by raw SQL, as the role `editor`: own rows only, whatever code forgets.

A person who can change a phone number here can send a survivor to their abuser. So the probe tries,
as many people, to read, write, change and remove a row of every source table, of their own
organization and of another's, with each of its links pointing at the other's rows. It tries again
with each policy and each function robbed of one condition, and must notice every time.
"""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError

from directory import models as m
from permissions.database.uuid7 import uuid7
from tests.directory.editor_rows import (
    PROJECTIONS,
    keeps_own_texts,
    new_row,
    rewritten,
    to_the_editor,
)
from tests.directory.editor_rows import rendered as rendered  # a fixture
from tests.directory.editor_rows import sealed as sealed  # a fixture
from tests.mutate.equivalent import EQUIVALENT
from tests.support.ground.database import without
from tests.support.people.callers import agency_id, member_id
from tests.support.proofs.editor_probe import (
    OURS,
    REFUSED,
    SOURCES,
    THEIRS,
    World,
    as_editor,
    copied,
    done,
    new_organization,
    relation,
)
from tests.support.proofs.editor_probe import world as world  # a fixture

# -- A new organization, and the right to edit -----------------------------------------------------


BEGIN = "SELECT sec.create_organization(%s::jsonb, %s)"


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
                cursor.execute(
                    "SELECT sec.is_editor_of(%s), sec.is_editor_of(%s)", [new["id"], theirs]
                )
                assert cursor.fetchone() == (True, THEIRS in who.edits)
                cursor.execute("SELECT DISTINCT agency_id::text FROM directory_editing")
                assert cursor.fetchall() == [(who.agency,)]


def test_an_organization_that_is_there_cannot_be_begun_again(world: World) -> None:
    row = world.rows[THEIRS]["organization"]
    with pytest.raises(IntegrityError), as_editor(world.people[0]) as cursor:
        cursor.execute(BEGIN, [json.dumps(row), str(uuid7())])


# -- Who answers -----------------------------------------------------------------------------------


def test_an_editor_names_her_own_agency_or_no_one_as_answering(world: World) -> None:
    """A second person has to review it, too: tests/directory/test_proposals.py."""
    reviewed = ("directory_service.reviewed_begins", "directory_service.reviewed_changes")
    with without(world.superuser, *reviewed):
        _names_her_own_agency_or_no_one(world)


def _names_her_own_agency_or_no_one(world: World) -> None:
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


def test_what_waits_is_read_by_the_editors_of_that_agency(world: World) -> None:
    agencies = {who.agency for who in world.people if who.agency}
    with world.superuser.cursor() as cursor:
        for agency in agencies:
            cursor.execute(
                'INSERT INTO directory_proposal (id, "table", entry_id, organization_id, names,'
                " body, patch, etag, reasons, resembles, agency_id, at, state) VALUES (%s,"
                " 'service', %s, %s, '{A,B}', '{}', true, '', '{}', '{}', %s, now(), 'waiting')",
                [str(uuid7()), str(uuid4()), str(uuid4()), agency],
            )
    for who in world.people:
        with as_editor(who) as cursor:
            cursor.execute("SELECT DISTINCT agency_id::text FROM directory_proposal")
            found = {row for (row,) in cursor.fetchall()}
            assert found == ({who.agency} if who.editor else set()), who.name
            assert done(cursor, "UPDATE directory_proposal SET state = 'approved'") == REFUSED
            assert done(cursor, "DELETE FROM directory_proposal") == REFUSED


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


def test_an_agency_keeps_what_its_own_edits_replaced_and_reads_none_of_it(world: World) -> None:
    keeps_own_texts(world)


def test_an_editor_reads_which_services_are_hidden_and_no_pair_that_waits(
    world: World, superuser: Any
) -> None:
    hidden, shown = world.ids[OURS]["service"], world.ids[THEIRS]["service"]
    insert = (
        "INSERT INTO directory_duplicate (id, first_id, second_id, score, reasons, answer, changes,"
        " due, hidden_id, shown_id) VALUES (%s, %s, %s, 1, '{}', '', 0, false, %s, %s)"
    )
    pair, waits = (sorted((str(hidden), other)) for other in (str(shown), str(uuid7())))
    with superuser.cursor() as cursor:
        cursor.execute(insert, [str(uuid7()), *pair, str(hidden), str(shown)])
        cursor.execute(insert, [str(uuid7()), *waits, None, None])
    try:
        for who in world.people:
            with as_editor(who) as cursor:
                cursor.execute("SELECT hidden_id::text FROM directory_duplicate")
                assert cursor.fetchall() == ([(str(hidden),)] if who.editor else []), who.name
    finally:
        with superuser.cursor() as cursor:
            cursor.execute("DELETE FROM directory_duplicate")


def test_each_policy_that_is_left_is_missed_by_one_of_these_tests(
    world: World, rendered: dict[str, dict[str, str]], sealed: dict[str, str], superuser: Any
) -> None:
    network = {name for name in PROJECTIONS if "network" in name}
    checks: dict[str, list[Any]] = {
        "directory_edit": [
            test_an_edit_is_told_in_ones_own_name_of_ones_own_entries,
            test_the_history_is_read_by_the_editors_of_that_organization,
        ],
        "directory_duplicate": [
            lambda world: test_an_editor_reads_which_services_are_hidden_and_no_pair_that_waits(
                world, superuser
            )
        ],
        "directory_earlier_text": [keeps_own_texts],
        "directory_proposal": [test_what_waits_is_read_by_the_editors_of_that_agency],
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
        (
            "sec.may_editor_render(uuid,uuid)",
            "IF sec.is_editor_of(organization) THEN",
            "IF true THEN",
        ),
        ("sec.check_rendered_entry()", "sec.may_editor_render(", "true OR sec.may_editor_render("),
        (
            "sec.check_rendered_entry()",
            "ARRAY[to_jsonb(OLD), to_jsonb(NEW)]",
            "ARRAY[to_jsonb(NEW)]",
        ),
        (
            "sec.check_rendered_entry()",
            "ELSE ARRAY[to_jsonb(OLD), to_jsonb(NEW)]",
            "ELSE ARRAY[to_jsonb(OLD)]",
        ),
        ("sec.check_answered_by()", "NEW.answered_by_id IS NULL OR", "true OR"),
        ("sec.create_organization(jsonb,uuid)", "IF agency IS NULL THEN", "IF false THEN"),
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
        test_an_editor_names_her_own_agency_or_no_one_as_answering,
        test_a_new_organization_is_its_editors_agencys_and_no_right_comes_otherwise,
    ]
    with rewritten(superuser, function, old, new):
        assert not all(holds(check, world) for check in checks)
