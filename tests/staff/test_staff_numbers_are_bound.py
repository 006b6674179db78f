"""A writer of the database changes, moves or brings back a staff number: no one acts by it."""

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from permissions.identity import row_macs
from permissions.models import Membership
from tests.desk.people import person as person  # a fixture
from tests.identity.bound_rows import copied, put_back, write
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import member_id
from tests.support.people.desk_pages import Pages, sign_in
from tests.support.people.staff_numbers import Give, named
from tests.support.people.staff_numbers import give_number as give_number  # a fixture

SET = "UPDATE permissions_membership SET staff_ref = %s WHERE id = %s"


def is_refused(answer_of: Callable[[], Any]) -> None:
    with capture_logs() as logged:
        answer = answer_of()
    assert (answer.status_code, answer.json()["code"]) == (503, "binding"), answer.content
    assert "row_not_bound" in {one["event"] for one in logged}


def test_a_row_without_a_number_is_bound_as_before(superuser: Any) -> None:
    """Its MAC is of the text of the release before: no column of later is in it."""
    member = Membership.objects.using("signin").get(id=member_id("ywca.worker"))
    assert member.staff_ref is None
    ((version, found),) = rows(
        superuser,
        "SELECT version, mac FROM row_mac WHERE kind = 'membership' AND row_id = %s",
        [str(member.id)],
    )
    superuser.rollback()
    before = [member.id, version, member.agency_id, member.person_id, member.roles, member.active]
    assert row_macs.is_right(found, "membership", before)


@pytest.mark.parametrize("by_hand", ["4712", None])
def test_a_number_is_changed_by_hand(
    api: Any,
    give_number: Give,
    superuser: Any,
    person: Callable[[str], dict[str, Any]],
    by_hand: str | None,
) -> None:
    give_number("ywca.worker", "4711")
    who = str(member_id("ywca.worker"))
    write(superuser, SET, [by_hand, who])
    try:
        system = api("ywca.client")
        if by_hand:
            is_refused(lambda: system.get("/v1/me", **named(by_hand)))
        is_refused(lambda: api("ywca.client", "ywca.worker").get("/v1/me"))
        unknown = system.get("/v1/me", **named("4711"))
        assert (unknown.status_code, unknown.json()["code"]) == (403, "acting_member_unknown")
        assert sign_in(Pages(), person("ywca.worker")).status_code == 503
    finally:
        write(superuser, SET, ["4711", who])
    assert api("ywca.client").get("/v1/me", **named("4711")).status_code == 200


def test_a_number_is_given_by_hand_to_a_member_without_one(api: Any, superuser: Any) -> None:
    who = str(member_id("ywca.lead"))
    write(superuser, SET, ["4711", who])
    try:
        is_refused(lambda: api("ywca.client").get("/v1/me", **named("4711")))
    finally:
        write(superuser, SET, [None, who])


def test_two_numbers_are_exchanged_by_hand(api: Any, give_number: Give, superuser: Any) -> None:
    give_number("ywca.worker", "4711")
    give_number("ywca.lead", "4712")
    pair = [str(member_id("ywca.worker")), str(member_id("ywca.lead"))]

    def exchange(first: str, second: str) -> None:
        write(superuser, SET, [None, pair[0]])
        write(superuser, SET, [second, pair[1]])
        write(superuser, SET, [first, pair[0]])

    exchange("4712", "4711")
    try:
        for staff_ref in ("4711", "4712"):
            is_refused(lambda one=staff_ref: api("ywca.client").get("/v1/me", **named(one)))
    finally:
        exchange("4711", "4712")


def test_an_older_copy_of_a_row_is_put_back_with_its_mac(
    api: Any, give_number: Give, superuser: Any
) -> None:
    """The badge moved to a colleague; the member who had it before would act with it again."""
    give_number("ywca.worker", "4711")
    who, other = str(member_id("ywca.worker")), str(member_id("ywca.worker2"))
    kept = [
        (
            "permissions_membership",
            "id",
            copied(superuser, "permissions_membership", "id = %s", [who]),
        ),
        ("row_mac", "row_id", copied(superuser, "row_mac", "row_id = %s", [who])),
    ]
    give_number("ywca.worker", None)
    give_number("ywca.worker2", "4711")
    now = [
        (
            "permissions_membership",
            "id",
            copied(superuser, "permissions_membership", "id = %s", [who]),
        ),
        ("row_mac", "row_id", copied(superuser, "row_mac", "row_id = %s", [who])),
    ]
    write(superuser, SET, [None, other])
    try:
        for table, key, row in kept:
            put_back(superuser, table, key, row)
        is_refused(lambda: api("ywca.client").get("/v1/me", **named("4711")))
    finally:
        for table, key, row in now:
            put_back(superuser, table, key, row)
        write(superuser, SET, ["4711", other])
    acts = api("ywca.client").get("/v1/me", **named("4711")).json()["member"]
    assert acts["id"] == other


def test_the_database_finds_another_member_for_a_number(
    api: Any, give_number: Give, superuser: Any
) -> None:
    """Its function lies: every row that it shows is bound, and of someone else."""
    give_number("ywca.worker", "4711")
    ((kept,),) = rows(
        superuser, "SELECT pg_get_functiondef('sec.acting_id_of(text)'::regprocedure)"
    )
    lie = kept.replace("m.staff_ref = staff_number", f"m.id = '{member_id('ywca.lead')}'")
    assert lie != kept
    try:
        with superuser.cursor() as cursor:
            cursor.execute(lie)
        superuser.commit()
        is_refused(lambda: api("ywca.client").get("/v1/me", **named("4711")))
    finally:
        with superuser.cursor() as cursor:
            cursor.execute(kept)
        superuser.commit()
    assert api("ywca.client").get("/v1/me", **named("4711")).status_code == 200
