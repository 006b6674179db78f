"""A purge that was killed, that runs twice, or that cannot remove everything."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError
from django.test import override_settings
from structlog.testing import capture_logs

from permissions.database.advisory_locks import PURGING
from permissions.errors import NotPossible, Unavailable
from permissions.keys import rotation, second_copy
from permissions.keys.keystore import key_store
from referrals import worker
from referrals.deadlines import purge as purge_run
from referrals.deadlines import removal
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id
from tests.support.people.purging import (
    NOTE,
    opens,
    purge,
    status_of,
    told,
    versions,
)
from tests.support.people.stories import PACKET, Story, service_of


@pytest.mark.parametrize("place", ["end_key_epoch", "_rewrap_all", "_destroy"])
def test_a_purge_that_was_killed_is_made_good_by_the_next(
    story: Story, shift_clock: Any, superuser: Any, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: Any, **__: Any) -> Any:
        raise Killed

    alive = told(Story(story.api, service_of("ywca")))
    story.create().release(*PACKET).packet(**PACKET)
    before = versions("police")
    shift_clock("24 hours 1 minute")
    alive.sends("add_note", NOTE)
    with monkeypatch.context() as patched:
        patched.setattr(rotation, place, kill)
        with pytest.raises(Killed):
            purge()
    assert status_of(story, story.sender) == 404
    assert set(versions("police")) >= set(before), "what wrapped it is there, for older copies"
    assert opens(alive, alive.sender) == 200
    assert purge()["draft"] == 0
    assert set(versions("police")).isdisjoint(before)
    assert opens(alive, alive.sender) == 200


def test_a_purge_that_was_killed_between_keys_and_rows_took_neither(
    story: Story, shift_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: Any) -> Any:
        raise Killed

    story.create().release(*PACKET).packet(**PACKET)
    shift_clock("25 hours")
    with monkeypatch.context() as patched:
        patched.setattr(removal, "_unlink", kill)
        with pytest.raises(Killed):
            purge()
    assert opens(story, story.sender) == 200
    assert purge()["draft"] == 1


def test_two_purges_at_once_are_one(story: Story, superuser: Any) -> None:
    with superuser.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, hashtext(''))", [PURGING])
    try:
        with pytest.raises(purge_run.PurgeRunning):
            purge()
        assert purge_run.step() is False, "the worker lets the other one do it"
    finally:
        with superuser.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(''))", [PURGING])


def test_an_agency_whose_key_was_lost_keeps_nobodys_purge_from_its_end(
    api: Any, shift_clock: Any, superuser: Any
) -> None:
    order = rotation.agencies()
    ill, well = sorted(("police", "outsider"), key=lambda key: order.index(agency_id(key)))
    senders = (f"{ill}.worker", f"{well}.worker", f"{ill}.worker")
    drafts = [Story(api, service_of("ywca"), sender=who).create() for who in senders]
    for one in drafts:
        one.release(*PACKET).packet(**PACKET)
    shift_clock("20 hours")
    drafts[2].packet(name="Alive")
    shift_clock("25 hours")
    before = versions(well)
    with lost_keys(ill), capture_logs() as logged:
        assert worker.run_until_idle([worker.Job("purge", purge_run.step, 1)]) == ["purge"]
        due = "SELECT agency_id::text FROM epoch_due"
        assert rows(superuser, due) == [(str(agency_id(ill)),)]
    said = [(one["event"], one.get("agency")) for one in logged]
    assert ("purge_held_up", str(agency_id(ill))) in said, "whose key it is"
    assert [status_of(one, one.sender) for one in drafts] == [404, 404, 200]
    assert set(versions(well)).isdisjoint(before)
    before = versions(ill)
    assert worker.run_until_idle([worker.Job("purge", purge_run.step, 1)]) == []
    assert rows(superuser, due) == []
    assert set(versions(ill)).isdisjoint(before)
    assert opens(drafts[2], drafts[2].sender) == 200


def test_what_cannot_go_keeps_nothing_else_from_its_end(
    api: Any, shift_clock: Any, superuser: Any
) -> None:
    """A row that names it, of which purge knows nothing; it is of the agency that comes first."""
    order = rotation.agencies()
    keys = sorted(("police", "outsider"), key=lambda key: order.index(agency_id(key)))
    stuck, after = [Story(api, service_of("ywca"), sender=f"{key}.worker") for key in keys]
    for one in (stuck, after):
        one.create().release(*PACKET).packet(**PACKET)
    shift_clock("25 hours")
    before = versions(keys[1])
    with superuser.cursor() as cursor:
        cursor.execute("CREATE TABLE other (referral_id uuid REFERENCES referral)")
        cursor.execute("INSERT INTO other VALUES (%s)", [stuck.id])
    try:
        with pytest.raises(IntegrityError):
            purge()
    finally:
        with superuser.cursor() as cursor:
            cursor.execute("DROP TABLE other")
    assert status_of(after, after.sender) == 404
    assert set(versions(keys[1])).isdisjoint(before)
    assert opens(stuck, stuck.sender) == 200, "of one that cannot go nothing went"
    assert purge()["draft"] == 1


def test_an_agency_of_which_the_store_holds_nothing_stays_due_until_it_does(
    story: Story, shift_clock: Any, superuser: Any
) -> None:
    story.create().release(*PACKET).packet(**PACKET)
    before = versions("police")
    shift_clock("25 hours")
    folder = Path(key_store().folder) / str(agency_id("police"))
    aside = folder.rename(folder.with_name("aside"))
    try:
        with pytest.raises(Unavailable) as refusal:
            purge()
        assert refusal.value.code == "key_store"
        assert versions("police") == [], "none is begun in its place"
    finally:
        aside.rename(folder)
    due = "SELECT agency_id::text FROM epoch_due"
    assert rows(superuser, due) == [(str(agency_id("police")),)]
    assert status_of(story, story.sender) == 404
    assert {name: count for name, count in purge().items() if count} == {"keys": 1}
    assert rows(superuser, due) == []
    assert set(versions("police")).isdisjoint(before)


def test_bundles_that_were_altered_hold_up_no_end_of_keys(
    api: Any, shift_clock: Any, superuser: Any
) -> None:
    """Nor are they taken for those of an older database, though their version ends without them."""
    altered, *drafts = [Story(api, service_of("ywca")) for _ in range(3)]
    altered.accept().release(*PACKET).packet(**PACKET)
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE packet_grant SET key_bundle = key_bundle || 'x'")
    for days, draft in enumerate(drafts, 1):
        draft.create().release(*PACKET).packet(**PACKET)
        before = versions("police")
        shift_clock(f"{days} days 1 hour")
        assert purge()["draft"] == 1
        assert rows(superuser, "SELECT FROM epoch_due") == []
        assert set(versions("police")).isdisjoint(before)
    assert opens(altered, altered.sender) == 503
    assert rotation.rotate(agency_id("police")).unopened == 1
    rotation.destroy(agency_id("police"))


def test_a_root_key_of_another_folder_ends_no_key(
    api: Any, shift_clock: Any, superuser: Any, tmp_path: Path
) -> None:
    """Nothing opens by it, of what lives neither: put right, all of that is there. The second copy
    notices first; without one that knows better, the store does."""
    alive, draft = (Story(api, service_of("ywca")) for _ in range(2))
    alive.accept().release(*PACKET).packet(**PACKET)
    draft.create().release(*PACKET).packet(**PACKET)
    shift_clock("25 hours")
    second_copy.mirror()  # it has been made before: it knows the root key
    root = Path(key_store().folder) / "root.key"
    own = root.read_bytes()
    held = versions("police")
    root.write_bytes(os.urandom(32))
    try:
        with pytest.raises(NotPossible) as noticed:
            purge()
        assert noticed.value.code == "no_second_copy"
        with (
            override_settings(KEY_COPY=str(tmp_path / "copy")),
            pytest.raises(Unavailable) as refusal,
        ):
            purge()
        assert refusal.value.code == "key_store"
        assert versions("police") == held, "none is begun by it either"
    finally:
        root.write_bytes(own)
    assert opens(alive, alive.sender) == 200
    assert {name: count for name, count in purge().items() if count} == {"keys": 1}
    assert rows(superuser, "SELECT FROM epoch_due") == []
    assert opens(alive, alive.sender) == 200


@contextmanager
def lost_keys(key: str) -> Iterator[None]:
    """All that this agency's rows are wrapped by is missing in the store, without a word."""
    folder = Path(key_store().folder) / str(agency_id(key))
    files = {path: path.read_bytes() for path in folder.glob("*.kek")}
    key_store().begin_version(agency_id(key))
    for path in files:
        path.unlink()
    try:
        yield
    finally:
        for path, content in files.items():
            path.touch(0o600)
            path.write_bytes(content)
