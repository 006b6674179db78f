"""What goes back to the sender (R2): under a return release, what it lists, as it is at that act;
and nothing of it shows in anything else that the sender gets."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from permissions.keys import rotation
from referrals.acts.return_releases import returned_values
from referrals.deadlines import purge
from tests.support.ground.database import as_app, refused_for_want_of_rights
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import PACKET, Story, begun, release_body, return_body, service_of
from tests.support.proofs.sender_view import Sender

DAY = timedelta(days=1)
NOTHING = {"returned": None, "expires_at": None, "notice": None}


def told(api: Any, story: Story, who: str = "police.worker") -> Any:
    answer = api(who).get(f"/v1/referrals/{story.id}/returned")
    assert answer.status_code == 200, answer.content
    return answer.json()["returned"]


def test_the_sender_is_told_what_she_allows_and_nothing_else_moves(api: Any) -> None:
    story, sender = begun(api), Sender(api)
    story.answers("start_handoff", {"mode": "phone"}).answers("complete", {"outcome": "served"})
    before = sender.view(story.id)
    assert told(api, story) is None
    story.answers("put_return_release", return_body("connected", "outcome_code"))
    assert sender.view(story.id) == before, "no word, no time, no ETag, no event, no release"
    assert told(api, story) == {"connected": True, "outcome_code": "served"}
    assert told(api, story, "police.lead") == {"connected": True, "outcome_code": "served"}
    story.answers("revoke_return_release")
    assert sender.view(story.id) == before
    assert told(api, story) is None


def test_once_and_at_no_other_moment(api: Any) -> None:
    story = begun(api)
    story.answers("put_return_release", return_body())
    then = {"connected": None, "engaged": None, "outcome_code": None}
    assert told(api, story) == then
    story.answers("complete", {"outcome": "connected"})
    assert told(api, story) == then, "later results are not shared"
    story.answers("put_return_release", return_body("engaged"))
    assert told(api, story) == {"engaged": False}, "a further release takes its place"


def test_what_lay_idle_until_the_clock_ended_it_is_told_as_unknown(
    api: Any, shift_clock: Any
) -> None:
    """Nobody wrote anything down: that she never came would be an invention, told to the police."""
    story = begun(api)
    for days in (14, 21):
        shift_clock(f"{days} days 1 hour")
        purge.run()
    assert story.api(story.recipient).get(f"/v1/referrals/{story.id}").json()["status"] == "unable"
    signed = datetime.now(UTC) + timedelta(days=21)
    terms = {"signed_at": signed.isoformat(), "expires_at": (signed + DAY).isoformat()}
    consenters = [{"who": "self", "signed_at": signed.isoformat(), "not_the_abuser": True}]
    story.answers("put_return_release", return_body() | terms | {"consenters": consenters})
    assert told(api, story) == {"connected": None, "engaged": None, "outcome_code": None}


@pytest.mark.parametrize(("notice", "words"), [("part2", "42 CFR part 2"), ("network", "asking")])
def test_the_notice_of_the_return_release_goes_with_what_came_back(
    api: Any, notice: str, words: str
) -> None:
    """42 CFR 2.32: with each disclosure; that she is known to a programme of treatment is one."""
    story = begun(api).answers("put_return_release", return_body(redisclosure_notice=notice))
    shown = api("police.worker").get(f"/v1/referrals/{story.id}/returned").json()
    assert words in shown["notice"]
    page = at_the_desk("police.worker").get(f"/desk/referrals/{story.id}/returned")
    assert shown["notice"] in text_of(page.content)
    story.answers("put_return_release", return_body(redisclosure_notice="none"))
    assert api("police.worker").get(f"/v1/referrals/{story.id}/returned").json()["notice"] is None


@pytest.mark.parametrize("who", ["ywca.worker2", "ywca.lead"])
def test_only_whoever_is_assigned_puts_it(api: Any, who: str) -> None:
    story = begun(api)
    answer = api(who).act(story.id, "put_return_release", return_body())
    assert (answer.status_code, answer.json()["code"]) == (403, "not_assigned")
    assert answer.json()["detail"].startswith("put_return_release"), "not for what it would read"
    assert told(api, story) is None


@pytest.mark.parametrize(
    ("state", "outcome", "expected"),
    [
        ("accepted", None, (None, None, None)),
        ("in_handoff", None, (None, None, None)),
        ("completed", "connected", (True, False, "connected")),
        ("completed", "served", (True, True, "served")),
        ("completed", "referred_on", (True, False, "referred_on")),
        ("completed", "information_given", (True, False, "information_given")),
        ("completed", "other", (None, None, "other")),
        ("unable", None, (False, False, None)),  # the reason is never shared
    ],
)
def test_what_the_record_says(state: str, outcome: str | None, expected: Any) -> None:
    assert tuple(returned_values(state, outcome).values()) == expected


def test_why_it_did_not_come_about_never_goes_back(api: Any) -> None:
    story = begun(api).answers("unable", {"code": "survivor_declined"})
    story.answers("put_return_release", return_body())
    answer = api("police.worker").get(f"/v1/referrals/{story.id}/returned")
    assert answer.json()["returned"] == {
        "connected": False,
        "engaged": False,
        "outcome_code": None,
    }
    assert b"survivor_declined" not in answer.content


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"basis": "stated_agreement"}, "basis"),
        ({"form": "oral_witnessed"}, "form"),
        ({"fields": ["name"]}, "invalid"),
        ({"fields": []}, "invalid"),
        ({"attestations": release_body()["attestations"]}, "attestation_missing"),
        ({"expires_at": (datetime.now(UTC) + timedelta(days=8)).isoformat()}, "too_long"),
    ],
)
def test_it_is_written_and_of_three_fields_only(changed: Any, code: str, api: Any) -> None:
    story = begun(api)
    answer = api("ywca.worker").act(story.id, "put_return_release", return_body() | changed)
    assert answer.status_code in (400, 409)
    assert answer.json()["code"] == code
    assert told(api, story) is None


@pytest.mark.parametrize("who", ["police.worker", "police.lead", "ywca.worker", "ywca.lead"])
def test_either_side_ends_it_on_her_word(who: str, api: Any, superuser: Any) -> None:
    story = begun(api).answers("put_return_release", return_body())
    assert api(who).act(story.id, "revoke_return_release").status_code == 200
    assert api(who).act(story.id, "revoke_return_release").status_code == 200
    assert told(api, story) is None
    assert rows(superuser, "SELECT key_bundle, ciphertext FROM returned") == [(None, None)]
    releases = api("ywca.worker").get(f"/v1/referrals/{story.id}/releases").json()["items"]
    assert {one["direction"]: one["ended"] for one in releases} == {
        "outbound": False,
        "return": True,
    }
    opened = api("ywca.worker").act(story.id, "open_packet", {"purpose": "service"}).json()
    assert set(opened["packet"]) == set(PACKET), "the packet has a release of its own"


def test_ending_tells_the_sender_of_none_that_it_never_could_read(api: Any) -> None:
    """One that the recipient put and ended is answered as one that never was (R2)."""
    never = Story(api, service_of("ywca")).accept()
    ended = Story(api, service_of("ywca")).accept().answers("complete", {"outcome": "served"})
    ended.answers("put_return_release", return_body()).answers("revoke_return_release")
    told = [api("police.worker").act(one.id, "revoke_return_release") for one in (never, ended)]
    assert [one.status_code for one in told] == [409, 409]
    assert told[0].json()["code"] == told[1].json()["code"] == "no_release"
    ended.answers("put_return_release", return_body())
    for _ in range(2):  # one that it could read; and once more
        assert api("police.worker").act(ended.id, "revoke_return_release").status_code == 200


def test_ending_tells_the_sender_of_none_that_has_run_out(api: Any, shift_clock: Any) -> None:
    story = Story(api, service_of("ywca")).accept().answers("complete", {"outcome": "served"})
    story.answers("put_return_release", return_body())
    shift_clock("6 days 1 minute")
    assert api("police.worker").act(story.id, "revoke_return_release").status_code == 409


def test_it_ends_at_its_hour(api: Any, shift_clock: Any) -> None:
    story = begun(api).answers("put_return_release", return_body("engaged"))
    assert told(api, story) == {"engaged": None}
    shift_clock("6 days 1 minute")
    assert told(api, story) is None


def test_who_is_told(api: Any, superuser: Any) -> None:
    story = begun(api).answers("put_return_release", return_body("engaged"))
    path = f"/v1/referrals/{story.id}/returned"
    for who, status in (
        ("police.worker2", 403),
        ("ywca.worker", 403),
        ("police.auditor", 404),
        ("outsider.lead", 404),
    ):
        assert api(who).get(path).status_code == status, who
        with as_app(api(who)) as cursor:
            cursor.execute("SELECT FROM returned")
            assert cursor.fetchall() == [], who
    answer = api("police.worker").get(path)
    ((fields, release),) = rows(
        superuser,
        "SELECT fields, release_id FROM access_entry WHERE request_id = %s",
        [answer["X-Request-Id"]],
    )
    assert fields == ["engaged"]
    assert rows(superuser, "SELECT direction FROM release WHERE id = %s", [release]) == [
        ("return",)
    ]


def test_no_word_of_it_stands_in_the_database(api: Any, superuser: Any) -> None:
    story = begun(api).answers("complete", {"outcome": "information_given"})
    story.answers("put_return_release", return_body())
    assert told(api, story)["outcome_code"] == "information_given"
    found = rows(
        superuser, "SELECT FROM returned r WHERE r::text ~ 'information_given' OR r::text ~ 'true'"
    )
    assert found == []


def test_a_client_tells_only_what_it_may_open(api: Any) -> None:
    story = begun(api)
    nobody = api("ywca.client").act(story.id, "put_return_release", return_body())
    assert (nobody.status_code, nobody.json()["code"]) == (403, "acting_member_needed")


def test_the_database_tells_the_sender_nothing_by_anybody_elses_act(
    api: Any, superuser: Any
) -> None:
    story = begun(api).answers("put_return_release", return_body("engaged"))
    ((back,),) = rows(superuser, "SELECT id FROM release WHERE direction = 'return'")
    ((out,),) = rows(superuser, "SELECT id FROM release WHERE direction = 'outbound'")
    for who, release in (
        ("police.worker", back),
        ("ywca.worker2", back),
        ("ywca.worker", out),
        ("outsider.worker", back),
    ):
        with as_app(api(who)) as cursor:
            assert refused_for_want_of_rights(
                cursor, "SELECT sec.store_returned(gen_random_uuid(), %s, 1, 'x', 'x')", [release]
            ), who
    with as_app(api("police.worker")) as cursor:
        cursor.execute("SELECT FROM release WHERE direction = 'return'")
        assert cursor.fetchall() == [], "it is the recipient's paper"
        cursor.execute("SELECT sec.end_return_release(%s)", [str(story.id)])
    with as_app(api("outsider.lead")) as cursor:
        cursor.execute("SELECT sec.end_return_release(%s)", [str(story.id)])
        assert cursor.fetchone() == (False,)


def test_it_opens_under_a_new_version_of_the_key(api: Any) -> None:
    story = begun(api).answers("complete", {"outcome": "served"})
    story.answers("put_return_release", return_body("engaged"))
    rotation.rotate(agency_id("police"))
    rotation.destroy(agency_id("police"))
    assert told(api, story) == {"engaged": True}
