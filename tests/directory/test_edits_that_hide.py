"""An edit makes an entry confidential: nothing says where it is any more."""

from typing import Any
from uuid import UUID

from directory import models as m
from permissions.database.uuid7 import uuid7
from tests.directory.own_services import ORGANIZATIONS, SERVICES, a_service, refusal, tag
from tests.directory.own_services import nothing_left as nothing_left  # a fixture
from tests.directory.own_services import service as service  # a fixture
from tests.directory.own_services import ywca as ywca  # a fixture
from tests.support.people.callers import Caller
from tests.support.people.directory_entries import LOCATIONS, OURS, a_location


def test_a_place_that_becomes_confidential_loses_all_that_tells_where_it_is(
    api: Any, superuser: Any, ywca: Caller, service: str
) -> None:
    path = f"{LOCATIONS}/{uuid7()}"
    assert ywca.put(path, a_location(transportation="Bus 6")).status_code == 201
    place = path.rsplit("/", 1)[1]
    ywca.patch(
        service, {"service_at_locations": [{"location_id": place}]}, If_Match=tag(ywca, service)
    )
    assert "17 Inventors Lane" in api(None).get(service).content.decode()
    hidden = ywca.patch(path, {"confidential": True}, If_Match=tag(ywca, path))
    assert hidden.status_code == 200, hidden.content
    for text in ("Inventors", "46.5511", "Bus 6"):
        assert text not in hidden.content.decode()
        for who in (None, "ywca.editor", "police.worker"):
            assert text not in api(who).get(service).content.decode()
    with superuser.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM directory_address WHERE address_1 LIKE '17 Inv%'")
        assert cursor.fetchone() == (0,)
    # Putting the public service back does not lose the link that it cannot show.
    assert ywca.put(service, ywca.get(service).json()).status_code == 200
    assert m.ServiceAtLocation.objects.using("jobs").filter(location_id=place).exists()
    for where in (
        {"latitude": 46.9, "longitude": -113.9},
        {"addresses": a_location()["addresses"]},
    ):
        answer = ywca.patch(path, where, If_Match=tag(ywca, path))
        assert refusal(answer)[:2] == (400, "confidential_place")
    public = ywca.patch(path, {"confidential": False}, If_Match=tag(ywca, path))
    assert public.status_code == 200
    assert "addresses" not in public.json()


def test_a_public_place_that_a_confidential_service_moves_to_is_hidden_everywhere(
    api: Any, ywca: Caller, service: str
) -> None:
    path = f"{LOCATIONS}/{uuid7()}"
    assert ywca.put(path, a_location()).status_code == 201
    link = {"service_at_locations": [{"location_id": path.rsplit("/", 1)[1]}]}
    other = f"{SERVICES}/{uuid7()}"
    assert ywca.put(other, a_service(name="By day") | link).status_code == 201
    organization = f"{ORGANIZATIONS}/{OURS}"
    for shown in (other, organization):
        assert "17 Inventors Lane" in api(None).get(shown).content.decode()
    ywca.patch(service, {"confidential": True}, If_Match="*")
    moved = ywca.patch(service, link, If_Match="*")
    assert moved.status_code == 200
    for who in (None, "ywca.editor", "police.worker"):
        for shown in (service, other, organization, SERVICES, "/v1/directory/organizations"):
            query = {"full": "true", "per_page": "100"} if shown.endswith("s") else {}
            assert "Inventors Lane" not in api(who).get(shown, query).content.decode(), (who, shown)


def test_an_organization_that_becomes_confidential_takes_all_it_has_along(
    api: Any, ywca: Caller
) -> None:
    organization = f"{ORGANIZATIONS}/{uuid7()}"
    of_it = {"organization_id": organization.rsplit("/", 1)[1]}
    assert ywca.put(organization, {"name": "A test's refuge"}).status_code == 201
    place, service = f"{LOCATIONS}/{uuid7()}", f"{SERVICES}/{uuid7()}"
    assert ywca.put(place, a_location(**of_it)).status_code == 201
    link = {"service_at_locations": [{"location_id": place.rsplit("/", 1)[1]}]}
    assert ywca.put(service, a_service(**of_it) | link).status_code == 201
    hidden = ywca.patch(organization, {"confidential": True}, If_Match="*")
    assert hidden.status_code == 200, hidden.content
    assert "Inventors" not in hidden.content.decode()
    for path in (organization, service):
        assert api(None).get(path).status_code == 404
        assert api("police.worker").get(path).status_code == 200
        assert "Inventors" not in api("police.worker").get(path).content.decode()
    # Its service says that it is confidential; put back, it is so for its organization's sake only.
    seen = ywca.get(service)
    assert seen.json()["confidential"] is True
    assert ywca.put(service, seen.json()).content == seen.content
    new = f"{LOCATIONS}/{uuid7()}"
    assert refusal(ywca.put(new, a_location(**of_it)))[:2] == (400, "confidential_place")
    shown = ywca.patch(organization, {"confidential": False}, If_Match="*")
    assert shown.status_code == 200
    assert api(None).get(service).status_code == 200
    assert "Inventors" not in api(None).get(organization).content.decode()


def test_what_an_import_brought_in_masses_is_still_paused(ywca: Caller, service: str) -> None:
    row = UUID(service.rsplit("/", 1)[1])
    m.Url.objects.using("jobs").bulk_create(
        m.Url(part_of_id=OURS, service_id=row, url=f"https://example.org/{n}", position=n)
        for n in range(201)
    )
    assert ywca.patch(service, {"intake_paused": True}, If_Match="*").status_code == 200
    many = {"phones": [{"number": "406-555-0171"}] * 201}
    assert refusal(ywca.patch(service, many, If_Match="*")) == (400, "too_many", "/phones")


def test_a_row_that_also_hangs_elsewhere_is_taken_off_and_stays_there(
    ywca: Caller, service: str
) -> None:
    place = f"{LOCATIONS}/{uuid7()}"
    ywca.put(place, a_location())
    phone = m.Phone(
        part_of_id=OURS,
        service_id=UUID(service.rsplit("/", 1)[1]),
        location_id=UUID(place.rsplit("/", 1)[1]),
        number="406-555-0174",
    )
    phone.save(using="jobs", force_insert=True)
    assert ywca.patch(service, {"phones": None}, If_Match="*").status_code == 200
    kept = m.Phone.objects.using("jobs").get(id=phone.id)
    assert (kept.service_id, str(kept.location_id)) == (None, place.rsplit("/", 1)[1])
    assert ywca.get(place).json()["phones"][0]["number"] == "406-555-0174"


def test_a_new_confidential_place_is_not_made_with_an_address(ywca: Caller) -> None:
    path = f"{LOCATIONS}/{uuid7()}"
    answer = ywca.put(path, a_location(confidential=True))
    assert refusal(answer)[:2] == (400, "confidential_place")
    nowhere = {"organization_id": str(OURS), "name": "House", "confidential": True}
    assert ywca.put(path, nowhere).status_code == 201


def test_a_service_that_becomes_confidential_is_gone_for_the_public_with_its_place(
    api: Any, ywca: Caller, service: str
) -> None:
    place = f"{LOCATIONS}/{uuid7()}"
    ywca.put(place, a_location())
    link = {"service_at_locations": [{"location_id": place.rsplit("/", 1)[1]}]}
    ywca.patch(service, link, If_Match=tag(ywca, service))
    told = {"description": "Knock at 17 inventors lane."}
    ywca.patch(service, told, If_Match=tag(ywca, service))
    secret = ywca.patch(service, {"confidential": True}, If_Match=tag(ywca, service))
    assert refusal(secret) == (400, "street_in_text", "/description")
    hidden = ywca.patch(
        service, {"confidential": True, "description": "Ring."}, If_Match=tag(ywca, service)
    )
    assert hidden.status_code == 200, hidden.content
    assert "Inventors" not in hidden.content.decode()
    assert api(None).get(service).status_code == 404
    assert api("police.worker").get(service).status_code == 200
    assert ywca.get(place).json()["confidential"] is True
    shown = ywca.patch(place, {"confidential": False}, If_Match=tag(ywca, place))
    assert refusal(shown)[:2] == (409, "confidential_here")
    # A document without the marker does not take it away.
    again = {**ywca.get(service).json(), "alert": "still"}
    del again["confidential"]
    assert ywca.put(service, again, If_Match=tag(ywca, service)).json()["confidential"] is True
    told = m.Change.objects.using("jobs").filter(entity_id=service.rsplit("/", 1)[1])
    last = [(one.network, one.action) for one in told.order_by("seq")][-3:]
    assert last == [(False, "deleted"), (True, "updated"), (True, "updated")]
