"""Her agreement to the notice (R14): a no leaves a tally and nothing else; who cannot say is only
asked to be visited, and nothing of a packet is written or opened until her release."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.conftest import PACKET, Story, agency_id, service_of
from tests.database import as_app, opening, refused_for_want_of_rights
from tests.desk import at_the_desk, text_of
from tests.test_sealing import rows

TALLY = "SELECT agency_id, month, offered, declined FROM agreement_tally ORDER BY 1"


def everything(superuser: Any) -> dict[str, list[Any]]:
    """How many rows each table of the database has, the credentials of the test aside."""
    tables = rows(
        superuser,
        "SELECT c.oid::regclass::text FROM pg_class c WHERE relkind = 'r'"
        " AND relnamespace = 'public'::regnamespace",
    )
    found = {
        table: rows(superuser, f"SELECT t::text FROM {table} t ORDER BY 1") for (table,) in tables
    }
    for table in ("credential", "django_session", "permissions_cache"):
        found.pop(table)
    return found


def test_a_no_leaves_a_tally_and_no_other_trace(api: Any, superuser: Any) -> None:
    caller = api("police.worker")
    before = everything(superuser)
    for _ in range(2):
        assert caller.post("/v1/agreement-tally", {}).json() == {}
    after = everything(superuser)
    assert after.pop("agreement_tally")
    assert before.pop("agreement_tally") == []
    assert after == before, "no entry, no event, no key: nothing but the count"
    month = datetime.now(UTC).date().replace(day=1)
    ((agency, counted, *counts),) = rows(superuser, TALLY)
    assert (str(agency), counts) == (str(agency_id("police")), [2, 2])
    assert abs((counted - month).days) < 32
    shown = api("police.lead").get("/v1/agreement-tally").json()["items"]
    assert shown == [{"month": counted.isoformat(), "offered": 2, "declined": 2}]
    assert api("ywca.lead").get("/v1/agreement-tally").json() == {"items": []}


def test_a_sending_that_she_agrees_to_counts_as_offered(story: Story, superuser: Any) -> None:
    story.send()
    unasked = Story(story.api, story.service_id).create()
    unasked.sends("send", {"agreement": "not_asked_unsafe"})
    assert [row[2:] for row in rows(superuser, TALLY)] == [(1, 0)]


def test_the_desk_gives_her_the_number_and_counts(superuser: Any) -> None:
    desk = at_the_desk("police.worker")
    path = f"/desk/referrals/new?service={service_of('ywca')}"
    assert "She said no: give her the number" in text_of(desk.get(path).content)
    fields = desk.hidden(path, "/desk/said_no")
    answer = desk.http.post("/desk/said_no", fields)
    assert "Then nothing is sent" in text_of(answer.content)
    assert [row[2:] for row in rows(superuser, TALLY)] == [(1, 1)]
    assert rows(superuser, "SELECT FROM referral") == []


def test_who_cannot_say_is_only_asked_to_be_visited(story: Story, api: Any) -> None:
    for wanted, code in (("call_her_now", "wanted"), ("come_to_us", "wanted"), ("come_here", None)):
        story.create(wanted=wanted)
        answer = api("police.worker").act(story.id, "send", {"agreement": "cannot_say"})
        assert answer.json().get("code") == code, wanted


def test_no_packet_until_her_release_is_put(story: Story, api: Any) -> None:
    """What lay ready before does not count: she could not say when it was sent."""
    purpose = {"purpose": "service"}
    story.create(wanted="come_here").release(*PACKET).packet(**PACKET)
    story.sends("send", {"agreement": "cannot_say"}).answers("accept")
    write = api("police.worker").act(story.id, "put_packet", {"packet": PACKET})
    assert (write.status_code, write.json()["code"]) == (409, "no_release")
    for who in ("police.worker", "ywca.worker"):
        answer = api(who).act(story.id, "open_packet", purpose)
        assert (answer.status_code, answer.json()["code"]) == (409, "no_release"), who
    story.release(*PACKET).packet(**PACKET)
    for who in ("police.worker", "ywca.worker"):
        assert api(who).act(story.id, "open_packet", purpose).json()["packet"] == PACKET, who


def test_the_database_says_so_too(story: Story, api: Any, superuser: Any) -> None:
    story.create(wanted="come_here").release(*PACKET).packet(**PACKET)
    story.sends("send", {"agreement": "cannot_say"}).answers("accept")
    ((release, version),) = rows(
        superuser,
        "SELECT l.id, g.kek_version FROM release l JOIN packet_grant g USING (referral_id)",
    )
    with as_app(api("police.worker")) as cursor:
        assert refused_for_want_of_rights(
            cursor,
            "INSERT INTO packet_field (id, referral_id, from_agency_id, field, version, ciphertext)"
            " VALUES (gen_random_uuid(), %s, %s, 'name', 99, 'x')",
            [story.id, str(agency_id("police"))],
        )
        assert refused_for_want_of_rights(
            cursor,
            "SELECT sec.put_grant(gen_random_uuid(), %s, %s, '{name}', %s, 'x')",
            [story.id, release, version],
        )
        cursor.execute(*opening("police.worker", story.id, "open_packet"))
        cursor.execute("SELECT FROM packet_field")
        assert cursor.fetchall() == []


@pytest.mark.parametrize("who", ["police.admin", "police.auditor", "taskforce.coordinator"])
def test_who_does_no_casework_counts_nothing(who: str, api: Any, superuser: Any) -> None:
    assert api(who).post("/v1/agreement-tally", {}).status_code == 403
    with as_app(api(who)) as cursor:
        assert refused_for_want_of_rights(cursor, "SELECT sec.tally(true)")
    assert rows(superuser, TALLY) == []
