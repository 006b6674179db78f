"""Rotation while people work: no read fails, no row stays on the old version, and a version is
ended only when nothing needs it (ADR 0020)."""

import threading
from typing import Any
from uuid import uuid4

import pytest
import requests
from django.core.management import CommandError

from permissions.errors import Unavailable
from permissions.keys import grants, rotation, wrapped_keys
from permissions.keys.keystore import key_store
from tests.keys.key_versions import NOTE, keys, of, opens, versions_named
from tests.keys.key_versions import told as told  # a fixture
from tests.support.ground.live_server import Server
from tests.support.people.access_log import the_log_is_full
from tests.support.people.callers import agency_id
from tests.support.people.stories import PACKET, Story


def test_every_table_with_a_bundle_is_rotated(superuser: Any) -> None:
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT attrelid::regclass::text FROM pg_attribute"
            " WHERE attname = 'key_bundle' AND attnum > 0 AND NOT attisdropped"
        )
        assert {name for (name,) in cursor.fetchall()} == set(wrapped_keys.WRAPPED_TABLES)


def test_after_a_rotation_all_is_on_the_new_version_and_opens(told: Story, superuser: Any) -> None:
    before = max(versions_named(superuser, "ywca"))
    keys("rotate", of("ywca"))
    assert versions_named(superuser, "ywca") == {before + 1}
    with pytest.raises(CommandError):
        keys("status", of("ywca"))  # the second copy is behind
    keys("copy")
    assert f"{before + 1} (2 rows)" in keys("status", of("ywca"))
    opens(told)
    keys("destroy", of("ywca"))
    assert key_store().versions(agency_id("ywca")) == [before + 1]
    opens(told)
    told.answers("add_note", {"text": "and another"})


def test_a_version_that_a_row_still_names_is_not_destroyed(told: Story) -> None:
    newest = key_store().begin_version(agency_id("ywca"))
    held = key_store().versions(agency_id("ywca"))
    for version in (newest - 1, newest):
        with pytest.raises(rotation.NotPossible) as refusal:
            rotation.destroy(agency_id("ywca"), version)
        assert refusal.value.code == "key_in_use"
    with pytest.raises(CommandError):
        keys("destroy", of("ywca"))
    assert key_store().versions(agency_id("ywca")) == held
    opens(told)


def test_rotation_and_destruction_stand_in_the_access_log(told: Story, superuser: Any) -> None:
    keys("rotate", of("ywca"))
    keys("destroy", of("ywca"))
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT act FROM access_entry WHERE agency_id = %s AND act LIKE 'key.%%'"
            " ORDER BY xact DESC LIMIT 2",
            [str(agency_id("ywca"))],
        )
        assert [act for (act,) in cursor.fetchall()] == ["key.destroy", "key.rotate"]


def test_the_background_work_cannot_log_what_it_does_not_do() -> None:
    with pytest.raises(Unavailable) as refused:
        rotation.log_background_act("referral.open_packet", agency_id("ywca"))
    assert "not an act of the background work" in str(refused.value.__cause__)


def test_without_its_entry_no_key_is_made_and_none_is_ended(told: Story) -> None:
    """What the key store did cannot be undone, and no row of the database says who did it."""
    keys("rotate", of("ywca"))
    held = key_store().versions(agency_id("ywca"))
    with the_log_is_full():
        for what in ("rotate", "destroy"):
            with pytest.raises(CommandError, match="keys failed"):
                keys(what, of("ywca"))
        with pytest.raises(Unavailable):
            rotation.end_key_epoch(agency_id("ywca"))
    assert key_store().versions(agency_id("ywca")) == held
    opens(told)


class Readers:
    """Threads that read and write over HTTP until told to stop; `answers` is all they got."""

    def __init__(self, server: Server, story: Story) -> None:
        self.server, self.story = server, story
        self.answers: list[tuple[str, int, bytes]] = []
        self.done = threading.Event()
        self.threads = [
            threading.Thread(target=self._go, args=(who, act, body))
            for who in (story.sender, story.recipient)
            for act, body in (
                ("open_packet", {"purpose": "intake"}),
                ("open_notes", {"purpose": "review"}),
                ("add_note", NOTE),
            )
        ]
        packet = ("put_packet", {"packet": PACKET})
        self.threads.append(threading.Thread(target=self._go, args=(story.sender, *packet)))

    def __enter__(self) -> "Readers":
        for thread in self.threads:
            thread.start()
        self.seen(2 * len(self.threads))
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        for thread in self.threads:
            thread.join()

    def seen(self, more: int) -> None:
        """Until so many more answers have come."""
        wanted = len(self.answers) + more
        while len(self.answers) < wanted and any(thread.is_alive() for thread in self.threads):
            self.done.wait(0.01)

    def _go(self, who: str, act: str, body: Any) -> None:
        caller = self.story.api(who)
        session = requests.Session()
        url = f"{self.server.base_url}/v1/referrals/{self.story.id}/{act}"
        while not self.done.is_set():
            answer = session.post(url, json=body, headers=caller.headers({}), timeout=30)
            self.answers.append((act, answer.status_code, answer.content))


def test_an_agencys_key_is_rotated_twice_and_ended_while_people_work(
    told: Story, superuser: Any, server: Server
) -> None:
    with Readers(server, told) as readers:
        for _ in range(2):
            for key in ("ywca", "police"):
                before = max(key_store().versions(agency_id(key)))
                keys("rotate", of(key))
                assert versions_named(superuser, key) == {before + 1}
                keys("destroy", of(key))
                assert key_store().versions(agency_id(key)) == [before + 1]
            readers.seen(len(readers.threads))
    assert len(readers.answers) > 40
    assert [one for one in readers.answers if one[1] not in (200, 201)] == []
    assert {act for act, _, _ in readers.answers} == {
        *("open_packet", "open_notes", "add_note", "put_packet")
    }


def test_who_read_a_bundle_just_before_its_version_ended_reads_it_again(
    told: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    class EndsAtTheFirst:
        """The store; a whole rotation falls between the read of a bundle and its unwrapping."""

        ended = False

        def unwrap(self, *words: Any) -> bytes:
            if not self.ended:
                self.ended = True
                keys("rotate", of("ywca"))
                keys("destroy", of("ywca"))
            return store.unwrap(*words)

    store = key_store()
    for act in ("open_packet", "open_notes"):
        with monkeypatch.context() as patched:
            ending = EndsAtTheFirst()
            patched.setattr(grants, "key_store", lambda ending=ending: ending)
            answer = told.api(told.recipient).act(told.id, act, {"purpose": "intake"})
        assert ending.ended
        assert answer.status_code == 200, (act, answer.content)


def test_a_row_that_was_altered_keeps_no_key_from_being_changed_and_ended(
    told: Story, superuser: Any
) -> None:
    """It opens to nobody, whichever it names; after a leak all else has to leave the old one."""
    agency = agency_id("ywca")
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE private_key SET key_bundle = key_bundle || 'x' WHERE agency_id = %s",
            [str(agency)],
        )
    before = key_store().versions(agency)[-1]
    for newest in (before + 1, before + 2):
        assert f"version {newest}, 1 rows rewrapped" in keys("rotate", of("ywca"))
    assert f"version {newest - 1} and older are destroyed" in keys("destroy", of("ywca"))
    assert key_store().versions(agency) == [newest]
    assert told.api(told.recipient).act(told.id, "open_packet", {"purpose": "intake"}).json()


def test_rows_altered_under_a_later_version_let_no_earlier_one_end_that_still_opens(
    told: Story, superuser: Any
) -> None:
    agency = agency_id("ywca")
    later = key_store().begin_version(agency)
    Story(told.api, told.service_id).accept().release("name").packet(name="x").answers(
        "add_note", NOTE
    )
    with superuser.cursor() as cursor:
        for table in ("private_key", "packet_grant"):
            cursor.execute(
                f"UPDATE {table} SET key_bundle = key_bundle || 'x'"
                " WHERE agency_id = %s AND kek_version = %s",
                [str(agency), later],
            )
            assert cursor.rowcount == 1
    key_store().begin_version(agency)
    with pytest.raises(rotation.NotPossible) as refusal:
        rotation.destroy(agency, later - 1)
    assert refusal.value.code == "key_in_use"
    opens(told)


@pytest.mark.parametrize("what", ["status", "rotate", "destroy"])
def test_an_agency_that_is_none_is_told_so(what: str) -> None:
    with pytest.raises(CommandError, match="No agency has this id"):
        keys(what, "--agency", str(uuid4()))
