"""An auditor reads the entries of their own agency's people only."""

import json
from typing import Any

import pytest
from django.db import connections

from tests.support.ground.database import (
    full_story,
    identify,
)
from tests.support.people.access_log import (
    handle,
    one,
    read_all,
)
from tests.support.people.callers import agency_id
from tests.support.people.stories import PACKET, Story


def test_an_auditor_reads_the_own_peoples_entries_and_never_the_other_sides(
    story: Story, api: Any, superuser: Any
) -> None:
    full_story(story, api)
    api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"})
    api("outsider.worker").get(f"/v1/referrals/{story.id}")
    for key in ("police", "ywca", "outsider"):
        found = read_all(api(f"{key}.auditor"), {"referral_id": story.id})
        assert found, key
        ids = [item["id"] for item in found]
        others = one(
            superuser,
            "SELECT count(*) FROM access_entry WHERE id = ANY (%s::uuid[])"
            " AND agency_id IS DISTINCT FROM %s",
            [ids, str(agency_id(key))],
        )
        assert others == 0
    police = read_all(api("police.auditor"), {"referral_id": story.id})
    assert {item["act"] for item in police}.isdisjoint({"referral.accept", "referral.open_packet"})
    assert handle(superuser, story.id, "ywca") not in json.dumps(police)
    ours = read_all(api("ywca.auditor"), {"referral_id": story.id, "act": "referral.open_packet"})
    assert [(item["member_name"], item["purpose"]) for item in ours] == [("Yve Example", "intake")]
    text = json.dumps(read_all(api("ywca.auditor")))
    for value in PACKET.values():
        assert value not in text


@pytest.mark.parametrize(
    "query",
    [
        {"act": "referral.read\x00"},
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "9" * 5000},
        {"limit": "٥"},
        {"decision": "maybe"},
        {"since": "yesterday"},
        {"since": "2026-01-01T00:00:00"},
        {"member_id": "police.worker"},
        {"cursor": "AAAA"},
        {"agency_id": "every"},
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_never_ignored(api: Any, query: Any) -> None:
    assert api("police.auditor").get("/v1/access-log", query).status_code == 400
    if {"limit", "cursor"} & set(query):
        assert api("police.worker").get("/v1/referrals", query).status_code == 400


def test_reading_the_log_is_in_the_log(api: Any) -> None:
    auditor = api("police.auditor")
    first = auditor.get("/v1/access-log")
    second = read_all(auditor, {"act": "access_log.read", "limit": "1"})
    assert first["X-Request-Id"] in {item["request_id"] for item in second}


@pytest.mark.parametrize(
    ("who", "acting"),
    [
        ("police.worker", None),
        ("police.lead", None),
        ("police.admin", None),
        ("taskforce.coordinator", None),
        ("police.client", None),
        ("police.client", "police.worker"),
    ],
)
def test_no_one_but_an_auditor_reads_it(api: Any, who: str, acting: str | None) -> None:
    assert api(who, acting).get("/v1/access-log").status_code == 403


def test_an_auditors_query_reaches_no_other_agencys_row_even_when_it_is_injected(
    story: Story, api: Any
) -> None:
    story.accept()
    with connections["auditor"].cursor() as cursor:
        for who, expected in (
            ("police.auditor", {agency_id("police")}),
            ("taskforce.auditor", {agency_id("taskforce")}),
            ("police.worker", set()),
            (None, set()),
        ):
            caller = api(who)
            if who == "taskforce.auditor":
                caller.get("/v1/access-log")
            cursor.execute("BEGIN")
            identify(cursor, caller)
            cursor.execute("SELECT DISTINCT agency_id FROM access_entry")
            seen = {agency for (agency,) in cursor.fetchall()}
            cursor.execute("ROLLBACK")
            assert seen == expected, who
