"""The agency_admin's page of webhooks: made, watched, tested and taken away, without script."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser

from permissions.identity import credentials
from permissions.models import Client
from referrals import worker
from referrals.webhooks import signatures
from tests.support.ground.database import all_in_the_feed
from tests.support.ground.live_server import Server
from tests.support.people.browser import SIZES, TRIED, Desk
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.desk_pages import Pages, at_the_desk, text_of
from tests.support.people.seals import seal
from tests.support.people.stories import Story
from tests.support.servers.webhook_receiver import Receiver, ok, receivers


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    with receivers(settings) as (one,):
        yield one


def work() -> None:
    all_in_the_feed()
    assert worker.run_until_idle(worker.jobs_named(["webhooks"])) == []


def made(pages: Pages, receiver: Receiver) -> tuple[str, str]:
    """The page of a new one, and its secret."""
    shown = pages.submit("/desk/webhooks", {"url": receiver.url}).content.decode()
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", shown)
    path = re.search(r'href="(/desk/webhooks/[0-9a-f-]+)"', shown)
    assert secret is not None, text_of(shown)
    assert path is not None
    return path[1], secret[0]


def press(pages: Pages, path: str, button: str) -> str:
    return str(pages.submit(path, {"do": button}).content.decode())


def test_an_admin_makes_one_sees_its_secret_once_and_what_arrives(
    story: Story, receiver: Receiver
) -> None:
    pages = at_the_desk("ywca.admin")
    path, secret = made(pages, receiver)
    assert secret not in pages.get(path).content.decode()
    assert "Nothing was sent yet" in text_of(pages.get(path).content.decode())
    assert "A test is on its way" in press(pages, path, "ping")
    story.send()
    work()
    work()
    had = receiver.had[-1]
    assert signatures.verify(secret, had.headers, had.body, int(had.headers["webhook-timestamp"]))
    shown = text_of(pages.get(path).content.decode())
    assert "Working." in shown
    assert had.id in shown
    assert story.id not in shown, "an administrator sees no referral"


def test_a_failing_one_says_so_and_since_when(story: Story, receiver: Receiver) -> None:
    pages = at_the_desk("ywca.admin")
    path, _secret = made(pages, receiver)
    receiver.answer = ok("500 Oops")
    story.send()
    work()
    for place in ("/desk/webhooks", path):
        assert "Not working since" in text_of(pages.get(place).content.decode())
    receiver.answer = ok("410 Gone")
    press(pages, path, "ping")
    work()
    assert "gone (410)" in text_of(pages.get(path).content.decode())
    receiver.answer = ok()
    press(pages, path, "resume")
    work()
    assert "Working." in text_of(pages.get(path).content.decode())


def test_paused_renewed_and_taken_away(story: Story, receiver: Receiver) -> None:
    pages = at_the_desk("ywca.admin")
    path, secret = made(pages, receiver)
    asked = text_of(pages.get(f"{path}/pause").content)
    assert "Events are not lost" in asked
    assert "Working." in text_of(press(pages, path, "pause")), "nothing without being asked"
    assert "Paused." in text_of(pages.submit(f"{path}/pause").content)
    again = re.search(r"whsec_[A-Za-z0-9+/=]+", press(pages, path, "rotate"))
    assert again
    assert again[0] != secret
    assert "It cannot be brought back" in text_of(pages.get(f"{path}/remove").content)
    press(pages, path, "remove")
    assert pages.get(path).status_code == 200, "nothing without being asked"
    assert "Nothing more is sent there" in text_of(pages.submit(f"{path}/remove").content)
    for gone in (path, f"{path}/pause", f"{path}/remove"):
        assert pages.get(gone).status_code == 404


def test_a_refused_address_is_told_at_its_field(receiver: Receiver) -> None:
    pages = at_the_desk("ywca.admin")
    answer = pages.submit("/desk/webhooks", {"url": "https://127.0.0.1/"})
    assert answer.status_code == 400
    assert "Webhooks go to https addresses of public hosts" in text_of(answer.content.decode())
    made(pages, receiver)
    twice = pages.submit("/desk/webhooks", {"url": receiver.url})
    assert twice.status_code == 409


def test_another_agencys_is_not_there(receiver: Receiver) -> None:
    path, _secret = made(at_the_desk("ywca.admin"), receiver)
    for asked in (path, f"{path}/pause", f"{path}/remove"):
        assert at_the_desk("police.admin").get(asked).status_code == 404
        foreign = at_the_desk("police.admin", csrf=False)
        assert foreign.http.post(asked, {"do": "ping"}).status_code == 404
    for who in ("ywca.worker", "ywca.auditor"):
        assert at_the_desk(who).get("/desk/webhooks").status_code == 403


def test_an_administrator_is_not_shown_where_and_when_seals_are_sent(
    api: Any, receiver: Receiver
) -> None:
    """Only a system reads the seals and keeps webhooks: an auditor has no other role. The page of
    its webhook told an administrator the number of seals of all agencies, minute by minute."""
    system = api("ywca.client")
    system.secret = f"a-token-of-a-witness-{uuid4()}"
    client = Client.objects.get(client_id="demo-ywca")
    credentials.open_for_client(client, system.secret, ["webhooks:write", "audit:read"])
    given = {"url": receiver.url, "about": "checkpoints"}
    path = f"/desk/webhooks/{system.post('/v1/webhooks', given).json()['id']}"
    seal()
    work()
    pages = at_the_desk("ywca.admin")
    assert receiver.had
    assert receiver.url not in pages.get("/desk/webhooks").content.decode()
    assert pages.get(path).status_code == 404
    pages.submit("/desk/webhooks", {"url": f"{receiver.url}2", "about": "checkpoints"})
    hooks = api("ywca.admin").get("/v1/webhooks").json()["items"]
    assert [one["about"] for one in hooks] == ["events"], "the desk makes no witness"


@pytest.fixture
def failing(story: Story, api: Any, settings: Any) -> Iterator[Receiver]:
    """A webhook that does not take an event; made before a browser runs its loop here."""
    with receivers(settings, ok("500 Oops")) as (one,):
        assert api("ywca.admin").post("/v1/webhooks", {"url": one.url}).status_code == 201
        story.send()
        work()
        yield one


@pytest.mark.browser
@pytest.mark.parametrize("size", TRIED)
def test_in_a_real_browser_it_is_watched_and_paused_on_a_phone_too(
    failing: Receiver, server: Server, chromium: Browser, size: str
) -> None:
    desk = Desk(chromium, server, SIZES[size])
    desk.sign_in("ywca.admin")
    desk.follow("Webhooks")
    desk.follow(failing.url)
    assert "Not working" in desk.page.inner_text("main")
    desk.follow("Pause")
    desk.sees("Events are not lost")
    desk.press("Pause")
    assert "Paused." in desk.page.inner_text("main")
    desk.press("Resume")
    desk.press("New secret")
    assert "whsec_" in desk.page.inner_text("main")
    desk.context.close()
