"""A rotation that was killed, or that meets another, leaves nothing on the old version."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError

from permissions.keys import rotation
from permissions.keys.keystore import Wrapped, key_store
from tests.keys.key_versions import (
    connection_that_wraps,
    keys,
    of,
    opens,
    running,
    versions_named,
    wait_for_a_lock,
    wait_for_advisory_wait,
)
from tests.keys.key_versions import many as many  # a fixture
from tests.keys.key_versions import told as told  # a fixture
from tests.support.ground.waiting import SOON, ended
from tests.support.people.callers import agency_id
from tests.support.people.stories import Story


def test_a_rotation_killed_half_way_is_ended_by_the_next(
    many: list[Story], superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    class DiesAfterTwo:
        """The store, until the process that uses it ends in the middle of a batch of ours."""

        left = 2

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        def rewrap(self, *words: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                raise Killed
            return store.rewrap(*words)

    store = key_store()
    before = max(versions_named(superuser, "police"))
    monkeypatch.setattr(rotation, "BATCH", 1)
    with monkeypatch.context() as patched:
        dying = DiesAfterTwo()
        patched.setattr(rotation, "key_store", lambda: dying)
        with pytest.raises(Killed):
            keys("rotate", of("police"))
    assert versions_named(superuser, "police") == {before, before + 1}, "it was half-way"
    for story in many:
        opened = story.api(story.sender).act(story.id, "open_packet", {"purpose": "intake"})
        assert opened.status_code == 200
    with pytest.raises(CommandError):
        keys("destroy", of("police"))
    keys("rotate", of("police"))
    assert versions_named(superuser, "police") == {before + 1}, "the same version, not one more"


def test_an_end_that_was_killed_is_made_whole_by_the_next(told: Story) -> None:
    """Between the mark, since when the version opens nothing, and the end of its file."""
    agency = agency_id("ywca")
    old = key_store().versions(agency)[-1]
    keys("rotate", of("ywca"))
    path = Path(settings.KEY_STORE["folder"]) / str(agency) / f"{old}.kek"
    kept = path.read_bytes()
    keys("destroy", of("ywca"))
    path.write_bytes(kept)
    assert "nothing older than the newest" in keys("destroy", of("ywca"))
    assert not path.exists()
    opens(told)


def test_a_process_that_is_killed_leaves_nothing_that_hinders_the_next(
    many: list[Story], superuser: Any
) -> None:
    before = max(versions_named(superuser, "police"))
    holder = connection_that_wraps(superuser)
    process = running("rotate", of("police"))
    with ended(process):
        wait_for_advisory_wait(superuser)
        process.kill()
        process.communicate()
    holder.rollback()
    holder.close()
    keys("rotate", of("police"))
    (now,) = versions_named(superuser, "police")
    assert now > before


def test_two_rotations_at_the_same_time_follow_each_other(
    many: list[Story], superuser: Any
) -> None:
    before = max(key_store().versions(agency_id("police")))
    holder = connection_that_wraps(superuser)
    both = [running("rotate", of("police")) for _ in range(2)]
    with ended(*both):
        wait_for_advisory_wait(superuser, 2)
        holder.rollback()
        holder.close()
        for process in both:
            _, said = process.communicate(timeout=SOON)
            assert process.returncode == 0, said
    assert versions_named(superuser, "police") == {before + 2}
    for story in many:
        opened = story.api(story.sender).act(story.id, "open_packet", {"purpose": "intake"})
        assert opened.status_code == 200


def test_who_wrapped_before_a_rotation_was_killed_is_waited_for_by_the_next(
    many: list[Story], superuser: Any
) -> None:
    police = agency_id("police")
    before = max(versions_named(superuser, "police"))
    holder = connection_that_wraps(superuser)
    with holder.cursor() as cursor:  # a writer's bundle, under the version of before
        cursor.execute(
            "SELECT id, kek_version, key_bundle FROM packet_grant"
            " WHERE agency_id = %s ORDER BY id DESC LIMIT 1 FOR UPDATE",
            [str(police)],
        )
        row, version, bundle = cursor.fetchone()
        new = key_store().rewrap(police, Wrapped(version, bytes(bundle)))
        cursor.execute(
            "UPDATE packet_grant SET kek_version = %s, key_bundle = %s WHERE id = %s", [*new, row]
        )
    assert new.kek_version == before
    assert key_store().begin_version(police) == before + 1  # a rotation, killed right behind it
    process = running("rotate", of("police"))
    with ended(process):
        wait_for_a_lock(superuser)
        holder.commit()
        holder.close()
        _, said = process.communicate(timeout=SOON)
        assert process.returncode == 0, said
    assert versions_named(superuser, "police") == {before + 1}
    for story in many:
        opened = story.api(story.sender).act(story.id, "open_packet", {"purpose": "intake"})
        assert opened.status_code == 200
