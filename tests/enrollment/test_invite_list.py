"""An agency invites its people by a list: everyone on it, or no one."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from permissions.enrollment import invitations
from permissions.enrollment.join_links import PATH
from permissions.errors import Unavailable
from permissions.identity import row_macs
from permissions.models import Invitation, Membership, SealedMessage
from tests.enrollment.links import no_one_new_stays as no_one_new_stays  # a fixture
from tests.enrollment.links import path_in, sent
from tests.support.ground.stored_rows import rows
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.enrolled import new_person
from tests.support.people.staff_numbers import Give
from tests.support.people.staff_numbers import give_number as give_number  # a fixture

SIXTY = "name,roles,to,language\n" + "".join(
    f"Officer {number:02},worker{' lead' if number == 1 else ''},officer{number}@police.invalid,\n"
    for number in range(60)
)


def post(text: str, what: str = "invite", who: str = "police.admin") -> Any:
    return at_the_desk(who).submit("/desk/members/list", {"people": text, "what": what})


def test_sixty_people_are_looked_at_and_then_invited(network: Any, superuser: Any) -> None:
    page = text_of(post(SIXTY, "check").content)
    assert "Officer 59" in page
    assert "Invite everyone" in page
    assert not Invitation.objects.exists(), "a look invites no one"
    assert "Invited 60 people" in text_of(post(SIXTY).content)
    assert Invitation.objects.count() == SealedMessage.objects.count() == 60
    entries = rows(
        superuser,
        "SELECT cardinality(fields) FROM access_entry WHERE act = 'staff.invite'"
        " AND decision = 'allowed' ORDER BY xact DESC, id DESC LIMIT 1",
    )
    assert entries == [(60,)]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("Officer X", "A line has a name, roles and an address."),
        ("Officer X,worker,nowhere", "Enter a phone number"),
        ("Officer X,worker,a@b", "Enter an email address"),
        ("Officer X,chief,x@police.invalid", "Each role must be one of"),
        ("Officer X,auditor worker,x@police.invalid", "The role auditor excludes"),
        ("Officer X,worker,x@police.invalid,xx", "The language is en or es."),
        ("Officer X,worker,OFFICER3@police.invalid", "This address was on an earlier line."),
        (",worker,x@police.invalid", "name must be one line of plain text"),
        ("Officer X,worker,x@police.invalid,en,é", "A staff number has 1 to 64"),
        (f"Officer X,worker,x@police.invalid,en,{'7' * 65}", "A staff number has 1 to 64"),
        ("Officer X,worker,x@police.invalid,en,7,8", "A line has a name, roles and an address."),
    ],
)
def test_one_bad_line_invites_no_one_and_is_named(network: Any, line: str, says: str) -> None:
    answer = post(SIXTY + line)
    assert f"Line 62: {says}" in text_of(answer.content)
    assert "1 line has a fault. No one was invited." in text_of(answer.content)
    assert not Invitation.objects.exists()
    assert not SealedMessage.objects.exists()


def test_every_bad_line_is_named_at_once(network: Any) -> None:
    bad = ("Officer X", "Officer Y,worker,nowhere", "Officer Z,chief,z@police.invalid")
    said = text_of(post(SIXTY + "\n".join(bad)).content)
    for number, words in ((62, "A line has a name"), (63, "Enter a phone"), (64, "Each role")):
        assert f"Line {number}: {words}" in said
    assert "3 lines have a fault. No one was invited." in said
    assert not Invitation.objects.exists()


def test_a_list_that_is_stopped_half_way_invites_no_one(network: Any, superuser: Any) -> None:
    """The 201st invitation of a day is refused, and with it the whole list that has it."""
    for number in range(3):
        text = SIXTY.replace("@police", f"@police{number}")
        assert "Invited 60 people" in text_of(post(text).content)
    answer = post(SIXTY)
    assert answer.status_code == 429
    assert Invitation.objects.count() == SealedMessage.objects.count() == 180
    entries = rows(
        superuser,
        "SELECT decision FROM access_entry WHERE act = 'staff.invite' ORDER BY xact DESC LIMIT 1",
    )
    assert entries == [("refused",)]


def test_the_work_for_each_person_is_small_and_the_same(network: Any) -> None:
    """So that sixty take well under a minute: tests/slow/test_sixty_members.py says how long."""
    asked = []
    lines = SIXTY.splitlines(keepends=True)
    for number in (20, 40):
        with CaptureQueriesContext(connections["signin"]) as captured:
            people = "".join(lines[: number + 1]).replace("@police", f"@police{number}")
            assert f"Invited {number} people" in text_of(post(people).content)
        asked.append(len(captured))
    each = (asked[1] - asked[0]) / 20
    assert each == int(each) <= 6, asked
    assert asked[0] <= 20 * each + 60


def test_an_empty_list_is_said(network: Any) -> None:
    for text in ("", "name,roles,to,language\n", " \n \n"):
        assert "Please fill this in" in text_of(post(text).content), text


def test_only_an_administrator_uses_a_list(network: Any) -> None:
    pages = at_the_desk("police.lead", csrf=False)
    assert pages.get("/desk/members/list").status_code == 403
    given = {"people": SIXTY, "what": "invite"}
    assert pages.http.post("/desk/members/list", given).status_code == 403
    assert not Invitation.objects.exists()


NUMBERED = "name,roles,to,language,staff_ref\n" + "".join(
    f"Officer {one},worker,officer{one}@police.invalid,en,{ref}\n"
    for one, ref in enumerate(("4711", "", "NPI 99"))
)


def test_a_list_may_have_staff_numbers(network: Any) -> None:
    said = text_of(post(NUMBERED, "check").content)
    assert "staff number 4711" in said
    assert "Invited 3 people" in text_of(post(NUMBERED).content)
    found = Invitation.objects.order_by("name").values_list("staff_ref", flat=True)
    assert list(found) == ["4711", None, "NPI 99"]


def test_a_number_that_is_on_two_lines_or_a_members_invites_no_one(
    network: Any, give_number: Give
) -> None:
    twice = post(f"{NUMBERED}Officer X,worker,x@police.invalid,en,4711")
    assert "Line 5: This staff number was on an earlier line." in text_of(twice.content)
    give_number("police.lead", "NPI 99")
    answer = post(NUMBERED)
    assert answer.status_code == 409
    assert "Another member of your agency has this staff number." in text_of(answer.content)
    assert not Invitation.objects.exists()
    assert not SealedMessage.objects.exists()


def test_who_joins_by_the_list_has_the_number_if_it_is_still_free(
    network: Any, give_number: Give, superuser: Any
) -> None:
    lines = NUMBERED.splitlines(keepends=True)
    assert "Invited 1 person" in text_of(post("".join(lines[:2])).content)
    assert "Invited 1 person" in text_of(post(lines[0] + lines[3]).content)
    give_number("police.lead", "NPI 99")
    for one, ref, has, code in (
        (0, "4711", "4711", "staff_ref"),
        (2, "NPI 99", None, "no_staff_ref"),
    ):
        invitation = Invitation.objects.get(staff_ref=ref)
        member = joined(f"officer{one}@police.invalid")
        assert (member.staff_ref, member.name) == (has, invitation.name)
        assert row_macs.is_bound(member)
        entry = rows(
            superuser,
            "SELECT fields FROM access_entry WHERE act = 'staff.join' AND member_id = %s",
            [str(member.id)],
        )
        superuser.rollback()
        assert entry == [([f"invitation:{invitation.id.hex}", "worker", code],)]


def test_a_number_that_is_written_into_an_invitation_lets_no_one_join(
    network: Any, superuser: Any
) -> None:
    assert "Invited 1 person" in text_of(post("".join(NUMBERED.splitlines(True)[:2])).content)
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE permissions_invitation SET staff_ref = '1'")
    superuser.commit()
    with pytest.raises(Unavailable):
        joined("officer0@police.invalid")


def joined(address: str) -> Membership:
    """Who comes by the link that was sent there."""
    message = next(one for one in sent() if one["to"] == address)
    person, _given = new_person(f"new.{uuid4().hex[:12]}")
    return invitations.join(path_in(message).removeprefix(PATH), person)
