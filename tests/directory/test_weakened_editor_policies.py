"""Each policy and function on the directory's rows, robbed of one condition: the probe sees it."""

from typing import Any

import pytest

from tests.directory.editor_rows import rewritten, to_the_editor
from tests.mutate.equivalent import EQUIVALENT
from tests.mutate.sql import policies
from tests.support.proofs.editor_probe import (
    SOURCES,
    World,
    probe,
    relation,
)
from tests.support.proofs.editor_probe import world as world  # a fixture

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


FUNCTIONS = [
    # function, a part of it, what replaces that part, the table that shows it
    (
        "sec.is_editor_of(uuid)",
        "e.content_object_id = organization\n                    AND ",
        "",
        "phone",
    ),
    ("sec.is_editor_of(uuid)", "AND e.agency_id = sec.directory_editor_agency_id()", "", "phone"),
    ("sec.may_edit_links(jsonb)", "RETURN false", "RETURN true", "phone"),
    ("sec.may_edit_links(jsonb)", "row_of ? 'link_id'", "false", "attribute"),
    ("sec.may_edit_links(jsonb)", "row_of ? 'resource_id'", "false", "metadata"),
    *(
        ("sec.may_edit_links(jsonb)", f"'{column}'", "'none'", table)
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
    (
        "sec.directory_editor_agency_id()",
        "'directory_editor' = ANY (me.roles) THEN",
        "true THEN",
        "phone",
    ),
    (
        "sec.directory_editor_agency_id()",
        "ELSIF 'directory:write' = ANY (me.scopes)",
        "ELSIF true",
        "phone",
    ),
    (
        "sec.directory_editor_agency_id()",
        "me.member_id IS NULL OR 'directory_editor' = ANY (me.roles)",
        "true",
        "phone",
    ),
]


@pytest.mark.parametrize(("function", "old", "new", "table"), FUNCTIONS)
def test_a_function_that_asks_less_lets_the_probe_see_it(
    world: World, superuser: Any, function: str, old: str, new: str, table: str
) -> None:
    with rewritten(superuser, function, old, new):
        assert next(probe(world, table), None)
    assert next(probe(world, table), None) is None
