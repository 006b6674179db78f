"""A place whose address changes keeps no point of the old one, unless the editor says one; and a
service is put at places that its document cannot show, once, and taken off them."""

from typing import Any
from uuid import UUID

import pytest

from directory import models as m
from directory.editing.edit import Preconditions
from directory.editing.places import service_places
from directory.projection.render import render
from permissions.database.uuid7 import uuid7
from permissions.errors import BadRequest, MatchRequired, NotPermitted, NotVisible, StaleMatch
from tests.directory.own_services import SERVICES, a_service, history_of, tag
from tests.directory.own_services import nothing_left as nothing_left  # a fixture
from tests.directory.own_services import service as service  # a fixture
from tests.directory.own_services import ywca as ywca  # a fixture
from tests.support.people.callers import Caller
from tests.support.people.directory_entries import OURS
from tests.support.people.rota import principal

LOCATIONS = "/v1/directory/locations"
POINT = {"latitude": 46.87, "longitude": -113.99}
ADDRESS = {
    "address_1": "9 Annex Road",
    "city": "Missoula",
    "state_province": "MT",
    "postal_code": "59801",
    "country": "US",
    "address_type": "physical",
}
BOX = ADDRESS | {"address_1": "PO Box 7", "city": "Helena", "address_type": "postal"}


@pytest.fixture
def place(ywca: Caller) -> str:
    """The address of a place of ours with a point."""
    path = f"{LOCATIONS}/{uuid7()}"
    body = {"organization_id": str(OURS), "name": "Annex", "addresses": [ADDRESS, BOX]} | POINT
    assert ywca.put(path, body).status_code == 201
    return path


def point(ywca: Caller, place: str) -> dict[str, float]:
    document = ywca.get(place).json()
    return {name: document[name] for name in POINT if name in document}


def changed(ywca: Caller, place: str, change: dict[str, Any]) -> dict[str, float]:
    answer = ywca.patch(place, change, If_Match=tag(ywca, place))
    assert answer.status_code == 200, answer.content
    return point(ywca, place)


@pytest.mark.parametrize(
    "addresses",
    [
        *([ADDRESS | one, BOX] for one in (
            {"address_1": "44 Other Street"}, {"city": "Lolo"}, {"postal_code": "59847"},
            {"state_province": "ID"}, {"country": "CA"},
        )),
        [BOX],
        [],
        [ADDRESS | {"address_1": "44 Other Street"}, ADDRESS, BOX],
        [ADDRESS | {"address_1": "44 Other Street", "address_type": "virtual"}, BOX],
    ],
)  # fmt: skip
def test_a_patch_that_moves_a_place_takes_its_old_point_off(
    ywca: Caller, place: str, addresses: list[dict[str, str]]
) -> None:
    assert point(ywca, place) == POINT
    assert changed(ywca, place, {"addresses": addresses}) == {}
    assert {"addresses", "latitude", "longitude"} <= set(history_of(place)[-1].fields)
    lines = len(history_of(place))
    assert changed(ywca, place, {"addresses": ywca.get(place).json().get("addresses", [])}) == {}
    assert len(history_of(place)) == lines, "a repeated act changes nothing"


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Annex, renamed"},
        {"addresses": [ADDRESS | {"address_2": "Door 3", "attention": "The desk"}, BOX]},
        {"addresses": [ADDRESS, BOX | {"address_1": "PO Box 8", "city": "Butte"}]},
        {"addresses": [ADDRESS]},
    ],
)
def test_what_moves_no_place_leaves_its_point(
    ywca: Caller, place: str, change: dict[str, Any]
) -> None:
    assert changed(ywca, place, change) == POINT


def test_a_point_that_is_said_is_taken(ywca: Caller, place: str) -> None:
    moved = {"addresses": [ADDRESS | {"address_1": "44 Other Street"}, BOX]}
    new = {"latitude": 46.9, "longitude": -114.1}
    assert changed(ywca, place, moved | new) == new
    whole = ywca.get(place).json() | {"addresses": [ADDRESS]}
    answer = ywca.put(place, whole, If_Match=tag(ywca, place))
    assert answer.status_code == 200
    assert point(ywca, place) == new, "a whole document says its point"


# -- Places that a public service's document cannot show ------------------------------------------


@pytest.fixture
def secret(ywca: Caller) -> UUID:
    place = uuid7()
    body = {"organization_id": str(OURS), "name": "House", "confidential": True}
    assert ywca.put(f"{LOCATIONS}/{place}", body).status_code == 201
    return place


def links(service: str) -> list[m.ServiceAtLocation]:
    rows = m.ServiceAtLocation.objects.using("jobs").filter(service_id=service.rsplit("/", 1)[1])
    return list(rows.order_by("id"))


def test_a_confidential_place_named_twice_is_linked_once(ywca: Caller, secret: UUID) -> None:
    path = f"{SERVICES}/{uuid7()}"
    body = a_service(service_at_locations=[{"location_id": str(secret)}])
    assert ywca.put(path, body).status_code == 201
    answer = ywca.put(path, body)
    assert answer.status_code == 200, answer.content
    (link,) = links(path)
    assert len(history_of(path)) == 1
    named = {"service_at_locations": [{"id": str(link.id), "location_id": str(secret)}]}
    assert ywca.patch(path, named, If_Match=tag(ywca, path)).status_code == 200
    assert [one.id for one in links(path)] == [link.id]
    said = {"service_at_locations": [{"location_id": str(secret), "description": "By night"}]}
    assert ywca.patch(path, said, If_Match=tag(ywca, path)).status_code == 200
    assert len(links(path)) == 2, "what it says is not lost"


def test_a_service_is_put_at_places_and_taken_off_with_what_was_said_of_it_there(
    api: Any, ywca: Caller, service: str, secret: UUID, place: str
) -> None:
    me, row = principal(api, "ywca.editor"), UUID(service.rsplit("/", 1)[1])
    public = UUID(place.rsplit("/", 1)[1])

    def choose(*places: UUID, etag: str | None = None) -> bool:
        match = Preconditions(if_match=etag or tag(ywca, service))
        before = len(history_of(service))
        service_places.choose(me, row, set(places), match)
        return len(history_of(service)) > before

    assert choose(secret, public)
    assert {one.location_id for one in links(service)} == {secret, public}
    assert not choose(secret, public, etag='"old"'), "a repeated act changes nothing"
    shown = ywca.get(service).json()["service_at_locations"]
    assert [one["location"]["id"] for one in shown] == [str(public)]
    (hidden,) = [one for one in links(service) if one.location_id == secret]
    there = {"part_of_id": OURS, "service_at_location_id": hidden.id}
    m.Phone(number="406-555-0178", **there).save(using="jobs")
    m.Phone(number="406-555-0179", service_id=row, **there).save(using="jobs")
    render([row])
    with pytest.raises(StaleMatch):
        choose(public, etag='"old"')
    with pytest.raises(MatchRequired):
        service_places.choose(me, row, {public}, Preconditions())
    assert choose(public)
    assert {one.location_id for one in links(service)} == {public}
    assert not m.Phone.objects.using("jobs").filter(number="406-555-0178").exists()
    own = m.Phone.objects.using("jobs").get(number="406-555-0179")
    assert (own.service_id, own.service_at_location_id) == (row, None), "the service's own stays"
    assert history_of(service)[-1].fields == ["service_at_locations"]
    assert choose()
    assert links(service) == []
    assert m.Location.objects.using("jobs").filter(id__in=[secret, public]).count() == 2


def test_only_its_editors_choose_and_only_places_that_they_edit(
    api: Any, ywca: Caller, service: str, place: str
) -> None:
    row, etag = UUID(service.rsplit("/", 1)[1]), Preconditions(if_match=tag(ywca, service))
    public = {UUID(place.rsplit("/", 1)[1])}
    for who in ("ywca.worker", "sarc.lead", "hospital.editor"):
        with pytest.raises(NotPermitted):
            service_places.choose(principal(api, who), row, public, etag)
    me = principal(api, "ywca.editor")
    with pytest.raises(NotVisible):
        service_places.choose(me, uuid7(), public, etag)
    theirs = m.Location.objects.using("jobs").exclude(part_of_id=OURS).first()
    assert theirs
    for other in (theirs.id, uuid7()):
        with pytest.raises(BadRequest, match="unknown_reference"):
            service_places.choose(me, row, {other}, etag)
    assert links(service) == []
