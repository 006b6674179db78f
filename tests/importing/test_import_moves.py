"""After an import every entry that shows a row shows it as it is: also the entry that it has left,
and other entries than its organization (directory/projection/affected_parents.py)."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from directory import models as m
from directory.hsds.schema import TABLES
from directory.importing.formats.csv_reader import of_tables
from directory.importing.import_package import import_package
from directory.importing.outcome import Report
from permissions.database.aliases import JOBS
from tests.support.ground.short_form import in_both_forms
from tests.support.ground.stale_projections import stale
from tests.support.people.hsds_source import forget

Cells = dict[str, str]

# One row of each table, without the rows it belongs to, and the column that is changed.
ROWS: dict[str, tuple[str, Cells]] = {
    "program": ("name", {"name": "First steps"}),
    "location": ("name", {"name": "House", "location_type": "physical"}),
    "service": ("name", {"name": "Talking", "status": "active"}),
    "service_at_location": ("description", {"description": "Upstairs"}),
    "contact": ("name", {"name": "Sample Person"}),
    "phone": ("description", {"number": "406-555-0181", "description": "Front desk"}),
    "address": (
        "address_1",
        {
            "address_1": "1 Example Way",
            "city": "Missoula",
            "state_province": "MT",
            "postal_code": "59801",
            "country": "US",
            "address_type": "physical",
        },
    ),
    "schedule": ("description", {"freq": "WEEKLY", "wkst": "MO", "byday": "MO"}),
    "funding": ("source", {"source": "County"}),
    "service_area": ("name", {"name": "Missoula"}),
    "required_document": ("document", {"document": "None"}),
    "language": ("note", {"name": "English", "code": "en"}),
    "accessibility": ("details", {"description": "ramp"}),
    "cost_option": ("option", {"option": "Free"}),
    "organization_identifier": ("identifier", {"identifier_type": "own", "identifier": "1"}),
    "url": ("label", {"url": "https://example.org"}),
    "holiday_schedule": (
        "description",
        {"start_date": "2099-01-01", "end_date": "2099-01-01", "closed": "true"},
    ),
    "service_capacity": ("description", {"available": "3"}),
    "attribute": ("value", {"label": "keywords", "value": "tea"}),
    "metadata": ("previous_value", {"last_action_type": "update", "field_name": "name"}),
}
TURNS, IN_SHORT = 7, 2
SHARED = {"taxonomy", "taxonomy_term", "unit", "meta_table_description", "organization"}
BASE: dict[str, list[Cells]] = {
    "unit": [{"id": "beds", "name": "beds"}],
    "taxonomy": [{"id": "needs", "name": "Needs", "description": "For tests."}],
    "taxonomy_term": [
        {"id": "warmth", "name": "Warmth", "description": "Any.", "taxonomy_id": "needs"},
        {
            "id": "tea",
            "name": "Tea",
            "description": "Hot.",
            "taxonomy_id": "needs",
            "parent_id": "warmth",
        },
    ],
    "organization": [
        {"id": f"{one}-organization", "name": f"House {one}", "description": "For tests."}
        for one in "xy"
    ],
}


def beneath(one: str, table: str, row: Cells) -> Cells:
    """`row`, linked to every row of one organization that it can belong to."""
    links = {column: f"{one}-{parent}" for column, parent in TABLES[table].links.items()}
    if table == "attribute":
        links = {"link_id": f"{one}-location", "link_entity": "location"}
        links["taxonomy_term_id"] = "tea"
    elif table == "metadata":
        links = {"resource_id": f"{one}-location", "resource_type": "location"}
    elif table == "service_capacity":
        links["unit_id"] = "beds"
    return {"id": f"{one}-{table}", **row, **links}


for name, (_, cells) in ROWS.items():
    BASE[name] = [beneath(one, name, cells) for one in "xy"]


@pytest.fixture
def _forgotten() -> Iterator[None]:
    yield
    forget()
    m.Unit.objects.using(JOBS).filter(source="test").delete()


def take(tables: dict[str, list[Cells]]) -> Report:
    report = import_package(of_tables("test", {**tables}), "test")
    refused = [one for one in report.records() if one["outcome"] == "quarantined"]
    assert not refused
    return report


def parents(table: str, dice: Random, turns: int) -> Iterator[Cells]:
    """The rows that a row belongs to, in one state after another: only those that it must have, one
    or several, of one organization or of both."""
    if table in ("attribute", "metadata"):
        about, kind = ("link_id", "link_entity")
        if table == "metadata":
            about, kind = ("resource_id", "resource_type")
        parents = [name for name in BASE if name not in ("metadata", table, *SHARED)]
        for _ in range(turns):
            parent = dice.choice(parents)
            yield {about: f"{dice.choice('xy')}-{parent}", kind: parent}
        return
    links = TABLES[table].links
    for _ in range(turns):
        while True:
            chosen = {
                column: dice.choice(["", f"x-{parent}", f"y-{parent}"])
                for column, parent in links.items()
            }
            if "unit_id" in chosen:
                chosen["unit_id"] = "beds"
            must = TABLES[table].required.intersection(links)
            free = ("program_id", "unit_id")
            if all(chosen[column] for column in must) and any(
                said for column, said in chosen.items() if column not in free
            ):
                break
        yield chosen


@in_both_forms
@pytest.mark.usefixtures("_forgotten")
@pytest.mark.parametrize("table", ROWS)
def test_what_shows_a_row_shows_it_as_it_is(table: str, short: bool) -> None:
    """One more row goes from place to place, changes, goes and comes back."""
    take(BASE)
    dice = Random(table)
    text, cells = ROWS[table]
    for turn, links in enumerate(parents(table, dice, IN_SHORT if short else TURNS)):
        row = {"id": "moved", **cells, **links, text: f"Said {turn}"}
        tables: Any = {**BASE, table: [*BASE[table], row]}
        if table == "location":
            found_at = [
                {"id": f"at-{one}", "service_id": f"{one}-service", "location_id": "moved"}
                for one in dice.choice(["x", "y", "xy"])
            ]
            tables["service_at_location"] = [*BASE["service_at_location"], *found_at]
        assert take(tables).changes
        assert stale("test") == {}, links
        if dice.random() < 0.3:
            take(BASE)
            assert stale("test") == {}, "gone"


@pytest.mark.usefixtures("_forgotten")
@pytest.mark.parametrize("table", ["unit", "taxonomy", "taxonomy_term"])
def test_whatever_holds_a_shared_row_shows_it_as_it_is(table: str) -> None:
    take(BASE)
    renamed = [{**row, "name": f"{row['name']}, anew"} for row in BASE[table][:1]]
    report = take({**BASE, table: [*renamed, *BASE[table][1:]]})
    assert report.changes
    assert stale("test") == {}
