"""An own organization with two services at a shared place, and hiding one thing of it."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from directory.editing.versions import hiding
from directory.editing.versions.hiding import Plan
from permissions.database.uuid7 import uuid7
from tests.directory.own_services import ORGANIZATIONS, SERVICES, a_service
from tests.directory.own_versions import STREET, entry_id, principal
from tests.support.people.callers import Caller
from tests.support.people.directory_entries import LOCATIONS, a_location

WAYS = ("service", "organization", "location")
PHONE = "406-555-0199"
BUS = "Bus 6 to the mill"
# What tells where the place is: no one's, once it is hidden.
WHERE = (STREET, "46.5511", "113.4422", BUS, "example.org/house", "Left of the bakery")
READERS = (None, "police.worker", "sarc.editor", "ywca.worker", "ywca.editor", "ywca.auditor",
           "ywca.client", "taskforce.coordinator")  # fmt: skip


class House(NamedTuple):
    """Addresses of the API. `line` and `other` are found at `place`."""

    organization: str
    line: str
    other: str
    place: str

    def path(self, way: str) -> str:
        return {"service": self.line, "organization": self.organization}.get(way, self.place)

    @property
    def paths(self) -> tuple[str, ...]:
        return self.organization, self.line, self.other, self.place


@pytest.fixture
def house(api: Any) -> House:
    ywca = api("ywca.editor")
    organization = f"{ORGANIZATIONS}/{uuid7()}"
    of_it = {"organization_id": str(entry_id(organization))}
    assert (
        ywca.put(organization, {"name": "Keepers of a test", "description": "D"}).status_code == 201
    )
    place = f"{LOCATIONS}/{uuid7()}"
    address = {**a_location()["addresses"][0], "attention": "Left of the bakery"}
    second = {**address, "address_1": f"{STREET}, rear", "address_type": "postal"}
    more = {
        "addresses": [address, second],
        "transportation": BUS,
        "url": "https://example.org/house",
        "phones": [{"number": PHONE}],
        "schedules": [{"freq": "WEEKLY", "byday": "MO", "opens_at": "08:00:00"}],
    }
    assert ywca.put(place, a_location(**of_it, **more)).status_code == 201
    at = {"service_at_locations": [{"location_id": str(entry_id(place)), "description": "Rear"}]}
    paths = []
    for name in ("Night line of the house", "Day room of the house"):
        paths.append(f"{SERVICES}/{uuid7()}")
        made = ywca.put(paths[-1], a_service(name=name, **of_it) | at)
        assert made.status_code == 201, made.content
    return House(organization, paths[0], paths[1], place)


def preview(caller: Caller, way: str, path: str) -> Plan:
    return hiding.preview(principal(caller), way, entry_id(path))


def hide(caller: Caller, way: str, path: str, *, with_undo: bool = True) -> UUID | None:
    plan = preview(caller, way, path)
    return hiding.hide(principal(caller), way, entry_id(path), plan.token, with_undo=with_undo)


def shown(api: Any, house: House, readers: Sequence[str | None] = READERS) -> dict[Any, bytes]:
    """All answers about the house, by who reads what."""
    found = {}
    lists = (SERVICES, ORGANIZATIONS, "/v1/directory/service_at_locations")
    for who in readers:
        caller = api(who)
        for path in house.paths:
            found[who, path] = caller.get(path).content
        for path in lists:
            for query in ({"search": "house", "full": "true"}, {"search": STREET, "full": "true"}):
                found[who, path, query["search"]] = caller.get(path, query).content
    return found


def assert_nowhere(api: Any, house: House) -> None:
    """No one is shown where the place is, its own editors included."""
    for key, content in shown(api, house).items():
        for words in WHERE:
            assert words not in content.decode() or key[2:] == (words,), (key, words)
