"""The operator invites an agency's first administrator and becomes no one by it."""

import re
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command

from permissions.enrollment import registered_numbers, spoken_codes
from permissions.errors import NotPossible
from permissions.keys import closings
from permissions.models import Invitation, Membership, RegisteredNumber
from tests.enrollment.links import add_app, chosen, path_in, sent
from tests.enrollment.links import no_one_new_stays as no_one_new_stays  # a fixture
from tests.identity.operators import LEAVES, add, set_agency
from tests.support.ground.races import Race
from tests.support.ground.races import race as race  # a fixture
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import Pages, at_the_desk, text_of

NUMBER = "406-555-0191"


@pytest.fixture
def agency(network: Any, superuser: Any) -> Any:
    """A new agency, whose number no one has confirmed."""
    words = ("--name", f"New Advocacy {uuid4()}", "--kind", "community_advocate")
    found = add("agency", *words, "--registered-number", NUMBER)["agency"]
    yield UUID(found)
    with superuser.cursor() as cursor:
        cursor.execute(LEAVES, {"agency": found})
    superuser.commit()


def invited(agency: UUID) -> str:
    out = StringIO()
    words = ("--name", "Fia First", "--mail", "fia@first.invalid")
    call_command("agency", "invite", str(agency), *words, stdout=out)
    assert "/join/" not in out.getvalue(), "the operator is shown no link"
    return path_in(next(one for one in sent() if "/join/" in one["text"]))


def confirm(agency: UUID, who: str = "police.lead") -> Any:
    number = RegisteredNumber.objects.get(agency_id=agency).number
    which = {"which": str(agency), "number": number}
    return at_the_desk(who, csrf=False).http.post("/desk/numbers", which)


def spoken() -> str:
    """The code that was spoken at the agency's number."""
    message = next(one for one in sent() if one["kind"] == "voice")
    assert message["to"] == "+14065550191"
    found = re.search(r"code: (\d{6})\.", message["text"])
    assert found
    return found[1]


def at_the_code(agency: UUID) -> Pages:
    pages = chosen(invited(agency))
    add_app()
    return pages


def test_the_first_administrator_joins_by_the_code_that_their_agency_heard(
    agency: UUID, superuser: Any
) -> None:
    pages = at_the_code(agency)
    assert "not confirmed yet" in text_of(pages.get("/join", follow=True).content)
    assert confirm(agency).status_code == 302
    assert "Call the number now" in text_of(pages.get("/join/code").content)
    pages.submit("/join/code", {"what": "call"})
    pages.submit("/join/code", {"code": spoken()})
    pages.submit("/join", {})
    found = Membership.objects.using("signin").get(agency_id=agency)
    assert (found.name, found.roles) == ("Fia First", ["agency_admin"])
    acts = rows(
        superuser,
        "SELECT act, member_id FROM access_entry WHERE agency_id = %s ORDER BY id",
        [str(agency)],
    )
    assert [act for act, _ in acts] == ["agency.add", "member.invite", "staff.join"]


def test_without_the_code_no_one_joins_whatever_is_guessed(agency: UUID) -> None:
    confirm(agency)
    pages = at_the_code(agency)
    pages.submit("/join/code", {"what": "call"})
    right = spoken()
    for guess in range(spoken_codes.MOST_TRIES):
        wrong = f"{(int(right) + 1 + guess) % 1_000_000:06d}"
        answer = pages.submit("/join/code", {"code": wrong})
        assert "This is not the code" in text_of(answer.content), guess
    answer = pages.submit("/join/code", {"code": right})
    assert "Too many wrong codes" in text_of(answer.content)
    pages.http.post("/join", pages.hidden("/join/code"), follow=True)
    assert not Membership.objects.using("signin").filter(agency_id=agency).exists()


def test_an_older_copy_of_the_row_gives_no_more_tries(agency: UUID, superuser: Any) -> None:
    confirm(agency)
    pages = at_the_code(agency)
    pages.submit("/join/code", {"what": "call"})
    right = spoken()
    copy = rows(superuser, "SELECT spoken_hash, spoken_ends_at FROM permissions_invitation")[0]
    for _ in range(spoken_codes.MOST_TRIES):
        pages.submit("/join/code", {"code": "x"})
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE permissions_invitation SET spoken_hash = %s, spoken_ends_at = %s", copy
        )
    superuser.commit()
    pages.submit("/join/code", {"code": right})
    assert not spoken_codes.is_given(Invitation.objects.get().id)


def test_guesses_at_the_same_time_each_count(agency: UUID, race: Race) -> None:
    confirm(agency)
    path = invited(agency)
    found = Invitation.objects.get(agency_id=agency)

    def guess() -> str:
        with pytest.raises(NotPossible) as refused:
            spoken_codes.take(path.removeprefix("/join/"), "000000")
        return str(refused.value.code)

    with race.held("SELECT FROM permissions_invitation WHERE id = %s FOR UPDATE", [found.id]):
        waiting = [race.start_and_wait(guess) for _ in range(3)]
    assert [one.result() for one in waiting] == ["no_code"] * 3
    assert closings.least_version(closings.subject_of("spoken tries", found.id)) == 3


def test_the_operator_invites_no_second_person(agency: UUID, superuser: Any) -> None:
    confirm(agency)
    pages = at_the_code(agency)
    pages.submit("/join/code", {"what": "call"})
    pages.submit("/join/code", {"code": spoken()})
    pages.submit("/join", {})
    with pytest.raises(CommandError, match="invites others"):
        invited(agency)
    with superuser.cursor() as cursor:  # nor where the database forgets that it had one
        cursor.execute("UPDATE permissions_invitation SET member_id = NULL")
        cursor.execute("DELETE FROM permissions_membership WHERE agency_id = %s", [str(agency)])
    superuser.commit()
    with pytest.raises(CommandError, match="invites others"):
        invited(agency)


@pytest.mark.parametrize("key", ["ywca", "solo", "taskforce"])
def test_the_operator_invites_no_one_to_an_agency_that_has_members(network: Any, key: str) -> None:
    with pytest.raises(CommandError, match="invites others"):
        invited(agency_id(key))


def test_a_number_is_confirmed_by_a_lead_of_another_agency_alone(agency: UUID) -> None:
    for who in ("police.worker", "police.admin", "police.auditor"):
        assert confirm(agency, who).status_code == 403, who
        assert at_the_desk(who).get("/desk/numbers").status_code == 403, who
    assert "New Advocacy" in text_of(at_the_desk("police.lead").get("/desk/numbers").content)
    wrong = {"which": str(agency), "number": "+14065550199"}
    answer = at_the_desk("police.lead", csrf=False).http.post("/desk/numbers", wrong)
    assert answer.status_code == 409
    unknown = {"which": str(uuid4()), "number": NUMBER}
    answer = at_the_desk("police.lead", csrf=False).http.post("/desk/numbers", unknown)
    assert answer.status_code == 404


def test_a_writer_of_the_database_changes_the_number_and_nothing_is_called(
    agency: UUID, superuser: Any
) -> None:
    confirm(agency)
    pages = at_the_code(agency)
    for change in ("number = '+14065550166'", "version = version + 1", "confirmed_by_id = NULL"):
        before = rows(superuser, "SELECT number, version, confirmed_by_id FROM"
                      " permissions_registerednumber")[0]  # fmt: skip
        with superuser.cursor() as cursor:
            cursor.execute(f"UPDATE permissions_registerednumber SET {change}")
        superuser.commit()
        assert pages.get("/join/code").status_code == 503, change
        with superuser.cursor() as cursor:
            cursor.execute(
                "UPDATE permissions_registerednumber SET number = %s, version = %s,"
                " confirmed_by_id = %s",
                [before[0], before[1], str(before[2])],
            )
        superuser.commit()
    assert pages.get("/join/code").status_code == 200


def test_an_older_copy_of_the_number_is_refused(agency: UUID, superuser: Any) -> None:
    older = rows(superuser, "SELECT version, mac FROM permissions_registerednumber")[0]
    confirm(agency)
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE permissions_registerednumber SET version = %s, mac = %s,"
            " confirmed_by_id = NULL",
            older,
        )
    superuser.commit()
    pages = at_the_code(agency)
    assert pages.get("/join/code").status_code == 503


def test_no_one_confirms_a_number_that_there_is_not(network: Any) -> None:
    """And so takes from the operator that they give the agency its first."""
    which = {"which": str(agency_id("sarc")), "number": ""}
    answer = at_the_desk("police.lead", csrf=False).http.post("/desk/numbers", which)
    assert answer.status_code == 404
    assert registered_numbers.registered(agency_id("sarc")) is None


def test_the_operator_gives_a_number_to_an_agency_that_never_had_a_member(
    network: Any, superuser: Any
) -> None:
    words = ("--name", f"New Agency {uuid4()}", "--kind", "legal")
    found = add("agency", *words)["agency"]
    try:
        set_agency(found, "--registered-number", NUMBER)
        assert RegisteredNumber.objects.get(agency_id=found).number == "+14065550191"
        for agency in (found, str(agency_id("ywca"))):
            with pytest.raises(CommandError, match="own people set its registered number"):
                set_agency(agency, "--registered-number", "406-555-0199")
    finally:
        with superuser.cursor() as cursor:
            cursor.execute(LEAVES, {"agency": found})
        superuser.commit()


# -- The agency changes its own --------------------------------------------------------------------


def change(who: str, **given: str) -> Any:
    return at_the_desk(who, csrf=False).http.post("/desk/number", given)


def test_two_of_its_own_people_change_an_agencys_number(network: Any) -> None:
    ywca = agency_id("ywca")
    assert change("ywca.admin", what="propose", address="406-555-0192").status_code == 302
    assert registered_numbers.callable_number(ywca) is None, "proposed alone"
    new = "+14065550192"
    assert change("ywca.admin", what="accept", number=new).status_code == 409, "the same person"
    assert "A second person" in text_of(at_the_desk("ywca.admin").get("/desk/number").content)
    assert change("ywca.worker", what="accept", number=new).status_code == 403
    assert change("police.lead", what="accept", number=new).status_code == 409
    assert change("ywca.lead", what="accept", number="+14065550193").status_code == 409
    assert change("ywca.lead", what="accept", number=new).status_code == 302
    row = registered_numbers.registered(ywca)
    assert row is not None
    assert (row.number, row.next_number) == (new, "")
    assert change("ywca.lead", what="accept", number=new).status_code == 409, "twice"


def test_a_proposal_can_be_dropped_and_a_bad_number_is_said(network: Any) -> None:
    assert change("ywca.lead", what="propose", address="406-555-0192").status_code == 302
    assert change("ywca.admin", what="withdraw").status_code == 302
    row = registered_numbers.registered(agency_id("ywca"))
    assert row is not None
    assert row.next_number == ""
    answer = change("ywca.lead", what="propose", address="900-555-0100")
    assert answer.status_code == 400
    assert "does not call this number" in text_of(answer.content)
