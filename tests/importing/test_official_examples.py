"""Every official document of the standard imports and comes back equal.

Where it does not, tests/importing/hsds_exceptions.txt says which member and why; that file only
shrinks.
"""

import json
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.people.hsds_source import forget, quarantined, take

SAMPLES = os.environ.get("HSDS_SAMPLES", "")
pytestmark = pytest.mark.skipif(not SAMPLES, reason="HSDS_SAMPLES names no folder of real data")

EXCEPTIONS = Path(__file__).with_name("hsds_exceptions.txt")
DETAILS = {  # example → the path that serves it
    "service_full.json": "services/{id}",
    "organization_full.json": "organizations/{id}?full_service=true",
    "service_at_location_full.json": "service_at_locations/{id}",
    "taxonomy.json": "taxonomies/{id}",
    "taxonomy_term.json": "taxonomy_terms/{id}",
}
LISTS = {
    "service_list.json": "services?per_page=100",
    "organization_list.json": "organizations?per_page=100",
    "service_at_location_list.json": "service_at_locations?per_page=100",
    "taxonomy_list.json": "taxonomies?per_page=100",
    "taxonomy_term_list.json": "taxonomy_terms?per_page=100",
}
OURS = {  # the victim services profile adds these to what is served
    "confidential",
    "victimization_types",
    "safe_contact_notes",
    "intake",
    "intake_paused",
    "intake_paused_until",
    "answered_by",
    "provenance",
}
# Columns of the standard's own schemas that its examples leave out, since they nest the row.
KEYS = {"organization_id", "program_id", "service_id", "location_id"}


def exceptions() -> dict[tuple[str, str], str]:
    """(example, pointer) → why it may differ."""
    lines = [line for line in EXCEPTIONS.read_text().splitlines() if line and line[0] != "#"]
    found = {}
    for line in lines:
        example, pointer, why = line.split(" ", 2)
        found[example, pointer] = why
    return found


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    forget()


def differences(theirs: Any, ours: Any, at: str = "") -> Iterator[str]:
    """Pointers to what the example says and we do not, or otherwise."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for member, value in theirs.items():
            yield from differences(value, ours.get(member), f"{at}/{member}")
        for member in set(ours) - set(theirs) - OURS - KEYS:
            yield f"{at}/{member} (added)"
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, (one, other) in enumerate(zip(theirs, ours, strict=True)):
            yield from differences(one, other, f"{at}/{index}")
    elif theirs != ours and not _same_moment(theirs, ours):
        yield at


def _same_moment(theirs: Any, ours: Any) -> bool:
    try:
        return datetime.fromisoformat(theirs) == datetime.fromisoformat(ours)
    except (TypeError, ValueError):
        return False


def known(example: str, found: list[str]) -> None:
    """What differs is what the exceptions list, no more and no less."""
    listed = {pointer for name, pointer in exceptions() if name == example}
    assert set(found) == listed


@pytest.mark.parametrize("example", DETAILS)
def test_a_document_comes_back_equal(api: Callable[..., Any], example: str) -> None:
    path = Path(SAMPLES) / "examples" / example
    assert not quarantined(take(path))
    theirs = json.loads(path.read_text())
    answer = api(None).get(f"/v1/directory/{DETAILS[example].format(id=theirs['id'])}")
    assert answer.status_code == 200
    known(example, list(differences(theirs, answer.json())))


@pytest.mark.parametrize("example", LISTS)
def test_an_item_of_a_list_comes_back_equal(api: Callable[..., Any], example: str) -> None:
    path = Path(SAMPLES) / "examples" / example
    assert not quarantined(take(path))
    (theirs,) = json.loads(path.read_text())["contents"]
    listed = []
    for page in range(1, 100):
        found = api(None).get(f"/v1/directory/{LISTS[example]}&page={page}").json()
        listed += found["contents"]
        if found["last_page"]:
            break
    (ours,) = [item for item in listed if item["id"] == theirs["id"]]
    known(example, list(differences(theirs, ours)))
