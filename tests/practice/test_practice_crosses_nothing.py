"""Practice crosses into nothing live (ADR 0091): every route answers everyone the same, whether or
not people practiced, and in practice nothing live is shown.

In one of two worlds people practice a referral from the notice to its end, with a packet, and its
clocks run. A new route is compared the day it is added.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connections

from api.http.authentication import SESSION_KEY
from referrals.notifications import sent_messages
from tests.support.ground.cleaning import TableCleaner
from tests.support.ground.database import identify
from tests.support.ground.short_form import in_both_forms
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.exercises import Exercise, accept_and_share
from tests.support.people.notifications import PEOPLE, keep, work
from tests.support.people.stories import Story
from tests.support.people.webhooks import receiver as receiver  # a fixture
from tests.support.people.webhooks import work as send_webhooks
from tests.support.proofs import routes
from tests.support.proofs.matrix import TryOut
from tests.support.proofs.two_worlds import World, difference, within_half_an_hour
from tests.support.servers.message_servers import MailServer, PhoneProvider
from tests.support.servers.webhook_receiver import Receiver
from tests.webhooks.endpoints import made

PRACTICING = ("police.lead", "ywca.worker")
WHO = (
    *("police.lead", "police.auditor", "ywca.worker", "ywca.lead", "ywca.admin", "ywca.client"),
    *("taskforce.coordinator", "taskforce.auditor"),
)
LEFT_OUT = {
    # Sizes of the log's tree, which holds every entry of the network: practice too is sealed.
    *("v1/access-log/seals", "v1/access-log/checkpoints", "v1/access-log/<uuid:entry_id>/proof"),
    "desk/access-log/seals",
    # All that the log has of earlier tests too: compared by markers and counts below.
    *("v1/access-log/counts", "desk/access-log", "desk/access-log/export"),
    *("desk/access-log/counts", "v1/access-log/export"),
    "desk/agency/changes",
    "accounts/app",  # a new random secret, each time as a picture
    # Whether the machine answers in time: another on a busy one, for every caller alike.
    *("healthz", "health/ready"),
    # Of everyone: on one machine, for a demonstration.
    *("demo", "demo/clock", "demo/messages", "demo/webhooks"),
    "metrics",  # the whole server's, for its operator: for anyone else there is no such page
    *("accounts/logout", "leave", "desk/agency"),  # end the session
}
QUERIES = {
    "v1/referrals": ["", "box=in&limit=1", "box=out", "unheld=true"],
    "v1/events": ["", "limit=1"],
    "v1/access-log": ["since={since}", "since={since}&decision=refused"],
    "v1/messages": ["", "state=waiting", "state=dead"],
}


@pytest.fixture
def live(
    api: Any,
    empty_tables: TableCleaner,
    mails: MailServer,
    phones: PhoneProvider,
    receiver: Receiver,
    superuser: Any,
) -> Callable[[bool, bool], dict[str, Any]]:
    """Live a day, with practice or without; return all that each of them was answered."""

    def day(practiced: bool, short: bool) -> dict[str, Any]:
        empty_tables()
        worlds = [World(api, who) for who in WHO]

        def step(name: str) -> None:
            for world in worlds:
                world.step(name)

        step("before")
        for one, number in PEOPLE.items():
            keep(api, one, "sms", number)
        step("own")
        hook, try_out = made(api, receiver)["id"], TryOut(api)
        exercise = Exercise({one: at_the_desk(one) for one in PRACTICING})
        before = log_of(superuser)
        step("practice")
        if practiced:
            practice(exercise)
        work()
        send_webhooks()
        step("looks")
        found = {}
        for number, world in enumerate(worlds):
            world.begin(hook, try_out)
            turn = (number, len(worlds)) if short else (0, 1)
            for asked, answer in world.answers(LEFT_OUT, QUERIES, turn).items():
                found[f"{world.who}: {asked}"] = answer
        counts = {key: n - before.get(key, 0) for key, n in log_of(superuser).items()}
        return found | {"the log grew": {key: n for key, n in counts.items() if n}}

    return day


def practice(exercise: Exercise) -> None:
    exercise.begin().join("ywca.worker")
    exercise.refer()
    assert exercise.id
    accept_and_share(exercise)
    first = exercise.id
    exercise.refer()  # and one that no one answers
    assert exercise.id not in ("", first)


def log_of(superuser: Any) -> dict[tuple[str, ...], int]:
    """How many entries of what live agencies have. Unknown callers' are one a minute."""
    found = rows(
        superuser,
        "SELECT e.agency_id::text, e.act, coalesce(e.rule, ''), count(*)"
        " FROM access_entry e JOIN permissions_agency a ON a.id = e.agency_id"
        " WHERE a.exercise_id IS NULL"
        " GROUP BY 1, 2, 3",
        [],
    )
    return {(agency, act, rule): number for agency, act, rule, number in found}


@in_both_forms
def test_no_route_tells_that_people_practiced(
    short: bool, live: Callable[..., dict[str, Any]]
) -> None:
    """In short: each route by one of them, in turn."""
    without, with_it = within_half_an_hour(lambda: (live(False, short), live(True, short)))
    assert without.keys() == with_it.keys()
    told = {asked: difference(without[asked], with_it[asked]) for asked in without}
    assert {asked: words for asked, words in told.items() if words} == {}


def test_the_log_shows_practice_to_no_auditor_who_does_not_ask_for_it(
    api: Any, superuser: Any
) -> None:
    exercise = Exercise()
    practice(exercise)
    ids = practice_ids(superuser)
    assert len(ids) > 8
    month = f"{datetime.now(UTC):%Y-%m}"
    for key in ("police", "ywca", "taskforce"):
        caller, desk = api(f"{key}.auditor"), at_the_desk(f"{key}.auditor")
        pages = {
            "the list": caller.get("/v1/access-log", {"limit": "100"}),
            "the counts": caller.get("/v1/access-log/counts", {"month": month}),
            "the file": caller.get("/v1/access-log/export", {"format": "ndjson"}),
            "the sealed file": caller.get("/v1/access-log/export", {"format": "sealed"}),
            "the page": desk.get("/desk/access-log"),
            "the page of counts": desk.get("/desk/access-log/counts"),
            "the trail": desk.get("/desk/access-log", {"referral": exercise.id}),
            "lists": caller.get("/v1/access-log/listings", {"referral_id": exercise.id}),
        }
        for name, page in pages.items():
            assert page.status_code == 200, (name, page.content)
            body = whole(page)
            asked = {exercise.id} if name in ("the trail", "lists") else set()
            assert [one for one in ids - asked if one in body] == [], (key, name)
            acts = re.sub(r'<option value="practice[^>]*>', "", body)  # what may be looked for
            assert "practice." not in acts, (key, name)


def test_in_practice_nothing_live_is_shown(api: Any, story: Story, superuser: Any) -> None:
    story.accept()
    exercise = Exercise()
    practice(exercise)
    reference = api(story.sender).get(f"/v1/referrals/{story.id}").json()["reference"]
    for who in PRACTICING:
        desk = exercise.desks[who]
        for route, pattern in routes.served():
            if "GET" not in routes.methods_of(pattern) or route in LEFT_OUT:
                continue
            page = desk.get(routes.filled(route, referral_id=story.id))
            body = whole(page).replace(f"/{story.id}", "")  # the address that was asked for
            assert story.id not in body, (who, route)
            assert reference not in body.replace("\xa0", ""), (who, route)
            assert page.status_code in (200, 302, 403, 404, 400, 401, 405), (who, route)
        assert desk.get(f"/desk/referrals/{story.id}").status_code == 404
    for who in PRACTICING:
        with connections["default"].cursor() as cursor:
            cursor.execute("BEGIN")
            secret = exercise.desks[who].http.session[SESSION_KEY]
            identify(cursor, api(None).__class__("practice", secret))
            cursor.execute("SELECT array_agg(id::text) FROM referral")
            seen = cursor.fetchone()[0]
            cursor.execute("ROLLBACK")
        assert exercise.id in seen
        assert story.id not in seen


def test_no_message_reaches_anyone_but_who_is_in_the_exercise(
    api: Any, phones: PhoneProvider, mails: MailServer, receiver: Receiver, shift_clock: Any
) -> None:
    made(api, receiver)
    for one, number in PEOPLE.items():
        keep(api, one, "sms", number)
    keep(api, "ywca.admin", "mail", "duty@ywca.invalid", use="duty")
    exercise = Exercise()
    practice(exercise)
    before = sent_messages.counts()
    work()
    shift_clock("20 minutes")  # past the first deadline: the clocks of practice run
    work()
    send_webhooks()
    assert {form["To"] for _, form in phones.received} == {"+14065550173", "+14065550181"}
    assert all("PRACTICE ONLY" in form["Body"] for _, form in phones.received)
    assert mails.received == []
    assert receiver.had == []
    assert sent_messages.counts() == before
    phones.received.clear()
    exercise.desks["ywca.worker"].submit("/desk/", {}, action="/desk/practice/leave")
    exercise.refer()
    work()
    assert {form["To"] for _, form in phones.received} <= {"+14065550173"}, "who left is left alone"


def test_no_one_writes_a_referral_between_practice_and_live(api: Any, superuser: Any) -> None:
    """Whatever the code does: the database refuses it."""
    exercise = Exercise()
    practice(exercise)
    ((twin,),) = rows(
        superuser,
        "SELECT id::text FROM permissions_agency WHERE practice_of_id = %s",
        [str(agency_id("ywca"))],
    )
    change = (
        "INSERT INTO referral (SELECT (jsonb_populate_record(r, jsonb_build_object("
        "'id', gen_random_uuid(), 'reference', 'XXXXXX', %s, %s))).* FROM referral r"
        " WHERE id = %s)"
    )
    for column, agency in (
        ("to_agency_id", str(agency_id("ywca"))),
        ("from_agency_id", str(agency_id("police"))),
    ):
        with superuser.cursor() as cursor, pytest.raises(Exception, match="do not meet"):
            cursor.execute(change, [column, agency, exercise.id])
        superuser.rollback()
    for column in ("exercise_id", "practice_of_id"):
        with superuser.cursor() as cursor, pytest.raises(Exception, match="stays"):
            cursor.execute(
                "UPDATE permissions_agency SET exercise_id = NULL, practice_of_id = NULL"
                f" WHERE id = %s AND {column} IS NOT NULL",
                [twin],
            )
        superuser.rollback()


def practice_ids(superuser: Any) -> set[str]:
    """The ids of all agencies and members in exercises, and of their referrals and entries."""
    twins = "SELECT id FROM permissions_agency WHERE exercise_id IS NOT NULL"
    found = rows(
        superuser,
        f"SELECT id::text FROM permissions_agency WHERE id IN ({twins})"
        f" UNION SELECT id::text FROM permissions_membership WHERE agency_id IN ({twins})"
        f" UNION SELECT id::text FROM referral WHERE from_agency_id IN ({twins})"
        f" UNION SELECT id::text FROM access_entry WHERE agency_id IN ({twins})",
        [],
    )
    return {one for (one,) in found}


def whole(page: Any) -> str:
    content = b"".join(page.streaming_content) if page.streaming else page.content
    return str(content.decode(errors="replace"))


def test_what_is_shown_in_practice_says_so(api: Any) -> None:
    exercise = Exercise()
    practice(exercise)
    for who in PRACTICING:
        desk = exercise.desks[who]
        for route, pattern in routes.served():
            if "GET" not in routes.methods_of(pattern) or not route.startswith("desk/"):
                continue
            if route in LEFT_OUT or route in ("desk/locked", "desk/unfinished"):
                continue
            page = desk.get(routes.filled(route, referral_id=exercise.id))
            if page.status_code == 200 and page["Content-Type"].startswith("text/html"):
                assert "PRACTICE" in text_of(whole(page)), (who, route)
