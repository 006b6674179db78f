"""Two at once: exactly one wins, and no read commits after a revoke has.

Each interleaving is forced: the superuser holds what both need, the test sees each of them wait in
`pg_locks`, in the order it wants, and only then lets go.
"""

from typing import Any

import pytest
from django.db import connections

from permissions.identity import credentials
from permissions.models import Membership
from tests.support.ground.races import Race, act, events, in_order, told
from tests.support.ground.races import race as race  # a fixture
from tests.support.ground.waiting import SOON
from tests.support.people.binding import bind_credentials
from tests.support.people.callers import member_id
from tests.support.people.stories import PACKET, Story
from tests.support.proofs import routes

# -- One wins --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "state"),
    [
        (("ywca.worker", "accept"), ("ywca.worker2", "accept"), "accepted"),
        (("ywca.worker", "accept"), ("ywca.worker2", "decline"), "accepted"),
        (("ywca.worker", "decline"), ("ywca.worker2", "accept"), "declined"),
        (("police.worker", "withdraw"), ("ywca.worker", "accept"), "withdrawn"),
        (("police.worker", "stop"), ("ywca.worker", "accept"), "stopped"),
        (("ywca.worker", "acknowledge"), ("ywca.worker2", "acknowledge"), "acknowledged"),
    ],
)
def test_of_two_answers_the_first_wins_and_the_second_is_told_the_state(
    race: Race, story: Story, api: Any, first: Any, second: Any, state: str
) -> None:
    story.create().release(*PACKET).packet(**PACKET).send()
    one, other = in_order(
        race, story, act(api, first[0], story, first[1]), act(api, second[0], story, second[1])
    )
    assert told(one) == (200, None)
    assert told(other) == (409, state)
    assert events(race, story, first[1]) == 1
    holder = race.one(
        "SELECT count(*) FROM referral_assignment a WHERE content_object_id = %s"
        " AND membership_id = %s",
        [story.id, str(member_id(second[0]))],
    )
    assert holder == 0, "the second did not become an assignee"
    open_bundles = race.one(
        "SELECT count(*) FROM packet_grant WHERE release_id IS NOT NULL AND opened_at IS NOT NULL"
    )
    assert open_bundles == (state == "accepted")


@pytest.mark.parametrize("closing", ["withdraw", "stop"])
def test_what_the_sender_ends_wins_over_an_accept_that_came_first(
    race: Race, story: Story, api: Any, closing: str
) -> None:
    story.create().release(*PACKET).packet(**PACKET).send()
    accepted, ended = in_order(
        race,
        story,
        act(api, "ywca.worker", story, "accept"),
        act(api, "police.worker", story, closing),
    )
    assert (accepted.status_code, ended.status_code) == (200, 200)
    bundle = race.one("SELECT key_bundle IS NULL FROM packet_grant WHERE release_id IS NOT NULL")
    assert bundle is True
    shown = api("ywca.worker").get(f"/v1/referrals/{story.id}").json()["status"]
    assert shown == {"withdraw": "withdrawn", "stop": "stopped"}[closing]


@pytest.mark.parametrize(
    ("first", "second", "state"),
    [("complete", "stop", "completed"), ("stop", "complete", "stopped")],
)
def test_of_two_endings_by_the_recipient_the_first_wins(
    race: Race, story: Story, api: Any, first: str, second: str, state: str
) -> None:
    story.accept()
    one, other = in_order(
        race,
        story,
        act(api, "ywca.worker", story, first),
        act(api, "ywca.worker", story, second),
    )
    assert told(one) == (200, None)
    assert told(other) == (409, state)
    assert events(race, story, second) == 0


@pytest.mark.parametrize("first", ["complete", "take_over"])
def test_of_a_take_over_and_an_ending_at_once_one_wins(
    race: Race, story: Story, api: Any, first: str
) -> None:
    story.accept()
    calls = {
        "complete": act(api, "ywca.worker", story, "complete"),
        "take_over": act(api, "ywca.lead", story, "take_over"),
    }
    second = next(name for name in calls if name != first)
    one, other = in_order(race, story, calls[first], calls[second])
    assert told(one) == (200, None)
    # Who was replaced meanwhile may end nothing; what was ended meanwhile is taken over by nobody.
    assert told(other) == ((409, "completed") if first == "complete" else (403, None))
    assert (events(race, story, first), events(race, story, second)) == (1, 0)
    assert race.one("SELECT count(*) FROM self_assignment") == (first == "take_over")


@pytest.mark.parametrize(
    ("order", "state", "told_recipient"),
    [(("complete", "withdraw"), "completed", 200), (("withdraw", "complete"), "withdrawn", 409)],
)
def test_an_ending_and_a_withdrawal_at_once_tell_the_sender_nothing(
    race: Race, story: Story, api: Any, order: tuple[str, str], state: str, told_recipient: int
) -> None:
    story.accept()
    calls = {
        "complete": act(api, "ywca.worker", story, "complete"),
        "withdraw": act(api, "police.worker", story, "withdraw"),
    }
    answers = dict(zip(order, in_order(race, story, *(calls[one] for one in order)), strict=True))
    assert answers["withdraw"].status_code == 200
    assert answers["withdraw"].json()["status"] == "withdrawn"
    assert answers["complete"].status_code == told_recipient
    assert api("ywca.worker").get(f"/v1/referrals/{story.id}").json()["status"] == state


# -- Both are right --------------------------------------------------------------------------------


@pytest.mark.parametrize(("who", "name"), [("police.worker", "send"), ("ywca.worker", "accept")])
def test_the_same_member_twice_at_once_is_answered_twice_and_done_once(
    race: Race, story: Story, api: Any, who: str, name: str
) -> None:
    story.create() if name == "send" else story.send()
    one, other = in_order(race, story, act(api, who, story, name), act(api, who, story, name))
    assert one.status_code == other.status_code == 200
    assert one.json() == other.json()
    assert one["ETag"] == other["ETag"]
    assert events(race, story, name) == 1


def test_two_fields_written_at_once_are_both_in_the_packet(
    race: Race, story: Story, api: Any
) -> None:
    story.accept().release("name", "phone")
    police = [api("police.worker"), api("police.worker")]
    one, other = in_order(
        race,
        story,
        lambda: police[0].act(story.id, "put_packet", {"packet": {"name": "Invented"}}),
        lambda: police[1].act(story.id, "put_packet", {"packet": {"phone": "406-555-0100"}}),
    )
    assert one.status_code == other.status_code == 200
    opened = api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"}).json()
    assert opened["packet"] == {"name": "Invented", "phone": "406-555-0100"}


def test_of_one_stale_version_only_the_first_act_is_honoured(
    race: Race, story: Story, api: Any
) -> None:
    story.create()
    police = [api("police.worker"), api("police.worker")]
    etag = police[0].get(f"/v1/referrals/{story.id}")["ETag"]
    body = routes.BODIES["put_notice"]
    one, other = in_order(
        race,
        story,
        lambda: police[0].act(story.id, "put_notice", body, If_Match=etag),
        lambda: police[1].act(story.id, "put_notice", body, If_Match=etag),
    )
    assert (one.status_code, other.status_code) == (200, 412)


# -- A key in flight -------------------------------------------------------------------------------


def test_one_idempotency_key_at_once_makes_one_referral(race: Race, story: Story, api: Any) -> None:
    callers = [api("police.client", "police.worker") for _ in range(4)]
    body = routes.BODIES["put_notice"] | {"service_id": story.service_id}

    def create(caller: Any, **change: Any) -> Any:
        return caller.post("/v1/referrals", body | change, Idempotency_Key="one key")

    with race.held("LOCK TABLE referral IN SHARE MODE"):  # an insert waits, a read does not
        first = race.start_and_wait(lambda: create(callers[0]))
        second = race.start(lambda: create(callers[1])).result(SOON)
        assert (second.status_code, second.json()["code"]) == (409, "in_flight")
        assert not first.done()
    made = first.result(SOON)
    assert made.status_code == 201
    again = create(callers[2])
    assert again.status_code == 201
    assert again.json()["id"] == made.json()["id"]
    assert create(callers[3], urgency="routine").status_code == 422
    assert race.one("SELECT count(*) FROM referral") == 1


# -- Seen again after the wait ---------------------------------------------------------------------


def test_a_row_that_was_blocked_while_one_waited_for_it_is_not_handed_out(
    race: Race, story: Story, api: Any
) -> None:
    story.send()
    bar = (
        "INSERT INTO conflict_block (id, referral_id, agency_id, kind, bars_agency_id,"
        " bars_member_id, set_by, set_at) SELECT gen_random_uuid(), id, to_agency_id, 'member',"
        " to_agency_id, %s, %s, now() FROM referral WHERE id = %s"
    )
    by = [str(member_id("ywca.worker")), str(member_id("ywca.lead")), story.id]
    with race.held(bar, by):
        future = race.start_and_wait(act(api, "ywca.worker", story, "accept"))
    assert future.result(SOON).status_code == 404
    assert events(race, story, "accept") == 0


def test_a_member_who_left_while_she_waited_sees_it_no_more(
    race: Race, story: Story, api: Any
) -> None:
    """The first statement's policy ran before the wait; only a second statement runs it again."""
    story.send()
    change = "UPDATE permissions_membership SET active = %s WHERE id = %s"
    member = str(member_id("ywca.worker2"))
    try:
        with race.row(story):
            future = race.start_and_wait(act(api, "ywca.worker2", story, "accept"))
            with race.superuser.cursor() as cursor:
                cursor.execute(change, [False, member])
        answer = future.result(SOON)
    finally:
        with race.superuser.cursor() as cursor:
            cursor.execute(change, [True, member])
    assert answer.status_code == 404
    rule = race.one("SELECT rule FROM access_entry WHERE request_id = %s", [answer["X-Request-Id"]])
    assert rule == "not_found", "seen again and not found, before any write was tried"
    assert events(race, story, "accept") == 0


# -- Who gets access while another loses it --------------------------------------------------------


def signed_in(secret: str) -> bool:
    return credentials.resolve_credential(secret) is not None


def put_out(active: bool) -> None:
    with connections["jobs"].cursor() as cursor:
        cursor.execute(
            "UPDATE permissions_membership SET active = %s WHERE id = %s",
            [active, member_id("police.worker")],
        )


def test_no_one_comes_in_on_what_was_true_a_moment_ago(race: Race) -> None:
    member = Membership.objects.using("signin").get(id=member_id("police.worker"))
    ends = "UPDATE permissions_membership SET active = false WHERE id = %s"
    try:
        with race.held(ends, [str(member.id)]):
            opening = race.start_and_wait(lambda: credentials.open_for_member(member))
        assert not signed_in(opening.result(SOON))
    finally:
        put_out(True)


def test_who_just_comes_in_is_put_out_with_the_others(race: Race) -> None:
    member = Membership.objects.using("signin").get(id=member_id("police.worker"))
    came_in = (
        "INSERT INTO credential (hash, agency_id, membership_id, roles, scopes, created_at,"
        " expires_at, live, left_roles, system_of_record)"
        " SELECT decode(%s, 'hex'), agency_id, id, roles, '{}', now(), now() + interval '1 hour',"
        " true, '{}', false FROM permissions_membership WHERE id = %s"
    )
    secret = "a-secret-of-the-race-between-two"
    try:
        with race.held(came_in, [credentials.hash_secret(secret), str(member.id)]):
            ending = race.start_and_wait(lambda: put_out(False))
        ending.result(SOON)
        assert not signed_in(secret)
    finally:
        put_out(True)
    bind_credentials()
    assert not signed_in(secret), "what ended stays ended"
