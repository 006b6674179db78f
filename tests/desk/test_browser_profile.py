"""A stolen laptop (TH7): what the browser keeps after a person has left, read from its folder."""

import secrets
from pathlib import Path
from typing import Any

import pytest

from tests.support.ground.live_server import Server
from tests.support.people.browser import Desk, with_profile
from tests.support.people.stories import PACKET, Story

pytestmark = pytest.mark.browser
WAYS = ("Sign out", "Quick exit")


def word() -> str:
    return "zq" + "".join(secrets.choice("ghijklmnopqrstuvwxy") for _ in range(14))


def kept(profile: Path, words: list[str]) -> dict[str, list[str]]:
    """In which files of the profile each word stands, in either of the browser's encodings."""
    found: dict[str, list[str]] = {}
    for file in profile.rglob("*"):
        content = file.read_bytes() if file.is_file() and not file.is_symlink() else b""
        for one in words:
            if one.encode() in content or one.encode("utf-16-le") in content:
                found.setdefault(one, []).append(str(file.relative_to(profile)))
    return found


def works(desk: Desk, referral_id: str, typed: list[str]) -> None:
    """An advocate's evening: she opens the packet, writes what she learned, wrongly first."""
    one = f"/desk/referrals/{referral_id}"
    desk.sign_in_on_the_pages("ywca.worker")
    for act in ("open_packet", "open_notes"):
        desk.page.goto(f"{one}/{act}")
        desk.choose("Intake")
        desk.press("Open")
    desk.page.goto(f"{one}/add_note")
    desk.page.get_by_label("Note").fill(typed[0])
    desk.press("Save note")
    desk.page.goto(f"{one}/record_report")
    desk.page.locator("[name=detail]").fill(typed[1])
    desk.page.locator("form[novalidate], form").last.evaluate("form => form.noValidate = true")
    desk.page.locator("main form button").last.click()
    assert desk.page.locator("[name=detail]").input_value() == typed[1], "shown once more"
    desk.page.goto(f"{one}/add_note")
    desk.page.get_by_label("Note").fill(typed[2])  # and never sent
    desk.page.goto(one)


@pytest.mark.parametrize("way", WAYS)
def test_a_profile_holds_no_word_once_she_has_left(
    way: str, story: Story, server: Server, tmp_path: Path, api: Any
) -> None:
    packet = {name: word() for name in PACKET}
    note, *typed = (word() for _ in range(4))
    story.accept().release(*packet).packet(**packet).answers("add_note", {"text": note})
    password = server.member("ywca.worker")["password"]
    with with_profile(tmp_path, server) as desk:
        works(desk, story.id, typed)
        desk.refusal = "weather.gov"
        desk.page.get_by_role("button", name=way).click()
        if way == "Sign out":
            desk.sees("You are signed out")
    words = [*packet.values(), note, *typed, password]
    assert kept(tmp_path, [story.id]), "the folder is the browser's own"
    assert kept(tmp_path, words) == {}
