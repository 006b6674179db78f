"""Passkeys in a real browser: Chromium's own virtual authenticator, and what a person presses."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from playwright.sync_api import Page

from api.accounts import idle_lock
from api.accounts.session_store import SessionStore
from tests.support.ground.live_server import Server
from tests.support.people.browser import Desk


@pytest.fixture
def at_a_name(server: Server) -> Server:
    """The same server by its name: no passkey belongs to an address of numbers."""
    named = server.base_url.replace("127.0.0.1", settings.PASSKEY_DOMAIN)
    return Server(named, server.demo, server.process)


class Key:
    """The authenticator of one browser."""

    def __init__(self, page: Page) -> None:
        self.devtools = page.context.new_cdp_session(page)
        self.devtools.send("WebAuthn.enable")
        made = self.devtools.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "transport": "internal",
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserVerified": True,
                    "automaticPresenceSimulation": True,
                }
            },
        )
        self.which = {"authenticatorId": made["authenticatorId"]}

    def credentials(self) -> list[dict[str, Any]]:
        found = self.devtools.send("WebAuthn.getCredentials", self.which)
        kept: list[dict[str, Any]] = found["credentials"]
        return kept

    def verifies(self, yes: bool) -> None:
        self.devtools.send("WebAuthn.setUserVerified", self.which | {"isUserVerified": yes})


def touch(desk: Desk, button: str, path: str) -> None:
    """Press a button that asks for the passkey; its form is sent when the browser has answered."""
    desk.page.locator("main").get_by_role("button", name=button, exact=True).click()
    desk.page.wait_for_url(f"**{path}")
    desk.check()


def lock(desk: Desk) -> None:
    """Let the session of this browser be idle for 15 minutes. In a thread of its own: playwright's
    event loop keeps Django from the database here."""
    (cookie,) = (
        one["value"]
        for one in desk.context.cookies()
        if one["name"] == settings.SESSION_COOKIE_NAME
    )

    def older() -> None:
        session = SessionStore(cookie)
        session[idle_lock.SEEN] = session[idle_lock.SEEN] - settings.IDLE_LOCK_S
        session.save()
        for alias in connections:
            connections[alias].close()

    thread = threading.Thread(target=older)
    thread.start()
    thread.join()


@contextmanager
def watched(desk: Desk) -> Iterator[None]:
    """Complaints that a test provokes are not the page's fault."""
    yield
    desk.complaints.clear()
