"""What leaves for a member's device: sealed, signed, of one size; where it may go; and what becomes
of it when the push service says no, or says nothing, or the worker dies."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from django.db import connection

from permissions.keys import vapid_key
from referrals.notifications import message_queue, triggers
from referrals.push import sealing
from referrals.push.sealing import Chance
from tests.support.ground.cluster import own_cluster
from tests.support.people.awake import claims, device_of, own_lines, push, subscribe
from tests.support.people.callers import Caller
from tests.support.people.desk_pages import at_the_desk
from tests.support.people.notifications import keep, off_duty, prove, states, work
from tests.support.people.stories import Story
from tests.support.servers.message_servers import MailServer, PhoneProvider
from tests.support.servers.push_service import Browser, PushService, bytes_of, push_service
from tests.support.servers.resolvers import answers

WHO = "ywca.worker"


@pytest.fixture
def service(settings: Any) -> Any:
    with push_service(vapid_key.public_text()) as found:
        settings.PUSH_LOOPBACK = frozenset({found.base.removeprefix("http://")})
        yield found


@pytest.fixture
def device(service: PushService, api: Any, mails: MailServer, phones: PhoneProvider) -> Any:
    browser = service.browser()
    subscribe(WHO, browser)
    work()
    push()
    service.received.clear()
    off_duty(api, WHO, duty="on_call")
    return browser


def emergency(story: Story) -> Story:
    story.create(urgency="emergency").send()
    work()
    push()
    return story


@contextmanager
def moved(device: Browser, address: str) -> Iterator[None]:
    """As a writer of the database who has changed where a device is."""
    change = "UPDATE channel SET address = %s WHERE address = %s"
    with closing(own_cluster().connect_superuser(connection.settings_dict["NAME"])) as session:
        session.cursor().execute(change, [address, device.endpoint])
    yield


def of(api: Any, who: str = WHO) -> Caller:
    found: Caller = api(who)
    return found


def test_an_emergency_comes_to_the_device_in_neutral_words(
    story: Story, device: Any, service: PushService
) -> None:
    emergency(story)
    (said,) = service.messages(device)
    reference = of(story.api).get(f"/v1/referrals/{story.id}").json()["reference"]
    assert said.pop("tag")
    assert said == {
        "title": "Cairn: a reference for you",
        "body": f"Reference {reference}. You have a new referral to answer. Sign in to view it."
        " Replies are not read.",
        "reference": reference,
        "awake": "I'm awake, opening it",
    }
    (_, headers, _) = service.received[0]
    assert headers["urgency"] == "high"
    assert 14 * 60 < int(headers["ttl"]) <= 15 * 60
    assert headers["topic"] == service.messages(device)[0]["tag"]
    assert service.refused == []


def test_it_speaks_the_language_of_the_device(
    story: Story, device: Any, service: PushService, api: Any
) -> None:
    subscribe(WHO, device, language="es")
    emergency(story)
    assert service.messages(device)[0]["awake"] == "Ya desperté, la abro"


def test_all_have_one_size_and_none_can_be_read_on_the_way(
    story: Story, device: Any, service: PushService, shift_clock: Any
) -> None:
    emergency(story)
    shift_clock("2 minutes")
    story.answers("accept")
    story.sends("set_callback", {"callback": "406-555-0199"})
    work()
    push()
    said = service.messages(device)
    assert len(said) == 2
    assert "awake" not in said[1], "nothing waits for a claim any more"
    assert len({len(body) for _, _, body in service.received}) == 1
    assert all(said[0]["reference"].encode() not in body for _, _, body in service.received)


def test_what_is_no_emergency_asks_for_no_claim(
    story: Story, device: Any, service: PushService
) -> None:
    story.send()
    work()
    push()
    (said,) = service.messages(device)
    assert "awake" not in said


def test_other_lines_are_told_as_well(
    story: Story, device: Any, service: PushService, api: Any, phones: PhoneProvider
) -> None:
    keep(api, WHO, "sms", "406-555-0181")
    keep(api, WHO, "voice", "406-555-0181")
    emergency(story)
    assert len(service.received) == 1
    assert {kind for kind, _ in phones.to("+14065550181")} == {"sms", "voice"}


def test_a_device_that_is_not_proven_gets_its_code_and_nothing_else(
    story: Story, service: PushService, api: Any, mails: MailServer, phones: PhoneProvider
) -> None:
    browser = service.browser()
    subscribe(WHO, browser, proven=False)
    emergency(story)
    (said,) = service.messages(browser)
    assert "Enter it to confirm this contact." in said["body"]
    page = at_the_desk(WHO, csrf=False)
    (line,) = own_lines(WHO)
    given = {"what": "verify", "which": line["id"], "code": said["reference"]}
    assert page.http.post("/desk/channels", given).status_code == 302
    (line,) = own_lines(WHO)
    assert line["proven_at"]


def test_a_proven_device_is_a_line_that_rings(
    story: Story, service: PushService, api: Any, mails: MailServer, phones: PhoneProvider
) -> None:
    """An emergency whose first lines are mail goes to it, as it would to a phone."""
    keep(api, "ywca.admin", "mail", "duty@ywca.invalid", use="duty")
    browser = service.browser()
    subscribe(WHO, browser, proven=False)
    work()
    push()
    service.received.clear()
    emergency(story)
    assert service.received == []
    prove(own_lines(WHO)[0]["id"])
    emergency(Story(api, story.service_id))
    assert len(service.messages(browser)) == 1


@pytest.mark.parametrize("status", [404, 410])
def test_a_device_that_is_gone_is_no_line_more_and_others_are_told(
    story: Story, device: Any, service: PushService, api: Any, phones: PhoneProvider, status: int
) -> None:
    keep(api, "ywca.lead", "sms", "406-555-0183")
    service.status = status
    emergency(story)
    work()
    assert own_lines(WHO) == []
    assert [(state, outcome) for state, outcome, _ in states(api, WHO)][:1] == [
        ("dead", f"push_{status}")
    ]
    assert phones.to("+14065550183")


def test_a_gone_device_whose_worker_died_before_it_said_so_ends_as_well(
    story: Story, device: Any, service: PushService, api: Any, superuser: Any, shift_clock: Any
) -> None:
    story.create(urgency="emergency").send()
    triggers.step()
    claimed = message_queue.claim_message("push")
    assert claimed is not None
    with superuser.cursor() as cursor:  # as `end_device` committed, and then the worker was killed
        cursor.execute("DELETE FROM channel WHERE id = %s", [str(claimed.channel_id)])
    shift_clock("46 seconds")
    push()
    assert states(api, WHO)[0][:2] == ("dead", "no_channel")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_one_that_is_not_taken_now_is_tried_again(
    story: Story, device: Any, service: PushService, api: Any, shift_clock: Any, status: int
) -> None:
    service.status = status
    emergency(story)
    assert states(api, WHO)[0] == ("waiting", f"push_{status}", 1)
    service.status = 201
    shift_clock("10 seconds")
    push()
    assert states(api, WHO)[0] == ("sent", "handed_over", 2)
    assert len(service.messages(device)) == 1
    assert own_lines(WHO)


@pytest.mark.parametrize("status", [400, 401, 403, 413])
def test_one_that_is_never_taken_is_not_tried_again(
    story: Story, device: Any, service: PushService, api: Any, status: int
) -> None:
    service.status = status
    emergency(story)
    assert states(api, WHO)[0] == ("dead", f"push_{status}", 1)
    assert own_lines(WHO), "the device stays: its owner sees that it failed"


def test_a_redirect_is_not_followed(
    story: Story, device: Any, service: PushService, api: Any
) -> None:
    service.status = 307
    emergency(story)
    assert states(api, WHO)[0] == ("waiting", "push_307", 1)
    assert service.received == []


def test_a_service_that_is_away_is_tried_again(
    story: Story, device: Any, service: PushService, api: Any, settings: Any
) -> None:
    story.create(urgency="emergency").send()
    triggers.step()
    with moved(device, "http://127.0.0.1:1/push/a"):
        settings.PUSH_LOOPBACK = frozenset({"127.0.0.1:1"})
        push()
    assert states(api, WHO)[0] == ("waiting", "push_unreachable", 1)


# Addresses inside, spelled in every way that a browser's text could.
INSIDE = (
    *("http://127.0.0.1/push", "https://127.0.0.1/push", "https://localhost/push"),
    *("https://[::1]/push", "https://169.254.169.254/latest", "https://10.0.0.1/push"),
    *("https://0x7f000001/push", "https://2130706433/push", "https://127.1/push"),
    *("https://push.example.org:22/a", "http://push.example.org/a", "ftp://push.example.org/a"),
    *("https://me:you@push.example.org/a", "https://push.example.org/a#b", "file:///etc/passwd"),
    *("https://push.example.org/a b", "https://push.example.org/\r\nX: y", "", "push"),
)


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_refused_at_the_desk(service: PushService, address: str) -> None:
    browser = service.browser()
    browser.endpoint = address
    answer = at_the_desk(WHO, csrf=False).http.post("/desk/channels", device_of(browser))
    assert answer.status_code == 400, address
    assert own_lines(WHO) == []


@pytest.mark.parametrize("address", ["https://10.0.0.1/a", "http://127.0.0.1:9/a", "https://a.b"])
def test_an_address_inside_that_a_row_has_is_not_asked(
    story: Story, device: Any, service: PushService, api: Any, address: str
) -> None:
    with moved(device, address):
        emergency(story)
        assert states(api, WHO)[0] == ("waiting", "target_refused", 1)
    assert service.received == []


def test_a_name_that_leads_inside_is_not_asked(
    story: Story, device: Any, service: PushService, api: Any, monkeypatch: Any
) -> None:
    """A public name whose address is this machine: resolved once, checked, and refused."""
    monkeypatch.setattr(socket, "getaddrinfo", answers("127.0.0.1"))
    with moved(device, "https://push.example.org/a"):
        story.create(urgency="emergency").send()
        triggers.step()
        push()
    assert states(api, WHO)[0] == ("waiting", "target_refused", 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("device-key", "AAAA"),
        ("device-key", "B" * 87),
        ("device-key", "é" * 87),
        ("device-secret", "AAAA"),
        ("device-secret", ""),
        ("device-name", ""),
        ("device-name", "x" * 41),
        ("device-language", "fr"),
    ],
)
def test_a_subscription_that_is_none_is_refused(
    service: PushService, name: str, value: str
) -> None:
    given = device_of(service.browser()) | {name: value}
    answer = at_the_desk(WHO, csrf=False).http.post("/desk/channels", given)
    assert answer.status_code == 400
    assert own_lines(WHO) == []


def test_the_same_device_twice_is_one_and_it_is_listed_by_its_name(
    service: PushService, device: Any, api: Any
) -> None:
    subscribe(WHO, device)
    (line,) = own_lines(WHO)
    assert (line["address"], line["kind"]) == ("My phone", "push")
    page = at_the_desk(WHO).get("/desk/channels").content.decode()
    assert "My phone" in page
    assert device.endpoint not in page


def test_a_removed_device_gets_nothing(
    story: Story, device: Any, service: PushService, api: Any
) -> None:
    (line,) = own_lines(WHO)
    at_the_desk(WHO).submit(f"/desk/channels/{line['id']}/remove")
    emergency(story)
    assert service.received == []


def test_a_device_cannot_be_the_agencys_and_the_api_adds_none(api: Any) -> None:
    body = {"kind": "push", "address": "https://push.example.org/a"}
    assert api(WHO).post("/v1/channels", body).status_code == 400


def test_a_tap_on_the_notification_claims_and_is_kept_as_one(
    story: Story, device: Any, service: PushService, superuser: Any
) -> None:
    emergency(story)
    (said,) = service.messages(device)
    desk = at_the_desk(WHO)
    token = desk.hidden("/desk/awake")["csrfmiddlewaretoken"]
    given = {"csrfmiddlewaretoken": token, "reference": said["reference"], "how": "push"}
    assert desk.http.post("/desk/awake", given).status_code == 302
    assert claims(superuser, story) == [("push", 300)]


def test_sealing_is_that_of_the_standards_own_example() -> None:
    """RFC 8291, appendix A: what our stand-in browser opens is what a browser opens."""
    private = int.from_bytes(bytes_of("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"), "big")
    browser = Browser("", ec.derive_private_key(private, ec.SECP256R1()))
    browser.auth = bytes_of("BTBZMqHH6r4Tts7J_aSIgg")
    body = bytes_of(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6"
        "TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy"
        "4a-fN"
    )
    words = b"When I grow up, I want to be a watermelon"
    assert browser.plain(body) == words
    number = int.from_bytes(bytes_of("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big")
    chance = Chance(body[:16], ec.derive_private_key(number, ec.SECP256R1()))
    ours = bytes_of(browser.key)
    assert sealing.sealed(words, ours, browser.auth, chance) == body


def test_each_message_is_sealed_by_a_key_of_its_own(service: PushService) -> None:
    browser = service.browser()
    made = [sealing.sealed(b"words", bytes_of(browser.key), browser.auth) for _ in range(3)]
    assert len({one[:16] for one in made}) == len({one[21:86] for one in made}) == 3
    assert {browser.plain(one) for one in made} == {b"words"}
    other = service.browser("b")
    with pytest.raises(InvalidTag):
        other.plain(made[0])
