"""A source's terms as entries have them, and how the coordinator answers them at the desk."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from directory import listings
from directory.importing.parsing import id_of
from directory.models import TermMeaning
from directory.search.query import SearchQuery
from directory.taxonomy import term_meanings
from directory.vocabulary import term_id
from referrals import worker
from tests.support.people.desk_pages import Pages
from tests.support.people.hsds_source import forget, take, write_tables

COORDINATOR = "taskforce.coordinator"
NAMES = ("Sheltering", "Lodging for people in danger", "Transitional homes", "Bus Passes")
SHELTER = "needs/emergency-shelter"
MEANS = ["term-meanings"]
MANY = term_meanings.RENDERED_AT_ONCE + 5


def tables(organizations: int = 1, terms: tuple[str, ...] = NAMES) -> dict[str, Any]:
    """Organizations with two services each; the first term is of all their first services and one
    more, the others of one service."""
    used = [(f"{number}0", 0) for number in range(1, organizations + 1)] + [("11", 0)]
    used += [("11", number) for number in range(1, len(terms))]
    return {
        "organizations": [
            {"id": f"{n}", "name": f"Marked House {n}", "description": "For tests."}
            for n in range(1, organizations + 1)
        ],
        "services": [
            {"id": f"{n}{k}", "organization_id": f"{n}", "name": name, "status": "active"}
            for n in range(1, organizations + 1)
            for k, name in enumerate(("Talking", "Walking"))
        ],
        "taxonomy_terms": [
            {"id": f"t{n}", "code": f"X{n}", "name": name, "description": "", "taxonomy": "county"}
            for n, name in enumerate(terms)
        ],
        "attributes": [
            {
                "id": f"a{service}-{number}",
                "link_id": service,
                "link_entity": "service",
                "taxonomy_term_id": f"t{number}",
            }
            for service, number in used
        ],
    }


@pytest.fixture
def county(network: Any, tmp_path: Path) -> Iterator[Path]:
    folder = write_tables(tmp_path / "county", tables())
    take(folder)
    work("term-drafts")
    yield folder
    forget()


def work(*jobs: str) -> None:
    assert worker.run_until_idle(worker.jobs_named(jobs)) == []


def term(number: int) -> UUID:
    return id_of("test", "taxonomy_term", f"t{number}")


def stored(number: int) -> TermMeaning:
    return TermMeaning.objects.using("jobs").get(id=term(number))


def said(pages: Pages, number: int, what: str, show: str = "") -> Any:
    """Press the button of that term on the list."""
    at = f"/desk/terms{show}"
    return pages.submit(at, action=f"/desk/terms/{term(number)}/{what}{show}")


def found(need: str = SHELTER, words: str = "", organization: str = "1") -> list[str]:
    needs = (term_id(*need.split("/")),) if need else ()
    query = SearchQuery(
        words=words, needs=needs, organization_id=id_of("test", "organization", organization)
    )
    return sorted(one.name for one in listings.search(None, query).items)
