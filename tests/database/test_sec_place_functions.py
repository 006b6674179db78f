"""Single conditions of the functions that keep the location of a place secret (R4): each is called
by itself, or its trigger fired, and another place must stay as it is."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connections, transaction
from psycopg2.errors import LockNotAvailable

from directory import models as m
from directory.importing.formats.csv_reader import of_tables
from directory.importing.import_package import import_package
from directory.importing.parsing import id_of
from tests.support.ground.races import Race
from tests.support.ground.waiting import SOON
from tests.support.people.directory_rows import NOWHERE, SHOW, WHERE, Entries, rows_taken_back
from tests.support.people.hsds_source import SECRET_PLACE, changed, forget


@pytest.fixture
def laid(superuser: Any, network: Any) -> Iterator[Entries]:
    with rows_taken_back(superuser) as found:
        yield found


def hidden(laid: Entries, *places: UUID) -> list[bool]:
    """Whether each is confidential: if so, nothing says where it is."""
    found = []
    for place in places:
        question = f"SELECT confidential, {', '.join(WHERE)} FROM directory_location WHERE id = %s"
        ((is_hidden, *where),) = laid.rows(question, place)
        assert tuple(where) == (NOWHERE if is_hidden else tuple(WHERE.values()))
        found.append(is_hidden)
    return found


# -- What hides a place ----------------------------------------------------------------------------


def test_an_organization_hides_its_places_and_where_its_services_are_found(
    laid: Entries,
) -> None:
    """sec.hide_organization_places, and sec.hide_places of these alone."""
    home, other = laid.organization(), laid.organization()
    own, guest, hall = laid.place(home, **WHERE), *(laid.place(other, **WHERE) for _ in range(2))
    laid.link(home, laid.service(home), guest)
    laid.link(other, laid.service(other), hall)
    assert hidden(laid, own, guest, hall) == [False, False, False]
    laid.run("UPDATE directory_organization SET confidential = true WHERE id = %s", home)
    assert hidden(laid, own, guest, hall) == [True, True, False]


def test_a_service_hides_where_it_is_found(laid: Entries) -> None:
    """sec.hide_service_places: as it becomes confidential, or of a confidential organization."""
    home, other, closed = laid.organization(), laid.organization(), laid.organization()
    den, cellar, hall, loft = (laid.place(home, **WHERE) for _ in range(4))
    refuge, quiet, desk, moved = (laid.service(home) for _ in range(4))
    for service, place in ((refuge, den), (quiet, cellar), (desk, hall), (moved, loft)):
        laid.link(home, service, place)
    laid.run("UPDATE directory_organization SET confidential = true WHERE id = %s", closed)
    laid.run("UPDATE directory_service SET confidential = true WHERE id = %s", refuge)
    assert hidden(laid, den, cellar, hall, loft) == [True, False, False, False]
    for service, to in ((quiet, closed), (moved, other)):
        laid.run("UPDATE directory_service SET organization_id = %s WHERE id = %s", to, service)
    assert hidden(laid, den, cellar, hall, loft) == [True, True, False, False]


def test_a_place_that_goes_to_a_confidential_organization_is_hidden(laid: Entries) -> None:
    """sec.hide_moved_location"""
    home, other = laid.organization(), laid.organization()
    closed = laid.organization(confidential=True)
    den, hall, loft = (laid.place(home, **WHERE) for _ in range(3))
    for place, to in ((den, closed), (hall, other), (loft, None)):
        laid.run("UPDATE directory_location SET organization_id = %s WHERE id = %s", to, place)
    assert hidden(laid, den, hall, loft) == [True, False, False]


def test_a_place_that_is_hidden_is_not_written_again(laid: Entries) -> None:
    """sec.hide_places"""
    home = laid.organization()
    den = laid.place(home, confidential=True)
    version = laid.rows("SELECT ctid FROM directory_location WHERE id = %s", den)
    laid.link(home, laid.service(home, confidential=True), den)
    assert laid.rows("SELECT ctid FROM directory_location WHERE id = %s", den) == version


def test_whoever_shows_a_place_is_waited_for_by_what_hides_it(laid: Entries) -> None:
    """sec.hide_places: else neither would see the other, and a secret be found at a public place.
    It waits for no other place."""
    home = laid.organization()
    ((den,),) = laid.rows("SELECT id FROM directory_location WHERE confidential LIMIT 1")
    laid.run("SET LOCAL lock_timeout = '100ms'")
    with connections["jobs"].cursor() as cursor, transaction.atomic(using="jobs"):
        cursor.execute(SHOW, [den])
        secret = laid.service(home, confidential=True)
        laid.link(home, secret, laid.place(home, **WHERE))
        with laid.refused(LockNotAvailable, "lock timeout"):
            laid.link(home, secret, den)
        transaction.set_rollback(True, using="jobs")


def lay_found(laid: Entries) -> dict[str, UUID]:
    """`plain`, `secret` and `quiet` (of a confidential organization) at a place each, that was
    public before; nothing is found at `empty`."""
    home, closed = laid.organization(), laid.organization(confidential=True)
    found = {"home": home, "closed": closed, "empty": laid.place(home, **WHERE)}
    for name, owner, confidential in (
        ("plain", home, False),
        ("secret", home, True),
        ("quiet", closed, False),
    ):
        found[name] = laid.place(home, **WHERE)
        service = laid.service(owner, confidential=confidential)
        laid.link(owner, service, found[name])
    return found


def test_a_link_hides_the_place_if_what_it_links_is_confidential(laid: Entries) -> None:
    """sec.hide_linked_place"""
    found = lay_found(laid)
    places = [found[name] for name in ("empty", "plain", "secret", "quiet")]
    assert hidden(laid, *places) == [False, False, True, True]


def test_a_secret_is_at_a_place_by_what_is_found_there_or_whose_it_is(laid: Entries) -> None:
    """sec.must_be_confidential, asked by none but triggers: as the superuser."""
    found = lay_found(laid)
    laid.become("none")
    for name, owner, expected in (
        ("empty", "home", False),
        ("plain", "home", False),
        ("secret", "home", True),
        ("quiet", "home", True),
        ("empty", "closed", True),
        ("plain", "closed", True),
    ):
        assert laid.call("must_be_confidential", found[name], found[owner]) is expected, (
            name,
            owner,
        )
    assert laid.call("must_be_confidential", found["plain"], None) is False
    assert laid.call("must_be_confidential", found["secret"], None) is True
    assert laid.call("must_be_confidential", uuid4(), found["home"]) is False


def test_a_new_place_of_a_confidential_organization_is_hidden_at_once(laid: Entries) -> None:
    """sec.hide_new_location"""
    home, closed = laid.organization(), laid.organization(confidential=True)
    assert hidden(laid, laid.place(home, **WHERE), laid.place(closed, **WHERE)) == [False, True]


# -- What goes with the address --------------------------------------------------------------------


def lay_told(laid: Entries, owner: UUID, source: str) -> tuple[UUID, dict[str, UUID]]:
    """A place of a source with its parts, a history of each, and a mark on its address."""
    place = laid.place(owner, source=source, external_id="key", **WHERE)
    link = laid.link(owner, laid.service(owner), place)
    days = {"start_date": "2099-01-01", "end_date": "2099-01-01"}
    of: dict[str, Any] = {"part_of_id": owner}
    here, there = {"location_id": place} | of, {"service_at_location_id": link} | of
    parts = {"location": place, "link": link, "address": laid.address(owner, place)}
    for name, row in (
        ("contact", m.Contact(**here)),
        ("phone", m.Phone(number="1", **here)),
        ("schedule", m.Schedule(**here)),
        ("holiday", m.HolidaySchedule(**days, **here)),
        ("language", m.Language(**here)),
        ("accessibility", m.Accessibility(**here)),
        ("contact there", m.Contact(**there)),
        ("phone there", m.Phone(number="1", **there)),
        ("schedule there", m.Schedule(**there)),
        ("holiday there", m.HolidaySchedule(**days, **there)),
        ("area there", m.ServiceArea(**there)),
    ):
        parts[name] = laid.lay(row)
    told = {}
    for name, part in parts.items():
        history = m.Metadata(part_of_id=owner, resource_table="x", resource_id=part)
        told[name] = laid.lay(history)
    mark = m.Attribute(part_of_id=owner, link_table="address", link_id=parts["address"], value="x")
    return place, told | {"mark": laid.lay(mark), "the address": parts["address"]}


def left(laid: Entries, told: dict[str, UUID]) -> list[str]:
    kept = {
        row
        for table in ("metadata", "attribute", "address", "quarantine")
        for (row,) in laid.rows(f"SELECT id FROM directory_{table}")
    }
    return [name for name, row in told.items() if row in kept]


def test_of_a_hidden_place_no_history_is_kept_nor_a_mark_on_its_address(
    laid: Entries,
) -> None:
    """sec.erase_hidden_location: that of each part goes, and of the other place, and of a service,
    stays. Every other row of these tables stays, too."""
    home = laid.organization()
    place, told = lay_told(laid, home, "a test")
    _, beside = lay_told(laid, home, "another test")
    service = laid.service(home)
    history = m.Metadata(part_of_id=home, resource_table="service", resource_id=service)
    beside["service"] = laid.lay(history)
    mark = m.Attribute(part_of_id=home, link_table="service", link_id=service, value="x")
    beside["mark of a service"] = laid.lay(mark)
    counts = (
        "SELECT (SELECT count(*) FROM directory_metadata), (SELECT count(*) FROM"
        " directory_attribute), (SELECT count(*) FROM directory_address)"
    )
    ((histories, marks, addresses),) = laid.rows(counts)
    assert (left(laid, told), left(laid, beside)) == ([*told], [*beside])
    laid.hide(place)
    assert (left(laid, told), left(laid, beside)) == ([], [*beside])
    gone = (len(told) - 2, 1, 1)  # all but the mark and the address are history
    assert laid.rows(counts) == [(histories - gone[0], marks - gone[1], addresses - gone[2])]


def test_of_a_hidden_place_nothing_waits_in_quarantine(laid: Entries) -> None:
    """sec.erase_hidden_location: by its id or its key of its own source, whatever names it."""
    home = laid.organization()
    den = laid.place(home, source="a test", external_id="den", **WHERE)
    laid.place(home, source="a test", external_id="hall", **WHERE)
    waiting = {}
    for number, (source, row) in enumerate(
        [
            ("a test", {"id": "den"}),
            ("a test", {"id": str(den)}),
            ("a test", {"id": "street", "location_id": "den"}),
            ("a test", {"id": "street", "location_id": str(den)}),
            ("a test", {"id": "hall"}),
            ("a test", {"id": "street", "location_id": "hall"}),
            ("a test", {"id": "", "location_id": ""}),
            ("a test", {"id": "street", "organization_id": "1"}),
            ("another test", {"id": "den"}),
            ("another test", {"id": "street", "location_id": "den"}),
        ]
    ):
        kept = m.Quarantine(source=source, table="x", row_number=number, reason="x", row=row)
        waiting[str(number)] = laid.lay(kept)
    assert left(laid, waiting) == [*waiting]
    laid.hide(den)
    assert left(laid, waiting) == [*waiting][4:]


@pytest.mark.parametrize("kind", ["postal", "physical"])
def test_nor_what_a_person_corrected_nor_an_organizations_own_address(
    laid: Entries, kind: str
) -> None:
    """sec.erase_hidden_location: in version 1 an address may name its organization only; its place
    has a key made of that (legacy_versions.py)."""
    home = laid.organization()
    den = laid.place(home, source="a test", external_id=f"organization-1-{kind}", **WHERE)
    waiting = {}
    for number, (row, corrected) in enumerate(
        [
            ({"id": "street", "organization_id": "1"}, None),
            ({"id": "street"}, {"id": "street", "organization_id": "1"}),
            ({"id": "street"}, {"id": "street", "location_id": str(den)}),
            ({"id": "x"}, {"id": str(den)}),
            ({"id": "street", "organization_id": "2"}, {"id": "street", "location_id": "hall"}),
            ({"id": "street"}, None),
        ]
    ):
        kept = m.Quarantine(source="a test", table="x", row_number=number, reason="x", row=row)
        kept.corrected = corrected
        waiting[str(number)] = laid.lay(kept)
    assert left(laid, waiting) == [*waiting]
    laid.hide(den)
    assert left(laid, waiting) == ["4", "5"]


@pytest.fixture
def _imported() -> Iterator[None]:
    """A public service, and a public place where it is not found yet."""
    public = changed(SECRET_PLACE, "services", 0, confidential="", description="")
    del public["service_at_location"]
    import_package(of_tables("test", public), "test")
    yield
    forget()


@pytest.mark.usefixtures("_imported")
@pytest.mark.parametrize("what", ["service", "organization"])
def test_a_link_hides_the_place_also_where_its_service_turns_confidential_meanwhile(
    superuser: Any, what: str
) -> None:
    """sec.hide_linked_place: the two wait for each other, else neither would see the other, and the
    place keep its address."""
    place, service, organization = (
        id_of("test", table, key)
        for table, key in (("location", "5"), ("service", "10"), ("organization", "1"))
    )
    link = (
        "INSERT INTO directory_serviceatlocation (id, source, external_id, part_of_id, position,"
        " service_id, location_id, description) VALUES (%s, 'test', '', %s, 0, %s, %s, '')"
    )
    hide: Any = m.Service if what == "service" else m.Organization
    row = hide.objects.using("jobs").filter(id=service if what == "service" else organization)
    with ThreadPoolExecutor(1) as pool:
        race = Race(superuser, pool)
        with race.held(link, [str(one) for one in (uuid4(), organization, service, place)]):
            hiding = race.start_and_wait(lambda: row.update(confidential=True))
        assert hiding.result(SOON) == 1
    assert m.Location.objects.using("jobs").get(id=place).confidential
    assert not m.Address.objects.using("jobs").filter(location_id=place).exists()
