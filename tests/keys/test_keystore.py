"""What a key store promises, case by case, of each kind of store: the same for both."""

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import override_settings

from permissions.database.checks import key_files_are_private
from permissions.errors import Unavailable
from permissions.keys.keystore import FileKeyStore, KeyGone, KeyStore, NoKey, Wrapped
from permissions.principal import Principal

pytestmark = pytest.mark.no_database

PLAIN = b"the keys of a packet"
NOBODY = Principal(
    agency_id=uuid4(),
    member_id=None,
    person_id=None,
    client_id=uuid4(),
    roles=frozenset(),
    scopes=frozenset(),
    agency_kind="social_service",
    duties=frozenset(),
    system_of_record=False,
    token_hash="",
)


def of(agency: UUID) -> Principal:
    return replace(NOBODY, agency_id=agency)


@pytest.fixture(params=["file", "vault"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> KeyStore:
    made: KeyStore
    if request.param == "file":
        made = FileKeyStore(str(tmp_path / "keys"))
    else:
        address = os.environ.get("CAIRN_TEST_VAULT_ADDR")
        if not address:
            pytest.skip("no Vault: set CAIRN_TEST_VAULT_ADDR and CAIRN_TEST_VAULT_TOKEN_FILE")
        from permissions.keys.vault import VaultKeyStore

        made = VaultKeyStore(address, os.environ["CAIRN_TEST_VAULT_TOKEN_FILE"])
    made.begin()
    return made


@pytest.fixture
def agency(store: KeyStore) -> UUID:
    agency = uuid4()
    assert store.begin_version(agency) == 1
    return agency


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


# -- Files -----------------------------------------------------------------------------------------


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


# -- What Vault refuses, in its own words ----------------------------------------------------------


class Refusing(ThreadingHTTPServer):
    """Refuses whatever it is asked, with this status and these words of Vault's."""

    answer: tuple[int, list[str]]


class _Refusal(BaseHTTPRequestHandler):
    def _refuse(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        assert isinstance(self.server, Refusing)
        status, words = self.server.answer
        body = json.dumps({"errors": words}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_LIST = _refuse  # noqa: N815 (the library's names)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def refusing() -> Iterator[Refusing]:
    with Refusing(("127.0.0.1", 0), _Refusal) as server:
        serving = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield server
        server.shutdown()
        serving.join()


@pytest.fixture
def vault(refusing: Refusing, tmp_path: Path) -> Iterator[KeyStore]:
    """The store as it is, and its own client library, before a server that refuses."""
    from permissions.keys.vault import VaultKeyStore

    token = tmp_path / "token"
    token.write_text("invented")
    made = VaultKeyStore(f"http://127.0.0.1:{refusing.server_port}", str(token))
    yield made
    made.client.adapter.close()


NOT_MOUNTED = 'no handler for route "transit/keys/x". route entry not found.'
ACTS: dict[str, Callable[[KeyStore], object]] = {
    "begin": lambda store: store.begin(),
    "begin_version": lambda store: store.begin_version(uuid4()),
    "versions": lambda store: store.versions(uuid4()),
    "wrap": lambda store: store.wrap(uuid4(), PLAIN, "here"),
    "unwrap": lambda store: store.unwrap(NOBODY, Wrapped(1, b"vault:v1:eA=="), "here"),
    "rewrap": lambda store: store.rewrap(uuid4(), Wrapped(1, b"vault:v1:eA==")),
    "destroy": lambda store: store.destroy(uuid4(), 1),
    "sign": lambda store: store.sign(b"a checkpoint"),
    "signing_keys": lambda store: store.signing_keys(),
    "begin_signing_key": lambda store: store.begin_signing_key(),
}


@pytest.mark.parametrize("act", ACTS)
def test_an_engine_that_is_not_mounted_is_a_store_that_is_away(
    refusing: Refusing, vault: KeyStore, act: str
) -> None:
    """Never one without keys: the agencies' would be begun anew, or their end taken for done."""
    refusing.answer = (404, [NOT_MOUNTED])
    with pytest.raises(Unavailable) as refusal:
        ACTS[act](vault)
    assert refusal.value.code == "key_store"


def test_an_engine_without_a_key_of_the_agency_says_so(refusing: Refusing, vault: KeyStore) -> None:
    refusing.answer = (404, [])
    assert ACTS["versions"](vault) == []
    assert ACTS["signing_keys"](vault) == {}
    with pytest.raises(NoKey):
        ACTS["wrap"](vault)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("encryption key not found", "key_store"),
        ("missing client token", "key_store"),  # its file is empty while an agent renews it
        ("no batch input found", "key_store"),
        ("invalid ciphertext: version is too new", "key_store"),
        ("ciphertext or signature version is disallowed by policy (too old)", "key_gone"),
        ("cipher: message authentication failed", "unsealing_failed"),
        ("invalid ciphertext: no prefix", "unsealing_failed"),
    ],
)
@pytest.mark.parametrize("act", ["unwrap", "rewrap"])
def test_a_key_that_was_lost_is_no_content_that_was_altered(
    refusing: Refusing, vault: KeyStore, act: str, words: str, code: str
) -> None:
    refusing.answer = (400, [words])
    with pytest.raises(Unavailable) as refusal:
        ACTS[act](vault)
    assert refusal.value.code == code


def test_a_signing_key_that_was_lost_is_a_store_that_is_away(
    refusing: Refusing, vault: KeyStore
) -> None:
    refusing.answer = (400, ["signing key not found"])
    with pytest.raises(Unavailable) as refusal:
        ACTS["sign"](vault)
    assert refusal.value.code == "key_store"
