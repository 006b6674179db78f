"""Webhooks when things go wrong: a receiver that dies and returns, senders killed half-way, and
receivers that hang while others do not."""

from collections.abc import Callable
from typing import Any

import pytest

from referrals import worker
from referrals.webhooks import delivery, endpoints, outbox
from referrals.worker import Job
from tests.support.ground.database import all_in_the_feed
from tests.support.people.stories import Story
from tests.support.servers.killed_webhook_senders import Sending, each_event_arrives_in_order, make
from tests.support.servers.webhook_receiver import ok, receivers

# -- Killed, and dead receivers --------------------------------------------------------------------


@pytest.mark.whole
def test_killed_again_and_again_under_load_each_event_arrives_and_order_is_kept(
    story: Story, api: Any, settings: Any, superuser: Any, shift_clock: Callable[[str], None]
) -> None:
    """Three times; tests/slow: a hundred."""
    each_event_arrives_in_order(3, 400, story, api, settings, superuser, shift_clock)


def test_an_end_by_signal_writes_down_what_was_under_way(
    story: Story, api: Any, settings: Any, superuser: Any
) -> None:
    with receivers(settings) as (one,):
        make(api, one.url)
        with Sending(one) as sender:
            sender.start()
            story.accept()
            one.wait_for(1)
            sender.end()
        with superuser.cursor() as cursor:
            cursor.execute("SELECT count(*), count(lease) FROM webhook_endpoint")
            assert cursor.fetchone() == (1, 0)
            cursor.execute("SELECT count(*) FROM webhook_delivery WHERE outcome = 'delivered'")
            assert cursor.fetchone() == (len(one.had),)


# -- Each by itself --------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> delivery.WebhookSender:
    """A sender of its own, whose time limit is short."""
    monkeypatch.setattr(delivery, "MESSAGE_S", 1.0)
    return delivery.WebhookSender()


def test_one_of_twenty_hangs_one_trickles_one_fails_and_no_other_waits(
    story: Story,
    api: Any,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other seventeen have all of theirs while the first message of each of the three is still
    under way: not one of their deliveries waits for it."""
    answers: list[Any] = [None, 0.05, ok("500 Oops"), *([b""] * 17)]
    with receivers(settings, *answers) as every:
        monkeypatch.setattr(endpoints, "MOST", 20)
        monkeypatch.setattr(delivery, "MESSAGE_S", 300.0)  # no time runs out here
        for one in every:
            make(api, one.url)
        hanging, trickling, failing, *well = every
        sender = delivery.WebhookSender()
        story.accept()
        while not all(len(one.first_ids()) >= 2 for one in well):
            sender.step()
        for stuck in (hanging, trickling):
            stuck.wait_for(1)
        for more in range(3, 6):
            Story(api, story.service_id).send()
            while not all(len(one.first_ids()) >= more for one in well):
                sender.step()
            assert sender.under_way("well") >= 2, "the first message of both is under way"
            assert len(hanging.had) == len(trickling.had) == len(failing.had) == 1
        assert {len(one.had) for one in well} == {5}
        hanging.end()
        trickling.end()
        sender.finish()
        assert sender.under_way("well") == 0


def test_what_failed_has_places_of_its_own(
    story: Story, api: Any, settings: Any, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many hang, once they have failed they take no place of one that answers."""
    monkeypatch.setattr(endpoints, "MOST", 20)
    monkeypatch.setattr(delivery, "MESSAGE_S", 300.0)  # no time runs out here
    with receivers(settings, *[None] * 12, b"") as every:
        for one in every:
            make(api, one.url)
        with superuser.cursor() as cursor:  # as they are after their first failure
            urls = [one.url for one in every[:12]]
            cursor.execute(
                "UPDATE webhook_endpoint SET tries = 1, failing_since = now() WHERE url = ANY (%s)",
                [urls],
            )
        story.send()
        sender = delivery.WebhookSender()
        while len(every[-1].had) < 1:
            sender.step()
        while sender.under_way("failing") < delivery.PLACES["failing"]:
            sender.step()
        assert sender.under_way("failing") == delivery.PLACES["failing"]
        Story(api, story.service_id).send()
        while len(every[-1].had) < 2:
            sender.step()
        for one in every:
            one.end()
        sender.finish()


def test_a_secret_that_does_not_open_stops_its_own_endpoint_alone(
    story: Story, api: Any, settings: Any, superuser: Any
) -> None:
    with receivers(settings, b"", b"") as (spoilt, well):
        hook = make(api, spoilt.url)
        make(api, well.url)
        with superuser.cursor() as cursor:
            cursor.execute(
                "UPDATE webhook_secret SET key_bundle = 'altered' WHERE endpoint_id = %s", [hook]
            )
        story.send()
        assert worker.run_until_idle(worker.jobs_named(["webhooks"])) == []
        assert (len(spoilt.had), len(well.had)) == (0, 1)
        tried = api("ywca.admin").get(f"/v1/webhooks/{hook}/deliveries").json()["items"]
        assert [line["outcome"] for line in tried] == ["no_secret"]


def test_a_trickle_ends_when_its_time_is_up(
    story: Story, api: Any, settings: Any, quick: delivery.WebhookSender
) -> None:
    with receivers(settings, 0.2) as (one,):
        make(api, one.url)
        story.send()
        assert worker.run_until_idle([Job("webhooks", quick.step, 1, quick.finish)]) == []
        hook = api("ywca.admin").get("/v1/webhooks").json()["items"][0]
        assert hook["state"] == "failing"
        tried = api("ywca.admin").get(f"/v1/webhooks/{hook['id']}/deliveries").json()["items"]
        assert [line["outcome"] for line in tried] == ["timeout"]


def test_two_senders_never_have_one_endpoint_at_once(story: Story, api: Any, settings: Any) -> None:
    with receivers(settings) as (one,):
        make(api, one.url)
        story.accept()
        all_in_the_feed()
        first = outbox.claim("well", 24)
        assert [len(batch.messages) for batch in first] == [2]
        assert outbox.claim("well", 24) == []
        for batch in first:
            delivery.send(batch)
        outbox.record_outcomes(first)
        assert len(one.had) == 2
        assert outbox.claim("well", 24) == []


def test_a_sender_that_lost_its_lease_moves_nothing(
    story: Story, api: Any, settings: Any, shift_clock: Any, superuser: Any
) -> None:
    with receivers(settings) as (one,):
        make(api, one.url)
        story.accept()
        (late,) = outbox.claim("well", 24)
        shift_clock(f"{outbox.LEASE_S + 1} seconds")
        (other,) = outbox.claim("well", 24)
        delivery.send(late)
        outbox.record_outcomes([late])
        with superuser.cursor() as cursor:
            cursor.execute("SELECT lease::text FROM webhook_endpoint")
            assert cursor.fetchone() == (str(other.lease),), "still the other's"
        delivery.send(other)
        outbox.record_outcomes([other])
        assert one.first_ids() * 2 == one.ids()
