"""Single conditions of the database's functions: what they keep off a confidential place and what
they remove with it (R4), while another place stays as it is."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg2.errors import CheckViolation

from directory import models as m
from tests.support.people.callers import agency_id
from tests.support.people.directory_rows import SHOW, WHERE, Entries, rows_taken_back


@pytest.fixture
def laid(superuser: Any, network: Any) -> Iterator[Entries]:
    with rows_taken_back(superuser) as found:
        yield found


def test_no_address_is_laid_at_a_hidden_place_nor_moved_there(laid: Entries) -> None:
    """sec.require_public_location"""
    home = laid.organization()
    den, hall = laid.place(home, confidential=True), laid.place(home)
    street = laid.address(home, hall)
    for there in (den, uuid4()):
        with laid.refused(CheckViolation, "confidential place"):
            laid.address(home, there)
        with laid.refused(CheckViolation, "confidential place"):
            change = "UPDATE directory_address SET location_id = %s WHERE id = %s"
            laid.run(change, there, street)


def settle(laid: Entries) -> None:
    """What the database asks at the commit."""
    laid.run("SET CONSTRAINTS ALL IMMEDIATE")
    laid.run("SET CONSTRAINTS ALL DEFERRED")


def seal(laid: Entries, place: UUID) -> UUID:
    """Something that ywca keeps of it."""
    laid.become("none")
    kept = m.ConfidentialAddress(
        location_id=place, agency_id=agency_id("ywca"), kek_version=1, key_bundle=b"", sealed=b""
    )
    found = laid.lay(kept)
    laid.become("jobs")
    return found


def sealed(laid: Entries) -> set[UUID]:
    laid.become("none")
    found = {row for (row,) in laid.rows("SELECT id FROM directory_confidential_address")}
    laid.become("jobs")
    return found


def test_a_place_is_public_again_once_nothing_confidential_is_found_there(
    laid: Entries,
) -> None:
    """sec.check_location_may_show: with what was sealed of it, and of no other."""
    home, closed = laid.organization(), laid.organization(confidential=True)
    den, hall, cellar, loft = (
        laid.place(owner, confidential=True) for owner in (home, home, closed, home)
    )
    link = laid.link(home, laid.service(home, confidential=True), den)
    kept = {place: seal(laid, place) for place in (den, hall, cellar, loft)}
    settle(laid)
    for place in (den, cellar):
        with laid.refused(CheckViolation, "something confidential"):
            laid.run(SHOW, place)
            settle(laid)
    laid.run(SHOW, hall)
    settle(laid)
    assert sealed(laid) == {kept[place] for place in (den, cellar, loft)}
    laid.run(SHOW, den)
    laid.run("DELETE FROM directory_serviceatlocation WHERE id = %s", link)
    settle(laid)
    assert sealed(laid) == {kept[place] for place in (cellar, loft)}


def test_a_place_that_is_hidden_at_the_commit_stays_hidden(laid: Entries) -> None:
    """sec.check_location_may_show: shown and hidden again in one transaction, or removed."""
    home = laid.organization()
    den, loft = (laid.place(home, confidential=True) for _ in range(2))
    laid.link(home, laid.service(home, confidential=True), den)
    kept = seal(laid, den)
    laid.run(SHOW, den)
    laid.hide(den)
    laid.run(SHOW, loft)
    laid.run("DELETE FROM directory_location WHERE id = %s", loft)
    settle(laid)
    assert sealed(laid) == {kept}


def test_the_middle_of_a_postcode_goes_with_its_last_address(laid: Entries) -> None:
    """sec.refresh_postcodes does not write any other row again."""
    home = laid.organization()
    streets = {
        code: [laid.address(home, laid.place(home, **WHERE), code) for _ in range(2)]
        for code in ("QX1", "QX2")
    }
    laid.run("SELECT sec.derive_postcodes('{QX1,QX2}')")
    middles = "SELECT postcode, ctid FROM directory_postcode WHERE derived"
    before = dict(laid.rows(middles))
    assert before.keys() >= {"QX1", "QX2"}
    end = "DELETE FROM directory_address WHERE id = %s"
    laid.run(end, streets["QX1"][0])
    one = dict(laid.rows(middles))
    assert one.keys() == before.keys(), "it was of two"
    laid.run(end, streets["QX1"][1])
    assert dict(laid.rows(middles)) == {c: v for c, v in before.items() if c != "QX1"}
    change = "UPDATE directory_address SET postal_code = 'QX3' WHERE id = ANY (%s)"
    laid.run(change, streets["QX2"])
    assert "QX2" not in dict(laid.rows(middles))
