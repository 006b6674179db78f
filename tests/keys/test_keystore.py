"""What a key store promises, case by case, of each kind of store: the same for both."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import override_settings

from permissions.database.checks import key_files_are_private
from permissions.errors import Unavailable
from permissions.keys.keystore import FileKeyStore, KeyGone, KeyStore, NoKey, Wrapped
from tests.keys.stores import PLAIN, of
from tests.keys.stores import agency as agency  # a fixture
from tests.keys.stores import openbao as openbao  # a fixture
from tests.keys.stores import store as store  # a fixture

pytestmark = pytest.mark.static


def test_what_is_wrapped_is_unwrapped_by_that_agency_in_that_context(
    store: KeyStore, agency: UUID
) -> None:
    wrapped = store.wrap(agency, PLAIN, "here")
    assert wrapped.kek_version == 1
    assert PLAIN not in wrapped.blob
    assert store.unwrap(of(agency), wrapped, "here") == PLAIN
    assert store.wrap(agency, PLAIN, "here").blob != wrapped.blob


def test_another_context_opens_nothing(store: KeyStore, agency: UUID) -> None:
    wrapped = store.wrap(agency, PLAIN, "here")
    with pytest.raises(Unavailable) as refusal:
        store.unwrap(of(agency), wrapped, "there")
    assert refusal.value.code == "unsealing_failed"


def test_another_agency_opens_nothing(store: KeyStore, agency: UUID) -> None:
    other = uuid4()
    store.begin_version(other)
    wrapped = store.wrap(agency, PLAIN, "here")
    for principal in (of(other), of(uuid4())):
        with pytest.raises(Unavailable):
            store.unwrap(principal, wrapped, "here")


def test_an_altered_blob_opens_nothing(store: KeyStore, agency: UUID) -> None:
    version, blob = store.wrap(agency, PLAIN, "here")
    for altered in (blob[:-1] + bytes([blob[-1] ^ 1]), blob[:20], b""):
        with pytest.raises(Unavailable):
            store.unwrap(of(agency), Wrapped(version, altered), "here")
        with pytest.raises(Unavailable):
            store.rewrap(agency, Wrapped(version, altered))


def test_an_agency_without_a_key_is_told_apart_from_a_store_that_is_away(store: KeyStore) -> None:
    stranger = uuid4()
    assert store.versions(stranger) == []
    with pytest.raises(NoKey):
        store.wrap(stranger, PLAIN, "here")


def test_a_new_version_wraps_and_the_old_ones_still_unwrap(store: KeyStore, agency: UUID) -> None:
    first = store.wrap(agency, PLAIN, "here")
    assert store.begin_version(agency) == 2
    assert store.versions(agency) == [1, 2]
    second = store.wrap(agency, PLAIN, "here")
    assert second.kek_version == 2
    moved = store.rewrap(agency, first)
    assert moved.kek_version == 2
    assert {store.unwrap(of(agency), one, "here") for one in (first, second, moved)} == {PLAIN}


def test_a_version_that_was_destroyed_opens_nothing_and_says_so(
    store: KeyStore, agency: UUID
) -> None:
    first = store.wrap(agency, PLAIN, "here")
    store.begin_version(agency)
    second = store.rewrap(agency, first)
    store.begin_version(agency)
    third = store.rewrap(agency, second)
    store.destroy(agency, 2)
    store.destroy(agency, 2)
    assert store.versions(agency) == [3]
    assert store.unwrap(of(agency), third, "here") == PLAIN
    for gone in (first, second):
        with pytest.raises(KeyGone):
            store.unwrap(of(agency), gone, "here")
        with pytest.raises(KeyGone):
            store.rewrap(agency, gone)
        # The number does not help: another version's key is another key.
        with pytest.raises(Unavailable):
            store.unwrap(of(agency), Wrapped(3, gone.blob), "here")


def test_the_newest_version_is_never_destroyed(store: KeyStore, agency: UUID) -> None:
    with pytest.raises(ValueError, match="newest"):
        store.destroy(agency, 1)
    assert store.versions(agency) == [1]


def test_the_number_of_a_destroyed_version_is_never_given_again(
    store: KeyStore, agency: UUID
) -> None:
    store.begin_version(agency)
    store.destroy(agency, 1)
    assert store.begin_version(agency) == 3


@pytest.fixture
def files(tmp_path: Path) -> FileKeyStore:
    made = FileKeyStore(str(tmp_path / "keys"))
    made.begin()
    return made


def test_files_are_their_owners_alone_and_a_destroyed_key_leaves_none(files: FileKeyStore) -> None:
    agency = uuid4()
    files.begin_version(agency)
    sealed = (files.folder / str(agency) / "1.kek").read_bytes()
    files.begin_version(agency)
    files.destroy(agency, 1)
    for path in [files.folder, *files.folder.rglob("*")]:
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path.name
        assert path.is_dir() or sealed not in path.read_bytes()
    names = sorted(path.name for path in (files.folder / str(agency)).iterdir())
    assert names == ["1.gone", "2.kek"]


def test_a_folder_of_keys_that_others_may_read_is_said(files: FileKeyStore) -> None:
    """As `cp` leaves one that was put back."""
    with override_settings(KEYS_CARRIED=str(files.folder / "carried")):
        assert key_files_are_private() == []
        Path(files.root_key).chmod(0o640)
        (said,) = key_files_are_private()
        assert (said.id, said.msg.split()[0]) == ("permissions.W001", "1")
        shutil.rmtree(files.folder)
        assert key_files_are_private() == []


def test_what_a_killed_writer_left_of_a_key_goes_with_it(files: FileKeyStore) -> None:
    """Killed before its draft's name went; copied since, they are two files."""
    agency = uuid4()
    files.begin_version(agency)
    folder = files.folder / str(agency)
    (folder / "1.kek.0123456789ab").write_bytes((folder / "1.kek").read_bytes())
    files.begin_version(agency)
    files.destroy(agency, 1)
    assert sorted(path.name for path in folder.iterdir()) == ["1.gone", "2.kek"]


def test_a_full_disk_is_left_no_fuller(files: FileKeyStore) -> None:
    """Each try of an hour would leave its half of a key."""
    agency = uuid4()
    files.begin_version(agency)
    script = (
        "import resource, sys; from uuid import UUID\n"
        "from permissions.errors import Unavailable\n"
        "from permissions.keys.keystore import FileKeyStore\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))\n"
        "try:\n    FileKeyStore(sys.argv[1]).begin_version(UUID(sys.argv[2]))\n"
        "except Unavailable as error:\n    print(error.code)"
    )
    command = [sys.executable, "-c", script, str(files.folder), str(agency)]
    assert subprocess.run(command, stdout=subprocess.PIPE).stdout == b"key_store\n"
    assert [path.name for path in (files.folder / str(agency)).iterdir()] == ["1.kek"]


def test_a_store_whose_folder_is_away_answers_nothing_and_makes_nothing(
    files: FileKeyStore,
) -> None:
    agency = uuid4()
    files.begin_version(agency)
    wrapped = files.wrap(agency, PLAIN, "here")
    shutil.rmtree(files.folder)
    for ask in (
        lambda: files.wrap(agency, PLAIN, "here"),
        lambda: files.unwrap(of(agency), wrapped, "here"),
        lambda: files.rewrap(agency, wrapped),
        lambda: files.versions(agency),
        lambda: files.begin_version(agency),
    ):
        with pytest.raises(Unavailable) as refusal:
            ask()
        assert refusal.value.code == "key_store"
    assert not files.folder.exists()


def test_a_file_that_is_no_key_of_ours_hinders_nothing(files: FileKeyStore) -> None:
    """What an editor, a copy or another system left there."""
    agency = uuid4()
    files.begin_version(agency)
    wrapped = files.wrap(agency, PLAIN, "here")
    for name in (f"{agency}/1 (copy).kek", f"{agency}/._1.kek", f"{agency}/old.gone"):
        (files.folder / name).touch()
    (files.folder / "signing" / "1.old.ed25519").touch()
    assert files.versions(agency) == [1]
    assert files.unwrap(of(agency), wrapped, "here") == PLAIN
    assert files.begin_version(agency) == 2
    assert files.rewrap(agency, wrapped).kek_version == 2
    files.destroy(agency, 1)
    assert files.sign(b"a checkpoint").key_id in files.signing_keys()


@pytest.mark.parametrize("name", ["root.key", "{agency}/1.kek"])
def test_a_key_that_does_not_open_is_a_store_that_is_broken_and_no_altered_content(
    files: FileKeyStore, name: str
) -> None:
    """Else each row counted as altered, and the end of an epoch would go on without them."""
    agency = uuid4()
    files.begin_version(agency)
    wrapped = files.wrap(agency, PLAIN, "here")
    (files.folder / name.format(agency=agency)).write_bytes(os.urandom(32))
    for ask in (
        lambda: files.wrap(agency, PLAIN, "here"),
        lambda: files.unwrap(of(agency), wrapped, "here"),
        lambda: files.rewrap(agency, wrapped),
    ):
        with pytest.raises(Unavailable) as refusal:
            ask()
        assert refusal.value.code == "key_store"


def test_without_a_key_that_seals_nothing_is_signed_and_none_is_made(files: FileKeyStore) -> None:
    (files.folder / "signing" / "1.ed25519").unlink()
    with pytest.raises(Unavailable) as refusal:
        files.sign(b"a checkpoint")
    assert refusal.value.code == "key_store"
    assert list((files.folder / "signing").glob("*.ed25519")) == []


def test_a_signing_key_put_in_anothers_place_signs_nothing(files: FileKeyStore) -> None:
    """An old key, perhaps one that leaked, under the number of the new one."""
    files.begin_signing_key()
    old, new = (files.folder / "signing" / f"{number}.ed25519" for number in (1, 2))
    new.write_bytes(old.read_bytes())
    with pytest.raises(Unavailable):
        files.sign(b"a checkpoint")


def test_a_destroyed_key_that_a_copy_brought_back_opens_nothing(files: FileKeyStore) -> None:
    """A copy over the last copy takes nothing away: both the key and its mark are there."""
    agency = uuid4()
    files.begin_version(agency)
    first = files.wrap(agency, PLAIN, "here")
    path = files.folder / str(agency) / "1.kek"
    kept = path.read_bytes()
    files.begin_version(agency)
    files.destroy(agency, 1)
    path.write_bytes(kept)
    for ask in (
        lambda: files.unwrap(of(agency), first, "here"),
        lambda: files.rewrap(agency, first),
    ):
        with pytest.raises(KeyGone):
            ask()
    assert files.versions(agency) == [2]
    files.destroy(agency, 1)
    assert not path.exists()


def test_many_processes_begin_and_wrap_at_once(files: FileKeyStore) -> None:
    """Whichever is first, all wrap by keys that stay."""
    agency = uuid4()
    script = (
        "import sys; from uuid import UUID; from permissions.keys.keystore import FileKeyStore\n"
        "store, agency = FileKeyStore(sys.argv[1]), UUID(sys.argv[2])\n"
        "store.begin_version(agency)\n"
        "one = store.wrap(agency, b'plain', 'here')\n"
        "print(one.kek_version, one.blob.hex())"
    )
    command = [sys.executable, "-c", script, str(files.folder), str(agency)]
    running: list[Any] = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(6)]
    for process in running:
        version, blob = process.communicate()[0].split()
        wrapped = Wrapped(int(version), bytes.fromhex(blob.decode()))
        assert files.unwrap(of(agency), wrapped, "here") == b"plain"
