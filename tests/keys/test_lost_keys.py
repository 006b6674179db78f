"""A lost key is reported as an error and never begun again."""

import os
import shutil
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from permissions.keys.keystore import key_store
from tests.keys.key_versions import NOTE, keys, of, opens
from tests.keys.key_versions import told as told  # a fixture
from tests.support.ground.restored import recover
from tests.support.people.callers import agency_id
from tests.support.people.sealed_packets import destroyed
from tests.support.people.stories import PACKET, Story, return_body


@pytest.fixture
def without_a_key(told: Story) -> Iterator[Callable[[], None]]:
    """The recipient's own folder of keys is gone until the test ends; the rest stays."""
    folder = Path(settings.KEY_STORE["folder"]) / str(agency_id("ywca"))
    aside = folder.with_name(f"aside-{os.getpid()}")

    def lose() -> None:
        folder.rename(aside)

    yield lose
    made_again = folder.exists()
    if made_again:  # put it right even then: the next test needs its keys
        shutil.rmtree(folder)
    aside.rename(folder)
    assert not made_again, "a lost key was silently made again"


def test_a_lost_key_is_an_error_and_never_begun_again(
    told: Story, without_a_key: Callable[[], None]
) -> None:
    without_a_key()
    for who, act, body in (
        (told.recipient, "open_packet", {"purpose": "intake"}),
        (told.recipient, "add_note", NOTE),
        (told.sender, "put_packet", {"packet": PACKET}),
    ):
        answer = told.api(who).act(told.id, act, body)
        assert (answer.status_code, answer.json()["code"]) == (503, "key_store"), act
    said = StringIO()
    with pytest.raises(CommandError, match="keys failed"):
        call_command("keys", "status", of("ywca"), stdout=said, stderr=StringIO())
    assert "LOST" in said.getvalue()


@pytest.mark.parametrize("what", ["status", "rotate", "destroy"])
def test_a_root_key_of_another_folder_is_said(told: Story, what: str) -> None:
    """After a restore `keys status` is what the operator looks at (RUNBOOK): no word of it."""
    root = Path(settings.KEY_STORE["folder"]) / "root.key"
    own, said = root.read_bytes(), StringIO()
    key_store().begin_version(agency_id("ywca"))  # so that there is one to end
    held = key_store().versions(agency_id("ywca"))
    root.write_bytes(os.urandom(32))
    try:
        with pytest.raises(CommandError, match="keys failed"):
            call_command("keys", what, of("ywca"), stdout=StringIO(), stderr=said)
    finally:
        root.write_bytes(own)
    assert "A key does not open by the root key." in said.getvalue()
    assert key_store().versions(agency_id("ywca")) == held
    opens(told)


@pytest.mark.parametrize("what", ["rotate", "destroy"])
@pytest.mark.parametrize("named", [True, False])
def test_a_key_that_was_lost_is_counted_and_said(
    told: Story, without_a_key: Callable[[], None], what: str, named: bool
) -> None:
    """Also among all: it is no agency for which nothing was sealed yet."""
    without_a_key()
    said = StringIO()
    with pytest.raises(CommandError, match=r"^1 of "):
        call_command("keys", what, *[of("ywca")] * named, stdout=StringIO(), stderr=said)
    (line,) = [one for one in said.getvalue().splitlines() if str(agency_id("ywca")) in one]
    assert line == f"{agency_id('ywca')}: The key store has lost this agency's key: put it back."


def test_versions_that_were_lost_are_said_where_nothing_is_left_to_destroy(
    told: Story, superuser: Any
) -> None:
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE private_key SET kek_version = 99 WHERE agency_id = %s",
            [str(agency_id("ywca"))],
        )
    keys("rotate", of("ywca"))
    for said in ("and older are destroyed", "nothing older than the newest version"):
        out = keys("destroy", of("ywca"))
        assert f"{said}; LOST: version 99, 1 rows cannot be opened" in out


def test_what_was_carried_over_and_cannot_be_read_is_a_store_that_is_away(
    told: Story, superuser: Any
) -> None:
    """Half a file, as a copy that was cut off leaves it: nothing is begun or ended over it."""
    file = Path(settings.KEYS_CARRIED) / f"{agency_id('ywca')}.json"
    keys("rotate", of("ywca"))
    keys("destroy", of("ywca"))
    held = key_store().versions(agency_id("ywca"))
    whole = file.read_bytes()
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE private_key SET kek_version = kek_version - 1")
    file.write_bytes(whole[: len(whole) // 2])
    try:
        for what in ("rotate", "destroy"):
            with pytest.raises(CommandError, match="keys failed"):
                keys(what, of("ywca"))
        with pytest.raises(CommandError, match="The folder of keys does not answer"):
            recover("--anyway", "--unwitnessed")
    finally:
        file.write_bytes(whole)
    assert key_store().versions(agency_id("ywca")) == held


@pytest.mark.parametrize("key", ["police", "ywca"])
def test_a_version_destroyed_under_what_lives_is_an_error_each_time(told: Story, key: str) -> None:
    """It is looked for once more, as after a rotation, and then no further."""
    told.answers("put_return_release", return_body())
    with destroyed(key):
        who = told.sender if key == "police" else told.recipient
        asked = [told.api(who).act(told.id, "open_packet", {"purpose": "intake"})]
        if key == "police":
            asked.append(told.api(who).get(f"/v1/referrals/{told.id}/returned"))
        for answer in asked:
            assert (answer.status_code, answer.json()["code"]) == (503, "key_gone")
