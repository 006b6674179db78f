"""A release is narrowed: at once, by either side, on both walls, and down to the keys."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.ground.database import as_app
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id
from tests.support.people.sealed_packets import keys_in
from tests.support.people.stories import PACKET, Story
from tests.support.proofs.sender_view import Sender, changes

LEFT = ["name"]


@pytest.fixture
def open_one(story: Story) -> Story:
    return story.accept().release(*PACKET).packet(**PACKET)


def opened(story: Story, who: str = "ywca.worker") -> Any:
    return story.api(who).act(story.id, "open_packet", {"purpose": "service"})


def narrow(story: Story, who: str, **body: Any) -> Any:
    return story.api(who).act(story.id, "narrow_release", body or {"fields": LEFT})


@pytest.mark.parametrize("who", ["police.worker", "ywca.worker"])
def test_fewer_fields_at_once_and_no_key_of_the_others(
    who: str, open_one: Story, api: Any, superuser: Any
) -> None:
    before = opened(open_one).json()
    answer = narrow(open_one, who)
    assert answer.status_code == 200, answer.content
    after = opened(open_one).json()
    assert after["packet"] == {"name": PACKET["name"]}
    assert after["release_id"] == before["release_id"]
    assert keys_in(superuser, open_one, api("ywca.worker")) == set(LEFT)
    assert keys_in(superuser, open_one, api("police.worker")) == set(PACKET)
    assert set(opened(open_one, "police.worker").json()["packet"]) == set(PACKET)
    (release,) = api(who).get(f"/v1/referrals/{open_one.id}/releases").json()["items"]
    assert (release["fields"], release["signed_fields"]) == (LEFT, sorted(PACKET))
    assert release["in_force"] is True


@pytest.mark.parametrize("who", ["police.lead", "ywca.lead"])
def test_a_lead_who_can_open_no_key_destroys_them_until_the_sender_writes_again(
    who: str, open_one: Story, superuser: Any
) -> None:
    assert narrow(open_one, who).status_code == 200
    refused = opened(open_one)
    assert (refused.status_code, refused.json()["code"]) == (409, "sealed")
    bundles = rows(
        superuser,
        "SELECT key_bundle FROM packet_grant WHERE agency_id = %s",
        [str(agency_id("ywca"))],
    )
    assert bundles == [(None,)]
    open_one.packet(phone="406-555-0123")
    assert opened(open_one).json()["packet"] == {"name": PACKET["name"]}


@pytest.mark.parametrize("who", ["police.worker", "police.lead", "ywca.worker", "ywca.lead"])
def test_an_earlier_end_leaves_the_keys_and_ends_then(
    who: str, open_one: Story, shift_clock: Any
) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    assert narrow(open_one, who, expires_at=until.isoformat()).status_code == 200
    answer = opened(open_one).json()
    assert set(answer["packet"]) == set(PACKET)
    assert answer["release_expires_at"].startswith(f"{until:%Y-%m-%dT%H:%M:%S}")
    shift_clock("1 hour 1 minute")
    assert opened(open_one).json()["code"] == "sealed"


def test_wider_or_longer_is_a_new_release(open_one: Story) -> None:
    assert narrow(open_one, "police.worker").status_code == 200
    later = (datetime.now(UTC) + timedelta(days=7)).isoformat()
    past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    for body, code in (
        ({"fields": ["name", "phone"]}, "widening"),
        ({"fields": ["health"]}, "widening"),
        ({"expires_at": later}, "widening"),
        ({"expires_at": past}, "expired"),
    ):
        refused = narrow(open_one, "police.worker", **body)
        assert (refused.status_code, refused.json()["code"]) == (409, code), body
    for body, code in (({"fields": None}, "invalid"), ({"fields": []}, "invalid")):
        refused = narrow(open_one, "police.worker", **body)
        assert (refused.status_code, refused.json()["code"]) == (400, code), body
    assert set(opened(open_one).json()["packet"]) == set(LEFT)
    open_one.release("name", "phone")
    assert set(opened(open_one).json()["packet"]) == {"name", "phone"}


def test_twice_is_once(open_one: Story, superuser: Any) -> None:
    first, again = (narrow(open_one, "police.worker") for _ in range(2))
    assert first.status_code == again.status_code == 200
    assert first["ETag"] == again["ETag"]
    assert first.json() == again.json()
    acts = rows(superuser, "SELECT act FROM referral_event WHERE act = 'narrow_release'")
    assert len(acts) == 1


def test_what_waits_for_the_accept_is_narrowed_before_it(story: Story) -> None:
    story.create().release(*PACKET).packet(**PACKET).send()
    refused = narrow(story, "ywca.lead")
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_state"), "not shown to it"
    assert narrow(story, "police.worker").status_code == 200
    story.answers("accept")
    assert set(opened(story).json()["packet"]) == set(LEFT)


@pytest.mark.parametrize("ended", ["withdraw", "stop", "revoke_release"])
def test_what_was_closed_stays_closed(ended: str, open_one: Story, superuser: Any) -> None:
    open_one.sends(ended, {"code": "other"} if ended == "withdraw" else {})
    expected = 409 if ended == "revoke_release" else 200
    assert narrow(open_one, "police.worker").status_code == expected
    bundles = rows(
        superuser,
        "SELECT key_bundle, closed FROM packet_grant WHERE release_id IS NOT NULL",
    )
    assert bundles == [(None, True)]


@pytest.mark.parametrize("who", ["ywca.worker", "ywca.lead"])
def test_narrowed_by_the_recipient_the_sender_is_shown_the_smaller_release_and_nothing_else(
    who: str, open_one: Story, api: Any
) -> None:
    sender = Sender(api)
    before = sender.view(open_one.id)
    assert narrow(open_one, who).status_code == 200
    detail = f"/v1/referrals/{open_one.id}"
    for old, new in zip(before, sender.view(open_one.id), strict=True):
        if old[1] == detail:
            assert changes(old, new) <= {"release.fields"}
        elif old[1] not in ("referral", "release"):  # the rows that say so
            assert old == new, (old[0], old[1])
    with as_app(api("police.worker")) as cursor:
        cursor.execute("SELECT count(*) FROM release_end")
        assert cursor.fetchone() == (0,), "when, and who"


def test_the_database_narrows_only(open_one: Story, api: Any, superuser: Any) -> None:
    """The second wall, asked without the first."""
    ((release,),) = rows(superuser, "SELECT id FROM release")
    for who, fields, until in (
        ("police.worker", "{health,name}", "sec.clock()"),
        ("police.worker", "{}", "sec.clock()"),
        ("police.worker", "{name}", "sec.clock() + interval '8 days'"),
        ("police.worker2", "{name}", "sec.clock()"),
        ("ywca.worker2", "{name}", "sec.clock()"),
        ("outsider.lead", "{name}", "sec.clock()"),
        ("ywca.auditor", "{name}", "sec.clock()"),
    ):
        with as_app(api(who)) as cursor, pytest.raises(Exception, match="no such release"):
            cursor.execute(
                f"SELECT sec.narrow_release(%s, %s, {until}, NULL, NULL)", [release, fields]
            )
