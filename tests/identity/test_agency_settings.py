"""An operator sets an agency's ways of work, its reviewer and its end."""

import re
import shlex
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from permissions.models import Agency, Membership
from tests.identity.operators import agency as agency  # a fixture
from tests.identity.operators import set_agency
from tests.identity.operators import worker as worker  # a fixture
from tests.support.ground.repository import REPOSITORY
from tests.support.people.callers import agency_id, member_id
from tests.support.people.enrolled import new_member


def test_an_agency_takes_referrals_by_phone_only_and_again_here(agency):
    assert "referrals: sent to it here\n" in set_agency(agency)
    assert "referrals: by phone only\n" in set_agency(agency, "--takes-notices", "no")
    assert not Agency.objects.using("jobs").get(id=agency).takes_notices
    assert "referrals: by phone only\n" in set_agency(agency), "and it stays so"
    name = Agency.objects.using("jobs").get(id=agency).name
    assert "referrals: sent to it here\n" in set_agency(name, "--takes-notices", "yes")


def test_an_agency_is_shown_with_all_that_an_operator_needs_and_no_address(agency, worker, api):
    said = set_agency(agency)
    assert said.startswith(f"agency {agency} Agency of ")
    for line in (
        "kind: social_service",
        "duties: ferpa",
        "status: active",
        "members: 1 active, 0 ended",
        "duty lines: none",
        "escalation lines: none",
        "emergency: 15,30,30,120 minutes (acknowledge, accept, hand off, expire)",
        "routine: 1,2,2,5 business days (acknowledge, accept, hand off, expire)",
        "holidays: none",
        "time zone: America/Denver",
    ):
        assert f"{line}\n" in said
    body = {"kind": "mail", "use": "duty", "address": "duty.desk@example.org"}
    added = api("ywca.admin").post("/v1/channels", body)
    assert added.status_code == 201, added.content
    try:
        said = set_agency(str(agency_id("ywca")))
        assert "duty lines: 1 mail\n" in said
        assert "duty.desk" not in said
    finally:
        api("ywca.admin").delete(f"/v1/channels/{added.json()['id']}")


def test_all_agencies_are_listed_where_none_is_named(agency):
    set_agency(agency, "--active", "no")
    out = StringIO()
    call_command("agency", "show", stdout=out)
    lines = out.getvalue().splitlines()
    assert len(lines) == Agency.objects.using("jobs").count()
    (line,) = (line for line in lines if line.startswith(agency))
    assert line.endswith("  social_service  (ended)")


@pytest.mark.parametrize("noun", ["agency", "deadlines"])
def test_to_set_nothing_is_refused_and_says_where_to_look(agency, noun):
    with pytest.raises(CommandError, match=f"at least one option. `manage.py {noun} show`"):
        call_command(noun, "set", agency, stdout=StringIO())


def test_a_command_without_a_verb_names_its_verbs():
    with pytest.raises(CommandError, match="Give a verb: add, show, set"):
        call_command("agency", stdout=StringIO())


def test_the_runbooks_lines_that_set_an_agency_are_taken(agency):
    text = (REPOSITORY / "deploy" / "RUNBOOK.md").read_text().replace("\\\n", " ")
    lines = re.findall(r'^    manage\.py (\w+) set "Sample Advocacy" ([^#\n]*)', text, re.MULTILINE)
    assert {noun for noun, _ in lines} == {"agency", "deadlines"}
    for noun, words in lines:
        words = words.replace("MEMBER_ID", str(member_id("ywca.lead")))
        call_command(noun, "set", agency, *shlex.split(words), stdout=StringIO())
    found = Agency.objects.using("jobs").get(id=agency)
    assert not found.takes_notices
    assert found.outside_reviewer_id == member_id("ywca.lead")
    assert found.durations == {"urgent": [30, 60, 240, 480]}
    assert len(found.opening_hours) == 7


def test_an_agency_of_one_names_who_outside_reviews_it(agency, worker):
    outside = str(member_id("ywca.lead"))
    assert f"outside reviewer: {outside}" in set_agency(agency, "--outside-reviewer", outside)
    for wrong in (str(worker[0].id), str(uuid4()), "ywca.lead"):
        with pytest.raises(CommandError, match="a member of another agency"):
            set_agency(agency, "--outside-reviewer", wrong)
    assert f"outside reviewer: {outside}" in set_agency(agency), "a refusal changes nothing"
    assert "outside reviewer: none" in set_agency(agency, "--outside-reviewer", "none")


def test_a_reviewer_must_not_work_in_the_reviewed_agency(agency):
    hospital = Membership.objects.using("signin").get(id=member_id("hospital.worker2"))
    new_member(agency, hospital.person, ["lead"])
    with pytest.raises(CommandError, match="no one may review themselves"):
        set_agency(agency, "--outside-reviewer", str(member_id("hospital.worker2")))
    assert "outside reviewer: none" in set_agency(agency)


def test_an_agency_that_ends_lets_no_one_in(agency, worker):
    said = set_agency(agency, "--active", "no", "--retention-days", "60", "--duty-phone", "")
    assert "status: ended, its members cannot sign in\n" in said
    assert "retention: 60 days\nduty phone: none\n" in said
    assert worker[1].get("/v1/referrals").status_code == 401
    with pytest.raises(CommandError, match="7 to 3650"):
        set_agency(agency, "--retention-days", "6", "--active", "yes")
    assert "status: ended" in set_agency(agency)
    with pytest.raises(CommandError, match=r"No agency has the id .* lists all agencies"):
        set_agency("Nowhere")
