"""A system or a coworker looks up the people of their own agency."""

from typing import Any

import pytest

from permissions.enrollment import members
from permissions.models import Membership
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id, member_id, principal, scoped
from tests.support.people.staff_numbers import Give
from tests.support.people.staff_numbers import give_number as give_number  # a fixture


def listed(caller: Any, **query: str) -> list[dict[str, Any]]:
    answer = caller.get("/v1/members", query)
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def ids(found: list[dict[str, Any]]) -> set[str]:
    return {one["id"] for one in found}


def live(key: str) -> set[str]:
    own = Membership.objects.using("signin").filter(agency_id=agency_id(key), live=True)
    return {str(one.id) for one in own}


def test_a_system_lists_the_live_members_of_its_agency(api: Any, give_number: Give) -> None:
    give_number("ywca.worker", "4711")
    give_number("police.worker", "4711")
    found = listed(scoped(api, "referrals:read"))
    assert ids(found) == live("ywca")
    (one,) = [one for one in found if one["id"] == str(member_id("ywca.worker"))]
    assert one == {
        "id": str(member_id("ywca.worker")),
        "name": "Yve Example",
        "roles": ["worker"],
        "duty": "reachable",
        "staff_ref": "4711",
    }


@pytest.mark.parametrize("who", ["ywca.worker", "ywca.lead", "ywca.editor", "ywca.admin"])
def test_those_who_work_there_list_their_coworkers(api: Any, who: str) -> None:
    assert ids(listed(api(who))) == live("ywca")


@pytest.mark.parametrize("who", ["ywca.auditor", "taskforce.coordinator"])
def test_those_who_only_review_or_count_do_not(api: Any, who: str, superuser: Any) -> None:
    answer = api(who).get("/v1/members")
    assert (answer.status_code, answer.json()["code"]) == (403, "role_missing")
    found = rows(
        superuser,
        "SELECT act, decision, rule FROM access_entry WHERE request_id = %s",
        [answer["X-Request-Id"]],
    )
    superuser.rollback()
    assert found == [("members.read", "refused", "role_missing")]
    if who == "ywca.auditor":
        assert api("ywca.client", who).get("/v1/members").status_code == 403, "nor by a system"


def test_no_one_sees_another_agencys_people(api: Any, give_number: Give) -> None:
    give_number("police.worker", "4711")
    for caller in (api("ywca.client"), api("ywca.worker"), api("outsider.worker")):
        assert not ids(listed(caller)) & live("police")
        assert listed(caller, staff_ref="4711") == []


def test_a_number_finds_exactly_one(api: Any, give_number: Give) -> None:
    give_number("ywca.worker", "A17")
    give_number("ywca.worker2", "A170")
    system = api("ywca.client")
    assert ids(listed(system, staff_ref="A17")) == {str(member_id("ywca.worker"))}
    for none in ("a17", "A1", "A17%", "%", "9"):
        assert listed(system, staff_ref=none) == [], none


def test_a_member_who_left_is_not_listed(api: Any, give_number: Give) -> None:
    give_number("ywca.worker2", "4711")
    admin, who = principal(api("ywca.admin")), member_id("ywca.worker2")
    members.end(admin, who)
    try:
        system = api("ywca.client")
        assert str(who) not in ids(listed(system))
        assert listed(system, staff_ref="4711") == []
        assert api("ywca.client", "ywca.worker2").get("/v1/members").status_code == 403
    finally:
        members.bring_back(admin, who)
    assert str(who) in ids(listed(api("ywca.client")))


def test_the_pages_together_are_the_whole_list_each_member_once(api: Any) -> None:
    system, seen, cursor = api("ywca.client"), [], ""
    for _page in range(20):
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = system.get("/v1/members", query).json()
        assert len(page["items"]) <= 2
        seen += [one["id"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert cursor is None
    assert len(seen) == len(set(seen))
    assert set(seen) == live("ywca")


def test_a_cursor_belongs_to_its_caller_and_filter(api: Any) -> None:
    cursor = api("ywca.client").get("/v1/members", {"limit": "1"}).json()["next"]
    for caller, query in (
        (api("police.client"), {"cursor": cursor}),
        (api("ywca.worker"), {"cursor": cursor}),
        (api("ywca.client"), {"cursor": cursor, "staff_ref": "4711"}),
        (api("ywca.client"), {"cursor": "x"}),
    ):
        answer = caller.get("/v1/members", query)
        assert (answer.status_code, answer.json()["code"]) == (400, "cursor")


@pytest.mark.parametrize(
    "query",
    [
        {"staff_ref": ""},
        {"staff_ref": " 1"},
        {"staff_ref": "x" * 65},
        {"staff_ref": "\u00e9"},
        {"limit": "0"},
        {"limit": "101"},
        {"name": "Yve"},
    ],
)
def test_what_is_not_documented_is_refused(api: Any, query: dict[str, str]) -> None:
    assert api("ywca.client").get("/v1/members", query).status_code == 400


def test_each_page_is_one_entry(api: Any, superuser: Any) -> None:
    answer = api("ywca.client").get("/v1/members", {"limit": "1"})
    found = rows(
        superuser,
        "SELECT act, decision FROM access_entry WHERE request_id = %s",
        [answer["X-Request-Id"]],
    )
    superuser.rollback()
    assert found == [("members.read", "allowed")]
