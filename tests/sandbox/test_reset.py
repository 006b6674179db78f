"""A reset brings back the seeded network, and leaves who acts, with what, and what was logged."""

from typing import Any

import pytest
from django.conf import settings

from api.sandbox import received, reset
from permissions.models import Membership
from tests.sandbox.asks import ask
from tests.support.ground.cleaning import CONTENT, content_tables
from tests.support.ground.database import full_story, turned_off
from tests.support.ground.http_client import HttpClient
from tests.support.people.binding import changed
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import Pages
from tests.support.people.stories import Story

CONFIRM = {"confirm": "reset"}
# What the tests empty and a reset does not: who is signed in, counts of strangers, the journal of
# what was taken away, and what an agency keeps of its own sign-in and directory.
STAYS = {
    *("credential", "django_session", "permissions_cache", "permissions_clientassertion"),
    *("permissions_signinprovider", "refusal_count", "closing", "epoch_due", "lost_act"),
    *("directory_proposal", "directory_source"),
    *("directory_duplicate", "directory_duplicate_scan", "directory_earlier_text"),
}


def counts(superuser: Any) -> dict[str, int]:
    found = {}
    with superuser.cursor() as cursor:
        for table in reset.content_tables(cursor):
            cursor.execute(f"SELECT count(*) FROM {table}")
            ((found[table],),) = cursor.fetchall()
    return {table: number for table, number in found.items() if number}


def logged(superuser: Any) -> int:
    with superuser.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM access_entry")
        ((number,),) = cursor.fetchall()
    return int(number)


def test_all_content_goes_and_everyone_goes_on(api: Any, story: Story, superuser: Any) -> None:
    callers = [api("police.worker"), api("police.client", acting="police.worker")]
    full_story(story, api)
    received.take("/demo/webhooks/mine", {}, b"{}")
    assert ask("clock", {"forward": "PT1M"}).status_code == 200
    before, entries = counts(superuser), logged(superuser)
    assert {"referral", "webhook_endpoint", "call_record", "channel"} <= set(before)

    answer = ask("reset", CONFIRM)
    assert (answer.status_code, answer.json()["ahead"]) == (200, "P0DT00H00M00S")
    seeded = counts(superuser)
    assert set(seeded) <= {
        *("channel", "channel_code", "on_call_rotation", "message", "recent_count", "count_cell"),
        *("count_seal", "network_figures", "earlier_year", "directory_unmet_search"),
    }
    assert received.newest() == []
    assert not settings.DEMO_MESSAGES.exists() or settings.DEMO_MESSAGES.stat().st_size < 1000
    assert logged(superuser) > entries, "the log stays"
    for caller in callers:
        shown = caller.get("/v1/referrals")
        assert (shown.status_code, shown.json()["items"]) == (200, [])
    Story(api, story.service_id).send().accept()

    assert ask("reset", CONFIRM).status_code == 200, "twice"
    again = counts(superuser)
    assert {name: again.get(name) for name in ("channel", "on_call_rotation")} == {
        name: seeded.get(name) for name in ("channel", "on_call_rotation")
    }


def lines_of(superuser: Any, key: str) -> set[str]:
    """The addresses that the people of an agency, and the agency itself, have."""
    with superuser.cursor() as cursor:
        cursor.execute("SELECT address FROM channel WHERE agency_id = %s", [str(agency_id(key))])
        return {address for (address,) in cursor.fetchall()}


LINES = {"duty@ywca.invalid", "+14065550176", "+14065550177"}


@pytest.mark.parametrize(
    ("table", "row", "left"),
    [
        ("permissions_membership", member_id("ywca.worker"), LINES - {"+14065550176"}),
        ("permissions_membership", member_id("ywca.lead"), LINES - {"+14065550177"}),
        ("permissions_membership", member_id("ywca.admin"), LINES - {"duty@ywca.invalid"}),
        ("permissions_agency", agency_id("ywca"), set()),
    ],
    ids=["worker", "lead", "admin", "agency"],
)
def test_who_has_ended_stays_ended_and_has_no_line(
    table: str, row: Any, left: set[str], superuser: Any
) -> None:
    with turned_off("jobs", table, "active", row):
        answer = ask("reset", CONFIRM)
        assert answer.status_code == 200, answer.content
        assert lines_of(superuser, "ywca") == left
        assert lines_of(superuser, "police"), "everybody else's are there"
        played = ask("scenarios/waiting")
        if row in (member_id("ywca.worker"), agency_id("ywca")):
            assert (played.status_code, played.json()["code"]) == (409, "not_possible")
        else:
            assert played.status_code == 201
    assert ask("reset", CONFIRM).status_code == 200
    assert lines_of(superuser, "ywca") == LINES


def test_who_has_another_role_now_keeps_it(superuser: Any) -> None:
    def give(role: str) -> None:
        admin = Membership.objects.using("jobs").filter(id=member_id("ywca.admin"))
        changed(admin, roles=[role])

    give("worker")
    try:
        answer = ask("reset", CONFIRM)
        assert answer.status_code == 200, answer.content
        assert lines_of(superuser, "ywca") == LINES - {"duty@ywca.invalid"}
    finally:
        give("agency_admin")


def test_what_is_emptied_is_what_tests_empty_but_for_what_stays(superuser: Any) -> None:
    with superuser.cursor() as cursor:
        everything = set(content_tables(cursor))
        emptied = set(reset.content_tables(cursor))
    assert set(CONTENT) - set(reset.CONTENT) == STAYS
    assert emptied <= everything
    assert not emptied & (STAYS - {"closing", "epoch_due", "lost_act"})
    assert not {one for one in emptied if one.startswith("permissions_")} - {
        "permissions_cardnotice",
    }


@pytest.mark.parametrize(
    "body", [{}, {"confirm": ""}, {"confirm": True}, {"confirm": "reset", "all": 1}, []]
)
def test_what_does_not_say_so_deletes_nothing(story: Story, superuser: Any, body: Any) -> None:
    story.send()
    assert ask("reset", body).status_code == 400
    assert counts(superuser)["referral"] == 1


def test_another_site_resets_nothing(story: Story, superuser: Any) -> None:
    story.send()
    http = HttpClient(enforce_csrf_checks=True)
    assert http.post("/demo/reset", CONFIRM).status_code == 403
    body = b'{"confirm": "reset"}'
    assert http.post("/demo/reset", body, content_type="text/plain").status_code == 415
    assert http.get("/demo/reset").status_code == 405
    assert counts(superuser)["referral"] == 1
    answer = Pages().submit("/demo", action="/demo/reset")
    assert answer.status_code == 200
    assert "Everything is as at the first start." in answer.content.decode()
    assert "referral" not in counts(superuser)
