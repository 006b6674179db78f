"""Several servers and their folders of keys: one that is shared works, a copy or another is refused
in words, and no key is made in it."""

import shutil
import subprocess
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from django.core.management import CommandError, call_command

from api.dev import processes
from api.health import readiness
from permissions.errors import Unavailable
from permissions.keys import binding_key, key_folder, rotation, second_copy, wrapping
from permissions.keys.keystore import FileKeyStore, key_store
from tests.operation.readings import ready
from tests.support.ground.key_hosts import KEYS, begins, environment, host, no_host_is_known, passes
from tests.support.ground.ports import free_port
from tests.support.ground.waiting import SOON, ended, until
from tests.support.people.callers import agency_id
from tests.support.people.shared_packet import sealed as sealed  # a fixture
from tests.support.people.stories import PACKET, Story

MARK = "folder.mark"


@pytest.fixture(autouse=True)
def _new(superuser: Any) -> Iterator[None]:
    def clean() -> None:
        no_host_is_known(superuser)
        (KEYS / MARK).unlink(missing_ok=True)
        key_folder.forget()
        readiness.forget()

    clean()
    yield
    clean()


def said_of(folder: Path, name: str = "b") -> str:
    """What a server with this folder says of it at one look; nothing: it may use it."""
    with host(name, folder):
        try:
            key_folder.step()
        except Unavailable as error:
            return str(error.detail)
    return ""


def mark(superuser: Any) -> None:
    """The server `a` marks the shared folder."""
    passes(superuser, 6)
    assert said_of(KEYS, "a") == ""


def rotate(agency: str) -> None:
    with host("a", KEYS):
        rotation.rotate(agency_id(agency))


def other_folder(tmp_path: Path) -> Path:
    """Made by a second server for itself."""
    folder = tmp_path / "other"
    FileKeyStore(str(folder)).begin()
    with host("b", folder):
        key_folder.forget()
        (folder / "binding").mkdir()
        shutil.copy(KEYS / "binding" / "keys.json", folder / "binding")
    return folder


def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(KEYS, tmp_path / "copy"))


def test_the_first_server_names_the_folder_and_a_second_that_shares_it_joins(
    superuser: Any,
) -> None:
    assert said_of(KEYS, "a") == ""
    named = (KEYS / MARK).read_bytes()
    assert said_of(KEYS, "b") == key_folder.JOINING
    mark(superuser)
    assert (KEYS / MARK).read_bytes() != named
    assert said_of(KEYS, "b") == ""
    with host("b", KEYS):
        assert [proven for _, proven, _ in key_folder.hosts("default")] == [True, True]


def test_a_server_with_a_folder_of_its_own_is_refused_and_makes_no_key(
    superuser: Any, tmp_path: Path, sealed: Story
) -> None:
    mark(superuser)
    folder = other_folder(tmp_path)
    agency, caller = uuid4(), sealed.api(sealed.recipient)
    with host("b", folder):
        readiness.forget()
        code, status, found = ready()
        assert (code, status, found["keys"]) == (503, "failed", "failed")
        for act in (
            binding_key.binding_keys,
            lambda: wrapping.wrap(agency, b"plain", "here"),
            lambda: rotation.rotate(agency_id("police")),
            lambda: rotation.destroy(agency_id("police")),
            binding_key.begin_next,
            binding_key.end_older,
            second_copy.mirror,
            key_folder.confirm,
        ):
            with pytest.raises(Unavailable) as refusal:
                act()
            assert refusal.value.detail == key_folder.NOT_SHARED
        assert key_store().versions(agency) == []
        opened = caller.act(sealed.id, "open_packet", {"purpose": "review"})
        assert opened.status_code == 503
    assert {path.name for path in folder.iterdir()} == {"root.key", "signing", "binding"}
    readiness.forget()
    with host("a", KEYS):
        assert ready()[2]["keys"] == "ok", "the first goes on"


def test_a_stale_copy_is_refused_and_so_is_one_made_just_now(
    superuser: Any, tmp_path: Path
) -> None:
    mark(superuser)
    copy = copied(tmp_path)
    assert said_of(copy) == key_folder.JOINING, "it bears the same mark, but is not let in"
    with host("b", copy), pytest.raises(Unavailable):
        key_folder.confirm()
    mark(superuser)
    for _ in range(2):
        assert said_of(copy) == key_folder.NOT_SHARED
    assert said_of(KEYS, "a") == ""


def test_a_copy_is_never_let_in_as_long_as_the_other_is_at_work(
    superuser: Any, tmp_path: Path
) -> None:
    mark(superuser)
    copy = copied(tmp_path)
    for _ in range(5):
        passes(superuser, 6)
        assert said_of(copy) != "", "it is not the one that marks next"
        mark(superuser)
        copy = Path(shutil.copytree(copy, tmp_path / uuid4().hex))


def test_a_process_goes_on_for_a_while_with_a_mark_that_is_shown_late(
    superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a network file system; what makes keys waits."""
    mark(superuser)
    with host("b", KEYS):
        with pytest.raises(Unavailable):
            key_folder.step()
        late = (KEYS / MARK).read_bytes()
        passes(superuser, 6)
        with host("a", KEYS):
            key_folder.step()
        key_folder.step()
        new = (KEYS / MARK).read_bytes()
        assert new != late
        (KEYS / MARK).write_bytes(late)
        key_folder.step()
        key_folder.refuse_if_not_shared()
        with pytest.raises(Unavailable):
            key_folder.confirm()
        monkeypatch.setattr(key_folder, "GRACE_S", 0.0)
        with pytest.raises(Unavailable) as refusal:
            key_folder.step()
        assert refusal.value.detail == key_folder.NOT_SHARED
        (KEYS / MARK).write_bytes(new)
        key_folder.step()
        key_folder.confirm()


@pytest.mark.parametrize("left", ["the folder is ahead", "the database is of before"])
def test_a_server_killed_between_folder_and_database_hinders_no_one(
    superuser: Any, left: str
) -> None:
    mark(superuser)
    said_of(KEYS, "b")
    mark(superuser)
    with superuser.cursor() as cursor:
        cursor.execute("SELECT store, counter, nonce FROM key_folder")
        before = cursor.fetchone()
    ahead = key_folder.Mark(before[0], before[1] + 1, uuid4().hex)
    if left == "the folder is ahead":
        with host("a", KEYS):
            key_folder._write(ahead)
    else:
        for _ in range(3):
            mark(superuser)
        with superuser.cursor() as cursor:
            cursor.execute("UPDATE key_folder SET (store, counter, nonce) = (%s, %s, %s)", before)
    with host("a", KEYS):
        key_folder.confirm()
    assert said_of(KEYS, "a") == said_of(KEYS, "b") == ""


@pytest.mark.parametrize("torn", [b"", b"cairn-keys 00", b"\0" * 93])
def test_a_mark_that_was_torn_is_none_and_no_key_is_lost(
    superuser: Any, monkeypatch: pytest.MonkeyPatch, torn: bytes
) -> None:
    mark(superuser)
    (KEYS / MARK).write_bytes(torn)
    assert said_of(KEYS, "a") == key_folder.NOT_SHARED
    passes(superuser, 60)
    monkeypatch.setattr(key_folder, "QUIET_S", 0.0)
    assert said_of(KEYS, "a") == ""


def test_a_folder_put_back_is_taken_once_no_other_is_at_work_and_it_opens_all(
    superuser: Any, tmp_path: Path, sealed: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark(superuser)
    old = copied(tmp_path)
    rotate("police")
    Story(sealed.api, sealed.service_id).create().release(*PACKET).packet(**PACKET)
    new = Path(shutil.copytree(KEYS, tmp_path / "new"))
    (new / MARK).unlink()  # as in the second copy
    mark(superuser)
    monkeypatch.setattr(key_folder, "QUIET_S", 0.0)
    assert said_of(new) == said_of(old) == key_folder.NOT_SHARED, "another is at work"
    passes(superuser, 60)
    assert said_of(old) == key_folder.NOT_SHARED, "it lacks a key"
    assert said_of(new) == ""
    assert said_of(KEYS, "a") == key_folder.NOT_SHARED, "what was replaced does not come back"
    passes(superuser, 60)
    monkeypatch.setattr(key_folder, "QUIET_S", 60.0)
    assert said_of(KEYS, "a") == key_folder.NOT_SHARED, "nor at once after an outage"


def test_the_operator_says_which_folder_counts(
    superuser: Any, tmp_path: Path, sealed: Story
) -> None:
    mark(superuser)
    old = copied(tmp_path)
    rotate("police")
    mark(superuser)

    def says(*words: str) -> tuple[int, str]:
        out = StringIO()
        with host("b", old):
            try:
                call_command("keys", *words, stdout=out, stderr=out)
            except CommandError as error:
                return 1, f"{out.getvalue()}{error}"
        return 0, out.getvalue()

    code, said = says("hosts")
    assert code == 1
    assert key_folder.NOT_SHARED in said
    code, said = says("adopt")
    assert code == 1
    assert f"of the key of {agency_id('police')}" in said
    assert said_of(KEYS, "a") == ""
    assert says("adopt", "--anyway")[0] == 0
    code, said = says("hosts")
    assert code == 0, said
    assert "uses the folder" in said
    assert said_of(KEYS, "a") == key_folder.NOT_SHARED
    with host("a", KEYS):
        key_folder.adopt("default")
    assert said_of(KEYS, "a") == ""


def test_two_servers_on_one_folder_make_keys_at_once_and_one_is_killed(
    superuser: Any, sealed: Story
) -> None:
    """Rotations on both while this process serves; the third is killed half-way."""
    mark(superuser)
    said_of(KEYS, "b")
    mark(superuser)
    both = [begins(name, KEYS, "rotate") for name in ("a", "b")]
    killed = begins("a", KEYS, "rotate")
    opens, review = sealed.api(sealed.recipient), {"purpose": "review"}
    with ended(*both, killed):
        while any(process.poll() is None for process in both):
            opened = opens.act(sealed.id, "open_packet", review)
            assert opened.json()["packet"] == PACKET
            if killed.poll() is None and both[0].poll() is not None:
                killed.kill()
        killed.kill()
        killed.communicate()
        for process in both:
            _, said = process.communicate()
            assert process.returncode == 0, said
    with host("b", KEYS):  # what the killed one left is ended first
        for agency in rotation.key_holders():
            if key_store().versions(agency):
                rotation.rotate(agency)
                rotation.destroy(agency)
    opened = sealed.api(sealed.recipient).act(sealed.id, "open_packet", {"purpose": "review"})
    assert opened.json()["packet"] == PACKET
    with host("a", KEYS):
        assert not key_folder.missing("default")


@pytest.mark.whole
def test_real_servers_with_a_folder_each_and_with_one(
    superuser: Any, tmp_path: Path, network: dict[str, Any]
) -> None:
    def serve(name: str, folder: Path) -> tuple[str, "subprocess.Popen[bytes]"]:
        url = f"http://127.0.0.1:{free_port()}"
        env = environment(name, folder) | {"CAIRN_BASE_URL": url, "CAIRN_LOG_LEVEL": "WARNING"}
        one = [*processes.gunicorn(url), "--workers", "1"]
        return url, subprocess.Popen(one, env=env)

    def keys_of(url: str) -> str:
        try:
            found: str = requests.get(f"{url}/health/ready", timeout=10).json()["checks"]["keys"]
        except requests.RequestException:
            return "not up"
        return found

    first, a = serve("a", KEYS)
    started = [a]
    try:
        until(lambda: keys_of(first) == "ok")
        copy = copied(tmp_path)
        for name, folder, word in (("b", KEYS, "ok"), ("c", copy, "failed")):
            url, process = serve(name, folder)
            started.append(process)
            until(lambda url=url, word=word: keys_of(url) == word)  # type: ignore[misc]
        passes(superuser, 6)
        assert [keys_of(first), keys_of(url)] == ["ok", "failed"]
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(SOON)
