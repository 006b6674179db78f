"""A partner system names the member who acts by the number that it knows."""

from typing import Any
from uuid import uuid5

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from api.dev import demo
from permissions.enrollment import members
from permissions.errors import BadRequest, NotPermitted, NotPossible, NotVisible
from permissions.identity import credentials, row_macs
from permissions.models import Membership
from permissions.principal import Principal
from tests.support.ground.races import Race
from tests.support.ground.races import race as race  # a fixture
from tests.support.ground.stored_rows import rows
from tests.support.ground.waiting import SOON
from tests.support.people.binding import changed
from tests.support.people.callers import agency_id, member_id, principal, scoped
from tests.support.people.staff_numbers import Give, named
from tests.support.people.staff_numbers import give_number as give_number  # a fixture
from tests.support.people.stories import PACKET, Story

LONGEST = "~" * 64


def who_acts(caller: Any, staff_ref: str) -> Any:
    answer = caller.get("/v1/me", **named(staff_ref))
    assert answer.status_code == 200, answer.content
    return answer.json()["member"]


def membership(who: str) -> Membership:
    return Membership.objects.using("signin").get(id=member_id(who))


# -- Who acts --------------------------------------------------------------------------------------


def test_the_member_who_is_named_by_a_number_acts(
    story: Story, api: Any, give_number: Give, superuser: Any
) -> None:
    give_number("ywca.worker", "4711")
    story.send()
    system = api("ywca.client")
    answer = system.act(story.id, "accept", **named("4711"))
    assert answer.status_code == 200, answer.content
    assert answer.json()["holder"]["id"] == str(member_id("ywca.worker"))
    asked = (
        "SELECT member_id::text, client_id::text FROM access_entry"
        " WHERE request_id = %s AND decision = 'allowed'"
    )
    ids = str(member_id("ywca.worker")), str(uuid5(demo.NAMESPACE, "client ywca"))
    assert rows(superuser, asked, [answer["X-Request-Id"]]) == [ids]
    superuser.rollback()
    by_id = api("ywca.client", "ywca.worker").get(f"/v1/referrals/{story.id}")
    by_number = system.get(f"/v1/referrals/{story.id}", **named("4711"))
    assert by_number.content == by_id.content


def test_a_packet_opens_for_whom_the_number_names_and_for_no_one_else(
    story: Story, api: Any, give_number: Give
) -> None:
    give_number("ywca.worker", "4711")
    give_number("ywca.worker2", "4712")
    story.accept().release(*PACKET).packet(**PACKET)
    system, body = api("ywca.client"), {"purpose": "intake"}
    opened = system.act(story.id, "open_packet", body, **named("4711"))
    assert opened.json()["packet"] == PACKET
    refused = system.act(story.id, "open_packet", body, **named("4712"))
    assert (refused.status_code, refused.json()["code"]) == (403, "not_assigned")


def test_the_database_is_told_the_id_and_in_no_other_round_trip(
    api: Any, give_number: Give
) -> None:
    give_number("ywca.worker", "4711")
    secret, acting = api("ywca.client").secret, str(member_id("ywca.worker"))
    credentials.resolve_credential(secret)  # the statement is prepared from here on
    found: list[Principal | None] = []
    for name in (acting, "staff_ref:4711"):
        with CaptureQueriesContext(connections["default"]) as captured:
            found.append(credentials.resolve_credential(secret, name))
        assert len(captured) == 1
    assert found[0] == found[1]
    assert found[1] is not None
    assert found[1].acting == acting
    assert found[1].member_id == member_id("ywca.worker")


def test_two_agencies_have_the_same_number_and_each_names_its_own(
    api: Any, give_number: Give
) -> None:
    give_number("ywca.worker", "4711")
    give_number("police.worker", "4711")
    for key in ("ywca", "police"):
        acts = who_acts(api(f"{key}.client"), "4711")
        assert acts["id"] == str(member_id(f"{key}.worker"))


def test_a_number_may_have_all_that_is_printable(api: Any, give_number: Give) -> None:
    for staff_ref in ("7", LONGEST, "NPI 1234567893", "O'Hara; -- %s %(x)s", "staff_ref:4711"):
        give_number("ywca.worker", staff_ref)
        assert who_acts(api("ywca.client"), staff_ref)["staff_ref"] == staff_ref


# -- Who does not ----------------------------------------------------------------------------------


def test_a_number_that_names_no_live_member_is_refused_like_an_unknown_id(
    api: Any, give_number: Give, superuser: Any
) -> None:
    """No one's, another agency's, in other letters, one that was cleared, a member's who left."""
    give_number("police.worker", "4711")
    give_number("ywca.worker", "A1")
    give_number("ywca.worker", "A2")
    give_number("ywca.worker2", "4713")
    system, left = api("ywca.client"), Membership.objects.using("jobs")
    here = left.filter(id=member_id("ywca.worker2"))
    changed(here, active=False)
    try:
        bodies = set()
        for header in (
            "staff_ref:9999",
            "staff_ref:4711",
            "staff_ref:a2",
            "staff_ref:A1",
            "staff_ref:4713",
            "staff_ref:None",
            str(member_id("police.worker")),
        ):
            answer = system.get("/v1/me", Acting_Member=header)
            assert (answer.status_code, answer.json()["code"]) == (403, "acting_member_unknown")
            bodies.add(answer.content)
            entry = rows(
                superuser,
                "SELECT rule, agency_id::text, member_id FROM access_entry WHERE request_id = %s",
                [answer["X-Request-Id"]],
            )
            assert entry == [("acting_member_unknown", str(agency_id("ywca")), None)], header
            superuser.rollback()
        assert len(bodies) == 1
    finally:
        changed(here, active=True)


@pytest.mark.parametrize(
    "header",
    [
        *("staff_ref:", "staff_ref: 4711", "staff_ref:4711 ", "STAFF_REF:4711", "staff_ref=4711"),
        *("4711", f"staff_ref:{LONGEST}~", "staff_ref:\u00e9", "staff_ref:47\t11", "staff_ref"),
    ],
)
def test_what_is_neither_an_id_nor_a_number_is_malformed(api: Any, header: str) -> None:
    answer = api("ywca.client").get("/v1/me", Acting_Member=header)
    assert (answer.status_code, answer.json()["code"]) == (400, "acting_member")
    assert "4711" not in answer.json()["detail"]


def test_a_person_acts_as_themselves_whatever_they_name(api: Any, give_number: Give) -> None:
    give_number("ywca.lead", "4711")
    acts = who_acts(api("ywca.worker"), "4711")
    assert acts["id"] == str(member_id("ywca.worker"))
    assert who_acts(api("ywca.worker"), "9999")["id"] == acts["id"]


def test_a_number_gives_no_scope_and_no_role(story: Story, api: Any, give_number: Give) -> None:
    give_number("ywca.admin", "1")
    give_number("ywca.worker", "2")
    story.send()
    assert api("ywca.client").get(f"/v1/referrals/{story.id}", **named("1")).status_code == 404
    reads = scoped(api, "referrals:read")
    assert reads.act(story.id, "accept", **named("2")).json()["code"] == "scope_missing"


# -- Setting it ------------------------------------------------------------------------------------


def test_only_the_agencys_own_administrator_sets_a_number(api: Any, give_number: Give) -> None:
    give_number("ywca.worker", "4711")
    worker = member_id("ywca.worker")
    for who, refusal in (
        ("ywca.lead", NotPermitted),
        ("ywca.worker", NotPermitted),
        ("ywca.auditor", NotPermitted),
        ("ywca.client", NotPermitted),
        ("police.admin", NotVisible),
    ):
        with pytest.raises(refusal):
            members.set_staff_ref(principal(api(who)), worker, "4712")
    assert membership("ywca.worker").staff_ref == "4711"


def test_a_number_that_another_active_member_has_is_refused(api: Any, give_number: Give) -> None:
    give_number("ywca.worker", "4711")
    with pytest.raises(NotPossible) as refused:
        give_number("ywca.worker2", "4711")
    assert refused.value.code == "staff_ref_taken"
    give_number("ywca.worker", "4711")  # twice is safe
    give_number("ywca.worker", None)
    give_number("ywca.worker2", "4711")
    assert who_acts(api("ywca.client"), "4711")["id"] == str(member_id("ywca.worker2"))


@pytest.mark.parametrize(
    "text", ["", " 4711", "4711 ", f"{LONGEST}~", "47\n11", "4711\n", "\u0664"]
)
def test_what_cannot_be_a_number_is_refused(api: Any, give_number: Give, text: str) -> None:
    with pytest.raises(BadRequest):
        give_number("ywca.worker", text)
    assert membership("ywca.worker").staff_ref is None


def test_the_database_takes_no_such_number_either(superuser: Any) -> None:
    for text in ("", " 4711", f"{LONGEST}~", "4711\n", "\u00e9"):
        with superuser.cursor() as cursor:
            cursor.execute(
                "SELECT %s ~ regexp_replace(pg_get_constraintdef(oid), $$^.*~ '([^']*)'.*$$, '\\1')"
                " FROM pg_constraint WHERE conname = 'membership_staff_ref'",
                [text],
            )
            assert cursor.fetchone() == (False,), text
    superuser.rollback()


def test_the_log_says_that_it_was_set_and_not_which(give_number: Give, superuser: Any) -> None:
    give_number("ywca.worker", "badge 4711")
    give_number("ywca.worker", None)
    about = f"member:{member_id('ywca.worker').hex}"
    found = rows(
        superuser,
        "SELECT fields, member_id::text, e::text FROM access_entry e WHERE act = 'staff.set_ref'"
        " AND decision = 'allowed' ORDER BY xact DESC, id DESC LIMIT 2",
    )
    superuser.rollback()
    admin = str(member_id("ywca.admin"))
    assert [one[:2] for one in found] == [
        ([about, "no_staff_ref"], admin),
        ([about, "staff_ref"], admin),
    ]
    assert "badge" not in "".join(one[2] for one in found)


def test_two_administrators_give_one_number_at_once_and_one_is_refused(
    race: Race, api: Any, give_number: Give
) -> None:
    give_number("ywca.worker", None)
    give_number("ywca.worker2", None)
    admin = principal(api("ywca.admin"))

    def gives(who: str) -> Any:
        def call() -> str:
            try:
                members.set_staff_ref(admin, member_id(who), "4711")
            except NotPossible as refused:
                return refused.code
            return "given"

        return call

    row = "SELECT FROM permissions_membership WHERE id = %s FOR UPDATE"
    with race.held(row, [str(member_id("ywca.worker"))]):
        futures = [race.start_and_wait(gives(who)) for who in ("ywca.worker", "ywca.worker2")]
    assert [one.result(SOON) for one in futures] == ["given", "staff_ref_taken"]
    assert row_macs.is_bound(membership("ywca.worker"))


def test_a_member_who_comes_back_has_no_number(api: Any, give_number: Give) -> None:
    give_number("ywca.worker2", "4711")
    admin, who = principal(api("ywca.admin")), member_id("ywca.worker2")
    members.end(admin, who)
    try:
        with pytest.raises(NotVisible):
            members.set_staff_ref(admin, who, "4712")
        give_number("ywca.worker", "4711")
    finally:
        members.bring_back(admin, who)
    found = membership("ywca.worker2")
    assert (found.staff_ref, found.active) == (None, True)
    assert row_macs.is_bound(found)
    assert who_acts(api("ywca.client"), "4711")["id"] == str(member_id("ywca.worker"))
