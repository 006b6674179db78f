"""A whole agency is barred, or all of it but its leads."""

from typing import Any

import pytest

from tests.referrals.blocked_referrals import assert_it_does_not_exist
from tests.referrals.blocked_referrals import opened as opened  # a fixture
from tests.support.ground.database import as_one_person
from tests.support.people.callers import member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import Story, bar, service_of, to


def test_a_whole_agency_is_barred_and_the_sender_is_told_before_sending(
    story: Story, api: Any
) -> None:
    story.create().sends("block", {"other_agency": True})
    answer = api("police.worker").act(story.id, "send", {"agreement": "agrees"})
    assert (answer.status_code, answer.json()["code"]) == (409, "nobody_to_answer")
    story.sends("unblock", {"other_agency": True}).send()


@pytest.mark.parametrize("who", ["ywca.worker", "ywca.lead", "ywca.worker2"])
def test_to_a_barred_agency_it_does_not_exist(opened: Story, api: Any, who: str) -> None:
    opened.sends("block", {"other_agency": True})
    assert_it_does_not_exist(api, who, opened)
    assert api("police.worker").get(f"/v1/referrals/{opened.id}").status_code == 200
    assert api("police.worker").get("/v1/barred-attempts").json()["items"][0]["member_id"] is None


@pytest.mark.parametrize("by", ["police.worker", "ywca.lead"])
def test_for_one_of_theirs_only_leads_of_the_recipient_see_it(
    opened: Story, api: Any, by: str
) -> None:
    assert api(by).act(opened.id, "leads_only").status_code == 200
    for who in ("ywca.worker", "ywca.worker2"):
        assert_it_does_not_exist(api, who, opened)
    shown = api("ywca.lead").get(f"/v1/referrals/{opened.id}").json()
    ours = by == "ywca.lead"
    assert [(one["kind"], one["ours"]) for one in shown["blocks"]] == [("leads_only", ours)]
    answer = api("ywca.lead").act(opened.id, "assign", to("ywca.worker2"))
    assert (answer.status_code, answer.json()["code"]) == (409, "barred")
    assert api("police.worker2").get(f"/v1/referrals/{opened.id}").status_code == 200
    assert api(by).act(opened.id, "end_leads_only").status_code == 200
    assert api("ywca.worker").get(f"/v1/referrals/{opened.id}").status_code == 200


def test_leads_only_is_refused_where_no_lead_would_be_left(
    story: Story, api: Any, superuser: Any
) -> None:
    change = "UPDATE permissions_membership SET roles = %s WHERE id = %s"
    lead = str(member_id("ywca.lead"))
    with superuser.cursor() as cursor:
        cursor.execute("SELECT roles FROM permissions_membership WHERE id = %s", [lead])
        (before,) = cursor.fetchone()
        cursor.execute(change, [["worker"], lead])
    try:
        story.create().sends("leads_only")
        answer = api("police.worker").act(story.id, "send", {"agreement": "agrees"})
        assert (answer.status_code, answer.json()["code"]) == (409, "nobody_to_answer")
        story.sends("end_leads_only").send()
        answer = api("police.worker").act(story.id, "leads_only")
        assert (answer.status_code, answer.json()["code"]) == (409, "nobody_to_answer")
        assert api("ywca.worker").get(f"/v1/referrals/{story.id}").status_code == 200
    finally:
        with superuser.cursor() as cursor:
            cursor.execute(change, [before, lead])


def test_a_person_is_barred_in_whichever_agency_she_serves(
    opened: Story, api: Any, superuser: Any
) -> None:
    """She is named by one side, and works for the other as well."""
    bar(api, "police.worker", opened, "police.worker2")
    with as_one_person(superuser, "police.worker2", "ywca.worker"):
        assert_it_does_not_exist(api, "ywca.worker", opened)


def test_a_side_that_begins_after_the_block_hides_it_too(story: Story, api: Any) -> None:
    story.create()
    assert api("police.worker").act(story.id, "leads_only").status_code == 200
    story.recipient = "ywca.lead"
    story.send().answers("accept")
    assert_it_does_not_exist(api, "ywca.worker", story)


def test_the_sender_bars_everybody_there_at_the_desk(story: Story, api: Any) -> None:
    story.service_id = service_of("ywca")
    story.create()
    pages = at_the_desk("police.worker")
    done = pages.submit(f"/desk/referrals/{story.id}/block", {"whom": "other_agency"})
    assert "everyone at Demo Women's Centre" in text_of(done.content)
