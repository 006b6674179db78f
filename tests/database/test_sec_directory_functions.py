"""Single conditions of the database's functions about the directory: each is called by itself,
where an organization, a service and a place exist that are not the caller's.

ywca edits "shelter" of the demo directory; sarc edits "campus"; no one edits the rows made here.
"""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connections, transaction
from psycopg2.errors import InsufficientPrivilege, IntegrityConstraintViolation

from directory import models as m
from permissions.database.uuid7 import uuid7
from permissions.models import Client
from tests.support.people.callers import agency_id, member_id
from tests.support.people.directory_entries import OURS, THEIR_SERVICE, THEIRS
from tests.support.people.directory_rows import Entries, rows_taken_back
from tests.support.proofs.editor_probe import copied, new_organization

OUR_PERSON = "ywca.worker"


@pytest.fixture
def laid(superuser: Any, network: Any) -> Iterator[Entries]:
    with rows_taken_back(superuser) as found:
        yield found


# -- Whose it is -----------------------------------------------------------------------------------


def test_an_agency_edits_its_own_organizations(laid: Entries, api: Any) -> None:
    """sec.is_editor_of"""
    nobodys = laid.organization()
    for who, own in (("ywca.editor", OURS), ("sarc.editor", THEIRS), ("ywca.worker", None)):
        laid.become("editor", api(who))
        for organization in (OURS, THEIRS, nobodys, None):
            mine = organization is not None and organization == own
            assert laid.call("is_editor_of", organization) is mine, (who, organization)


def test_a_row_is_of_the_organization_that_it_is_part_of(laid: Entries, api: Any) -> None:
    """sec.organization_id_of: of tables that have such rows, and of no other."""
    home, other = laid.organization(), laid.organization()
    desk, hall = laid.service(home), laid.place(other)
    unit = laid.lay(m.Unit(name="beds of a test"))
    laid.become("editor", api("ywca.editor"))
    for entity, row, owner in (
        ("organization", home, home),
        ("service", desk, home),
        ("location", hall, other),
        ("service", hall, None),
        ("unit", unit, None),
        ("pg_class", home, None),
    ):
        assert laid.call("organization_id_of", entity, row) == owner, entity


def test_a_row_points_at_rows_of_ones_own_organizations(laid: Entries, api: Any) -> None:
    """sec.may_edit_links"""
    ours, theirs = (laid.service(one) for one in (OURS, THEIRS))
    laid.become("editor", api("ywca.editor"))
    for row, mine in (
        ({}, True),
        ({"name": "no id", "unit_id": str(theirs)}, True),
        ({"service_id": None, "organization_id": str(OURS)}, True),
        ({"service_id": str(ours), "organization_id": str(OURS)}, True),
        ({"service_id": str(theirs), "organization_id": str(OURS)}, False),
        ({"service_id": str(ours), "organization_id": str(THEIRS)}, False),
        ({"link_table": "service", "link_id": str(ours)}, True),
        ({"link_table": "service", "link_id": str(theirs)}, False),
        ({"resource_table": "service", "resource_id": str(ours)}, True),
        ({"resource_table": "service", "resource_id": str(theirs)}, False),
    ):
        assert laid.call("may_edit_links", json.dumps(row)) is mine, row


def test_an_organization_is_begun_by_who_edits_and_hers_alone(laid: Entries, api: Any) -> None:
    """sec.create_organization"""
    for who in ("ywca.worker", "ywca.admin"):
        laid.become("editor", api(who))
        with laid.refused(InsufficientPrivilege, "not a directory editor"):
            laid.call("create_organization", json.dumps(new_organization()), uuid7())
    laid.become("editor", api("ywca.editor"))
    new, editing = new_organization(), uuid7()
    laid.call("create_organization", json.dumps(new), editing)
    assert laid.call("is_editor_of", new["id"]) is True
    assert laid.call("may_editor_render", new["id"], None) is True, "whatever is found there"
    laid.become("none")
    begun = (
        "SELECT e.content_object_id::text, e.agency_id, g.name, p.codename"
        " FROM directory_editing e JOIN auth_group g ON g.id = e.group_id"
        " JOIN auth_permission p ON p.id = e.permission_id WHERE e.id = %s"
    )
    ywca = agency_id("ywca")
    assert laid.rows(begun, editing) == [(new["id"], ywca, str(ywca), "edit_organization")]
    rename = "UPDATE auth_permission SET codename = 'x' WHERE codename = 'edit_organization'"
    assert laid.run(rename) == 1
    laid.become("editor", api("ywca.editor"))
    with laid.refused(IntegrityConstraintViolation, "no group may edit it"):
        laid.call("create_organization", json.dumps(new_organization()), uuid7())


def test_an_editor_answers_for_her_own_agency_once_reviewed_or_leaves_it_open(
    laid: Entries, api: Any
) -> None:
    """sec.check_answered_by, sec.check_reviewed_service"""
    laid.become("editor", api("ywca.editor"))
    service = laid.service(OURS)
    change = "UPDATE directory_service SET answered_by_id = %s WHERE id = %s"
    for key, why in (("police", "answers for itself"), ("ywca", "waits for review")):
        with laid.refused(InsufficientPrivilege, why):
            laid.run(change, agency_id(key), service)
    with laid.refused(InsufficientPrivilege, "waits for review"):
        laid.service(OURS, answered_by_id=agency_id("ywca"))
    with laid.refused(InsufficientPrivilege, "answers for itself"):
        laid.service(OURS, answered_by_id=agency_id("police"))


# -- What is rendered ------------------------------------------------------------------------------


def test_locked_are_the_entries_that_are_named_and_no_other(laid: Entries) -> None:
    """sec.lock_entries"""
    laid.call("lock_entries", [OURS], [THEIR_SERVICE])
    for table, locked in (("organization", OURS), ("service", THEIR_SERVICE)):
        with transaction.atomic(using="jobs"), connections["jobs"].cursor() as cursor:
            cursor.execute(f"SELECT id FROM directory_{table}")
            every = {row for (row,) in cursor.fetchall()}
            cursor.execute(f"SELECT id FROM directory_{table} FOR NO KEY UPDATE SKIP LOCKED")
            assert every - {row for (row,) in cursor.fetchall()} == {locked}
        assert len(every) > 1


def lay_shared(laid: Entries) -> dict[str, tuple[UUID, UUID]]:
    """Services of organizations that no one edits, by the place where they are offered."""
    ours = laid.service(OURS)
    found = {}
    for name in ("at ours", "next to ours", "alone", "nowhere", "its place"):
        owner = laid.organization()
        found[name] = (owner, laid.service(owner))
    host, away = laid.organization(), laid.organization()
    shared, empty = laid.place(host), laid.place(OURS)
    laid.link(found["at ours"][0], found["at ours"][1], empty)
    laid.link(found["next to ours"][0], found["next to ours"][1], shared)
    laid.link(OURS, ours, shared)
    laid.link(OURS, ours, laid.place(found["its place"][0]))
    laid.link(found["alone"][0], found["alone"][1], laid.place(away))
    laid.link(found["nowhere"][0], laid.service(found["nowhere"][0]), laid.place(found["alone"][0]))
    return found | {"ours": (OURS, ours)}


RENDERED = {"ours", "at ours", "next to ours", "its place"}


def test_rendered_is_ones_own_and_what_shares_a_place_with_it(laid: Entries, api: Any) -> None:
    """sec.may_editor_render"""
    found = lay_shared(laid)
    laid.become("editor", api("ywca.editor"))
    assert {name for name, one in found.items() if laid.call("may_editor_render", *one)} == RENDERED
    whole = {
        name for name, (owner, _) in found.items() if laid.call("may_editor_render", owner, None)
    }
    assert whole == {"ours", "its place"}, "of an organization, whose place it is"
    laid.become("editor", api("outsider.editor"))
    assert not any(laid.call("may_editor_render", *one) for one in found.values())


def test_whoever_renders_for_all_may_render_all(laid: Entries, api: Any) -> None:
    """sec.may_render"""
    found = lay_shared(laid)
    laid.become("jobs")
    assert all(laid.call("may_render", *one) for one in found.values())
    laid.become("editor", api("ywca.editor"))
    assert {name for name, one in found.items() if laid.call("may_render", *one)} == RENDERED


def test_no_entry_of_another_is_written(laid: Entries, api: Any) -> None:
    """sec.check_rendered_entry"""
    laid.become("editor", api("ywca.editor"))
    for owner, mine in ((OURS, True), (THEIRS, False)):
        row = {"id": str(uuid7()), "organization_id": str(owner)}
        insert = copied("directory_listing")
        if mine:
            assert laid.run(insert, json.dumps(row)) == 1
            continue
        with laid.refused(InsufficientPrivilege, "entry of another"):
            laid.run(insert, json.dumps(row))
    for change in ("UPDATE directory_listing SET name = name", "DELETE FROM directory_listing"):
        assert laid.run(f"{change} WHERE organization_id = %s", OURS) > 0
        with laid.refused(InsufficientPrivilege, "entry of another"):
            laid.run(f"{change} WHERE organization_id = %s", THEIRS)


# -- What the network finds ------------------------------------------------------------------------

TERM, OTHER_TERM = uuid4(), uuid4()
PLACE, NO_PLACE = {"location_id": str(uuid4()), "first": False}, {"location_id": None}
ENTRIES: dict[str, dict[str, Any]] = {
    "named": {"named": "'quill'", "search": "'quill'"} | NO_PLACE,
    "told": {"named": "'x'", "search": "'quill'"} | NO_PLACE,
    "there": {"named": "'quill'", "search": "'quill'"} | PLACE,
    "told there": {"named": "'x'", "search": "'quill'"} | PLACE,
    "first": {"named": "'x'", "search": "'x'"} | PLACE | {"first": True},
    "term": {"taxonomy_term_ids": [str(TERM), str(OTHER_TERM)]} | NO_PLACE,
    "facet": {"facets": ["of:this", "of:that"]} | NO_PLACE,
    "closed": {"open": False} | NO_PLACE,
}


def lay_entries(laid: Entries) -> dict[UUID, str]:
    laid.become("none")
    found = {}
    nothing = {"taxonomy_term_ids": [], "facets": [], "named": "", "search": ""}
    for name, said in ENTRIES.items():
        new = uuid7()
        row = {"id": str(new), "open": True, "first": True} | nothing | said
        assert laid.run(copied("directory_network_place"), json.dumps(row)) == 1
        found[new] = name
    return found


def test_the_network_finds_what_bears_all_that_is_asked(laid: Entries, api: Any) -> None:
    """sec.search_network_places: each condition is tried on entries that fit all others."""
    entries = lay_entries(laid)
    laid.become("app", api("outsider.lead"))

    def found(words: Any, in_names: Any, needs: Any, facets: Any, at_place: bool) -> set[str]:
        call = "SELECT id FROM sec.search_network_places(%s::tsquery, %s, %s::uuid[], %s, %s, NULL)"
        rows = laid.rows(call, words, in_names, needs, facets, at_place)
        return {entries[row] for (row,) in rows if row in entries}

    services = {"named", "told", "first", "term", "facet"}
    assert found(None, None, None, None, False) == services
    assert found(None, None, None, None, True) == {"there", "told there", "first"}
    assert found("quill", True, None, None, False) == {"named"}
    assert found("quill", False, None, None, False) == {"told"}
    assert found("quill", True, None, None, True) == {"there"}
    assert found("quill", False, None, None, True) == {"told there"}
    assert found(None, None, [TERM], None, False) == {"term"}
    assert found(None, None, None, ["of:this"], False) == {"facet"}
    assert found(None, None, [TERM], ["of:this"], False) == set()
    laid.become("app", api(None))
    assert found(None, None, None, None, False) == set()


# -- Which address is open -------------------------------------------------------------------------


def entry(laid: Entries, about: UUID, **said: Any) -> None:
    """An access entry as of ywca.worker's opening, but for what is said; of no role that could."""
    kept = {
        "id": uuid7(),
        "agency_id": agency_id("ywca"),
        "member_id": member_id(OUR_PERSON),
        "client_id": None,
        "act": "address.open",
        "directory_id": about,
        "decision": "allowed",
    } | said
    names, marks = ", ".join(kept), ", ".join(["%s"] * len(kept))
    laid.become("none")
    laid.run(f"INSERT INTO access_entry ({names}) VALUES ({marks})", *kept.values())


def test_open_is_what_an_entry_of_hers_in_this_transaction_opens(laid: Entries, api: Any) -> None:
    """sec.opened_location_id"""
    worker, place = api(OUR_PERSON), uuid4()
    client = Client.objects.get(agency_id=agency_id("ywca"))
    for said in (
        {"xact": 1},
        {"act": "directory.edit"},
        {"decision": "refused"},
        {"agency_id": agency_id("police")},
        {"member_id": member_id("ywca.worker2")},
        {"client_id": client.id},
    ):
        entry(laid, uuid4(), **said)
        laid.become("app", worker)
        assert laid.call("opened_location_id") is None, said
    entry(laid, place)
    laid.become("app", worker)
    assert laid.call("opened_location_id") == place
    laid.become("app", api("ywca.client", OUR_PERSON))
    assert laid.call("opened_location_id") is None, (
        "a partner system opens none, whichever member it names"
    )
    laid.become("none")
    laid.run("UPDATE clock_offset SET shift = '1 hour 1 minute'")
    laid.become("app", worker)
    assert laid.call("opened_location_id") is None, "an hour ago"


def test_open_is_nothing_to_who_does_no_such_work(laid: Entries, api: Any) -> None:
    """sec.opened_location_id: whatever was logged of her."""
    for who, opens in (("ywca.editor", True), ("ywca.admin", False), ("ywca.auditor", False)):
        place = uuid4()
        entry(laid, place, member_id=member_id(who))
        laid.become("app", api(who))
        assert laid.call("opened_location_id") == (place if opens else None), who
