"""Two sources that list the same services, and how the coordinator answers them at the desk."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from directory.importing.parsing import id_of
from directory.models import Duplicate
from referrals import worker
from tests.support.ground.stale_projections import stale
from tests.support.people.desk_pages import Pages
from tests.support.people.hsds_source import forget, take, write_tables

COORDINATOR = "taskforce.coordinator"
SOURCES = ("test", "state")
SERVICES = "/v1/directory/services"
FINDS, APPLIES = "duplicates", "duplicate-answers"
# Nothing alike, so that each has its own twin only.
NAMES = ("Lantern shelter", "Quarry legal help", "Tamarack food pantry")


def tables(names: tuple[str, ...] = NAMES, *, other: bool = False) -> dict[str, Any]:
    """A source with a service for each name, at a place of its own. The `other` source writes names
    and numbers in another way, and has a website."""
    numbers = range(len(names))
    ending = " (county)" if other else ""
    phone = "+1 (4{}6) 555-01{:02}" if other else "4{}6-555-01{:02}"  # none of the demo's
    return {
        "organizations": [
            {"id": f"{n}", "name": f"Keepers of {name}", "description": "For tests."}
            for n, name in enumerate(names)
        ],
        "services": [
            {
                "id": f"{n}0",
                "organization_id": f"{n}",
                "name": f"{name}{ending}",
                "status": "active",
                "url": f"https://example.org/{n}" if other else "",
            }
            for n, name in enumerate(names)
        ],
        "phones": [
            {"id": f"{n}1", "service_id": f"{n}0", "number": phone.format(n // 100 + 1, n % 100)}
            for n in numbers
        ],
        "locations": [{"id": f"{n}2", "organization_id": f"{n}", "name": ""} for n in numbers],
        "service_at_location": [
            {"id": f"{n}3", "service_id": f"{n}0", "location_id": f"{n}2"} for n in numbers
        ],
        "addresses": [
            {
                "id": f"{n}4",
                "location_id": f"{n}2",
                "address_1": f"{n + 12} Invented Rd." if other else f"{n + 12} Invented Rd",
                "city": "Missoula",
                "state_province": "MT",
                "postal_code": f"{59801 + n}",
                "country": "US",
                "address_type": "physical",
            }
            for n in numbers
        ],
    }


@pytest.fixture
def sources(network: Any, tmp_path: Path) -> Iterator[Mapping[str, Path]]:
    """Two sources with the same three services, compared. Behind the test all is as it was."""
    folders = {}
    try:
        for source in SOURCES:
            made = tables(other=source == "state")
            folders[source] = write_tables(tmp_path / source, made)
            take(folders[source], source)
        work(FINDS)
        yield folders
        assert stale() == {}
    finally:
        for source in SOURCES:
            forget(source)
        Duplicate.objects.using("jobs").all().delete()


def work(*jobs: str) -> None:
    assert worker.run_until_idle(worker.jobs_named(jobs)) == []


def service(source: str, number: int = 0) -> UUID:
    return id_of(source, "service", f"{number}0")


def pair(number: int = 0) -> Duplicate:
    """The pair of the two that are the same."""
    first, second = sorted(service(source, number) for source in SOURCES)
    return Duplicate.objects.using("jobs").get(first_id=first, second_id=second)


def keeps(source: str, number: int = 0) -> str:
    """What the button is called that leaves this source's service in lists."""
    return "first" if pair(number).first_id == service(source, number) else "second"


def said(pages: Pages, what: str, number: int = 0, show: str = "") -> Any:
    """Press that button of the pair."""
    action = f"/desk/duplicates/{pair(number).id}/{what}{show}"
    return pages.submit(f"/desk/duplicates{show}", action=action)


def hide(source: str, number: int = 0) -> None:
    """Say that the other source's is listed instead, and apply it, past the desk."""
    kept = next(one for one in SOURCES if one != source)
    Duplicate.objects.using("jobs").filter(id=pair(number).id).update(
        answer="same", kept_id=service(kept, number), changes=1, due=True
    )
    work(APPLIES)


def listed(api: Any, who: str | None = None) -> set[tuple[str, int]]:
    """Which of the services are in lists: (source, number)."""
    found = set()
    for word in ("Lantern", "Quarry", "Tamarack"):
        answer = api(who).get(SERVICES, {"search": word, "per_page": "100"})
        ids = {one["id"] for one in answer.json()["contents"]}
        found |= {
            (source, number)
            for source in SOURCES
            for number in range(len(NAMES))
            if str(service(source, number)) in ids
        }
    return found


def detail(api: Any, source: str, number: int = 0, who: str | None = None) -> Any:
    answer = api(who).get(f"{SERVICES}/{service(source, number)}")
    assert answer.status_code == 200, answer.content
    return answer.json()
