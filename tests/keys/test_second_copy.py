"""The second copy of the keys: no key ends before it holds the next, and what ended goes there."""

import shutil
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import override_settings

from permissions.database.checks import keys_have_a_second_copy
from permissions.errors import NotPossible
from permissions.keys import rotation, second_copy
from permissions.keys.keystore import FileKeyStore, key_store
from referrals.deadlines import purge
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id
from tests.support.people.shared_packet import sealed as sealed  # a fixture
from tests.support.people.stories import PACKET, Story

ACCESS = {"purpose": "review"}
YWCA = "ywca"


def folder() -> Path:
    store = key_store()
    assert isinstance(store, FileKeyStore)
    return store.folder


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    with override_settings(KEY_COPY=str(tmp_path / "copy")):
        yield tmp_path / "copy"


def files(root: Path) -> dict[str, bytes]:
    """All but the mark, by which a folder is known from its copy."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.name != "folder.mark"
    }


def opened(story: Story) -> Any:
    return story.api(story.recipient).act(story.id, "open_packet", ACCESS)


def test_a_disk_is_lost_after_a_purge_and_the_second_copy_opens_all_that_lives(
    sealed: Story, copy: Path, shift_clock: Any
) -> None:
    old = Story(sealed.api, sealed.service_id).create().release(*PACKET).packet(**PACKET)
    shift_clock("25 hours")
    assert purge.run()["draft"] == 1
    assert sealed.api(old.sender).get(f"/v1/referrals/{old.id}").status_code == 404
    # On another disk it would come back as another folder (key_folder.host_code).
    lost = folder().rename(folder().with_name("keys-lost"))
    try:
        assert opened(sealed).status_code == 503
        shutil.copytree(copy, folder())
        assert opened(sealed).json()["packet"] == PACKET
    finally:
        shutil.rmtree(folder(), ignore_errors=True)
        lost.rename(folder())


def test_what_a_purge_destroyed_is_destroyed_in_the_copy_too(sealed: Story, copy: Path) -> None:
    second_copy.mirror()
    before = files(copy)
    done = rotation.end_key_epoch(agency_id(YWCA))
    after = files(copy)
    ended = {name for name in before if name.startswith(str(agency_id(YWCA))) and "kek" in name}
    assert ended
    assert ended.isdisjoint(after)
    assert f"{agency_id(YWCA)}/{done.version}.kek" in after
    assert after == files(folder()), "nothing more, nothing less"


@pytest.mark.parametrize("away", ["not set", "another store's", "cannot be written"])
def test_no_key_ends_while_the_second_copy_is_away(
    sealed: Story, copy: Path, superuser: Any, shift_clock: Any, away: str
) -> None:
    Story(sealed.api, sealed.service_id).create().release(*PACKET).packet(**PACKET)
    shift_clock("25 hours")
    rotation.rotate(agency_id("police"))
    held = key_store().versions(agency_id("police"))
    assert len(held) > 1
    name = str(copy)
    if away == "not set":
        name = ""
    elif away == "another store's":
        FileKeyStore(name).begin()
    else:
        copy.parent.mkdir(exist_ok=True)
        copy.write_text("a file where the folder should be")
    with override_settings(KEY_COPY=name):
        with pytest.raises(NotPossible) as refusal:
            purge.run()
        assert refusal.value.code == "no_second_copy"
        with pytest.raises(CommandError):
            call_command("keys", "destroy", stdout=StringIO(), stderr=StringIO())
        said = StringIO()
        with pytest.raises(CommandError, match="keys failed"):
            call_command("keys", "status", stdout=said, stderr=said)
        assert ("IS BEHIND" if away == "another store's" else "CAIRN_KEY_COPY") in said.getvalue()
    assert key_store().versions(agency_id("police")) == held, "none begun, none ended"
    assert rows(superuser, "SELECT FROM epoch_due") != [], "it stays due"
    assert opened(sealed).json()["packet"] == PACKET
    shutil.rmtree(copy, ignore_errors=True)
    copy.unlink(missing_ok=True)
    purge.run()
    assert rows(superuser, "SELECT FROM epoch_due") == []


def test_the_copy_of_another_store_is_never_overwritten(copy: Path) -> None:
    FileKeyStore(str(copy)).begin()
    before = files(copy)
    with pytest.raises(second_copy.NoSecondCopy):
        second_copy.mirror()
    assert files(copy) == before


def test_status_says_what_the_copy_holds(sealed: Story, copy: Path) -> None:
    assert second_copy.mirror() > 0
    assert second_copy.mirror() == 0, "twice is safe"
    held = ", ".join(map(str, key_store().versions(agency_id(YWCA))))
    said = StringIO()
    call_command("keys", "status", f"--agency={agency_id(YWCA)}", stdout=said)
    assert f"the second copy has version {held}; it opens what is wrapped now" in said.getvalue()
    rotation.rotate(agency_id(YWCA))
    said = StringIO()
    with pytest.raises(CommandError, match="1 of 1 keys failed"):
        call_command("keys", "status", f"--agency={agency_id(YWCA)}", stdout=said, stderr=said)
    assert "IS BEHIND" in said.getvalue()
    call_command("keys", "copy", stdout=StringIO())
    assert second_copy.copied(agency_id(YWCA)).current


@pytest.mark.no_database
def test_a_server_without_a_second_copy_is_named_by_the_check() -> None:
    assert keys_have_a_second_copy() == []
    assert settings.KEY_COPY
    with override_settings(KEY_COPY=""):
        assert [one.id for one in keys_have_a_second_copy()] == ["permissions.E010"]
