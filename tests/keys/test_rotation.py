"""Rotation while people work: no read fails, no row stays on the old version, and a version is
ended only when nothing needs it (ADR 0020)."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from permissions.errors import Unavailable
from permissions.keys import grants, rotation, wrapped_keys
from permissions.keys.keystore import Wrapped, key_store
from tests.support.access_log import the_log_is_full
from tests.support.callers import agency_id
from tests.support.cluster import HOME
from tests.support.live_server import Server
from tests.support.sealed_packets import destroyed
from tests.support.stories import PACKET, Story, return_body, service_of

NOTE = {"text": "a note of ours"}


def keys(*words: str) -> str:
    out = StringIO()
    call_command("keys", *words, stdout=out, stderr=StringIO())
    return out.getvalue()


def of(key: str) -> str:
    return f"--agency={agency_id(key)}"


def versions_named(superuser: Any, key: str) -> set[int]:
    """The versions that any row of this agency names, read past every policy."""
    found = set()
    with superuser.cursor() as cursor:
        for table in wrapped_keys.WRAPPED_TABLES:
            cursor.execute(
                f"SELECT DISTINCT kek_version FROM {table}"
                " WHERE agency_id = %s AND key_bundle IS NOT NULL",
                [str(agency_id(key))],
            )
            found |= {version for (version,) in cursor.fetchall()}
    return found


@pytest.fixture
def told(story: Story) -> Story:
    """Accepted, with a packet and a note on either side."""
    story.accept().release(*PACKET).packet(**PACKET)
    return story.answers("add_note", NOTE).sends("add_note", NOTE)


def opens(story: Story) -> None:
    for who in (story.sender, story.recipient):
        packet = story.api(who).act(story.id, "open_packet", {"purpose": "intake"})
        assert packet.status_code == 200, packet.content
        assert packet.json()["packet"] == PACKET
        notes = story.api(who).act(story.id, "open_notes", {"purpose": "review"})
        assert [one["content"]["text"] for one in notes.json()["items"]] == [NOTE["text"]]


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
            " ORDER BY at DESC LIMIT 2",
            [str(agency_id("ywca"))],
        )
        assert [act for (act,) in cursor.fetchall()] == ["key.destroy", "key.rotate"]


def test_the_background_work_cannot_log_what_it_does_not_do() -> None:
    with pytest.raises(Unavailable) as refused:
        rotation.log_background_act("referral.open_packet", agency_id("ywca"))
    assert "not an act of the background work" in str(refused.value.__cause__)


def test_without_its_entry_no_key_is_made_and_none_is_ended(told: Story) -> None:
    """What the key store did nobody can take back, and no row of the database says who it was."""
    keys("rotate", of("ywca"))
    held = key_store().versions(agency_id("ywca"))
    with the_log_is_full():
        for what in ("rotate", "destroy"):
            with pytest.raises(CommandError, match="were not done"):
                keys(what, of("ywca"))
        with pytest.raises(Unavailable):
            rotation.end_key_epoch(agency_id("ywca"))
    assert key_store().versions(agency_id("ywca")) == held
    opens(told)


# -- Under load ------------------------------------------------------------------------------------


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


# -- Killed, and at the same time ------------------------------------------------------------------


def running(*words: str) -> "subprocess.Popen[bytes]":
    env = os.environ | {"CAIRN_HOME": str(HOME), "CAIRN_DATABASE": connection.settings_dict["NAME"]}
    return subprocess.Popen(
        [sys.executable, "manage.py", "keys", *words],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


@pytest.fixture
def many(story: Story) -> list[Story]:
    """Several referrals, so that a rotation has a middle."""
    return [
        Story(story.api, service_of("ywca")).accept().release("name").packet(name="Invented")
        for _ in range(4)
    ]


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
    assert f"version {newest - 1} and older are gone" in keys("destroy", of("ywca"))
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
    wait_for_advisory_wait(superuser)
    process.send_signal(signal.SIGKILL)
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
    wait_for_advisory_wait(superuser, 2)
    holder.rollback()
    holder.close()
    for process in both:
        _, said = process.communicate(timeout=60)
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
    wait_for_a_lock(superuser)
    holder.commit()
    holder.close()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert versions_named(superuser, "police") == {before + 1}
    for story in many:
        opened = story.api(story.sender).act(story.id, "open_packet", {"purpose": "intake"})
        assert opened.status_code == 200


def connection_that_wraps(superuser: Any) -> Any:
    """A transaction that has wrapped for the police and has not ended: a rotation waits for it."""
    from permissions.database.advisory_locks import WRAPPING, lock_number
    from tests.support.cluster import own_cluster

    holder = own_cluster().connect_superuser(superuser.info.dbname)
    holder.autocommit = False
    with holder.cursor() as cursor:
        number = lock_number(agency_id("police"))
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", [WRAPPING, number])
    return holder


def wait_for_advisory_wait(superuser: Any, count: int = 1) -> None:
    """Until so many sessions wait for an advisory lock."""
    while True:
        with superuser.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            )
            if cursor.fetchone()[0] >= count:
                return


def wait_for_a_lock(superuser: Any) -> None:
    """Until a session waits for a lock of any kind."""
    with superuser.cursor() as cursor:
        while True:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return


@pytest.mark.parametrize("what", ["status", "rotate", "destroy", "restore"])
def test_an_agency_that_is_none_is_told_so(what: str) -> None:
    with pytest.raises(CommandError, match="There is no agency of that id"):
        keys(what, "--agency", str(uuid4()))


# -- What was lost ---------------------------------------------------------------------------------


@pytest.fixture
def without_a_key(told: Story) -> Iterator[Callable[[], None]]:
    """The recipient's own folder of keys is gone until the test ends; the rest stays."""
    folder = Path(settings.KEY_STORE["folder"]) / str(agency_id("ywca"))
    aside = folder.with_name(f"aside-{os.getpid()}")

    def lose() -> None:
        folder.rename(aside)

    yield lose
    made_anew = folder.exists()
    if made_anew:  # put right also then: whoever comes next needs its keys
        shutil.rmtree(folder)
    aside.rename(folder)
    assert not made_anew, "a lost key was silently made anew"


def test_a_lost_key_is_an_error_and_never_begun_anew(
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
    assert "LOST" in keys("status", of("ywca"))


@pytest.mark.parametrize("what", ["status", "rotate", "destroy"])
def test_a_root_key_of_another_folder_is_said(told: Story, what: str) -> None:
    """After a restore `keys status` is what the operator looks at (RUNBOOK): no word of it."""
    root = Path(settings.KEY_STORE["folder"]) / "root.key"
    own, said = root.read_bytes(), StringIO()
    key_store().begin_version(agency_id("ywca"))  # so that there is one to end
    held = key_store().versions(agency_id("ywca"))
    root.write_bytes(os.urandom(32))
    try:
        with pytest.raises(CommandError, match="were not done"):
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
    for said in ("and older are gone", "nothing older than the newest version"):
        out = keys("destroy", of("ywca"))
        assert f"{said}; LOST: version 99, 1 rows open to nobody" in out


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
        for what in ("rotate", "destroy", "restore"):
            with pytest.raises(CommandError, match="were not done"):
                keys(what, of("ywca"))
    finally:
        file.write_bytes(whole)
    assert key_store().versions(agency_id("ywca")) == held


@pytest.mark.parametrize("key", ["police", "ywca"])
def test_a_version_destroyed_under_what_lives_is_an_error_each_time(told: Story, key: str) -> None:
    """Looked for once more, as after a rotation, and no further: nobody has rewrapped it."""
    told.answers("put_return_release", return_body())
    with destroyed(key):
        who = told.sender if key == "police" else told.recipient
        asked = [told.api(who).act(told.id, "open_packet", {"purpose": "intake"})]
        if key == "police":
            asked.append(told.api(who).get(f"/v1/referrals/{told.id}/returned"))
        for answer in asked:
            assert (answer.status_code, answer.json()["code"]) == (503, "key_gone")
