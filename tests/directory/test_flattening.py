"""A document of the standard taken apart: one row an id, linked to all that it stands under."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from directory.hsds.flattening import Row, flatten

pytestmark = pytest.mark.static

SAMPLES = os.environ.get("HSDS_SAMPLES", "")
real_data = pytest.mark.skipif(not SAMPLES, reason="HSDS_SAMPLES names no folder of real data")

SPANISH = {"id": "l", "name": "Spanish"}
PHONE = {"id": "p", "number": "406-555-0101", "languages": [SPANISH]}
SERVICE: dict[str, Any] = {
    "id": "s",
    "name": "Talking",
    "victimization_types": ["domestic"],
    "phones": [PHONE, {"number": "406-555-0102"}],
    "contacts": [{"id": "c", "name": "Desk", "phones": [PHONE]}],
    "attributes": [{"id": "a", "taxonomy_term": {"id": "t", "name": "Shelter"}}],
    "organization": {"id": "o", "name": "House", "phones": [PHONE]},
    "program": {"id": "g", "name": "Nights"},
    "service_at_locations": [{"id": "x", "location": {"id": "w", "languages": [SPANISH]}}],
}


def one(rows: list[Row], table: str, key: str = "") -> Row:
    found = [row for row in rows if row.table == table and key in ("", row.key)]
    assert len(found) == 1, (table, key, found)
    return found[0]


def linked(row: Row) -> dict[str, str]:
    return {
        column: link if isinstance(link, str) else f"{link.table} {link.key}"
        for column, link in row.links.items()
    }


def test_what_stands_in_several_places_is_one_row_with_several_links() -> None:
    rows = flatten("service", SERVICE)
    phone = one(rows, "phone", "p")
    assert linked(phone) == {
        "service_id": "service s",
        "contact_id": "contact c",
        "organization_id": "organization o",
    }
    assert linked(one(rows, "language")) == {"phone_id": "phone p", "location_id": "location w"}
    assert linked(one(rows, "service_at_location")) == {
        "service_id": "service s",
        "location_id": "location w",
    }
    assert not [row.faults for row in rows if row.faults]


def test_columns_stay_as_they_came_and_what_is_nested_is_no_column() -> None:
    service = one(flatten("service", SERVICE), "service")
    assert service.values == {"id": "s", "name": "Talking", "victimization_types": ["domestic"]}
    assert linked(service) == {"organization_id": "organization o", "program_id": "program g"}


def test_a_program_inside_a_service_belongs_to_the_services_organization() -> None:
    program = one(flatten("service", SERVICE), "program")
    assert linked(program) == {"organization_id": "organization o"}


def test_an_attribute_hangs_on_the_row_that_it_stands_in() -> None:
    rows = flatten("service", SERVICE)
    attribute = one(rows, "attribute")
    assert attribute.about is one(rows, "service")
    assert linked(attribute) == {"taxonomy_term_id": "taxonomy_term t"}


def test_rows_keep_their_order_and_say_where_they_stood() -> None:
    phones = [row for row in flatten("service", SERVICE) if row.table == "phone"]
    assert [(row.pointer, row.position) for row in phones] == [("/phones/0", 0), ("/phones/1", 1)]
    assert phones[1].key == ""


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"phones": [PHONE, PHONE | {"number": "1"}]}, "number: /phones/1 has the same"),
        ({"phones": [7]}, "/phones/0: not an object"),
        ({"phones": {"number": "1"}}, "/phones: not a list"),
        ({"organization_id": "other"}, "organization_id: is under two"),
    ],
)
def test_a_document_that_contradicts_itself_says_where(change: dict[str, Any], says: str) -> None:
    faults = [fault for row in flatten("service", SERVICE | change) for fault in row.faults]
    assert [fault for fault in faults if fault.startswith(says)]


@real_data
@pytest.mark.parametrize(
    ("file", "table"),
    [
        ("service_full", "service"),
        ("organization_full", "organization"),
        ("service_at_location_full", "service_at_location"),
        ("location", "location"),
        ("taxonomy", "taxonomy"),
        ("taxonomy_term", "taxonomy_term"),
    ],
)
def test_every_official_document_comes_apart_without_a_fault(file: str, table: str) -> None:
    document = json.loads((Path(SAMPLES) / "examples" / f"{file}.json").read_text())
    rows = flatten(table, document)
    assert [(row.table, row.faults) for row in rows if row.faults] == []
    assert len({(row.table, row.key) for row in rows}) == len(rows)
