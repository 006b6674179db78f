"""A drill on a real copy of this cluster: it restores, says what it found, writes nothing live, and
leaves nothing behind. Whole repositories and each broken one: tests/slow/test_backup_drill.py."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from api.backup import scratch
from api.backup.scratch import Scratch
from permissions.health import backups
from permissions.keys import second_copy
from permissions.keys.keystore import FileKeyStore
from permissions.ledger import sealer, witness
from referrals.drill.standing import make_drill
from tests.support.ground.base_backups import archive, take_base
from tests.support.ground.cluster import HOME, own_cluster
from tests.support.ground.repository import REPOSITORY

PLACE = HOME / "drill"  # where the cluster's user may pass through


@pytest.fixture(scope="module")
def backup(django_db_setup: str) -> Iterator[Path]:
    """A folder with a base backup, and WAL that goes on behind it: the drill's referral is made
    after the base."""
    folder = HOME / "backup"
    shutil.rmtree(folder, ignore_errors=True)
    take_base(own_cluster(), folder)
    make_drill()
    sealed()
    second_copy.mirror()
    archive(own_cluster(), folder / "wal")
    yield folder
    shutil.rmtree(folder)


def sealed() -> None:
    while sealer.step():
        pass
    witness.step()


def words(backup: Path, *more: str) -> list[str]:
    places = ["--base", str(backup / "base"), "--wal", str(backup / "wal")]
    return ["backup", "drill", *places, "--scratch", str(PLACE), *more]


def held(*folders: Path) -> dict[str, str]:
    """Each file below these folders, with its content's hash and its times."""
    return {
        str(path): f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.stat().st_mtime_ns}"
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
    }


def in_memory() -> set[Path]:
    return set(scratch.MEMORY.glob(f"{scratch.NAME}-*"))


BEFORE = in_memory()  # of a drill elsewhere on this machine, or of a run that was killed


def left_behind() -> list[str]:
    """What a drill left: folders, or a server."""
    found = [str(one) for one in in_memory() - BEFORE]
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    found += [one for one in running.stdout.splitlines() if f"{PLACE}/{scratch.NAME}" in one]
    return found + ([str(PLACE / scratch.NAME)] if (PLACE / scratch.NAME).exists() else [])


def test_a_good_backup_restores_and_nothing_live_is_written(backup: Path) -> None:
    names = ("keys", "keys-copy", "witness", "journal")
    live = (*(HOME / name for name in names), backup)
    before, said = held(*live), StringIO()
    call_command(*words(backup), stdout=said)
    text = said.getvalue()
    for check in ("wal", "alone", "outbound", "senders", "schema", "answers", "keys", "seals"):
        assert f"\n{check:10} well" in text, text
    for check in ("recovery", "packet", "counts", "log"):
        assert f"\n{check:10} well" in text, text
    assert "Opened the drill's packet: 3 fields." in text
    assert "This backup restores." in text
    assert held(*live) == before
    assert left_behind() == []
    found = backups.figures()
    assert found.failed == []
    assert found.well_s is not None
    assert found.rto_s is not None
    assert 0 < found.rto_s < 600


def test_other_keys_and_another_witness_are_told_from_the_backups_own(backup: Path) -> None:
    """A folder of keys begun elsewhere, and a witness's file of another log."""
    other = HOME / "other"
    shutil.rmtree(other, ignore_errors=True)
    FileKeyStore(str(other / "keys")).begin()
    body = json.dumps({"origin": "cairn/of-another", "seq": 1, "size": 1, "previous": ""})
    (other / "log.ndjson").write_text(json.dumps({"body": body}) + "\n")
    said = StringIO()
    more = ("--keys", str(other / "keys"), "--witness", str(other / "log.ndjson"))
    with pytest.raises(CommandError, match="not what it should be: seals, recovery, answers, keys"):
        call_command(*words(backup, *more), stdout=said)
    assert "keys       FAULT" in said.getvalue()
    assert "/health/ready would be 503" in said.getvalue()
    assert left_behind() == []
    assert backups.figures().failed[:3] == ["seals", "recovery", "answers"]
    assert any("the last drill found faults" in one for one in backups.trouble(backups.figures()))
    shutil.rmtree(other)


def test_killed_half_way_the_next_one_ends_and_erases_what_it_left(backup: Path) -> None:
    """Killed by SIGKILL once the copy runs: its server ends, and the copies of the keys go."""
    env = os.environ | {"CAIRN_DATABASE": connection.settings_dict["NAME"]}
    command = [sys.executable, "manage.py", *words(backup)]
    with subprocess.Popen(command, env=env, cwd=REPOSITORY, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert any(b"Recovered after" in line for line in process.stdout)
        process.kill()
    where = json.loads((PLACE / scratch.NAME / "where.json").read_text())["private"]
    assert (Path(where) / "keys" / "root.key").exists(), "it was killed, so it erased nothing"
    said = StringIO()
    with pytest.raises(CommandError, match="no folder of keys"):
        call_command(*words(backup, "--keys", str(HOME / "nowhere")), stdout=said)
    assert "Removing what a drill left that was killed" in said.getvalue()
    assert left_behind() == []


@pytest.mark.whole
def test_a_server_that_outlives_its_drill_is_ended_by_the_next_and_no_other_process_is(
    tmp_path: Path,
) -> None:
    """A number in a file is not enough: a process that does not work in that folder goes on."""
    data = tmp_path / "data"
    data.mkdir()
    for folder, ends in ((data, True), (tmp_path, False)):
        with subprocess.Popen(["sleep", "600"], cwd=folder) as process:
            (data / "postmaster.pid").write_text(f"{process.pid}\n")
            scratch.end_cluster(data)
            if ends:
                # SIGKILL, where what started the tests lets them ignore SIGQUIT.
                assert process.wait(30) in (-signal.SIGQUIT, -signal.SIGKILL)
            else:
                assert process.poll() is None
                process.kill()


@pytest.mark.whole
def test_stopped_in_words_it_takes_back_what_it_began(backup: Path) -> None:
    env = os.environ | {"CAIRN_DATABASE": connection.settings_dict["NAME"]}
    command = [sys.executable, "manage.py", *words(backup)]
    with subprocess.Popen(command, env=env, cwd=REPOSITORY, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert any(b"Restored after" in line for line in process.stdout)
        process.terminate()
        process.stdout.read()
    assert process.returncode == 143
    assert left_behind() == []


def test_two_at_once_in_one_place_are_refused(backup: Path) -> None:
    with (
        Scratch(PLACE).opened(lambda _: None),
        pytest.raises(CommandError, match=f"Another drill runs in {PLACE}."),
    ):
        call_command(*words(backup), stdout=StringIO())
    assert left_behind() == []


def test_a_place_that_the_copys_user_cannot_enter_is_refused(backup: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("who is not root runs the copy as themselves")
    with tempfile.TemporaryDirectory(prefix="d") as name:  # short: a socket's path is in it
        place = Path(name)
        with pytest.raises(CommandError, match="cannot enter"):
            call_command(*words(backup, "--scratch", name), stdout=StringIO())
        assert list(place.iterdir()) == [place / f"{scratch.NAME}.lock"]
