"""What a source marks confidential is stored nowhere, even if other rows are refused."""

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from directory import models as m
from directory.importing.formats.source_formats import read
from directory.importing.import_package import import_package
from directory.importing.outcome import Report
from directory.importing.parsing import id_of
from permissions.database.aliases import JOBS
from tests.importing.takes import Take, outcome, service
from tests.importing.takes import take as take  # a fixture
from tests.support.ground.stale_projections import stale
from tests.support.people.hsds_source import SECRET_PLACE, STREET, changed, write_tables


def everything_stored(superuser: Any) -> str:
    """All rows of all tables of the directory, as text."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'directory%'"
        )
        tables = [name for (name,) in cursor.fetchall()]
        text = []
        for table in tables:
            cursor.execute(f"SELECT t::text FROM {table} t")
            text += [row for (row,) in cursor.fetchall()]
    assert len(tables) > 20
    return "\n".join(text).lower()


MARKS = ("quillfeather", "qx59899", "46.8765", "113.9876")


def test_the_address_of_a_confidential_service_is_stored_nowhere(
    take: Take, superuser: Any
) -> None:
    report = take(SECRET_PLACE)
    assert outcome(report, "addresses", 2) == ("mended", "of a confidential place: not stored")
    assert "names a confidential place" in outcome(report, "services", 2)[1]
    stored = everything_stored(superuser)
    assert "safe rooms" in stored
    assert [mark for mark in MARKS if mark in stored] == []
    assert [mark for mark in MARKS if mark in json.dumps(list(report.records())).lower()] == []


def test_nor_in_quarantine(take: Take, superuser: Any) -> None:
    tables = changed(SECRET_PLACE, "organizations", 0, name="")
    tables = changed(tables, "addresses", 0, city="")
    take(tables)
    kept = m.Quarantine.objects.using(JOBS).filter(source="test")
    assert {row.table for row in kept} >= {"addresses", "locations", "services"}
    stored = everything_stored(superuser)
    assert [mark for mark in MARKS if mark in stored] == []


def test_a_place_that_becomes_confidential_loses_its_address(take: Take, superuser: Any) -> None:
    public = changed(SECRET_PLACE, "services", 0, confidential="", description="")
    take(public)
    assert "quillfeather" in everything_stored(superuser)
    take(SECRET_PLACE)
    stored = everything_stored(superuser)
    assert [mark for mark in MARKS if mark in stored] == []


@pytest.mark.parametrize("marked", ["by the source", "here"])
@pytest.mark.parametrize("table", ["locations", "services"])
def test_a_place_that_goes_to_a_confidential_organization_loses_its_address(
    take: Take, superuser: Any, table: str, marked: str
) -> None:
    """By itself, or with the service that is found there."""
    closed = {"id": "2", "name": "Closed House", "description": "For tests."}
    if marked == "by the source":
        closed["confidential"] = "yes"
    public = changed(SECRET_PLACE, "services", 0, confidential="", description="")
    public["organizations"] = [*public["organizations"], closed]
    take(public)
    if marked == "here":
        here = m.Organization.objects.using(JOBS).filter(id=id_of("test", "organization", "2"))
        assert here.update(confidential=True) == 1
    assert "quillfeather" in everything_stored(superuser)
    moved = changed(public, table, 0, organization_id="2")
    report = take(moved)
    stored = everything_stored(superuser)
    assert [mark for mark in MARKS if mark in stored] == []
    assert outcome(report, "addresses", 2) == ("mended", "of a confidential place: not stored")
    assert take(moved).changes.total() == 0


def test_a_marker_set_here_stays_where_the_source_says_nothing(take: Take, superuser: Any) -> None:
    take(SECRET_PLACE)
    take(changed(SECRET_PLACE, "services", 0, confidential=""))
    assert service("10") is None
    stored = everything_stored(superuser)
    assert [mark for mark in MARKS if mark in stored] == []


def an_own_line_at_fault(tables: Any) -> Any:
    return changed(tables, "services", 0, name="")


def another_line_at_fault(tables: Any) -> Any:
    return changed(tables, "services", 1, name="")


def an_organization_at_fault(tables: Any) -> Any:
    return changed(tables, "organizations", 0, name="")


def no_organization(tables: Any) -> Any:
    return changed(tables, "services", 0, organization_id="")


def another_sources_id(tables: Any) -> Any:
    return changed(tables, "services", 1, id=ANOTHERS)


def what_the_database_refuses(tables: Any) -> Any:
    """A name that no index takes."""
    return changed(tables, "organizations", 0, name=secrets.token_hex(5000))


def reasons(report: Report) -> str:
    return "\n".join(str(record["why"]) for record in report.records())


ANOTHERS = "6a1e2c9a-44f1-4d4a-8b4e-0c3a5f0e7d12"
FAULTS = (
    an_own_line_at_fault,
    another_line_at_fault,
    an_organization_at_fault,
    no_organization,
    another_sources_id,
    what_the_database_refuses,
)


@pytest.mark.parametrize("marked", ["organizations", "services", "locations"])
@pytest.mark.parametrize("fault", FAULTS)
def test_what_the_source_hides_is_hidden_whatever_else_is_refused(
    take: Take, tmp_path: Path, superuser: Any, fault: Callable[[Any], Any], marked: str
) -> None:
    public = changed(SECRET_PLACE, "services", 0, confidential="", description="")
    take(public)
    theirs = {"id": ANOTHERS, "organization_id": "9", "name": "Theirs", "status": "active"}
    take({"organizations": [{"id": "9", "name": "Others"}], "services": [theirs]}, "theirs")
    take(public)
    hidden = fault(changed(public, marked, 0, confidential="yes"))
    dry = import_package(read(write_tables(tmp_path / "dry", hidden)), "test", dry=True)
    assert service("10")
    report = take(hidden)
    word = "hidden: the source marks it confidential"
    taken = fault is no_organization and marked != "services"  # which costs that service alone
    assert (word in reasons(report)) is not taken
    if fault is what_the_database_refuses:
        assert "refused (OperationalError)" in reasons(report)
    else:  # of what a database refuses a dry run knows nothing
        assert reasons(dry) == reasons(report)
    assert (service("10") is None) == (marked != "locations")
    stored = everything_stored(superuser)
    assert [mark for mark in MARKS if mark in stored] == []
    assert "safe rooms" in stored
    assert service(ANOTHERS, "theirs")
    assert stale("test") == {}
    again = take(hidden)
    assert again.changes.total() == 0
    assert word not in reasons(again)


def test_the_database_itself_refuses_and_forgets(take: Take) -> None:
    take(changed(SECRET_PLACE, "services", 0, confidential="", description=""))
    place, told = id_of("test", "location", "5"), id_of("test", "service", "10")
    addresses = m.Address.objects.using(JOBS).filter(location_id=place)
    assert addresses.count() == 1
    m.Service.objects.using(JOBS).filter(id=told).update(confidential=True)
    assert addresses.count() == 0
    location = m.Location.objects.using(JOBS).get(id=place)
    assert (location.confidential, location.latitude, location.transportation) == (True, None, "")
    with pytest.raises(IntegrityError), transaction.atomic(using=JOBS):
        m.Address.objects.using(JOBS).create(
            part_of_id=location.part_of_id, location_id=place, address_1=STREET, city="Missoula"
        )
    with pytest.raises(IntegrityError), transaction.atomic(using=JOBS):
        m.Location.objects.using(JOBS).filter(id=place).update(latitude=46.8)
