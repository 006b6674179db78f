"""Places of backups: which backup is the newest, and what is said of one that cannot be used."""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from django.utils.timezone import now

from api.backup.repositories import Folder, Kept, NoBackup, PgBackRest
from api.backup.restored_cluster import Reached, lost_between
from api.backup.scratch import DrillFailed, Scratch

pytestmark = pytest.mark.static

SEGMENT = 16 * 1024 * 1024


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with two base backups of a few files, the newer one by its time, and three segments
    of WAL."""
    content = tmp_path / "content"
    content.mkdir()
    (content / "PG_VERSION").write_text("17\n")
    (content / "table").write_bytes(os.urandom(200_000))
    for folder in ("base", "wal"):
        (tmp_path / "place" / folder).mkdir(parents=True)
    for at, name in ((1_000_000, "z-older.tar.gz"), (2_000_000, "a-newer.tar.gz")):
        path = tmp_path / "place" / "base" / name
        with tarfile.open(path, "w:gz") as packed:
            packed.add(content, arcname=".")
        os.utime(path, (at, at))
    for number in (1, 2, 10):
        (tmp_path / "place" / "wal" / f"00000001000000000000000{number:X}").touch()
    (tmp_path / "place" / "wal" / "00000002.history").touch()
    (tmp_path / "place" / "wal" / "00000001000000000000000B.partial").touch()
    return tmp_path / "place"


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    made = Scratch(tmp_path)
    made.cluster.mkdir(parents=True)
    return made


def folder_of(place: Path, identity: Path | None = None) -> Folder:
    return Folder(place / "base", place / "wal", identity)


def test_the_newest_base_and_the_last_whole_segment_are_found(place: Path) -> None:
    found = folder_of(place).kept()
    assert found.label == str(place / "base" / "a-newer.tar.gz")
    assert (found.finished.timestamp(), found.oldest.timestamp()) == (2_000_000, 1_000_000)
    assert found.wal == "00000001000000000000000A"


def test_a_base_backup_becomes_a_data_folder_of_its_own(place: Path, scratch: Scratch) -> None:
    folder_of(place).restore(folder_of(place).kept(), scratch, lambda _: None)
    assert (scratch.data / "PG_VERSION").read_text() == "17\n"
    assert scratch.data.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.99])
def test_one_that_is_cut_short_is_told_from_a_whole_one(
    part: float, place: Path, scratch: Scratch
) -> None:
    newest = place / "base" / "a-newer.tar.gz"
    with newest.open("r+b") as file:
        file.truncate(int(newest.stat().st_size * part))
    with pytest.raises(DrillFailed, match=r"a-newer\.tar\.gz does not unpack: it is cut short"):
        folder_of(place).restore(folder_of(place).kept(), scratch, lambda _: None)


@pytest.mark.skipif(not shutil.which("age"), reason="there is no age on this machine")
def test_an_encrypted_one_opens_by_its_own_key_alone(
    place: Path, scratch: Scratch, tmp_path: Path
) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    for one in (mine, other):
        subprocess.run(["age-keygen", "-o", one], check=True, capture_output=True)
    sealed = place / "base" / "sealed.tar.gz.age"
    subprocess.run(
        ["age", "-e", "-i", mine, "-o", sealed, place / "base" / "a-newer.tar.gz"], check=True
    )
    with pytest.raises(DrillFailed, match="name the key of age"):
        folder_of(place).restore(folder_of(place).kept(), scratch, lambda _: None)
    shutil.rmtree(scratch.data)
    with pytest.raises(DrillFailed, match=r"does not unpack: .*no identity matched"):
        folder_of(place, other).restore(folder_of(place).kept(), scratch, lambda _: None)
    shutil.rmtree(scratch.data)
    folder_of(place, mine).restore(folder_of(place).kept(), scratch, lambda _: None)
    assert (scratch.data / "PG_VERSION").exists()
    assert f'"{place}/wal/%f.age"' in folder_of(place, mine).restore_command(scratch)
    shutil.rmtree(scratch.data)
    with sealed.open("r+b") as file:
        file.truncate(sealed.stat().st_size // 2)
    with pytest.raises(DrillFailed, match="does not unpack"):
        folder_of(place, mine).restore(folder_of(place).kept(), scratch, lambda _: None)


def test_a_name_that_leads_out_of_the_copy_is_refused(place: Path, scratch: Scratch) -> None:
    with tarfile.open(place / "base" / "evil.tar", "w") as packed:
        packed.add(place / "wal" / "00000002.history", arcname="../../outside")
    with pytest.raises(DrillFailed, match="does not unpack"):
        folder_of(place).restore(folder_of(place).kept(), scratch, lambda _: None)
    assert not list(scratch.place.rglob("outside"))


def test_a_place_without_a_backup_is_said(place: Path, tmp_path: Path) -> None:
    for one in (place / "base").iterdir():
        one.unlink()
    with pytest.raises(NoBackup, match="holds no base backup"):
        folder_of(place).kept()
    with pytest.raises(NoBackup, match="cannot be read: No such file"):
        Folder(tmp_path / "nowhere", place / "wal").kept()


@pytest.mark.parametrize("name", ['a"b', "a'b", "a%b", "a$b", "a`b", "a\nb", "a\\b"])
def test_no_path_is_read_by_the_shell_that_postgresql_asks(name: str, tmp_path: Path) -> None:
    with pytest.raises(NoBackup, match="a character that a shell reads"):
        Folder(tmp_path, tmp_path / name)


@pytest.mark.parametrize("name", ["", "a b", "a;b", "../a", "a\n"])
def test_no_stanza_is_more_than_a_name(name: str) -> None:
    with pytest.raises(NoBackup, match="A stanza's name"):
        PgBackRest(name)


@pytest.mark.skipif(not shutil.which("pgbackrest"), reason="there is no pgBackRest here")
def test_a_repository_that_is_not_there_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "pgbackrest.conf"
    config.write_text(f"[global]\nrepo1-path={tmp_path}/repo\n")
    tmp_path.chmod(0o755)
    monkeypatch.setenv("PGBACKREST_CONFIG", str(config))
    with pytest.raises(NoBackup, match="pgBackRest"):
        PgBackRest("cairn").kept()


# -- How far a recovery came -----------------------------------------------------------------------


def lost(newest: str | None, position: int, size: int = SEGMENT) -> str | None:
    kept = Kept("", now(), now(), newest, None)
    return lost_between(kept, Reached(None, position, size))


def test_an_archive_that_was_replayed_to_its_end_lost_nothing() -> None:
    for number in (1, 10, 255):  # of 256 segments in a file's number
        name = f"0000000100000000000000{number:02X}"
        assert lost(name, number * SEGMENT + 40) is None
        assert lost(name, (number + 1) * SEGMENT) is None, "a switch is the segment's end"
    assert lost("000000010000000200000003", (2 * 256 + 3) * SEGMENT + 1) is None
    assert lost("000000010000000200000003", (2 * 64 + 3) * (SEGMENT * 4) + 1, SEGMENT * 4) is None


@pytest.mark.parametrize(
    ("newest", "position", "missing"),
    [
        ("000000010000000000000009", 4 * SEGMENT, "000000010000000000000004"),
        ("000000010000000000000009", 9 * SEGMENT, "000000010000000000000009"),
        ("000000010000000200000003", (256 + 255) * SEGMENT, "0000000100000001000000FF"),
    ],
)
def test_a_segment_that_is_missing_or_damaged_is_named(
    newest: str, position: int, missing: str
) -> None:
    assert f"segment {missing} is missing" in (lost(newest, position) or "")


def test_without_any_archive_the_backup_ends_with_itself() -> None:
    assert "No WAL was archived" in (lost(None, 4 * SEGMENT) or "")
