"""An agency of one changes its registered number with its outside reviewer as the second person."""

from typing import Any

import pytest

from permissions.enrollment import registered_numbers
from permissions.models import RegisteredNumber
from tests.enrollment.links import no_one_new_stays as no_one_new_stays  # a fixture
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.enrolled import new_member, new_person

NUMBER = "+14065550181"
PAGE = "/desk/numbers"


@pytest.fixture
def proposed(network: Any) -> None:
    """Sol, who works alone, has proposed a number."""
    answer = at_the_desk("solo.all").submit(
        "/desk/number", {"what": "propose", "address": "406-555-0181"}
    )
    assert "its outside reviewer accepts it" in text_of(answer.content)


def accept(who: str, number: str = NUMBER, agency: str = "solo", **how: Any) -> Any:
    given = {"which": str(agency_id(agency)), "number": number, "what": "accept"}
    return at_the_desk(who, csrf=False, **how).http.post(PAGE, given)


def test_the_outside_reviewer_accepts_it(proposed: None, superuser: Any) -> None:
    solo = agency_id("solo")
    assert "Numbers to confirm" in text_of(at_the_desk("ywca.lead").get("/desk/told").content)
    page = at_the_desk("ywca.lead").get(PAGE)
    assert "For you as the outside reviewer" in text_of(page.content)
    assert accept("ywca.lead").status_code == 302
    found = registered_numbers.registered(solo)
    assert found is not None
    assert (found.number, found.next_number) == (NUMBER, "")
    [entry] = rows(
        superuser,
        "SELECT member_id = %s, agency_id = %s, fields FROM access_entry"
        " WHERE act = 'agency.change_number' AND decision = 'allowed'"
        " ORDER BY xact DESC, id DESC LIMIT 1",
        [str(member_id("ywca.lead")), str(agency_id("ywca"))],
    )
    assert entry == (True, True, [f"agency:{solo.hex}", "in_force"])
    assert accept("ywca.lead").status_code == 409, "twice: none is proposed"
    assert "For you as" not in text_of(at_the_desk("ywca.lead").get(PAGE).content)


def test_no_one_else_does(proposed: None) -> None:
    for who in ("ywca.admin", "police.lead", "ywca.worker", "solo.all"):
        assert accept(who).status_code == 404, who
    assert accept("ywca.lead", "+14065550199").status_code == 409, "another number"
    assert accept("ywca.lead", code_age_s=16 * 60).status_code == 302
    assert RegisteredNumber.objects.get(agency_id=agency_id("solo")).number == ""
    assert at_the_desk("ywca.worker").get(PAGE).status_code == 403
    waits = text_of(at_the_desk("police.lead").get(PAGE).content)
    assert "No number waits." in waits, "it has none to confirm yet"


def test_the_proposer_does_not_accept_it_alone(proposed: None) -> None:
    given = {"what": "accept", "number": NUMBER}
    answer = at_the_desk("solo.all", csrf=False).http.post("/desk/number", given)
    assert answer.status_code == 409
    assert RegisteredNumber.objects.get(agency_id=agency_id("solo")).number == ""


def test_an_agency_with_a_second_member_does_it_itself(proposed: None) -> None:
    person, _sign_in = new_person("new.second")
    new_member(agency_id("solo"), person, ["lead"])
    assert accept("ywca.lead").status_code == 404
    assert "A second person" in text_of(at_the_desk("solo.all").get("/desk/number").content)


def test_a_forged_proposal_is_refused(proposed: None, superuser: Any) -> None:
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE permissions_registerednumber SET next_number = '+14065550166'")
    superuser.commit()
    assert accept("ywca.lead", "+14065550166").status_code == 503
    assert at_the_desk("ywca.lead").get(PAGE).status_code == 503
