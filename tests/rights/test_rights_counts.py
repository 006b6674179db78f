"""Counts of rights given: of months that are over, above a least number, without a referral that
ever barred anyone, and after a purge what they were before it."""

from typing import Any

import pytest

from referrals.deadlines import purge as purge_run
from referrals.rights import tally
from tests.support.ground.database import as_app
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.purging import keeps
from tests.support.people.stories import Story, service_of

LATER = "32 days"  # whatever day it is, the month is over
GIVEN = {"victim_rights": "given", "vine": "offered", "compensation": "declined"}


def story_with(api: Any, number: int, body: Any = GIVEN) -> Story:
    """A referral with so many records of the police."""
    story = Story(api, service_of("ywca")).accept()
    for _ in range(number):
        assert api("police.worker").act(story.id, "record_rights", body).status_code == 201
    return story


def counted(api: Any, who: str) -> dict[str, int | None]:
    answer = api(who).get("/v1/rights-counts")
    assert answer.status_code == 200, answer.content
    return {one["item"]: one["number"] for one in answer.json()["items"]}


def test_a_lead_counts_their_own_agency_and_the_coordinator_the_network(
    api: Any, shift_clock: Any
) -> None:
    story = story_with(api, 5)
    for _ in range(4):
        api("ywca.worker").act(story.id, "record_rights", {"vine": "offered"})
    assert counted(api, "police.lead") == {}, "this month is not over"
    shift_clock(LATER)
    assert counted(api, "police.lead") == {"victim_rights": 5, "vine": 5}
    assert counted(api, "ywca.lead") == {"vine": None}
    assert counted(api, "taskforce.coordinator") == {"victim_rights": 5, "vine": 9}


def test_what_was_only_offered_or_declined_is_not_counted(api: Any, shift_clock: Any) -> None:
    story_with(api, 5, {"victim_rights": "declined", "u_certification": "signed"})
    shift_clock(LATER)
    assert counted(api, "police.lead") == {}


@pytest.mark.parametrize("lifted", [False, True])
def test_a_referral_that_has_ever_barred_anyone_counts_only_for_the_network(
    lifted: bool, api: Any, shift_clock: Any, superuser: Any
) -> None:
    story_with(api, 5)
    barred = story_with(api, 2)
    whom = {"member_id": str(member_id("police.worker2"))}
    barred.sends("block", whom)
    if lifted:
        barred.sends("unblock", whom)
    shift_clock(LATER)
    for who in ("police.lead",):
        assert counted(api, who) == {"victim_rights": 5, "vine": 5}
    assert counted(api, "taskforce.coordinator") == {"victim_rights": 7, "vine": 7}


def test_a_barred_lead_is_answered_byte_for_byte_as_without_the_referral(
    api: Any, shift_clock: Any
) -> None:
    story_with(api, 6)
    shift_clock(LATER)
    without = api("police.lead").get("/v1/rights-counts").content
    shift_clock("0 days")
    barred = story_with(api, 6)
    barred.sends("block", {"member_id": str(member_id("police.lead"))})
    shift_clock(LATER)
    assert api("police.lead").get("/v1/rights-counts").content == without


def test_a_purge_leaves_the_counts_and_no_referral(
    api: Any, shift_clock: Any, superuser: Any
) -> None:
    story_with(api, 5)
    barred = story_with(api, 6)
    barred.sends("block", {"member_id": str(member_id("police.worker2"))})
    with keeps("police", 7):
        shift_clock("7 days 1 hour")
        purge_run.run()
        shift_clock("14 days 2 hours")
        assert purge_run.run()["sent"] == 2
    assert rows(superuser, "SELECT FROM rights_mark") == []
    kept = rows(
        superuser,
        "SELECT agency_id::text, item, number FROM rights_tally ORDER BY agency_id, item",
    )
    mine = agency_id("police")
    assert kept == [
        (str(mine), "victim_rights", 5),
        (str(mine), "vine", 5),
        (None, "victim_rights", 6),
        (None, "vine", 6),
    ]
    columns = "SELECT t::text FROM rights_tally t WHERE t::text LIKE ANY (%s)"
    ids = [f"%{one}%" for one in (barred.id, member_id("police.worker"))]
    assert rows(superuser, columns, [ids]) == []
    shift_clock("46 days")
    assert counted(api, "police.lead") == {"victim_rights": 5, "vine": 5}
    assert counted(api, "taskforce.coordinator") == {"victim_rights": 11, "vine": 11}


def test_no_role_of_a_request_reads_a_row_or_marks_what_is_not_theirs(
    api: Any, superuser: Any
) -> None:
    story = story_with(api, 1)
    for table in ("rights_mark", "rights_tally"):
        for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            allowed = "SELECT has_table_privilege('app', %s, %s)"
            assert rows(superuser, allowed, [table, privilege]) == [(False,)]
    before = rows(superuser, "SELECT count(*) FROM rights_mark")
    mark = "SELECT sec.mark_rights(%s, ARRAY[gen_random_uuid()], ARRAY[''::bytea])"
    for who in ("police.worker2", "outsider.worker", "police.auditor"):
        with pytest.raises(Exception, match="no such referral"), as_app(api(who)) as cursor:
            cursor.execute(mark, [story.id])
    assert rows(superuser, "SELECT count(*) FROM rights_mark") == before
    for who, network in (("police.worker", False), ("police.lead", True), ("police.admin", False)):
        with pytest.raises(Exception, match="no such counts"), as_app(api(who)) as cursor:
            cursor.execute("SELECT sec.rights_counts(%s)", [network])


def test_a_system_reads_them_for_a_lead_and_for_no_one_else(api: Any) -> None:
    ask = "/v1/rights-counts"
    assert api("police.client", acting="police.lead").get(ask).status_code == 200
    for acting in ("police.worker", None):
        assert api("police.client", acting=acting).get(ask).status_code == 403


def test_a_mark_of_another_secret_counts_for_nothing(
    api: Any, shift_clock: Any, superuser: Any
) -> None:
    """A tag that this server did not make, as a writer of the database would put there."""
    story_with(api, 5)
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE rights_mark SET tag = sha256(tag)")
    shift_clock(LATER)
    assert counted(api, "police.lead") == {}


def test_the_desk_shows_them(api: Any, shift_clock: Any) -> None:
    story_with(api, tally.LEAST)
    story_with(api, 1, {"ncmec": "called"})
    shift_clock(LATER)
    for who in ("police.lead", "taskforce.coordinator"):
        page = text_of(at_the_desk(who).get("/desk/rights-counts").content)
        assert "Notice of a victim's rights 5" in page
        assert "National Center for Missing & Exploited Children fewer than 5" in page
