"""Entries of the directory that tests make, and take away."""

import json
import random
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from directory import models as m
from directory.demo import loader
from directory.importing.parsing import id_of
from directory.projection.render import render
from permissions.database.aliases import JOBS
from permissions.database.uuid7 import uuid7
from tests.support.people.callers import Caller

LIST = "/v1/directory/services"
PLACES = "/v1/directory/service_at_locations"


class Shelf:
    """Organizations with services at places, put here for one test and taken away after it."""

    def __init__(self) -> None:
        self.organizations: list[UUID] = []

    def service(
        self, name: str, places: list[tuple[float, float]] | None = None, **columns: Any
    ) -> UUID:
        with transaction.atomic(using=JOBS):
            organization = m.Organization(name=f"Invented keepers of {name}")
            organization.save(using=JOBS)
            self.organizations.append(organization.id)
            own = {"part_of": organization, "organization": organization}
            service = m.Service(name=name, **own, **columns)
            service.save(using=JOBS)
            for position, (latitude, longitude) in enumerate(places or []):
                location = m.Location(
                    name=f"{name} {position}", latitude=latitude, longitude=longitude, **own
                )
                location.save(using=JOBS)
                m.ServiceAtLocation(
                    part_of=organization, service=service, location=location, position=position
                ).save(using=JOBS)
            render([service.id], [organization.id])
        return service.id

    def add(self, service: UUID, *rows: m.Part) -> None:
        with transaction.atomic(using=JOBS):
            found = m.Service.objects.using(JOBS).get(id=service)
            for row in rows:
                row.part_of_id = found.organization_id
                row.save(using=JOBS)
            render([service])

    def clear(self) -> None:
        with transaction.atomic(using=JOBS):
            services = m.Service.objects.using(JOBS).filter(organization__in=self.organizations)
            ids = list(services.values_list("id", flat=True))
            m.Organization.objects.using(JOBS).filter(id__in=self.organizations).delete()
            render(ids, self.organizations)


@pytest.fixture
def shelf(django_db_setup: Any) -> Iterator[Shelf]:
    made = Shelf()
    yield made
    made.clear()


def lines(answer: Any) -> list[Any]:
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/x-ndjson"
    return [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]


ORGANIZATIONS = "/v1/directory/organizations"
TAXONOMIES, TERMS = "/v1/directory/taxonomies", "/v1/directory/taxonomy_terms"
OURS = id_of(loader.SOURCE, "organization", "shelter")


def make(caller: Caller, **more: Any) -> str:
    path = f"/v1/directory/services/{uuid7()}"
    body = {"organization_id": str(OURS), "name": "Made"}
    answer = caller.put(path, body | more)
    assert answer.status_code == 201, answer.content
    return path


def patch(caller: Caller, path: str, **change: Any) -> None:
    answer = caller.patch(path, change, If_Match="*")
    assert answer.status_code == 200, answer.content


def random_edit(caller: Caller, chance: random.Random, mine: list[str], places: list[str]) -> None:
    """One of the things that editors do, to one of their own entries."""
    organization = f"/v1/directory/organizations/{OURS}"
    what = chance.choice(["new", "name", "name", "hide", "show", "pause", "end", "place", "move",
                          "organization", "same"])  # fmt: skip
    if what == "new" or not mine:
        mine.append(make(caller, name=f"Made {chance.random()}"))
        return
    path = chance.choice(mine)
    match what:
        case "name":
            patch(caller, path, name=f"Named {chance.random()}")
        case "hide" | "show":
            patch(caller, path, confidential=what == "hide")
        case "pause":
            patch(caller, path, intake_paused=chance.random() < 0.5)
        case "end":
            assert caller.delete(path, If_Match="*").status_code == 204
        case "place":
            place = f"/v1/directory/locations/{uuid7()}"
            body = {"organization_id": str(OURS), "name": "Place"}
            assert caller.put(place, body).status_code == 201
            places.append(place)
            link = {"location_id": place.rsplit("/", 1)[1]}
            patch(caller, path, service_at_locations=[link])
        case "move" if places:
            patch(caller, chance.choice(places), name=f"Place {chance.random()}")
        case "organization":
            patch(caller, organization, description=f"Invented {chance.random()}")
        case "same":
            patch(caller, path)


LOCATIONS = "/v1/directory/locations"
THEIRS = id_of(loader.SOURCE, "organization", "campus")
THEIR_SERVICE = loader.service_id("campus-advocacy")


def a_location(**more: Any) -> dict[str, Any]:
    return {
        "organization_id": str(OURS),
        "location_type": "physical",
        "name": "A test's house",
        "latitude": 46.5511,
        "longitude": -113.4422,
        "addresses": [
            {
                "address_1": "17 Inventors Lane",
                "city": "Missoula",
                "state_province": "MT",
                "postal_code": "59801",
                "country": "US",
                "address_type": "physical",
            }
        ],
    } | more
