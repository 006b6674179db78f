"""A bundle holds the keys of the released fields only, for one agency, until something closes."""

from typing import Any

import pytest

from permissions.errors import Unavailable
from permissions.keys.keystore import Wrapped, key_store
from tests.keys.marked_packet import MARKED, RELEASED, open_packet, told
from tests.support.ground.database import as_app
from tests.support.people.callers import agency_id, principal
from tests.support.people.sealed_packets import bundle_of, keys_in
from tests.support.people.stories import Story

# -- Granting is wrapping --------------------------------------------------------------------------


def test_the_recipients_bundle_holds_the_keys_of_the_released_fields_only(
    story: Story, api: Any, superuser: Any
) -> None:
    told(story)
    assert keys_in(superuser, story, api("ywca.worker")) == set(RELEASED)
    assert keys_in(superuser, story, api("police.worker")) == set(MARKED)


def test_no_other_agencys_principal_unwraps_a_bundle(
    story: Story, api: Any, superuser: Any
) -> None:
    told(story)
    version, bundle = bundle_of(superuser, story, "ywca")
    assert version is not None
    assert bundle is not None
    context = f"packet:{story.id}:{agency_id('ywca')}"
    wrapped = Wrapped(version, bundle)
    assert key_store().unwrap(principal(api("ywca.worker")), wrapped, context)
    for who in ("police.worker", "outsider.worker", "sarc.worker"):
        with pytest.raises(Unavailable):
            key_store().unwrap(principal(api(who)), wrapped, context)


def test_the_recipient_finds_no_grant_before_its_accept(story: Story, api: Any) -> None:
    story.send().release(*RELEASED).packet(**MARKED).answers("acknowledge")
    grant = "SELECT fields FROM packet_grant"
    with as_app(api("ywca.worker")) as cursor:
        cursor.execute(grant)
        assert cursor.fetchall() == []
    story.answers("accept")
    with as_app(api("ywca.worker")) as cursor:
        cursor.execute(grant)
        assert cursor.fetchall() == [(sorted(RELEASED),)]
    with as_app(api("ywca.worker2")) as cursor:
        cursor.execute(grant)
        assert cursor.fetchall() == [], "a colleague who is not assigned finds none"
    assert set(open_packet(story).json()["packet"]) == set(RELEASED)


def test_a_packet_that_lay_ready_opens_with_the_accept(story: Story) -> None:
    story.create().release(*RELEASED).packet(**MARKED).send()
    assert open_packet(story).status_code == 403, "no one is assigned yet"
    story.answers("accept")
    answer = open_packet(story).json()
    assert set(answer["packet"]) == set(RELEASED)
    assert answer["handling"] == ["not_to_portal_or_proxy", "network"]
    assert answer["release_id"]


# -- Ending destroys -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "act", "body"),
    [
        ("police.worker", "revoke_release", {"via": "oral"}),
        ("ywca.worker", "revoke_release", {"via": "written"}),
        ("police.worker", "withdraw", {"code": "other"}),
        ("police.worker", "stop", {}),
        ("ywca.worker", "stop", {}),
        ("police.lead", "stop", {}),
        ("ywca.lead", "revoke_release", {"via": "oral"}),
    ],
)
def test_whatever_closes_destroys_the_recipients_bundle_at_once(
    story: Story, api: Any, superuser: Any, who: str, act: str, body: Any
) -> None:
    told(story)
    assert api(who).act(story.id, act, body).status_code == 200
    assert bundle_of(superuser, story, "ywca") == (None, None)
    assert open_packet(story).status_code in (403, 409)
    assert keys_in(superuser, story, api("police.worker")) == set(MARKED), "its own stays"
    own = open_packet(story, "police.worker")
    assert own.json()["packet"] == MARKED


def test_a_decline_destroys_the_bundle_that_lay_ready(story: Story, superuser: Any) -> None:
    story.create().release(*RELEASED).packet(**MARKED).send().answers("decline", {"code": "other"})
    assert bundle_of(superuser, story, "ywca") == (None, None)


def test_a_narrower_release_narrows_at_once(story: Story, api: Any, superuser: Any) -> None:
    told(story).release("name")
    assert open_packet(story).json()["packet"] == {"name": MARKED["name"]}
    assert keys_in(superuser, story, api("ywca.worker")) == {"name"}


def test_a_release_of_fields_that_no_one_wrote_leaves_nothing_open(
    story: Story, superuser: Any
) -> None:
    told(story).release("children")
    assert bundle_of(superuser, story, "ywca") == (None, None)
    answer = open_packet(story)
    assert (answer.status_code, answer.json()["code"]) == (409, "sealed")


def test_a_release_that_has_run_out_opens_nothing_with_no_job_needed(
    story: Story, api: Any, shift_clock: Any
) -> None:
    told(story)
    shift_clock("6 days 1 hour")
    caller = api("ywca.worker")
    answer = caller.act(story.id, "open_packet", {"purpose": "intake"})
    assert (answer.status_code, answer.json()["code"]) == (409, "sealed")
    with as_app(caller) as cursor:
        cursor.execute("SELECT FROM packet_grant")
        assert cursor.fetchall() == []
