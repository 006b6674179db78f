"""The auditor's work on the access log: filters, pages, trails and counts."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from api.desk import labels, log_labels
from api.v1.audit.access_log_filters import FILTERS
from permissions.audit import writer
from permissions.audit.queries import Filters
from permissions.audit.statistics import SPAN
from permissions.database.uuid7 import uuid7
from tests.access_log.audit_reads import EXPORT, LOG, clock, read_all_by
from tests.support.ground.database import full_story
from tests.support.people.access_log import handle, one, read_all, two_months
from tests.support.people.callers import Caller, agency_id, member_id, principal
from tests.support.people.stories import Story

# -- Filters and pages -----------------------------------------------------------------------------


def test_each_filter_gives_what_it_says_and_all_of_it(
    story: Story, api: Any, superuser: Any
) -> None:
    began = clock(superuser)
    full_story(story, api)
    api("ywca.worker").act(story.id, "open_packet", {"purpose": "safety"})
    api("ywca.client", acting="ywca.worker").get(f"/v1/referrals/{story.id}")
    api("ywca.worker").get(f"/v1/referrals/{uuid4()}")
    auditor = api("ywca.auditor")
    # Of this story alone: other tests leave entries of other times.
    window = {"since": began, "until": clock(superuser)}
    everything = read_all(auditor, window)
    subject = handle(superuser, story.id, "ywca")
    client = next(item["client_id"] for item in everything if item["client_id"])
    for query, fits in (
        ({"act": "referral.open_packet"}, lambda row: row["act"] == "referral.open_packet"),
        ({"decision": "refused"}, lambda row: row["decision"] == "refused"),
        (
            {"member_id": str(member_id("ywca.lead"))},
            lambda row: row["member_id"] == str(member_id("ywca.lead")),
        ),
        ({"client_id": client}, lambda row: row["client_id"] == client),
        ({"referral_id": story.id}, lambda row: row["referral_id"] == story.id),
        ({"subject": subject}, lambda row: row["subject"] == subject),
        ({"purpose": "safety"}, lambda row: row["purpose"] == "safety"),
        ({"self_assigned": "true"}, lambda row: row["act"] == "referral.self_assign"),
        (
            {"referral_id": story.id, "member_id": str(member_id("ywca.worker"))},
            lambda row: (
                (row["referral_id"], row["member_id"]) == (story.id, str(member_id("ywca.worker")))
            ),
        ),
    ):
        expected = [row for row in everything if fits(row)]
        assert expected, query
        found = read_all(auditor, query | window)
        assert found == expected, query
        by_page = read_all_by(auditor, 3, query | window)
        assert by_page == found, "page by page the same"


def test_an_entry_of_a_month_that_no_one_foresaw_is_read_in_its_place(
    api: Any, shift_clock: Any, superuser: Any
) -> None:
    """It is in the partition for all other times, which is read together with the months."""
    with superuser.cursor() as cursor:
        cursor.execute("SELECT begins, ends FROM sec.log_months()")
        begins, ends = cursor.fetchone()
    asked = []
    long_ago = datetime(2002, 2, 2, tzinfo=UTC)  # of no month that another test makes
    assert long_ago < begins
    worker = principal(api("sarc.worker"))
    for month in (long_ago, datetime.now(UTC), ends + timedelta(days=40)):
        shift_clock(str(month - datetime.now(UTC)))
        if month == long_ago:  # no token is issued then: the server's own clock judges it, too
            here = writer.Origin(uuid7(), "198.51.100.0/24")
            token = writer.origin.set(here)
            writer.log_refusal(worker, "referral.list", "role_missing")
            writer.origin.reset(token)
            asked.insert(0, str(here.request_id))
        else:
            answer = api("sarc.worker").get("/v1/referrals")
            assert answer.status_code == 200, answer.content
            asked.insert(0, answer["X-Request-Id"])
        shift_clock("0")
    question = "SELECT count(*) FROM access_entry_other WHERE request_id = ANY (%s::uuid[])"
    assert one(superuser, question, [asked]) == 2
    found = [row["request_id"] for row in read_all_by(api("sarc.auditor"), 1, {})]
    assert [id_ for id_ in found if id_ in asked] == asked, "newest first"


@pytest.mark.parametrize(
    "query",
    [
        {"client_id": "x"},
        {"subject": "x"},
        {"agency_id": "police"},
        {"self_assigned": "yes"},
        {"since": "2026-01-02T00:00:00Z", "until": "2026-01-02T00:00:00Z"},
        {"format": "xlsx"},
        {"purposes": "intake"},
        {"act": "x\x00"},
        {"act": "nonsense.act"},
        {"act": "referral.open_packet "},
        {"purpose": "zzz"},
        *({name: ""} for name in FILTERS),
    ],
)
def test_what_makes_no_sense_is_refused_by_the_list_and_by_the_export(
    api: Any, query: dict[str, str]
) -> None:
    for path in (LOG, EXPORT):
        answer = api("police.auditor").get(path, query)
        assert answer.status_code == 400, path
        assert answer.json()["detail"]
        assert "zzz" not in answer.json()["detail"], "it repeats nothing"


def test_every_act_and_purpose_of_the_vocabulary_may_be_asked_for(api: Any) -> None:
    auditor = api("outsider.auditor")
    for name, known in (("act", log_labels.LOGGED), ("purpose", dict(labels.PURPOSES))):
        for code in known:
            assert auditor.get(LOG, {name: code, "limit": "1"}).status_code == 200, code


# -- The trail of a referral -----------------------------------------------------------------------


def test_the_trail_of_a_referral_names_who_had_it_in_her_lists(story: Story, api: Any) -> None:
    story.accept()
    for who, times in (("ywca.worker2", 3), ("ywca.lead", 1), ("police.worker2", 2)):
        for _ in range(times):
            api(who).get("/v1/referrals")
    for key, expected in (
        ("ywca", {"Yoko Specimen": 3, "Yara Sample": 1}),
        ("police", {"Sam Specimen": 2}),
        ("outsider", {}),
    ):
        answer = api(f"{key}.auditor").get(f"{LOG}/listings", {"referral_id": story.id})
        assert answer.status_code == 200, answer.content
        found = {item["member_name"]: item["times"] for item in answer.json()["items"]}
        assert found == expected
    assert api("ywca.auditor").get(f"{LOG}/listings").status_code == 400


# -- Counts ----------------------------------------------------------------------------------------


def counted(caller: Caller, months: list[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for month in months:
        answer = caller.get(f"{LOG}/counts", {"month": month})
        assert answer.status_code == 200, answer.content
        found += answer.json()["items"]
    return found


def exact_counts(superuser: Any, month: str) -> dict[tuple[str, str, str, str | None], int]:
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT agency_id::text, act, decision, CASE WHEN decision = 'refused' THEN rule END,"
            " count(*) FROM access_entry WHERE agency_id IS NOT NULL"
            " AND to_char(at AT TIME ZONE 'UTC', 'YYYY-MM') = %s GROUP BY 1, 2, 3, 4",
            [month],
        )
        found = {row[:4]: row[4] for row in cursor.fetchall()}
    superuser.commit()
    return found


def test_counts_are_the_agencys_own_and_for_oversight_the_networks(
    story: Story, api: Any, superuser: Any, shift_clock: Any
) -> None:
    months = two_months()
    full_story(story, api)
    api(None).get("/v1/referrals")
    own = counted(api("ywca.auditor"), months)
    others = {str(agency_id("ywca")), str(agency_id("police"))}
    early = counted(api("taskforce.auditor"), months)
    assert not [
        item for item in early if item["agency_id"] in others and item["decision"] != "refused"
    ], "of a month that is not over"
    shift_clock("62 days")
    network = counted(api("taskforce.auditor"), months)
    assert {item["agency_id"] for item in own} == {str(agency_id("ywca"))}
    assert {item["agency_id"] for item in network} > {str(agency_id("police")), None}
    for month in months:
        exact = exact_counts(superuser, month)
        for item in counted(api("taskforce.auditor"), [month]):
            if item["agency_id"] is None or item["act"] == "access_log.counts":
                continue
            number = exact[item["agency_id"], item["act"], item["decision"], item["rule"]]
            if item["agency_id"] == str(agency_id("taskforce")):
                assert item["entries"] == number
            else:
                assert item["entries"] % 5 == 0
                assert item["entries"] <= number < item["entries"] + SPAN - 1, "room for one more"
    unknown = [item for item in network if item["agency_id"] is None]
    assert ("refused", "not_authenticated") in {(it["decision"], it["rule"]) for it in unknown}
    assert set(network[0]) == {"agency_id", "act", "decision", "rule", "entries"}
    for month_text in ("2026-13", "2026", "٢٠٢٦-01", ""):
        answer = api("ywca.auditor").get(f"{LOG}/counts", {"month": month_text})
        assert answer.status_code == 400
    shift_clock("0")


def test_filters_know_what_a_cursor_is_bound_to() -> None:
    assert Filters(act="a").scope != Filters(purpose="a").scope
